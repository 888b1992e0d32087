//! Lists in the order of their elements' texts.

use super::Value;
use pileus_model::json::is_bare;
use std::cmp::Ordering;

/// Sorts by the elements' JSON. Tags, which nearly all such lists are, are compared without writing it.
pub(super) fn by_text(list: &mut [Value]) {
    if list.len() < 2 {
        return;
    }
    if list.iter().all(is_plain) {
        list.sort_by(by_members);
    } else {
        list.sort_by_cached_key(ToString::to_string);
    }
}

/// An object of texts that are written as they are.
fn is_plain(value: &Value) -> bool {
    let Value::Object(map) = value else { return false };
    map.iter().all(|(name, value)| is_bare(name) && value.as_str().is_some_and(is_bare))
}

/// What follows a text, where that of another one goes on.
fn by_texts(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let common = a.len().min(b.len());
    let rest = |text: &[u8]| text.get(common).copied().unwrap_or(b'"');
    a[..common].cmp(&b[..common]).then_with(|| rest(a).cmp(&rest(b)))
}

fn by_members(a: &Value, b: &Value) -> Ordering {
    let (Value::Object(a), Value::Object(b)) = (a, b) else { return Ordering::Equal };
    if a.is_empty() || b.is_empty() {
        // `{"` and `{}`
        return a.is_empty().cmp(&b.is_empty());
    }
    for ((name_a, value_a), (name_b, value_b)) in a.iter().zip(b.iter()) {
        let (text_a, text_b) = (value_a.as_str().unwrap_or_default(), value_b.as_str().unwrap_or_default());
        let order = by_texts(name_a, name_b).then_with(|| by_texts(text_a, text_b));
        if order.is_ne() {
            return order;
        }
    }
    // `,` and `}`
    b.len().cmp(&a.len())
}
