//! Syntax to expressions: what each is, what it overrides, what is known of its schema before it is evaluated.

use super::Evaluator;
use super::arena::{Call, Exp, Expr, Key, Kind, PathStep, Val};
use crate::ast::{Builtin, Call as AstCall, Expr as Ast, ExprKind as AstKind, ExprRef, Literal};
use crate::diag::Diagnostic;
use crate::gotext::quote;
use crate::json::Json;
use crate::schema::{self, SchemaRef, Type, always};
use crate::sorted::Seen;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

impl Evaluator<'_> {
    /// Declares an expression and all within it.
    pub(super) fn declare(&mut self, node: &ExprRef, base: Option<Val>) -> Exp {
        let (kind, schema) = match &node.kind {
            AstKind::Null => (Kind::Literal, schema::null()),
            AstKind::Bool(value) => (Kind::Literal, schema::constant(Type::Boolean, Json::Bool(*value))),
            AstKind::Number(text) => (Kind::Literal, schema::constant(Type::Number, Json::Number(text.clone()))),
            AstKind::String(text) => (Kind::Literal, schema::constant(Type::String, Json::from(&**text))),
            AstKind::Interpolate(_) => (Kind::Interpolate, schema::string()),
            AstKind::Symbol(_) => (Kind::Symbol, always()),
            AstKind::Array(items) => {
                let items = items.iter().enumerate().map(|(i, x)| {
                    let item = self.declare(x, None);
                    self.arena[item].step = PathStep::Index(i);
                    item
                });
                (Kind::Array(items.collect()), schema::some_array())
            }
            AstKind::Object(_) => self.declare_object(node, base),
            AstKind::Call(call) => {
                let (call, schema) = self.declare_call(call);
                (Kind::Call(Rc::new(call)), schema)
            }
        };
        let children = kind.clone();
        let x = self.arena.add_expr(Expr::new(node.clone(), kind, schema, base));
        match &children {
            Kind::Array(items) => items.iter().for_each(|item| self.arena[*item].parent = Some(x)),
            Kind::Object(fields) => fields.values().for_each(|field| self.arena[*field].parent = Some(x)),
            _ => {}
        }
        x
    }

    fn declare_object(&mut self, node: &ExprRef, base: Option<Val>) -> (Kind, SchemaRef) {
        let AstKind::Object(properties) = &node.kind else { return (Kind::Missing, always()) };
        let mut declared: Vec<(Key, Exp)> = Vec::with_capacity(properties.len());
        let mut seen = Seen::default();
        for property in properties {
            // After a syntax error a property may be without key.
            let Some(key) = &property.key else { continue };
            if !seen.insert(&key.text) {
                let summary = format!("duplicate key {}", quote(&key.text));
                self.say(Diagnostic::error(&key.origin, summary));
                continue;
            }
            let base = base.and_then(|base| self.property(base, &literal(key), &key.text));
            let exp = self.declare(&property.value, base);
            self.arena[exp].step = PathStep::Key(key.text.clone());
            declared.push((key.text.clone(), exp));
        }
        (Kind::Object(Rc::new(declared.into_iter().collect())), schema::some_object())
    }

    /// Declares a part of a call. Parts have no path and override nothing.
    fn part(&mut self, node: Option<&ExprRef>) -> Exp {
        match node {
            Some(node) => self.declare(node, None),
            None => self.arena.add_expr(Expr::missing(None)),
        }
    }

    fn declare_call(&mut self, call: &AstCall) -> (Call, SchemaRef) {
        let argument = &call.argument;
        let text = schema::string;
        match &call.builtin {
            Builtin::Concat => (Call::Concat(self.part(Some(argument))), schema::array(always())),
            Builtin::Final => (Call::Final(self.part(Some(argument))), always()),
            Builtin::FromBase64 => (Call::FromBase64(self.part(Some(argument))), text()),
            Builtin::FromJson => (Call::FromJson(self.part(Some(argument))), always()),
            Builtin::Join(parts) => {
                let parts = parts.as_ref();
                (Call::Join(self.part(parts.map(|p| &p.0)), self.part(parts.map(|p| &p.1))), text())
            }
            Builtin::Split(parts) => {
                let parts = parts.as_ref();
                let call = Call::Split(self.part(parts.map(|p| &p.0)), self.part(parts.map(|p| &p.1)));
                (call, schema::array(text()))
            }
            Builtin::Open { provider, inputs, .. } => {
                let provider = self.part(provider.as_ref().map(literal).as_ref());
                let inputs = self.part(inputs.as_ref());
                (Call::Open { provider, inputs, schema: RefCell::new(always()) }, always())
            }
            Builtin::Rotate { provider, inputs, state, .. } => {
                let provider = self.part(provider.as_ref().map(literal).as_ref());
                let inputs = self.part(inputs.as_ref());
                let state = self.part(state.as_ref());
                (Call::Rotate { provider, inputs, state, schemas: RefCell::new((always(), always())) }, always())
            }
            Builtin::Plaintext(plaintext) => (Call::Plaintext(self.secret_part(plaintext)), text()),
            Builtin::Ciphertext(ciphertext) => (Call::Ciphertext(self.secret_part(ciphertext)), text()),
            Builtin::ToBase64 => (Call::ToBase64(self.part(Some(argument))), text()),
            Builtin::ToJson => (Call::ToJson(self.part(Some(argument))), text()),
            Builtin::ToYaml => (Call::ToYaml(self.part(Some(argument))), text()),
            Builtin::ToString => (Call::ToString(self.part(Some(argument))), text()),
            Builtin::Validate { schema, value } => {
                let schema = self.part(schema.as_ref());
                (Call::Validate { schema, value: self.part(value.as_ref()) }, always())
            }
        }
    }

    fn secret_part(&mut self, node: &ExprRef) -> Exp {
        let exp = self.part(Some(node));
        self.arena[exp].secret = true;
        exp
    }
}

/// A literal as an expression.
pub(super) fn literal(literal: &Literal) -> ExprRef {
    Arc::new(Ast { origin: literal.origin.clone(), kind: AstKind::String(literal.text.clone()) })
}
