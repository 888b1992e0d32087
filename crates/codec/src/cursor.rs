//! Where the next page begins: continuation tokens of the audit log, and opaque ones for lists by name.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pileus_model::{Error, Result, Timestamp};

/// Added to a position, so that no position looks like a time of today.
const OFFSET: i64 = 1_000_000_000_000;
/// The bare times that are accepted, in seconds: all of ten digits, from September 2001 to November 2286.
const TIMES: std::ops::RangeInclusive<i64> = 1_000_000_000..=9_999_999_999;
/// How many characters of a bad token are repeated in a message.
const SHOWN: usize = 40;

/// Where a page of the audit log begins. Written as a decimal number that fits an i64, since one known client reads it as
/// one (`audit.md` §1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// With the newest event before this position: what our own tokens say, exactly.
    Before(i64),
    /// With the newest event older than this time: what the tokens of the original's first version say.
    OlderThan(Timestamp),
}

impl Cursor {
    /// The token for the page after the one whose last (oldest) event has this position. Positions begin with 1.
    pub fn after(position: i64) -> String {
        position.saturating_add(OFFSET).to_string()
    }

    /// Reads a token.
    ///
    /// # Errors
    /// `Invalid`, saying what is wrong with it.
    pub fn parse(token: &str) -> Result<Self> {
        let fail = |why: &str| {
            let shown: String = token.chars().take(SHOWN).collect();
            let dots = if token.chars().count() > SHOWN { "…" } else { "" };
            Err(Error::invalid(format!("continuationToken {shown:?}{dots} {why}")))
        };
        if token.is_empty() {
            return Err(Error::invalid("continuationToken is empty: leave it out for the first page"));
        }
        if token.starts_with('-') {
            return fail("is negative");
        }
        if !token.bytes().all(|byte| byte.is_ascii_digit()) {
            return fail("must have decimal digits only");
        }
        if token.starts_with('0') {
            return fail("must not begin with 0");
        }
        let Ok(number) = token.parse::<i64>() else {
            return fail("is too large: it does not fit 63 bits");
        };
        if TIMES.contains(&number)
            && let Some(time) = Timestamp::from_seconds(number)
        {
            return Ok(Self::OlderThan(time));
        }
        if number > OFFSET {
            return Ok(Self::Before(number - OFFSET));
        }
        fail("is neither a position that an earlier page ended with nor a time in seconds (10 digits)")
    }
}

/// How long a key in a [`NameCursor`] may be, in bytes.
const MAX_KEY: usize = 1024;

/// Where a page of a list by name begins: after this key. Opaque to clients: base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameCursor(String);

impl NameCursor {
    /// The token for the page after the one whose last entry has this key.
    pub fn after(key: &str) -> String {
        URL_SAFE_NO_PAD.encode(key)
    }

    /// Reads a token.
    ///
    /// # Errors
    /// `Invalid`, saying what is wrong with it.
    pub fn parse(token: &str) -> Result<Self> {
        let fail = |why: &str| Err(Error::invalid(format!("continuationToken {why}")));
        if token.is_empty() {
            return fail("is empty: leave it out for the first page");
        }
        if token.len() > MAX_KEY.div_ceil(3) * 4 {
            return fail("is too long to be one that an earlier page ended with");
        }
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else {
            return fail("is not one that an earlier page ended with: it is not base64url");
        };
        match String::from_utf8(bytes) {
            Ok(key) if !key.contains('\0') => Ok(Self(key)),
            _ => fail("is not one that an earlier page ended with: it holds no text"),
        }
    }

    /// The key of the last entry of the page before.
    pub fn key(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pileus_model::ErrorKind;
    use proptest::prelude::*;

    #[test]
    fn bare_times_are_older_than() -> Result<()> {
        for (token, seconds) in
            [("1615413365", 1_615_413_365), ("1000000000", 1_000_000_000), ("9999999999", 9_999_999_999)]
        {
            let time = Timestamp::from_micros(seconds * 1_000_000);
            assert_eq!(Cursor::parse(token)?, Cursor::OlderThan(time));
        }
        Ok(())
    }

    #[test]
    fn positions() -> Result<()> {
        assert_eq!(Cursor::after(1), "1000000000001");
        assert_eq!(Cursor::parse("1000000000001")?, Cursor::Before(1));
        assert_eq!(Cursor::parse(&i64::MAX.to_string())?, Cursor::Before(i64::MAX - OFFSET));
        Ok(())
    }

    #[test]
    fn bad_tokens_say_why() {
        for (token, why) in [
            ("", "is empty"),
            ("-1615413365", "is negative"),
            ("eyJ0aW1lc3RhbXAiOjE3NTYzOTk5MDB9", "decimal digits only"),
            ("+1615413365", "decimal digits only"),
            (" 1615413365", "decimal digits only"),
            ("1615413365.0", "decimal digits only"),
            ("١٦١٥٤١٣٣٦٥", "decimal digits only"),
            ("01615413365", "must not begin with 0"),
            ("0", "must not begin with 0"),
            ("9223372036854775808", "does not fit 63 bits"),
            ("99999999999999999999999999", "does not fit 63 bits"),
            ("1", "neither a position"),
            ("999999999", "neither a position"),
            ("10000000000", "neither a position"),
            ("1000000000000", "neither a position"),
        ] {
            let error = Cursor::parse(token).err();
            assert_eq!(error.as_ref().map(Error::kind), Some(ErrorKind::Invalid), "{token}");
            assert!(
                error.is_some_and(|e| e.message().starts_with("continuationToken ") && e.message().contains(why)),
                "{token}"
            );
        }
        let long = "x".repeat(1000);
        assert!(Cursor::parse(&long).is_err_and(|e| e.message().len() < 120));
    }

    #[test]
    fn bad_name_tokens_say_why() {
        for (token, why) in [
            ("", "is empty"),
            ("a b", "not base64url"),
            ("YQ==", "not base64url"),
            ("YR", "not base64url"),
            ("_w", "holds no text"),
            ("AA", "holds no text"),
            (&"YWFh".repeat(400), "too long"),
        ] {
            let error = NameCursor::parse(token).err();
            assert!(error.is_some_and(|e| e.kind() == ErrorKind::Invalid && e.message().contains(why)), "{token}");
        }
    }

    proptest! {
        #[test]
        fn positions_come_back(position in 1..i64::MAX - OFFSET) {
            prop_assert_eq!(Cursor::parse(&Cursor::after(position)), Ok(Cursor::Before(position)));
        }
        #[test]
        fn names_come_back(key in "[^\\x00]{1,200}") {
            prop_assert_eq!(NameCursor::parse(&NameCursor::after(&key)).map(|c| c.key().to_owned()), Ok(key));
        }
        #[test]
        fn any_text_is_answered(token: String) {
            let _ = (Cursor::parse(&token), NameCursor::parse(&token));
        }
    }
}
