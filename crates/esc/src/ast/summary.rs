//! What a document uses, without evaluating it: functions, rotators, other environments.

use super::{Access, Builtin, Call, Environment, Expr, ExprKind, ExprRef};
use crate::diag::Origin;
use crate::path::join_key;
use std::collections::BTreeMap;

/// Which functions a document calls, and where it rotates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionSummary {
    /// Calls by name as written (`fn::open::aws-login`).
    pub counts: BTreeMap<String, u64>,
    /// The document paths of rotators, without the leading `values.`.
    pub rotation_paths: Vec<String>,
}

/// A call of `fn::rotate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotatorCall {
    /// Its document path: `values.a.b`.
    pub path: String,
    /// Where the state is kept: `values.a.b["fn::rotate::name"].state`.
    pub state_path: String,
    /// The rotator's name, if the call has one.
    pub rotator: Option<String>,
}

/// Another environment that a document names.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The name as written, version or tag included; `project/environment` for `${environments.…}`.
    pub name: String,
    /// Where it is named.
    pub origin: Origin,
    /// Whether it stands in `imports`.
    pub import: bool,
}

impl Environment {
    /// Counts the functions that are called.
    #[must_use]
    pub fn function_summary(&self) -> FunctionSummary {
        let mut summary = FunctionSummary::default();
        self.walk(&mut |expr| {
            if let ExprKind::Call(call) = &expr.kind {
                *summary.counts.entry(call.name.text.to_string()).or_default() += 1;
                if let Builtin::Rotate { .. } = call.builtin {
                    let path = expr.origin.path.strip_prefix("values").unwrap_or(&expr.origin.path);
                    summary.rotation_paths.push(path.strip_prefix('.').unwrap_or(path).to_owned());
                }
            }
        });
        summary
    }

    /// The calls of `fn::rotate`, in the order of the text.
    #[must_use]
    pub fn rotators(&self) -> Vec<RotatorCall> {
        let mut found = Vec::new();
        self.walk(&mut |expr| {
            if let ExprKind::Call(call) = &expr.kind
                && let Builtin::Rotate { provider, .. } = &call.builtin
            {
                found.push(RotatorCall {
                    path: expr.origin.path.to_string(),
                    state_path: state_path(&expr.origin.path, &call.name.text),
                    rotator: provider.as_ref().map(|provider| provider.text.to_string()),
                });
            }
        });
        found
    }

    /// The environments that are named, imports first, in order; a name may come more than once.
    #[must_use]
    pub fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        for name in self.imports.iter().filter_map(|import| import.name.as_ref()) {
            if let ExprKind::String(text) = &name.kind {
                found.push(Reference { name: text.to_string(), origin: name.origin.clone(), import: true });
            }
        }
        self.walk(&mut |expr| match &expr.kind {
            ExprKind::Symbol(access) => found.extend(inline(access, &expr.origin)),
            ExprKind::Interpolate(parts) => {
                found.extend(parts.iter().filter_map(|p| inline(p.access.as_ref()?, &expr.origin)));
            }
            _ => {}
        });
        found
    }

    fn walk(&self, visit: &mut dyn FnMut(&Expr)) {
        for entry in &self.values {
            walk(&entry.value, visit);
        }
    }
}

fn inline(access: &Access, origin: &Origin) -> Option<Reference> {
    let [root, project, environment, ..] = access.accessors.as_slice() else { return None };
    (root.step.key() == Some("environments")).then_some(())?;
    let name = format!("{}/{}", project.step.key()?, environment.step.key()?);
    Some(Reference { name, origin: origin.clone(), import: false })
}

fn walk(expr: &ExprRef, visit: &mut dyn FnMut(&Expr)) {
    visit(expr);
    match &expr.kind {
        ExprKind::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        ExprKind::Object(properties) => properties.iter().for_each(|p| walk(&p.value, visit)),
        ExprKind::Call(Call { argument, .. }) => walk(argument, visit),
        _ => {}
    }
}

/// The document path of the state that a rotator at `path` keeps.
#[must_use]
pub(crate) fn state_path(path: &str, call: &str) -> String {
    format!("{}.state", join_key(path, call))
}
