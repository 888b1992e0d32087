//! What a rotation keeps sealed until a revision holds it: values with their marks, as bytes.
//!
//! A value is written as `{"v": …}`, a secret one as `{"s": …}`, all the way down. This room knows that form only.

use crate::environments::rotators::Made;
use pileus_esc::{
    json::Json,
    value::{Repr, Value},
};
use std::sync::Arc;

/// How deep values may be nested; what is stored was evaluated under tighter bounds.
const MAX_DEPTH: usize = 4096;

/// What was made, as bytes.
pub(super) fn made_to_bytes(made: &Made) -> Vec<u8> {
    let mut fields = vec![("state", to_json(&made.state)), ("new", to_json(&made.new))];
    fields.extend(made.old.as_ref().map(|old| ("old", to_json(old))));
    Json::object(fields).to_text().into_bytes()
}

/// What was made, from bytes.
pub(super) fn made_of_bytes(bytes: &[u8]) -> Option<Made> {
    let json = read(bytes)?;
    let old = match json.get("old") {
        Some(old) => Some(of_json(old)?),
        None => None,
    };
    Some(Made { state: of_json(json.get("state")?)?, new: of_json(json.get("new")?)?, old })
}

/// A value, as bytes.
pub(super) fn to_bytes(value: &Value) -> Vec<u8> {
    to_json(value).to_text().into_bytes()
}

/// A value, from bytes.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<Value> {
    of_json(&read(bytes)?)
}

fn read(bytes: &[u8]) -> Option<Json> {
    Json::parse(std::str::from_utf8(bytes).ok()?, MAX_DEPTH).ok()
}

fn to_json(value: &Value) -> Json {
    let inner = match &value.repr {
        Repr::Array(items) => Json::Array(items.iter().map(|item| to_json(item)).collect()),
        Repr::Object(fields) => Json::Object(fields.iter().map(|(k, v)| (k.to_string(), to_json(v))).collect()),
        Repr::Null | Repr::Bool(_) | Repr::Number(_) | Repr::String(_) => value.to_json(false),
    };
    Json::object(vec![(if value.secret { "s" } else { "v" }, inner)])
}

fn of_json(json: &Json) -> Option<Value> {
    let (inner, secret) = match (json.get("s"), json.get("v")) {
        (Some(inner), None) => (inner, true),
        (None, Some(inner)) => (inner, false),
        _ => return None,
    };
    let repr = match inner {
        Json::Array(items) => Repr::Array(items.iter().map(|i| of_json(i).map(Arc::new)).collect::<Option<_>>()?),
        Json::Object(fields) => {
            let field = |(k, v): (&String, &Json)| Some((Arc::from(k.as_str()), Arc::new(of_json(v)?)));
            Repr::Object(fields.iter().map(|(k, v)| field((k, v))).collect::<Option<_>>()?)
        }
        scalar => Value::of_json(scalar).repr,
    };
    Some(Value { secret, ..Value::new(repr) })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn marks_and_digits_survive() {
        let list = Value::new(Repr::Array(vec![
            Arc::new(Value::new(Repr::Number(Arc::from("1.50")))),
            Arc::new(Value::new(Repr::Null)),
        ]));
        let value =
            Value::object([("id", Value::string("v")), ("key", Value::secret("s")), ("list", list.into_secret())]);
        assert_eq!(of_bytes(&to_bytes(&value)), Some(value.clone()));
        let made = Made { state: value.clone(), new: Value::secret("n"), old: Some(value.clone()) };
        let again = made_of_bytes(&made_to_bytes(&made)).unwrap();
        assert!(again.state == value && again.new == Value::secret("n") && again.old == Some(value));
        assert_eq!(of_bytes(b"{}"), None);
    }
}
