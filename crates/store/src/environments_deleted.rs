//! Environments that were deleted and can still be restored, and what is left of those that cannot.
//!
//! Knows the tables of environments as far as they are marked or swept away. How long something can be restored is not its
//! business.

use crate::{
    Sql,
    db::{Row, Tx, TxExt},
    environments::{EnvironmentRow, environment},
};
use pileus_model::{
    Result, Timestamp,
    ids::{EnvironmentId, OrgId, UserId},
};

/// An environment with the time of its deletion.
pub type Deleted = (EnvironmentRow, Timestamp);

/// The row stays as it is until the transaction ends: what is forgotten is not restored meanwhile, nor the other way round.
macro_rules! locked {
    ($sql:literal) => {
        Sql { sqlite: $sql, postgres: concat!($sql, " FOR UPDATE") }
    };
}

fn deleted(row: &dyn Row) -> Result<Deleted> {
    Ok((environment(row)?, row.time(11)?))
}

/// At most `limit` environments that were deleted after `since`, the last deleted one first, from behind this deletion on.
///
/// # Errors
/// As [`Tx::query`].
pub fn page(
    tx: &mut dyn Tx,
    org: OrgId,
    since: Timestamp,
    before: (Timestamp, EnvironmentId),
    limit: i64,
) -> Result<Vec<Deleted>> {
    tx.all(
        "SELECT id, project, name, owner_id, owner_login, owner_name, data_key, latest, protected, created_at, modified_at,
           deleted_at
         FROM environments WHERE org_id = $1 AND deleted_at > $2 AND (deleted_at, id) < ($3, $4)
         ORDER BY deleted_at DESC, id DESC LIMIT $5",
        &[org.as_bytes().into(), since.into(), before.0.into(), before.1.as_bytes().into(), limit.into()],
        deleted,
    )
}

/// The environment of this name that was deleted within this time, its end not included; the last one, if there are several.
///
/// # Errors
/// As [`Tx::query`].
pub fn find(
    tx: &mut dyn Tx,
    org: OrgId,
    project: &str,
    name: &str,
    within: (Timestamp, Timestamp),
) -> Result<Option<EnvironmentRow>> {
    tx.one(
        locked!(
            "SELECT id, project, name, owner_id, owner_login, owner_name, data_key, latest, protected, created_at, modified_at
             FROM environments
             WHERE org_id = $1 AND project = $2 AND name = $3 AND deleted_at >= $4 AND deleted_at < $5
             ORDER BY deleted_at DESC, id DESC LIMIT 1"
        ),
        &[org.as_bytes().into(), project.into(), name.into(), within.0.into(), within.1.into()],
        environment,
    )
}

/// Marks it deleted no longer. Its name must be free.
///
/// # Errors
/// As [`Tx::execute`].
pub fn restore(tx: &mut dyn Tx, org: OrgId, id: EnvironmentId) -> Result<()> {
    tx.run(
        "UPDATE environments SET deleted_at = NULL WHERE org_id = $1 AND id = $2",
        &[org.as_bytes().into(), id.as_bytes().into()],
    )?;
    Ok(())
}

/// Gives it to a user.
///
/// # Errors
/// As [`Tx::execute`].
pub fn set_owner(
    tx: &mut dyn Tx,
    org: OrgId,
    id: EnvironmentId,
    owner: UserId,
    (login, name): (&str, &str),
) -> Result<()> {
    tx.run(
        "UPDATE environments SET owner_id = $1, owner_login = $2, owner_name = $3 WHERE org_id = $4 AND id = $5",
        &[owner.as_bytes().into(), login.into(), name.into(), org.as_bytes().into(), id.as_bytes().into()],
    )?;
    Ok(())
}

/// Forgets an environment of any organisation that was deleted before this time, with its key and all that it held. Whether
/// there was one.
///
/// # Errors
/// As [`Tx::execute`].
pub fn purge_one(tx: &mut dyn Tx, before: Timestamp) -> Result<bool> {
    let found = tx.one(
        locked!("SELECT id FROM environments WHERE deleted_at <= $1 ORDER BY deleted_at LIMIT 1"),
        &[before.into()],
        |row| row.id(0).map(EnvironmentId::from_bytes),
    )?;
    let Some(id) = found else { return Ok(false) };
    for sql in [
        "DELETE FROM environment_schedules WHERE env_id = $1",
        "DELETE FROM environment_rotated_secrets
         WHERE rotation_id IN (SELECT id FROM environment_rotations WHERE env_id = $1)",
        "DELETE FROM environment_rotations WHERE env_id = $1",
        "DELETE FROM environment_retired_credentials WHERE env_id = $1",
        "DELETE FROM environment_revisions WHERE env_id = $1",
        "DELETE FROM environment_revision_tags WHERE env_id = $1",
        "DELETE FROM environment_tags WHERE env_id = $1",
        "DELETE FROM environment_teams WHERE env_id = $1",
        "DELETE FROM environment_imports WHERE env_id = $1",
        "DELETE FROM environment_sessions WHERE env_id = $1",
        "DELETE FROM environments WHERE id = $1",
    ] {
        tx.run(sql, &[id.as_bytes().into()])?;
    }
    Ok(true)
}
