//! What a policy must say, and must not contradict.
//!
//! This room knows the rules of `served.toml`. It must never write anything.

use super::model::{Contract, Operation, Place, Policy};
use crate::Result;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Checks all policies.
///
/// # Errors
/// All that is wrong, one line each.
pub fn check(contract: &Contract, pulumi: &Value) -> Result<()> {
    let scopes: BTreeSet<&str> = pulumi["components"]["schemas"]["RbacScope"]["properties"]["name"]["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let events: BTreeSet<&str> = contract.events.iter().map(|e| e.id.as_str()).collect();
    let mut wrong = Vec::new();
    let mut handlers = BTreeMap::new();
    let mut paths = BTreeMap::new();
    for operation in &contract.operations {
        let mut say = |what: String| wrong.push(format!("contract/served.toml: {}: {what}", operation.id));
        if let Some(other) = paths.insert((&operation.method, &operation.path), &operation.id) {
            say(format!("has the method and path of {other}"));
        }
        if operation.absent.is_some() && (operation.policy.is_some() || !operation.reads()) {
            say("only a read that is not served can be absent".into());
        }
        if let Some(alias) = &operation.alias {
            let target = contract.served().find(|(target, _)| target.id == *alias);
            if operation.policy.is_some() || target.is_none_or(|(target, _)| target.method != operation.method) {
                say(format!("is an alias: {alias} must be served, with the same method, and this one not"));
            }
        }
        let Some(policy) = &operation.policy else { continue };
        if let Some(other) = handlers.insert(policy.serve.as_str(), &operation.id) {
            say(format!("{} already serves {other}", policy.serve));
        }
        values(policy, &scopes, &events, &mut say);
        duties(operation, policy, &mut say);
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// The values that the fields can take.
fn values(policy: &Policy, scopes: &BTreeSet<&str>, events: &BTreeSet<&str>, say: &mut impl FnMut(String)) {
    let handler = policy.serve.split_once("::");
    if !handler.is_some_and(|(room, name)| is_name(room) && is_name(name)) {
        say(format!("serve = {:?} is not of the form room::function", policy.serve));
    }
    let access = policy.access.as_str();
    if !["public", "user", "personal", "site-admin", "member"].contains(&access) && !scopes.contains(access) {
        say(format!("access = {access:?} is neither a kind of access nor a permission scope of the contract"));
    }
    for event in policy.events().into_iter().chain([policy.denied()]) {
        if !events.contains(event) {
            say(format!("{event:?} is no event type of contract/events.tsv"));
        }
    }
    if !["default", "export", "login", "public"].contains(&policy.rate()) {
        say(format!("rate = {:?} is not one of default, export, login, public", policy.rate()));
    }
    if !["json", "form-or-json", "text", "none"].contains(&policy.body()) {
        say(format!("body = {:?} is not one of json, form-or-json, text, none", policy.body()));
    }
    if !policy.summary.ends_with('.') || policy.summary.contains('\n') {
        say("the summary is one line that ends in a full stop".into());
    }
    for (field, reason) in &policy.relax {
        if reason.is_empty() {
            say(format!("relax.{field} does not name the client that omits it"));
        }
    }
}

/// What follows from the operation.
fn duties(operation: &Operation, policy: &Policy, say: &mut impl FnMut(String)) {
    if policy.events().is_empty()
        && !operation.reads()
        && policy.why_unaudited.as_deref().unwrap_or_default().is_empty()
    {
        say("changes something: name its event in audit, or say in why_unaudited why it has none".into());
    }
    let in_path = |name: &str| operation.parameters.iter().any(|p| p.place == Place::Path && p.name == name);
    if (policy.access.contains(':') || policy.access == "member") && !in_path("orgName") {
        say("a permission is checked in an organisation, and the path has no {orgName}".into());
    }
    match policy.object.as_deref() {
        None | Some("organization") => {}
        Some(rule) => match rule.split_once(':') {
            Some(("team" | "account", parameter)) if in_path(parameter) => {}
            Some(("environment", both)) if both.split_once('/').is_some_and(|(p, n)| in_path(p) && in_path(n)) => {}
            _ => say(format!(
                "object = {rule:?} is neither organization nor team:, account: or environment: with parameters of the path"
            )),
        },
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
