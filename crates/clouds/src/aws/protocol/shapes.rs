//! Shapes: what the elements of an XML answer are (numbers, lists, maps), so that it becomes the JSON that botocore would show.
//!
//! This room knows the form of `data/aws/shapes`. It must never know an operation.

use super::xml::Node;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The shapes of one service's answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shapes {
    operations: HashMap<String, Output>,
    shapes: HashMap<String, Shape>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    shape: String,
    wrapper: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "k")]
enum Shape {
    /// An object: member → (element, shape, flags).
    #[serde(rename = "o")]
    Object { m: Vec3 },
    /// A list.
    #[serde(rename = "l")]
    List { e: String, of: String },
    /// A map.
    #[serde(rename = "m")]
    Map { key: String, value: String, of: String },
}

type Vec3 = HashMap<String, (String, String, String)>;

impl Shapes {
    /// Whether the answer of this operation can be read.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the test of every row"))]
    pub(crate) fn knows(&self, operation: &str) -> bool {
        self.operations.contains_key(operation)
    }

    /// The member that is the whole body, unparsed, if the answer has such a one (a bucket's policy).
    pub(crate) fn raw(&self, operation: &str) -> Option<&str> {
        let Shape::Object { m } = self.shapes.get(&self.operations.get(operation)?.shape)? else { return None };
        let payload = m.iter().find(|(_, (_, of, flags))| flags.contains('P') && of == "s");
        payload.map(|(name, _)| name.as_str())
    }

    /// An answer as JSON.
    ///
    /// # Errors
    /// An operation without shapes; numbers that are none.
    pub(crate) fn decode(&self, operation: &str, root: &Node) -> Result<Value, String> {
        let output = self.operations.get(operation).ok_or_else(|| format!("{operation} has no shapes"))?;
        let inner = output.wrapper.as_deref().and_then(|wrapper| root.child(wrapper)).unwrap_or(root);
        let Some(Shape::Object { m }) = self.shapes.get(&output.shape) else { return Ok(Value::Object(Map::new())) };
        // The payload member is the root itself; and one answer (a bucket's location) is nothing but its root's text.
        let whole = m.iter().find(|(_, (element, of, flags))| {
            flags.contains('P') || (element.as_str() == root.name && is_scalar(of) && root.children.is_empty())
        });
        if let Some((name, (_, of, _))) = whole {
            let value = if is_scalar(of) && root.text.is_empty() { Value::Null } else { self.value(of, inner)? };
            return Ok(Value::Object(Map::from_iter([(name.clone(), value)])));
        }
        self.object(m, inner)
    }

