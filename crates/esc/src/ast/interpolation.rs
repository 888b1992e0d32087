//! References in strings: `$$`, `${a.b[0]["c"]}`.

use super::{Access, Accessor, Part, Step};
use crate::diag::{Diagnostic, Origin, Range};
use crate::yaml::{Key, Kind, Node, Style};

/// The scalar that a string comes from.
pub(super) enum Scalar<'n> {
    /// A value.
    Node(&'n Node),
    /// A mapping's key.
    Key(&'n Key),
}

impl Scalar<'_> {
    fn origin(&self) -> &Origin {
        match self {
            Self::Node(node) => &node.origin,
            Self::Key(key) => &key.origin,
        }
    }

    /// Where a part of the string stands, if that can be told.
    fn part(&self, start: usize, end: usize) -> Option<Range> {
        match self {
            Self::Node(node) => node.part(start, end),
            Self::Key(key) if key.style == Style::Plain => Node {
                kind: Kind::Null,
                origin: key.origin.clone(),
                span: key.span,
                style: key.style,
                flow: false,
                text: key.name.clone(),
            }
            .part(start, end),
            Self::Key(_) => None,
        }
    }
}

/// Splits a string at its references.
pub(super) fn interpolate(scalar: &Scalar<'_>, value: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut at = 0;
    while at < value.len() {
        let rest = &value[at..];
        if rest.starts_with("$$") {
            text.push('$');
            at += 2;
        } else if rest.starts_with("${") {
            let mut reader = Reader { scalar, value, at: at + 2, accessors: Vec::new(), diagnostics };
            let access = reader.access();
            at = reader.at;
            parts.push(Part { text: std::mem::take(&mut text), access: Some(access) });
        } else {
            // Up to the next dollar sign; one that means nothing stands for itself.
            let end = if rest.starts_with('$') { 1 } else { rest.find('$').unwrap_or(rest.len()) };
            text.push_str(&rest[..end]);
            at += end;
        }
    }
    if !text.is_empty() {
        parts.push(Part { text, access: None });
    }
    parts
}

/// Reads one reference, behind its opening brace. After an error the rest is still read.
struct Reader<'r, 'n> {
    scalar: &'r Scalar<'n>,
    value: &'r str,
    at: usize,
    accessors: Vec<Accessor>,
    diagnostics: &'r mut Vec<Diagnostic>,
}

impl Reader<'_, '_> {
    fn peek(&self) -> Option<char> {
        self.value[self.at..].chars().next()
    }

    fn bump(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn error(&mut self, start: usize, summary: &str) {
        let mut diagnostic = Diagnostic::error(self.scalar.origin(), summary);
        if let Some(range) = self.scalar.part(start.min(self.at), self.at) {
            diagnostic.range = Some(range);
        }
        self.diagnostics.push(diagnostic);
    }

    fn push(&mut self, step: Step, start: usize) {
        let range = self.scalar.part(start, self.at);
        self.accessors.push(Accessor { step, range });
    }

    fn access(&mut self) -> Access {
        loop {
            let start = self.at;
            match self.peek() {
                None => {
                    self.error(start, "missing closing brace '}' in interpolation");
                    return self.finish(start);
                }
                Some(c) if is_space(c) => {
                    self.error(start, "missing closing brace '}' in interpolation");
                    return self.finish(start);
                }
                Some('}') => {
                    self.bump();
                    return self.finish(start);
                }
                Some('.') => {
                    self.bump();
                    self.name(start);
                }
                Some('[') => {
                    self.bump();
                    self.subscript(start);
                }
                Some(_) => self.name(start),
            }
        }
    }

    /// A reference without accessors has one with an empty name.
    fn finish(&mut self, start: usize) -> Access {
        if self.accessors.is_empty() {
            self.push(Step::Name(String::new()), start);
        }
        Access { accessors: std::mem::take(&mut self.accessors) }
    }

    fn name(&mut self, start: usize) {
        let from = self.at;
        while self.peek().is_some_and(|c| !matches!(c, '.' | '[' | '}') && !is_space(c)) {
            self.bump();
        }
        let name = self.value[from..self.at].to_owned();
        if name.is_empty() {
            self.error(start, "property name must not be empty");
        }
        self.push(Step::Name(name), start);
    }

    fn subscript(&mut self, start: usize) {
        let step = match self.peek() {
            None => {
                self.error(start, "subscript is missing closing bracket ']'");
                return self.push(Step::Key(String::new()), start);
            }
            Some('"') => {
                self.bump();
                Step::Key(self.quoted(start))
            }
            Some(_) => self.index(start),
        };
        if self.peek() == Some(']') {
            self.bump();
        } else {
            self.error(start, "subscript is missing closing bracket ']'");
        }
        self.push(step, start);
    }

    fn quoted(&mut self, start: usize) -> String {
        let mut key = String::new();
        loop {
            let Some(c) = self.peek() else {
                self.error(start + 1, "key subscript is missing closing quote '\"'");
                return key;
            };
            self.bump();
            match c {
                '"' => {
                    if key.is_empty() {
                        self.error(start + 1, "key subscript must not be empty");
                    }
                    return key;
                }
                '\\' if self.peek() == Some('"') => {
                    self.bump();
                    key.push('"');
                }
                c => key.push(c),
            }
        }
    }

    fn index(&mut self, start: usize) -> Step {
        let from = self.at;
        while self.peek().is_some_and(|c| !matches!(c, '.' | '[' | '}' | ']') && !is_space(c)) {
            self.bump();
        }
        let text = &self.value[from..self.at];
        let Ok(index) = text.parse::<i64>() else {
            let key = text.to_owned();
            self.error(start + 1, "numeric subscript must be a positive base-10 integer");
            return Step::Key(key);
        };
        if self.accessors.is_empty() {
            let summary = "the first accessor must be a property name or key subscript, not a numeric subscript";
            self.error(start, summary);
        }
        Step::Index(index)
    }
}

/// White space as Latin-1 has it: names are read byte by byte upstream.
fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ')
}
