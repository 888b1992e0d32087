//! Writes `openapi.json`: the description of what is served, in our words.
//!
//! This room knows OpenAPI 3.0.3. It must never know Rust.

use super::model::{Contract, Operation, Parameter, Place, Policy, Type};
use serde_json::{Map, Value, json};

/// The document.
pub fn write(contract: &Contract) -> String {
    let mut paths = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for (operation, policy) in contract.served() {
        let item = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        item[operation.method.to_ascii_lowercase()] = describe(operation, policy);
        tags.extend(operation.tags.iter().map(String::as_str));
    }
    tags.sort_unstable();
    tags.dedup();
    let mut schemas = Map::new();
    for (name, record) in &contract.records {
        let properties: Map<String, Value> = record.fields.iter().map(|f| (f.name.clone(), schema(&f.kind))).collect();
        let required: Vec<&str> = record.fields.iter().filter(|f| f.required).map(|f| f.name.as_str()).collect();
        let mut object = json!({"type": "object", "properties": properties});
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        schemas.insert(name.clone(), object);
    }
    schemas.insert("Error".into(), error_schema());
    let document = json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Pileus",
            "version": "1.0.0",
            "description": "The operations of the Pulumi Cloud REST API that this server serves, and its own.",
            "license": {"name": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": tags.iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": error_responses(),
            "securitySchemes": {"token": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "The word `token`, a space, and an access token.",
            }},
        },
    });
    format!("{document:#}\n")
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong.",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "integer", "description": "The status of the reply."},
            "message": {"type": "string", "description": "What is wrong, and what is allowed."},
        },
    })
}

fn describe(operation: &Operation, policy: &Policy) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": policy.summary,
        "description": needs(policy),
        "tags": operation.tags,
        "responses": responses(operation, policy),
    });
    if !operation.parameters.is_empty() {
        described["parameters"] = operation.parameters.iter().map(parameter).collect();
    }
    if let Some(body) = operation.body.as_ref().filter(|_| policy.body() != "none") {
        let mut content = Map::new();
        let kind = if policy.body() == "text" { "application/x-yaml" } else { "application/json" };
        content.insert(kind.into(), json!({"schema": schema(body)}));
        if policy.body() == "form-or-json" {
            content.insert("application/x-www-form-urlencoded".into(), json!({"schema": schema(body)}));
        }
        described["requestBody"] = json!({"required": true, "content": content});
    }
    if policy.is_public() {
        described["security"] = json!([]);
    }
    described
}

/// Who may call it, as a sentence.
fn needs(policy: &Policy) -> String {
    match policy.access.as_str() {
        "public" => "Needs no credentials.".into(),
        "user" => "Needs any valid access token.".into(),
        "personal" => "Needs a personal access token.".into(),
        "site-admin" => "Needs the personal access token of a site admin.".into(),
        "member" => "Open to everybody in the organisation.".into(),
        scope => format!("Needs the permission `{scope}`."),
    }
}

fn parameter(parameter: &Parameter) -> Value {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    let mut described =
        json!({"in": place, "name": parameter.name, "required": parameter.required, "schema": schema(&parameter.kind)});
    if parameter.place == Place::Path {
        described["schema"]["minLength"] = json!(1);
    }
    if matches!(parameter.kind, Type::List(_)) {
        described["style"] = json!("form");
        described["explode"] = json!(true);
        described["description"] = json!("May be repeated, or hold several values with commas between them.");
    }
    described
}

fn responses(operation: &Operation, policy: &Policy) -> Value {
    let mut responses = Map::new();
    let mut success = json!({"description": "Done."});
    // What answers HEAD has no content, whatever the contract says.
    if let Some((kind, of)) = operation.success.content.as_ref().filter(|_| operation.method != "HEAD") {
        success["content"] = json!({kind: {"schema": schema(of)}});
        for kind in &operation.success.texts {
            success["content"][kind] = json!({"schema": {"type": "string"}});
        }
    }
    responses.insert(operation.status().to_string(), success);
    for (status, of) in &operation.others {
        let other = json!({"description": "Not now.", "content": {"application/json": {"schema": schema(of)}}});
        responses.insert(status.to_string(), other);
    }
    for status in errors(operation, policy) {
        let shared = ERRORS.iter().find(|(code, ..)| *code == status);
        let name = shared.map_or("Fault", |(_, name, _)| *name);
        responses
            .entry(status.to_string())
            .or_insert_with(|| json!({"$ref": format!("#/components/responses/{name}")}));
    }
    Value::Object(responses)
}

/// The failures: status, name, and what it means.
const ERRORS: &[(u16, &str, &str)] = &[
    (400, "Invalid", "The request is malformed or asks for something impossible."),
    (401, "Unauthenticated", "The credentials are missing or not valid."),
    (403, "Forbidden", "The caller may not do this."),
    (404, "NotFound", "It does not exist, or the caller may not know that it does."),
    (405, "NoSuchMethod", "The path has no such method; `Allow` names those that it has."),
    (409, "Conflict", "It clashes with what is there."),
    (413, "TooLarge", "The body is too large."),
    (415, "NotUnderstood", "The body has a content type or encoding that is not understood."),
    (429, "TooMany", "Too many requests; `Retry-After` says when to try again."),
    (500, "Fault", "A fault of the server."),
    (503, "Unavailable", "Temporarily impossible; try again."),
];

/// The failures that the operation can answer.
fn errors(operation: &Operation, policy: &Policy) -> Vec<u16> {
    let mut errors = vec![400, 405, 429, 500, 503];
    if !policy.is_public() || policy.rate() == "login" {
        errors.extend([401, 403, 404]);
    }
    if !operation.reads() {
        errors.extend([409, 413, 415]);
    }
    errors
}

fn error_responses() -> Value {
    let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
    ERRORS.iter().map(|(_, name, why)| ((*name).to_owned(), json!({"description": why, "content": content}))).collect()
}

/// The type as a schema.
fn schema(kind: &Type) -> Value {
    match kind {
        Type::Any => json!({}),
        Type::Object => json!({"type": "object"}),
        Type::Text { one_of, format } => {
            let mut text = json!({"type": "string"});
            if !one_of.is_empty() {
                text["enum"] = json!(one_of);
            }
            if let Some(format) = format {
                text["format"] = json!(format);
            }
            text
        }
        Type::Integer { one_of, min, max, limited } => {
            let mut integer = json!({"type": "integer", "format": "int64"});
            if !one_of.is_empty() {
                integer["enum"] = json!(one_of);
            }
            if *limited {
                integer["minimum"] = json!(min);
                integer["maximum"] = json!(max);
            }
            integer
        }
        Type::Number => json!({"type": "number"}),
        Type::Boolean => json!({"type": "boolean"}),
        Type::List(of) => json!({"type": "array", "items": schema(of)}),
        Type::Map(of) => json!({"type": "object", "additionalProperties": schema(of)}),
        Type::Record(name) => json!({"$ref": format!("#/components/schemas/{name}")}),
    }
}
