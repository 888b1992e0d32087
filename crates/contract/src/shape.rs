//! What a JSON value must look like, and the check, whose messages name the field and what is allowed.
//!
//! This room knows JSON. It must never know an operation.
//! Rules: unknown fields are tolerated; `null` is absent for an optional field; a text never holds U+0000.

use pileus_model::{Error, Result};
use serde_json::{Map, Value};
use std::fmt;

/// What a value must look like.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Any value.
    Any,
    /// An object whose fields are not checked.
    Object,
    /// A text, one of these if any are given.
    Text(&'static [&'static str]),
    /// An integer within limits, both included.
    Integer {
        /// The smallest.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// One of these integers.
    OneOf(&'static [i64]),
    /// A number.
    Number,
    /// A truth value.
    Boolean,
    /// A list.
    List(&'static Shape),
    /// An object with any keys.
    Map(&'static Shape),
    /// An object with these fields, and perhaps others.
    Record(&'static [Field]),
}

/// A field of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there and not be `null`.
    pub required: bool,
    /// What it must look like.
    pub shape: Shape,
}

impl Field {
    /// One that must be there.
    pub const fn required(name: &'static str, shape: Shape) -> Self {
        Self { name, required: true, shape }
    }
    /// One that may be absent or `null`.
    pub const fn optional(name: &'static str, shape: Shape) -> Self {
        Self { name, required: false, shape }
    }
}

/// Where a value stands in a body.
#[derive(Clone, Copy)]
enum At<'a> {
    Body,
    Key(&'a At<'a>, &'a str),
    Index(&'a At<'a>, usize),
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => Ok(()),
            Self::Key(Self::Body, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

impl At<'_> {
    fn wrong(&self, what: impl fmt::Display) -> Error {
        match self {
            Self::Body => Error::invalid(format!("the body {what}")),
            at => Error::invalid(format!("field \"{at}\" {what}")),
        }
    }
}

impl Shape {
    /// Any text.
    pub const TEXT: Self = Self::Text(&[]);
    /// Any integer of 64 bits.
    pub const INTEGER: Self = Self::Integer { min: i64::MIN, max: i64::MAX };

    /// Checks a body.
    ///
    /// # Errors
    /// `Invalid`, naming the first field that is wrong and what it must be.
    pub fn check(&self, body: &Value) -> Result<()> {
        no_zero(body, At::Body)?;
        self.check_at(body, At::Body)
    }
    fn check_at(&self, value: &Value, at: At<'_>) -> Result<()> {
        match (self, value) {
            (Self::Record(fields), Value::Object(object)) => {
                return fields.iter().try_for_each(|field| field.check_in(object, at));
            }
            (Self::List(of), Value::Array(list)) => {
                return list.iter().enumerate().try_for_each(|(i, v)| of.check_at(v, At::Index(&at, i)));
            }
            (Self::Map(of), Value::Object(object)) => {
                return object.iter().try_for_each(|(key, v)| of.check_at(v, At::Key(&at, key)));
            }
            _ => {}
        }
        if self.allows_scalar(value) { Ok(()) } else { Err(at.wrong(format_args!("must be {self}"))) }
    }
    fn allows_scalar(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Object => value.is_object(),
            Self::Text(one_of) => value.as_str().is_some_and(|t| one_of.is_empty() || one_of.contains(&t)),
            Self::Integer { min, max } => value.as_i64().is_some_and(|n| (*min..=*max).contains(&n)),
            Self::OneOf(one_of) => value.as_i64().is_some_and(|n| one_of.contains(&n)),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::List(_) | Self::Map(_) | Self::Record(_) => false,
        }
    }
    /// Takes out what is `null`, so that an optional field is absent; texts become integers or truth values where those are
    /// asked for and `loose` says so (a form has only texts).
    pub(crate) fn tidy(&self, value: &mut Value, loose: bool) {
        match (self, value) {
            (Self::Record(fields), Value::Object(object)) => {
                object.retain(|key, value| !value.is_null() || !fields.iter().any(|f| f.name == key && !f.required));
                for field in *fields {
                    if let Some(value) = object.get_mut(field.name) {
                        field.shape.tidy(value, loose);
                    }
                }
            }
            (Self::List(of), Value::Array(list)) => list.iter_mut().for_each(|v| of.tidy(v, loose)),
            (Self::Map(of), Value::Object(object)) => object.values_mut().for_each(|v| of.tidy(v, loose)),
            (Self::Integer { .. } | Self::OneOf(_), value) if loose => {
                if let Some(number) = value.as_str().and_then(|t| t.parse::<i64>().ok()) {
                    *value = number.into();
                }
            }
            (Self::Boolean, value) if loose => {
                if let Some(truth) = value.as_str().and_then(|t| t.parse::<bool>().ok()) {
                    *value = truth.into();
                }
            }
            _ => {}
        }
    }
}

impl Field {
    fn check_in(&self, object: &Map<String, Value>, at: At<'_>) -> Result<()> {
        let at = At::Key(&at, self.name);
        match object.get(self.name) {
            None | Some(Value::Null) if self.required => Err(at.wrong("is required")),
            None | Some(Value::Null) => Ok(()),
            Some(value) => self.shape.check_at(value, at),
        }
    }
}

/// Finishes the sentence "must be …".
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("a JSON value"),
            Self::Object | Self::Map(_) | Self::Record(_) => f.write_str("a JSON object"),
            Self::Text([]) => f.write_str("a string"),
            Self::Text(one_of) => write!(f, "one of {}", one_of.join(", ")),
            Self::Integer { min: i64::MIN, max: i64::MAX } => f.write_str("an integer that fits 64 bits"),
            Self::Integer { min, max } => write!(f, "an integer between {min} and {max}"),
            Self::OneOf(one_of) => {
                let texts: Vec<String> = one_of.iter().map(ToString::to_string).collect();
                write!(f, "one of {}", texts.join(", "))
            }
            Self::Number => f.write_str("a number"),
            Self::Boolean => f.write_str("true or false"),
            Self::List(_) => f.write_str("a list"),
        }
    }
}

/// Refuses U+0000, also in keys and in fields that nobody knows: PostgreSQL's text cannot hold it.
fn no_zero(value: &Value, at: At<'_>) -> Result<()> {
    match value {
        Value::String(text) if text.contains('\0') => Err(at.wrong("must not contain U+0000")),
        Value::Array(list) => list.iter().enumerate().try_for_each(|(i, v)| no_zero(v, At::Index(&at, i))),
        Value::Object(object) => object.iter().try_for_each(|(key, v)| {
            if key.contains('\0') {
                return Err(at.wrong("must not have a key that contains U+0000"));
            }
            no_zero(v, At::Key(&at, key))
        }),
        _ => Ok(()),
    }
}
