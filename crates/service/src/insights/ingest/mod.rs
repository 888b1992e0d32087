//! What was found, made ready to be kept: canonical JSON, its hash, and what of it is new.
//!
//! This room knows when two states are the same and when absence is proved. It must never know how a cloud is asked or how rows are kept.

mod canonical;
mod index;
mod sweep;

pub(crate) use index::{Index, Verdict};
pub(crate) use sweep::{Completeness, Fate};

use crate::insights::edges;
use pileus_clouds::{Found, Value};
use pileus_store::insights::ingest::{Item, Key};
use sha2::{Digest, Sha256};

/// Longest type and longest id that are kept, in bytes; what is longer is not a resource that anybody could name.
const MAX_NAME: usize = 4096;

/// Why something that was found can't be kept.
pub(crate) fn unusable(found: &Found) -> Option<&'static str> {
    let Found { type_token, id, .. } = found;
    if type_token.is_empty() || id.is_empty() {
        return Some("it has no type or no id");
    }
    if type_token.len() > MAX_NAME || id.len() > MAX_NAME {
        return Some("its type or id is too long");
    }
    (type_token.contains('\0') || id.contains('\0')).then_some("its type or id has a zero character in it")
}

/// The canonical state of a resource and the hash of it.
pub fn state_of(properties: &Value) -> (String, [u8; 32]) {
    let mut state = String::new();
    let hash = state_into(properties, &mut state);
    (state, hash)
}

/// The hash of a resource's canonical state, which takes the place of what stood in this text.
pub(crate) fn state_into(properties: &Value, state: &mut String) -> [u8; 32] {
    canonical::canonical(properties, state);
    Sha256::digest(state.as_bytes()).into()
}

/// Something that was found, as it is written; its mentions are looked for.
pub(crate) fn item(found: Found, key: Key, state: String, hash: [u8; 32]) -> Item {
    let mentions =
        edges::mentions(&found.properties, &[Some(found.id.as_str()), found.arn.as_deref(), found.name.as_deref()]);
    let clean = |text: Option<String>| text.filter(|text| !text.contains('\0'));
    Item {
        key,
        type_token: found.type_token,
        id: found.id,
        name: clean(found.name),
        arn: clean(found.arn),
        hash,
        state,
        inputs: None,
        mentions,
        print: found.print.map(|print| *print.as_bytes()),
    }
}

/// Takes over what could not be read this time from the last state: the named properties, or with `*` all of it, since what a list says
/// of a resource may differ from what a read says under the same names. What changed meanwhile is seen when it can be read again.
pub(crate) fn take_over(found: &mut Found, last: Option<&str>) {
    let Some(Value::Object(last)) = last.and_then(|last| serde_json::from_str(last).ok()) else { return };
    let Value::Object(properties) = &mut found.properties else { return };
    if found.unread.iter().any(|name| name == "*") {
        *properties = last;
        return;
    }
    for name in &found.unread {
        if let Some(value) = last.get(name) {
            properties.insert(name.as_str(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(properties: serde_json::Value) -> Found {
        Found {
            type_token: "aws:s3/bucket:Bucket".into(),
            id: "b".into(),
            name: None,
            arn: None,
            properties: properties.into(),
            unread: vec!["tags".into()],
            print: None,
        }
    }

    #[test]
    fn order_of_keys_is_no_change() {
        let a = serde_json::from_str::<Value>(r#"{"a":1,"b":{"c":[1,2],"d":null}}"#);
        let b = serde_json::from_str::<Value>(r#"{"b":{"d":null,"c":[1,2]},"a":1}"#);
        assert_eq!(a.map(|a| state_of(&a)).ok(), b.map(|b| state_of(&b)).ok());
        let (one, other) = (json!({"a": [1, 2]}).into(), json!({"a": [2, 1]}).into());
        assert_ne!(state_of(&one), state_of(&other));
    }

    #[test]
    fn what_could_not_be_read_is_as_it_was() {
        let mut now = found(json!({"a": 1}));
        take_over(&mut now, Some(r#"{"a":0,"tags":{"x":"y"},"gone":1}"#));
        assert_eq!(now.properties, json!({"a": 1, "tags": {"x": "y"}}));
        let mut all = Found { unread: vec!["*".into()], ..found(json!({"a": 1})) };
        take_over(&mut all, Some(r#"{"a":0,"b":2}"#));
        assert_eq!(all.properties, json!({"a": 0, "b": 2}));
        let mut part = found(json!({"tags": {"x": "less"}}));
        take_over(&mut part, Some(r#"{"tags":{"x":"y"}}"#));
        assert_eq!(part.properties, json!({"tags": {"x": "y"}}));
        take_over(&mut now, None);
        take_over(&mut now, Some("not json"));
        assert_eq!(now.properties, json!({"a": 1, "tags": {"x": "y"}}));
    }

    #[test]
    fn what_can_not_be_kept() {
        assert_eq!(unusable(&found(json!({}))), None);
        assert!(unusable(&Found { id: String::new(), ..found(json!({})) }).is_some());
        assert!(unusable(&Found { id: "a\0".into(), ..found(json!({})) }).is_some());
        assert!(unusable(&Found { id: "a".repeat(5000), ..found(json!({})) }).is_some());
    }
}
