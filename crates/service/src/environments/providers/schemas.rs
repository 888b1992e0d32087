//! How the providers are described: the published schemas, in words of our own.
//!
//! This room knows descriptions. It must never know what a provider does.

use super::schema;
use pileus_esc::schema::{SchemaRef, always};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::OnceLock};

/// The descriptions: an object of `{description, inputs, outputs}` by name.
const ALL: &str = include_str!("schemas.json");

/// A provider, described.
#[derive(Debug, Clone, Copy)]
pub struct Described<'a> {
    /// Its name: `aws-login`.
    pub name: &'a str,
    /// What it does, in a sentence.
    pub description: &'a str,
    /// The JSON Schema of its inputs.
    pub inputs: &'a Value,
    /// The JSON Schema of its outputs.
    pub outputs: &'a Value,
}

fn table() -> &'static Map<String, Value> {
    static TABLE: OnceLock<Map<String, Value>> = OnceLock::new();
    // A test holds that it can be read.
    TABLE.get_or_init(|| serde_json::from_str(ALL).unwrap_or_default())
}

/// All providers, by name.
pub fn all() -> impl Iterator<Item = Described<'static>> {
    table().iter().filter_map(|(name, said)| {
        let description = said.get("description")?.as_str()?;
        Some(Described { name, description, inputs: said.get("inputs")?, outputs: said.get("outputs")? })
    })
}

/// The provider of this name, if there is one.
pub fn of(name: &str) -> Option<Described<'static>> {
    all().find(|described| described.name == name)
}

/// The schemas that an evaluation checks by: inputs and outputs.
pub(super) fn evaluated(name: &str) -> (SchemaRef, SchemaRef) {
    static PARSED: OnceLock<BTreeMap<&'static str, (SchemaRef, SchemaRef)>> = OnceLock::new();
    let parsed = PARSED.get_or_init(|| {
        let both = |described: Described<'static>| {
            let mut outputs = described.outputs.clone();
            // Published as texts; but a StringList is a list, which only its type in AWS tells.
            if described.name == "aws-parameter-store"
                && let Some(each) = outputs.get_mut("additionalProperties")
            {
                *each = Value::Bool(true);
            }
            (described.name, (schema(&described.inputs.to_string()), schema(&outputs.to_string())))
        };
        all().map(both).collect()
    });
    parsed.get(name).cloned().unwrap_or_else(|| (always(), always()))
}
