//! XML as a small tree: names without prefixes, text, attributes. No document types, no entities but the five of XML.
//!
//! The tree lies in one list and borrows from the document: an answer has tens of thousands of elements. This room knows XML. It must
//! never know what it says.

use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};
use std::borrow::Cow;

/// Deeper than any answer.
const DEEPEST: usize = 64;
/// No element: the root is nobody's child.
const NONE: usize = 0;

/// Names, with their prefixes, and values.
type Attributes<'t> = Vec<(&'t str, String)>;

/// A document.
#[derive(Debug, Default)]
pub(crate) struct Document<'t>(Vec<Node<'t>>);

#[derive(Debug)]
struct Node<'t> {
    name: &'t str,
    text: Cow<'t, str>,
    attributes: Attributes<'t>,
    first: usize,
    last: usize,
    next: usize,
}

/// An element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'d> {
    document: &'d Document<'d>,
    node: &'d Node<'d>,
}

impl<'d> Element<'d> {
    /// Its name, without a prefix.
    pub(crate) const fn name(self) -> &'d str {
        self.node.name
    }
    /// Its text; that of an element with children is nothing.
    pub(crate) fn text(self) -> &'d str {
        &self.node.text
    }
    /// The value of an attribute.
    pub(crate) fn attribute(self, name: &str) -> Option<&'d str> {
        self.node.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }
    /// Its children in order.
    pub(crate) fn children(self) -> impl Iterator<Item = Self> + use<'d> {
        let at = move |index: usize| if index == NONE { None } else { self.document.element(index) };
        std::iter::successors(at(self.node.first), move |child| at(child.node.next))
    }
    /// Whether it has none.
    pub(crate) const fn is_leaf(self) -> bool {
        self.node.first == NONE
    }
    /// The first child of this name.
    pub(crate) fn child(self, name: &str) -> Option<Self> {
        self.children().find(|c| c.name() == name)
    }
    /// The first element of this name, itself included, in the order of the document.
    pub(crate) fn find(self, name: &str) -> Option<Self> {
        if self.name() == name { Some(self) } else { self.children().find_map(|c| c.find(name)) }
    }
}

impl<'t> Document<'t> {
    fn element(&self, index: usize) -> Option<Element<'_>> {
        self.0.get(index).map(|node| Element { document: self, node })
    }
    /// The root.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn root(&self) -> Result<Element<'_>, String> {
        self.element(0).ok_or_else(|| "no element".into())
    }
    /// Adds an element below the one that is open, and says which it is.
    fn add(&mut self, name: &'t str, attributes: Attributes<'t>, open: &[usize]) -> Result<usize, String> {
        let index = self.0.len();
        if let Some(&above) = open.last() {
            let last = std::mem::replace(&mut self.0[above].last, index);
            if last == NONE {
                self.0[above].first = index;
                self.0[above].text = Cow::Borrowed("");
            } else {
                self.0[last].next = index;
            }
        } else if index > 0 {
            return Err("more than one root".into());
        }
        self.0.push(Node { name, text: Cow::Borrowed(""), attributes, first: NONE, last: NONE, next: NONE });
        Ok(index)
    }
    fn append(&mut self, text: Cow<'t, str>, open: &[usize]) {
        let Some(node) = open.last().and_then(|&index| self.0.get_mut(index)) else { return };
        if node.first != NONE {
            return;
        }
        if node.text.is_empty() {
            node.text = text;
        } else {
            node.text.to_mut().push_str(&text);
        }
    }
}

/// Reads a document.
///
/// # Errors
/// What is wrong with it; an unfinished document is an error.
pub(crate) fn parse(bytes: &[u8]) -> Result<Document<'_>, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    let mut reader = Reader::from_str(text);
    // An element of an answer takes some forty bytes.
    let mut document = Document(Vec::with_capacity(text.len() / 40 + 1));
    let mut open: Vec<usize> = Vec::new();
    loop {
        let from = position(&reader);
        let event = reader.read_event().map_err(|e| e.to_string())?;
        // What an event was made of, as long as the document lives.
        let raw = || text.get(from..position(&reader)).unwrap_or_default();
        match event {
            Event::Start(start) => {
                if open.len() >= DEEPEST {
                    return Err("nested too deeply".into());
                }
                let (name, attributes) = opening(&start, raw())?;
                open.push(document.add(name, attributes, &open)?);
            }
            Event::Empty(start) => {
                let (name, attributes) = opening(&start, raw())?;
                document.add(name, attributes, &open)?;
            }
            Event::End(_) => {
                open.pop().ok_or("an element ends that did not begin")?;
            }
            Event::Text(_) => document.append(Cow::Borrowed(raw()), &open),
            Event::CData(data) => {
                document.append(Cow::Owned(data.decode().map_err(|e| e.to_string())?.into_owned()), &open);
            }
            Event::GeneralRef(reference) => document.append(Cow::Owned(resolve(&reference)?), &open),
            Event::DocType(_) => return Err("a document type".into()),
            Event::Eof if !open.is_empty() => return Err("the document ends early".into()),
            Event::Eof if document.0.is_empty() => return Err("no element".into()),
            Event::Eof => return Ok(document),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

/// A name, and attributes.
type Opening<'t> = (&'t str, Attributes<'t>);

/// The name and the attributes of an element; `raw` is `<name …>`.
fn opening<'t>(start: &BytesStart<'_>, raw: &'t str) -> Result<Opening<'t>, String> {
    let length = start.name().into_inner().len();
    let name = raw.get(1..=length).ok_or("an element without a name")?;
    let mut attributes = Vec::new();
    if start.len() > length {
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|e| e.to_string())?;
            let key = std::str::from_utf8(attribute.key.into_inner()).map_err(|e| e.to_string())?;
            let key = raw.find(key).and_then(|at| raw.get(at..at + key.len())).unwrap_or_default();
            attributes.push((key, attribute.unescape_value().map_err(|e| e.to_string())?.into_owned()));
        }
    }
    Ok((local(name), attributes))
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Some(c) = reference.resolve_char_ref().map_err(|e| e.to_string())? {
        return Ok(c.to_string());
    }
    let name = reference.decode().map_err(|e| e.to_string())?;
    let known = quick_xml::escape::resolve_predefined_entity(&name);
    known.map(str::to_owned).ok_or_else(|| format!("the entity &{name}; is unknown"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn documents_are_read() {
        let document = parse(
            b"<?xml version=\"1.0\"?>\n<a xmlns=\"u\"><n:b x:t=\"1&amp;2\"> v &lt;&#65;<![CDATA[<&>]]></n:b><c/>\n</a>",
        )
        .unwrap();
        let root = document.root().unwrap();
        assert_eq!((root.name(), root.text(), root.is_leaf()), ("a", "", false));
        let b = root.child("b").unwrap();
        assert_eq!((b.name(), b.text(), b.attribute("x:t")), ("b", " v <A<&>", Some("1&2")));
        assert_eq!(root.children().map(Element::name).collect::<Vec<_>>(), ["b", "c"]);
        assert!(root.find("c").is_some_and(Element::is_leaf));
    }

    #[test]
    fn what_is_broken_is_an_error() {
        for text in [
            "",
            "<a>",
            "<a><b></a>",
            "<a/><b/>",
            "text",
            "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
            "<a>&x;</a>",
            "{\"a\":1}",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse("<a>".repeat(100_000).as_bytes()).is_err());
        assert!(parse(b"<a>\xff</a>").is_err());
    }
}
