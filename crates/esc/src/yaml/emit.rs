//! Plain values to YAML text, in the layout of Go's `yaml.v3`.

use super::quoting::{allowed, plain_or_quoted, stands_alone};
use crate::json::Json;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// How the text is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Spaces of one level.
    pub indent: usize,
    /// Whether numbers are written as strings, as upstream's encoder does.
    pub quote_numbers: bool,
    /// Whether the text becomes part of another one: no block may depend on what follows it.
    pub embedded: bool,
}

/// The text of a value, ending in a line break.
#[must_use]
pub fn to_yaml(value: &Json, style: Style) -> String {
    let mut emitter = Emitter { out: String::new(), style };
    emitter.value(value, None, Parent::Root);
    if !emitter.out.ends_with('\n') {
        emitter.out.push('\n');
    }
    emitter.out
}

/// The text of a value on one line, as it can stand in brackets and outside of them.
#[must_use]
pub fn to_flow(value: &Json) -> String {
    match value {
        Json::Null => "null".into(),
        Json::Bool(value) => value.to_string(),
        Json::Number(text) => text.clone(),
        Json::String(text) if text.is_empty() => "''".into(),
        Json::String(text) => plain_or_quoted(text, true),
        Json::Array(items) => format!("[{}]", items.iter().map(to_flow).collect::<Vec<_>>().join(", ")),
        Json::Object(fields) => {
            let each = |(key, value): (&str, &Json)| format!("{}: {}", to_flow(&Json::from(key)), to_flow(value));
            format!("{{{}}}", sorted(fields).into_iter().map(each).collect::<Vec<_>>().join(", "))
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Parent {
    Root,
    List,
    Map,
}

struct Emitter {
    out: String,
    style: Style,
}

impl Emitter {
    /// The indentation of a collection or block within a parent at `indent`.
    fn inner(&self, indent: Option<usize>, parent: Parent) -> usize {
        match indent {
            None => 0,
            Some(indent) if parent == Parent::List => indent + 2,
            Some(indent) => self.style.indent * ((indent + self.style.indent) / self.style.indent),
        }
    }

    /// Writes a value behind its indicator (`-`, `key:`); `indent` is that of the parent.
    fn value(&mut self, value: &Json, indent: Option<usize>, parent: Parent) {
        match value {
            Json::Array(items) if !items.is_empty() => {
                let inner = self.inner(indent, parent);
                for (i, item) in items.iter().enumerate() {
                    self.begin(inner, i == 0, parent);
                    self.out.push('-');
                    self.value(item, Some(inner), Parent::List);
                }
            }
            Json::Object(fields) if !fields.is_empty() => {
                let inner = self.inner(indent, parent);
                for (i, (key, value)) in sorted(fields).into_iter().enumerate() {
                    self.begin(inner, i == 0, parent);
                    self.key(key, inner);
                    self.value(value, Some(inner), Parent::Map);
                }
            }
            Json::String(text) if text.contains('\n') && allowed(text).block && self.fits(text) => {
                let inner = match indent {
                    None => self.style.indent,
                    Some(_) => self.inner(indent, parent),
                };
                self.separate(parent);
                self.literal(text, inner);
            }
            scalar => {
                let text = self.scalar(scalar);
                self.separate(parent);
                self.out.push_str(&text);
            }
        }
    }

    fn fits(&self, text: &str) -> bool {
        !self.style.embedded || stands_alone(text)
    }

    fn separate(&mut self, parent: Parent) {
        if parent != Parent::Root {
            self.out.push(' ');
        }
    }

    /// Starts a line of a collection; the first one of a list's element stays on its line.
    fn begin(&mut self, indent: usize, first: bool, parent: Parent) {
        if first && parent == Parent::List {
            self.out.push(' ');
            return;
        }
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn key(&mut self, key: &str, indent: usize) {
        let lines = allowed(key).multiline;
        if !lines && key.len() <= 128 {
            self.out.push_str(&plain_or_quoted(key, false));
            self.out.push(':');
            return;
        }
        self.out.push('?');
        self.value(&Json::from(key), Some(indent), Parent::Map);
        self.begin(indent, false, Parent::Map);
        self.out.push(':');
    }

    fn scalar(&self, value: &Json) -> String {
        match value {
            Json::Null => "null".into(),
            Json::Bool(value) => value.to_string(),
            Json::Number(text) if !self.style.quote_numbers => text.clone(),
            Json::Number(text) | Json::String(text) => plain_or_quoted(text, false),
            Json::Array(_) => "[]".into(),
            Json::Object(_) => "{}".into(),
        }
    }

    /// A literal block, with the hints that its first and last characters ask for.
    fn literal(&mut self, text: &str, indent: usize) {
        self.out.push('|');
        if text.starts_with([' ', '\n']) {
            self.out.push_str(&self.style.indent.to_string());
        }
        if !text.ends_with('\n') {
            self.out.push('-');
        } else if text == "\n" || text.ends_with("\n\n") {
            self.out.push('+');
        }
        // The encoder that is followed takes a first break for that of the header.
        if !text.starts_with('\n') {
            self.out.push('\n');
        }
        for line in text.split_inclusive('\n') {
            if line != "\n" {
                self.out.extend(std::iter::repeat_n(' ', indent));
            }
            self.out.push_str(line);
        }
    }
}

/// The fields in the order of `yaml.v3`: numbers within names count as numbers.
pub(crate) fn sorted(fields: &BTreeMap<String, Json>) -> Vec<(&str, &Json)> {
    let mut fields: Vec<(&str, &Json)> = fields.iter().map(|(k, v)| (k.as_str(), v)).collect();
    fields.sort_by(|(a, _), (b, _)| natural(a, b));
    fields
}

/// Compares names: letters by code point, other characters before letters, runs of digits by value.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut digits = false;
    for i in 0..a.len().min(b.len()) {
        if a[i] == b[i] {
            digits = a[i].is_ascii_digit();
            continue;
        }
        return match (a[i].is_alphabetic(), b[i].is_alphabetic()) {
            (true, true) => a[i].cmp(&b[i]),
            (true, false) if digits => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if digits => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => numbers(&a, &b, i),
        };
    }
    a.len().cmp(&b.len())
}

/// Compares the numbers that begin at `at`, then their lengths, then the characters.
fn numbers(a: &[char], b: &[char], at: usize) -> Ordering {
    let mut start = 0u128;
    if a[at] == '0' || b[at] == '0' {
        let before = a[..at].iter().rev().take_while(|c| c.is_ascii_digit());
        start = u128::from(before.into_iter().any(|c| *c != '0'));
    }
    let run = |text: &[char]| {
        let digits: Vec<u32> = text[at..].iter().map_while(|c| c.to_digit(10)).collect();
        let value = digits.iter().fold(start, |n, d| n.saturating_mul(10).saturating_add(u128::from(*d)));
        (value, digits.len())
    };
    let (an, al) = run(a);
    let (bn, bl) = run(b);
    an.cmp(&bn).then(al.cmp(&bl)).then(a[at].cmp(&b[at]))
}
