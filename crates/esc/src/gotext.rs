//! Texts as Go's standard library writes them, which callers see in results and messages.
//!
//! This room knows quoting, floats and base64's complaints. It must never know environments.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

/// Bits behind the last whole byte are not looked at.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// A string in double quotes (`strconv.Quote`).
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            ' '..='~' => out.push(c),
            c if (c as u32) < 0x80 => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if is_print(c) => out.push(c),
            c if (c as u32) < 0x10000 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push_str(&format!("\\U{:08x}", c as u32)),
        }
    }
    out.push('"');
    out
}

/// Whether a character outside ASCII is printable: a letter, mark, number, punctuation or symbol.
#[must_use]
pub fn is_print(c: char) -> bool {
    if matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}') {
        return true;
    }
    // The standard library escapes the other categories, and variation selectors; combining marks only at the start.
    let mut text = String::from("a");
    text.push(c);
    !text.escape_debug().any(|c| c == '\\')
}

/// A float in its shortest form, with an exponent below 1e-4 and from 1e6 on (`FormatFloat(v, 'g', -1, 64)`).
#[must_use]
pub fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// Standard padded base64 to bytes. Line breaks are ignored.
///
/// # Errors
/// Go's text, which names the first bad input byte.
pub fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    let clean: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    LENIENT.decode(&clean).map_err(|_bad| format!("illegal base64 data at input byte {}", bad_base64(text.as_bytes())))
}

/// Bytes to standard padded base64.
#[must_use]
pub fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Where Go's decoder stops: the first byte that cannot stand there.
fn bad_base64(text: &[u8]) -> usize {
    let mut at = 0;
    let mut filled = 0;
    while at < text.len() {
        match text[at] {
            b'\r' | b'\n' => at += 1,
            b'=' => return bad_padding(text, at, filled),
            b if b.is_ascii_alphanumeric() || b == b'+' || b == b'/' => {
                filled = (filled + 1) % 4;
                at += 1;
            }
            _ => return at,
        }
    }
    // The text ends within a group: the group's first byte is named.
    at - filled
}

/// What is wrong from the padding on: too early, incomplete, or followed by more.
fn bad_padding(text: &[u8], at: usize, filled: usize) -> usize {
    if filled < 2 {
        return at;
    }
    let mut next = at + 1;
    let skip = |mut i: usize| {
        while matches!(text.get(i), Some(b'\r' | b'\n')) {
            i += 1;
        }
        i
    };
    if filled == 2 {
        next = skip(next);
        if next == text.len() {
            return text.len();
        }
        if text[next] != b'=' {
            return next - 1;
        }
        next += 1;
    }
    skip(next)
}

/// Text of bytes: each byte that is not UTF-8 becomes a replacement character of its own.
#[must_use]
pub fn lossy(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_the_shortest_form() {
        for (value, text) in [
            (1_000_000.0, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (100_000.0, "100000"),
            (0.000_01, "1e-05"),
            (0.0001, "0.0001"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(float(value), text);
        }
    }

    #[test]
    fn quotes_are_those_of_go() {
        assert_eq!(quote("a\"\\\n\u{1}\u{7f}\u{a0}é\u{200b}😀"), "\"a\\\"\\\\\\n\\x01\\x7f\\u00a0é\\u200b😀\"");
    }

    #[test]
    fn base64_names_the_byte_it_stops_at() {
        let wrong = |text: &str| decode_base64(text).err().and_then(|e| e.rsplit(' ').next().map(str::to_owned));
        assert_eq!(wrong("###").as_deref(), Some("0"));
        assert_eq!(wrong("aGVsbA=x").as_deref(), Some("6"));
        assert_eq!(wrong("aGVsbA==x").as_deref(), Some("8"));
        assert_eq!(wrong("aGVsbG8").as_deref(), Some("4"));
        assert_eq!(decode_base64("aG\nVsbG8=").as_deref(), Ok(&b"hello"[..]));
    }
}
