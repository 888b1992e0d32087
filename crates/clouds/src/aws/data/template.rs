//! Templates: `arn:{partition}:s3:::{Name}`, `{Arn|last:/}`, `{parent.Name}/{Name?}`.
//!
//! This room knows text with holes. It must never know what the text is for.

use super::Path;
use crate::{
    aws::{COMPONENT, PATH},
    value::Value,
};
use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::borrow::Cow;

/// Where a scan is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Where {
    /// Twelve digits.
    pub(crate) account: String,
    /// The region of the place; for what belongs to none that of the partition.
    pub(crate) region: String,
    /// The partition's name.
    pub(crate) partition: String,
    /// Its DNS suffix.
    pub(crate) suffix: String,
}

/// What the holes are filled from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The item.
    pub(crate) item: &'a Value,
    /// What it is listed below.
    pub(crate) parent: Option<&'a Value>,
    /// Where.
    pub(crate) place: &'a Where,
}

#[derive(Debug, Clone)]
enum Source {
    Item(Path),
    Parent(Path),
    Account,
    Region,
    Partition,
    Suffix,
}

#[derive(Debug, Clone)]
enum Filter {
    Last(String),
    First(String),
    Strip(String),
    Trim(String),
    Nth(String, usize),
    Prefix(String),
    Lower,
    Unescape,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Hole { source: Source, filters: Vec<Filter>, optional: bool, slashes: bool, written: String },
}

/// A template.
#[derive(Debug, Clone)]
pub(crate) struct Template(Vec<Part>);

impl Template {
    /// Reads a template.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let close = rest[open..].find('}').ok_or_else(|| format!("\"{text}\": a }} is missing"))? + open;
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            parts.push(hole(&rest[open + 1..close])?);
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The text; an error names the hole that stays empty and may not.
    pub(crate) fn fill(&self, scope: &Scope<'_>) -> Result<String, String> {
        self.render(scope, |text, _| Cow::Borrowed(text))
    }

    /// The same, not copied where there is no hole.
    pub(crate) fn filled(&self, scope: &Scope<'_>) -> Result<Cow<'_, str>, String> {
        match self.0.as_slice() {
            [] => Ok(Cow::Borrowed("")),
            [Part::Text(text)] => Ok(Cow::Borrowed(text)),
            _ => self.fill(scope).map(Cow::Owned),
        }
    }

    /// The text as part of a path: what fills the holes is percent-encoded.
    pub(crate) fn fill_uri(&self, scope: &Scope<'_>) -> Result<String, String> {
        self.render(scope, |text, slashes| utf8_percent_encode(text, if slashes { PATH } else { COMPONENT }).into())
    }

    fn render(&self, scope: &Scope<'_>, encode: impl Fn(&str, bool) -> Cow<'_, str>) -> Result<String, String> {
        // As long as most names and ARNs.
        let mut out = String::with_capacity(64);
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Hole { source, filters, optional, slashes, written } => {
                    let mut value = source.value(scope);
                    for filter in filters {
                        value = Cow::Owned(filter.apply(&value));
                    }
                    if value.is_empty() && !optional {
                        return Err(format!("{{{written}}} is empty"));
                    }
                    out.push_str(&encode(&value, *slashes));
                }
            }
        }
        Ok(out)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A value as text: empty for what is absent, null, a list or an object.
pub(crate) fn text(value: Option<&Value>) -> Cow<'_, str> {
    match value {
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Cow::Owned(value.to_string()),
        _ => Cow::Borrowed(""),
    }
}

impl Source {
    fn value<'a>(&self, scope: &Scope<'a>) -> Cow<'a, str> {
        match self {
            Self::Item(path) => text(path.one(scope.item)),
            Self::Parent(path) => text(scope.parent.and_then(|p| path.one(p))),
            Self::Account => Cow::Borrowed(&scope.place.account),
            Self::Region => Cow::Borrowed(&scope.place.region),
            Self::Partition => Cow::Borrowed(&scope.place.partition),
            Self::Suffix => Cow::Borrowed(&scope.place.suffix),
        }
    }
}

