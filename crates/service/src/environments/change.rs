//! Making, protecting and deleting environments.

use super::{names, require, require_locked, target};
use crate::Cx;
use pileus_model::{
    Error, Result,
    audit::{Target, catalogue},
    caller::Principal,
    ids::EnvironmentId,
};
use pileus_store::{
    Recorded,
    environments::{self as store, EnvironmentRow},
    environments_revisions::{self as revisions, RevisionRow},
    organizations,
};

/// Login and display name of the caller, as revisions and tags show them.
pub(super) fn author(cx: &Cx) -> (String, String) {
    let actor = cx.actor();
    (actor.login, actor.name)
}

/// An environment of the caller's that is not stored yet, with a key of its own.
pub(super) fn fresh(cx: &Cx, project: &str, name: &str) -> Result<EnvironmentRow> {
    let app = &cx.app;
    let id = EnvironmentId::new(&*app.clock, &*app.entropy);
    let (_, data_key) = app.keys.fresh(id.as_bytes(), &*app.entropy)?;
    let (owner_login, owner_name) = author(cx);
    let owner = match &cx.caller()?.principal {
        Principal::User(user) => Some(user.id),
        _ => None,
    };
    let now = cx.now();
    Ok(EnvironmentRow {
        id,
        project: project.into(),
        name: name.into(),
        owner,
        owner_login,
        owner_name,
        data_key,
        latest: 1,
        protected: false,
        created_at: now,
        modified_at: now,
    })
}

/// Makes an environment. Its first revision is empty, and it is its maker's, if he is a person.
///
/// # Errors
/// `Invalid` for a bad name, `Conflict` if there is one of this name.
pub async fn create(cx: &Cx, project: &str, name: &str) -> Result<()> {
    names::check_new(project, name)?;
    let row = fresh(cx, project, name)?;
    let (creator_login, creator_name) = author(cx);
    let first = RevisionRow { number: 1, creator_login, creator_name, created_at: row.created_at, retracted: None };
    let (cx, app) = (cx.clone(), cx.app.clone());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            let reference = row.reference();
            if store::find(tx, org, &row.project, &row.name)?.is_some() {
                return Err(Error::conflict(format!("environment \"{reference}\" already exists")));
            }
            let data_key = cx.app.keys.current(tx, row.id.as_bytes(), &row.data_key, &*cx.app.entropy)?;
            let row = EnvironmentRow { data_key, ..row.clone() };
            store::insert(tx, org, &row)?;
            revisions::insert(tx, org, row.id, &first, "{}\n")?;
            let description = format!("Created environment \"{reference}\"");
            Ok(Recorded::new((), cx.event(catalogue::ENVIRONMENT_CREATED, target(&row), description)?))
        })
        .await
}

/// Deletes an environment. What refers to it keeps doing so, in vain.
///
/// # Errors
/// `NotFound`; `Conflict` if it is protected.
pub async fn delete(cx: &Cx, project: &str, name: &str) -> Result<()> {
    let (cx, app, project, name) = (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            let row = require_locked(tx, org, &project, &name)?;
            if row.protected {
                return Err(Error::conflict(format!(
                    "environment \"{}\" is protected from deletion: switch its deletion protection off first",
                    row.reference()
                )));
            }
            store::delete(tx, org, row.id, cx.now())?;
            let description = format!("Deleted environment \"{}\" at revision {}", row.reference(), row.latest);
            Ok(Recorded::new((), cx.event(catalogue::ENVIRONMENT_DELETED, target(&row), description)?))
        })
        .await
}

/// The environment's id and owner.
///
/// # Errors
/// `NotFound`.
pub async fn metadata(cx: &Cx, project: &str, name: &str) -> Result<EnvironmentRow> {
    let (org, project, name) = (cx.org()?.id, project.to_owned(), name.to_owned());
    cx.app.store.read(move |tx| require(tx, org, &project, &name)).await
}

/// Whether it is protected against deletion.
///
/// # Errors
/// `NotFound`.
pub async fn settings(cx: &Cx, project: &str, name: &str) -> Result<bool> {
    Ok(metadata(cx, project, name).await?.protected)
}

/// Protects it against deletion, or no longer. Only a change is recorded.
///
/// # Errors
/// `NotFound`.
pub async fn set_protected(cx: &Cx, project: &str, name: &str, protected: Option<bool>) -> Result<()> {
    let (cx, app, project, name) = (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            let row = require_locked(tx, org, &project, &name)?;
            let Some(wanted) = protected.filter(|wanted| *wanted != row.protected) else {
                return Ok(Recorded::unaudited((), "nothing changed"));
            };
            store::set_protected(tx, org, row.id, wanted)?;
            let (event, verb) = if wanted {
                (catalogue::ENVIRONMENT_DELETION_PROTECTION_ENABLED, "Enabled")
            } else {
                (catalogue::ENVIRONMENT_DELETION_PROTECTION_DISABLED, "Disabled")
            };
            let description = format!("{verb} deletion protection of environment \"{}\"", row.reference());
            Ok(Recorded::new((), cx.event(event, Target::new("environment", row.reference()), description)?))
        })
        .await
}
