//! Evaluation: what a document's values are, lazily, each expression once.
//!
//! This room knows references, merging, imports, builtins and their schemas, and counts what all of it costs. It must never
//! know HTTP, storage, time or the network: it asks the traits of `host`.

mod access;
mod arena;
mod builtins;
mod convert;
mod declare;
mod export;
mod exprs;
mod import;
mod merge;
mod open;
mod run;
mod subsume;
mod validate;

pub use exprs::Exprs;
pub(crate) use exprs::Room;
pub use run::{Evaluation, Mode, Options, Rotation, RotationStatus, World, check, open, rotate};

use crate::ast::{Accessor, Expr as Ast, ExprKind as AstKind, ExprRef};
use crate::diag::Diagnostic;
use crate::host::{Decrypter, ExecContext, Provider, Rotator, RotatorSchema};
use crate::schema::{self, Schema, SchemaRef, Scopes, always};
use crate::sorted::Sorted;
use arena::{Arena, Exp, Expr, Kind, Repr, State, Text, Val, Value};
use import::Imported;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// One run: a root environment and all that it imports.
struct Evaluator<'a> {
    world: &'a World<'a>,
    options: &'a Options,
    mode: Mode,
    arena: Arena,
    scopes: Scopes,
    environments: Vec<Environment<'a>>,
    imports: HashMap<String, Imported>,
    loaded: usize,
    providers: HashMap<String, OpenProvider>,
    rotators: HashMap<String, OpenRotator>,
    diagnostics: Vec<Diagnostic>,
    rotations: Vec<Rotation>,
    /// Expressions that wait for one another.
    depth: usize,
    steps: u64,
    text_bytes: u64,
    /// Whether a bound was hit: everything that follows is unknown, quickly.
    exhausted: bool,
    /// Results by the index of their value.
    exported: Vec<Option<Arc<crate::value::Value>>>,
}

/// A provider that was found, its schemas ready to validate with.
#[derive(Clone)]
struct OpenProvider {
    provider: Arc<dyn Provider>,
    inputs: Result<SchemaRef, String>,
    outputs: Result<SchemaRef, String>,
}

/// A rotator that was found, its schemas ready to validate with.
#[derive(Clone)]
struct OpenRotator {
    rotator: Arc<dyn Rotator>,
    schemas: Result<RotatorSchema, String>,
}

/// An environment under evaluation.
struct Environment<'a> {
    name: Arc<str>,
    is_root: bool,
    decrypter: DecrypterRef<'a>,
    context: ExecContext,
    my_context: Val,
    my_imports: Val,
    root: Exp,
    base: Option<Val>,
    /// How many environments import it, one through the other.
    level: usize,
}

/// A decrypter of the caller's, or one that came with an import.
#[derive(Clone)]
enum DecrypterRef<'a> {
    Root(&'a dyn Decrypter),
    Import(Arc<dyn Decrypter>),
}

/// The index of an environment.
#[derive(Clone, Copy, PartialEq)]
struct Env(usize);

