//! Reads `contract/`: the contract, our own operations, the corrections to both, the policies, the event types.
//!
//! This room knows how the files are written. What is made of them is not its business.

use super::{
    check,
    model::{Contract, Event, Operation, Parameter, Place, Policy, Success, Type},
    resolve::Resolver,
};
use crate::Result;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, path::Path};

/// `served.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Served {
    operations: BTreeMap<String, Policy>,
    #[serde(default)]
    absent: BTreeMap<String, String>,
    #[serde(default)]
    alias: BTreeMap<String, String>,
}

/// Reads everything below `contract/` of this workspace.
///
/// # Errors
/// A file that is missing or malformed, a policy that contradicts the contract: says which.
pub fn load(root: &Path) -> Result<Contract> {
    let dir = root.join("contract");
    let (theirs, ours) = (json(&dir.join("pulumi.json"))?, json(&dir.join("own.json"))?);
    let served: Served =
        toml::from_str(&read(&dir.join("served.toml"))?).map_err(|e| format!("contract/served.toml: {e}"))?;
    let mut schemas = Map::new();
    for document in [&theirs, &ours] {
        schemas.extend(object(document, &["components", "schemas"])?.clone());
    }
    let extend = &ours["x-extend"];
    for (name, correction) in object(extend, &["schemas"])? {
        let there = schemas
            .get_mut(name)
            .ok_or_else(|| format!("contract/own.json: x-extend.schemas.{name} corrects nothing"))?;
        *there = match correction.get("adds") {
            Some(fields) => json!({"allOf": [there.clone(), fields]}),
            None => correction["schema"].clone(),
        };
    }
    let mut resolver = Resolver::new(schemas);
    let (mut policies, mut absent, mut aliases) = (served.operations, served.absent, served.alias);
    let mut declarations = Vec::new();
    for (document, own) in [(&theirs, false), (&ours, true)] {
        for (path, methods) in object(document, &["paths"])? {
            for (method, declared) in object(methods, &[])? {
                let id = text(declared, "operationId")?;
                let declared = extended(declared, extend, &id);
                let policy = policies.remove(&id);
                if let Some(policy) = &policy {
                    resolver.relax(&declared, policy, &id)?;
                }
                declarations.push((id, method, path, declared, policy, own));
            }
        }
    }
    let mut operations = Vec::new();
    for (id, method, path, declared, policy, own) in declarations {
        let (absent, alias) = (absent.remove(&id), aliases.remove(&id));
        let operation = operation(&mut resolver, id, (method, path), &declared, policy)?;
        operations.push(Operation { own, absent, alias, ..operation });
    }
    if let Some(id) = policies.keys().chain(absent.keys()).chain(aliases.keys()).next() {
        return Err(format!("contract/served.toml: no operation is called {id}"));
    }
    operations.sort_by(|a, b| a.id.cmp(&b.id));
    let contract = Contract { operations, records: resolver.records(), events: events(&dir.join("events.tsv"))? };
    check::check(&contract, &theirs)?;
    Ok(contract)
}

/// The declaration with the corrections of `x-extend` applied.
fn extended(declared: &Value, extend: &Value, id: &str) -> Value {
    let mut declared = declared.clone();
    for group in extend["parameters"].as_array().into_iter().flatten() {
        if !group["operations"].as_array().is_some_and(|ids| ids.iter().any(|i| i == id)) {
            continue;
        }
        for added in group["parameters"].as_array().into_iter().flatten() {
            let mut list = declared["parameters"].as_array().cloned().unwrap_or_default();
            let same = |p: &Value| p["name"] == added["name"] && p["in"] == added["in"];
            match list.iter_mut().find(|p| same(p)) {
                Some(there) => *there = added.clone(),
                None => list.push(added.clone()),
            }
            declared["parameters"] = Value::Array(list);
        }
    }
    if let Some(schema) = extend["bodies"][id].get("schema") {
        declared["requestBody"]["content"]["application/json"]["schema"] = schema.clone();
    }
    if let Some(response) = extend["responses"].get(id) {
        let status = response["status"].as_str().unwrap_or("200");
        declared["responses"][status]["content"]["application/json"]["schema"] = response["schema"].clone();
    }
    declared
}

