//! An item on its way to becoming a resource.
//!
//! This room knows how an item gets its id, loses what is volatile and is redacted. It must never know a service.

use super::{Line, Run};
use crate::value::Value;
use crate::{
    Found, Print, TypeOutcome,
    aws::data::{Scope, Type},
};
use percent_encoding::percent_decode_str;

/// Lists that have no order of their own, whatever the type.
const UNORDERED: [&str; 4] = ["Tags", "TagSet", "TagList", "tags"];

/// An item under way.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) item: Value,
    /// Properties that could not be read.
    pub(crate) unread: Vec<String>,
    /// Deleted between the list and a read.
    pub(crate) gone: bool,
    /// Of the item as it came, where nothing else decides what it becomes.
    pub(crate) print: Option<Print>,
}

impl Work {
    /// As the list shows it.
    pub(crate) const fn new(item: Value, print: Option<Print>) -> Self {
        Self { item, unread: Vec::new(), gone: false, print }
    }
}

impl Run<'_> {
    /// The resources of these items; one without an id is its type's problem.
    pub(super) fn finish(&self, kind: &Type, works: Vec<Work>, parent: Option<&Value>, line: &Line) -> Vec<Found> {
        let mut batch = Vec::with_capacity(works.len());
        for work in works {
            match self.found(kind, work, parent) {
                Ok(found) => batch.push(found),
                Err(why) => {
                    let message = format!("a resource has no id: {why}");
                    line.problem(TypeOutcome::Failed { code: "id".into(), message });
                }
            }
        }
        batch
    }

    fn found(&self, kind: &Type, mut work: Work, parent: Option<&Value>) -> Result<Found, String> {
        let scope = Scope { item: &work.item, parent, place: &self.session.place };
        let id = kind.id.fill(&scope)?;
        let optional = |template: &Option<crate::aws::data::Template>| {
            template.as_ref()?.fill(&scope).ok().filter(|text| !text.is_empty())
        };
        let (name, arn) = (optional(&kind.name), optional(&kind.arn));
        tidy(kind, &mut work.item);
        let redactor = self.options.redaction.of(&kind.token, &id);
        for path in &kind.secret {
            path.change(&mut work.item, &mut |value| redactor.hide(value));
        }
        redactor.redact(&mut work.item);
        work.unread.sort_unstable();
        work.unread.dedup();
        let type_token = kind.token.clone();
        Ok(Found { type_token, id, name, arn, properties: work.item, unread: work.unread, print: work.print })
    }
}

/// Without what is volatile, and in an order of its own where the cloud has none.
pub(super) fn tidy(kind: &Type, item: &mut Value) {
    for path in &kind.drop {
        path.remove(item);
    }
    for path in &kind.decode {
        path.change(item, &mut decode);
    }
    for path in &kind.sort {
        path.change(item, &mut Value::sort);
    }
    sort_tags(item);
}

/// Sorts the lists of tags.
pub(super) fn sort_tags(item: &mut Value) {
    for key in UNORDERED {
        if let Some(list) = item.get_mut(key) {
            list.sort();
        }
    }
}

/// A percent-encoded text as it was meant; one that is no text after that stays.
fn decode(value: &mut Value) {
    if let Value::String(text) = value
        && let Ok(plain) = percent_decode_str(text).decode_utf8()
        && plain != *text
    {
        *text = plain.into_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded_once() {
        for (text, wanted) in [
            ("%7B%22a%22%3A%20%22b%252Fc%22%7D", "{\"a\": \"b%2Fc\"}"),
            ("plain+text", "plain+text"),
            ("%ff", "%ff"),
            ("100%", "100%"),
        ] {
            let mut value = Value::from(text);
            decode(&mut value);
            assert_eq!(value, wanted);
        }
    }
}
