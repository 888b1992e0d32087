//! Removes one value from a text.

use super::{EditError, Splice, checked, read, splice, trimmed};
use crate::limits::Limits;
use crate::path::Step;
use crate::yaml::{Key, Kind, Node, Span};

/// Removes what stands at a path of the document (`values.a.b`), with its key and the comment behind it. Comments on lines
/// of their own stay. A map or list that loses its last entry becomes `{}` or `[]`.
///
/// # Errors
/// The text cannot be read, nothing stands at the path, or the layout resists.
pub fn remove(text: &str, path: &[Step], limits: &Limits) -> Result<String, EditError> {
    let nothing = || EditError::Path(format!("there is nothing at {}", crate::path::text(path)));
    let mut node = read(text, limits)?.ok_or_else(nothing)?;
    let planned = plan(text, &mut node, path, false).ok_or_else(nothing)?;
    checked(splice(text, vec![planned]), &node.kind, limits)
}

/// Plans the replacement, and makes the tree what it will be; none if the path leads nowhere.
fn plan(text: &str, node: &mut Node, path: &[Step], flow: bool) -> Option<Splice> {
    let flow = flow || node.flow;
    let (step, rest) = path.split_first()?;
    let (start, whole) = (node.span.start, Span { start: node.span.start, end: trimmed(text, node.span) });
    let parts: Vec<Part> = match &node.kind {
        Kind::Object(entries) => entries.iter().map(|(key, value)| Part::entry(text, key, value)).collect(),
        Kind::Array(items) => {
            let mut below = start;
            items.iter().map(|item| Part::item(text, item, flow, &mut below)).collect()
        }
        _ => return None,
    };
    match (&mut node.kind, step) {
        (Kind::Object(entries), Step::Key(name)) => {
            let at = entries.iter().position(|(key, _)| key.name == *name)?;
            if !rest.is_empty() {
                return plan(text, &mut entries[at].1, rest, flow);
            }
            entries.remove(at);
            Some(cut(text, &parts, at, flow).unwrap_or(Splice { span: whole, with: "{}".into() }))
        }
        (Kind::Array(items), Step::Index(at)) => {
            let at = *at;
            if at >= items.len() {
                return None;
            }
            if !rest.is_empty() {
                return plan(text, &mut items[at], rest, flow);
            }
            items.remove(at);
            Some(cut(text, &parts, at, flow).unwrap_or(Splice { span: whole, with: "[]".into() }))
        }
        _ => None,
    }
}

/// What one entry takes: from its key or dash to the end of its value.
struct Part {
    span: Span,
    /// Where its content begins: behind the dash of a list.
    content: usize,
}

impl Part {
    fn entry(text: &str, key: &Key, value: &Node) -> Self {
        let start = key.span.start;
        Self { span: Span { start, end: trimmed(text, value.span).max(key.span.end) }, content: start }
    }

    /// `below` is where the item before it ends.
    fn item(text: &str, item: &Node, flow: bool, below: &mut usize) -> Self {
        let content = item.span.start;
        let before = text.get(*below..content).unwrap_or_default();
        let dash = before.rfind('-').filter(|_| !flow).map_or(content, |at| *below + at);
        let span = Span { start: dash, end: trimmed(text, item.span).max(dash + usize::from(dash < content)) };
        *below = span.end;
        Self { span, content }
    }
}

/// Cuts one part out; none if it is the only one.
fn cut(text: &str, parts: &[Part], at: usize, flow: bool) -> Option<Splice> {
    let (part, next) = (&parts[at], parts.get(at + 1));
    let before = at.checked_sub(1).map(|at| &parts[at]);
    let line = text[..part.span.start].rfind('\n').map_or(0, |i| i + 1);
    let alone = text[line..part.span.start].trim().is_empty();
    let span = match (flow, next, before) {
        (_, None, None) => return None,
        (true, Some(next), _) => Span { start: part.span.start, end: next.span.start },
        (true, None, Some(before)) => Span { start: before.span.end, end: part.span.end },
        // The first entry behind a dash: the next one takes its place.
        (false, Some(next), None) if !alone => Span { start: part.content, end: next.content },
        _ => {
            let end = text[part.span.end..].find('\n').map_or(text.len(), |i| part.span.end + i + 1);
            Span { start: line, end }
        }
    };
    Some(Splice { span, with: String::new() })
}
