//! Turns schemas into types: follows references, flattens `allOf`, keeps what is used.
//!
//! This room knows JSON Schema as far as the contract uses it. It must never know Rust or files.

use super::model::{Field, Policy, Record, Type};
use crate::Result;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The schemas, and the objects that were met so far.
#[derive(Debug)]
pub struct Resolver {
    schemas: Map<String, Value>,
    records: BTreeMap<String, Record>,
    relaxed: BTreeSet<(String, String)>,
}

impl Resolver {
    /// Over these schemas.
    pub const fn new(schemas: Map<String, Value>) -> Self {
        Self { schemas, records: BTreeMap::new(), relaxed: BTreeSet::new() }
    }
    /// The objects that were met.
    pub fn records(self) -> BTreeMap<String, Record> {
        self.records
    }
    /// The type of this schema.
    ///
    /// # Errors
    /// A schema of a kind that is not known here.
    pub fn resolve(&mut self, schema: &Value, at: &str) -> Result<Type> {
        if let Some(name) = reference(schema) {
            return self.named(name);
        }
        let kind = schema["type"].as_str().unwrap_or_default();
        Ok(match kind {
            "string" => {
                Type::Text { one_of: texts(&schema["enum"]), format: schema["format"].as_str().map(str::to_owned) }
            }
            "integer" => integer(schema),
            "number" => Type::Number,
            "boolean" => Type::Boolean,
            "array" => Type::List(Box::new(self.resolve(&schema["items"], at)?)),
            "object" if schema.get("properties").is_some() => {
                return Err(format!("{at}: an object within an object needs a name of its own"));
            }
            "object" => match schema.get("additionalProperties") {
                None | Some(Value::Bool(_)) => Type::Object,
                Some(of) => Type::Map(Box::new(self.resolve(of, at)?)),
            },
            "" if schema.as_object().is_some_and(Map::is_empty) => Type::Any,
            _ => return Err(format!("{at}: the schema {schema} is not understood")),
        })
    }
    fn named(&mut self, name: &str) -> Result<Type> {
        if self.records.contains_key(name) {
            return Ok(Type::Record(name.to_owned()));
        }
        let schema = self.schemas.get(name).cloned().ok_or_else(|| format!("no schema is called {name}"))?;
        if schema.get("discriminator").is_some() {
            return Ok(Type::Object);
        }
        if schema.get("properties").is_none() && schema.get("allOf").is_none() {
            return self.resolve(&schema, name);
        }
        self.records.insert(name.to_owned(), Record { fields: Vec::new() });
        let mut fields = Vec::new();
        self.fields(&schema, name, &mut fields)?;
        self.records.insert(name.to_owned(), Record { fields });
        Ok(Type::Record(name.to_owned()))
    }
    /// Adds the fields of this schema and of what it inherits, in the contract's order.
    fn fields(&mut self, schema: &Value, at: &str, fields: &mut Vec<Field>) -> Result<()> {
        for part in schema["allOf"].as_array().into_iter().flatten() {
            match reference(part) {
                Some(name) => {
                    let inherited =
                        self.schemas.get(name).cloned().ok_or_else(|| format!("no schema is called {name}"))?;
                    self.fields(&inherited, name, fields)?;
                }
                None => self.fields(part, at, fields)?,
            }
        }
        let required = texts(&schema["required"]);
        let mut own: Vec<(&String, &Value)> = schema["properties"].as_object().into_iter().flatten().collect();
        own.sort_by_key(|(_, property)| property["x-order"].as_i64().unwrap_or(i64::MAX));
        for (name, property) in own {
            let kind = self.resolve(property, &format!("{at}.{name}"))?;
            fields.push(Field { name: name.clone(), required: required.contains(name), kind });
        }
        Ok(())
    }
    /// Makes the fields and parameters optional that the policy relaxes.
    ///
    /// # Errors
    /// A field that is not there or not required.
    pub fn relax(&mut self, declared: &Value, policy: &Policy, id: &str) -> Result<()> {
        for field in policy.relax.keys() {
            let in_query = declared["parameters"]
                .as_array()
                .is_some_and(|list| list.iter().any(|p| p["name"] == field.as_str() && p["in"] == "query"));
            let body = reference(&declared["requestBody"]["content"]["application/json"]["schema"]).map(str::to_owned);
            if !in_query && !body.is_some_and(|name| self.relax_in(&name, field)) {
                return Err(format!(
                    "contract/served.toml: {id}: relax.{field} is no required field or query parameter"
                ));
            }
        }
        Ok(())
    }
    fn relax_in(&mut self, name: &str, field: &str) -> bool {
        let Some(mut schema) = self.schemas.get(name).cloned() else { return false };
        let inherited: Vec<String> =
            schema["allOf"].as_array().into_iter().flatten().filter_map(reference).map(str::to_owned).collect();
        let mut found = unrequire(&mut schema, field);
        for part in schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
            found |= unrequire(part, field);
        }
        self.schemas.insert(name.to_owned(), schema);
        let key = (name.to_owned(), field.to_owned());
        // What several operations share may be relaxed by each of them.
        if found {
            self.relaxed.insert(key.clone());
        }
        inherited.iter().fold(self.relaxed.contains(&key), |found, parent| self.relax_in(parent, field) || found)
    }
}

/// Takes the field out of the schema's own list of required ones; whether it was there.
fn unrequire(schema: &mut Value, field: &str) -> bool {
    let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) else { return false };
    let before = required.len();
    required.retain(|name| name != field);
    required.len() < before
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str().and_then(|path| path.rsplit('/').next())
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn integer(schema: &Value) -> Type {
    let (low, high) = match schema["format"].as_str() {
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let limited = schema.get("minimum").is_some() || schema.get("maximum").is_some();
    Type::Integer {
        one_of: schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect(),
        min: schema["minimum"].as_i64().unwrap_or(low),
        max: schema["maximum"].as_i64().unwrap_or(high),
        limited,
    }
}
