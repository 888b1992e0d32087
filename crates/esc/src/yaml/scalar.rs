//! Which scalar is a null, a boolean, a number or a string.

use crate::gotext;

/// What a plain scalar stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// A date or time; the language keeps its text.
    Timestamp,
    /// Anything else.
    String,
}

impl Resolved {
    /// The short tag of the kind.
    pub(super) fn tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Integer(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Timestamp => "!!timestamp",
            Self::String => "!!str",
        }
    }

    /// The canonical text of a number.
    pub(crate) fn number(&self) -> Option<String> {
        match self {
            Self::Integer(value) => Some(value.to_string()),
            Self::Float(value) => Some(gotext::float(*value)),
            _ => None,
        }
    }
}

/// What a plain scalar stands for.
#[must_use]
pub fn resolve(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "true" | "True" | "TRUE" => return Resolved::Bool(true),
        "false" | "False" | "FALSE" => return Resolved::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.as_bytes()[0] {
        b'.' => float(text, true).map_or(Resolved::String, Resolved::Float),
        b'0'..=b'9' | b'+' | b'-' if is_timestamp(text) => Resolved::Timestamp,
        b'0'..=b'9' | b'+' | b'-' => number(text),
        _ => Resolved::String,
    }
}

/// A text that begins with a digit or sign.
fn number(text: &str) -> Resolved {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    if let Some(value) = integer(&plain) {
        return Resolved::Integer(value);
    }
    float(&plain, false).map_or(Resolved::String, Resolved::Float)
}

/// A whole number of 64 bits, with or without sign, in any of the notations that Go's base 0 takes.
fn integer(text: &str) -> Option<i128> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(hex) = lower.strip_prefix("0x") {
        (16, hex)
    } else if let Some(octal) = lower.strip_prefix("0o") {
        (8, octal)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        (2, binary)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, &*lower)
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -value } else { value };
    let most = if signed { i128::from(i64::MAX) } else { i128::from(u64::MAX) };
    (value >= i128::from(i64::MIN) && value <= most).then_some(value)
}

/// A decimal float that is finite. With a leading dot the text must follow it; elsewhere digits must come first.
fn float(text: &str, leading_dot: bool) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    if leading_dot && !whole.is_empty() {
        return None;
    }
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !all_digits(digits) {
            return None;
        }
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// `2001-01-01`, or a date with a time (`T`, `t` or spaces between, with or without zone).
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let year = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    if year != 4 || bytes.get(4) != Some(&b'-') {
        return false;
    }
    let mut parts = text[5..].splitn(2, '-');
    let (Some(month), Some(rest)) = (parts.next(), parts.next()) else { return false };
    let day_end = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = |t: &str| t.parse::<u32>().unwrap_or(99);
    let (day, rest) = rest.split_at(day_end);
    let in_range = matches!(month.len(), 1 | 2)
        && matches!(day.len(), 1 | 2)
        && (1..=12).contains(&number(month))
        && (1..=31).contains(&number(day));
    if !in_range || !text.is_ascii() {
        return false;
    }
    rest.is_empty() || is_time(rest)
}

/// What may follow a date.
fn is_time(text: &str) -> bool {
    let Some(time) = text.strip_prefix(['T', 't', ' ']) else { return false };
    let clock = time.split(['Z', '+', '-', ' ', '.']).next().unwrap_or("");
    let fields: Vec<&str> = clock.split(':').collect();
    fields.len() == 3 && fields.iter().all(|f| matches!(f.len(), 1 | 2) && f.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_what_the_go_library_takes_them_for() {
        let number = |text: &str| resolve(text).number();
        for (text, expected) in [
            ("0x1F", "31"),
            ("017", "15"),
            ("0o17", "15"),
            ("-0b101", "-5"),
            ("08", "8"),
            ("1_000", "1000"),
            ("+5", "5"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("5.", "5"),
            ("1e3", "1000"),
            ("-0.0", "-0"),
        ] {
            assert_eq!(number(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["yes", "1:30", "1e400", "_1", "0x", "1.2.3", ".", "+", "2001-01-01", "<<", "nULL"] {
            assert_eq!(number(text), None, "{text}");
            assert_ne!(resolve(text), Resolved::Null, "{text}");
        }
    }
}
