//! Changes to a document's text that leave the rest of it as it is, comments included.
//!
//! This room knows which bytes to replace with what. It must never know why. Every change is read again and compared with
//! what was meant before it is handed out.

mod remove;
mod secrets;
mod set;

pub use remove::remove;
pub use secrets::{decrypt_secrets, encrypt_secrets};
pub use set::{apply_patches, set};

use crate::diag::Diagnostic;
use crate::limits::Limits;
use crate::path::Step;
use crate::yaml::{self, Document, Kind, Node, Span};

/// Why a text was not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditError {
    /// The text is not YAML that the language takes.
    Syntax(Vec<Diagnostic>),
    /// The path leads nowhere, or through something that has no parts.
    Path(String),
    /// Encrypting or decrypting failed.
    Secret(String),
    /// The text is laid out in a way in which this change cannot be made.
    Layout(String),
}

impl std::fmt::Display for EditError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Syntax(diagnostics) => {
                f.write_str(diagnostics.first().map_or("the document cannot be read", |d| &d.summary))
            }
            Self::Path(why) | Self::Secret(why) | Self::Layout(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for EditError {}

/// A replacement of some bytes.
struct Splice {
    span: Span,
    with: String,
}

/// Reads a text; none for one without content.
fn read(text: &str, limits: &Limits) -> Result<Option<Node>, EditError> {
    match yaml::parse("", text, limits).map_err(EditError::Syntax)? {
        Document::Node(node) => Ok(Some(node)),
        Document::Empty | Document::Null => Ok(None),
    }
}

/// Applies replacements, which do not overlap.
fn splice(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| splice.span.start);
    let mut out = String::with_capacity(text.len() + splices.iter().map(|s| s.with.len()).sum::<usize>());
    let mut at = 0;
    for Splice { span, with } in splices {
        out.push_str(text.get(at..span.start).unwrap_or_default());
        out.push_str(&with);
        at = span.end.max(at);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// The spaces up to a byte of its line.
fn column(text: &str, at: usize) -> usize {
    let line = text[..at].rfind('\n').map_or(0, |i| i + 1);
    text[line..at].chars().count()
}

/// The end of what a node takes, white space behind it left out.
fn trimmed(text: &str, span: Span) -> usize {
    span.start + text.get(span.start..span.end).unwrap_or_default().trim_end().len()
}

/// Whether two trees hold the same, wherever it stands.
fn same(a: &Kind, b: &Kind) -> bool {
    match (a, b) {
        (Kind::Null, Kind::Null) => true,
        (Kind::Bool(a), Kind::Bool(b)) => a == b,
        (Kind::Number(a), Kind::Number(b)) | (Kind::String(a), Kind::String(b)) => a == b,
        (Kind::Array(a), Kind::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(&a.kind, &b.kind)),
        (Kind::Object(a), Kind::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((j, a), (k, b))| j.name == k.name && same(&a.kind, &b.kind))
        }
        _ => false,
    }
}

/// Whether two texts hold the same at a path of the document; also where neither holds anything there.
///
/// # Errors
/// One of them cannot be read.
pub fn same_at(a: &str, b: &str, path: &[Step], limits: &Limits) -> Result<bool, EditError> {
    let (a, b) = (read(a, limits)?, read(b, limits)?);
    Ok(match (a.as_ref().and_then(|node| at(node, path)), b.as_ref().and_then(|node| at(node, path))) {
        (Some(a), Some(b)) => same(&a.kind, &b.kind),
        (None, None) => true,
        _ => false,
    })
}

/// What stands at a path.
fn at<'n>(node: &'n Node, path: &[Step]) -> Option<&'n Node> {
    path.iter().try_fold(node, |node, step| match (&node.kind, step) {
        (Kind::Object(entries), Step::Key(name)) => {
            entries.iter().find(|(key, _)| key.name == *name).map(|(_, value)| value)
        }
        (Kind::Array(items), Step::Index(index)) => items.get(*index),
        _ => None,
    })
}

/// Hands out a changed text, if it holds what was meant.
fn checked(text: String, meant: &Kind, limits: &Limits) -> Result<String, EditError> {
    match read(&text, limits) {
        Ok(Some(node)) if same(&node.kind, meant) => Ok(text),
        Err(EditError::Syntax(diagnostics)) if text.len() > limits.document_bytes => {
            Err(EditError::Syntax(diagnostics))
        }
        _ => Err(EditError::Layout("the document is laid out in a way that this change would break".into())),
    }
}