impl Evaluator<'_> {
    /// Keeps a diagnostic, as long as there are not too many.
    fn say(&mut self, diagnostic: Diagnostic) {
        let most = self.options.limits.diagnostics;
        match self.diagnostics.len() {
            len if len < most => self.diagnostics.push(diagnostic),
            len if len == most => self
                .diagnostics
                .push(Diagnostic::nowhere(format!("there are more than {most} diagnostics; the others are left out"))),
            _ => {}
        }
    }

    fn error(&mut self, node: &Ast, summary: impl Into<String>) {
        self.say(Diagnostic::error(&node.origin, summary));
    }

    fn accessor_error(&mut self, node: &Ast, accessor: &Accessor, summary: impl Into<String>) {
        let mut diagnostic = Diagnostic::error(&node.origin, summary);
        if let Some(range) = &accessor.range {
            diagnostic.range = Some(range.clone());
        }
        self.say(diagnostic);
    }

    /// Counts steps; false once there are too many.
    fn spend(&mut self, steps: u64) -> bool {
        if self.steps < steps {
            self.steps = 0;
            if !self.exhausted {
                self.exhausted = true;
                self.say(Diagnostic::nowhere(format!(
                    "the evaluation takes more than {} steps",
                    self.options.limits.steps
                )));
            }
            return false;
        }
        self.steps -= steps;
        !self.exhausted
    }

    /// Counts text that is produced; false once it is too much.
    fn spend_text(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        if self.text_bytes < bytes {
            self.text_bytes = 0;
            if !self.exhausted {
                self.exhausted = true;
                self.say(Diagnostic::nowhere(format!(
                    "the evaluation produces more than {} bytes of text",
                    self.options.limits.text_bytes
                )));
            }
            return false;
        }
        self.text_bytes -= bytes;
        !self.exhausted
    }

    /// Evaluates an expression, or returns what came of it before. `accept` is what is expected in its place.
    fn evaluate(&mut self, env: Env, x: Exp, accept: &SchemaRef) -> Val {
        match self.arena[x].state {
            State::Done => {
                if let Some(value) = self.arena[x].value {
                    return value;
                }
                return self.unknown(x, always());
            }
            State::Evaluating => {
                let (node, path) = (self.arena[x].node.clone(), self.arena.path(x));
                self.error(&node, format!("cyclic reference to {path}"));
                return self.unknown(x, always());
            }
            State::Declared => {}
        }
        if self.depth >= self.options.limits.evaluation_depth {
            let node = self.arena[x].node.clone();
            let most = self.options.limits.evaluation_depth;
            self.error(&node, format!("more than {most} expressions wait for one another"));
            return self.unknown(x, always());
        }
        self.arena[x].state = State::Evaluating;
        self.depth += 1;
        let value = if self.spend(1) { self.evaluate_once(env, x, accept) } else { self.unknown(x, always()) };
        self.depth -= 1;
        self.arena[x].state = State::Done;
        self.arena[x].value = Some(value);
        value
    }

    fn evaluate_once(&mut self, env: Env, x: Exp, accept: &SchemaRef) -> Val {
        if self.skips(env, accept) {
            let missing = Expr::missing(self.arena[x].base);
            let def = self.arena.add_expr(missing);
            let value = Value { rotate_only: true, ..Value::unknown(def, always()) };
            return self.arena.add_value(value);
        }
        let base = self.arena[x].base;
        if let Some(base) = base.filter(|base| self.arena[*base].is_final) {
            let origin = self.arena[x].node.clone();
            self.say(Diagnostic::warning(&origin.origin, "cannot override final value"));
            self.arena[x].schema = self.arena[base].schema.clone();
            return base;
        }
        let kind = self.arena[x].kind.clone();
        let value = self.evaluate_kind(env, x, &kind, accept);
        if accept.within_rotation {
            self.arena[value].rotate_only = true;
        }
        if self.arena[x].secret {
            self.arena[value].secret = true;
        }
        self.merge(value, base);
        self.arena[x].schema = self.arena[value].schema.clone();
        value
    }

    /// What is for rotations only is evaluated in them, and when the root is checked: who edits it needs access to what it
    /// names. In imports, never.
    fn skips(&self, env: Env, accept: &Schema) -> bool {
        accept.within_rotation && (self.mode.opens_only() || !self.environments[env.0].is_root)
    }

    fn evaluate_kind(&mut self, env: Env, x: Exp, kind: &Kind, accept: &SchemaRef) -> Val {
        match kind {
            Kind::Missing | Kind::Access(..) => {
                let schema = self.arena[x].schema.clone();
                self.unknown(x, schema)
            }
            Kind::Literal => self.literal(x),
            Kind::Interpolate => self.interpolate(env, x),
            Kind::Symbol => {
                let node = self.arena[x].node.clone();
                match &node.kind {
                    AstKind::Symbol(access) => self.reference(env, x, 0, &access.accessors, accept),
                    _ => self.unknown(x, always()),
                }
            }
            Kind::Array(items) => self.array(env, x, items, accept),
            Kind::Object(fields) => self.object(env, x, fields, accept),
            Kind::Call(call) => self.call(env, x, call),
        }
    }

    fn literal(&mut self, x: Exp) -> Val {
        let expr = &self.arena[x];
        let repr = match &expr.node.kind {
            AstKind::Bool(value) => Repr::Bool(*value),
            AstKind::Number(text) => Repr::Number(Arc::from(text.as_str())),
            AstKind::String(text) => Repr::Text(Text::Str(text.clone())),
            _ => Repr::Null,
        };
        let value = Value::known(x, expr.schema.clone(), repr);
        self.arena.add_value(value)
    }

    fn array(&mut self, env: Env, x: Exp, items: &[Exp], accept: &SchemaRef) -> Val {
        let mut values = Vec::with_capacity(items.len());
        let mut schemas = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let value = self.evaluate(env, *item, &accept.item(i));
            schemas.push(self.arena[value].schema.clone());
            values.push(value);
        }
        self.add_checked(Value::known(x, schema::tuple(schemas), Repr::Array(Rc::from(values))))
    }

    fn object(&mut self, env: Env, x: Exp, fields: &Sorted<Exp>, accept: &SchemaRef) -> Val {
        let mut values = Vec::with_capacity(fields.len());
        for (key, field) in fields.iter() {
            values.push((key.clone(), self.evaluate(env, *field, &accept.property(key))));
        }
        let values = Sorted::in_order(values);
        let schema = schema::record(values.map(|value| self.arena[*value].schema.clone()));
        self.add_checked(Value::known(x, schema, Repr::Object(Rc::new(values))))
    }

    fn interpolate(&mut self, env: Env, x: Exp) -> Val {
        let node = self.arena[x].node.clone();
        let AstKind::Interpolate(parts) = &node.kind else { return self.unknown(x, always()) };
        let mut value = Value::known(x, self.arena[x].schema.clone(), Repr::Null);
        let mut bytes = Vec::new();
        let mut reference = 0;
        for part in parts {
            bytes.extend_from_slice(part.text.as_bytes());
            let Some(access) = &part.access else { continue };
            let referred = self.reference(env, x, reference, &access.accessors, &always());
            reference += access.accessors.len();
            let text = self.stringify(referred);
            value.unknown |= text.unknown;
            value.secret |= text.secret;
            bytes.extend_from_slice(&text.bytes);
        }
        value.unknown |= !self.spend_text(bytes.len());
        if !value.unknown {
            value.repr = Repr::Text(Text::of(bytes));
        } else {
            value.repr = Repr::Text(Text::Str(Arc::from("[unknown]")));
        }
        self.arena.add_value(value)
    }

    /// An unknown value.
    fn unknown(&mut self, def: Exp, schema: SchemaRef) -> Val {
        self.arena.add_value(Value::unknown(def, schema))
    }

    /// The syntax of an expression.
    fn node(&self, x: Exp) -> ExprRef {
        self.arena[x].node.clone()
    }
}
