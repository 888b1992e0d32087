//! How the arguments of an operation are read from what a request carries.
//!
//! This room knows paths' and queries' names and values, and bodies. It must never know HTTP.

use crate::shape::Shape;
use pileus_model::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The arguments of one operation; generated for each.
pub trait Args: Sized + Send + 'static {
    /// The operation's id.
    const OPERATION: &'static str;

    /// Reads them.
    ///
    /// # Errors
    /// `Invalid`, naming the parameter or field that is wrong and what it must be.
    fn decode(raw: RawArgs) -> Result<Self>;
}

/// What a request carries.
#[derive(Debug, Default)]
pub struct RawArgs {
    /// Path parameters, percent-decoded.
    pub path: Vec<(String, String)>,
    /// Query parameters in their order, percent-decoded.
    pub query: Vec<(String, String)>,
    /// The headers that arguments can be read from, by their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: RawBody,
}

/// The body of a request.
#[derive(Debug, Default)]
pub enum RawBody {
    /// There is none; read as `{}`.
    #[default]
    None,
    /// A JSON value.
    Json(Value),
    /// The fields of a form.
    Form(Vec<(String, String)>),
    /// A text.
    Text(String),
}

impl RawBody {
    /// A text in UTF-8.
    ///
    /// # Errors
    /// `Invalid` if it is not.
    pub fn from_text(bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|e| Error::invalid(format!("the body is not UTF-8: {e}")))?;
        Ok(Self::Text(text.to_owned()))
    }

    /// Parses JSON; no bytes are no body.
    ///
    /// # Errors
    /// `Invalid` if it is not JSON in UTF-8: says where.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::None);
        }
        let parsed =
            serde_json::from_slice(bytes).map_err(|e| Error::invalid(format!("the body is not valid JSON: {e}")))?;
        Ok(Self::Json(parsed))
    }
    fn into_value(self) -> Value {
        match self {
            Self::None => Value::Object(Map::new()),
            Self::Json(value) => value,
            Self::Text(text) => Value::String(text),
            Self::Form(fields) => {
                let mut object = Map::new();
                for (name, value) in fields {
                    object.entry(name).or_insert(Value::String(value));
                }
                Value::Object(object)
            }
        }
    }
}

impl RawArgs {
    /// The value of a query parameter that must be there.
    ///
    /// # Errors
    /// `Invalid` if it is not.
    pub fn required<T>(name: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| Error::invalid(format!("query parameter \"{name}\" is required")))
    }
    /// A path parameter.
    pub(crate) fn path(&self, name: &str) -> Result<String> {
        let found = self.path.iter().find(|(n, _)| n == name);
        let (_, value) = found.ok_or_else(|| Error::internal(format!("the route has no parameter {name}")))?;
        without_zero(&format!("path parameter \"{name}\""), value)?;
        Ok(value.clone())
    }
    /// The first value of a query parameter; an empty one is absent, as clients that always send it mean it.
    fn first(&self, name: &str) -> Result<Option<&str>> {
        let found = self.query.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str());
        if let Some(value) = found {
            without_zero(&format!("query parameter \"{name}\""), value)?;
        }
        Ok(found)
    }
    /// A text in the query, one of these if any are given.
    pub(crate) fn text(&self, name: &str, one_of: &'static [&'static str]) -> Result<Option<String>> {
        let Some(value) = self.first(name)? else { return Ok(None) };
        if one_of.is_empty() || one_of.contains(&value) {
            return Ok(Some(value.to_owned()));
        }
        Err(must_be(name, &Shape::Text(one_of)))
    }
    /// All texts of a parameter that may be repeated or hold several values with commas between them.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for (_, value) in self.query.iter().filter(|(n, _)| n == name) {
            without_zero(&format!("query parameter \"{name}\""), value)?;
            found.extend(value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
        }
        Ok(found)
    }
    /// An integer in the query.
    pub(crate) fn integer(&self, name: &str, shape: &Shape) -> Result<Option<i64>> {
        let Some(value) = self.first(name)? else { return Ok(None) };
        let parsed = value.parse::<i64>().ok().filter(|n| shape.check(&Value::from(*n)).is_ok());
        parsed.map(Some).ok_or_else(|| must_be(name, shape))
    }
    /// A truth value in the query.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>> {
        match self.first(name)? {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(must_be(name, &Shape::Boolean)),
        }
    }
    /// A header, without its surrounding blanks; an empty one is absent.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        found.filter(|value| !value.is_empty()).map(str::to_owned)
    }
    /// The body, as a text; empty where there is none.
    pub(crate) fn text_body(self) -> String {
        match self.body {
            RawBody::Text(text) => text,
            _ => String::new(),
        }
    }
    /// The body, as JSON.
    pub(crate) fn json<T: DeserializeOwned>(self, shape: &Shape) -> Result<T> {
        body(self.body, shape, false)
    }
    /// The body, as a form or as JSON in which numbers may be texts.
    pub(crate) fn form_or_json<T: DeserializeOwned>(self, shape: &Shape) -> Result<T> {
        body(self.body, shape, true)
    }
}

fn body<T: DeserializeOwned>(raw: RawBody, shape: &Shape, loose: bool) -> Result<T> {
    let mut value = raw.into_value();
    shape.tidy(&mut value, loose);
    shape.check(&value)?;
    serde_json::from_value(value).map_err(|e| Error::invalid(format!("the body is not as described: {e}")))
}

fn must_be(name: &str, shape: &Shape) -> Error {
    Error::invalid(format!("query parameter \"{name}\" must be {shape}"))
}

fn without_zero(what: &str, value: &str) -> Result<()> {
    if value.contains('\0') {
        return Err(Error::invalid(format!("{what} must not contain U+0000")));
    }
    Ok(())
}
