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
}
