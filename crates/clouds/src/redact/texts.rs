//! Which texts are secrets wherever they stand.
//!
//! A small set, and each rule has its test. This room knows texts. It must never know where they were found.

/// Prefixes of tokens that say what they are, and how many characters follow at least.
const TOKENS: &[(&str, usize)] = &[
    ("AKIA", 16),
    ("ASIA", 16),
    ("ghp_", 36),
    ("gho_", 36),
    ("ghs_", 36),
    ("ghu_", 36),
    ("github_pat_", 22),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("sk-ant-", 20),
    ("sk-proj-", 20),
    ("AIza", 35),
    ("npm_", 36),
    ("pypi-", 40),
    ("hf_", 30),
    ("SG.", 40),
    ("dop_v1_", 40),
    ("pul-", 40),
];

/// The shortest of them.
const SHORTEST_TOKEN: usize = 20;
/// With what they begin.
const FIRSTS: &[u8] = b"AgxsrnphSd";

/// What a secret access key is made of.
const KEY: u8 = 1;
/// Letters and digits.
const LETTER: u8 = 2;
/// With what something begins that is looked for.
const FIRST: u8 = 4;

/// What each byte is.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() {
            classes[byte as usize] = KEY | LETTER;
        }
        byte += 1;
    }
    classes[b'/' as usize] = KEY;
    classes[b'+' as usize] = KEY;
    let mut first = 0;
    while first < FIRSTS.len() {
        classes[FIRSTS[first] as usize] |= FIRST;
        first += 1;
    }
    classes[b'e' as usize] |= FIRST;
    classes[b':' as usize] |= FIRST;
    classes[b'-' as usize] |= FIRST;
    classes
};

/// Whether a text must be looked at closely: one pass that says no to nearly all of them.
fn may_hold_something(text: &[u8]) -> bool {
    // The shortest thing to look for is a password in an address.
    if text.len() < 12 {
        return false;
    }
    let (mut run, mut before) = (0_usize, 0);
    for (at, byte) in text.iter().enumerate() {
        let class = CLASSES[usize::from(*byte)];
        run = if class & KEY == 0 { 0 } else { run + 1 };
        if run >= 40 || (class & FIRST != 0 && begins(&text[at..], before & LETTER != 0)) {
            return true;
        }
        before = class;
    }
    false
}

/// Whether something that is looked for may begin here, within a word or not.
fn begins(rest: &[u8], within: bool) -> bool {
    match rest {
        [b'e', b'y', b'J', ..] => true,
        [b':', b'/', b'/', ..] => rest.contains(&b'@'),
        [b'-', ..] => rest.starts_with(b"-----BEGIN "),
        [first, second, ..] => {
            !within
                && begins_a_token(*first, *second)
                && TOKENS.iter().any(|(prefix, _)| rest.starts_with(prefix.as_bytes()))
        }
        _ => false,
    }
}

/// Whether one of [`TOKENS`] begins so.
const fn begins_a_token(first: u8, second: u8) -> bool {
    matches!(
        (first, second),
        (b'A', b'K' | b'S' | b'I')
            | (b'g', b'h' | b'i' | b'l')
            | (b'x', b'o')
            | (b's' | b'r', b'k')
            | (b'n' | b'h', b'p' | b'f')
            | (b'p', b'y' | b'u')
            | (b'S', b'G')
            | (b'd', b'o')
    )
}

/// The text with everything that looks like a key replaced; `None` if there is nothing.
pub(super) fn clean(text: &str, hide: impl Fn(&str) -> String) -> Option<String> {
    if !may_hold_something(text.as_bytes()) {
        return None;
    }
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY") {
        return Some(hide(text));
    }
    let mut out: Option<String> = None;
    let mut done = 0;
    for (start, end) in words(text) {
        if let Some((from, to)) = secret_in(&text[start..end]) {
            let out = out.get_or_insert_default();
            out.push_str(&text[done..start + from]);
            out.push_str(&hide(&text[start + from..start + to]));
            done = start + to;
        }
    }
    out.map(|mut out| {
        out.push_str(&text[done..]);
        out
    })
}

/// Stretches without white space, quotes and the like, long enough to be something.
fn words(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let breaks = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '<' | '>' | '(' | ')' | '{' | '}' | '\\' | '`')
    };
    let mut start = 0;
    text.split(breaks).filter_map(move |word| {
        let from = start;
        start += word.len();
        // One character separates, whatever its length.
        start += text[start..].chars().next().map_or(0, char::len_utf8);
        (word.len() >= 12).then_some((from, from + word.len()))
    })
}

