//! What must not be kept, and what stands in its place: a keyed fingerprint, by which a change is seen and the value is not.
//!
//! This room knows what secrets look like. It must never know a cloud or a type: where a type always holds secrets, its catalogue says so.

use crate::value::{Map, Value};
use aws_lc_rs::hmac;

mod rules;
mod texts;

pub(crate) use rules::Rule;

/// The key of the fingerprints. `Debug` does not show it.
#[derive(Clone)]
pub struct RedactionKey(hmac::Key);

impl RedactionKey {
    /// This key.
    pub fn new(key: [u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    /// A hash under this key, for a purpose that must be the first thing in it.
    pub(crate) fn context(&self) -> hmac::Context {
        hmac::Context::with_key(&self.0)
    }

    /// Redacts what somebody else reports of a resource: everything that looks like a secret.
    pub fn redact_reported(&self, token: &str, id: &str, value: serde_json::Value) -> Value {
        let mut value = Value::from(value);
        self.of(token, id).redact(&mut value);
        value
    }

    /// For one resource: equal values of different resources have different fingerprints.
    pub(crate) const fn of<'k>(&'k self, token: &'k str, id: &'k str) -> Redactor<'k> {
        Redactor { key: &self.0, token, id }
    }
}

impl std::fmt::Debug for RedactionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// Redacts one resource.
pub(crate) struct Redactor<'k> {
    key: &'k hmac::Key,
    token: &'k str,
    id: &'k str,
}

impl Redactor<'_> {
    /// Replaces everything in it that must not be kept.
    pub(crate) fn redact(&self, value: &mut Value) {
        match value {
            Value::Object(map) => self.object(map),
            Value::Array(list) => list.iter_mut().for_each(|v| self.redact(v)),
            Value::String(text) => {
                if let Some(clean) = texts::clean(text, |secret| self.fingerprint(secret)) {
                    *text = clean;
                }
            }
            _ => {}
        }
    }

    /// Replaces every leaf, whatever it looks like.
    pub(crate) fn hide(&self, value: &mut Value) {
        match value {
            Value::Object(map) => map.values_mut().for_each(|v| self.hide(v)),
            Value::Array(list) => list.iter_mut().for_each(|v| self.hide(v)),
            Value::String(text) if text.is_empty() || is_fingerprint(text) => {}
            Value::String(text) => *text = self.fingerprint(text),
            Value::Number(number) => *value = Value::String(self.fingerprint(&number.to_string())),
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn object(&self, map: &mut Map) {
        for (key, value) in map.iter_mut() {
            match key.rule() {
                Rule::Hide => match value {
                    Value::String(_) | Value::Array(_) => self.hide_texts(value),
                    other => self.redact(other),
                },
                Rule::Variables => self.variables(value),
                Rule::Look => self.redact(value),
                Rule::Keep => {}
            }
        }
    }

    /// A secret's own value: a text, or a list of texts.
    fn hide_texts(&self, value: &mut Value) {
        match value {
            Value::Array(list) if list.iter().all(Value::is_string) => list.iter_mut().for_each(|v| self.hide(v)),
            Value::String(_) => self.hide(value),
            other => self.redact(other),
        }
    }

    /// Environment variables: `{"NAME": "value"}`, `[{"name": …, "value": …}]`, or an object that holds either.
    fn variables(&self, value: &mut Value) {
        match value {
            Value::Array(list) => {
                for entry in list {
                    match entry {
                        Value::Object(map) => map.iter_mut().for_each(|(key, value)| {
                            if key.eq_ignore_ascii_case("value") { self.hide(value) } else { self.redact(value) }
                        }),
                        other => self.hide(other),
                    }
                }
            }
            Value::Object(map) if map.values().all(Value::is_string) => map.values_mut().for_each(|v| self.hide(v)),
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    if key.eq_ignore_ascii_case("variables") { self.variables(value) } else { self.redact(value) }
                }
                self.object(map);
            }
            other => self.redact(other),
        }
    }

    fn fingerprint(&self, value: &str) -> String {
        use std::fmt::Write;
        let mut context = hmac::Context::with_key(self.key);
        for part in [self.token, "\0", self.id, "\0", value] {
            context.update(part.as_bytes());
        }
        let mut text = String::from(OPEN);
        for byte in &context.sign().as_ref()[..12] {
            let _ = write!(text, "{byte:02x}");
        }
        text.push(']');
        text
    }
}

const OPEN: &str = "[redacted ";

/// Whether it is one of ours: redacting twice changes nothing.
fn is_fingerprint(text: &str) -> bool {
    text.strip_prefix(OPEN).and_then(|t| t.strip_suffix(']')).is_some_and(|t| t.len() == 24)
}

#[cfg(test)]
mod tests;
