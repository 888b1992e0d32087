//! Files of at most 400 lines, functions of at most 60, and a first line that says what the room knows.
//!
//! This room knows lengths. It must never know what the code does.

use super::source::{Source, closing, line_of};

const FILE: usize = 400;
const FUNCTION: usize = 60;

/// What is too long or undocumented.
pub fn check(source: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    if source.is_generated() {
        return wrong;
    }
    let lines = source.text.lines().count();
    if lines > FILE {
        wrong.push(source.at(lines, format_args!("{lines} lines; {FILE} are allowed")));
    }
    if !source.text.starts_with("//!") {
        wrong.push(source.at(1, "the file does not begin with a //! that says what it knows"));
    }
    for (name, first, last) in functions(&source.code) {
        let length = last - first + 1;
        if length > FUNCTION {
            wrong.push(source.at(first, format_args!("fn {name} has {length} lines; {FUNCTION} are allowed")));
        }
    }
    wrong
}

/// The functions with their first and last line.
fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("fn ") {
        if code[..start].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let name: String = code[start + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if name.is_empty() {
            continue;
        }
        if let Some(open) = body(code, start) {
            found.push((name, line_of(code, start), line_of(code, closing(code, open))));
        }
    }
    found
}

/// The brace that opens the body; none for a mere declaration.
fn body(code: &str, start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (i, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b';' if depth == 0 => return None,
            b'{' if depth == 0 => return Some(i),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured() {
        let code = "trait T {\n fn a(x: [u8; 2]);\n fn b() {\n  if true { }\n }\n}\ntype F = fn(u8);\n";
        assert_eq!(functions(code), [("b".to_owned(), 3, 5)]);
    }

    #[test]
    fn long_files_and_functions_are_found() {
        let long = format!("//! Doc.\nfn a() {{\n{}}}\n", "x();\n".repeat(60));
        assert_eq!(check(&Source::new("crates/model/src/a.rs".into(), long)).len(), 1);
        let file = format!("//! Doc.\n{}", "\n".repeat(400));
        assert_eq!(check(&Source::new("crates/model/src/a.rs".into(), file)).len(), 1);
        assert_eq!(check(&Source::new("crates/model/src/a.rs".into(), "fn a() {}\n".into())).len(), 1);
    }
}
