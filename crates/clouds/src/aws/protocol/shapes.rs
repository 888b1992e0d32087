//! Shapes: what the elements of an XML answer are (numbers, lists, maps), so that it becomes the JSON that botocore would show.
//!
//! This room knows the form of `data/aws/shapes`. It must never know an operation.

mod way;

pub(super) use way::{Step, Way};

use super::{
    members::{Filling, Member, Members},
    xml::{Pull, Tag},
};
use crate::value::{Key, Map, Name, Value};
use serde::Deserialize;
use std::{borrow::Cow, collections::HashMap};

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
    Object(Members),
    List(List),
    Map(Entries),
}

/// A list: its elements' name, and what they are.
#[derive(Debug, Clone)]
struct List {
    element: String,
    of: Kind,
}

/// A map: the names of an entry's key and value, and what the value is.
#[derive(Debug, Clone)]
struct Entries {
    key: String,
    value: String,
    of: Kind,
}

/// What an element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
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
        // One name for all objects that have such a member.
        let mut known: HashMap<&str, &'static Name> = HashMap::new();
        let mut shapes = Vec::with_capacity(names.len());
        for name in names {
            shapes.push(match &written.shapes[name] {
                WrittenShape::List { e, of } => Shape::List(List { element: e.clone(), of: kind(of)? }),
                WrittenShape::Map { key, value, of } => {
                    Shape::Map(Entries { key: key.clone(), value: value.clone(), of: kind(of)? })
                }
                WrittenShape::Object { m } => {
                    let mut members = Vec::with_capacity(m.len());
                    for (name, (element, of, flags)) in m {
                        let name = *known.entry(name).or_insert_with(|| Name::known(name));
                        members.push((name, element.as_str(), kind(of)?, flags.as_str()));
                    }
                    Shape::Object(Members::new(members).map_err(|why| format!("the shape {name}: {why}"))?)
                }
            });
        }
        let output = |(name, output): (&String, &WrittenOutput)| {
            let number = numbers.get(output.shape.as_str());
            let shape = *number.ok_or_else(|| format!("the shape {} is missing", output.shape))?;
            Ok((name.clone(), Output { shape, wrapper: output.wrapper.clone() }))
        };
        Ok(Self { operations: written.operations.iter().map(output).collect::<Result<_, String>>()?, shapes })
    }
}

impl Shapes {
    /// Whether the answer of this operation can be read.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the test of every row"))]
    pub(crate) fn knows(&self, operation: &str) -> bool {
        self.operations.contains_key(operation)
    }

