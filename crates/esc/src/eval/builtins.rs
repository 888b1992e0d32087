//! The builtins that need nobody else.

use super::arena::{Call, Exp, Repr, Text, Val, Value};
use super::merge::Mark;
use super::validate::Location;
use super::{DecrypterRef, Env, Evaluator};
use crate::ast::{Builtin, ExprKind as AstKind};
use crate::gotext;
use crate::json::{Json, parse_first};
use crate::schema::{self, Schema, SchemaRef, always};
use crate::secret;
use crate::value::Value as Exported;
use crate::yaml::{EmitStyle, to_yaml};
use std::rc::Rc;
use std::sync::Arc;

/// How `fn::toYAML` writes.
const YAML: EmitStyle = EmitStyle { indent: 4, quote_numbers: true, embedded: false };

impl Evaluator<'_> {
    pub(super) fn call(&mut self, env: Env, x: Exp, call: &Call) -> Val {
        match call {
            Call::Concat(arrays) => self.concat(env, x, *arrays),
            Call::Final(inner) => {
                let value = self.evaluate(env, *inner, &always());
                let through = self.through(x, value);
                self.arena[through].is_final = true;
                through
            }
            Call::FromBase64(text) => self.of_text(env, x, *text, |_, bytes| {
                let decoded = gotext::decode_base64(&gotext::lossy(bytes));
                decoded.map(Text::of).map_err(|why| format!("decoding base64 string: {why}"))
            }),
            Call::ToBase64(text) => {
                self.of_text(env, x, *text, |_, bytes| Ok(Text::Str(Arc::from(gotext::encode_base64(bytes)))))
            }
            Call::FromJson(text) => self.decode_json(env, x, *text),
            Call::Join(delimiter, values) => self.join(env, x, *delimiter, *values),
            Call::Split(delimiter, text) => self.split(env, x, *delimiter, *text),
            Call::Open { provider: _, inputs, schema } => self.open(env, x, *inputs, schema),
            Call::Rotate { provider: _, inputs, state, schemas } => self.rotate(env, x, *inputs, *state, schemas),
            Call::Plaintext(plaintext) => self.evaluate(env, *plaintext, &schema::string()),
            Call::Ciphertext(_) => self.decrypt(env, x),
            Call::ToJson(inner) => self.encode(env, x, *inner, |json| match json.unwritable() {
                Some(number) => {
                    Err(format!("failed to encode JSON: json: invalid number literal {}", gotext::quote(number)))
                }
                None => Ok(json.to_text()),
            }),
            Call::ToYaml(inner) => self.encode(env, x, *inner, |json| Ok(to_yaml(json, YAML))),
            Call::ToString(inner) => {
                let value = self.evaluate(env, *inner, &always());
                let text = self.stringify(value);
                let mut out = self.result(x);
                (out.unknown, out.secret) = (text.unknown, text.secret);
                if !out.unknown {
                    out.repr = Repr::Text(Text::of(text.bytes));
                }
                self.arena.add_value(out)
            }
            Call::Validate { schema, value } => self.validate_call(env, x, *schema, *value),
        }
    }

    /// A result of the call's declared schema, its content still to come.
    fn result(&self, x: Exp) -> Value {
        Value::known(x, self.arena[x].schema.clone(), Repr::Null)
    }

    fn unknown_result(&mut self, x: Exp) -> Val {
        let schema = self.arena[x].schema.clone();
        self.unknown(x, schema)
    }

    /// Evaluates and checks against a schema; none if the check failed.
    pub(super) fn typed(&mut self, env: Env, x: Exp, accept: &SchemaRef) -> (Val, bool) {
        let value = self.evaluate(env, x, accept);
        let mut diagnostics = Vec::new();
        let ok = self.validate_value(&mut diagnostics, value, accept, 0);
        for diagnostic in diagnostics {
            self.say(diagnostic);
        }
        (value, ok)
    }

    /// A value handed on: secret and unknown as a whole if anything in it is.
    fn through(&mut self, x: Exp, value: Val) -> Val {
        let inner = self.arena[value].clone();
        let mut out = Value::known(x, inner.schema, inner.repr);
        out.height = inner.height;
        self.combine(&mut out, &[value]);
        let out = self.arena.add_value(out);
        self.seal(out);
        out
    }

    /// A string made of a string.
    fn of_text(&mut self, env: Env, x: Exp, text: Exp, make: impl Fn(&mut Self, &[u8]) -> Result<Text, String>) -> Val {
        let (text, ok) = self.typed(env, text, &schema::string());
        if !ok {
            return self.unknown_result(x);
        }
        let mut out = self.result(x);
        self.combine(&mut out, &[text]);
        if !out.unknown
            && let Repr::Text(text) = self.arena[text].repr.clone()
        {
            match make(self, text.bytes()) {
                Ok(made) => {
                    out.unknown = !self.spend_text(made.bytes().len());
                    out.repr = Repr::Text(made);
                }
                Err(summary) => {
                    let node = self.node(x);
                    self.error(&node, summary);
                    out.unknown = true;
                }
            }
        }
        self.arena.add_value(out)
    }

    /// A string made of the plain form of anything.
    fn encode(&mut self, env: Env, x: Exp, inner: Exp, make: impl Fn(&Json) -> Result<String, String>) -> Val {
        let value = self.evaluate(env, inner, &always());
        let mut out = self.result(x);
        self.combine(&mut out, &[value]);
        if out.unknown {
            return self.arena.add_value(out);
        }
        match self.plain(value).map(|json| make(&json)) {
            Some(Ok(text)) => {
                out.unknown = !self.spend_text(text.len());
                out.repr = Repr::Text(Text::Str(Arc::from(text)));
            }
            Some(Err(summary)) => {
                let node = self.node(x);
                self.error(&node, summary);
                out.unknown = true;
            }
            None => out.unknown = true,
        }
        self.arena.add_value(out)
    }

    fn concat(&mut self, env: Env, x: Exp, arrays: Exp) -> Val {
        let (arrays, ok) = self.typed(env, arrays, &schema::array(schema::array(always())));
        if !ok {
            return self.unknown_result(x);
        }
        let mut out = self.result(x);
        self.combine(&mut out, &[arrays]);
        if !out.unknown {
            let mut items = Vec::new();
            for array in self.items(arrays) {
                items.extend(self.items(array));
            }
            out.repr = Repr::Array(Rc::from(items));
        }
        self.add_checked(out)
    }

    /// The elements of a list.
    fn items(&self, v: Val) -> Vec<Val> {
        match &self.arena[v].repr {
            Repr::Array(items) => items.to_vec(),
            _ => Vec::new(),
        }
    }

    /// The bytes of a string.
    fn bytes(&self, v: Val) -> Vec<u8> {
        match &self.arena[v].repr {
            Repr::Text(text) => text.bytes().to_vec(),
            _ => Vec::new(),
        }
    }

    fn join(&mut self, env: Env, x: Exp, delimiter: Exp, values: Exp) -> Val {
        let (delimiter, one) = self.typed(env, delimiter, &schema::string());
        let (values, other) = self.typed(env, values, &schema::array(schema::string()));
        if !one || !other {
            return self.unknown_result(x);
        }
        let mut out = self.result(x);
        self.combine(&mut out, &[delimiter, values]);
        if !out.unknown {
            let items = self.items(values);
            let between = self.bytes(delimiter);
            let mut bytes = Vec::new();
            for (i, item) in items.into_iter().enumerate() {
                if i > 0 {
                    bytes.extend_from_slice(&between);
                }
                bytes.extend(self.bytes(item));
                if bytes.len() as u64 > self.options.limits.text_bytes {
                    break;
                }
            }
            out.unknown = !self.spend_text(bytes.len());
            out.repr = Repr::Text(Text::of(bytes));
        }
        self.arena.add_value(out)
    }

    fn split(&mut self, env: Env, x: Exp, delimiter: Exp, text: Exp) -> Val {
        let (delimiter, one) = self.typed(env, delimiter, &schema::string());
        let (text, other) = self.typed(env, text, &schema::string());
        if !one || !other {
            return self.unknown_result(x);
        }
        let mut out = self.result(x);
        self.combine(&mut out, &[delimiter, text]);
        if !out.unknown {
            let (between, text) = (gotext::lossy(&self.bytes(delimiter)), gotext::lossy(&self.bytes(text)));
            let parts: Vec<&str> = match between.as_str() {
                "" => text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]).collect(),
                between => text.split(between).collect(),
            };
            let mut items = Vec::with_capacity(parts.len());
            for part in parts {
                if !self.spend(1) {
                    break;
                }
                let repr = Repr::Text(Text::Str(Arc::from(part)));
                items.push(self.arena.add_value(Value::known(x, schema::string(), repr)));
            }
            out.repr = Repr::Array(Rc::from(items));
        }
        self.add_checked(out)
    }

    fn decode_json(&mut self, env: Env, x: Exp, text: Exp) -> Val {
        let (text, ok) = self.typed(env, text, &schema::string());
        if !ok {
            return self.unknown_result(x);
        }
        let mut out = self.result(x);
        self.combine(&mut out, &[text]);
        if out.unknown {
            return self.arena.add_value(out);
        }
        let text = gotext::lossy(&self.bytes(text));
        match parse_first(&text, self.options.limits.document_depth) {
            Ok((json, _)) => {
                let value = Exported::of_json(&json);
                let value = if out.secret { value.into_secret() } else { value };
                self.unexport(&value, x)
            }
            Err(why) => {
                let node = self.node(x);
                self.error(&node, format!("decoding JSON string: {why}"));
                out.unknown = true;
                self.arena.add_value(out)
            }
        }
    }

    /// A stored secret: known only where secrets are decrypted.
    fn decrypt(&mut self, env: Env, x: Exp) -> Val {
        let node = self.node(x);
        let mut out = self.result(x);
        (out.secret, out.unknown) = (true, true);
        let AstKind::Call(call) = &node.kind else { return self.arena.add_value(out) };
        let Builtin::Ciphertext(ciphertext) = &call.builtin else { return self.arena.add_value(out) };
        let AstKind::String(text) = &ciphertext.kind else { return self.arena.add_value(out) };
        match secret::open_envelope(text) {
            Err(why) => self.error(&node, format!("invalid ciphertext: {why}")),
            Ok(_) if !self.mode.decrypts() => {}
            Ok(inner) => {
                let decrypted = match &self.environments[env.0].decrypter {
                    DecrypterRef::Root(decrypter) => decrypter.decrypt(&inner),
                    DecrypterRef::Import(decrypter) => decrypter.decrypt(&inner),
                };
                match decrypted {
                    Ok(plaintext) => {
                        out.unknown = !self.spend_text(plaintext.len());
                        out.repr = Repr::Text(Text::of(plaintext));
                    }
                    Err(why) => self.error(&node, format!("decrypting: {why}")),
                }
            }
        }
        self.arena.add_value(out)
    }

    /// `fn::validate`: the value, whether it is valid or not.
    fn validate_call(&mut self, env: Env, x: Exp, schema: Exp, value: Exp) -> Val {
        let compiled = self.validation_schema(env, schema);
        let value = match compiled {
            Some(compiled) => self.typed(env, value, &compiled).0,
            None => self.evaluate(env, value, &always()),
        };
        self.through(x, value)
    }

    /// The schema to validate with; none if it is unknown or wrong, of which diagnostics tell.
    fn validation_schema(&mut self, env: Env, schema: Exp) -> Option<SchemaRef> {
        let meta = self.scopes.compile(&schema::json_schema()).unwrap_or_else(|_| always());
        let (value, ok) = self.typed(env, schema, &meta);
        if self.contains(value, Mark::Unknown, false) || !ok {
            return None;
        }
        let json = self.plain(value)?;
        let compiled = Schema::from_json(&json).and_then(|schema| self.scopes.compile(&schema));
        match compiled {
            Ok(compiled) => Some(compiled),
            Err(why) => {
                let node = self.node(schema);
                self.error(&node, format!("invalid schema: {why}"));
                None
            }
        }
    }

    /// The place of an expression, for validation.
    pub(super) fn location(&self, x: Exp) -> Location {
        Location { x, path: Rc::from(""), prefix: false }
    }
}
