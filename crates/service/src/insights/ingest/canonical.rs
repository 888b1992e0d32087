//! Canonical JSON: one text for one value.
//!
//! Keys in the order of their bytes, no blanks, numbers and texts as `serde_json` writes them, and no zero characters, which not every
//! engine keeps.

use pileus_clouds::Value;
use pileus_model::json::is_bare;
use std::fmt::Write as _;

/// Deepest nesting that is kept; what lies deeper is written as `null`.
const MAX_DEPTH: usize = 100;

/// A value's canonical text in the place of what stood in this one.
pub(super) fn canonical(value: &Value, out: &mut String) {
    out.clear();
    out.reserve(1024);
    put(value, 0, out);
}

fn put(value: &Value, depth: usize, out: &mut String) {
    match value {
        _ if depth > MAX_DEPTH => out.push_str("null"),
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            // Writing into a text cannot fail.
            let _ = write!(out, "{number}");
        }
        Value::String(text) => string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                put(item, depth + 1, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                string(key, out);
                out.push(':');
                put(value, depth + 1, out);
            }
            out.push('}');
        }
    }
}

fn string(text: &str, out: &mut String) {
    if is_bare(text) {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    let kept: String = text.chars().filter(|c| *c != '\0').collect();
    out.push_str(&Value::String(kept).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn canonical(value: &Value) -> String {
        let mut out = "what stood there".to_owned();
        super::canonical(value, &mut out);
        out
    }

    #[test]
    fn one_text() {
        let value =
            Value::from(json!({"b": [1, 2.5, -3, true, null, "ä\"\\\n\u{0}x"], "a": {"z": {}, "y": []}, "": "e"}));
        assert_eq!(canonical(&value), r#"{"":"e","a":{"y":[],"z":{}},"b":[1,2.5,-3,true,null,"ä\"\\\nx"]}"#);
        assert_eq!(canonical(&value), serde_json::Value::from(value.clone()).to_string().replace("\\u0000", ""));
        let again: Value = serde_json::from_str(&canonical(&value)).unwrap_or_default();
        assert_eq!(canonical(&again), canonical(&value));
    }

    #[test]
    fn depth_ends() {
        let mut value = Value::from(1);
        for _ in 0..500 {
            value = Value::from(vec![value]);
        }
        assert!(canonical(&value).len() < 300);
    }
}
