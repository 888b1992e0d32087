//! Shapes: what the elements of an XML answer are (numbers, lists, maps), so that it becomes the JSON that botocore would show.
//!
//! This room knows the form of `data/aws/shapes`. It must never know an operation.

use super::xml::Element;
use serde::Deserialize;
use serde_json::{Map, Value, map::Entry};
use std::collections::HashMap;

/// The shapes of one service's answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Shapes {
    operations: HashMap<String, Output>,
    shapes: Vec<Shape>,
}

/// As the file has them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    operations: HashMap<String, WrittenOutput>,
    shapes: HashMap<String, WrittenShape>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOutput {
    shape: String,
    wrapper: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "k")]
enum WrittenShape {
    /// An object: member → (element, shape, flags).
    #[serde(rename = "o")]
    Object { m: HashMap<String, (String, String, String)> },
    /// A list.
    #[serde(rename = "l")]
    List { e: String, of: String },
    /// A map.
    #[serde(rename = "m")]
    Map { key: String, value: String, of: String },
}

/// An operation's answer.
#[derive(Debug, Clone)]
struct Output {
    shape: usize,
    wrapper: Option<String>,
}

#[derive(Debug, Clone)]
enum Shape {
    Object(Object),
    /// A list: its elements' name, and what they are.
    List(String, Kind),
    /// A map: the names of an entry's key and value, and what the value is.
    Map(String, String, Kind),
}

/// The members by their elements, and those that are attributes.
#[derive(Debug, Clone, Default)]
struct Object {
    elements: HashMap<String, Vec<Member>>,
    attributes: Vec<(String, Member)>,
    /// The member that is the whole body.
    payload: Option<Member>,
}

#[derive(Debug, Clone)]
struct Member {
    name: String,
    of: Kind,
    /// Its elements lie beside those of others.
    flat: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Whole,
    Number,
    Truth,
    Shape(usize),
}

impl TryFrom<Written> for Shapes {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let mut names: Vec<&String> = written.shapes.keys().collect();
        names.sort_unstable();
        let numbers: HashMap<&str, usize> = names.iter().enumerate().map(|(n, name)| (name.as_str(), n)).collect();
        let kind = |of: &str| match of {
            "s" => Ok(Kind::Text),
            "i" => Ok(Kind::Whole),
            "f" => Ok(Kind::Number),
            "b" => Ok(Kind::Truth),
            shape => numbers.get(shape).map(|n| Kind::Shape(*n)).ok_or_else(|| format!("the shape {shape} is missing")),
        };
        let shape = |name: &&String| {
            Ok(match &written.shapes[*name] {
                WrittenShape::List { e, of } => Shape::List(e.clone(), kind(of)?),
                WrittenShape::Map { key, value, of } => Shape::Map(key.clone(), value.clone(), kind(of)?),
                WrittenShape::Object { m } => Shape::Object(object(m, kind)?),
            })
        };
        let shapes = names.iter().map(shape).collect::<Result<_, String>>()?;
        let output = |(name, output): (&String, &WrittenOutput)| {
            let number = numbers.get(output.shape.as_str());
            let shape = *number.ok_or_else(|| format!("the shape {} is missing", output.shape))?;
            Ok((name.clone(), Output { shape, wrapper: output.wrapper.clone() }))
        };
        Ok(Self { operations: written.operations.iter().map(output).collect::<Result<_, String>>()?, shapes })
    }
}

fn object(
    members: &HashMap<String, (String, String, String)>,
    kind: impl Fn(&str) -> Result<Kind, String>,
) -> Result<Object, String> {
    let mut object = Object::default();
    for (name, (element, of, flags)) in members {
        let member = Member { name: name.clone(), of: kind(of)?, flat: flags.contains('F') };
        if flags.contains('P') {
            object.payload = Some(member.clone());
        }
        if flags.contains('a') {
            object.attributes.push((element.clone(), member));
        } else {
            object.elements.entry(element.clone()).or_default().push(member);
        }
    }
    Ok(object)
}

impl Shapes {
    /// Whether the answer of this operation can be read.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the test of every row"))]
    pub(crate) fn knows(&self, operation: &str) -> bool {
        self.operations.contains_key(operation)
    }

    /// The member that is the whole body, unparsed, if the answer has such a one (a bucket's policy).
    pub(crate) fn raw(&self, operation: &str) -> Option<&str> {
        let Some(Shape::Object(object)) = self.shapes.get(self.operations.get(operation)?.shape) else { return None };
        object.payload.as_ref().filter(|payload| payload.of == Kind::Text).map(|payload| payload.name.as_str())
    }