/// Where in a word a secret is.
fn secret_in(word: &str) -> Option<(usize, usize)> {
    if let Some(found) = password_in_url(word) {
        return Some(found);
    }
    if let Some(found) = token_in(word) {
        return Some(found);
    }
    if let Some(at) = word.find("eyJ")
        && let run =
            word[at..].bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')).count()
        && is_jwt(&word[at..at + run])
    {
        return Some((at, at + run));
    }
    if word.len() < 40 {
        return None;
    }
    let from = word.rfind(['=', ':']).filter(|at| word.len() - at == 41).map_or(0, |at| at + 1);
    is_secret_access_key(&word[from..]).then_some((from, word.len()))
}

/// A token that begins a word, or stands after something that is neither letter nor digit.
fn token_in(word: &str) -> Option<(usize, usize)> {
    let bytes = word.as_bytes();
    let last = bytes.len().checked_sub(SHORTEST_TOKEN)?;
    for at in 0..=last {
        if (at > 0 && bytes[at - 1].is_ascii_alphanumeric()) || !FIRSTS.contains(&bytes[at]) {
            continue;
        }
        for (prefix, least) in TOKENS.iter().filter(|(prefix, _)| bytes[at..].starts_with(prefix.as_bytes())) {
            let rest = &bytes[at + prefix.len()..];
            let run = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')).count();
            if run >= *least {
                return Some((at, at + prefix.len() + run));
            }
        }
    }
    None
}

/// `scheme://user:password@host`
fn password_in_url(word: &str) -> Option<(usize, usize)> {
    let authority = word.find("://")? + 3;
    let end = word[authority..].find(['/', '?', '#']).map_or(word.len(), |at| authority + at);
    let at = word[authority..end].rfind('@')? + authority;
    let colon = word[authority..at].find(':')? + authority;
    (colon + 1 < at).then_some((colon + 1, at))
}

fn is_jwt(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 3 && parts[1].starts_with("eyJ") && parts.iter().all(|p| p.len() >= 10)
}

/// Forty characters of base64 with capitals, small letters and digits, and varied: what AWS makes as secret access keys. Not hexadecimal.
fn is_secret_access_key(text: &str) -> bool {
    let bytes = text.as_bytes();
    let of = |class: fn(&u8) -> bool| bytes.iter().filter(|b| class(b)).count();
    if bytes.len() != 40 || !bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'+')) {
        return false;
    }
    let distinct = (0..=u8::MAX).filter(|b| bytes.contains(b)).count();
    of(u8::is_ascii_uppercase) >= 5 && of(u8::is_ascii_lowercase) >= 5 && of(u8::is_ascii_digit) >= 2 && distinct >= 20
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it was before there was a first pass.
    fn thorough(text: &str) -> bool {
        (text.contains("-----BEGIN ") && text.contains("PRIVATE KEY"))
            || words(text).any(|(start, end)| secret_in(&text[start..end]).is_some())
    }

    #[test]
    fn shortcuts_leave_out_nothing() {
        for (prefix, least) in TOKENS {
            let bytes = prefix.as_bytes();
            assert!(prefix.len() + least >= SHORTEST_TOKEN && FIRSTS.contains(&bytes[0]), "{prefix}");
            assert!(begins_a_token(bytes[0], bytes[1]), "{prefix}");
        }
        let mut held = 0;
        let parts = [
            "postgres://app:hunter2@db/x",
            "http://host/a",
            "ghp_",
            "AKIA",
            "x",
            "-",
            " ",
            "=",
            ":",
            "/",
            "ü",
            "abcDEF0123456789",
            "0aA/+bcdefghijklmnopqrstuvwxyzXYZ1234567",
            "eyJhbGciOiJIUzI1",
            "eyJ",
            ".",
            "-----BEGIN ",
            "PRIVATE KEY",
            "\"",
        ];
        let mut seed = 7_u64;
        for _ in 0..200_000 {
            let mut text = String::new();
            for _ in 0..6 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(parts[usize::try_from(seed >> 33).unwrap_or(0) % parts.len()]);
            }
            let wanted = thorough(&text);
            held += u32::from(wanted);
            assert_eq!(clean(&text, |_| String::new()).is_some(), wanted, "{text}");
        }
        assert!(held > 1000, "{held}");
    }
}
