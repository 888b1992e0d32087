//! XML: names without prefixes, text, attributes. No document types, no entities but the five of XML.
//!
//! It is read piece by piece and borrows from the document: an answer has tens of thousands of elements, and each is looked at once. This
//! room knows XML. It must never know what it says.

mod leap;

use quick_xml::{escape::unescape, events::attributes::Attributes};
use std::borrow::Cow;

/// Deeper than any answer.
const DEEPEST: usize = 64;
/// A tag that the document ends in.
const UNCLOSED: &str = "a tag is not closed";

/// A document, and how far it was read.
#[derive(Debug, Clone)]
pub(crate) struct Pull<'t> {
    text: &'t str,
    at: usize,
    /// The names of the elements that are open, with their prefixes.
    open: Vec<&'t str>,
    /// The element that was begun last has ended already: `<a/>`.
    empty: bool,
    begun: bool,
}

/// What begins an element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag<'t> {
    /// Its name, without a prefix.
    pub(crate) name: &'t str,
    /// Its name and attributes as they are written.
    written: &'t str,
    length: usize,
}

/// A piece.
#[derive(Debug)]
pub(crate) enum Piece<'t> {
    Start(Tag<'t>),
    End,
    Text(Cow<'t, str>),
    /// The document ends.
    Over,
}

impl Tag<'_> {
    /// The value of an attribute; `name` is with its prefix.
    ///
    /// # Errors
    /// What is wrong with the attributes.
    pub(crate) fn attribute(self, name: &str) -> Result<Option<String>, String> {
        let mut found = None;
        if self.written.len() > self.length {
            for attribute in Attributes::new(self.written, self.length) {
                let attribute = attribute.map_err(|e| e.to_string())?;
                let value = attribute.unescape_value().map_err(|e| e.to_string())?;
                if attribute.key.into_inner() == name.as_bytes() && found.is_none() {
                    found = Some(value.into_owned());
                }
            }
        }
        Ok(found)
    }
}

impl<'t> Pull<'t> {
    /// A document from its beginning.
    ///
    /// # Errors
    /// It is no UTF-8.
    pub(crate) fn new(bytes: &'t [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Ok(Self { text, at: 0, open: Vec::with_capacity(16), empty: false, begun: false })
    }

