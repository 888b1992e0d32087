//! YAML as Go's `yaml.v3` reads it: one document, with source ranges.
//!
//! This room knows the YAML library, positions, and which text is which scalar. It must never know what a key means. The
//! crate is chosen in `docs/adr/0005-yaml.md`.

mod emit;
mod events;
mod position;
mod quoting;
mod scalar;

pub(crate) use emit::sorted;
pub use emit::{Style as EmitStyle, to_flow, to_yaml};
pub use quoting::{double_quoted, literal_block, plain_or_quoted};
pub use scalar::{Resolved, resolve};

use crate::diag::{Diagnostic, Origin, Range};
use crate::limits::Limits;

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes or tag.
    Plain,
    /// Without quotes, with a tag of this many bytes.
    Tagged(usize),
    /// In single or double quotes, or folded (`>`).
    Quoted,
    /// As a literal block (`|`).
    Literal,
}

/// What a node is.
#[derive(Clone)]
pub enum Kind {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number in its canonical text.
    Number(String),
    /// A string.
    String(String),
    /// A sequence.
    Array(Vec<Node>),
    /// A mapping, in the order of the text, repeated keys included.
    Object(Vec<(Key, Node)>),
}

/// A mapping's key.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its text.
    pub name: String,
    /// Where it stands; its path is that of its value.
    pub origin: Origin,
    /// The bytes it takes.
    pub span: Span,
    /// How it was written.
    pub style: Style,
}

/// Bytes of the text, from and to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// A node of the document.
#[derive(Clone)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where it stands, in the positions that callers are told.
    pub origin: Origin,
    /// The bytes it takes. A block sequence or mapping ends where its last child ends.
    pub span: Span,
    /// How it was written, if it is a scalar.
    pub style: Style,
    /// Whether it is a sequence or mapping in brackets.
    pub flow: bool,
    /// The text that a scalar holds, whatever its type; empty for others.
    pub text: String,
}

/// What a text holds.
pub enum Document {
    /// Nothing at all, not even space.
    Empty,
    /// Comments only, or null.
    Null,
    /// A node.
    Node(Node),
}

/// Reads the first document of a text.
///
/// # Errors
/// What is wrong: the syntax (one diagnostic without a place), or all that the language does not take from YAML.
pub fn parse(name: &str, text: &str, limits: &Limits) -> Result<Document, Vec<Diagnostic>> {
    if text.len() > limits.document_bytes {
        return Err(vec![Diagnostic::nowhere(format!(
            "the document has {} bytes; at most {} are allowed",
            text.len(),
            limits.document_bytes
        ))]);
    }
    if text.is_empty() {
        return Ok(Document::Empty);
    }
    events::read(name, text, limits)
}

impl Node {
    /// The value at a key, if this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Object(entries) => entries.iter().find(|(k, _)| k.name == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// Where a part of a scalar stands, in bytes of its value. Known only within plain scalars on one line.
    #[must_use]
    pub fn part(&self, start: usize, end: usize) -> Option<Range> {
        let range = self.origin.range.as_ref()?;
        if self.style != Style::Plain || range.begin.line != range.end.line {
            return None;
        }
        let at = |bytes: usize| crate::diag::Pos {
            line: range.begin.line,
            column: range.begin.column + position::width(&self.text[..bytes]),
            byte: range.begin.byte + bytes,
        };
        if !self.text.is_char_boundary(start) || !self.text.is_char_boundary(end) {
            return None;
        }
        Some(Range { environment: range.environment.clone(), begin: at(start), end: at(end) })
    }
}
