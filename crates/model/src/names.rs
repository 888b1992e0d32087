//! Which names people and things may have.

use crate::{Error, Result};

/// Longest login or organisation name, in characters (CLI, `apitype/stacks.go`: 40).
pub const MAX_OWNER: usize = 40;

/// Checks a login or an organisation name: 3–40 characters of `A-Za-z0-9-_` that begin and end with a letter or
/// digit (the CLI's owner rule), so that every client can address it in a path.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`], saying what is allowed.
pub fn check_owner(what: &str, name: &str) -> Result<()> {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let ok = (3..=MAX_OWNER).contains(&name.len())
        && name.chars().all(inner)
        && edge(name.chars().next())
        && edge(name.chars().next_back());
    if ok {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{what} must have 3 to {MAX_OWNER} letters, digits, '-' or '_' and begin and end with a letter or digit"
    )))
}

/// Checks a free text: at most `max` characters and no control characters but line feed and tab.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`], saying what is allowed.
pub fn check_text(what: &str, text: &str, max: usize) -> Result<()> {
    if text.chars().count() > max {
        return Err(Error::invalid(format!("{what} is too long: at most {max} characters")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t') {
        return Err(Error::invalid(format!("{what} must not contain control characters")));
    }
    Ok(())
}

/// Checks a name that people choose freely: 1 to `max` characters, none of them a control character.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`], saying what is allowed.
pub fn check_line(what: &str, text: &str, max: usize) -> Result<()> {
    if text.is_empty() {
        return Err(Error::invalid(format!("{what} must not be empty")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(format!("{what} must not contain control characters")));
    }
    check_text(what, text, max)
}

/// Longest name of an Insights account, in characters; a child's place comes on top.
pub const MAX_ACCOUNT: usize = 100;

/// The name of an Insights account, as clients put it into paths: double-encoded (the CLI), single-encoded (the documented
/// examples) or not encoded at all (the provider). `once` has been percent-decoded once already, as every parameter of a
/// path is; it is decoded once more if that is possible. Names that are allowed ([`check_account`]) never change by it.
///
/// This is the only decoder of such names: what is authorised, stored and recorded is its result.
pub fn decode_account(once: &str) -> String {
    percent_decoded(once).unwrap_or_else(|| once.to_owned())
}

/// `type::id` of a discovered resource, as clients put it into paths. As [`decode_account`].
pub fn decode_resource(once: &str) -> String {
    decode_account(once)
}

/// The account that people made: `aws` of `aws/us-east-1`. Children have no permissions, tags or schedules of their own, so
/// that it is this name on which every permission is checked.
pub fn account_root(name: &str) -> &str {
    name.split_once('/').map_or(name, |(root, _)| root)
}

/// Checks the name of a new account: 1 to [`MAX_ACCOUNT`] characters, none of them `/` (that is for children) or a control
/// character, no blank at either end, and none that percent-decoding would change, since no client could address it.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`], saying what is allowed.
pub fn check_account(name: &str) -> Result<()> {
    let wrong = |why: String| Err(Error::invalid(format!("invalid account name: it must {why}")));
    if name.is_empty() || name.chars().count() > MAX_ACCOUNT {
        return wrong(format!("have 1 to {MAX_ACCOUNT} characters"));
    }
    if name.contains('/') {
        return wrong("not contain '/', which separates an account from its children".into());
    }
    if name.chars().any(char::is_control) {
        return wrong("not contain control characters".into());
    }
    if name.trim() != name || matches!(name, "." | "..") {
        return wrong("not begin or end with a blank, nor be \".\" or \"..\"".into());
    }
    if percent_decoded(name).is_some_and(|decoded| decoded != name) {
        return wrong("not change when it is percent-decoded".into());
    }
    Ok(())
}

/// Percent-decoded; `None` where a `%` is not followed by two hexadecimal digits, or the result is not UTF-8 or contains
/// U+0000.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (high, low) = (hex(rest.next()?)?, hex(rest.next()?)?);
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners() {
        for good in ["abc", "a-b", "A_9", "pulumi", &"x".repeat(40)] {
            assert!(check_owner("login", good).is_ok(), "{good}");
        }
        for bad in ["", "ab", "-ab", "ab-", "a b", "a/b", "ä12", "a\nb", &"x".repeat(41)] {
            assert!(check_owner("login", bad).is_err(), "{bad}");
        }
    }

    /// As the router does: one strict pass.
    fn router(raw: &str) -> String {
        percent_decoded(raw).unwrap_or_default()
    }

    #[test]
    fn accounts_in_every_encoding() {
        let table = [
            // raw in the path, the account
            ("prod", "prod"),
            ("FizzBuzz%20AWS%20Staging", "FizzBuzz AWS Staging"),
            ("FizzBuzz%2520AWS%2520Staging", "FizzBuzz AWS Staging"),
            ("aws%252Fus-east-1", "aws/us-east-1"),
            ("aws%2Fus-east-1", "aws/us-east-1"),
            ("aws%2fglobal", "aws/global"),
            ("a+b", "a+b"),
            ("a%2Bb", "a+b"),
            ("a%252Bb", "a+b"),
            ("100%25", "100%"),
            ("100%2525", "100%"),
            ("100%25%20sure", "100% sure"),
            ("100%2525%2520sure", "100% sure"),
            ("5%25%20of%20it", "5% of it"),
            ("K%C3%BCche", "Küche"),
            ("K%25C3%25BCche", "Küche"),
            ("%E4%BA%91", "云"),
            ("%25E4%25BA%2591", "云"),
            ("a:b@c", "a:b@c"),
            ("a%253Fb%2523c", "a?b#c"),
            // The second pass would not be UTF-8, or hold U+0000: it is not made.
            ("a%25ff", "a%ff"),
            ("a%2500", "a%00"),
        ];
        for (raw, name) in table {
            assert_eq!(decode_account(&router(raw)), name, "{raw}");
            assert_eq!(decode_account(name), name, "{name}");
        }
        assert_eq!(decode_resource(&router("aws:s3%252Fbucket:Bucket::my-bucket")), "aws:s3/bucket:Bucket::my-bucket");
    }

    #[test]
    fn roots() {
        for (name, root) in [("aws", "aws"), ("aws/us-east-1", "aws"), ("a b/global", "a b"), ("a/b/c", "a")] {
            assert_eq!(account_root(name), root);
        }
    }

    #[test]
    fn new_accounts() {
        for good in ["a", "FizzBuzz AWS Staging", "100%", "100% sure", "a+b", "Küche", "云", "a%zz", &"x".repeat(100)]
        {
            assert!(check_account(good).is_ok(), "{good}");
        }
        for bad in ["", "a/b", "a%20b", "a%2Fb", "%41", "a\nb", "a\u{7f}", " a", "a ", ".", "..", &"x".repeat(101)] {
            let error = check_account(bad).map_err(|e| e.message().to_owned());
            assert!(error.is_err_and(|m| m.starts_with("invalid account name: ")), "{bad}");
        }
    }
}
