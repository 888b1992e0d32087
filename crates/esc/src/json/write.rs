//! JSON out: compact, keys in order, with the escapes that Go's encoder writes.

use super::Json;

/// The text would be longer than was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl Json {
    /// Appends the compact text.
    pub fn write(&self, out: &mut String) {
        // Without a bound nothing can be too long.
        let _unbounded = self.write_within(out, usize::MAX);
    }

    /// Appends the compact text as long as `out` stays within `limit` bytes.
    ///
    /// # Errors
    /// The text is longer; `out` then holds a part of it.
    pub fn write_within(&self, out: &mut String, limit: usize) -> Result<(), TooLong> {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(text) if is_number(text) => out.push_str(text),
            // Infinities and not-a-number, which YAML can say and JSON cannot.
            Self::Number(_) => out.push_str("null"),
            Self::String(text) => quote(text, out),
            Self::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write_within(out, limit)?;
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (i, (key, value)) in fields.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    quote(key, out);
                    out.push(':');
                    value.write_within(out, limit)?;
                }
                out.push('}');
            }
        }
        if out.len() > limit { Err(TooLong) } else { Ok(()) }
    }

    /// The text of the first number within that JSON cannot say.
    #[must_use]
    pub fn unwritable(&self) -> Option<&str> {
        match self {
            Self::Number(text) if !is_number(text) => Some(text),
            Self::Array(items) => items.iter().find_map(Self::unwritable),
            Self::Object(fields) => fields.values().find_map(Self::unwritable),
            _ => None,
        }
    }
}

/// The bytes that may begin what is not written as it is. Of the last one few do: U+2028 and U+2029.
const ODD: [bool; 256] = {
    let mut odd = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        odd[control] = true;
        control += 1;
    }
    odd[b'"' as usize] = true;
    odd[b'\\' as usize] = true;
    odd[b'<' as usize] = true;
    odd[b'>' as usize] = true;
    odd[b'&' as usize] = true;
    odd[SEPARATOR as usize] = true;
    odd
};
/// The first byte of U+2028, U+2029 and of others.
const SEPARATOR: u8 = 0xe2;

/// Appends a string in quotes.
pub fn quote(text: &str, out: &mut String) {
    out.push('"');
    let bytes = text.as_bytes();
    let (mut plain, mut from) = (0, 0);
    while let Some(found) = bytes[from..].iter().position(|byte| ODD[usize::from(*byte)]) {
        let at = from + found;
        from = at + 1;
        let escape = match bytes[at] {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x8 => "\\b",
            0xc => "\\f",
            b'<' => "\\u003c",
            b'>' => "\\u003e",
            b'&' => "\\u0026",
            SEPARATOR => match bytes.get(at..at + 3) {
                Some([_, 0x80, 0xa8]) => "\\u2028",
                Some([_, 0x80, 0xa9]) => "\\u2029",
                _ => continue,
            },
            _ => "",
        };
        out.push_str(&text[plain..at]);
        if escape.is_empty() {
            out.push_str(&format!("\\u{:04x}", bytes[at]));
        } else {
            out.push_str(escape);
        }
        from = at + if bytes[at] == SEPARATOR { 3 } else { 1 };
        plain = from;
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// Whether JSON allows this text as a number.
fn is_number(text: &str) -> bool {
    let rest = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let mut at = digits(rest, 0);
    if at == 0 || (at > 1 && rest[0] == b'0') {
        return false;
    }
    if rest.get(at) == Some(&b'.') {
        let end = digits(rest, at + 1);
        if end == at + 1 {
            return false;
        }
        at = end;
    }
    if matches!(rest.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(rest.get(at + 1), Some(b'+' | b'-')));
        let end = digits(rest, at + 1 + sign);
        if end == at + 1 + sign {
            return false;
        }
        at = end;
    }
    at == rest.len()
}

fn digits(text: &[u8], from: usize) -> usize {
    from + text[from.min(text.len())..].iter().take_while(|b| b.is_ascii_digit()).count()
}

/// Writes an object field by field, without a tree in between.
pub struct Fields<'o> {
    out: &'o mut String,
    first: bool,
}

impl<'o> Fields<'o> {
    /// Begins an object.
    pub fn begin(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    /// Begins a field; its value is written to what is returned.
    pub fn field(&mut self, name: &str) -> &mut String {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        quote(name, self.out);
        self.out.push(':');
        self.out
    }

    /// Ends the object.
    pub fn end(self) {
        self.out.push('}');
    }
}

/// Writes an array, element by element.
pub fn write_list<T>(out: &mut String, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut String, T)) {
    out.push('[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}
