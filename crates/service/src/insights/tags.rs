//! Tags of accounts. Children have their root's, and can be given none of their own.
//!
//! Knows which tags are allowed, and that permissions may depend on them. It must never know what they mean to people.

use super::accounts::require;
use crate::Cx;
use pileus_model::{
    Error, Result,
    audit::{Target, catalogue},
    insights::{MAX_TAG_NAME, MAX_TAG_VALUE, MAX_TAGS},
    names::decode_account,
};
use pileus_store::{
    Recorded,
    insights::tags::{self as store, TagRow},
    organizations,
};
use std::collections::BTreeMap;

/// The tags of an account, by name; of a child its root's.
///
/// # Errors
/// `NotFound`.
pub async fn list(cx: &Cx, name: &str) -> Result<Vec<TagRow>> {
    let (org, name) = (cx.org()?.id, decode_account(name));
    cx.app
        .store
        .read(move |tx| {
            let account = require(tx, org, &name)?.account;
            store::list(tx, org, account.root)
        })
        .await
}

fn check(tags: &BTreeMap<String, String>) -> Result<()> {
    let wrong = |what: String| Err(Error::invalid(format!("invalid tag name or value: {what}")));
    if tags.len() > MAX_TAGS {
        return wrong(format!("an account has at most {MAX_TAGS} tags"));
    }
    for (name, value) in tags {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        if !(1..=MAX_TAG_NAME).contains(&name.len()) || !name.chars().all(allowed) {
            return wrong(format!("a name must have 1 to {MAX_TAG_NAME} letters, digits, '-', '_', '.' or ':'"));
        }
        if value.chars().count() > MAX_TAG_VALUE || value.chars().any(char::is_control) {
            return wrong(format!("a value must have at most {MAX_TAG_VALUE} characters and no control characters"));
        }
    }
    Ok(())
}

/// Replaces all tags of an account, and with them its children's.
///
/// # Errors
/// `NotFound`; `Forbidden` for a child; `Invalid` for a name or value that is not allowed.
pub async fn replace(cx: &Cx, name: &str, tags: BTreeMap<String, String>) -> Result<()> {
    let (cx, app, name) = (cx.clone(), cx.app.clone(), decode_account(name));
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            let account = require(tx, org, &name)?.account;
            if !account.is_root() {
                return Err(Error::forbidden("Tags on child accounts are managed by the parent account"));
            }
            check(&tags)?;
            let tags: Vec<(String, String)> = tags.clone().into_iter().collect();
            store::replace(tx, org, account.id, &tags, cx.now())?;
            let names: Vec<&str> = tags.iter().map(|(name, _)| name.as_str()).collect();
            let said = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let description = format!("Updated the tags of account \"{name}\": {said}");
            Ok(Recorded::new(
                (),
                cx.event(catalogue::CLOUD_ACCOUNT_TAGS_UPDATED, Target::new("account", &name), description)?,
            ))
        })
        .await
}
