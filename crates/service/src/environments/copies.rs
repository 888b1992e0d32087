//! Copying an environment to a new one.
//!
//! Secrets are bound to their environment, so each is sealed anew with the copy's own key. Whoever gets the copy can open it,
//! so what holds secrets can only be copied by who may open it.

use super::{
    OPEN,
    change::{author, fresh},
    names::{self, Reference},
    require_locked,
    sealing::{EnvironmentKey, Rebinder, edit_failed},
    target,
    world::{Source, imported},
};
use crate::Cx;
use pileus_esc::{
    Limits,
    edit::{self, EditError},
};
use pileus_model::{
    Error, Result,
    audit::catalogue,
    authz::{Object, Permission},
    ids::{EnvironmentTagId, OrgId},
};
use pileus_store::{
    Recorded, Tx,
    environments::{self as store, EnvironmentRow},
    environments_revisions::{self as revisions, RevisionRow},
    environments_tags as tags, environments_teams,
};
use std::sync::Arc;

/// To make the copy.
const CREATE: Permission = Permission::named("environment:create");
/// How many revisions are copied at most.
const MAX_REVISIONS: i64 = 10_000;
/// How many characters the definitions that are copied may have together.
const MAX_CHARACTERS: i64 = 32 << 20;

/// The copy that is wanted.
#[derive(Debug, Clone, Default)]
pub struct NewCopy {
    /// Its project; none: the original's.
    pub project: Option<String>,
    /// Its name.
    pub name: String,
    /// Up to which revision; none: the latest.
    pub version: Option<i64>,
    /// With all revisions before it, their numbers, authors and times; else it has one revision, written now.
    pub history: bool,
    /// It belongs to whom the original belongs, and teams have on it what they have on the original; else it belongs to who
    /// copies it.
    pub access: bool,
    /// With the original's tags.
    pub tags: bool,
    /// With the tags of the revisions that are copied.
    pub revision_tags: bool,
}

/// A revision of the copy.
struct Written {
    /// Its number in the copy.
    number: i64,
    text: String,
    imports: Vec<(String, String, String)>,
}

/// What is copied.
struct Original {
    source: Source,
    /// The definitions by number.
    texts: Vec<(i64, String)>,
}

/// Copies an environment.
///
/// # Errors
/// `NotFound`; `Invalid` for a bad name or a history that is too long; `Forbidden` without the permission to create
/// environments, or to open this one if it holds secrets; `Conflict` if there is one of this name, or the original has
/// changed meanwhile.
pub async fn copy(cx: &Cx, project: &str, name: &str, wanted: NewCopy) -> Result<()> {
    let to = wanted.project.clone().filter(|project| !project.is_empty()).unwrap_or_else(|| project.to_owned());
    names::check_new(&to, &wanted.name)?;
    cx.require(CREATE, &Object::ORGANIZATION)?;
    let reference = Reference {
        project: project.into(),
        name: name.into(),
        version: wanted.version.map(|number| number.to_string()),
    };
    let (app, org, history) = (Arc::clone(&cx.app), cx.org()?.id, wanted.history);
    let original = cx.app.store.read(move |tx| read(tx, &app, org, &reference, history)).await?;
    let copy = fresh(cx, &to, &wanted.name)?;
    let (source_key, key) = (Arc::clone(&original.source.key), EnvironmentKey::of(&cx.app, &copy)?);
    let (texts, shift) = (original.texts, if history { 0 } else { original.source.number - 1 });
    let task = tokio::task::spawn_blocking(move || rebind(texts, shift, &Rebinder::new(&source_key, &key)));
    let (written, secrets) = task.await.map_err(|e| Error::internal(format!("a copy ended badly: {e}")))??;
    if secrets && !original.source.permits(cx.access()?, OPEN) {
        return Err(Error::forbidden(format!("copying an environment with secrets needs the permission {OPEN} on it")));
    }
    keep(cx, &original.source, copy, written, wanted).await
}

fn read(tx: &mut dyn Tx, app: &crate::App, org: OrgId, reference: &Reference, history: bool) -> Result<Original> {
    let source = Source::read(tx, app, org, reference)?;
    if !history {
        let texts = vec![(source.number, source.text.clone())];
        return Ok(Original { source, texts });
    }
    let (count, characters) = revisions::extent(tx, org, source.row.id, source.number)?;
    if count > MAX_REVISIONS || characters > MAX_CHARACTERS {
        return Err(Error::invalid(format!(
            "the history is too long to be copied: at most {MAX_REVISIONS} revisions of {MAX_CHARACTERS} characters together"
        )));
    }
    let texts = revisions::definitions(tx, org, source.row.id, 1, source.number)?;
    Ok(Original { source, texts })
}

