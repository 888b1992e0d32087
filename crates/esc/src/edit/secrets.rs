//! `fn::secret: text` to `fn::secret: {ciphertext: …}` and back.

use super::{EditError, Splice, checked, column, read, splice, trimmed};
use crate::host::{Decrypter, Encrypter};
use crate::limits::Limits;
use crate::secret::{envelope, open_envelope};
use crate::yaml::{Key, Kind, Node, Span, Style, double_quoted, literal_block, plain_or_quoted};

const CALL: &str = "fn::secret";
const CIPHERTEXT: &str = "ciphertext";

/// Encrypts every secret in clear, wherever in the text it stands. An empty text becomes `{}`.
///
/// # Errors
/// The text cannot be read, or an encryption failed.
pub fn encrypt_secrets(text: &str, encrypter: &dyn Encrypter, limits: &Limits) -> Result<String, EditError> {
    let Some(mut node) = read(text, limits)? else {
        return Ok(if text.is_empty() { "{}\n".to_owned() } else { text.to_owned() });
    };
    let mut rewriter = Rewriter { text, splices: Vec::new() };
    rewriter.walk(&mut node, false, &mut |rewriter, key, value, flow| {
        let Kind::String(plaintext) = &value.kind else { return Ok(()) };
        let inner = encrypter.encrypt(plaintext.as_bytes()).map_err(EditError::Secret)?;
        rewriter.encrypt(key, value, flow, &envelope(&inner));
        Ok(())
    })?;
    rewriter.finish(&node, limits)
}

/// Decrypts every stored secret below `values`.
///
/// # Errors
/// The text cannot be read, an envelope is broken, or a decryption failed.
pub fn decrypt_secrets(text: &str, decrypter: &dyn Decrypter, limits: &Limits) -> Result<String, EditError> {
    let Some(mut node) = read(text, limits)? else { return Ok(text.to_owned()) };
    let mut rewriter = Rewriter { text, splices: Vec::new() };
    if let Kind::Object(entries) = &mut node.kind {
        for (_, value) in entries.iter_mut().filter(|(key, _)| key.name.eq_ignore_ascii_case("values")) {
            rewriter.walk(value, node.flow, &mut |rewriter, key, value, flow| {
                let Some(ciphertext) = ciphertext(value) else { return Ok(()) };
                let inner =
                    open_envelope(ciphertext).map_err(|why| EditError::Secret(format!("invalid ciphertext: {why}")))?;
                let plaintext = decrypter.decrypt(&inner).map_err(EditError::Secret)?;
                let plaintext = String::from_utf8(plaintext)
                    .map_err(|_bytes| EditError::Secret("the decrypted secret is no text".into()))?;
                rewriter.decrypt(key, value, flow, &plaintext);
                Ok(())
            })?;
        }
    }
    rewriter.finish(&node, limits)
}

/// The text at `ciphertext`, if that is all there is.
fn ciphertext(node: &Node) -> Option<&str> {
    let Kind::Object(entries) = &node.kind else { return None };
    match entries.as_slice() {
        [(key, Node { kind: Kind::String(text), .. })] if key.name == CIPHERTEXT => Some(text),
        _ => None,
    }
}

/// Plans the replacements, and keeps the tree as it will be.
struct Rewriter<'t> {
    text: &'t str,
    splices: Vec<Splice>,
}

type Visit<'v, 't> = dyn FnMut(&mut Rewriter<'t>, &Key, &mut Node, bool) -> Result<(), EditError> + 'v;

impl<'t> Rewriter<'t> {
    /// Visits the argument of every call of `fn::secret`.
    fn walk(&mut self, node: &mut Node, flow: bool, visit: &mut Visit<'_, 't>) -> Result<(), EditError> {
        let flow = flow || node.flow;
        match &mut node.kind {
            Kind::Array(items) => items.iter_mut().try_for_each(|item| self.walk(item, flow, visit)),
            Kind::Object(entries) => {
                if let [(key, value)] = entries.as_mut_slice()
                    && key.name == CALL
                    && (matches!(value.kind, Kind::String(_)) || ciphertext(value).is_some())
                {
                    return visit(self, key, value, flow);
                }
                entries.iter_mut().try_for_each(|(_, value)| self.walk(value, flow, visit))
            }
            _ => Ok(()),
        }
    }

    /// Where the value's text begins: behind the colon, if only spaces stand between on the same line.
    fn behind_colon(&self, key: &Key, value: Span) -> Option<usize> {
        let between = self.text.get(key.span.end..value.start)?;
        let colon = between.find(':')?;
        between[colon + 1..].trim().is_empty().then_some(key.span.end + colon + 1)
    }

    fn encrypt(&mut self, key: &Key, value: &mut Node, flow: bool, ciphertext: &str) {
        let end = trimmed(self.text, value.span);
        let source = &self.text[value.span.start..end];
        // A block's header may carry a comment.
        let header = source.lines().next().unwrap_or("");
        let comment = match value.style {
            Style::Literal | Style::Quoted if source.starts_with(['|', '>']) => {
                header.find(" #").map_or("", |at| &header[at..])
            }
            _ => "",
        };
        let same_line = !self.text[key.span.end..value.span.start].contains('\n');
        let splice = if flow {
            Splice { span: Span { start: value.span.start, end }, with: format!("{{{CIPHERTEXT}: {ciphertext}}}") }
        } else if let Some(start) = self.behind_colon(key, value.span).filter(|_| same_line) {
            let indent = " ".repeat(column(self.text, key.span.start) + 2);
            Splice { span: Span { start, end }, with: format!("\n{indent}{CIPHERTEXT}: {ciphertext}{comment}") }
        } else {
            let with = format!("{CIPHERTEXT}: {ciphertext}{comment}");
            Splice { span: Span { start: value.span.start, end }, with }
        };
        self.splices.push(splice);
        let inner = Node { kind: Kind::String(ciphertext.to_owned()), ..value.clone() };
        let name = Key { name: CIPHERTEXT.to_owned(), ..key.clone() };
        value.kind = Kind::Object(vec![(name, inner)]);
    }

    fn decrypt(&mut self, key: &Key, value: &mut Node, flow: bool, plaintext: &str) {
        let end = trimmed(self.text, value.span);
        let rest = self.text[end..].lines().next().unwrap_or("");
        // A block cannot have a comment behind it, and needs a line of its own after it.
        let free = !flow && rest.trim().is_empty() && self.text[end..].contains('\n');
        let indent = column(self.text, key.span.start) + 2;
        let block = if free { literal_block(plaintext, indent) } else { None };
        let scalar = block.unwrap_or_else(|| match plaintext.contains('\n') {
            true => double_quoted(plaintext),
            false => plain_or_quoted(plaintext, flow),
        });
        let splice = match self.behind_colon(key, value.span).filter(|_| !flow) {
            Some(start) => Splice { span: Span { start, end }, with: format!(" {scalar}") },
            None => Splice { span: Span { start: value.span.start, end }, with: scalar },
        };
        self.splices.push(splice);
        value.kind = Kind::String(plaintext.to_owned());
    }

    fn finish(self, meant: &Node, limits: &Limits) -> Result<String, EditError> {
        if self.splices.is_empty() {
            return Ok(self.text.to_owned());
        }
        checked(splice(self.text, self.splices), &meant.kind, limits)
    }
}
