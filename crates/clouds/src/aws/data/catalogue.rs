//! The catalogue: its files as types, read once.
//!
//! This room knows the form of the files (`data/README.md`). It must never know which types there are.

use super::{Condition, Path, Template};
use crate::{
    CloudError, Value,
    aws::protocol::{self, Shapes},
};
use pileus_egress::{HeaderName, HeaderValue};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::OnceLock};

include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// How a service is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Protocol {
    #[serde(rename = "query")]
    Query,
    #[serde(rename = "ec2")]
    Ec2,
    #[serde(rename = "json-1.0")]
    Json10,
    #[serde(rename = "json-1.1")]
    Json11,
    #[serde(rename = "rest-json")]
    RestJson,
    #[serde(rename = "rest-xml")]
    RestXml,
}

/// A service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) name: String,
    #[serde(default, rename = "botocore")]
    _botocore: Option<String>,
    pub(crate) protocol: Protocol,
    pub(crate) endpoint: String,
    #[serde(default)]
    signing: Option<String>,
    #[serde(default)]
    pub(crate) version: Option<String>,
    #[serde(default)]
    pub(crate) target: Option<String>,
    #[serde(default)]
    pub(crate) hosts: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) global: Option<BTreeMap<String, String>>,
    /// Of the answers; empty for JSON.
    #[serde(skip)]
    pub(crate) shapes: Shapes,
}

impl Service {
    /// Its name in signatures.
    pub(crate) fn signing(&self) -> &str {
        self.signing.as_deref().unwrap_or(&self.endpoint)
    }
}

/// How a list goes on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) token: Vec<String>,
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) from: Vec<Path>,
    #[serde(default)]
    pub(crate) more: Option<Path>,
    #[serde(default, rename = "in")]
    pub(crate) place: Option<String>,
}

/// A list or a follow-up read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    pub(crate) op: String,
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) action: Vec<String>,
    #[serde(default)]
    pub(crate) method: Option<String>,
    #[serde(default)]
    pub(crate) uri: Option<Template>,
    /// Its own; with what its protocol adds they are `sent`.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) params: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    pub(crate) page: Option<Page>,
    #[serde(default)]
    pub(crate) absent: Vec<String>,
    #[serde(default)]
    pub(crate) gone: Vec<String>,
    // Lists.
    #[serde(default)]
    pub(crate) items: Option<Path>,
    #[serde(default, rename = "as")]
    pub(crate) name: Option<String>,
    // Reads.
    #[serde(default)]
    pub(crate) take: Option<Path>,
    #[serde(default)]
    pub(crate) into: Option<String>,
    #[serde(default)]
    pub(crate) early: bool,
    #[serde(default)]
    pub(crate) unless: Option<Path>,
    #[serde(default)]
    pub(crate) when: Option<Condition>,
    #[serde(default)]
    pub(crate) default: Option<Value>,
    #[serde(default)]
    pub(crate) map: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) batch: Option<usize>,
    #[serde(default)]
    pub(crate) ids: Option<Template>,
    #[serde(default)]
    pub(crate) param: Option<String>,
    #[serde(default, rename = "match")]
    pub(crate) matches: Option<Path>,
    /// How it is written, to tell equal calls from others.
    #[serde(skip)]
    pub(crate) key: String,
    /// The headers that it is sent with.
    #[serde(skip)]
    pub(crate) sent: Vec<(HeaderName, HeaderValue)>,
}

/// A type.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Type {
    pub(crate) token: String,
    #[serde(default)]
    pub(crate) cfn: Option<String>,
    pub(crate) id: Template,
    #[serde(default)]
    pub(crate) name: Option<Template>,
    #[serde(default)]
    pub(crate) arn: Option<Template>,
    #[serde(default, rename = "for")]
    pub(crate) parent: Option<String>,
    #[serde(default)]
    pub(crate) internal: bool,
    #[serde(default)]
    pub(crate) keep: Vec<Condition>,
    #[serde(default)]
    pub(crate) decode: Vec<Path>,
    #[serde(default)]
    pub(crate) drop: Vec<Path>,
    #[serde(default)]
    pub(crate) secret: Vec<Path>,
    #[serde(default)]
    pub(crate) sort: Vec<Path>,
    pub(crate) list: Call,
    #[serde(default)]
    pub(crate) read: Vec<Call>,
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "for the test of every row"))]
    pub(crate) example: Option<Example>,
}

/// A type's test: an item, and what comes of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(test), expect(dead_code, reason = "for the test of every row"))]
pub(crate) struct Example {
    pub(crate) item: Value,
    #[serde(default)]
    pub(crate) parent: Option<Value>,
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) arn: Option<String>,
}

/// One file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) service: Service,
    #[serde(default, rename = "type")]
    pub(crate) types: Vec<Type>,
}

/// All services; read at the first use.
///
/// # Errors
/// A file that cannot be read, as [`CloudError::Setting`]; a test holds that there is none.
pub(crate) fn catalogue() -> Result<&'static [File], CloudError> {
    static ALL: OnceLock<Result<Vec<File>, String>> = OnceLock::new();
    let all = ALL.get_or_init(|| NATIVE.iter().map(|(name, text)| read(name, text)).collect());
    all.as_deref().map_err(|why| CloudError::Setting(format!("the catalogue cannot be read: {why}")))
}

/// Reads one file, with the shapes of that name.
pub(crate) fn read(name: &str, text: &str) -> Result<File, String> {
    let raw: toml::Table = text.parse().map_err(|e| format!("{name}.toml: {e}"))?;
    let mut file: File = toml::from_str(text).map_err(|e| format!("{name}.toml: {e}"))?;
    if file.service.name != name {
        return Err(format!("{name}.toml: its service calls itself \"{}\"", file.service.name));
    }
    if let Some((_, shapes)) = SHAPES.iter().find(|(stem, _)| *stem == name) {
        file.service.shapes = serde_json::from_str(shapes).map_err(|e| format!("shapes/{name}.json: {e}"))?;
    }
    let lists = raw.get("type").and_then(toml::Value::as_array).into_iter().flatten().map(|t| t.get("list"));
    for (kind, list) in file.types.iter_mut().zip(lists) {
        kind.list.key = list.map(ToString::to_string).unwrap_or_default();
        let wrong = |why| format!("{name}.toml: {}: {why}", kind.token);
        check(kind).map_err(wrong)?;
        for call in kind.read.iter_mut().chain([&mut kind.list]) {
            call.sent = protocol::headers(&file.service, call).map_err(wrong)?;
        }
    }
    Ok(file)
}

fn check(kind: &Type) -> Result<(), String> {
    if kind.list.items.is_none() {
        return Err("its list has no items".into());
    }
    for call in kind.read.iter().chain([&kind.list]) {
        if call.page.as_ref().is_some_and(|p| p.token.len() != p.from.len()) {
            return Err(format!("{}: page.token and page.from differ in number", call.op));
        }
        let together = [call.ids.is_some(), call.param.is_some(), call.matches.is_some()];
        if together.iter().any(|there| *there != call.batch.is_some()) {
            return Err(format!("{}: batch, ids, param and match belong together", call.op));
        }
        if call.batch == Some(0) {
            return Err(format!("{}: a batch of none", call.op));
        }
    }
    Ok(())
}

fn one_or_more<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore<T> {
        More(Vec<T>),
        One(T),
    }
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::More(list) => list,
        OneOrMore::One(one) => vec![one],
    })
}
