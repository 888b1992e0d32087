//! Revisions of environments and the tags of revisions.

use super::{change::author, names, require, require_locked, resolve, target};
use crate::Cx;
use pileus_model::{
    Error, Result,
    audit::{EventType, NewEvent, catalogue},
};
use pileus_store::{
    Recorded, Tx,
    environments::EnvironmentRow,
    environments_revisions::{self as store, Retraction, RevisionRow, RevisionTagRow},
};

/// More tags than a revision can sensibly have.
const MANY: i64 = 10_000;

/// A revision with its tags.
#[derive(Debug, Clone)]
pub struct Revision {
    /// The revision.
    pub row: RevisionRow,
    /// Its tags, `latest` among them.
    pub tags: Vec<String>,
}

/// At most `count` revisions below `before` (0: from the top), the newest first.
///
/// # Errors
/// `NotFound`.
pub async fn revisions(cx: &Cx, project: &str, name: &str, before: i64, count: i64) -> Result<Vec<Revision>> {
    let (org, project, name) = (cx.org()?.id, project.to_owned(), name.to_owned());
    let before = if before <= 0 { i64::MAX } else { before };
    cx.app
        .store
        .read(move |tx| {
            let row = require(tx, org, &project, &name)?;
            let latest = resolve(tx, org, &row, None).ok();
            let all = store::tags(tx, org, row.id, 0, "", MANY)?;
            let with_tags = |row: RevisionRow| {
                let latest = (Some(row.number) == latest).then(|| names::LATEST.to_owned());
                let own = all.iter().filter(|tag| tag.number == row.number).map(|tag| tag.name.clone());
                Revision { tags: latest.into_iter().chain(own).collect(), row }
            };
            Ok(store::list(tx, org, row.id, before, count)?.into_iter().map(with_tags).collect())
        })
        .await
}

/// Retracts a revision: it cannot be read or opened any more, and its tags move to the replacement, by default the newest
/// revision before it that is not retracted.
///
/// # Errors
/// `NotFound`, also if it is retracted already; `Invalid` for the latest one, or where there is nothing to take its place.
pub async fn retract(
    cx: &Cx,
    project: &str,
    name: &str,
    version: &str,
    replacement: Option<i64>,
    reason: &str,
) -> Result<()> {
    if version == names::LATEST {
        return Err(Error::invalid("\"latest\" cannot be retracted: name the revision's number"));
    }
    pileus_model::names::check_text("reason", reason, 1000)?;
    let (cx, app, project, name) = (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned());
    let (version, reason) = (version.to_owned(), reason.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            let row = require_locked(tx, org, &project, &name)?;
            let number = resolve(tx, org, &row, Some(&version))?;
            if number == row.latest {
                return Err(Error::invalid(format!(
                    "revision {number} is the latest, which cannot be retracted: update the environment first"
                )));
            }
            let replacement = match replacement {
                Some(replacement) if replacement != number => resolve(tx, org, &row, Some(&replacement.to_string()))?,
                Some(_) => return Err(Error::invalid("a revision cannot take its own place")),
                None => store::newest_valid(tx, org, row.id, number)?
                    .ok_or_else(|| Error::invalid("there is no earlier revision to take its place: name one"))?,
            };
            let (login, shown) = author(&cx);
            let how = Retraction { at: cx.now(), replacement, login, name: shown, reason: reason.clone() };
            store::retract(tx, org, row.id, number, &how)?;
            let description = format!(
                "Retracted revision {number} of environment \"{}\"; revision {replacement} takes its place",
                row.reference()
            );
            Ok(Recorded::new((), cx.event(catalogue::ENVIRONMENT_REVISION_RETRACTED, target(&row), description)?))
        })
        .await
}

/// `latest` as a tag like the others.
fn latest_tag(tx: &mut dyn Tx, cx: &Cx, row: &EnvironmentRow) -> Result<RevisionTagRow> {
    let org = cx.org()?.id;
    let number = resolve(tx, org, row, None)?;
    let revision = store::find(tx, org, row.id, number)?;
    Ok(RevisionTagRow {
        name: names::LATEST.into(),
        number,
        editor_login: revision.as_ref().map(|r| r.creator_login.clone()).unwrap_or_default(),
        editor_name: revision.as_ref().map(|r| r.creator_name.clone()).unwrap_or_default(),
        created_at: row.created_at,
        modified_at: revision.map_or(row.modified_at, |r| r.created_at),
    })
}

/// At most `count` tags after this one: `latest` first, then the others by name; of one version only, if one is named.
///
/// # Errors
/// `NotFound`.
pub async fn revision_tags(
    cx: &Cx,
    project: &str,
    name: &str,
    version: Option<&str>,
    (after, count): (&str, i64),
) -> Result<Vec<RevisionTagRow>> {
    let (cx, app, project, name) = (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned());
    let (version, after) = (version.map(str::to_owned), after.to_owned());
    app.store
        .read(move |tx| {
            let org = cx.org()?.id;
            let row = require(tx, org, &project, &name)?;
            let number = match &version {
                Some(version) => resolve(tx, org, &row, Some(version))?,
                None => 0,
            };
            let from = if after == names::LATEST { "" } else { &after };
            let mut tags = store::tags(tx, org, row.id, number, from, count)?;
            if after.is_empty() {
                let latest = latest_tag(tx, &cx, &row)?;
                if number == 0 || number == latest.number {
                    tags.insert(0, latest);
                    tags.truncate(usize::try_from(count).unwrap_or(usize::MAX));
                }
            }
            Ok(tags)
        })
        .await
}

