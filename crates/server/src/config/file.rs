//! Reading `pileus.toml`: what stands in it, and on which line.

use super::keys::{KEYS, Key, Kind};
use super::{Setting, Source, Value};
use crate::failure::Failure;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A configuration file while it is read.
struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl File<'_> {
    /// The line, counted from 1, of a byte offset.
    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
    }
    /// A failure that names file and line.
    fn failure(&self, span: &Range<usize>, message: impl std::fmt::Display) -> Failure {
        Failure::new(format!("{}:{}: {message}", self.name, self.line(span.start)))
    }
}

/// Reads a file's settings.
///
/// # Errors
/// Naming file and line: broken TOML, an unknown key, a value that is not allowed.
pub fn read(name: &str, text: &str) -> Result<Vec<Setting>, Failure> {
    let file = File { name, text };
    let table = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        file.failure(&span, error.message())
    })?;
    let mut settings = Vec::new();
    walk(&file, "", table.get_ref(), &mut settings)?;
    Ok(settings)
}

/// Reads one table.
fn walk(file: &File<'_>, prefix: &str, table: &DeTable<'_>, settings: &mut Vec<Setting>) -> Result<(), Failure> {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        let below = format!("{name}.");
        if let Some(known) = KEYS.iter().find(|k| k.name == name) {
            let source = Source::File { name: file.name.to_owned(), line: file.line(key.span().start) };
            settings.push(Setting { key: known, value: convert(file, known, value)?, source });
        } else if KEYS.iter().any(|k| k.name.starts_with(&below)) {
            let DeValue::Table(inner) = value.get_ref() else {
                return Err(file.failure(&key.span(), format!("\"{name}\" must be a table: [{name}]")));
            };
            walk(file, &below, inner, settings)?;
        } else {
            return Err(
                file.failure(&key.span(), format!("unknown key \"{name}\"; known here: {}", known_below(prefix)))
            );
        }
    }
    Ok(())
}

/// The names that may stand in a table, for the error that one is unknown.
fn known_below(prefix: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for rest in KEYS.iter().filter_map(|k| k.name.strip_prefix(prefix)) {
        let first = rest.split('.').next().unwrap_or(rest);
        if !names.contains(&first) {
            names.push(first);
        }
    }
    names.join(", ")
}

/// The value of one key.
fn convert(file: &File<'_>, key: &'static Key, value: &Spanned<DeValue<'_>>) -> Result<Value, Failure> {
    let mismatch = |what: &str| file.failure(&value.span(), format!("\"{}\" must be {what}", key.name));
    let checked = |text: &str, span: &Range<usize>| {
        (key.check)(text).map_err(|problem| file.failure(span, format!("\"{}\": {problem}", key.name)))
    };
    match (key.kind, value.get_ref()) {
        (Kind::Text, DeValue::String(text)) => {
            checked(text, &value.span())?;
            Ok(Value::Text(text.to_string()))
        }
        (Kind::Integer, DeValue::Integer(number)) => {
            let wide =
                i128::from_str_radix(number.as_str(), number.radix()).map_err(|_| mismatch("a smaller number"))?;
            let text = wide.to_string();
            checked(&text, &value.span())?;
            Ok(Value::Integer(u64::try_from(wide).map_err(|_| mismatch("a smaller number"))?))
        }
        (Kind::List, DeValue::Array(items)) => {
            let mut list = Vec::new();
            for item in items {
                let DeValue::String(text) = item.get_ref() else {
                    return Err(file.failure(&item.span(), format!("\"{}\" must be an array of strings", key.name)));
                };
                checked(text, &item.span())?;
                list.push(text.to_string());
            }
            Ok(Value::List(list))
        }
        (Kind::Text, _) => Err(mismatch("a string")),
        (Kind::Integer, _) => Err(mismatch("a whole number")),
        (Kind::List, _) => Err(mismatch("an array of strings")),
    }
}
