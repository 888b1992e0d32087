//! The results of an evaluation: values with their marks, and the plain forms made of them.
//!
//! This room knows what callers, providers and clients see. It must never know how a value came to be.

use crate::diag::Range;
use crate::gotext;
use crate::json::{Json, TooLong, quote};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The properties of an object.
pub type Properties = BTreeMap<Arc<str>, Arc<Value>>;

/// A value. Its debug form shows no secrets.
#[derive(Clone, PartialEq)]
pub struct Value {
    /// What it is.
    pub repr: Repr,
    /// Whether it must not be shown.
    pub secret: bool,
    /// Whether it is not known: not evaluated, or not without errors.
    pub unknown: bool,
    /// Where it comes from, if the evaluation kept that.
    pub trace: Option<Trace>,
}

/// What a value is.
#[derive(Clone, PartialEq)]
pub enum Repr {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, as text.
    Number(Arc<str>),
    /// A string.
    String(Arc<str>),
    /// A list.
    Array(Vec<Arc<Value>>),
    /// An object.
    Object(Properties),
}

/// Where a value comes from.
#[derive(Clone, PartialEq)]
pub struct Trace {
    /// The expression that defines it.
    pub def: Range,
    /// The value that it was merged over.
    pub base: Option<Arc<Value>>,
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json(true).to_text())
    }
}

impl Value {
    /// A value without marks.
    #[must_use]
    pub fn new(repr: Repr) -> Self {
        Self { repr, secret: false, unknown: false, trace: None }
    }

    /// A string.
    #[must_use]
    pub fn string(text: &str) -> Self {
        Self::new(Repr::String(Arc::from(text)))
    }

