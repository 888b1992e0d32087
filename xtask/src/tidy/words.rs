//! Words that must not stand in the code: what panics, what was left for later, where it was built.
//!
//! This room knows words. It must never know what the code does.

use super::source::{Source, line_of};

/// Calls that panic, outside tests.
pub fn panics(source: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    for call in [".unwrap()", ".expect(\"", "todo!(", "unimplemented!("] {
        for (start, _) in source.code.match_indices(call) {
            let line = line_of(&source.code, start);
            if !source.is_test(line) {
                wrong.push(source.at(line, format_args!("{call} outside tests")));
            }
        }
    }
    wrong
}

/// Comments that put something off, unless `docs/STATUS.md` names the file.
pub fn put_off(source: &Source, status: &str) -> Vec<String> {
    let admitted = source.path.to_str().is_some_and(|path| status.contains(path));
    let marks = ["TO".to_owned() + "DO", "FIX".to_owned() + "ME"];
    let found =
        source.comments.iter().filter(|(_, text)| !admitted && marks.iter().any(|mark| text.contains(mark.as_str())));
    found.map(|(line, _)| source.at(*line, "something is put off, and docs/STATUS.md does not say so")).collect()
}

/// Paths of the machine that it was built on.
pub fn machine(source: &Source) -> Vec<String> {
    let roots = ["/wo".to_owned() + "rk/", "/ro".to_owned() + "ot/"];
    let lines = source.text.lines().enumerate();
    lines
        .filter(|(_, line)| roots.iter().any(|root| line.contains(root.as_str())))
        .map(|(i, _)| source.at(i + 1, "a path of one machine"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("crates/model/src/a.rs".into(), text.into())
    }

    #[test]
    fn panics_are_found_outside_tests() {
        assert_eq!(panics(&source("fn a() { b().unwrap() }\n")).len(), 1);
        assert!(panics(&source("//! .unwrap()\nconst A: &str = \".unwrap()\";\n")).is_empty());
        assert!(panics(&source("#[cfg(test)]\nmod tests {\n    fn a() { b().unwrap() }\n}\n")).is_empty());
    }

    #[test]
    fn what_is_put_off_is_found_unless_admitted() {
        let text = format!("// {}: later\n", "TO".to_owned() + "DO");
        assert_eq!(put_off(&source(&text), "").len(), 1);
        assert!(put_off(&source(&text), "see crates/model/src/a.rs").is_empty());
    }
}
