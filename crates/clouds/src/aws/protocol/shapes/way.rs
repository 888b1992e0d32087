//! The way to the items of an answer: the elements that lead to them.

use super::{Kind, List, Members, Shape, Shapes};

/// One step of a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::aws::protocol) enum Step<'s> {
    /// The only child of this name.
    Child(&'s str),
    /// Each child of this name.
    Each(&'s str),
}

/// A way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::aws::protocol) struct Way<'s> {
    /// The child of the root at which it begins, if it does not begin at the root.
    pub(in crate::aws::protocol) wrapper: Option<&'s str>,
    pub(in crate::aws::protocol) steps: Vec<Step<'s>>,
}

impl Shapes {
    /// The way in an answer of this operation by these names, each with whether the elements of a list under it follow. `None` where
    /// the shapes say something else.
    pub(in crate::aws::protocol) fn way(&self, operation: &str, names: &[(&str, bool)]) -> Option<Way<'_>> {
        let output = self.operations.get(operation)?;
        let (mut object, mut names) = (self.members(Kind::Shape(output.shape))?, names);
        if let Some(payload) = &object.payload {
            // It is the root itself.
            let ((name, false), rest) = names.split_first()? else { return None };
            if payload.name.text() != *name {
                return None;
            }
            (object, names) = (self.members(payload.of)?, rest);
        }
        let mut steps = Vec::with_capacity(2 * names.len());
        for (n, (name, each)) in names.iter().enumerate() {
            let (element, member) = object.named(name)?;
            let inner = match (self.shape(member.of)?, each, member.flat) {
                (Shape::Object(_), false, false) => {
                    steps.push(Step::Child(element));
                    member.of
                }
                (Shape::List(List { of, .. }), true, true) => {
                    steps.push(Step::Each(element));
                    *of
                }
                (Shape::List(List { element: each, of }), true, false) => {
                    steps.extend([Step::Child(element), Step::Each(each)]);
                    *of
                }
                _ => return None,
            };
            if n + 1 < names.len() {
                object = self.members(inner)?;
            }
        }
        Some(Way { wrapper: output.wrapper.as_deref(), steps })
    }

    fn shape(&self, kind: Kind) -> Option<&Shape> {
        if let Kind::Shape(number) = kind { self.shapes.get(number) } else { None }
    }

    fn members(&self, kind: Kind) -> Option<&Members> {
        if let Some(Shape::Object(members)) = self.shape(kind) { Some(members) } else { None }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn ways() {
        let shapes: Shapes = serde_json::from_value(json!({
            "operations": {"List": {"shape": "Out", "wrapper": "ListResult"}, "Paid": {"shape": "Paid", "wrapper": null}},
            "shapes": {
                "Out": {"k": "o", "m": {"Things": ["thingSet", "Things", ""], "Flat": ["Item", "Things", "F"], "Text": ["text", "s", ""], "In": ["in", "Thing", ""]}},
                "Things": {"k": "l", "e": "member", "of": "Thing"},
                "Thing": {"k": "o", "m": {"Parts": ["partSet", "Things", ""], "Id": ["id", "s", ""]}},
                "Paid": {"k": "o", "m": {"Body": ["Body", "Out", "P"]}},
            }
        }))
        .unwrap();
        let way = |operation: &str, names: &[(&str, bool)]| shapes.way(operation, names);
        let steps = |names: &[(&str, bool)]| way("List", names).unwrap().steps;
        use Step::{Child, Each};
        assert_eq!(steps(&[("Things", true)]), [Child("thingSet"), Each("member")]);
        assert_eq!(steps(&[("Flat", true)]), [Each("Item")]);
        assert_eq!(steps(&[("Flat", true), ("Parts", true)]), [Each("Item"), Child("partSet"), Each("member")]);
        assert_eq!(steps(&[("In", false), ("Parts", true)]), [Child("in"), Child("partSet"), Each("member")]);
        assert_eq!(way("List", &[("Things", true)]).unwrap().wrapper, Some("ListResult"));
        let paid = way("Paid", &[("Body", false), ("Things", true)]).unwrap();
        assert_eq!((paid.wrapper, paid.steps), (None, vec![Child("thingSet"), Each("member")]));
        for (operation, names) in [
            ("Other", &[("Things", true)][..]),
            ("Paid", &[("Things", true)]),
            ("List", &[("Things", false), ("Id", false)]),
            ("List", &[("Text", true)]),
            ("List", &[("Nothing", true)]),
        ] {
            assert_eq!(way(operation, names), None, "{operation} {names:?}");
        }
    }
}