    /// An answer as JSON.
    ///
    /// # Errors
    /// An operation without shapes; numbers that are none.
    pub(crate) fn decode(&self, operation: &str, root: Element<'_>) -> Result<Value, String> {
        let output = self.operations.get(operation).ok_or_else(|| format!("{operation} has no shapes"))?;
        let inner = match output.wrapper.as_deref() {
            Some(wrapper) => root.child(wrapper).ok_or_else(|| format!("the answer has no {wrapper}"))?,
            None => root,
        };
        let Some(Shape::Object(object)) = self.shapes.get(output.shape) else { return Ok(Value::Object(Map::new())) };
        // The payload member is the root itself; and one answer (a bucket's location) is nothing but its root's text.
        let text = || {
            let members = object.elements.get(root.name()).filter(|_| root.is_leaf())?;
            members.iter().find(|member| member.of.is_scalar())
        };
        if let Some(Member { name, of, .. }) = object.payload.as_ref().or_else(text) {
            let empty = of.is_scalar() && root.text().is_empty();
            let value = if empty { Value::Null } else { self.value(*of, inner)? };
            return Ok(Value::Object(Map::from_iter([(name.clone(), value)])));
        }
        self.object(object, inner)
    }

    fn value(&self, kind: Kind, element: Element<'_>) -> Result<Value, String> {
        let Kind::Shape(number) = kind else { return scalar(kind, element.text()) };
        match self.shapes.get(number) {
            Some(Shape::Object(object)) => self.object(object, element),
            Some(Shape::List(name, of)) => {
                let elements = element.children().filter(|c| c.name() == name);
                elements.map(|c| self.value(*of, c)).collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            Some(Shape::Map(key, value, of)) => {
                let mut map = Map::new();
                for entry in element.children().filter(|c| c.name() == "entry") {
                    self.entry((key, value, *of), entry, &mut map)?;
                }
                Ok(Value::Object(map))
            }
            None => Err("a shape is missing".into()),
        }
    }

    fn entry(
        &self,
        (key, value, of): (&str, &str, Kind),
        entry: Element<'_>,
        map: &mut Map<String, Value>,
    ) -> Result<(), String> {
        if let (Some(k), Some(v)) = (entry.child(key), entry.child(value)) {
            map.insert(k.text().to_owned(), self.value(of, v)?);
        }
        Ok(())
    }

    fn object(&self, object: &Object, element: Element<'_>) -> Result<Value, String> {
        let mut map = Map::new();
        for (attribute, member) in &object.attributes {
            if let Some(text) = element.attribute(attribute) {
                map.insert(member.name.clone(), scalar(member.of, text)?);
            }
        }
        for child in element.children() {
            for member in object.elements.get(child.name()).into_iter().flatten() {
                self.member(member, child, &mut map)?;
            }
        }
        Ok(Value::Object(map))
    }

    /// Puts a child where it belongs; of several that are no list the first counts.
    fn member(&self, member: &Member, child: Element<'_>, map: &mut Map<String, Value>) -> Result<(), String> {
        let place = map.entry(member.name.clone());
        let shape = match member.of {
            Kind::Shape(number) if member.flat => self.shapes.get(number),
            _ => None,
        };
        match shape {
            Some(Shape::List(_, of)) => {
                if let Value::Array(list) = place.or_insert_with(|| Value::Array(Vec::new())) {
                    list.push(self.value(*of, child)?);
                }
            }
            Some(Shape::Map(key, value, of)) => {
                if let Value::Object(map) = place.or_insert_with(|| Value::Object(Map::new())) {
                    self.entry((key, value, *of), child, map)?;
                }
            }
            _ => {
                if let Entry::Vacant(place) = place {
                    place.insert(self.value(member.of, child)?);
                }
            }
        }
        Ok(())
    }
}

impl Kind {
    const fn is_scalar(self) -> bool {
        !matches!(self, Self::Shape(_))
    }
}

fn scalar(kind: Kind, text: &str) -> Result<Value, String> {
    let trimmed = text.trim();
    match kind {
        Kind::Whole | Kind::Number | Kind::Truth if trimmed.is_empty() => Ok(Value::Null),
        Kind::Whole => {
            trimmed.parse::<i64>().map(Value::from).map_err(|_| format!("\"{trimmed}\" is not a whole number"))
        }
        Kind::Number => trimmed.parse::<f64>().map(Value::from).map_err(|_| format!("\"{trimmed}\" is not a number")),
        Kind::Truth => Ok(Value::Bool(trimmed.eq_ignore_ascii_case("true"))),
        Kind::Text | Kind::Shape(_) => Ok(Value::String(text.to_owned())),
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
        shapes().decode(operation, xml::parse(text.as_bytes()).unwrap().root().unwrap()).unwrap()
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