    /// The member that is the whole body, unparsed, if the answer has such a one (a bucket's policy).
    pub(crate) fn raw(&self, operation: &str) -> Option<&'static Name> {
        let Some(Shape::Object(object)) = self.shapes.get(self.operations.get(operation)?.shape) else { return None };
        object.payload.as_ref().filter(|payload| payload.of == Kind::Text).map(|payload| payload.name)
    }

    /// An answer as JSON; its root was begun.
    ///
    /// # Errors
    /// An operation without shapes; numbers that are none; a document that is broken.
    pub(crate) fn decode(&self, operation: &str, root: Tag<'_>, mut pull: Pull<'_>) -> Result<Value, String> {
        let output = self.operations.get(operation).ok_or_else(|| format!("{operation} has no shapes"))?;
        let Some(wrapper) = output.wrapper.as_deref() else {
            let value = self.output(output, root, &mut pull)?;
            return pull.finish().map(|()| value);
        };
        let mut value = None;
        pull.children(|inner, pull| {
            if inner.name != wrapper || value.is_some() {
                return pull.skip();
            }
            value = Some(self.output(output, inner, pull)?);
            Ok(())
        })?;
        pull.finish()?;
        value.ok_or_else(|| format!("the answer has no {wrapper}"))
    }

    fn output(&self, output: &Output, element: Tag<'_>, pull: &mut Pull<'_>) -> Result<Value, String> {
        let Some(Shape::Object(object)) = self.shapes.get(output.shape) else {
            return pull.skip().map(|()| Value::Object(Map::new()));
        };
        // The payload member is the root itself; and one answer (a bucket's location) is nothing but its root's text.
        let text = match object.find(element.name).filter(|member| member.of.is_scalar()) {
            Some(member) if output.wrapper.is_none() && pull.is_leaf()? => Some(member),
            _ => None,
        };
        let Some(Member { name, of, .. }) = object.payload.as_ref().or(text) else {
            return self.object(object, element, pull);
        };
        let value = if of.is_scalar() {
            let text = pull.text()?;
            if text.is_empty() { Value::Null } else { scalar(*of, text)? }
        } else {
            self.value(*of, element, pull)?
        };
        Ok(Value::Object(Map::of_sorted(vec![(Key::from(*name), value)])))
    }

    /// What is in the element that was begun last, to its end.
    fn value(&self, kind: Kind, element: Tag<'_>, pull: &mut Pull<'_>) -> Result<Value, String> {
        let Kind::Shape(number) = kind else { return scalar(kind, pull.text()?) };
        match self.shapes.get(number).ok_or("a shape is missing")? {
            Shape::Object(object) => self.object(object, element, pull),
            Shape::List(List { element, of }) => {
                let mut list = Vec::new();
                pull.children(|child, pull| {
                    if child.name != element {
                        return pull.skip();
                    }
                    list.push(self.value(*of, child, pull)?);
                    Ok(())
                })?;
                Ok(Value::Array(list))
            }
            Shape::Map(entries) => {
                let mut map = Map::new();
                pull.children(|child, pull| match child.name {
                    "entry" => self.entry(entries, pull, &mut map),
                    _ => pull.skip(),
                })?;
                Ok(Value::Object(map))
            }
        }
    }

    /// The first key and the first value count, and only both together.
    fn entry(&self, entries: &Entries, pull: &mut Pull<'_>, map: &mut Map) -> Result<(), String> {
        let (mut key, mut value) = (None, None);
        pull.children(|child, pull| {
            let (is_key, is_value) = (child.name == entries.key, child.name == entries.value);
            match (is_key && key.is_none(), is_value && value.is_none()) {
                (true, _) => key = Some(pull.text()?),
                (_, true) => value = Some(self.value(entries.of, child, pull)?),
                _ => pull.skip()?,
            }
            Ok(())
        })?;
        if let (Some(key), Some(value)) = (key, value) {
            map.insert(&*key, value);
        }
        Ok(())
    }

    fn object(&self, object: &Members, element: Tag<'_>, pull: &mut Pull<'_>) -> Result<Value, String> {
        let mut filling = object.filling();
        for (attribute, member) in &object.attributes {
            if let Some(text) = element.attribute(attribute)? {
                *filling.place(member) = scalar(member.of, text.into())?;
            }
        }
        pull.children(|child, pull| match object.find(child.name) {
            Some(member) => self.member(member, child, pull, &mut filling),
            None => pull.skip(),
        })?;
        Ok(Value::Object(filling.done()))
    }

    /// Puts a child where it belongs; of several that are no list the first counts.
    fn member(
        &self,
        member: &Member,
        child: Tag<'_>,
        pull: &mut Pull<'_>,
        filling: &mut Filling,
    ) -> Result<(), String> {
        let shape = match member.of {
            Kind::Shape(number) if member.flat => self.shapes.get(number),
            _ => None,
        };
        match shape {
            Some(Shape::List(List { of, .. })) => {
                let value = self.value(*of, child, pull)?;
                match filling.place(member) {
                    Value::Array(list) => list.push(value),
                    place => *place = Value::Array(vec![value]),
                }
            }
            Some(Shape::Map(entries)) => {
                let place = filling.place(member);
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                if let Value::Object(map) = place {
                    self.entry(entries, pull, map)?;
                }
            }
            _ if filling.has(member) => pull.skip()?,
            _ => {
                let value = self.value(member.of, child, pull)?;
                *filling.place(member) = value;
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

fn scalar(kind: Kind, text: Cow<'_, str>) -> Result<Value, String> {
    if matches!(kind, Kind::Text | Kind::Shape(_)) {
        return Ok(Value::String(text.into_owned()));
    }
    let trimmed = text.trim();
    match kind {
        _ if trimmed.is_empty() => Ok(Value::Null),
        Kind::Whole => {
            trimmed.parse::<i64>().map(Value::from).map_err(|_| format!("\"{trimmed}\" is not a whole number"))
        }
        Kind::Number => trimmed.parse::<f64>().map(Value::from).map_err(|_| format!("\"{trimmed}\" is not a number")),
        _ => Ok(Value::Bool(trimmed.eq_ignore_ascii_case("true"))),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
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
        let mut pull = Pull::new(text.as_bytes()).unwrap();
        let root = pull.root().unwrap();
        shapes().decode(operation, root, pull).unwrap()
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
        assert_eq!(shapes().raw("Policy").map(|name| Key::from(name).to_string()), Some("Policy".into()));
        assert_eq!(shapes().raw("List").map(Key::from), None);
    }

    #[test]
    fn what_stands_there_twice_or_halfway() {
        let read = |text: &str| {
            let text = format!("<R><ListResult>{text}</ListResult><ListResult><Item>no</Item></ListResult></R>");
            let mut pull = Pull::new(text.as_bytes()).unwrap();
            let root = pull.root().unwrap();
            shapes().decode("List", root, pull)
        };
        for (text, wanted) in [
            (
                "<thingSet><member><on/><id>1</id><size/><id>2</id></member><x>y</x></thingSet><thingSet/>",
                json!({"Things": [{"Id": "1", "On": null, "Size": null}]}),
            ),
            ("<Item>a<b>c</b>d</Item><Item> &lt;<![CDATA[&]]></Item><Item/>", json!({"Flat": ["", " <&", ""]})),
            (
                "<Attr><Value>v</Value><Name>k</Name><Name>l</Name></Attr><Attr><Name>m</Name></Attr>",
                json!({"Attributes": {"k": "v"}}),
            ),
            (
                "<Attr><Name>k</Name><Value>1</Value></Attr><Attr><Name>k</Name><Value>2</Value></Attr>",
                json!({"Attributes": {"k": "2"}}),
            ),
            ("<other><Item>a</Item></other>text", json!({})),
        ] {
            assert_eq!(serde_json::Value::from(read(text).unwrap()), wanted, "{text}");
        }
        for broken in ["<thingSet><member><size>x</size></member></thingSet>", "<thingSet><member>", "&x;"] {
            assert!(read(broken).is_err(), "{broken}");
        }
        let twice =
            json!({"operations": {}, "shapes": {"A": {"k": "o", "m": {"B": ["b", "s", ""], "C": ["b", "s", ""]}}}});
        assert!(serde_json::from_value::<Shapes>(twice).is_err());
    }
}
