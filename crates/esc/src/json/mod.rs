//! JSON whose numbers keep their text.
//!
//! This room knows plain JSON values, their texts in and out. It must never know environments. The usual crate would need
//! a feature for this that changes its behaviour for every other crate of the workspace.

mod read;
mod write;

pub use read::parse_first;
pub use write::{Fields, TooLong, quote, write_list};

use std::collections::BTreeMap;

/// A plain JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, its keys in order.
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// An object of these fields.
    #[must_use]
    pub fn object(fields: Vec<(&str, Json)>) -> Self {
        Self::Object(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }

    /// A property, if this is an object that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Self::Object(fields) => fields.get(key),
            _ => None,
        }
    }

    /// The text, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if this is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The fields, if this is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&BTreeMap<String, Json>> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// Reads one text that holds one value and nothing else but space.
    ///
    /// # Errors
    /// What is wrong with the text, or that it is nested deeper than `depth`.
    pub fn parse(text: &str, depth: usize) -> Result<Self, String> {
        let (value, rest) = parse_first(text, depth)?;
        match rest.trim_start_matches([' ', '\t', '\r', '\n']).chars().next() {
            None => Ok(value),
            Some(c) => Err(format!("invalid character {} after top-level value", read::quote_char(c))),
        }
    }

    /// The compact text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<usize> for Json {
    fn from(number: usize) -> Self {
        Self::Number(number.to_string())
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