    fn value(&self, shape: &str, node: &Node) -> Result<Value, String> {
        if is_scalar(shape) {
            return scalar(shape, &node.text);
        }
        match self.shapes.get(shape) {
            Some(Shape::Object { m }) => self.object(m, node),
            Some(Shape::List { e, of }) => {
                let elements = node.children.iter().filter(|c| c.name == *e);
                elements.map(|c| self.value(of, c)).collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            Some(Shape::Map { .. }) => {
                let entries: Vec<&Node> = node.children.iter().filter(|c| c.name == "entry").collect();
                self.map(shape, &entries)
            }
            None => Err(format!("the shape {shape} is missing")),
        }
    }

    fn map(&self, shape: &str, entries: &[&Node]) -> Result<Value, String> {
        let Some(Shape::Map { key, value, of }) = self.shapes.get(shape) else { return Ok(Value::Null) };
        let mut map = Map::new();
        for entry in entries {
            if let (Some(k), Some(v)) = (entry.child(key), entry.child(value)) {
                map.insert(k.text.clone(), self.value(of, v)?);
            }
        }
        Ok(Value::Object(map))
    }

    fn object(&self, members: &Vec3, node: &Node) -> Result<Value, String> {
        let mut map = Map::new();
        for (name, (element, of, flags)) in members {
            if flags.contains('a') {
                let attribute = node.attributes.iter().find(|(key, _)| key == element);
                if let Some((_, text)) = attribute {
                    map.insert(name.clone(), scalar(of, text)?);
                }
                continue;
            }
            let mut found = node.children.iter().filter(|c| c.name == *element).peekable();
            if found.peek().is_none() {
                continue;
            }
            let value = match self.shapes.get(of) {
                Some(Shape::List { of, .. }) if flags.contains('F') => {
                    Value::Array(found.map(|c| self.value(of, c)).collect::<Result<_, _>>()?)
                }
                Some(Shape::Map { .. }) if flags.contains('F') => self.map(of, &found.collect::<Vec<_>>())?,
                _ => match found.next() {
                    Some(child) => self.value(of, child)?,
                    None => continue,
                },
            };
            map.insert(name.clone(), value);
        }
        Ok(Value::Object(map))
    }
}

fn is_scalar(shape: &str) -> bool {
    matches!(shape, "s" | "i" | "f" | "b")
}

fn scalar(shape: &str, text: &str) -> Result<Value, String> {
    let trimmed = text.trim();
    match shape {
        "i" | "f" | "b" if trimmed.is_empty() => Ok(Value::Null),
        "i" => trimmed.parse::<i64>().map(Value::from).map_err(|_| format!("\"{trimmed}\" is not a whole number")),
        "f" => trimmed.parse::<f64>().map(Value::from).map_err(|_| format!("\"{trimmed}\" is not a number")),
        "b" => Ok(Value::Bool(trimmed.eq_ignore_ascii_case("true"))),
        _ => Ok(Value::String(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::{super::xml, *};
    use serde_json::json;

    fn shapes() -> Shapes {
        serde_json::from_value(json!({
            "operations": {"List": {"shape": "Out", "wrapper": "ListResult"}, "Where": {"shape": "Loc", "wrapper": null},
                "Policy": {"shape": "Pol", "wrapper": null}, "Acl": {"shape": "Acl", "wrapper": null}},
            "shapes": {
                "Out": {"k": "o", "m": {"Things": ["thingSet", "Things", ""], "Flat": ["Item", "Flat", "F"], "Attributes": ["Attr", "Attrs", "F"], "Tags": ["tags", "Attrs", ""]}},
                "Things": {"k": "l", "e": "member", "of": "Thing"},
                "Flat": {"k": "l", "e": "Item", "of": "s", "F": true},
                "Attrs": {"k": "m", "key": "Name", "value": "Value", "of": "s", "F": true},
                "Thing": {"k": "o", "m": {"Id": ["id", "s", ""], "Size": ["size", "i", ""], "On": ["on", "b", ""], "Rate": ["rate", "f", ""]}},
                "Loc": {"k": "o", "m": {"Location": ["LocationConstraint", "s", ""]}},
                "Pol": {"k": "o", "m": {"Policy": ["Policy", "s", "P"]}},
                "Acl": {"k": "o", "m": {"Type": ["xsi:type", "s", "a"], "Name": ["Name", "s", ""]}},
            }
        }))
        .unwrap()
    }

    fn decode(operation: &str, text: &str) -> Value {
        shapes().decode(operation, &xml::parse(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn elements_become_what_they_are() {
        let text = "<R><ListResult><thingSet><member><id>007</id><size>5</size><on>true</on><rate>1.5</rate><new>x</new></member></thingSet>\
            <Item>a</Item><Item>b</Item><Attr><Name>k</Name><Value>v</Value></Attr>\
            <tags><entry><Name>t</Name><Value>u</Value></entry></tags></ListResult></R>";
        assert_eq!(
            decode("List", text),
            json!({"Things": [{"Id": "007", "Size": 5, "On": true, "Rate": 1.5}], "Flat": ["a", "b"], "Attributes": {"k": "v"}, "Tags": {"t": "u"}})
        );
        assert_eq!(decode("List", "<R><ListResult><thingSet/></ListResult></R>"), json!({"Things": []}));
    }

    #[test]
    fn odd_answers() {
        assert_eq!(decode("Where", "<LocationConstraint>EU</LocationConstraint>"), json!({"Location": "EU"}));
        assert_eq!(decode("Where", "<LocationConstraint/>"), json!({"Location": null}));
        assert_eq!(decode("Acl", "<G xsi:type=\"Group\"><Name>n</Name></G>"), json!({"Type": "Group", "Name": "n"}));
        assert_eq!(shapes().raw("Policy"), Some("Policy"));
        assert_eq!(shapes().raw("List"), None);
    }
}
