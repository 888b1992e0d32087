//! Cloud Control's types: the table made from the public resource schemas.
//!
//! This room knows the table. It must never know how it is asked for.

use crate::{
    CloudError, Mode, Place,
    aws::data::{Path, catalogue},
};
use serde::Deserialize;
use std::{collections::HashSet, sync::OnceLock};

/// How a type is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Listing {
    /// Without any input.
    Plain,
    /// Below a parent.
    Parent,
    /// Not at all.
    None,
}

/// Where a type is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Extent {
    Global,
    Regional,
}

/// A type.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// `AWS::S3::Bucket`
    #[serde(rename = "type")]
    pub(crate) name: String,
    /// `aws-native:s3:Bucket`
    pub(crate) token: String,
    #[serde(default, rename = "id")]
    _id: Vec<String>,
    pub(crate) scope: Extent,
    pub(crate) list: Listing,
    #[serde(default, rename = "parent")]
    _parent: Vec<String>,
    #[serde(default)]
    pub(crate) read: bool,
    #[serde(default)]
    pub(crate) actions: Vec<String>,
    #[serde(default, rename = "writeOnly")]
    write_only: Vec<String>,
    #[serde(default)]
    secret: Vec<String>,
    #[serde(default, rename = "readOnly")]
    _read_only: serde::de::IgnoredAny,
}

impl Row {
    /// Properties that must not be kept: those that the schema calls write-only, and those that hold secrets all the same.
    pub(crate) fn hidden(&self) -> impl Iterator<Item = Path> {
        self.write_only.iter().chain(&self.secret).filter_map(|path| Path::parse(&dotted(path)).ok())
    }
}

/// `A/*/B` as a path: `*` is every element.
fn dotted(path: &str) -> String {
    let mut out = String::new();
    for part in path.split('/').filter(|p| !p.is_empty()) {
        match part {
            "*" => out.push_str("[]"),
            key => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
        }
    }
    out
}

/// The whole table, read once.
///
/// # Errors
/// [`CloudError::Setting`]; a test holds that there is none.
pub(crate) fn all() -> Result<&'static [Row], CloudError> {
    static ALL: OnceLock<Result<Vec<Row>, String>> = OnceLock::new();
    let read = || {
        let lines = include_str!("../../../data/aws/cloudcontrol.jsonl").lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.trim().is_empty());
        lines.map(|(n, line)| serde_json::from_str(line).map_err(|e| format!("line {}: {e}", n + 1))).collect()
    };
    let all = ALL.get_or_init(read);
    all.as_deref().map_err(|why| CloudError::Setting(format!("the table of Cloud Control cannot be read: {why}")))
}

/// The rows that a place and a mode have: in mode [`Mode::Both`] not those that are listed natively.
///
/// # Errors
/// As [`all`].
pub(crate) fn of(place: &Place, mode: Mode) -> Result<impl Iterator<Item = &'static Row> + use<>, CloudError> {
    let native: HashSet<&str> = match mode {
        Mode::Both => catalogue()?.iter().flat_map(|f| &f.types).filter_map(|t| t.cfn.as_deref()).collect(),
        Mode::Native | Mode::CloudControl => HashSet::new(),
    };
    let scope = if *place == Place::Global { Extent::Global } else { Extent::Regional };
    Ok(all()?.iter().filter(move |row| row.scope == scope && !native.contains(row.name.as_str())))
}