fn missing(tag: &str) -> Error {
    Error::not_found(format!("revision tag \"{tag}\" not found"))
}

fn event(cx: &Cx, event: EventType, row: &EnvironmentRow, verb: &str, tag: &str, what: &str) -> Result<NewEvent> {
    let description = format!("{verb} revision tag \"{tag}\" of environment \"{}\"{what}", row.reference());
    cx.event(event, target(row), description)
}

/// One tag.
///
/// # Errors
/// `NotFound`.
pub async fn read_revision_tag(cx: &Cx, project: &str, name: &str, tag: &str) -> Result<RevisionTagRow> {
    let (cx, app, project, name, tag) =
        (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned(), tag.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            let row = require(tx, org, &project, &name)?;
            let found = if tag == names::LATEST {
                latest_tag(tx, &cx, &row)?
            } else {
                store::tag_by_name(tx, org, row.id, &tag)?.ok_or_else(|| missing(&tag))?
            };
            let event = event(&cx, catalogue::ENVIRONMENT_REVISION_TAG_READ, &row, "Read", &tag, "")?;
            Ok(Recorded::new(found, event))
        })
        .await
}

/// The revision to be tagged: the given one, or the latest.
fn tagged(tx: &mut dyn Tx, cx: &Cx, row: &EnvironmentRow, revision: Option<i64>) -> Result<i64> {
    resolve(tx, cx.org()?.id, row, revision.map(|n| n.to_string()).as_deref())
}

/// Tags a revision, by default the latest.
///
/// # Errors
/// `NotFound`; `Invalid` for a bad name; `Conflict` if there is such a tag.
pub async fn create_revision_tag(cx: &Cx, project: &str, name: &str, tag: &str, revision: Option<i64>) -> Result<()> {
    names::check_revision_tag(tag)?;
    let (cx, app, project, name, tag) =
        (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned(), tag.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            let row = require_locked(tx, org, &project, &name)?;
            if store::tag_by_name(tx, org, row.id, &tag)?.is_some() {
                return Err(Error::conflict(format!("revision tag \"{tag}\" already exists")));
            }
            let number = tagged(tx, &cx, &row, revision)?;
            let (editor_login, editor_name) = author(&cx);
            let now = cx.now();
            let new = RevisionTagRow {
                name: tag.clone(),
                number,
                editor_login,
                editor_name,
                created_at: now,
                modified_at: now,
            };
            store::insert_tag(tx, org, row.id, &new)?;
            let what = format!(" at revision {number}");
            let event = event(&cx, catalogue::ENVIRONMENT_REVISION_TAG_CREATED, &row, "Created", &tag, &what)?;
            Ok(Recorded::new((), event))
        })
        .await
}

/// Moves a tag to a revision, by default the latest.
///
/// # Errors
/// `NotFound`; `Invalid` for `latest`.
pub async fn move_revision_tag(cx: &Cx, project: &str, name: &str, tag: &str, revision: Option<i64>) -> Result<()> {
    immovable(tag)?;
    let (cx, app, project, name, tag) =
        (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned(), tag.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            let row = require_locked(tx, org, &project, &name)?;
            let mut found = store::tag_by_name(tx, org, row.id, &tag)?.ok_or_else(|| missing(&tag))?;
            found.number = tagged(tx, &cx, &row, revision)?;
            (found.editor_login, found.editor_name) = author(&cx);
            found.modified_at = cx.now();
            store::move_tag(tx, org, row.id, &found)?;
            let what = format!(" to revision {}", found.number);
            let event = event(&cx, catalogue::ENVIRONMENT_REVISION_TAG_UPDATE, &row, "Moved", &tag, &what)?;
            Ok(Recorded::new((), event))
        })
        .await
}

/// Removes a tag.
///
/// # Errors
/// `NotFound`; `Invalid` for `latest`.
pub async fn delete_revision_tag(cx: &Cx, project: &str, name: &str, tag: &str) -> Result<()> {
    immovable(tag)?;
    let (cx, app, project, name, tag) =
        (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned(), tag.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            let row = require_locked(tx, org, &project, &name)?;
            if !store::delete_tag(tx, org, row.id, &tag)? {
                return Err(missing(&tag));
            }
            let event = event(&cx, catalogue::ENVIRONMENT_REVISION_TAG_DELETE, &row, "Deleted", &tag, "")?;
            Ok(Recorded::new((), event))
        })
        .await
}

fn immovable(tag: &str) -> Result<()> {
    if tag == names::LATEST { Err(Error::invalid("the tag \"latest\" cannot be moved or deleted")) } else { Ok(()) }
}
