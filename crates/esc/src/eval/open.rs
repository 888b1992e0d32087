//! `fn::open` and `fn::rotate`: schemas first, then the provider, and what it returns as values.

use super::arena::{Exp, Val};
use super::merge::Mark;
use super::run::{Rotation, RotationStatus};
use super::{Env, Evaluator, OpenProvider, OpenRotator};
use crate::ast::{Builtin, ExprKind as AstKind};
use crate::diag::Diagnostic;
use crate::host::{Rotator, RotatorSchema};
use crate::schema::{self, SchemaRef, always};
use crate::value::{Properties, Value as Exported};
use std::cell::RefCell;
use std::sync::Arc;

impl Evaluator<'_> {
    /// The name of a call's provider, if the syntax has one.
    fn provider_name(&self, x: Exp) -> Option<Arc<str>> {
        match &self.arena[x].node.kind {
            AstKind::Call(call) => match &call.builtin {
                Builtin::Open { provider, .. } | Builtin::Rotate { provider, .. } => {
                    provider.as_ref().map(|provider| provider.text.clone())
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn find_provider(&mut self, name: &str) -> Result<OpenProvider, String> {
        if let Some(found) = self.providers.get(name) {
            return Ok(found.clone());
        }
        let provider = self.world.providers.provider(name)?;
        let (inputs, outputs) = provider.schema();
        let found =
            OpenProvider { provider, inputs: self.scopes.compile(&inputs), outputs: self.scopes.compile(&outputs) };
        self.providers.insert(name.to_owned(), found.clone());
        Ok(found)
    }

    fn find_rotator(&mut self, name: &str) -> Result<OpenRotator, String> {
        if let Some(found) = self.rotators.get(name) {
            return Ok(found.clone());
        }
        let rotator = self.world.providers.rotator(name)?;
        let schema = rotator.schema();
        let state = schema::one_of(vec![schema.state, schema::null()]);
        let mut compiled = || {
            Ok(RotatorSchema {
                inputs: self.scopes.compile(&schema.inputs)?,
                state: self.scopes.compile(&state)?,
                outputs: self.scopes.compile(&schema.outputs)?,
            })
        };
        let found = OpenRotator { schemas: compiled(), rotator };
        self.rotators.insert(name.to_owned(), found.clone());
        Ok(found)
    }

    /// Takes a compiled schema, or tells why there is none.
    fn compiled(&mut self, x: Exp, schema: Result<SchemaRef, String>, what: &str) -> Option<SchemaRef> {
        match schema {
            Ok(schema) => Some(schema),
            Err(why) => {
                let node = self.node(x);
                self.error(&node, format!("internal error: invalid {what} ({why})"));
                None
            }
        }
    }

    pub(super) fn open(&mut self, env: Env, x: Exp, inputs: Exp, input_schema: &RefCell<SchemaRef>) -> Val {
        let node = self.node(x);
        let Some(name) = self.provider_name(x) else { return self.unknown(x, always()) };
        let provider = match self.find_provider(&name) {
            Ok(found) => {
                if let Some(schema) = self.compiled(x, found.inputs, "input schema") {
                    *input_schema.borrow_mut() = schema;
                }
                if let Some(schema) = self.compiled(x, found.outputs, "schema") {
                    self.arena[x].schema = schema;
                }
                Some(found.provider)
            }
            Err(summary) => {
                self.error(&node, summary);
                None
            }
        };
        let output_schema = self.arena[x].schema.clone();
        let accept = input_schema.borrow().clone();
        let (inputs, ok) = self.typed(env, inputs, &accept);
        let known = ok && !self.contains(inputs, Mark::Unknown, false) && !self.mode.checks();
        let Some(provider) = provider.filter(|_| known) else { return self.unknown(x, output_schema) };
        let Some(inputs) = self.object_inputs(x, inputs) else { return self.unknown(x, output_schema) };
        let context = self.environments[env.0].context.clone();
        let opened = provider.open(&inputs, &context);
        self.opened(x, opened, output_schema)
    }

    /// The inputs as an object, which is what providers take.
    fn object_inputs(&mut self, x: Exp, inputs: Val) -> Option<Properties> {
        let exported = self.export(inputs, &Arc::from(""));
        match exported.properties() {
            Some(properties) => Some(properties.clone()),
            None => {
                let node = self.node(x);
                self.error(&node, "the inputs of a provider must be an object");
                None
            }
        }
    }

    /// What a provider returned.
    fn opened(&mut self, x: Exp, opened: Result<Exported, String>, schema: SchemaRef) -> Val {
        match opened {
            Ok(output) => {
                let output = if output.secret { output.into_secret() } else { output };
                self.unexport(&output, x)
            }
            Err(summary) => {
                let node = self.node(x);
                self.error(&node, summary);
                self.unknown(x, schema)
            }
        }
    }

    pub(super) fn rotate(
        &mut self,
        env: Env,
        x: Exp,
        inputs: Exp,
        state: Exp,
        schemas: &RefCell<(SchemaRef, SchemaRef)>,
    ) -> Val {
        let node = self.node(x);
        let Some(name) = self.provider_name(x) else { return self.unknown(x, always()) };
        let rotator = self.prepared_rotator(x, &name, schemas);
        let output_schema = self.arena[x].schema.clone();
        let (accept_inputs, accept_state) = schemas.borrow().clone();
        let (inputs, inputs_ok) = self.typed(env, inputs, &accept_inputs);
        let (state, state_ok) = self.typed(env, state, &accept_state);
        let rotating = self.rotates(env);
        let known = inputs_ok
            && state_ok
            && !self.contains(inputs, Mark::Observable, rotating)
            && !self.contains(state, Mark::Unknown, false)
            && !self.mode.checks();
        let path = node.origin.path.clone();
        let chosen = rotating && self.mode.rotates_at(&path);
        let Some(rotator) = rotator.filter(|_| known) else {
            if chosen {
                self.rotated(&path, RotationStatus::NotEvaluated, None, None);
            }
            return self.unknown(x, output_schema);
        };
        let Some(inputs) = self.object_inputs(x, inputs) else { return self.unknown(x, output_schema) };
        let mut state = self.export(state, &Arc::from(""));
        let context = self.environments[env.0].context.clone();
        if chosen {
            match rotator.rotate_at(&path, &inputs, state.properties(), &context) {
                Ok(new) => {
                    self.rotated(&path, RotationStatus::Succeeded, Some((x, new.clone())), None);
                    state = Arc::new(if new.secret { new.into_secret() } else { new });
                }
                Err(summary) => {
                    let failure = Diagnostic::error(&node.origin, summary.clone());
                    self.rotated(&path, RotationStatus::Failed, None, Some(failure));
                    self.error(&node, format!("rotate: {summary}"));
                    return self.unknown(x, output_schema);
                }
            }
        }
        let opened = rotator.open(&inputs, state.properties(), &context);
        self.opened(x, opened, output_schema)
    }

    /// The rotator of a name, the call's schemas made those of the rotator.
    fn prepared_rotator(
        &mut self,
        x: Exp,
        name: &str,
        schemas: &RefCell<(SchemaRef, SchemaRef)>,
    ) -> Option<Arc<dyn Rotator>> {
        let node = self.node(x);
        match self.find_rotator(name) {
            Ok(found) => {
                match found.schemas {
                    Ok(found) => {
                        *schemas.borrow_mut() = (found.inputs, found.state);
                        self.arena[x].schema = found.outputs;
                    }
                    Err(why) => self.error(&node, format!("internal error: invalid schema ({why})")),
                }
                Some(found.rotator)
            }
            Err(summary) => {
                self.error(&node, summary);
                None
            }
        }
    }

    /// Whether rotators of an environment may be asked to rotate: only the root's.
    fn rotates(&self, env: Env) -> bool {
        self.mode.rotates() && self.environments[env.0].is_root
    }

    /// Records a rotation.
    fn rotated(
        &mut self,
        path: &str,
        status: RotationStatus,
        state: Option<(Exp, Exported)>,
        failure: Option<Diagnostic>,
    ) {
        let patch = state.map(|(x, new)| {
            let call = match &self.arena[x].node.kind {
                AstKind::Call(call) => call.name.text.clone(),
                _ => Arc::from(""),
            };
            (crate::ast::state_path(path, &call), new)
        });
        self.rotations.push(Rotation { path: path.to_owned(), status, failure, patch });
    }
}
