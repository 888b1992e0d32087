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

/// The rule for a property of this name.
pub(super) fn of_key(key: &str) -> Rule {
    let name: String = key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    if PUBLIC.contains(&name.as_str()) {
        Rule::Keep
    } else if VARIABLES.contains(&name.as_str()) {
        Rule::Variables
    } else if SECRET.iter().any(|end| name.ends_with(end)) {
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

/// The text with everything that looks like a key replaced; `None` if there is nothing.
pub(super) fn clean(text: &str, hide: impl Fn(&str) -> String) -> Option<String> {
    // Nearly all texts are short and hold nothing: the shortest thing to look for is a password in an address.
    if text.len() < 12 {
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
    for (prefix, least) in TOKENS {
        if let Some(at) = word.find(prefix) {
            let boundary = word[..at].chars().next_back().is_none_or(|c| !c.is_ascii_alphanumeric());
            let rest = &word[at + prefix.len()..];
            let run = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')).count();
            if boundary && run >= *least {
                return Some((at, at + prefix.len() + run));
            }
        }
    }
    if let Some(at) = word.find("eyJ")
        && let run =
            word[at..].bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')).count()
        && is_jwt(&word[at..at + run])
    {
        return Some((at, at + run));
    }
    let from = word.rfind(['=', ':']).filter(|at| word.len() - at == 41).map_or(0, |at| at + 1);
    is_secret_access_key(&word[from..]).then_some((from, word.len()))
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
