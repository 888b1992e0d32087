//! Sets one value in a text, and writes the states of rotations.

use super::{EditError, Splice, checked, column, read, splice, trimmed};
use crate::diag::Origin;
use crate::json::Json;
use crate::limits::Limits;
use crate::path::{self, Step};
use crate::value::{Repr, Value};
use crate::yaml::{EmitStyle, Key, Kind, Node, Span, Style, plain_or_quoted, to_flow, to_yaml};

/// How values are written into a text.
const LAYOUT: EmitStyle = EmitStyle { indent: 2, quote_numbers: false, embedded: true };

/// Sets the value at a path of the document (`values.a.b`). What is missing on the way is made.
///
/// # Errors
/// The text cannot be read, the path leads through something without parts, or the layout resists.
pub fn set(text: &str, path: &[Step], value: &Json, limits: &Limits) -> Result<String, EditError> {
    let Some(mut node) = read(text, limits)? else {
        let made = to_yaml(&nested(path, value), LAYOUT);
        let break_ = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return Ok(format!("{text}{break_}{made}"));
    };
    let splice_ = plan(text, &mut node, path, value, Place::default())?;
    checked(splice(text, vec![splice_]), &node.kind, limits)
}

/// Writes the states that rotations made to where they are kept. Secrets become `fn::secret` in clear: encrypting them is
/// the next step. Numbers are written as strings, as upstream does.
///
/// # Errors
/// A path that leads nowhere, or a layout that resists.
pub fn apply_patches(text: &str, patches: &[(String, Value)], limits: &Limits) -> Result<String, EditError> {
    let mut text = text.to_owned();
    for (path, state) in patches {
        let path = path::parse(path).map_err(EditError::Path)?;
        text = set(&text, &path, &stored(state), limits)?;
    }
    Ok(text)
}

/// The form in which a state is stored.
fn stored(value: &Value) -> Json {
    if value.secret {
        return match &value.repr {
            Repr::String(text) => Json::object(vec![("fn::secret", Json::from(&**text))]),
            _ => {
                let secret = Json::object(vec![("fn::secret", Json::String(value.to_json(false).to_text()))]);
                Json::object(vec![("fn::fromJSON", secret)])
            }
        };
    }
    match &value.repr {
        Repr::Null => Json::Null,
        Repr::Bool(value) => Json::Bool(*value),
        Repr::Number(text) => Json::from(&**text),
        // What reads as a reference must be escaped to stay what it is.
        Repr::String(text) if text.contains("${") || text.contains("$$") => Json::String(text.replace('$', "$$")),
        Repr::String(text) => Json::from(&**text),
        Repr::Array(items) => Json::Array(items.iter().map(|item| stored(item)).collect()),
        Repr::Object(fields) => Json::Object(fields.iter().map(|(k, v)| (k.to_string(), stored(v))).collect()),
    }
}

/// A value with the maps and lists that a path needs around it.
fn nested(path: &[Step], value: &Json) -> Json {
    path.iter().rev().fold(value.clone(), |inner, step| match step {
        Step::Key(key) => Json::object(vec![(key, inner)]),
        Step::Index(_) => Json::Array(vec![inner]),
    })
}

/// Where a node stands: within brackets, and behind which key.
#[derive(Clone, Copy, Default)]
struct Place {
    flow: bool,
    key: Option<Span>,
}

