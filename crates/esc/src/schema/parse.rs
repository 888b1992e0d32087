//! Schemas from JSON.

use super::{Limit, Rest, Schema, SchemaRef, Type, always, never};
use crate::json::Json;
use std::sync::Arc;

/// Reads a schema.
///
/// # Errors
/// A keyword whose value has the wrong type.
pub fn parse(json: &Json) -> Result<SchemaRef, String> {
    let fields = match json {
        Json::Bool(true) => return Ok(always()),
        Json::Bool(false) => return Ok(never()),
        Json::Object(fields) => fields,
        _ => return Err("a schema must be an object or a boolean".into()),
    };
    let mut schema = Schema::default();
    for (keyword, value) in fields {
        if !matches!(value, Json::Null) || keyword == "const" {
            apply(&mut schema, keyword, value).map_err(|what| format!("{keyword}: {what}"))?;
        }
    }
    Ok(Arc::new(schema))
}

fn apply(schema: &mut Schema, keyword: &str, value: &Json) -> Result<(), String> {
    match keyword {
        "type" => schema.ty = type_of(text(value)?),
        // A constant null is no constraint, as in the library whose schemas these are.
        "const" => schema.constant = Some(value.clone()).filter(|v| *v != Json::Null),
        "anyOf" => schema.any_of = list(value)?,
        "oneOf" => schema.one_of = list(value)?,
        "prefixItems" => schema.prefix_items = list(value)?,
        "items" => schema.items = Some(parse(value)?),
        "additionalProperties" => schema.additional = Some(parse(value)?),
        "properties" => {
            let read = |(name, property): (&String, &Json)| Ok((Arc::from(name.as_str()), parse(property)?));
            schema.properties = object(value)?.iter().map(read).collect::<Result<_, String>>()?;
        }
        "required" => schema.required = texts(value)?.into_iter().map(Arc::from).collect(),
        _ => seldom(schema.rest.get_or_insert_default(), keyword, value)?,
    }
    Ok(())
}

fn seldom(rest: &mut Rest, keyword: &str, value: &Json) -> Result<(), String> {
    if let Some((limit, _)) = Limit::ALL.iter().find(|(_, name)| *name == keyword) {
        let Json::Number(number) = value else { return Err("must be a number".into()) };
        rest.limits.insert(*limit, number.clone());
        return Ok(());
    }
    match keyword {
        "$defs" => {
            for (name, schema) in object(value)? {
                rest.defs.insert(name.clone(), parse(schema)?);
            }
        }
        "$ref" => rest.reference = text(value)?.to_owned(),
        "enum" => rest.enumeration = array(value)?.to_vec(),
        "pattern" => rest.pattern = text(value)?.to_owned(),
        "dependentRequired" => {
            for (name, names) in object(value)? {
                rest.dependent_required.insert(name.clone(), texts(names)?);
            }
        }
        "rotateOnly" => rest.rotate_only = texts(value)?,
        "title" | "description" | "default" | "examples" | "uniqueItems" | "deprecated" | "secret" => {
            rest.notes.insert(keyword.to_owned(), value.clone());
        }
        _ => {}
    }
    Ok(())
}

fn type_of(name: &str) -> Type {
    match name {
        "" => Type::Any,
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "number" => Type::Number,
        "string" => Type::String,
        "array" => Type::Array,
        "object" => Type::Object,
        other => Type::Other(other.to_owned()),
    }
}

fn text(value: &Json) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "must be a string".into())
}

fn array(value: &Json) -> Result<&[Json], String> {
    value.as_array().ok_or_else(|| "must be an array".into())
}

fn object(value: &Json) -> Result<&std::collections::BTreeMap<String, Json>, String> {
    value.as_object().ok_or_else(|| "must be an object".into())
}

fn texts(value: &Json) -> Result<Vec<String>, String> {
    array(value)?.iter().map(|item| text(item).map(str::to_owned)).collect()
}

fn list(value: &Json) -> Result<Vec<SchemaRef>, String> {
    array(value)?.iter().map(parse).collect()
}
