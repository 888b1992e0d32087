//! The beginning of a rotation: written down before anything is done.

use super::{LEASE, RUNNING};
use crate::{
    App,
    environments::{context::Who, resolve},
};
use pileus_model::{
    Error, Result,
    audit::Actor,
    ids::{EnvironmentRotationId, EnvironmentScheduleId, OrgId},
};
use pileus_store::{
    Tx,
    environments::EnvironmentRow,
    environments_rotation::{self as store, RotationRow},
    organizations,
};

/// By whom something is rotated.
#[derive(Debug, Clone)]
pub(in crate::environments) struct By {
    pub id: String,
    pub login: String,
    pub name: String,
}

impl By {
    /// The caller of a request.
    pub fn caller(who: &Who) -> Self {
        let actor = &who.actor;
        let id = actor.user.map_or_else(|| actor.login.clone(), |user| user.to_string());
        Self { id, login: actor.login.clone(), name: actor.name.clone() }
    }
    /// Pileus itself.
    pub fn system() -> Self {
        let Actor { login, name, .. } = Actor::system();
        Self { id: login.clone(), login, name }
    }
}

/// Begins a rotation of the newest revision that is not retracted.
///
/// # Errors
/// `Conflict` while another one runs.
pub(in crate::environments) fn begin(
    tx: &mut dyn Tx,
    app: &App,
    org: OrgId,
    row: &EnvironmentRow,
    by: &By,
    schedule: Option<(EnvironmentScheduleId, i64)>,
) -> Result<RotationRow> {
    organizations::lock(tx, org)?;
    if store::running(tx, org, row.id)?.is_some() {
        return Err(Error::conflict(format!("environment \"{}\" is being rotated already", row.reference())));
    }
    let now = app.clock.now();
    let rotation = RotationRow {
        org,
        id: EnvironmentRotationId::new(&*app.clock, &*app.entropy),
        env: row.id,
        pre_revision: resolve(tx, org, row, None)?,
        post_revision: None,
        by_id: by.id.clone(),
        by_login: by.login.clone(),
        by_name: by.name.clone(),
        schedule,
        status: RUNNING.into(),
        error: None,
        created_at: now,
        completed_at: None,
        lease_until: now.plus_seconds(LEASE),
    };
    store::insert(tx, &rotation)?;
    Ok(rotation)
}
