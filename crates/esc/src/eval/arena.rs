//! Values and expressions under evaluation, in two tables.

use crate::ast::{Expr as Ast, ExprKind as AstKind, ExprRef};
use crate::path::{join_index, join_key};
use crate::schema::{SchemaRef, always};
use crate::sorted::Sorted;
use std::rc::Rc;
use std::sync::Arc;

/// The index of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Val(pub u32);

/// The index of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Exp(pub u32);

/// A property name.
pub(super) type Key = Arc<str>;

/// A value under evaluation.
#[derive(Clone)]
pub(super) struct Value {
    /// The expression that it comes from.
    pub def: Exp,
    /// What it is merged over.
    pub base: Option<Val>,
    pub schema: SchemaRef,
    pub unknown: bool,
    /// Unknown because it is evaluated for rotations only.
    pub rotate_only: bool,
    pub secret: bool,
    /// Importers cannot override it.
    pub is_final: bool,
    /// Levels below, those of the base included.
    pub height: u32,
    /// The keys that it shows, where later merging adds none.
    pub sealed: Option<Rc<[Key]>>,
    pub repr: Repr,
}

/// What a value is.
#[derive(Clone)]
pub(super) enum Repr {
    Null,
    Bool(bool),
    Number(Arc<str>),
    Text(Text),
    Array(Rc<[Val]>),
    Object(Rc<Sorted<Val>>),
}

/// A string, which builtins can make of any bytes.
#[derive(Clone)]
pub(super) enum Text {
    Str(Arc<str>),
    Bytes(Arc<[u8]>),
}

impl Text {
    pub fn of(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Str(Arc::from(text)),
            Err(error) => Self::Bytes(Arc::from(error.into_bytes())),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Str(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// The text; bytes that are none are replaced.
    pub fn text(&self) -> Arc<str> {
        match self {
            Self::Str(text) => text.clone(),
            Self::Bytes(bytes) => Arc::from(crate::gotext::lossy(bytes)),
        }
    }
}

/// How far an expression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Declared,
    Evaluating,
    Done,
}

/// An expression under evaluation.
pub(super) struct Expr {
    /// The expression that it is a part of, and which part, for the path that a cycle is told by.
    pub parent: Option<Exp>,
    pub step: PathStep,
    /// The syntax that diagnostics name.
    pub node: ExprRef,
    pub kind: Kind,
    /// The imported value that it overrides.
    pub base: Option<Val>,
    pub schema: SchemaRef,
    pub state: State,
    /// Whether its value is secret, whatever it is.
    pub secret: bool,
    pub value: Option<Val>,
    /// What each accessor led to, those of all references in it one after the other.
    pub resolved: Vec<Option<Exp>>,
}

/// Which part of its parent an expression is.
pub(super) enum PathStep {
    /// None that has a name: the argument of a call, or something that stands nowhere.
    None,
    /// The whole of an environment.
    Environment(Arc<str>),
    /// An entry of `values`, told as it is.
    Entry(Key),
    Key(Key),
    Index(usize),
}

/// What an expression is.
#[derive(Clone)]
pub(super) enum Kind {
    /// Nothing, after a syntax error.
    Missing,
    /// A literal, or a stand-in for what its syntax says.
    Literal,
    Interpolate,
    Symbol,
    /// A property of something unknown.
    Access(Val, Key),
    Array(Rc<[Exp]>),
    Object(Rc<Sorted<Exp>>),
    Call(Rc<Call>),
}

/// A call and its parts. Schemas are those of the provider, once it is known.
pub(super) enum Call {
    Concat(Exp),
    Final(Exp),
    FromBase64(Exp),
    FromJson(Exp),
    Join(Exp, Exp),
    Split(Exp, Exp),
    Open { provider: Exp, inputs: Exp, schema: std::cell::RefCell<SchemaRef> },
    Rotate { provider: Exp, inputs: Exp, state: Exp, schemas: std::cell::RefCell<(SchemaRef, SchemaRef)> },
    Plaintext(Exp),
    Ciphertext(Exp),
    ToBase64(Exp),
    ToJson(Exp),
    ToYaml(Exp),
    ToString(Exp),
    Validate { schema: Exp, value: Exp },
}

/// The tables.
#[derive(Default)]
pub(super) struct Arena {
    values: Vec<Value>,
    exprs: Vec<Expr>,
}

impl Arena {
    pub fn add_value(&mut self, value: Value) -> Val {
        self.values.push(value);
        Val(index(self.values.len() - 1))
    }