    /// An object of these properties.
    #[must_use]
    pub fn object<'k>(properties: impl IntoIterator<Item = (&'k str, Value)>) -> Self {
        let properties = properties.into_iter().map(|(k, v)| (Arc::from(k), Arc::new(v)));
        Self::new(Repr::Object(properties.collect()))
    }

    /// A secret string.
    #[must_use]
    pub fn secret(text: &str) -> Self {
        Self { secret: true, ..Self::string(text) }
    }

    /// The same value, it and all within marked secret.
    #[must_use]
    pub fn into_secret(mut self) -> Self {
        let each = |value: Arc<Value>| {
            if value.secret { value } else { Arc::new(Arc::unwrap_or_clone(value).into_secret()) }
        };
        self.repr = match self.repr {
            Repr::Array(items) => Repr::Array(items.into_iter().map(each).collect()),
            Repr::Object(fields) => Repr::Object(fields.into_iter().map(|(k, v)| (k, each(v))).collect()),
            scalar => scalar,
        };
        self.secret = true;
        self
    }

    /// A value of plain JSON.
    #[must_use]
    pub fn of_json(json: &Json) -> Self {
        Self::new(match json {
            Json::Null => Repr::Null,
            Json::Bool(value) => Repr::Bool(*value),
            Json::Number(text) => Repr::Number(Arc::from(text.as_str())),
            Json::String(text) => Repr::String(Arc::from(text.as_str())),
            Json::Array(items) => Repr::Array(items.iter().map(|item| Arc::new(Self::of_json(item))).collect()),
            Json::Object(fields) => {
                Repr::Object(fields.iter().map(|(k, v)| (Arc::from(k.as_str()), Arc::new(Self::of_json(v)))).collect())
            }
        })
    }

    /// Plain JSON. With `redact`, secrets are `[secret]`; what is unknown is `[unknown]`.
    #[must_use]
    pub fn to_json(&self, redact: bool) -> Json {
        if self.secret && redact {
            return Json::from("[secret]");
        }
        if self.unknown {
            return Json::from("[unknown]");
        }
        match &self.repr {
            Repr::Null => Json::Null,
            Repr::Bool(value) => Json::Bool(*value),
            Repr::Number(text) => Json::Number(text.to_string()),
            Repr::String(text) => Json::from(&**text),
            Repr::Array(items) => Json::Array(items.iter().map(|item| item.to_json(redact)).collect()),
            Repr::Object(fields) => {
                Json::Object(fields.iter().map(|(k, v)| (k.to_string(), v.to_json(redact))).collect())
            }
        }
    }

    /// The text form: scalars as they are, elements quoted and joined with commas.
    #[must_use]
    pub fn to_text(&self, redact: bool) -> String {
        if self.secret && redact {
            return "[secret]".into();
        }
        if self.unknown {
            return "[unknown]".into();
        }
        match &self.repr {
            Repr::Null => String::new(),
            Repr::Bool(value) => value.to_string(),
            Repr::Number(text) | Repr::String(text) => text.to_string(),
            Repr::Array(items) => {
                items.iter().map(|item| gotext::quote(&item.to_text(redact))).collect::<Vec<_>>().join(",")
            }
            Repr::Object(fields) => fields
                .iter()
                .map(|(k, v)| format!("{}={}", gotext::quote(k), gotext::quote(&v.to_text(redact))))
                .collect::<Vec<_>>()
                .join(","),
        }
    }

    /// Whether it is a list or an object.
    #[must_use]
    pub fn is_collection(&self) -> bool {
        matches!(self.repr, Repr::Array(_) | Repr::Object(_))
    }

    /// The properties, if it is an object.
    #[must_use]
    pub fn properties(&self) -> Option<&Properties> {
        match &self.repr {
            Repr::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// Appends the value with its marks: `{value, secret?, unknown?, trace}`.
    ///
    /// # Errors
    /// The text would be longer than `limit` bytes; `out` then holds a part of it.
    pub fn write_within(&self, out: &mut String, limit: usize) -> Result<(), TooLong> {
        out.push_str("{\"value\":");
        match &self.repr {
            Repr::Null => out.push_str("null"),
            Repr::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Repr::Number(text) => Json::Number(text.to_string()).write_within(out, limit)?,
            Repr::String(text) => quote(text, out),
            Repr::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write_within(out, limit)?;
                }
                out.push(']');
            }
            Repr::Object(fields) => write_properties(fields, out, limit)?,
        }
        if self.secret {
            out.push_str(",\"secret\":true");
        }
        if self.unknown {
            out.push_str(",\"unknown\":true");
        }
        out.push_str(",\"trace\":{");
        if let Some(trace) = &self.trace {
            out.push_str("\"def\":");
            trace.def.write(out);
            if let Some(base) = &trace.base {
                out.push_str(",\"base\":");
                base.write_within(out, limit)?;
            }
        }
        out.push_str("}}");
        if out.len() > limit { Err(TooLong) } else { Ok(()) }
    }

    /// Reads a value from the form that `write_within` writes; its trace is left out.
    ///
    /// # Errors
    /// What is wrong with the form.
    pub fn from_json(json: &Json) -> Result<Self, String> {
        let fields = json.as_object().ok_or("a value must be an object")?;
        let repr = match fields.get("value").unwrap_or(&Json::Null) {
            Json::Null => Repr::Null,
            Json::Bool(value) => Repr::Bool(*value),
            Json::Number(text) => Repr::Number(Arc::from(text.as_str())),
            Json::String(text) => Repr::String(Arc::from(text.as_str())),
            Json::Array(items) => {
                Repr::Array(items.iter().map(|item| Self::from_json(item).map(Arc::new)).collect::<Result<_, _>>()?)
            }
            Json::Object(fields) => {
                let read = |(k, v): (&String, &Json)| Ok((Arc::from(k.as_str()), Arc::new(Self::from_json(v)?)));
                Repr::Object(fields.iter().map(read).collect::<Result<_, String>>()?)
            }
        };
        let mark = |name: &str| fields.get(name) == Some(&Json::Bool(true));
        Ok(Self { repr, secret: mark("secret"), unknown: mark("unknown"), trace: None })
    }
}

/// Appends an object of values.
pub(crate) fn write_properties(fields: &Properties, out: &mut String, limit: usize) -> Result<(), TooLong> {
    out.push('{');
    for (i, (key, value)) in fields.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        quote(key, out);
        out.push(':');
        value.write_within(out, limit)?;
    }
    out.push('}');
    Ok(())
}
