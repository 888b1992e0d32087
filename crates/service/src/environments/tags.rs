//! The tags of environments.

use super::{change::author, lists, names, require, require_locked, target};
use crate::Cx;
use pileus_model::{
    Error, Result,
    audit::{EventType, catalogue},
    ids::EnvironmentTagId,
};
use pileus_store::{
    Recorded,
    environments::EnvironmentRow,
    environments_tags::{self as store, TagRow},
};
use std::collections::{BTreeMap, BTreeSet};

/// How many tags an environment may have.
const MAX_TAGS: i64 = 50;

/// A tag to be made.
#[derive(Debug, Clone, Default)]
pub struct NewTag {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The names of all tags in the organisation with their values, as far as the caller may read the environments.
///
/// # Errors
/// `Unavailable`.
pub async fn all_tags(cx: &Cx) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let access = cx.access()?.clone();
    cx.app
        .store
        .read(move |tx| {
            let mut all = BTreeMap::<String, BTreeSet<String>>::new();
            let mut after = (String::new(), String::new());
            loop {
                let (listed, next) = lists::page(tx, &access, after, 1000)?;
                for (name, value) in listed.into_iter().flat_map(|listed| listed.tags) {
                    all.entry(name).or_default().insert(value);
                }
                let Some(next) = next else { return Ok(all) };
                after = next;
            }
        })
        .await
}

/// At most `count` tags of an environment after this position.
///
/// # Errors
/// `NotFound`; `Invalid` for a bad count.
pub async fn list_tags(cx: &Cx, project: &str, name: &str, after: i64, count: i64) -> Result<Vec<TagRow>> {
    let (org, project, name) = (cx.org()?.id, project.to_owned(), name.to_owned());
    cx.app
        .store
        .read(move |tx| {
            let row = require(tx, org, &project, &name)?;
            store::list(tx, org, row.id, after, count)
        })
        .await
}

/// One tag.
///
/// # Errors
/// `NotFound`.
pub async fn get_tag(cx: &Cx, project: &str, name: &str, tag: &str) -> Result<TagRow> {
    let (org, project, name, tag) = (cx.org()?.id, project.to_owned(), name.to_owned(), tag.to_owned());
    cx.app
        .store
        .read(move |tx| {
            let row = require(tx, org, &project, &name)?;
            store::find(tx, org, row.id, &tag)?.ok_or_else(|| missing(&tag))
        })
        .await
}

fn missing(tag: &str) -> Error {
    Error::not_found(format!("tag \"{tag}\" not found"))
}

fn recorded(cx: &Cx, event: EventType, row: &EnvironmentRow, tag: TagRow, verb: &str) -> Result<Recorded<TagRow>> {
    let description = format!("{verb} tag \"{}\" of environment \"{}\"", tag.name, row.reference());
    let event = cx.event(event, target(row), description)?;
    Ok(Recorded::new(tag, event))
}

/// Adds a tag.
///
/// # Errors
/// `NotFound`; `Invalid` for a bad name or value, or too many; `Conflict` if there is one of this name.
pub async fn create_tag(cx: &Cx, project: &str, name: &str, new: NewTag) -> Result<TagRow> {
    names::check_tag(&new.name, &new.value)?;
    let (cx, app, project, name) = (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned());
    let id = EnvironmentTagId::new(&*app.clock, &*app.entropy);
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            let row = require_locked(tx, org, &project, &name)?;
            if store::find(tx, org, row.id, &new.name)?.is_some() {
                return Err(Error::conflict(format!("tag \"{}\" already exists", new.name)));
            }
            let there = store::list(tx, org, row.id, 0, MAX_TAGS)?.len();
            if i64::try_from(there).unwrap_or(i64::MAX) >= MAX_TAGS {
                return Err(Error::invalid(format!("an environment has at most {MAX_TAGS} tags")));
            }
            let (editor_login, editor_name) = author(&cx);
            let (now, value) = (cx.now(), new.value.clone());
            let tag = TagRow {
                seq: 0,
                id,
                name: new.name.clone(),
                value,
                editor_login,
                editor_name,
                created_at: now,
                modified_at: now,
            };
            store::insert(tx, org, row.id, &tag)?;
            recorded(&cx, catalogue::ENVIRONMENT_TAG_CREATED, &row, tag, "Created")
        })
        .await
}

/// Changes a tag's value, or its name, if its value is still the one that is given.
///
/// # Errors
/// `NotFound`; `Invalid`; `Conflict` if the value is another one or the new name is taken.
pub async fn update_tag(
    cx: &Cx,
    project: &str,
    name: &str,
    tag: &str,
    current: &str,
    (new_name, new_value): (Option<String>, Option<String>),
) -> Result<TagRow> {
    let (cx, app, project, name) = (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned());
    let (tag, current) = (tag.to_owned(), current.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            let row = require_locked(tx, org, &project, &name)?;
            let mut found = store::find(tx, org, row.id, &tag)?.ok_or_else(|| missing(&tag))?;
            if found.value != current {
                return Err(Error::conflict(format!("tag \"{tag}\" has another value by now")));
            }
            if let Some(new_name) = new_name.clone().filter(|n| !n.is_empty() && *n != found.name) {
                if store::find(tx, org, row.id, &new_name)?.is_some() {
                    return Err(Error::conflict(format!("tag \"{new_name}\" already exists")));
                }
                found.name = new_name;
            }
            if let Some(new_value) = &new_value {
                found.value.clone_from(new_value);
            }
            names::check_tag(&found.name, &found.value)?;
            (found.editor_login, found.editor_name) = author(&cx);
            found.modified_at = cx.now();
            store::update(tx, org, row.id, &found)?;
            recorded(&cx, catalogue::ENVIRONMENT_TAG_UPDATED, &row, found, "Updated")
        })
        .await
}

/// Removes a tag.
///
/// # Errors
/// `NotFound`.
pub async fn delete_tag(cx: &Cx, project: &str, name: &str, tag: &str) -> Result<()> {
    let (cx, app, project, name, tag) =
        (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned(), tag.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            let row = require_locked(tx, org, &project, &name)?;
            if !store::delete(tx, org, row.id, &tag)? {
                return Err(missing(&tag));
            }
            let description = format!("Deleted tag \"{tag}\" of environment \"{}\"", row.reference());
            Ok(Recorded::new((), cx.event(catalogue::ENVIRONMENT_TAG_DELETED, target(&row), description)?))
        })
        .await
}