    pub fn add_expr(&mut self, expr: Expr) -> Exp {
        self.exprs.push(expr);
        Exp(index(self.exprs.len() - 1))
    }

    /// How many values there are.
    pub fn values(&self) -> usize {
        self.values.len()
    }

    /// The path by which cycles are told.
    pub fn path(&self, x: Exp) -> String {
        let expr = &self[x];
        let parent = || expr.parent.map(|parent| self.path(parent)).unwrap_or_default();
        match &expr.step {
            PathStep::None => String::new(),
            PathStep::Environment(name) => format!("<{name}>"),
            PathStep::Entry(key) => key.to_string(),
            PathStep::Key(key) => join_key(&parent(), key),
            PathStep::Index(index) => join_index(&parent(), *index),
        }
    }
}

/// Bounds of a run keep both tables far below this.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl std::ops::Index<Val> for Arena {
    type Output = Value;
    fn index(&self, at: Val) -> &Value {
        &self.values[at.0 as usize]
    }
}

impl std::ops::IndexMut<Val> for Arena {
    fn index_mut(&mut self, at: Val) -> &mut Value {
        &mut self.values[at.0 as usize]
    }
}

impl std::ops::Index<Exp> for Arena {
    type Output = Expr;
    fn index(&self, at: Exp) -> &Expr {
        &self.exprs[at.0 as usize]
    }
}

impl std::ops::IndexMut<Exp> for Arena {
    fn index_mut(&mut self, at: Exp) -> &mut Expr {
        &mut self.exprs[at.0 as usize]
    }
}

impl Value {
    /// A known value.
    pub fn known(def: Exp, schema: SchemaRef, repr: Repr) -> Self {
        Self {
            def,
            base: None,
            schema,
            unknown: false,
            rotate_only: false,
            secret: false,
            is_final: false,
            height: 0,
            sealed: None,
            repr,
        }
    }

    /// An unknown value.
    pub fn unknown(def: Exp, schema: SchemaRef) -> Self {
        Self { unknown: true, ..Self::known(def, schema, Repr::Null) }
    }

    /// Whether it is of an object's kind, as far as that is known.
    pub fn may_be_object(&self) -> bool {
        if self.unknown {
            return self.schema.is_always() || self.schema.ty == crate::schema::Type::Object;
        }
        matches!(self.repr, Repr::Object(_))
    }
}

impl Expr {
    pub fn new(node: ExprRef, kind: Kind, schema: SchemaRef, base: Option<Val>) -> Self {
        let resolved = match &node.kind {
            AstKind::Symbol(access) => vec![None; access.accessors.len()],
            AstKind::Interpolate(parts) => {
                let accesses = parts.iter().filter_map(|part| part.access.as_ref());
                vec![None; accesses.map(|access| access.accessors.len()).sum()]
            }
            _ => Vec::new(),
        };
        Self {
            parent: None,
            step: PathStep::None,
            node,
            kind,
            base,
            schema,
            state: State::Declared,
            secret: false,
            value: None,
            resolved,
        }
    }

    /// An expression that the syntax lacks.
    pub fn missing(base: Option<Val>) -> Self {
        Self::new(Ast::synthetic(AstKind::Null), Kind::Missing, always(), base)
    }

    /// A stand-in for an expression, already evaluated.
    pub fn stand_in(node: ExprRef) -> Self {
        Self { state: State::Done, resolved: Vec::new(), ..Self::new(node, Kind::Literal, always(), None) }
    }
}
