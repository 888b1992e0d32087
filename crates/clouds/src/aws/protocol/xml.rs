//! XML as a small tree: names without prefixes, text, attributes. No document types, no entities but the five of XML.
//!
//! This room knows XML. It must never know what it says.

use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};

/// Deeper than any answer.
const DEEPEST: usize = 64;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) text: String,
    pub(crate) children: Vec<Node>,
}

impl Node {
    /// The first child of this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.name == name)
    }
    /// The first element of this name, itself included, in the order of the document.
    pub(crate) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name { Some(self) } else { self.children.iter().find_map(|c| c.find(name)) }
    }
}

/// Reads a document.
///
/// # Errors
/// What is wrong with it; an unfinished document is an error.
pub(crate) fn parse(bytes: &[u8]) -> Result<Node, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Node> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().map_err(|e| e.to_string())? {
            Event::Start(start) => {
                if open.len() >= DEEPEST || root.is_some() {
                    return Err("nested too deeply, or more than one root".into());
                }
                open.push(node(&start)?);
            }
            Event::Empty(start) => close(node(&start)?, &mut open, &mut root)?,
            Event::End(_) => {
                let done = open.pop().ok_or("an element ends that did not begin")?;
                close(done, &mut open, &mut root)?;
            }
            Event::Text(text) => append(&mut open, &text.decode().map_err(|e| e.to_string())?),
            Event::CData(data) => append(&mut open, &data.decode().map_err(|e| e.to_string())?),
            Event::GeneralRef(reference) => append(&mut open, &resolve(&reference)?),
            Event::DocType(_) => return Err("a document type".into()),
            Event::Eof if !open.is_empty() => return Err("the document ends early".into()),
            Event::Eof => return root.ok_or_else(|| "no element".into()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
}

fn node(start: &BytesStart<'_>) -> Result<Node, String> {
    let name = String::from_utf8_lossy(start.local_name().into_inner()).into_owned();
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let key = String::from_utf8_lossy(attribute.key.into_inner()).into_owned();
        attributes.push((key, attribute.unescape_value().map_err(|e| e.to_string())?.into_owned()));
    }
    Ok(Node { name, attributes, ..Node::default() })
}

fn close(mut done: Node, open: &mut [Node], root: &mut Option<Node>) -> Result<(), String> {
    if !done.children.is_empty() {
        done.text.clear();
    }
    match open.last_mut() {
        Some(parent) => parent.children.push(done),
        None if root.is_none() => *root = Some(done),
        None => return Err("more than one root".into()),
    }
    Ok(())
}

fn append(open: &mut [Node], text: &str) {
    if let Some(node) = open.last_mut() {
        node.text.push_str(text);
    }
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
        let root = parse(
            b"<?xml version=\"1.0\"?>\n<a xmlns=\"u\"><n:b x:t=\"1&amp;2\"> v &lt;&#65;<![CDATA[<&>]]></n:b><c/>\n</a>",
        )
        .unwrap();
        assert_eq!(root.name, "a");
        assert!(root.text.is_empty());
        let b = root.child("b").unwrap();
        assert_eq!(b.text, " v <A<&>");
        assert_eq!(b.attributes, [("x:t".to_owned(), "1&2".to_owned())]);
        assert!(root.find("c").is_some());
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
