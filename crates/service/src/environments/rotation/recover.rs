//! Rotations that nobody works on any more: ended with what had been made.

use super::{
    FAILED, LEASE,
    perform::Performed,
    settle::{self, Keeping},
};
use crate::{
    App,
    environments::{context::Who, sealing::EnvironmentKey},
};
use pileus_model::{Error, Result};
use pileus_store::{
    Recorded, environments, environments_revisions as revisions,
    environments_rotation::{self as store, RotationRow},
    organizations,
};
use std::sync::Arc;

/// How many are ended in one round.
const ROUND: i64 = 20;
/// What is said of one.
const GIVEN_UP: &str = "Pileus stopped in the middle of this rotation";

/// Ends the rotations that were given up, on whichever node that happened; how many.
///
/// # Errors
/// `Unavailable`.
pub async fn recover(app: &Arc<App>) -> Result<usize> {
    let now = app.clock.now();
    let abandoned = app.store.read(move |tx| store::abandoned(tx, now, ROUND)).await?;
    let mut ended = 0;
    for rotation in abandoned {
        ended += usize::from(take_up(app, rotation).await?);
    }
    Ok(ended)
}

/// Ends one, if no other node is faster.
async fn take_up(app: &Arc<App>, seen: RotationRow) -> Result<bool> {
    let until = app.clock.now().plus_seconds(LEASE);
    let rotation = RotationRow { lease_until: until, ..seen.clone() };
    let taken = app.store.write(move |tx| {
        if !store::renew(tx, &seen, until)? {
            return Ok(Recorded::unaudited(None, "another node was faster"));
        }
        let organization = organizations::by_id(tx, seen.org)?;
        let environment = environments::by_id_even_deleted(tx, seen.org, seen.env)?;
        let base = revisions::definition(tx, seen.org, seen.env, seen.pre_revision)?;
        let secrets = store::secrets(tx, seen.org, seen.id)?;
        let why = "who takes up a rotation, which is recorded when it ends";
        Ok(Recorded::unaudited(organization.map(|o| (o.org, environment, base, secrets)), why))
    });
    let Some((org, environment, base, secrets)) = taken.await? else { return Ok(false) };
    let who = Who::system(app, &org, "Rotate");
    let mut keeping = Keeping::default();
    if let Some(environment) = environment {
        keeping.key = Some(Arc::new(EnvironmentKey::of(app, &environment)?));
        keeping.add(secrets)?;
    }
    let said = match keeping.kept.len() {
        0 => format!("{GIVEN_UP}; nothing had been made"),
        made => format!("{GIVEN_UP}; what had been made by then was kept: {made}"),
    };
    let performed = Performed {
        base: base.map(|text| (rotation.pre_revision, text)),
        refused: Some(Error::unavailable(said)),
        ..Performed::default()
    };
    let event = settle::settle(&who, rotation, &performed, &keeping).await?.0;
    tracing::warn!(rotation = %event.rotation.id, status = FAILED, "a rotation that was given up was ended");
    Ok(true)
}
