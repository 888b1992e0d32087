//! Text out of addresses and forms: percent-decoding, once and strictly.
//!
//! This room knows encodings. It must never know what the texts mean.

use percent_encoding::percent_decode;
use pileus_model::{Error, Result};

/// A path parameter or a form's text, percent-decoded once. `what` names it in the error.
///
/// # Errors
/// `Invalid` where a `%` is not followed by two hexadecimal digits, the bytes are not UTF-8, or one of them is U+0000.
pub fn decode(what: &str, raw: &[u8]) -> Result<String> {
    let broken = |problem: &str| Error::invalid(format!("{what} is not valid: {problem}"));
    let well_formed = raw.iter().enumerate().filter(|(_, b)| **b == b'%').all(|(i, _)| {
        raw.get(i + 1).is_some_and(u8::is_ascii_hexdigit) && raw.get(i + 2).is_some_and(u8::is_ascii_hexdigit)
    });
    if !well_formed {
        return Err(broken("'%' must be followed by two hexadecimal digits"));
    }
    let bytes: Vec<u8> = percent_decode(raw).collect();
    let text = String::from_utf8(bytes).map_err(|_| broken("it must be UTF-8"))?;
    if text.contains('\0') {
        return Err(broken("it must not contain the character U+0000"));
    }
    Ok(text)
}

/// The pairs of a query or of a form (`application/x-www-form-urlencoded`), in their order.
///
/// # Errors
/// As [`decode`].
pub fn pairs(what: &str, raw: &str) -> Result<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for part in raw.split('&').filter(|p| !p.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = decode(&format!("a name in the {what}"), name.replace('+', " ").as_bytes())?;
        let value = decode(&format!("\"{name}\" in the {what}"), value.replace('+', " ").as_bytes())?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn once_and_strictly() {
        assert_eq!(decode("x", b"a%2Fb").unwrap(), "a/b");
        assert_eq!(decode("x", b"a%252Fb").unwrap(), "a%2Fb");
        assert_eq!(decode("x", b"a+b").unwrap(), "a+b");
        assert_eq!(decode("x", "%C3%BC".as_bytes()).unwrap(), "ü");
        for bad in ["%", "%2", "%zz", "%%41", "%ff", "a%00"] {
            let error = decode("the path parameter \"t\"", bad.as_bytes()).unwrap_err();
            assert!(error.message().starts_with("the path parameter \"t\" is not valid: "), "{bad}");
        }
    }

    #[test]
    fn queries() {
        let pairs = pairs("query", "a=1&&b=x+y%2B&c&a=2").unwrap();
        let expected = [("a", "1"), ("b", "x y+"), ("c", ""), ("a", "2")];
        assert_eq!(pairs, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert!(super::pairs("query", "a=%").is_err());
    }
}