/// The definitions with their secrets sealed for the copy, and whether there were any.
fn rebind(texts: Vec<(i64, String)>, shift: i64, rebinder: &Rebinder<'_>) -> Result<(Vec<Written>, bool)> {
    let limits = Limits::default();
    let mut written = Vec::with_capacity(texts.len());
    for (number, text) in texts {
        let clear = edit::decrypt_secrets(&text, rebinder, &limits);
        let text = match clear.and_then(|clear| edit::encrypt_secrets(&clear, rebinder, &limits)) {
            Ok(sealed) => sealed,
            // What cannot be read holds no secret that could be opened.
            Err(EditError::Syntax(_)) => text,
            Err(error) => return Err(edit_failed(&error)),
        };
        let imports = imported(&text);
        written.push(Written { number: number - shift, text, imports });
    }
    Ok((written, rebinder.opened()))
}

async fn keep(cx: &Cx, source: &Source, copy: EnvironmentRow, written: Vec<Written>, wanted: NewCopy) -> Result<()> {
    let (cx, app, read) = (cx.clone(), cx.app.clone(), source.row.clone());
    let (number, written) = (source.number, Arc::new(written));
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            let original = require_locked(tx, org, &read.project, &read.name)?;
            if original.id != read.id || original.latest != read.latest {
                return Err(Error::conflict(format!(
                    "environment \"{}\" has changed since it was read",
                    read.reference()
                )));
            }
            if store::find(tx, org, &copy.project, &copy.name)?.is_some() {
                return Err(Error::conflict(format!("environment \"{}\" already exists", copy.reference())));
            }
            let latest = if wanted.history { number } else { 1 };
            let mut copy = EnvironmentRow { latest, ..copy.clone() };
            if wanted.access {
                (copy.owner, copy.owner_login, copy.owner_name) =
                    (original.owner, original.owner_login.clone(), original.owner_name.clone());
            }
            copy.data_key = cx.app.keys.current(tx, copy.id.as_bytes(), &copy.data_key, &*cx.app.entropy)?;
            store::insert(tx, org, &copy)?;
            if wanted.access {
                environments_teams::copy(tx, org, original.id, copy.id)?;
            }
            add_revisions(tx, &cx, (&original, &copy), &written, wanted.history)?;
            if wanted.revision_tags {
                copy_revision_tags(tx, org, (&original, &copy), number, wanted.history)?;
            }
            if wanted.tags {
                copy_tags(tx, &cx, (&original, &copy))?;
            }
            let description = format!(
                "Cloned environment \"{}\" at revision {number} to \"{}\"{}",
                original.reference(),
                copy.reference(),
                preserved(&wanted)
            );
            Ok(Recorded::new((), cx.event(catalogue::ENVIRONMENT_CLONED, target(&original), description)?))
        })
        .await
}

/// What is copied besides, for the record.
fn preserved(wanted: &NewCopy) -> String {
    let all = [
        (wanted.history, "history"),
        (wanted.access, "access"),
        (wanted.tags, "tags"),
        (wanted.revision_tags, "revision tags"),
    ];
    let kept: Vec<&str> = all.into_iter().filter(|(on, _)| *on).map(|(_, what)| what).collect();
    if kept.is_empty() { String::new() } else { format!(", with its {}", kept.join(", ")) }
}

fn add_revisions(
    tx: &mut dyn Tx,
    cx: &Cx,
    (original, copy): (&EnvironmentRow, &EnvironmentRow),
    written: &[Written],
    history: bool,
) -> Result<()> {
    let org = cx.org()?.id;
    let (creator_login, creator_name) = author(cx);
    for one in written {
        let row = match history {
            true => revisions::find(tx, org, original.id, one.number)?
                .ok_or_else(|| Error::internal("a revision is gone while it is copied"))?,
            false => RevisionRow {
                number: one.number,
                creator_login: creator_login.clone(),
                creator_name: creator_name.clone(),
                created_at: copy.created_at,
                retracted: None,
            },
        };
        revisions::insert(tx, org, copy.id, &row, &one.text)?;
        if let Some(how) = &row.retracted {
            revisions::mark_retracted(tx, org, copy.id, row.number, how)?;
        }
        store::add_imports(tx, org, copy.id, row.number, &one.imports)?;
    }
    Ok(())
}

/// The tags of the revisions that the copy has.
fn copy_revision_tags(
    tx: &mut dyn Tx,
    org: OrgId,
    (original, copy): (&EnvironmentRow, &EnvironmentRow),
    number: i64,
    history: bool,
) -> Result<()> {
    for mut tag in revisions::tags(tx, org, original.id, 0, "", i64::MAX)? {
        match history {
            true if tag.number <= number => {}
            false if tag.number == number => tag.number = 1,
            _ => continue,
        }
        revisions::insert_tag(tx, org, copy.id, &tag)?;
    }
    Ok(())
}

fn copy_tags(tx: &mut dyn Tx, cx: &Cx, (original, copy): (&EnvironmentRow, &EnvironmentRow)) -> Result<()> {
    let org = cx.org()?.id;
    for tag in tags::list(tx, org, original.id, 0, i64::MAX)? {
        let id = EnvironmentTagId::new(&*cx.app.clock, &*cx.app.entropy);
        tags::insert(tx, org, copy.id, &tags::TagRow { id, ..tag })?;
    }
    Ok(())
}
