//! The three ways to run a document: check it, open it, rotate its credentials.

use super::arena::Arena;
use super::{DecrypterRef, Evaluator, Exprs};
use crate::ast;
use crate::diag::Diagnostic;
use crate::host::{Decrypter, ExecContext, Loader, Providers};
use crate::limits::Limits;
use crate::output::Environment;
use crate::path::{self, Step};
use crate::schema::{Scopes, merged};
use crate::value::{Properties, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// How a run is bounded, and what its result holds.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bounds.
    pub limits: Limits,
    /// Whether values say where they come from.
    pub traces: bool,
    /// Whether the result lists the expressions.
    pub exprs: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { limits: Limits::default(), traces: true, exprs: true }
    }
}

/// Whom a run asks.
pub struct World<'a> {
    /// Providers and rotators.
    pub providers: &'a dyn Providers,
    /// Other environments.
    pub loader: &'a dyn Loader,
    /// Who opens what.
    pub context: &'a ExecContext,
}

/// What a run does.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Opens nothing.
    Check {
        /// Whether stored secrets are decrypted.
        show_secrets: bool,
    },
    /// Opens what the document names.
    Open,
    /// Opens, after rotating.
    Rotate {
        /// The rotators, by their paths below `values`; none for all.
        paths: Vec<Vec<Step>>,
    },
}

impl Mode {
    pub(super) fn checks(&self) -> bool {
        matches!(self, Self::Check { .. })
    }

    pub(super) fn rotates(&self) -> bool {
        matches!(self, Self::Rotate { .. })
    }

    pub(super) fn opens_only(&self) -> bool {
        matches!(self, Self::Open)
    }

    pub(super) fn decrypts(&self) -> bool {
        !matches!(self, Self::Check { show_secrets: false })
    }

    /// Whether the rotator at a document path is among those that are asked for.
    pub(super) fn rotates_at(&self, document_path: &str) -> bool {
        let Self::Rotate { paths } = self else { return false };
        if paths.is_empty() {
            return true;
        }
        let Ok(steps) = path::parse(document_path) else { return false };
        let below = steps.get(1..).unwrap_or_default();
        paths.iter().any(|wanted| wanted.as_slice() == below)
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Evaluation {
    /// The result; none for a document without values and imports.
    pub environment: Option<Environment>,
    /// What is to be said, imports included; the root's own syntax is not repeated.
    pub diagnostics: Vec<Diagnostic>,
    /// The rotations that were asked for.
    pub rotations: Vec<Rotation>,
}

/// What came of one rotation.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The document path of the rotator.
    pub path: String,
    /// How it ended.
    pub status: RotationStatus,
    /// Why it failed.
    pub failure: Option<Diagnostic>,
    /// Where the new state is to be kept, and the state.
    pub patch: Option<(String, Value)>,
}

/// How a rotation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationStatus {
    /// There is a new state to keep.
    Succeeded,
    /// The rotator failed.
    Failed,
    /// Inputs or state were not known.
    NotEvaluated,
}

/// Checks a document: everything is evaluated, nothing opened.
#[must_use]
pub fn check(
    name: &str,
    document: &ast::Environment,
    decrypter: &dyn Decrypter,
    world: &World<'_>,
    show_secrets: bool,
    options: &Options,
) -> Evaluation {
    run(name, document, decrypter, world, Mode::Check { show_secrets }, options)
}

/// Opens a document.
#[must_use]
pub fn open(
    name: &str,
    document: &ast::Environment,
    decrypter: &dyn Decrypter,
    world: &World<'_>,
    options: &Options,
) -> Evaluation {
    run(name, document, decrypter, world, Mode::Open, options)
}

/// Rotates the credentials of a document and opens it with the new ones. Imports are opened, never rotated.
#[must_use]
pub fn rotate(
    name: &str,
    document: &ast::Environment,
    decrypter: &dyn Decrypter,
    world: &World<'_>,
    paths: Vec<Vec<Step>>,
    options: &Options,
) -> Evaluation {
    run(name, document, decrypter, world, Mode::Rotate { paths }, options)
}

fn run(
    name: &str,
    document: &ast::Environment,
    decrypter: &dyn Decrypter,
    world: &World<'_>,
    mode: Mode,
    options: &Options,
) -> Evaluation {
    if document.values.is_empty() && document.imports.is_empty() {
        return Evaluation { environment: None, diagnostics: Vec::new(), rotations: Vec::new() };
    }
    let mut evaluator = Evaluator {
        world,
        options,
        mode,
        arena: Arena::default(),
        scopes: Scopes::default(),
        environments: Vec::new(),
        imports: HashMap::new(),
        loaded: 0,
        providers: HashMap::new(),
        rotators: HashMap::new(),
        diagnostics: Vec::new(),
        rotations: Vec::new(),
        depth: 0,
        steps: options.limits.steps,
        text_bytes: options.limits.text_bytes,
        exhausted: false,
        exported: Vec::new(),
    };
    let environment = evaluator.run(name, document, decrypter);
    Evaluation { environment: Some(environment), diagnostics: evaluator.diagnostics, rotations: evaluator.rotations }
}

impl<'a> Evaluator<'a> {
    fn run(&mut self, name: &str, document: &ast::Environment, decrypter: &'a dyn Decrypter) -> Environment {
        let (env, value) = self.environment(name, name, document, DecrypterRef::Root(decrypter), None);
        let name: Arc<str> = Arc::from(name);
        let schema = match self.arena[value].base {
            Some(base) => merged(&self.arena[base].schema, &self.arena[value].schema),
            None => self.arena[value].schema.clone(),
        };
        let my_context = self.environments[env.0].my_context;
        let context = self.export(my_context, &name);
        let properties = self.export(value, &name);
        let root = self.environments[env.0].root;
        let context_schema = self.arena[my_context].schema.clone();
        let exprs = self.options.exprs.then(|| Exprs::new(std::mem::take(&mut self.arena), root, name));
        let object = |value: &Value| value.properties().cloned().unwrap_or_else(Properties::new);
        Environment {
            exprs,
            properties: object(&properties),
            schema,
            context: object(&context),
            context_schema,
            limits: self.options.limits.clone(),
        }
    }
}
