//! Nodes to expressions.

use super::builtin::call;
use super::interpolation::{Scalar, interpolate};
use super::{Expr, ExprKind, ExprRef, Literal, Part, Property};
use crate::diag::Diagnostic;
use crate::yaml::{Key, Kind, Node};
use std::sync::Arc;

/// The expression that a node is.
pub(super) fn expression(node: &Node, diagnostics: &mut Vec<Diagnostic>) -> ExprRef {
    let kind = match &node.kind {
        Kind::Null => ExprKind::Null,
        Kind::Bool(value) => ExprKind::Bool(*value),
        Kind::Number(text) => ExprKind::Number(text.clone()),
        Kind::String(text) => string(interpolate(&Scalar::Node(node), text, diagnostics)),
        Kind::Array(items) => ExprKind::Array(items.iter().map(|item| expression(item, diagnostics)).collect()),
        Kind::Object(entries) => match call(node, entries, diagnostics) {
            Some(kind) => kind,
            None => ExprKind::Object(entries.iter().map(|(k, v)| property(k, v, diagnostics)).collect()),
        },
    };
    Arc::new(Expr { origin: node.origin.clone(), kind })
}

/// A string is a literal, a bare reference, or text with references.
fn string(mut parts: Vec<Part>) -> ExprKind {
    match parts.as_mut_slice() {
        [] => ExprKind::String(Arc::from("")),
        [Part { text, access: None }] => ExprKind::String(Arc::from(text.as_str())),
        [Part { text, access: access @ Some(_) }] if text.is_empty() => match access.take() {
            Some(access) => ExprKind::Symbol(access),
            None => ExprKind::String(Arc::from("")),
        },
        _ => ExprKind::Interpolate(parts),
    }
}

/// A map's entry. Escapes in its key are resolved; a reference there is refused.
fn property(key: &Key, value: &Node, diagnostics: &mut Vec<Diagnostic>) -> Property {
    let literal = match string(interpolate(&Scalar::Key(key), &key.name, diagnostics)) {
        ExprKind::String(text) => Some(Literal { text, origin: key.origin.clone() }),
        _ => {
            diagnostics.push(Diagnostic::error(&key.origin, "object keys must be strings"));
            None
        }
    };
    Property { key: literal, value: expression(value, diagnostics) }
}
