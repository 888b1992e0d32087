//! Which strings can stand plain, which need quotes, and which can be a block.

use super::scalar::{Resolved, resolve};

/// The styles that a string's characters allow.
pub(super) struct Allowed {
    pub multiline: bool,
    pub flow_plain: bool,
    pub block_plain: bool,
    pub single: bool,
    pub block: bool,
}

/// Spaces and breaks of a string, at its ends and next to one another.
#[derive(Default)]
struct Space {
    leading: bool,
    trailing_space: bool,
    trailing_break: bool,
    break_space: bool,
    space_break: bool,
    breaks: bool,
    special: bool,
    tabs: bool,
}

/// The styles that a string's characters allow, by the rules of libyaml's emitter.
pub(super) fn allowed(text: &str) -> Allowed {
    if text.is_empty() {
        return Allowed { multiline: false, flow_plain: false, block_plain: true, single: true, block: false };
    }
    let (flow_indicator, block_indicator) = indicators(text);
    let space = space(text);
    let no_plain = space.leading
        || space.trailing_space
        || space.trailing_break
        || space.break_space
        || space.space_break
        || space.tabs
        || space.special
        || space.breaks;
    Allowed {
        multiline: space.breaks,
        flow_plain: !no_plain && !flow_indicator,
        block_plain: !no_plain && !block_indicator,
        single: !(space.break_space || space.space_break || space.tabs || space.special),
        block: !(space.trailing_space || space.space_break || space.special),
    }
}

/// Whether characters in it mean something within brackets, and outside of them.
fn indicators(text: &str) -> (bool, bool) {
    let marker = text.starts_with("---") || text.starts_with("...");
    let (mut flow, mut block) = (marker, marker);
    let mut after_space = true;
    let mut chars = text.chars().peekable();
    let mut first = true;
    while let Some(c) = chars.next() {
        let before_space = chars.peek().is_none_or(|c| matches!(c, ' ' | '\t'));
        match c {
            '#' if after_space => (flow, block) = (true, true),
            ',' | '[' | ']' | '{' | '}' if first => (flow, block) = (true, true),
            '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' if first => (flow, block) = (true, true),
            '-' if first && before_space => (flow, block) = (true, true),
            ':' | '?' if first => (flow, block) = (true, block || before_space),
            ':' => (flow, block) = (true, block || before_space),
            ',' | '?' | '[' | ']' | '{' | '}' => flow = true,
            _ => {}
        }
        after_space = matches!(c, ' ' | '\t' | '\0') || is_break(c);
        first = false;
    }
    (flow, block)
}

fn space(text: &str) -> Space {
    let mut space = Space::default();
    let (mut after_space, mut after_break) = (false, false);
    for (at, c) in text.char_indices() {
        let last = at + c.len_utf8() == text.len();
        space.tabs |= c == '\t';
        space.special |= c != '\t' && !is_printable(c);
        if c == ' ' {
            space.leading |= at == 0;
            space.trailing_space |= last;
            space.break_space |= after_break;
        } else if is_break(c) {
            space.breaks = true;
            space.leading |= at == 0;
            space.trailing_break |= last;
            space.space_break |= after_space;
        }
        after_space = c == ' ';
        after_break = is_break(c);
    }
    space
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Whether a plain text would be read as something else than a string, by this reader or an older one.
pub(super) fn reads_otherwise(text: &str) -> bool {
    let old_boolean =
        matches!(text.to_ascii_lowercase().as_str(), "y" | "yes" | "on" | "n" | "no" | "off") && same_case(text);
    old_boolean || resolve(text) != Resolved::String || is_base60(text)
}

/// `yes`, `Yes` and `YES`, but not `yEs`.
fn same_case(text: &str) -> bool {
    let tail = &text[1..];
    tail.chars().all(|c| c.is_ascii_lowercase()) || text.chars().all(|c| c.is_ascii_uppercase())
}

/// `1:30`, which YAML 1.1 read as a number.
fn is_base60(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut fields = digits.split(':');
    let first = fields.next().unwrap_or("");
    let mut rest: Vec<&str> = fields.collect();
    let Some(last) = rest.pop() else { return false };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    let field = |f: &str| match f.as_bytes() {
        [d] => d.is_ascii_digit(),
        [t, d] => (b'0'..=b'5').contains(t) && d.is_ascii_digit(),
        _ => false,
    };
    first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        && rest.into_iter().all(field)
        && field(last)
        && fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// A string in double quotes on one line.
#[must_use]
pub fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            c if is_printable(c) => out.push(c),
            c if (c as u32) <= 0xff => out.push_str(&format!("\\x{:02X}", c as u32)),
            c if (c as u32) <= 0xffff => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push_str(&format!("\\U{:08X}", c as u32)),
        }
    }
    out.push('"');
    out
}

/// A string on one line: plain if that reads as the same string, else in quotes.
#[must_use]
pub fn plain_or_quoted(text: &str, flow: bool) -> String {
    let allowed = allowed(text);
    let plain = if flow { allowed.flow_plain } else { allowed.block_plain && !text.is_empty() };
    if reads_otherwise(text) || allowed.multiline {
        return double_quoted(text);
    }
    if plain {
        return text.to_owned();
    }
    if allowed.single { format!("'{}'", text.replace('\'', "''")) } else { double_quoted(text) }
}

/// A string of several lines as a literal block, its lines indented; none if it cannot be one without hints.
#[must_use]
pub fn literal_block(text: &str, indent: usize) -> Option<String> {
    let simple = text.contains('\n') && allowed(text).block && stands_alone(text);
    if !simple {
        return None;
    }
    let (body, chomp) = text.strip_suffix('\n').map_or((text, "-"), |body| (body, ""));
    let lines = body.split('\n').map(|line| if line.is_empty() { String::new() } else { " ".repeat(indent) + line });
    Some(format!("|{chomp}\n{}", lines.collect::<Vec<_>>().join("\n")))
}

/// Whether a block of this text depends on nothing around it: no spaces that indentation or trimming could take for its
/// own, no breaks that would count as more.
pub(super) fn stands_alone(text: &str) -> bool {
    let lines = text.strip_suffix('\n').unwrap_or(text);
    !text.starts_with([' ', '\n'])
        && !text.ends_with("\n\n")
        && !text.contains(['\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'])
        && lines.split('\n').all(|line| !line.starts_with('\t') && line.trim_end() == line)
}
