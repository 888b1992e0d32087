//! Paths into JSON: `A.B`, `A[].B`, `A[Key=Name].Value`, `A[0]`, `A[-1]`, `*`.
//!
//! This room knows paths. It must never know what they lead to.

use crate::value::Value;
use serde::{Deserialize, Deserializer, de::Error as _};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Each,
    Values,
    Index(usize),
    Last,
    Where(String, String),
}

/// A path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Path(Vec<Step>);

impl Path {
    /// Reads a path.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (inner, after) = inner.split_once(']').ok_or_else(|| format!("\"{text}\": a ] is missing"))?;
                steps.push(bracket(inner).ok_or_else(|| format!("\"{text}\": [{inner}] is not understood"))?);
                rest = after;
                continue;
            }
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            if key.is_empty() {
                return Err(format!("\"{text}\": an empty step"));
            }
            steps.push(if key == "*" { Step::Values } else { Step::Key(key.to_owned()) });
            rest = after;
        }
        Ok(Self(steps))
    }

    /// Its names, each with whether all elements of a list under it follow, if it is made of nothing else and ends in such a list.
    pub(crate) fn to_items(&self) -> Option<Vec<(&str, bool)>> {
        let mut parts: Vec<(&str, bool)> = Vec::new();
        for step in &self.0 {
            match (step, parts.last_mut()) {
                (Step::Key(key), _) => parts.push((key, false)),
                (Step::Each, Some((_, each @ false))) => *each = true,
                _ => return None,
            }
        }
        parts.last().is_some_and(|(_, each)| *each).then_some(parts)
    }

    /// Whether it leads through names only, and so into no list.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.iter().all(|step| matches!(step, Step::Key(_)))
    }

    /// The first thing that it leads to, null aside.
    pub(crate) fn one<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        first(&self.0, value)
    }

    /// Takes out everything that it leads to, in order, without copying.
    pub(crate) fn take(&self, value: Value) -> Vec<Value> {
        let mut here = vec![value];
        for step in &self.0 {
            here = here.into_iter().flat_map(|v| into(step, v)).collect();
        }
        here
    }

    /// Calls with each value that it leads to.
    pub(crate) fn change(&self, value: &mut Value, with: &mut dyn FnMut(&mut Value)) {
        change(&self.0, value, with);
    }

    /// Removes what it leads to, from objects; elements of lists stay.
    pub(crate) fn remove(&self, value: &mut Value) {
        let Some((last, before)) = self.0.split_last() else { return };
        change(before, value, &mut |parent| match (last, parent) {
            (Step::Key(key), Value::Object(map)) => {
                map.remove(key);
            }
            (Step::Values, Value::Object(map)) => map.clear(),
            (Step::Each, Value::Array(list)) => list.clear(),
            _ => {}
        });
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

fn bracket(inner: &str) -> Option<Step> {
    if inner.is_empty() {
        return Some(Step::Each);
    }
    if inner == "-1" {
        return Some(Step::Last);
    }
    if let Some((key, value)) = inner.split_once('=') {
        return Some(Step::Where(key.to_owned(), value.to_owned()));
    }
    inner.parse().ok().map(Step::Index)
}

fn is(value: &Value, key: &str, wanted: &str) -> bool {
    value.get(key).and_then(Value::as_str) == Some(wanted)
}

fn first<'v>(steps: &[Step], value: &'v Value) -> Option<&'v Value> {
    let Some((step, rest)) = steps.split_first() else { return (!value.is_null()).then_some(value) };
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => first(rest, map.get(key)?),
        (Step::Each, Value::Array(list)) => list.iter().find_map(|v| first(rest, v)),
        (Step::Values, Value::Object(map)) => map.values().find_map(|v| first(rest, v)),
        (Step::Index(i), Value::Array(list)) => first(rest, list.get(*i)?),
        (Step::Last, Value::Array(list)) => first(rest, list.last()?),
        (Step::Where(key, wanted), Value::Array(list)) => first(rest, list.iter().find(|e| is(e, key, wanted))?),
        _ => None,
    }
}

fn into(step: &Step, value: Value) -> Vec<Value> {
    match (step, value) {
        (Step::Key(key), Value::Object(mut map)) => map.remove(key).into_iter().collect(),
        (Step::Each, Value::Array(list)) => list,
        (Step::Values, Value::Object(map)) => map.into_iter().map(|(_, v)| v).collect(),
        (Step::Index(i), Value::Array(list)) => list.into_iter().nth(*i).into_iter().collect(),
        (Step::Last, Value::Array(mut list)) => list.pop().into_iter().collect(),
        (Step::Where(key, wanted), Value::Array(list)) => {
            list.into_iter().find(|e| is(e, key, wanted)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn change(steps: &[Step], value: &mut Value, with: &mut dyn FnMut(&mut Value)) {
    let Some((first, rest)) = steps.split_first() else { return with(value) };
    match (first, value) {
        (Step::Key(key), Value::Object(map)) => {
            if let Some(v) = map.get_mut(key) {
                change(rest, v, with);
            }
        }
        (Step::Each, Value::Array(list)) => list.iter_mut().for_each(|v| change(rest, v, with)),
        (Step::Values, Value::Object(map)) => map.values_mut().for_each(|v| change(rest, v, with)),
        (Step::Index(i), Value::Array(list)) => {
            if let Some(v) = list.get_mut(*i) {
                change(rest, v, with);
            }
        }
        (Step::Last, Value::Array(list)) => {
            if let Some(v) = list.last_mut() {
                change(rest, v, with);
            }
        }
        (Step::Where(key, wanted), Value::Array(list)) => {
            if let Some(v) = list.iter_mut().find(|e| is(e, key, wanted)) {
                change(rest, v, with);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn path(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    #[test]
    fn paths_lead_there() {
        let v = Value::from(
            json!({"R": [{"I": [1, 2]}, {"I": [3]}], "Tags": [{"Key": "a.b", "Value": "x"}, {"Key": "Name", "Value": "y"}], "M": {"p": 1, "q": 2}}),
        );
        for (text, found) in [
            ("R[].I[]", json!([1, 2, 3])),
            ("R[1].I", json!([[3]])),
            ("R[-1].I[-1]", json!([3])),
            ("Tags[Key=Name].Value", json!(["y"])),
            ("Tags[Key=a.b].Value", json!(["x"])),
            ("M.*", json!([1, 2])),
            ("M.r.s", json!([])),
            ("", json!([v.clone()])),
        ] {
            assert_eq!(Value::from(path(text).take(v.clone())), found, "{text}");
            assert_eq!(path(text).one(&v), path(text).take(v.clone()).first(), "{text}");
        }
        let nulls = Value::from(json!({"A": [{"x": null}, {}, {"x": [null, 7]}, {"x": [8]}]}));
        assert_eq!(path("A[].x[]").one(&nulls), Some(&Value::from(7_i64)));
        assert_eq!((path("A[0].x").one(&nulls), path("A[0].*").one(&nulls)), (None, None));
        assert_eq!(path("M.q").one(&v), Some(&Value::from(2_i64)));
    }

    #[test]
    fn paths_take_away() {
        let mut v = Value::from(json!({"A": [{"x": 1, "y": 2}, {"y": 3}], "B": {"c": 1}}));
        path("A[].y").remove(&mut v);
        path("B.*").remove(&mut v);
        path("nothing.here").remove(&mut v);
        assert_eq!(v, json!({"A": [{"x": 1}, {}], "B": {}}));
    }

    #[test]
    fn broken_paths_are_refused() {
        for text in ["a[", "a..b", "a[x]", "."] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }
}
