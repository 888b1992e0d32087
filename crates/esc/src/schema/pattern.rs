//! Patterns: RE2's syntax, as Go reads it, to that of the library at hand.

use regex::{Regex, RegexBuilder};

/// The largest compiled pattern, in bytes.
const PATTERN_BYTES: usize = 1 << 20;

/// The most often that something may be repeated.
const REPEATS: u32 = 1000;

/// Compiles a pattern.
///
/// # Errors
/// What is wrong with it, in RE2's words where they are known.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern)?;
    let built = RegexBuilder::new(&translated).size_limit(PATTERN_BYTES).build();
    built.map_err(|error| explain(pattern, &error))
}

/// Classes are of ASCII in Go; there are no sets within sets; a brace that repeats nothing stands for itself.
fn translate(pattern: &str) -> Result<String, String> {
    let out = String::with_capacity(pattern.len() + 8);
    let mut reader = Reader { pattern, out, class: None, open: 0, last: None, operand: false };
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = match reader.repetition(c, rest)? {
            Some(rest) => rest,
            None => reader.other(c, rest)?,
        };
    }
    match reader.class {
        Some(class) => Err(wrong("missing closing ]", class)),
        None => Ok(reader.out),
    }
}

/// Where a translation is.
struct Reader<'p> {
    pattern: &'p str,
    out: String,
    /// The rest from where the class began that is open.
    class: Option<&'p str>,
    /// How many groups are open.
    open: usize,
    /// The rest from where the repetition began that came last.
    last: Option<&'p str>,
    /// Whether there is something to repeat.
    operand: bool,
}

impl<'p> Reader<'p> {
    /// What follows a repetition; none if there is none here.
    fn repetition(&mut self, c: char, rest: &'p str) -> Result<Option<&'p str>, String> {
        let length = match c {
            _ if self.class.is_some() => None,
            '*' | '+' | '?' => Some(1),
            '{' => repeat(rest)?,
            _ => None,
        };
        let Some(length) = length else { return Ok(None) };
        let length = length + usize::from(rest[length..].starts_with('?'));
        if let Some(last) = self.last {
            let both = &last[..last.len() - rest.len() + length];
            return Err(wrong("invalid nested repetition operator", both));
        }
        if !self.operand {
            return Err(wrong("missing argument to repetition operator", &rest[..length]));
        }
        self.out.push_str(&rest[..length]);
        self.last = Some(rest);
        Ok(Some(&rest[length..]))
    }

    /// Anything but a repetition; returns what follows.
    fn other(&mut self, c: char, rest: &'p str) -> Result<&'p str, String> {
        let tail = &rest[c.len_utf8()..];
        self.last = None;
        self.operand = self.class.is_some() || !matches!(c, '(' | '|');
        if c == '\\' {
            return escape(rest, self.class.is_some(), &mut self.out);
        }
        if self.class.is_some() {
            return self.within_class(c, rest);
        }
        match c {
            '[' => {
                self.class = Some(rest);
                return Ok(begin_class(tail, &mut self.out));
            }
            '(' => {
                group(tail)?;
                self.open += 1;
                // What a group begins with repeats nothing.
                if let Some(flags) = tail.strip_prefix('?') {
                    // Names may repeat, and nothing asks for them.
                    let named = flags.starts_with('<') || flags.starts_with("P<");
                    if let Some((_, inner)) = flags.split_once('>').filter(|_| named) {
                        self.out.push('(');
                        return Ok(inner);
                    }
                    self.out.push_str("(?");
                    return Ok(flags);
                }
            }
            ')' if self.open == 0 => return Err(wrong("unexpected )", self.pattern)),
            ')' => self.open -= 1,
            '{' => self.out.push('\\'),
            _ => {}
        }
        self.out.push(c);
        Ok(tail)
    }

    fn within_class(&mut self, c: char, rest: &'p str) -> Result<&'p str, String> {
        let tail = &rest[c.len_utf8()..];
        match c {
            '[' => return Ok(posix_class(rest, &mut self.out)),
            ']' => self.class = None,
            '&' | '~' => self.out.push('\\'),
            '-' if tail.starts_with('-') => {
                let before = &self.pattern[..self.pattern.len() - rest.len()];
                let from = before.char_indices().next_back().map_or(0, |(at, _)| at);
                let range = &self.pattern[from..before.len() + 2];
                return Err(wrong("invalid character class range", range));
            }
            _ => {}
        }
        self.out.push(c);
        Ok(tail)
    }
}

fn wrong(what: &str, part: &str) -> String {
    format!("error parsing regexp: {what}: `{part}`")
}

/// Whether a group begins as one may.
fn group(tail: &str) -> Result<(), String> {
    let Some(flags) = tail.strip_prefix('?') else { return Ok(()) };
    if flags.starts_with("P<") || flags.starts_with('<') {
        return Ok(());
    }
    match flags.char_indices().find(|(_, c)| !matches!(c, 'i' | 'm' | 's' | 'U' | '-')) {
        None | Some((_, ':' | ')')) => Ok(()),
        Some((at, c)) => {
            Err(wrong("invalid or unsupported Perl syntax", &format!("(?{}", &flags[..at + c.len_utf8()])))
        }
    }
}

/// A backslash and what follows; returns what follows that.
fn escape<'p>(rest: &'p str, class: bool, out: &mut String) -> Result<&'p str, String> {
    let mut chars = rest[1..].chars();
    let Some(c) = chars.next() else {
        return Err(wrong("trailing backslash at end of expression", ""));
    };
    let tail = chars.as_str();
    let ascii = match c {
        'd' | 'D' => "0-9",
        's' | 'S' => "\\t\\n\\f\\r ",
        'w' | 'W' => "0-9A-Za-z_",
        'b' if !class => {
            out.push_str("(?-u:\\b)");
            return Ok(tail);
        }
        'Q' if !class => {
            let (literal, tail) = tail.split_once("\\E").unwrap_or((tail, ""));
            out.push_str(&regex::escape(literal));
            return Ok(tail);
        }
        'p' | 'P' | 'x' if tail.starts_with('{') => {
            let end = tail.find('}').map_or(tail.len(), |at| at + 1);
            out.extend(['\\', c]);
            out.push_str(&tail[..end]);
            return Ok(&tail[end..]);
        }
        'A' | 'z' | 'B' if !class => {
            out.extend(['\\', c]);
            return Ok(tail);
        }
        'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'p' | 'P' | 'x' => {
            out.extend(['\\', c]);
            return Ok(tail);
        }
        '_' => {
            out.push('_');
            return Ok(tail);
        }
        c if c.is_ascii_punctuation() || c == ' ' => {
            out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
            return Ok(tail);
        }
        c => return Err(wrong("invalid escape sequence", &format!("\\{c}"))),
    };
    let negated = if c.is_ascii_uppercase() { "^" } else { "" };
    out.push_str(&format!("[{negated}{ascii}]"));
    Ok(tail)
}

