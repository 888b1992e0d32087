//! The rules: which names of properties hold secrets.
//!
//! A small set, and each rule has its test. This room knows names. It must never know where they were found.

/// What is done with the value of a property, by the property's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
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

/// How all of these words end. Most names end otherwise, and there are a hundred of them in a resource.
const ENDS: &[&[u8; 2]] =
    &[b"rd", b"wd", b"se", b"et", b"ng", b"ry", b"ue", b"ey", b"en", b"ta", b"al", b"nt", b"es", b"rs", b"id"];
/// As much of a name as is looked at, from its end: longer than any of the words.
const LOOKED_AT: usize = 64;

impl Rule {
    /// The rule for a property of this name.
    pub(crate) fn of(key: &str) -> Self {
        let mut letters =
            key.bytes().rev().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase()).take(LOOKED_AT);
        let (Some(last), Some(before)) = (letters.next(), letters.next()) else { return Self::Look };
        if !ENDS.contains(&&[before, last]) {
            return Self::Look;
        }
        let mut all = [0; LOOKED_AT];
        let mut start = LOOKED_AT;
        for byte in [last, before].into_iter().chain(letters) {
            start -= 1;
            all[start] = byte;
        }
        let name = &all[start..];
        let is = |word: &&str| word.as_bytes() == name;
        if PUBLIC.iter().any(is) {
            Self::Keep
        } else if VARIABLES.iter().any(is) {
            Self::Variables
        } else if SECRET.iter().any(|end| name.ends_with(end.as_bytes())) {
            Self::Hide
        } else {
            Self::Look
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortcuts_leave_out_nothing() {
        let all = [(SECRET, Rule::Hide), (VARIABLES, Rule::Variables), (PUBLIC, Rule::Keep)];
        for (word, rule) in all.into_iter().flat_map(|(words, rule)| words.iter().map(move |word| (*word, rule))) {
            assert!(word.len() < LOOKED_AT && word.as_bytes().last_chunk::<2>().is_some_and(|end| ENDS.contains(&end)));
            assert_eq!((Rule::of(word), Rule::of(&word.to_uppercase())), (rule, rule), "{word}");
        }
        for word in SECRET {
            assert_eq!(Rule::of(&format!("{}_{}", "x".repeat(100), word.to_uppercase())), Rule::Hide, "{word}");
        }
        assert_eq!((Rule::of(""), Rule::of("d"), Rule::of("é")), (Rule::Look, Rule::Look, Rule::Look));
    }
}