fn operation(
    resolver: &mut Resolver,
    id: String,
    (method, path): (&str, &str),
    declared: &Value,
    policy: Option<Policy>,
) -> Result<Operation> {
    let tags = declared["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let mut operation = Operation {
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        tags: tags.collect(),
        parameters: Vec::new(),
        body: None,
        success: Success { status: 200, content: None, texts: Vec::new() },
        others: Vec::new(),
        own: false,
        policy: None,
        absent: None,
        alias: None,
        id,
    };
    let Some(policy) = policy else { return Ok(operation) };
    operation.parameters = parameters(resolver, declared, &policy)?;
    let content = &declared["requestBody"]["content"];
    if policy.body() == "text" {
        operation.body = Some(Type::Text { one_of: Vec::new(), format: None });
    } else if let Some(schema) = content["application/json"].get("schema") {
        operation.body = Some(resolver.resolve(schema, &operation.id)?);
    } else if !content.is_null() {
        return Err(format!("{}: a body that is not JSON", operation.id));
    }
    (operation.success, operation.others) = responses(resolver, declared, &operation.id)?;
    operation.policy = Some(policy);
    Ok(operation)
}

fn parameters(resolver: &mut Resolver, declared: &Value, policy: &Policy) -> Result<Vec<Parameter>> {
    let mut found = Vec::new();
    for p in declared["parameters"].as_array().into_iter().flatten() {
        let name = text(p, "name")?;
        let place = match p["in"].as_str() {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            Some("header") => Place::Header,
            other => return Err(format!("parameter {name}: in {other:?}")),
        };
        let required = p["required"] == true && !policy.relax.contains_key(&name);
        found.push(Parameter { place, required, kind: resolver.resolve(&p["schema"], &name)?, name });
    }
    found.sort_by_key(|p| p.place as u8);
    Ok(found)
}

fn responses(resolver: &mut Resolver, declared: &Value, id: &str) -> Result<(Success, Vec<(u16, Type)>)> {
    let mut success = None;
    let mut others = Vec::new();
    for (code, response) in object(declared, &["responses"])? {
        let status: u16 = code.parse().map_err(|_| format!("{id}: status {code}"))?;
        let content = match response.get("content").and_then(Value::as_object).and_then(|c| c.iter().next()) {
            Some((kind, media)) => Some((kind.clone(), resolver.resolve(&media["schema"], id)?)),
            None => None,
        };
        if (200..300).contains(&status) && success.is_none() {
            let kinds = response.get("content").and_then(Value::as_object).into_iter().flatten().skip(1);
            let texts = kinds.map(|(kind, _)| kind.clone()).collect();
            success = Some(Success { status, content, texts });
        } else if let Some((_, kind)) = content {
            others.push((status, kind));
        }
    }
    Ok((success.ok_or_else(|| format!("{id}: no success is declared"))?, others))
}

/// The catalogue of event types.
fn events(path: &Path) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    for (i, line) in read(path)?.lines().enumerate().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [id, name, org_admin, stack_admin, failure, deprecated, replaced_by, own, description] = cells[..] else {
            return Err(format!("{}:{}: 9 columns are expected, not {}", path.display(), i + 1, cells.len()));
        };
        if (deprecated == "true") == replaced_by.is_empty() {
            return Err(format!(
                "{}:{}: deprecated types, and only those, name what replaced them",
                path.display(),
                i + 1
            ));
        }
        events.push(Event {
            id: id.into(),
            display_name: name.into(),
            description: description.into(),
            requires_org_admin: org_admin == "true",
            requires_stack_admin: stack_admin == "true",
            authentication_failure: failure == "true",
            replaced_by: (!replaced_by.is_empty()).then(|| replaced_by.into()),
            own: own == "true",
        });
    }
    events.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(events)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn json(path: &Path) -> Result<Value> {
    serde_json::from_str(&read(path)?).map_err(|e| format!("{}: {e}", path.display()))
}

/// The object at this place of a document.
fn object<'a>(value: &'a Value, place: &[&str]) -> Result<&'a Map<String, Value>> {
    let found = place.iter().fold(value, |v, key| &v[*key]);
    found.as_object().ok_or_else(|| format!("{} is not an object", place.join(".")))
}

fn text(value: &Value, key: &str) -> Result<String> {
    value[key].as_str().map(str::to_owned).ok_or_else(|| format!("{key} is missing in {value}"))
}
