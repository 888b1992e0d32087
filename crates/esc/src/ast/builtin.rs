//! Calls of builtins: a map with one key that begins with `fn::`.

use super::expr::expression;
use super::{Builtin, Call, Expr, ExprKind, ExprRef, Literal, Property};
use crate::diag::{Diagnostic, Origin};
use crate::gotext::quote;
use crate::yaml::{Key, Node};
use std::sync::Arc;

/// The call that a map is, if it is one.
pub(super) fn call(node: &Node, entries: &[(Key, Node)], diagnostics: &mut Vec<Diagnostic>) -> Option<ExprKind> {
    let [(key, value)] = entries else {
        for (key, _) in entries.iter().filter(|(k, _)| k.name.starts_with("fn::")) {
            let summary = format!(
                "illegal call to builtin function: {} must be the only key within its containing object",
                quote(&key.name)
            );
            diagnostics.push(Diagnostic::error(&node.origin, summary));
        }
        return None;
    };
    let Some(which) = which(&key.name) else {
        if key.name.to_lowercase().starts_with("fn::") {
            let mut diagnostic = Diagnostic::error(&key.origin, "'fn::' is a reserved prefix");
            diagnostic.path = node.origin.path.to_string();
            diagnostics.push(diagnostic);
        }
        return None;
    };
    let name = Literal { text: Arc::from(key.name.as_str()), origin: key.origin.clone() };
    let argument = expression(value, diagnostics);
    let mut reader = Reader { name: &name, argument: &argument, diagnostics };
    let builtin = reader.builtin(which);
    Some(ExprKind::Call(Call { name, argument, builtin }))
}

