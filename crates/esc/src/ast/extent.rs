//! How much memory a document takes once it is read, for whoever keeps one.
//!
//! This room knows the sizes of the syntax. It must never know what it means.

use super::{Access, Builtin, Call, Environment, Expr, ExprKind, ExprRef, Literal, Parsed, Step};
use crate::diag::{Diagnostic, Origin};

/// What an allocation costs besides what is in it: the allocator's rounding, and the counters of what is shared.
const ALLOCATION: usize = 32;

impl Parsed {
    /// About how many bytes of memory it takes, rather too many than too few.
    #[must_use]
    pub fn extent(&self) -> usize {
        let diagnostics = |d: &Diagnostic| size_of::<Diagnostic>() + d.summary.len() + d.path.len() + 2 * ALLOCATION;
        let said: usize = self.diagnostics.iter().map(diagnostics).sum();
        size_of::<Self>() + said + self.environment.as_ref().map_or(0, environment)
    }
}

fn environment(environment: &Environment) -> usize {
    let imports = environment.imports.iter();
    let imports: usize = imports.map(|import| size_of_val(import) + import.name.as_ref().map_or(0, expr)).sum();
    let values = environment.values.iter();
    let values: usize =
        values.map(|entry| size_of_val(entry) + size_of::<usize>() + literal(&entry.key) + expr(&entry.value)).sum();
    environment.description.as_ref().map_or(0, literal) + imports + values + 3 * ALLOCATION
}

fn expr(expr: &ExprRef) -> usize {
    size_of::<Expr>() + ALLOCATION + origin(&expr.origin) + kind(&expr.kind)
}

fn kind(kind: &ExprKind) -> usize {
    match kind {
        ExprKind::Null | ExprKind::Bool(_) => 0,
        ExprKind::Number(text) => text.len() + ALLOCATION,
        ExprKind::String(text) => text.len() + ALLOCATION,
        ExprKind::Interpolate(parts) => {
            let parts = parts.iter();
            parts.map(|p| size_of_val(p) + p.text.len() + 2 * ALLOCATION + p.access.as_ref().map_or(0, access)).sum()
        }
        ExprKind::Symbol(reference) => access(reference),
        ExprKind::Array(items) => ALLOCATION + items.iter().map(|item| size_of_val(item) + expr(item)).sum::<usize>(),
        ExprKind::Object(properties) => {
            let properties = properties.iter();
            let each = properties.map(|p| size_of_val(p) + p.key.as_ref().map_or(0, literal) + expr(&p.value));
            ALLOCATION + each.sum::<usize>()
        }
        ExprKind::Call(call) => expr(&call.argument) + literal(&call.name) + parts_of_its_own(call),
    }
}

/// The parts of a call's argument are shared with it, except these.
fn parts_of_its_own(call: &Call) -> usize {
    match &call.builtin {
        Builtin::Open { provider: Some(provider), .. } => literal(provider),
        Builtin::Rotate { provider, .. } => provider.as_ref().map_or(0, literal) + size_of::<Expr>() + 2 * ALLOCATION,
        Builtin::Plaintext(_) => size_of::<Expr>() + 3 * ALLOCATION,
        _ => 0,
    }
}

fn access(access: &Access) -> usize {
    let step = |step: &Step| step.key().map_or(0, |key| key.len() + ALLOCATION);
    ALLOCATION + access.accessors.iter().map(|accessor| size_of_val(accessor) + step(&accessor.step)).sum::<usize>()
}

fn literal(literal: &Literal) -> usize {
    literal.text.len() + ALLOCATION + origin(&literal.origin)
}

/// The path; the name in the range is shared by all of a document.
fn origin(origin: &Origin) -> usize {
    origin.path.len() + ALLOCATION
}

#[cfg(test)]
mod tests {
    use crate::{Limits, parse};

    fn extent(text: &str) -> usize {
        parse("p/e", text, &Limits::default()).extent()
    }

    #[test]
    fn what_takes_much_memory_for_little_text_counts() {
        let items = format!("values:\n  a: [{}]\n", ["x"; 1000].join(","));
        assert!(extent(&items) > 1000 * 100, "{}", extent(&items));
        let name = "k".repeat(1000);
        let paths = format!("values:\n  {name}: [{}]\n", ["x"; 1000].join(","));
        assert!(extent(&paths) > 1000 * 1000, "every path holds the name: {}", extent(&paths));
        let text = format!("values:\n  a: {}\n", "t".repeat(100_000));
        assert!((100_000..110_000).contains(&extent(&text)), "{}", extent(&text));
        let wrong = "values:\n".to_owned() + &"  fn::open: 1\n".repeat(100);
        assert!(extent(&wrong) > 10_000, "{}", extent(&wrong));
    }
}
