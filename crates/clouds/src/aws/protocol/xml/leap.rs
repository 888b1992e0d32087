//! Going on after an element without looking at what is in it.

use super::{Pull, Tag};
use memchr::memchr_iter;

impl<'t> Pull<'t> {
    /// The document from the beginning of an element that was begun to where it was read to.
    pub(crate) fn since(&self, tag: Tag<'t>) -> (usize, usize) {
        (tag.written.as_ptr().addr() - self.text.as_ptr().addr() - 1, self.at)
    }

    /// The whole document.
    pub(crate) const fn document(&self) -> &'t str {
        self.text
    }

    /// Goes on after the element that was begun last. Only the depth of tags is counted: that what is in it is right must be known
    /// otherwise. Where a tag has attributes, or is none, it is read as everywhere.
    pub(crate) fn leap(&mut self) -> Result<(), String> {
        let name = match self.open.last() {
            Some(name) if !self.empty => *name,
            _ => return self.skip(),
        };
        let bytes = &self.text.as_bytes()[self.at..];
        let mut depth = 1_usize;
        for at in memchr_iter(b'<', bytes) {
            let tag = &bytes[at + 1..];
            if tag.first() == Some(&b'/') {
                depth -= 1;
                if depth > 0 {
                    continue;
                }
                let Some(rest) = tag[1..].strip_prefix(name.as_bytes()).filter(|rest| rest.first() == Some(&b'>'))
                else {
                    return self.skip();
                };
                self.open.pop();
                self.at = self.text.len() - rest.len() + 1;
                return Ok(());
            }
            // Names are short: no search is worth its beginning.
            let Some(end) = tag.iter().position(|byte| matches!(byte, b'>' | b'"' | b'\'' | b'!' | b'?' | b'<')) else {
                break;
            };
            match (tag[end], tag[..end].last()) {
                (b'>', Some(b'/')) => {}
                (b'>', _) => depth += 1,
                _ => return self.skip(),
            }
        }
        Err("the document ends early".into())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Where it is after the root's first child, and what of it that child is.
    fn leapt(text: &str, leap: fn(&mut Pull<'_>) -> Result<(), String>) -> Result<(usize, String), String> {
        let mut pull = Pull::new(text.as_bytes()).unwrap();
        pull.root().unwrap();
        let mut found = None;
        pull.children(|child, pull| {
            leap(pull)?;
            let (from, to) = pull.since(child);
            found.get_or_insert((to, text[from..to].to_owned()));
            Ok(())
        })?;
        pull.finish()?;
        found.ok_or_else(|| "no child".into())
    }

    #[test]
    fn a_leap_ends_where_a_walk_does() {
        for text in [
            "<r><a>x<b/>y<a>z</a></a><c/></r>",
            "<r> <a/><c>1</c></r>",
            "<r><n:a x=\"1>2\"><b y='</a>'/></n:a></r>",
            "<r><a><!-- </a> --><b/></a></r>",
            "<r><a><![CDATA[</a>]]></a></r>",
            "<r><a>1 > 0</a></r>",
            "<r><a ><b ></b ></a ></r>",
            "<r><a></a></r>",
        ] {
            assert_eq!(leapt(text, |pull| pull.leap()), leapt(text, |pull| pull.skip()), "{text}");
            assert!(leapt(text, |pull| pull.leap()).is_ok(), "{text}");
        }
        for broken in ["<r><a><b></a></r>", "<r><a>", "<r><a><</a></r>", "<r><a></b></r>"] {
            assert!(leapt(broken, |pull| pull.leap()).is_err(), "{broken}");
        }
    }
}
