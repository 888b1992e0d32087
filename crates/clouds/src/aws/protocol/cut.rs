//! Items are looked at as they came, and those that are recognised are cut out, before the rest of an answer is read.
//!
//! This room knows where an item begins and ends. It must never know what is in it.

use super::{
    shapes::{Step, Way},
    xml::Pull,
};
use crate::aws::data::{Call, Protocol, Service};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt, ops::Range};

/// Shows each item of a list's answer, in the order in which they are read, and cuts out those of which is said that they are
/// recognised. `None` where items cannot be told apart with certainty: what was said of them then has no meaning, and the answer is
/// read as it is. An answer that is broken outside what is cut out stays broken.
pub(crate) fn cut<'b>(
    service: &Service,
    call: &Call,
    body: &'b [u8],
    known: &mut dyn FnMut(&[u8]) -> bool,
) -> Option<Cow<'b, [u8]>> {
    let names = call.items.as_ref()?.to_items()?;
    let page = call.page.as_ref();
    // A continuation that is the last item's name must not be cut out.
    if !page.is_none_or(|page| page.from.iter().chain(&page.more).all(|path| path.is_plain())) {
        return None;
    }
    let (text, gone) = match service.protocol {
        Protocol::Json10 | Protocol::Json11 | Protocol::RestJson => json(body, &names, known)?,
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => {
            xml(body, &service.shapes.way(&call.op, &names)?, known)?
        }
    };
    Some(without(text, &gone))
}

fn without<'t>(text: &'t str, gone: &[Range<usize>]) -> Cow<'t, [u8]> {
    if gone.is_empty() {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut rest = Vec::with_capacity(text.len() - gone.iter().map(ExactSizeIterator::len).sum::<usize>());
    let mut at = 0;
    for range in gone {
        rest.extend_from_slice(&text.as_bytes()[at..range.start]);
        at = range.end;
    }
    rest.extend_from_slice(&text.as_bytes()[at..]);
    Cow::Owned(rest)
}

/// What is to be cut out of XML.
struct Walk<'k> {
    known: &'k mut dyn FnMut(&[u8]) -> bool,
    gone: Vec<Range<usize>>,
}

/// A document, and what is to be cut out of it.
type Found<'b> = (&'b str, Vec<Range<usize>>);

fn xml<'b>(body: &'b [u8], way: &Way<'_>, known: &mut dyn FnMut(&[u8]) -> bool) -> Option<Found<'b>> {
    let mut pull = Pull::new(body).ok()?;
    let mut walk = Walk { known, gone: Vec::new() };
    pull.root().ok()?;
    match way.wrapper {
        None => walk.along(&mut pull, &way.steps).ok()?,
        Some(wrapper) => walk.once(&mut pull, wrapper, &way.steps).ok()?,
    }
    pull.finish().ok()?;
    Some((pull.document(), walk.gone))
}

impl Walk<'_> {
    /// Through the element that was begun last, to its end.
    fn along(&mut self, pull: &mut Pull<'_>, steps: &[Step<'_>]) -> Result<(), String> {
        match steps {
            [Step::Child(name), rest @ ..] => self.once(pull, name, rest),
            [Step::Each(name), rest @ ..] => pull.children(|child, pull| {
                if child.name != *name {
                    return pull.skip();
                }
                if !rest.is_empty() {
                    return self.along(pull, rest);
                }
                pull.leap()?;
                let (from, to) = pull.since(child);
                if (self.known)(&pull.document().as_bytes()[from..to]) {
                    self.gone.push(from..to);
                }
                Ok(())
            }),
            [] => pull.skip(),
        }
    }

    /// Through the one child of this name.
    fn once(&mut self, pull: &mut Pull<'_>, name: &str, rest: &[Step<'_>]) -> Result<(), String> {
        let mut there = false;
        pull.children(|child, pull| {
            if child.name != name {
                return pull.skip();
            }
            if there {
                return Err("it is there twice".into());
            }
            there = true;
            self.along(pull, rest)
        })
    }
}

fn json<'b>(body: &'b [u8], names: &[(&str, bool)], known: &mut dyn FnMut(&[u8]) -> bool) -> Option<Found<'b>> {
    let text = std::str::from_utf8(body).ok()?;
    let mut lists: Vec<Vec<&str>> = Vec::new();
    let mut reader = serde_json::Deserializer::from_str(text);
    Along { names, lists: &mut lists }.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    let mut gone = Vec::new();
    let place = |item: &str| {
        let from = item.as_ptr().addr() - text.as_ptr().addr();
        from..from + item.len()
    };
    for list in lists {
        let keep: Vec<bool> = list.iter().map(|item| !known(item.as_bytes())).collect();
        // An item goes with the comma after it, those after the last that stays with the comma before them.
        let last = keep.iter().rposition(|keep| *keep);
        let tail = last.map_or(0, |last| last + 1);
        for n in (0..tail).filter(|n| !keep[*n]) {
            gone.push(place(list[n]).start..place(list[n + 1]).start);
        }
        if let (Some(first), Some(end)) = (list.get(tail), list.last()) {
            let from = last.map_or(place(first).start, |last| place(list[last]).end);
            gone.push(from..place(end).end);
        }
    }
    Some((text, gone))
}

/// An object on the way by these names to the lists of items; each item is kept as it is written.
struct Along<'a, 'l, 't> {
    names: &'a [(&'a str, bool)],
    lists: &'l mut Vec<Vec<&'t str>>,
}

/// A list on that way; of `names` those are left that follow below its elements.
struct Elements<'a, 'l, 't>(Along<'a, 'l, 't>);

impl<'t> DeserializeSeed<'t> for Along<'_, '_, 't> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'t> Visitor<'t> for Along<'_, '_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'t>>(self, mut members: A) -> Result<(), A::Error> {
        let Some(((name, each), rest)) = self.names.split_first() else { return Ok(()) };
        let mut there = false;
        while let Some(key) = members.next_key::<Cow<'_, str>>()? {
            if key != *name {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            if there {
                return Err(A::Error::custom("it is there twice"));
            }
            there = true;
            let below = Along { names: rest, lists: &mut *self.lists };
            if *each { members.next_value_seed(Elements(below))? } else { members.next_value_seed(below)? }
        }
        Ok(())
    }
}

impl<'t> DeserializeSeed<'t> for Elements<'_, '_, 't> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'t> Visitor<'t> for Elements<'_, '_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'t>>(self, mut elements: A) -> Result<(), A::Error> {
        let Along { names, lists } = self.0;
        if !names.is_empty() {
            while elements.next_element_seed(Along { names, lists: &mut *lists })?.is_some() {}
            return Ok(());
        }
        let mut list = Vec::new();
        while let Some(item) = elements.next_element::<&RawValue>()? {
            list.push(item.get());
        }
        lists.push(list);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