/// Plans the replacement, and makes the tree what it will be.
fn plan(text: &str, node: &mut Node, path: &[Step], value: &Json, place: Place) -> Result<Splice, EditError> {
    let flow = place.flow || node.flow;
    let Some((step, rest)) = path.split_first() else {
        return Ok(replace(text, node, value, place));
    };
    let empty = match &node.kind {
        Kind::Null => true,
        Kind::Array(items) => items.is_empty(),
        Kind::Object(entries) => entries.is_empty(),
        _ => false,
    };
    if empty {
        // There is nothing to keep, and block style reads better than `{}`.
        return Ok(replace(text, node, &nested(path, value), place));
    }
    match (&mut node.kind, step) {
        (Kind::Object(entries), Step::Key(name)) => {
            if let Some((key, inner)) = entries.iter_mut().find(|(key, _)| key.name == *name) {
                return plan(text, inner, rest, value, Place { flow, key: Some(key.span) });
            }
            let made = nested(rest, value);
            let (first, last) = (entries[0].0.span, &entries[entries.len() - 1].1);
            let key = plain_or_quoted(name, flow);
            let with = if flow {
                format!(", {key}: {}", to_flow(&made))
            } else {
                let indent = column(text, first.start);
                format!("\n{}{key}:{}", " ".repeat(indent), behind_key(&made, indent))
            };
            let at = if flow { last.span.end } else { line_end(text, trimmed(text, last.span)) };
            let key = Key { name: name.clone(), origin: Origin::default(), span: first, style: Style::Plain };
            entries.push((key, built(&made)));
            Ok(Splice { span: Span { start: at, end: at }, with })
        }
        (Kind::Array(items), Step::Index(index)) => {
            if let Some(inner) = items.get_mut(*index) {
                return plan(text, inner, rest, value, Place { flow, key: None });
            }
            if *index != items.len() {
                return Err(EditError::Path(format!("index {index} is beyond the end of a list of {}", items.len())));
            }
            let made = nested(rest, value);
            let last = &items[items.len() - 1];
            let with = if flow {
                format!(", {}", to_flow(&made))
            } else {
                let indent = column(text, node.span.start);
                format!("\n{}- {}", " ".repeat(indent), lines(&made, indent + 2))
            };
            let at = if flow { last.span.end } else { line_end(text, trimmed(text, last.span)) };
            items.push(built(&made));
            Ok(Splice { span: Span { start: at, end: at }, with })
        }
        (Kind::Object(_), Step::Index(_)) => Err(EditError::Path("the key of a map must be a string".into())),
        (Kind::Array(_), Step::Key(_)) => Err(EditError::Path("the key of a list must be a number".into())),
        _ => Err(EditError::Path(format!("there is neither a map nor a list at {}", node.origin.path))),
    }
}

/// Replaces a whole node.
fn replace(text: &str, node: &mut Node, value: &Json, place: Place) -> Splice {
    let end = trimmed(text, node.span).max(node.span.start);
    let span = Span { start: node.span.start, end };
    let splice = if place.flow {
        Splice { span, with: to_flow(value) }
    } else if let Some(start) = place.key.and_then(|key| behind_colon(text, key, span)) {
        let indent = column(text, place.key.map_or(0, |key| key.start));
        Splice { span: Span { start, end }, with: behind_key(value, indent) }
    } else {
        Splice { span, with: lines(value, column(text, span.start)) }
    };
    node.kind = built(value).kind;
    splice
}

/// Behind the key's colon, if only white space stands between it and the value.
fn behind_colon(text: &str, key: Span, value: Span) -> Option<usize> {
    let between = text.get(key.end..value.start)?;
    let colon = between.find(':')?;
    between[colon + 1..].trim().is_empty().then_some(key.end + colon + 1)
}

/// A value behind `key:`: on the same line, or as a block below it.
fn behind_key(value: &Json, indent: usize) -> String {
    match value {
        Json::Array(items) if !items.is_empty() => format!("\n{}{}", " ".repeat(indent + 2), lines(value, indent + 2)),
        Json::Object(fields) if !fields.is_empty() => {
            format!("\n{}{}", " ".repeat(indent + 2), lines(value, indent + 2))
        }
        scalar => format!(" {}", to_flow(scalar)),
    }
}

/// A value as a block whose first line is begun already.
fn lines(value: &Json, indent: usize) -> String {
    match value {
        Json::Array(_) | Json::Object(_) => {
            let separator = format!("\n{}", " ".repeat(indent));
            to_yaml(value, LAYOUT).trim_end().split('\n').collect::<Vec<_>>().join(&separator)
        }
        scalar => to_flow(scalar),
    }
}

/// The end of a line, comments on it included.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |i| at + i)
}

/// The node that a value will be.
fn built(value: &Json) -> Node {
    let kind = match value {
        Json::Null => Kind::Null,
        Json::Bool(value) => Kind::Bool(*value),
        Json::Number(text) => match crate::yaml::resolve(text).number() {
            Some(number) => Kind::Number(number),
            None => Kind::String(text.clone()),
        },
        Json::String(text) => Kind::String(text.clone()),
        Json::Array(items) => Kind::Array(items.iter().map(built).collect()),
        Json::Object(fields) => {
            let key = |name: &String| Key {
                name: name.clone(),
                origin: Origin::default(),
                span: Span::default(),
                style: Style::Plain,
            };
            Kind::Object(crate::yaml::sorted(fields).into_iter().map(|(k, v)| (key(&k.to_owned()), built(v))).collect())
        }
    };
    Node {
        kind,
        origin: Origin::default(),
        span: Span::default(),
        style: Style::Plain,
        flow: false,
        text: String::new(),
    }
}