    /// The beginning of the root.
    ///
    /// # Errors
    /// There is none, or what is before it is wrong.
    pub(crate) fn root(&mut self) -> Result<Tag<'t>, String> {
        loop {
            if let Piece::Start(tag) = self.piece()? {
                return Ok(tag);
            }
        }
    }

    /// Reads to the end of the element that was begun last.
    pub(crate) fn skip(&mut self) -> Result<(), String> {
        let mut depth = 1_usize;
        while depth > 0 {
            self.pass()?;
            match self.piece()? {
                Piece::Start(_) => depth += 1,
                Piece::End => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// The text of the element that was begun last, to its end; that of an element with children is nothing.
    pub(crate) fn text(&mut self) -> Result<Cow<'t, str>, String> {
        let mut text = Cow::Borrowed("");
        if !self.empty {
            let from = self.at;
            let (raw, plain) = self.raw();
            let rest = &self.text[self.at..];
            if plain && rest.starts_with("</") {
                return self.end(rest).map(|_| Cow::Borrowed(raw));
            }
            self.at = from;
        }
        let mut leaf = true;
        loop {
            match self.piece()? {
                Piece::Text(more) if leaf && text.is_empty() => text = more,
                Piece::Text(more) if leaf => text.to_mut().push_str(&more),
                Piece::Start(_) => {
                    (leaf, text) = (false, Cow::Borrowed(""));
                    self.skip()?;
                }
                Piece::End => return Ok(text),
                Piece::Text(_) | Piece::Over => {}
            }
        }
    }

    /// Calls with each child of the element that was begun last, which must be read to its end, and ends after the element.
    pub(crate) fn children(
        &mut self,
        mut each: impl FnMut(Tag<'t>, &mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        loop {
            self.pass()?;
            match self.piece()? {
                Piece::Start(child) => each(child, self)?,
                Piece::End => return Ok(()),
                Piece::Text(_) | Piece::Over => {}
            }
        }
    }

    /// Reads what is after the root, where there may be no element.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        while !matches!(self.piece()?, Piece::Over) {}
        Ok(())
    }

    /// Whether the element that was begun last has no children.
    pub(crate) fn is_leaf(&self) -> Result<bool, String> {
        let mut ahead = self.clone();
        loop {
            match ahead.piece()? {
                Piece::Start(_) => return Ok(false),
                Piece::End => return Ok(true),
                _ => {}
            }
        }
    }

    /// The next piece.
    ///
    /// # Errors
    /// What is wrong with it; a document that ends early.
    pub(crate) fn piece(&mut self) -> Result<Piece<'t>, String> {
        if self.empty {
            self.empty = false;
            return Ok(Piece::End);
        }
        loop {
            let rest = &self.text[self.at..];
            match rest.as_bytes() {
                [] => return self.over(),
                [b'<', b'/', ..] => return self.end(rest),
                [b'<', b'?', ..] => self.after(rest, 2, "?>")?,
                [b'<', b'!', ..] if rest.starts_with("<!--") => self.after(rest, 4, "-->")?,
                [b'<', b'!', ..] if rest.starts_with("<![CDATA[") => {
                    self.after(rest, 9, "]]>")?;
                    let length = rest.len() - (self.text.len() - self.at);
                    return Ok(Piece::Text(Cow::Borrowed(&rest[9..length - 3])));
                }
                [b'<', b'!', ..] => return Err("a document type".into()),
                [b'<', ..] => return self.start(rest),
                _ => {
                    let (raw, plain) = self.raw();
                    let text = if plain { Cow::Borrowed(raw) } else { unescape(raw).map_err(|e| e.to_string())? };
                    return Ok(Piece::Text(text));
                }
            }
        }
    }

    /// Goes on to the next `<`: what is before it, and whether that stands for itself.
    fn raw(&mut self) -> (&'t str, bool) {
        let rest = &self.text[self.at..];
        let (mut length, mut plain) = (0, true);
        for byte in rest.as_bytes() {
            if *byte == b'<' {
                break;
            }
            plain &= *byte != b'&';
            length += 1;
        }
        self.at += length;
        (&rest[..length], plain)
    }

    /// Goes on after a text that nobody wants.
    fn pass(&mut self) -> Result<(), String> {
        match self.raw() {
            (_, true) => Ok(()),
            (raw, false) => unescape(raw).map(drop).map_err(|e| e.to_string()),
        }
    }

    fn over(&self) -> Result<Piece<'t>, String> {
        if !self.open.is_empty() {
            return Err("the document ends early".into());
        }
        if self.begun { Ok(Piece::Over) } else { Err("no element".into()) }
    }

    /// Goes on after the next `end`, which is not before `from`.
    fn after(&mut self, rest: &str, from: usize, end: &str) -> Result<(), String> {
        let at = rest[from..].find(end).ok_or_else(|| format!("a {end} is missing"))?;
        self.at += from + at + end.len();
        Ok(())
    }

    fn end(&mut self, rest: &str) -> Result<Piece<'t>, String> {
        let name = self.open.pop().ok_or("an element ends that did not begin")?;
        let after = rest[2..].strip_prefix(name).map(|after| after.trim_start_matches([' ', '\t', '\r', '\n']));
        match after.and_then(|after| after.strip_prefix('>')) {
            Some(after) => self.at += rest.len() - after.len(),
            None => return Err(format!("{name} does not end as it began")),
        }
        Ok(Piece::End)
    }

    fn start(&mut self, rest: &'t str) -> Result<Piece<'t>, String> {
        let bytes = rest.as_bytes();
        let (mut end, mut colon) = (1, None);
        let mut byte = *bytes.get(end).ok_or(UNCLOSED)?;
        while !matches!(byte, b'>' | b'"' | b'\'' | b' ' | b'\t' | b'\r' | b'\n') {
            if byte == b':' && colon.is_none() {
                colon = Some(end);
            }
            end += 1;
            byte = *bytes.get(end).ok_or(UNCLOSED)?;
        }
        let (mut quote, mut length) = (None, None);
        while byte != b'>' || quote.is_some() {
            match (byte, quote) {
                (b'"' | b'\'', None) => quote = Some(byte),
                (byte, Some(open)) if byte == open => quote = None,
                (b' ' | b'\t' | b'\r' | b'\n', None) if length.is_none() => length = Some(end - 1),
                _ => {}
            }
            end += 1;
            byte = *bytes.get(end).ok_or(UNCLOSED)?;
        }
        self.at += end + 1;
        let written = &rest[1..end];
        self.empty = written.ends_with('/');
        let written = written.strip_suffix('/').unwrap_or(written);
        let length = length.unwrap_or(written.len());
        let name = &written[..length];
        if name.is_empty() {
            return Err("an element without a name".into());
        }
        if self.open.is_empty() && self.begun {
            return Err("more than one root".into());
        }
        self.begun = true;
        if !self.empty {
            if self.open.len() >= DEEPEST {
                return Err("nested too deeply".into());
            }
            self.open.push(name);
        }
        // The name without its prefix.
        let local = colon.map_or(name, |colon| &name[colon..]);
        let tag = Tag { name: local, written, length };
        // Attributes that are broken are an error, whoever wants them.
        tag.attribute("")?;
        Ok(Piece::Start(tag))
    }
}

/// An element with all that is in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Element<'t> {
    pub(crate) name: &'t str,
    /// Nothing, if it has children.
    pub(crate) text: Cow<'t, str>,
    pub(crate) children: Vec<Self>,
}

impl<'t> Element<'t> {
    /// Reads a document that is looked through here and there.
    ///
    /// # Errors
    /// What is wrong with it; an unfinished document is an error.
    pub(crate) fn parse(bytes: &'t [u8]) -> Result<Self, String> {
        let mut pull = Pull::new(bytes)?;
        let root = pull.root()?;
        let root = Self::read(root, &mut pull)?;
        pull.finish().map(|()| root)
    }
    fn read(tag: Tag<'t>, pull: &mut Pull<'t>) -> Result<Self, String> {
        if pull.is_leaf()? {
            return Ok(Self { name: tag.name, text: pull.text()?, children: Vec::new() });
        }
        let mut children = Vec::new();
        pull.children(|child, pull| {
            children.push(Self::read(child, pull)?);
            Ok(())
        })?;
        Ok(Self { name: tag.name, text: Cow::Borrowed(""), children })
    }
    /// The first child of this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
    /// The first element of this name, itself included, in the order of the document.
    pub(crate) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name { Some(self) } else { self.children.iter().find_map(|child| child.find(name)) }
    }
}

#[cfg(test)]
mod tests;
