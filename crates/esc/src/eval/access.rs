//! References: from the accessors to the value.

use super::arena::{Call, Exp, Expr, Kind, Repr, Val, Value};
use super::{Env, Evaluator};
use crate::ast::{Accessor, ExprRef, Step};
use crate::gotext::quote;
use crate::schema::{self, SchemaRef, Type, always};
use crate::sorted::Sorted;
use crate::spell::nearest;
use std::rc::Rc;
use std::sync::Arc;

/// A reference on its way: the expression that holds it, which accessor is its first there, and the accessors.
#[derive(Clone, Copy)]
struct Path<'p> {
    x: Exp,
    reference: usize,
    node: &'p ExprRef,
    accessors: &'p [Accessor],
}

impl Evaluator<'_> {
    /// A copy of the value that a reference names; it counts as defined by the reference.
    pub(super) fn reference(
        &mut self,
        env: Env,
        x: Exp,
        reference: usize,
        accessors: &[Accessor],
        accept: &SchemaRef,
    ) -> Val {
        let node = self.node(x);
        let found = self.resolve(env, Path { x, reference, node: &node, accessors }, accept);
        let copy = self.copy(found);
        self.arena[copy].def = x;
        copy
    }

    /// Remembers what an accessor led to.
    fn mark(&mut self, path: Path<'_>, at: usize, def: Exp) {
        if let Some(slot) = self.arena[path.x].resolved.get_mut(path.reference + at) {
            *slot = Some(def);
        }
    }

    /// Follows accessors through lists and maps as they are written, so that only what is named is evaluated.
    fn resolve(&mut self, env: Env, path: Path<'_>, accept: &SchemaRef) -> Val {
        match path.accessors[0].step.key() {
            Some("imports") => {
                let imports = self.environments[env.0].my_imports;
                self.mark(path, 0, self.arena[imports].def);
                return self.within_value(path, 1, imports);
            }
            Some("context") => {
                let context = self.environments[env.0].my_context;
                self.mark(path, 0, self.arena[context].def);
                return self.within_value(path, 1, context);
            }
            Some("environments") => return self.inline_import(env, path),
            _ => {}
        }
        let mut receiver = self.environments[env.0].root;
        let mut at = 0;
        while at < path.accessors.len() {
            let accessor = &path.accessors[at];
            let kind = self.arena[receiver].kind.clone();
            // A secret's text has no properties; the literal within says so. Of a stored one upstream says it in these words.
            match secret_text(&kind) {
                Some(Some(plaintext)) => {
                    receiver = plaintext;
                    continue;
                }
                Some(None) => {
                    self.error(path.node, "internal error: no receiver");
                    return self.invalid(path, at);
                }
                None => {}
            }
            receiver = match &kind {
                Kind::Array(items) => match self.index(path.node, accessor, Some(items.len())) {
                    Some(index) => items[index],
                    None => return self.invalid(path, at),
                },
                Kind::Object(fields) => {
                    let Some(key) = self.key(path.node, accessor) else { return self.invalid(path, at) };
                    match fields.get(&key) {
                        Some(field) => *field,
                        None => {
                            let base = self.arena[receiver].base;
                            if let Some(base) = base.filter(|base| self.arena[*base].may_be_object()) {
                                return self.within_value(path, at, base);
                            }
                            return self.unknown_property(path, at, &key, fields.keys().map(|k| &**k));
                        }
                    }
                }
                _ => {
                    let value = self.evaluate(env, receiver, accept);
                    return self.within_value(path, at, value);
                }
            };
            self.mark(path, at, receiver);
            at += 1;
        }
        self.evaluate(env, receiver, &always())
    }

    /// `environments.PROJECT.NAME…`: an import where it is needed.
    fn inline_import(&mut self, env: Env, path: Path<'_>) -> Val {
        if path.accessors.len() < 3 {
            return self.invalid(path, 0);
        }
        let project = self.key(path.node, &path.accessors[1]);
        let name = self.key(path.node, &path.accessors[2]);
        let (Some(project), Some(name)) = (project, name) else { return self.invalid(path, 0) };
        let imported = match self.import(env, path.node, &format!("{project}/{name}")) {
            Some(value) => value,
            None => {
                let def = self.arena.add_expr(Expr::missing(None));
                self.unknown(def, always())
            }
        };
        for at in 0..2 {
            self.mark(path, at, path.x);
        }
        self.mark(path, 2, self.arena[imported].def);
        self.within_value(path, 3, imported)
    }

    /// Follows the accessors from `at` on through a value.
    fn within_value(&mut self, path: Path<'_>, mut at: usize, mut receiver: Val) -> Val {
        while at < path.accessors.len() {
            let accessor = &path.accessors[at];
            if self.arena[receiver].unknown {
                let schema = self.arena[receiver].schema.clone();
                return self.within_unknown(path, at, schema);
            }
            match self.arena[receiver].repr.clone() {
                Repr::Array(items) => match self.index(path.node, accessor, Some(items.len())) {
                    Some(index) => receiver = items[index],
                    None => return self.invalid(path, at),
                },
                Repr::Object(fields) => {
                    let Some(key) = self.key(path.node, accessor) else { return self.invalid(path, at) };
                    if let Some(field) = fields.get(&key) {
                        receiver = *field;
                    } else {
                        let base = self.arena[receiver].base;
                        if let Some(base) = base.filter(|base| self.arena[*base].may_be_object()) {
                            receiver = base;
                            continue;
                        }
                        return self.unknown_property(path, at, &key, fields.keys().map(|k| &**k));
                    }
                }
                _ => {
                    self.accessor_error(path.node, accessor, "receiver must be an array or an object");
                    return self.invalid(path, at);
                }
            }
            self.mark(path, at, self.arena[receiver].def);
            at += 1;
        }
        receiver
    }

    /// Follows the accessors from `at` on through the schema of something unknown.
    fn within_unknown(&mut self, path: Path<'_>, from: usize, mut receiver: SchemaRef) -> Val {
        let mut value = None;
        for (at, accessor) in path.accessors.iter().enumerate().skip(from) {
            if !receiver.is_always() {
                let next = match receiver.ty {
                    Type::Array => {
                        let exact = receiver.items.as_ref().is_some_and(|items| items.is_never());
                        let length = exact.then_some(receiver.prefix_items.len());
                        self.index(path.node, accessor, length).map(|index| receiver.item(index))
                    }
                    Type::Object => self.key(path.node, accessor).map(|key| receiver.property(&key)),
                    _ => {
                        self.accessor_error(path.node, accessor, "receiver must be an array or an object");
                        None
                    }
                };
                let Some(next) = next else { return self.invalid(path, at) };
                receiver = next;
            }
            let def = self.arena.add_expr(Expr::stand_in(path.node.clone()));
            self.mark(path, at, def);
            value = Some(Value::unknown(def, receiver.clone()));
        }
        match value {
            Some(value) => self.arena.add_value(value),
            None => self.unknown(path.x, receiver),
        }
    }

    /// What a wrong reference is: unknown, from the wrong accessor on.
    fn invalid(&mut self, path: Path<'_>, from: usize) -> Val {
        let def = self.arena.add_expr(Expr::stand_in(path.node.clone()));
        for at in from..path.accessors.len() {
            self.mark(path, at, def);
        }
        self.unknown(def, always())
    }

    fn unknown_property<'k>(
        &mut self,
        path: Path<'_>,
        at: usize,
        key: &str,
        candidates: impl Iterator<Item = &'k str>,
    ) -> Val {
        let hint = match nearest(key, candidates) {
            Some(near) if !near.is_empty() => format!("; did you mean {}?", quote(near)),
            _ => String::new(),
        };
        self.accessor_error(path.node, &path.accessors[at], format!("unknown property {}{hint}", quote(key)));
        self.invalid(path, at)
    }

    /// The index that an accessor is, below `length` if that is known.
    fn index(&mut self, node: &ExprRef, accessor: &Accessor, length: Option<usize>) -> Option<usize> {
        let Step::Index(index) = accessor.step else {
            self.accessor_error(node, accessor, "cannot access an array element using a property name");
            return None;
        };
        let Ok(at) = usize::try_from(index) else {
            self.accessor_error(node, accessor, "array indices must not be negative");
            return None;
        };
        if let Some(length) = length.filter(|length| at >= *length) {
            let summary = format!("array index {index} out-of-bounds for array of length {length}");
            self.accessor_error(node, accessor, summary);
            return None;
        }
        Some(at)
    }

    /// The key that an accessor is.
    fn key(&mut self, node: &ExprRef, accessor: &Accessor) -> Option<Arc<str>> {
        match accessor.step.key() {
            Some(key) => Some(Arc::from(key)),
            None => {
                self.accessor_error(node, accessor, "cannot access an object property using an integer index");
                None
            }
        }
    }

    /// An object made of values that exist.
    pub(super) fn object_of(&mut self, def: Exp, fields: Sorted<Val>) -> Val {
        let schemas = fields.map(|v| self.arena[*v].schema.clone());
        self.add_checked(Value::known(def, schema::record(schemas), Repr::Object(Rc::new(fields))))
    }
}

/// Of a secret, the expression of its text in clear, if the document has that.
fn secret_text(kind: &Kind) -> Option<Option<Exp>> {
    let Kind::Call(call) = kind else { return None };
    match &**call {
        Call::Plaintext(plaintext) => Some(Some(*plaintext)),
        Call::Ciphertext(_) => Some(None),
        _ => None,
    }
}
