//! The rules: which names of properties hold secrets, and which texts are secrets wherever they stand.
//!
//! A small set, and each rule has its test. This room knows names and texts. It must never know where they were found.

/// What is done with the value of a property, by the property's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// It is a secret.
    Hide,
    /// It holds environment variables.
    Variables,
    /// It is looked at.
    Look,
    /// It looks like a secret and is none.
    Keep,
}

/// Names that end in one of these hold secrets …
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secretstring",
    "secretbinary",
    "secretvalue",
    "secretkey",
    "secretaccesskey",
    "sharedsecret",
    "clientsecret",
    "privatekey",
    "apikey",
    "apikeyvalue",
    "authtoken",
    "sessiontoken",
    "bearertoken",
    "oauthtoken",
    "securitytoken",
    "accesstokenvalue",
    "personalaccesstoken",
    "presharedkey",
    "connectionstring",
    "userdata",
    "keymaterial",
    "credential",
    "hmackey",
];
/// … and these hold variables that may be secrets.
const VARIABLES: &[&str] = &["environment", "environmentvariables", "envvars", "stagevariables"];
/// Names of keys that are public.
const PUBLIC: &[&str] = &["accesskeyid"];

/// How the words in [`SECRET`] end. Most names end otherwise, and there are a hundred of them in a resource.
const ENDS: &[&[u8; 2]] = &[b"rd", b"wd", b"se", b"et", b"ng", b"ry", b"ue", b"ey", b"en", b"ta", b"al"];
/// As much of a name as is looked at, from its end: longer than any of the words.
const LOOKED_AT: usize = 64;

/// The rule for a property of this name.
pub(super) fn of_key(key: &str) -> Rule {
    let mut all = [0; LOOKED_AT];
    let mut start = LOOKED_AT;
    for byte in key.bytes().rev().filter(u8::is_ascii_alphanumeric) {
        if start == 0 {
            break;
        }
        start -= 1;
        all[start] = byte.to_ascii_lowercase();
    }
    let name = &all[start..];
    let is = |word: &&str| word.as_bytes() == name;
    if PUBLIC.iter().any(is) {
        Rule::Keep
    } else if VARIABLES.iter().any(is) {
        Rule::Variables
    } else if name.last_chunk::<2>().is_some_and(|end| ENDS.contains(&end))
        && SECRET.iter().any(|end| name.ends_with(end.as_bytes()))
    {
        Rule::Hide
    } else {
        Rule::Look
    }
}

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

/// The text with everything that looks like a key replaced; `None` if there is nothing.
pub(super) fn clean(text: &str, hide: impl Fn(&str) -> String) -> Option<String> {
    // Nearly all texts are short and hold nothing: the shortest thing to look for is a password in an address, then a token.
    if text.len() < 12 || (text.len() < SHORTEST_TOKEN && !text.contains("://")) {
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

    #[test]
    fn shortcuts_leave_out_nothing() {
        for word in SECRET {
            assert!(word.len() < LOOKED_AT && word.as_bytes().last_chunk::<2>().is_some_and(|end| ENDS.contains(&end)));
            assert_eq!(of_key(word), Rule::Hide, "{word}");
            assert_eq!(of_key(&format!("{}_{}", "x".repeat(100), word.to_uppercase())), Rule::Hide, "{word}");
        }
        for (prefix, least) in TOKENS {
            assert!(prefix.len() + least >= SHORTEST_TOKEN && FIRSTS.contains(&prefix.as_bytes()[0]), "{prefix}");
        }
    }
}
