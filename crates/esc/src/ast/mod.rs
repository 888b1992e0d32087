//! The document as the language sees it: declarations, expressions, calls, references.
//!
//! This room knows the grammar and what is wrong with a text. It must never know values, imports or providers.

mod builtin;
mod environment;
mod expr;
mod extent;
mod interpolation;
mod summary;

pub use environment::{Entry, Environment, Import};
pub(crate) use summary::state_path;
pub use summary::{FunctionSummary, Reference, RotatorCall};

use crate::diag::{Diagnostic, Origin, Range};
use crate::limits::Limits;
use crate::yaml;
use std::sync::Arc;

/// A shared expression.
pub type ExprRef = Arc<Expr>;

/// An expression and where it stands.
pub struct Expr {
    /// Where it stands.
    pub origin: Origin,
    /// What it is.
    pub kind: ExprKind,
}

/// What an expression is.
pub enum ExprKind {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, in its canonical text.
    Number(String),
    /// A string without references, its escapes resolved.
    String(Arc<str>),
    /// Text with references in it.
    Interpolate(Vec<Part>),
    /// One reference and no text around it.
    Symbol(Access),
    /// A list.
    Array(Vec<ExprRef>),
    /// A map. An entry whose key is no string has none.
    Object(Vec<Property>),
    /// A call of a builtin.
    Call(Call),
}

/// A piece of text and the reference behind it.
pub struct Part {
    /// The text, its escapes resolved.
    pub text: String,
    /// The reference, if one follows.
    pub access: Option<Access>,
}

/// A reference: its accessors, at least one.
pub struct Access {
    /// The accessors.
    pub accessors: Vec<Accessor>,
}

/// One step of a reference.
pub struct Accessor {
    /// Which step.
    pub step: Step,
    /// Where it stands, if that can be told.
    pub range: Option<Range>,
}

/// A step of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `.name`
    Name(String),
    /// `["key"]`
    Key(String),
    /// `[3]`
    Index(i64),
}

/// An entry of a map.
pub struct Property {
    /// The key, if it is a string.
    pub key: Option<Literal>,
    /// The value.
    pub value: ExprRef,
}

/// A string literal and where it stands.
#[derive(Clone)]
pub struct Literal {
    /// The text.
    pub text: Arc<str>,
    /// Where it stands.
    pub origin: Origin,
}

/// A call of a builtin.
pub struct Call {
    /// The name as written (`fn::open::aws-login`).
    pub name: Literal,
    /// The whole argument.
    pub argument: ExprRef,
    /// Which builtin, and the parts of its argument.
    pub builtin: Builtin,
}

/// The builtins. A part that is missing in the text is `None`.
pub enum Builtin {
    /// `fn::concat`
    Concat,
    /// `fn::final`
    Final,
    /// `fn::fromBase64`
    FromBase64,
    /// `fn::fromJSON`
    FromJson,
    /// `fn::join`: delimiter and list.
    Join(Option<(ExprRef, ExprRef)>),
    /// `fn::split`: delimiter and string.
    Split(Option<(ExprRef, ExprRef)>),
    /// `fn::open`
    Open {
        /// The provider's name.
        provider: Option<Literal>,
        /// Its inputs.
        inputs: Option<ExprRef>,
        /// Whether the provider stands in the call's name.
        short: bool,
    },
    /// `fn::rotate`
    Rotate {
        /// The rotator's name.
        provider: Option<Literal>,
        /// Its inputs.
        inputs: Option<ExprRef>,
        /// The state of the last rotation.
        state: Option<ExprRef>,
        /// Whether the rotator stands in the call's name.
        short: bool,
    },
    /// `fn::secret` with its text in clear.
    Plaintext(ExprRef),
    /// `fn::secret` with its text encrypted.
    Ciphertext(ExprRef),
    /// `fn::toBase64`
    ToBase64,
    /// `fn::toJSON`
    ToJson,
    /// `fn::toYAML`
    ToYaml,
    /// `fn::toString`
    ToString,
    /// `fn::validate`
    Validate {
        /// The schema.
        schema: Option<ExprRef>,
        /// The value.
        value: Option<ExprRef>,
    },
}

impl Expr {
    /// An expression that stands nowhere.
    #[must_use]
    pub fn synthetic(kind: ExprKind) -> ExprRef {
        Arc::new(Self { origin: Origin::default(), kind })
    }
}

impl Step {
    /// The text, if the step is a name or key.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Name(text) | Self::Key(text) => Some(text),
            Self::Index(_) => None,
        }
    }
}

/// What came of reading a text.
pub struct Parsed {
    /// The document; none if the text is not YAML that the language takes.
    pub environment: Option<Environment>,
    /// What is to be said about it.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a document. `name` is what diagnostics call it: `project/environment`, or `<yaml>`.
#[must_use]
pub fn parse(name: &str, text: &str, limits: &Limits) -> Parsed {
    match yaml::parse(name, text, limits) {
        Err(diagnostics) => Parsed { environment: None, diagnostics },
        Ok(document) => {
            let mut diagnostics = Vec::new();
            let environment = environment::read(&document, &mut diagnostics);
            diagnostics.truncate(limits.diagnostics);
            Parsed { environment: Some(environment), diagnostics }
        }
    }
}
