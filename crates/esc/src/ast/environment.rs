//! The document's top level: `description`, `imports`, `values`.

use super::expr::expression;
use super::{Expr, ExprKind, ExprRef, Literal};
use crate::diag::{Diagnostic, Origin};
use crate::gotext::quote;
use crate::spell::by_distance;
use crate::yaml::{Document, Key, Kind, Node};
use std::collections::HashSet;
use std::sync::Arc;

/// A document.
#[derive(Default)]
pub struct Environment {
    /// The description, if it is a string.
    pub description: Option<Literal>,
    /// The imports, in order.
    pub imports: Vec<Import>,
    /// The entries of `values`, in order, repeated keys included.
    pub values: Vec<Entry>,
    /// Which of them are the first of their key, in the order of the keys.
    pub(crate) first: Vec<usize>,
}

/// One import.
pub struct Import {
    /// The name as written, version or tag included; none after a syntax error.
    pub name: Option<ExprRef>,
    /// Whether its values are merged.
    pub merge: bool,
}

/// An entry of `values`.
pub struct Entry {
    /// The key, taken as it is.
    pub key: Literal,
    /// The value.
    pub value: ExprRef,
}

const FIELDS: [&str; 3] = ["'description'", "'imports'", "'values'"];

/// Reads the top level.
pub(super) fn read(document: &Document, diagnostics: &mut Vec<Diagnostic>) -> Environment {
    let mut environment = Environment::default();
    let node = match document {
        Document::Empty => return environment,
        Document::Null => {
            diagnostics.push(Diagnostic::nowhere("environment must be an object"));
            return environment;
        }
        Document::Node(node) => node,
    };
    let Kind::Object(entries) = &node.kind else {
        diagnostics.push(Diagnostic::error(&node.origin, "environment must be an object"));
        return environment;
    };
    let mut seen = HashSet::new();
    for (key, value) in entries {
        if !seen.insert(key.name.as_str()) {
            diagnostics.push(Diagnostic::warning(&key.origin, format!("duplicate key {}", quote(&key.name))));
        }
        match fold(&key.name).as_str() {
            "description" => environment.description = description(value, diagnostics),
            "imports" => environment.imports = imports(value, diagnostics),
            "values" => environment.values = values(value, diagnostics),
            _ => diagnostics.push(unknown_field(key)),
        }
    }
    environment.first = first(&environment.values);
    environment
}

fn first(values: &[Entry]) -> Vec<usize> {
    let key = |at: &usize| &*values[*at].key.text;
    let mut first: Vec<usize> = (0..values.len()).collect();
    first.sort_by(|a, b| key(a).cmp(key(b)));
    first.dedup_by(|later, earlier| key(later) == key(earlier));
    first
}

/// Lower case, with the two letters that fold to ASCII ones.
fn fold(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        })
        .collect()
}

fn unknown_field(key: &Key) -> Diagnostic {
    let existing = by_distance(&key.name, &FIELDS).join(", ");
    let summary =
        format!("Field '{}' does not exist on Object 'environment'. Existing fields are: {existing}", key.name);
    Diagnostic::warning(&key.origin, summary)
}

fn description(node: &Node, diagnostics: &mut Vec<Diagnostic>) -> Option<Literal> {
    let expr = expression(node, diagnostics);
    match &expr.kind {
        ExprKind::String(text) => Some(Literal { text: text.clone(), origin: expr.origin.clone() }),
        _ => {
            diagnostics.push(Diagnostic::error(&expr.origin, "description must be a string"));
            None
        }
    }
}

fn imports(node: &Node, diagnostics: &mut Vec<Diagnostic>) -> Vec<Import> {
    match &node.kind {
        Kind::Array(items) => items.iter().map(|item| import(item, diagnostics)).collect(),
        _ => {
            diagnostics.push(Diagnostic::error(&node.origin, "imports must be a list"));
            Vec::new()
        }
    }
}

fn import(node: &Node, diagnostics: &mut Vec<Diagnostic>) -> Import {
    let mut error = |origin: &Origin, summary: &str| {
        diagnostics.push(Diagnostic::error(origin, summary));
        Import { name: None, merge: true }
    };
    match &node.kind {
        Kind::String(name) => Import { name: Some(name_expr(name, &node.origin)), merge: true },
        Kind::Object(entries) => match entries.as_slice() {
            [(key, options)] => {
                let merge = merge_option(options, diagnostics);
                Import { name: Some(name_expr(&key.name, &key.origin)), merge }
            }
            _ => error(&node.origin, "import must have a single key"),
        },
        _ => error(&node.origin, "import must be a string or an object"),
    }
}

fn name_expr(name: &str, origin: &Origin) -> ExprRef {
    Arc::new(Expr { origin: origin.clone(), kind: ExprKind::String(Arc::from(name)) })
}

/// The option `merge`; others are not looked at.
fn merge_option(node: &Node, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let Kind::Object(entries) = &node.kind else {
        diagnostics.push(Diagnostic::error(&node.origin, "import must be an object"));
        return true;
    };
    let mut merge = true;
    let mut seen = HashSet::new();
    for (key, value) in entries {
        if !seen.insert(key.name.as_str()) {
            diagnostics.push(Diagnostic::warning(&key.origin, format!("duplicate key {}", quote(&key.name))));
        }
        if fold(&key.name) != "merge" {
            continue;
        }
        let expr = expression(value, diagnostics);
        match expr.kind {
            ExprKind::Bool(value) => merge = value,
            // A value of the wrong kind counts as false, as in the zero of the field's type.
            _ => {
                diagnostics.push(Diagnostic::error(&expr.origin, "merge must be a boolean value"));
                merge = false;
            }
        }
    }
    merge
}

fn values(node: &Node, diagnostics: &mut Vec<Diagnostic>) -> Vec<Entry> {
    let Kind::Object(entries) = &node.kind else {
        diagnostics.push(Diagnostic::error(&node.origin, "values must be an object"));
        return Vec::new();
    };
    let mut out = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        if key.name.starts_with("fn::") {
            let summary = format!("builtin function call {} not allowed at the top level", quote(&key.name));
            diagnostics.push(Diagnostic::error(&key.origin, summary));
        }
        let key = Literal { text: Arc::from(key.name.as_str()), origin: key.origin.clone() };
        out.push(Entry { key, value: expression(value, diagnostics) });
    }
    out
}