impl Filter {
    fn parse(written: &str) -> Result<Self, String> {
        let wrong = || format!("the filter \"{written}\" is not understood");
        let (name, argument) = written.split_once(':').unwrap_or((written, ""));
        let argument = argument.to_owned();
        match name {
            "lower" if argument.is_empty() => Ok(Self::Lower),
            "unescape" if argument.is_empty() => Ok(Self::Unescape),
            "nth" => {
                let (by, n) = argument.rsplit_once(':').ok_or_else(wrong)?;
                let n: usize = n.parse().map_err(|_| wrong())?;
                Ok(Self::Nth(by.to_owned(), n.checked_sub(1).ok_or_else(wrong)?))
            }
            _ if argument.is_empty() => Err(wrong()),
            "last" => Ok(Self::Last(argument)),
            "first" => Ok(Self::First(argument)),
            "strip" => Ok(Self::Strip(argument)),
            "trim" => Ok(Self::Trim(argument)),
            "prefix" => Ok(Self::Prefix(argument)),
            _ => Err(wrong()),
        }
    }

    fn apply(&self, value: &str) -> String {
        match self {
            Self::Last(by) => value.rsplit(by.as_str()).next().unwrap_or_default().to_owned(),
            Self::First(by) => value.split(by.as_str()).next().unwrap_or_default().to_owned(),
            Self::Strip(prefix) => value.strip_prefix(prefix.as_str()).unwrap_or(value).to_owned(),
            Self::Trim(suffix) => value.strip_suffix(suffix.as_str()).unwrap_or(value).to_owned(),
            Self::Nth(by, n) => value.split(by.as_str()).nth(*n).unwrap_or_default().to_owned(),
            Self::Prefix(_) if value.is_empty() => String::new(),
            Self::Prefix(prefix) => format!("{prefix}{value}"),
            Self::Lower => value.to_lowercase(),
            Self::Unescape => unescape(value),
        }
    }
}

/// Route 53 writes what is no plain character of a name as `\\` and three octal digits.
fn unescape(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let octal =
            after.get(..3).and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| u8::from_str_radix(d, 8).ok());
        match octal {
            Some(byte) if first == b'\\' => {
                out.push(byte);
                rest = &after[3..];
            }
            _ => {
                out.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| value.to_owned())
}

fn hole(written: &str) -> Result<Part, String> {
    let (inner, optional) = written.strip_suffix('?').map_or((written, false), |i| (i, true));
    let (inner, slashes) = inner.strip_suffix('+').map_or((inner, false), |i| (i, true));
    let mut pieces = inner.split('|');
    let source = match pieces.next().unwrap_or_default() {
        "account" => Source::Account,
        "region" => Source::Region,
        "partition" => Source::Partition,
        "suffix" => Source::Suffix,
        "" => return Err("{} is empty".into()),
        path => match path.strip_prefix("parent.") {
            Some(path) => Source::Parent(Path::parse(path)?),
            None => Source::Item(Path::parse(path)?),
        },
    };
    let filters = pieces.map(Filter::parse).collect::<Result<_, _>>()?;
    Ok(Part::Hole { source, filters, optional, slashes, written: written.to_owned() })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn holes_are_filled() {
        let item: Value = json!({"Arn": "arn:aws:ecs:r:1:service/web/api", "N": 3, "Id": "/hostedzone/Z1", "D": "x.org.", "W": "\\052.x", "Odd": "a b/c%"}).into();
        let (parent, place): (Value, _) =
            (json!({"Name": "p"}).into(), Where { account: "12".into(), ..Where::default() });
        let scope = Scope { item: &item, parent: Some(&parent), place: &place };
        for (template, text) in [
            ("{parent.Name}:{N}@{account}", "p:3@12"),
            ("{Arn|last:/}", "api"),
            ("{Arn|last::|first:/}", "service"),
            ("{Arn|nth:/:2}", "web"),
            ("{Id|strip:/hostedzone/}{Missing?}", "Z1"),
            ("{D|trim:.}", "x.org"),
            ("{W|unescape}{N|prefix:_?}{Missing|prefix:_?}", "*.x_3"),
        ] {
            assert_eq!(Template::parse(template).unwrap().fill(&scope).unwrap(), text, "{template}");
        }
        assert_eq!(Template::parse("/{Odd}?{Odd+}").unwrap().fill_uri(&scope).unwrap(), "/a%20b%2Fc%25?a%20b/c%25");
        assert!(Template::parse("{Missing}").unwrap().fill(&scope).is_err());
        for broken in ["{a", "{}", "{a|x:1}", "{a|nth:/:0}", "{a|last:}"] {
            assert!(Template::parse(broken).is_err(), "{broken}");
        }
    }
}
