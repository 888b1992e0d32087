//! Whether what was found says at least what boto3 says.

use serde_json::Value;

/// Where `found` lacks or contradicts what is `wanted`.
pub fn differences(found: &Value, wanted: &Value) -> Vec<String> {
    let mut all = Vec::new();
    differ(found, wanted, "", &mut all);
    all
}

fn differ(found: &Value, wanted: &Value, path: &str, all: &mut Vec<String>) {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            for (key, wanted) in wanted {
                let path = format!("{path}.{key}");
                match found.get(key).or_else(|| found.get(&written(key))) {
                    Some(found) => differ(found, wanted, &path, all),
                    None if empty(wanted) => {}
                    None => all.push(format!("{path} is missing; wanted {wanted}")),
                }
            }
        }
        (Value::Array(found), Value::Array(wanted)) if found.len() == wanted.len() => {
            // In any order, since the scan sorts what has none.
            let mut left: Vec<&Value> = found.iter().collect();
            for (n, wanted) in wanted.iter().enumerate() {
                match left.iter().position(|found| differences(found, wanted).is_empty()) {
                    Some(at) => drop(left.remove(at)),
                    None => all.push(format!("{path}[{n}] {wanted} is none of {left:?}")),
                }
            }
        }
        // boto3 reads policy documents; a scan keeps the text that the API takes.
        (Value::String(text), Value::Object(_)) if serde_json::from_str::<Value>(text).is_ok() => {
            differ(&serde_json::from_str(text).unwrap_or_default(), wanted, path, all);
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        (found, wanted) if found == wanted => {}
        (found, wanted) => all.push(format!("{path} is {found}; wanted {wanted}")),
    }
}

/// As services write it that begin names small, which boto3 does not for some of them.
fn written(key: &str) -> String {
    let mut letters = key.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Who has nothing may say so by an empty list, an empty text or not at all.
fn empty(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(empty),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
