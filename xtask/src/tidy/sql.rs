//! SQL lives in `store`, and its `$n` appear in the order of their first use.
//!
//! This room knows what SQL looks like. It must never run any.

use super::source::Source;

/// SQL outside the store, and parameters out of order within it. SQLite numbers `$n` by first appearance, PostgreSQL by n:
/// the same text must mean the same on both.
pub fn check(source: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    for (line, text) in &source.strings {
        if !is_sql(text) {
            continue;
        }
        let here = source.krate() == "store";
        if !here && !source.is_test(*line) && source.krate() != "xtask" {
            wrong.push(source.at(*line, "SQL outside crates/store"));
        }
        if let Some(why) = order(text).filter(|_| here) {
            wrong.push(source.at(*line, why));
        }
    }
    wrong
}

fn is_sql(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let has = |word: &str| words.contains(&word);
    match words[..] {
        ["select", ..] => has("from") || words.len() < 6,
        ["insert", "into", ..]
        | ["delete", "from", ..]
        | ["create", "table" | "index", ..]
        | ["alter", "table", ..] => true,
        ["update", ..] => has("set"),
        ["with", ..] => has("as") && has("select"),
        _ => false,
    }
}

/// What is wrong with the order of the parameters.
fn order(sql: &str) -> Option<String> {
    let mut highest = 0;
    for part in sql.split('$').skip(1) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        let Ok(number) = digits.parse::<usize>() else { continue };
        if number > highest + 1 {
            return Some(format!("${number} stands before ${}", highest + 1));
        }
        highest = highest.max(number);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_in_order() {
        assert_eq!(order("select a from t where b = $1 and c = $2 and d = $1"), None);
        assert!(order("select a from t where b = $2 and c = $1").is_some());
    }

    #[test]
    fn sql_is_recognised() {
        assert!(is_sql("SELECT 1"));
        assert!(is_sql("update teams set name = $1"));
        assert!(!is_sql("Update a team's name, description or members."));
        assert!(!is_sql("Select one of the roles that the organisation has."));
    }

    #[test]
    fn sql_outside_the_store_is_found() {
        let text = "const A: &str = \"delete from users\";\n";
        assert_eq!(check(&Source::new("crates/http/src/a.rs".into(), text.into())).len(), 1);
        assert!(check(&Source::new("crates/store/src/a.rs".into(), text.into())).is_empty());
    }
}
