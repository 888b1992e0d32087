//! Paths into a document: `a.b[0]["c d"]`.
//!
//! This room knows how keys are joined, and how a path is read. It must never know what stands at it.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The property of an object.
    Key(String),
    /// The element of an array.
    Index(usize),
}

/// Appends a key to a path, in brackets and quotes where it is no plain name. An empty key adds nothing.
#[must_use]
pub fn join_key(root: &str, key: &str) -> String {
    if key.is_empty() {
        return root.to_owned();
    }
    let mut out = String::with_capacity(root.len() + key.len() + 4);
    out.push_str(root);
    if is_name(key) {
        if !root.is_empty() {
            out.push('.');
        }
        out.push_str(key);
        return out;
    }
    out.push_str("[\"");
    for c in key.chars() {
        if c == '"' {
            out.push('\\');
        }
        out.push(c);
    }
    out.push_str("\"]");
    out
}

/// Appends an index to a path.
#[must_use]
pub fn join_index(root: &str, index: usize) -> String {
    format!("{root}[{index}]")
}

/// Letters, digits and underscores, the first not a digit.
fn is_name(key: &str) -> bool {
    !key.starts_with(|c: char| c.is_ascii_digit()) && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Reads a path. A key may also follow a dot in brackets (`values.["a-b"]`).
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix('.') {
            if tail.is_empty() {
                return Err("a path must not end with a dot".into());
            }
            rest = tail;
        }
        if let Some(tail) = rest.strip_prefix("[\"") {
            let (key, tail) = quoted(tail)?;
            steps.push(Step::Key(key));
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix('[') {
            let (index, tail) = tail.split_once(']').ok_or("an index must end with ']'")?;
            steps.push(Step::Index(index.parse().map_err(|_bad| format!("\"{index}\" is no index"))?));
            rest = tail;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                return Err("a path must not hold an empty name".into());
            }
            steps.push(Step::Key(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
    Ok(steps)
}

/// A key up to its closing quote and bracket, and what follows.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut key = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let tail = text[at + 1..].strip_prefix(']').ok_or("a quoted key must end with '\"]'")?;
                return Ok((key, tail));
            }
            '\\' if text[at + 1..].starts_with('"') => {
                key.push('"');
                chars.next();
            }
            c => key.push(c),
        }
    }
    Err("a quoted key must end with '\"]'".into())
}

/// The text of a path.
#[must_use]
pub fn text(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |path, step| match step {
        Step::Key(key) => join_key(&path, key),
        Step::Index(index) => join_index(&path, *index),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_as_it_is_written() {
        for path in ["a.b[0][\"c d\"].e", "[\"a-b\"].c", "a[\"q\\\"q\"]", "values[\"9x\"][12]"] {
            assert_eq!(parse(path).map(|steps| text(&steps)).as_deref(), Ok(path));
        }
        assert_eq!(parse("values.[\"a-b\"]"), parse("values[\"a-b\"]"));
        for path in ["a..b", "a.", "a[", "a[x]", "a[\"x", "a[\"x\"", "a[-1]"] {
            assert!(parse(path).is_err(), "{path}");
        }
    }
}