/// The beginning of a class: a bracket that closes nothing yet stands for itself.
fn begin_class<'p>(tail: &'p str, out: &mut String) -> &'p str {
    out.push('[');
    let mut rest = tail;
    if let Some(tail) = rest.strip_prefix('^') {
        out.push('^');
        rest = tail;
    }
    if let Some(tail) = rest.strip_prefix(']') {
        out.push_str("\\]");
        rest = tail;
    }
    rest
}

/// `[:alpha:]` within a class; any other bracket there stands for itself.
fn posix_class<'p>(rest: &'p str, out: &mut String) -> &'p str {
    match rest.strip_prefix("[:").and_then(|tail| tail.find(":]")) {
        Some(end) => {
            out.push_str(&rest[..end + 4]);
            &rest[end + 4..]
        }
        None => {
            out.push_str("\\[");
            &rest[1..]
        }
    }
}

/// The length of `{2}`, `{2,}`, `{2,5}`; none for any other brace, which stands for itself.
fn repeat(rest: &str) -> Result<Option<usize>, String> {
    let bounds = rest[1..].split_once('}').map(|(inner, _)| inner).and_then(bounds);
    let Some((inner, least, most)) = bounds else { return Ok(None) };
    if least > REPEATS || most.is_some_and(|most| most > REPEATS || most < least) {
        return Err(wrong("invalid repeat count", &rest[..inner + 2]));
    }
    Ok(Some(inner + 2))
}

/// The length of what stands between the braces, the least and the most.
fn bounds(inner: &str) -> Option<(usize, u32, Option<u32>)> {
    let number = |text: &str| -> Option<u32> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let plain = text.len() == 1 || !text.starts_with('0');
        (digits && plain).then(|| text.parse().unwrap_or(u32::MAX))
    };
    match inner.split_once(',') {
        None => number(inner).map(|n| (inner.len(), n, Some(n))),
        Some((least, "")) => number(least).map(|n| (inner.len(), n, None)),
        Some((least, most)) => Some((inner.len(), number(least)?, Some(number(most)?))),
    }
}

/// What is wrong with a pattern.
fn explain(pattern: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    let what = text.lines().last().unwrap_or("").trim_start_matches("error: ");
    if what.contains("unclosed group") {
        return format!("error parsing regexp: missing closing ): `{pattern}`");
    }
    if what.contains("Unicode property not found") {
        let class = pattern.find("\\p").or(pattern.find("\\P")).map_or(pattern, |at| &pattern[at..]);
        let end = class.find('}').map_or(class.len().min(3), |at| at + 1);
        return format!("error parsing regexp: invalid character class range: `{}`", class.get(..end).unwrap_or(class));
    }
    format!("error parsing regexp: {what}: `{pattern}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_re2() {
        for (pattern, yes, no) in [
            (r"^\d+$", "12", "٣"),
            (r"^[\w-]+$", "a-b_1", "é"),
            (r"^[[]$", "[", "a"),
            (r"^[]a]$", "]", "b"),
            (r"^\p{Greek}\x{41}$", "αA", "aA"),
            (r"^[a&&b]$", "&", "c"),
            (r"^{a}$", "{a}", "a"),
            (r"^a{2,3}$", "aa", "a"),
            (r"^\Qa.b\E$", "a.b", "axb"),
            (r"\bx", "a x", "éax"),
            ("^[[:alpha:]]$", "q", "1"),
        ] {
            let regex = compile(pattern);
            assert!(regex.as_ref().is_ok_and(|r| r.is_match(yes)), "{pattern} {regex:?}");
            assert!(regex.is_ok_and(|r| !r.is_match(no)), "{pattern}");
        }
        for (pattern, error) in [
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{3,2}", "invalid repeat count: `{3,2}`"),
            ("a**?b", "invalid nested repetition operator: `**?`"),
            ("(|*?", "missing argument to repetition operator: `*?`"),
            ("x(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            (r"a[\1", r"invalid escape sequence: `\1`"),
            ("a[b[c", "missing closing ]: `[b[c`"),
            ("(a", "missing closing ): `(a`"),
            ("a)", "unexpected ): `a)`"),
        ] {
            assert_eq!(compile(pattern).err(), Some(format!("error parsing regexp: {error}")), "{pattern}");
        }
    }
}