/// A builtin's name, with the provider that stands in it.
enum Which<'n> {
    Plain(&'n str),
    Open(&'n str),
    Rotate(&'n str),
}

fn which(name: &str) -> Option<Which<'_>> {
    let short = name.strip_prefix("fn::")?;
    match short {
        "concat" | "final" | "validate" | "fromJSON" | "fromBase64" | "join" | "open" | "rotate" | "secret"
        | "split" | "toBase64" | "toJSON" | "toYAML" | "toString" => Some(Which::Plain(short)),
        _ => match short.strip_prefix("open::") {
            Some(provider) => Some(Which::Open(provider)),
            None => short.strip_prefix("rotate::").map(Which::Rotate),
        },
    }
}

/// Takes a call's argument apart.
struct Reader<'r> {
    name: &'r Literal,
    argument: &'r ExprRef,
    diagnostics: &'r mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn error(&mut self, origin: &Origin, summary: &str) {
        self.diagnostics.push(Diagnostic::error(origin, summary));
    }

    fn builtin(&mut self, which: Which<'_>) -> Builtin {
        match which {
            Which::Open(provider) => Builtin::Open {
                provider: Some(self.provider_of_name(provider)),
                inputs: Some(self.argument.clone()),
                short: true,
            },
            Which::Rotate(provider) => self.short_rotate(provider),
            Which::Plain(name) => match name {
                "concat" => self.concat(),
                "final" => Builtin::Final,
                "validate" => self.validate(),
                "fromJSON" => Builtin::FromJson,
                "fromBase64" => Builtin::FromBase64,
                "join" => Builtin::Join(self.pair("the argument to fn::join must be a two-valued list")),
                "split" => Builtin::Split(self.pair("the argument to fn::split must be a two-valued list")),
                "open" => self.open(),
                "rotate" => self.rotate(),
                "secret" => self.secret(),
                "toBase64" => Builtin::ToBase64,
                "toJSON" => Builtin::ToJson,
                "toYAML" => Builtin::ToYaml,
                _ => Builtin::ToString,
            },
        }
    }

    fn provider_of_name(&self, provider: &str) -> Literal {
        Literal { text: Arc::from(provider), origin: self.name.origin.clone() }
    }

    fn concat(&mut self) -> Builtin {
        if !matches!(self.argument.kind, ExprKind::Array(_)) {
            let argument = self.argument.clone();
            self.error(&argument.origin, "the argument to fn::concat must be an array of arrays");
        }
        Builtin::Concat
    }

    fn pair(&mut self, summary: &str) -> Option<(ExprRef, ExprRef)> {
        let argument = self.argument.clone();
        match &argument.kind {
            ExprKind::Array(items) if items.len() == 2 => Some((items[0].clone(), items[1].clone())),
            _ => {
                self.error(&argument.origin, summary);
                None
            }
        }
    }

    /// The last entry of a name in the argument, if that is a map.
    fn part(properties: &[Property], name: &str) -> Option<ExprRef> {
        let named = |p: &&Property| p.key.as_ref().is_some_and(|key| &*key.text == name);
        properties.iter().rev().find(named).map(|p| p.value.clone())
    }

    /// The literal at `provider`.
    fn provider(&mut self, argument: &Expr, properties: &[Property]) -> Option<Literal> {
        let Some(expr) = Self::part(properties, "provider") else {
            self.error(&argument.origin, "missing provider name ('provider')");
            return None;
        };
        match &expr.kind {
            ExprKind::String(text) => Some(Literal { text: text.clone(), origin: expr.origin.clone() }),
            _ => {
                self.error(&expr.origin, "provider name must be a string literal");
                None
            }
        }
    }

    fn inputs(&mut self, argument: &Expr, properties: &[Property]) -> Option<ExprRef> {
        let inputs = Self::part(properties, "inputs");
        if inputs.is_none() {
            self.error(&argument.origin, "missing provider inputs ('inputs')");
        }
        inputs
    }

    /// The state, null if there is none.
    fn state(&mut self, properties: &[Property]) -> ExprRef {
        let Some(state) = Self::part(properties, "state") else {
            return Expr::synthetic(ExprKind::Null);
        };
        if !matches!(state.kind, ExprKind::Object(_)) {
            self.error(&state.origin, "rotation state must be an object literal");
        }
        state
    }

    fn open(&mut self) -> Builtin {
        let argument = self.argument.clone();
        let ExprKind::Object(properties) = &argument.kind else {
            let summary = "the argument to fn::open must be an object containing 'provider' and 'inputs'";
            self.error(&argument.origin, summary);
            return Builtin::Open { provider: None, inputs: None, short: false };
        };
        let provider = self.provider(&argument, properties);
        let inputs = self.inputs(&argument, properties);
        Builtin::Open { provider, inputs, short: false }
    }

    fn rotate(&mut self) -> Builtin {
        let argument = self.argument.clone();
        let ExprKind::Object(properties) = &argument.kind else {
            let summary = "the argument to fn::rotate must be an object containing 'provider', 'inputs' and 'state'";
            self.error(&argument.origin, summary);
            return Builtin::Rotate { provider: None, inputs: None, state: None, short: false };
        };
        let provider = self.provider(&argument, properties);
        let inputs = self.inputs(&argument, properties);
        let state = Some(self.state(properties));
        Builtin::Rotate { provider, inputs, state, short: false }
    }

    fn short_rotate(&mut self, provider: &str) -> Builtin {
        let argument = self.argument.clone();
        let ExprKind::Object(properties) = &argument.kind else {
            let summary = "the argument to fn::rotate must be an object containing 'inputs' and 'state'";
            self.error(&argument.origin, summary);
            return Builtin::Rotate { provider: None, inputs: None, state: None, short: true };
        };
        let provider = Some(self.provider_of_name(provider));
        let inputs = self.inputs(&argument, properties);
        let state = Some(self.state(properties));
        Builtin::Rotate { provider, inputs, state, short: true }
    }

    fn secret(&mut self) -> Builtin {
        let argument = self.argument.clone();
        if let ExprKind::Object(properties) = &argument.kind
            && let [Property { key: Some(key), value }] = properties.as_slice()
            && &*key.text == "ciphertext"
            && matches!(value.kind, ExprKind::String(_))
        {
            return Builtin::Ciphertext(value.clone());
        }
        if matches!(argument.kind, ExprKind::String(_)) {
            return Builtin::Plaintext(argument);
        }
        self.error(&argument.origin, "secret values must be string literals");
        Builtin::Plaintext(Expr::synthetic(ExprKind::String(Arc::from(""))))
    }

    fn validate(&mut self) -> Builtin {
        let argument = self.argument.clone();
        let ExprKind::Object(properties) = &argument.kind else {
            let summary = "the argument to fn::validate must be an object containing 'schema' and 'value'";
            self.error(&argument.origin, summary);
            return Builtin::Validate { schema: None, value: None };
        };
        let (schema, value) = (Self::part(properties, "schema"), Self::part(properties, "value"));
        if schema.is_none() {
            self.error(&argument.origin, "missing required property 'schema'");
        }
        if value.is_none() {
            self.error(&argument.origin, "missing required property 'value'");
        }
        Builtin::Validate { schema, value }
    }
}
