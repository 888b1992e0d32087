//! Rotations of environments: what was begun, what was made, what is still to be taken away.
//!
//! Knows the tables `environment_rotations`, `environment_rotated_secrets` and `environment_retired_credentials`. What is
//! sealed in them, and what a rotation is, is not its business.

use crate::db::{Row, Tx, TxExt};
use pileus_model::{
    Result, Timestamp,
    ids::{EnvironmentId, EnvironmentRotationId, EnvironmentScheduleId, OrgId},
};

/// A rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationRow {
    /// The organisation.
    pub org: OrgId,
    /// Its id.
    pub id: EnvironmentRotationId,
    /// The environment.
    pub env: EnvironmentId,
    /// The revision that was rotated.
    pub pre_revision: i64,
    /// The revision that came of it.
    pub post_revision: Option<i64>,
    /// The user's id; the login of others.
    pub by_id: String,
    /// Whom the new revision is by.
    pub by_login: String,
    /// His display name.
    pub by_name: String,
    /// The schedule that it is of, and its version then.
    pub schedule: Option<(EnvironmentScheduleId, i64)>,
    /// `in_progress`, `succeeded` or `failed`.
    pub status: String,
    /// Why it failed.
    pub error: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Until when whoever works on it is believed to live.
    pub lease_until: Timestamp,
}

/// One secret of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// Its id.
    pub id: EnvironmentRotationId,
    /// Where it stands, below `values`.
    pub path: String,
    /// The rotator.
    pub rotator: String,
    /// `in_progress`, `succeeded` or `failed`.
    pub status: String,
    /// Why it failed.
    pub error: Option<String>,
    /// What was made, sealed, as long as no revision holds it.
    pub made: Option<Vec<u8>>,
}

/// A credential that is to be taken away where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiredRow {
    /// Its id.
    pub id: EnvironmentRotationId,
    /// The rotation that replaced it.
    pub rotation: EnvironmentRotationId,
    /// Where it stood, below `values`.
    pub path: String,
    /// The rotator.
    pub rotator: String,
    /// The credential, sealed.
    pub credential: Vec<u8>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT org_id, id, env_id, pre_revision, post_revision, by_id, by_login, by_name, schedule_id, schedule_version, status, \
             error, created_at, completed_at, lease_until FROM environment_rotations ",
            $rest
        )
    };
}

fn rotation(row: &dyn Row) -> Result<RotationRow> {
    let schedule = row.opt(8, |row, column| row.id(column).map(EnvironmentScheduleId::from_bytes))?;
    let version = row.opt(9, <dyn Row>::int)?;
    Ok(RotationRow {
        org: OrgId::from_bytes(row.id(0)?),
        id: EnvironmentRotationId::from_bytes(row.id(1)?),
        env: EnvironmentId::from_bytes(row.id(2)?),
        pre_revision: row.int(3)?,
        post_revision: row.opt(4, <dyn Row>::int)?,
        by_id: row.text(5)?.to_owned(),
        by_login: row.text(6)?.to_owned(),
        by_name: row.text(7)?.to_owned(),
        schedule: schedule.zip(version),
        status: row.text(10)?.to_owned(),
        error: row.opt(11, <dyn Row>::text)?.map(str::to_owned),
        created_at: row.time(12)?,
        completed_at: row.opt(13, <dyn Row>::time)?,
        lease_until: row.time(14)?,
    })
}

/// Begins one.
///
/// # Errors
/// `Conflict` if one of this environment is in progress.
pub fn insert(tx: &mut dyn Tx, new: &RotationRow) -> Result<()> {
    tx.run(
        "INSERT INTO environment_rotations (org_id, id, env_id, pre_revision, post_revision, by_id, by_login, by_name, schedule_id,
           schedule_version, status, error, created_at, completed_at, lease_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        &[
            new.org.as_bytes().into(),
            new.id.as_bytes().into(),
            new.env.as_bytes().into(),
            new.pre_revision.into(),
            new.post_revision.into(),
            (&new.by_id).into(),
            (&new.by_login).into(),
            (&new.by_name).into(),
            new.schedule.as_ref().map(|(id, _)| id.as_bytes()).into(),
            new.schedule.map(|(_, version)| version).into(),
            (&new.status).into(),
            new.error.as_ref().into(),
            new.created_at.into(),
            new.completed_at.into(),
            new.lease_until.into(),
        ],
    )?;
    Ok(())
}

/// The one of this environment that is in progress.
///
/// # Errors
/// As [`Tx::query`].
pub fn running(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId) -> Result<Option<RotationRow>> {
    tx.one(
        select!("WHERE org_id = $1 AND env_id = $2 AND status = 'in_progress'"),
        &[org.as_bytes().into(), env.as_bytes().into()],
        rotation,
    )
}

/// At most `limit` rotations of an environment, the newest first.
///
/// # Errors
/// As [`Tx::query`].
pub fn of_environment(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, limit: i64) -> Result<Vec<RotationRow>> {
    tx.all(
        select!("WHERE org_id = $1 AND env_id = $2 ORDER BY id DESC LIMIT $3"),
        &[org.as_bytes().into(), env.as_bytes().into(), limit.into()],
        rotation,
    )
}

/// At most `limit` rotations of a schedule, the newest first.
///
/// # Errors
/// As [`Tx::query`].
pub fn of_schedule(
    tx: &mut dyn Tx,
    org: OrgId,
    schedule: EnvironmentScheduleId,
    limit: i64,
) -> Result<Vec<RotationRow>> {
    tx.all(
        select!("WHERE org_id = $1 AND schedule_id = $2 ORDER BY id DESC LIMIT $3"),
        &[org.as_bytes().into(), schedule.as_bytes().into(), limit.into()],
        rotation,
    )
}

/// Rotations that nobody works on any more. For whoever takes them up, for all organisations.
///
/// # Errors
/// As [`Tx::query`].
pub fn abandoned(tx: &mut dyn Tx, now: Timestamp, limit: i64) -> Result<Vec<RotationRow>> {
    tx.all(
        select!("WHERE status = 'in_progress' AND lease_until < $1 ORDER BY lease_until LIMIT $2"),
        &[now.into(), limit.into()],
        rotation,
    )
}

/// Shows a sign of life, or takes up one that nobody works on: `false` if it is not as it was seen, or has ended.
///
/// # Errors
/// As [`Tx::execute`].
pub fn renew(tx: &mut dyn Tx, seen: &RotationRow, until: Timestamp) -> Result<bool> {
    let changed = tx.run(
        "UPDATE environment_rotations SET lease_until = $1
         WHERE org_id = $2 AND id = $3 AND lease_until = $4 AND status = 'in_progress'",
        &[until.into(), seen.org.as_bytes().into(), seen.id.as_bytes().into(), seen.lease_until.into()],
    )?;
    Ok(changed == 1)
}

/// Ends one: `false` if it has ended already.
///
/// # Errors
/// As [`Tx::execute`].
pub fn finish(tx: &mut dyn Tx, done: &RotationRow) -> Result<bool> {
    let changed = tx.run(
        "UPDATE environment_rotations SET post_revision = $1, status = $2, error = $3, completed_at = $4
         WHERE org_id = $5 AND id = $6 AND status = 'in_progress'",
        &[
            done.post_revision.into(),
            (&done.status).into(),
            done.error.as_ref().into(),
            done.completed_at.into(),
            done.org.as_bytes().into(),
            done.id.as_bytes().into(),
        ],
    )?;
    Ok(changed == 1)
}

/// Writes what became of a secret, over what was known before.
///
/// # Errors
/// As [`Tx::execute`].
pub fn put_secret(tx: &mut dyn Tx, org: OrgId, rotation: EnvironmentRotationId, secret: &SecretRow) -> Result<()> {
    tx.run(
        "INSERT INTO environment_rotated_secrets (org_id, rotation_id, id, path, rotator, status, error, made)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (rotation_id, path) DO UPDATE SET status = excluded.status, error = excluded.error, made = excluded.made",
        &[
            org.as_bytes().into(),
            rotation.as_bytes().into(),
            secret.id.as_bytes().into(),
            (&secret.path).into(),
            (&secret.rotator).into(),
            (&secret.status).into(),
            secret.error.as_ref().into(),
            secret.made.as_deref().into(),
        ],
    )?;
    Ok(())
}

/// The secrets of a rotation, by path.
///
/// # Errors
/// As [`Tx::query`].
pub fn secrets(tx: &mut dyn Tx, org: OrgId, rotation: EnvironmentRotationId) -> Result<Vec<SecretRow>> {
    tx.all(
        "SELECT id, path, rotator, status, error, made FROM environment_rotated_secrets
         WHERE org_id = $1 AND rotation_id = $2 ORDER BY path",
        &[org.as_bytes().into(), rotation.as_bytes().into()],
        secret,
    )
}

/// The secrets of the newest `limit` rotations of an environment, each with its rotation, by path.
///
/// # Errors
/// As [`Tx::query`].
pub fn secrets_of_environment(
    tx: &mut dyn Tx,
    org: OrgId,
    env: EnvironmentId,
    limit: i64,
) -> Result<Vec<(EnvironmentRotationId, SecretRow)>> {
    tx.all(
        "SELECT id, path, rotator, status, error, made, rotation_id FROM environment_rotated_secrets
         WHERE rotation_id IN
           (SELECT id FROM environment_rotations WHERE org_id = $1 AND env_id = $2 ORDER BY id DESC LIMIT $3)
         ORDER BY path",
        &[org.as_bytes().into(), env.as_bytes().into(), limit.into()],
        |row| Ok((EnvironmentRotationId::from_bytes(row.id(6)?), secret(row)?)),
    )
}

fn secret(row: &dyn Row) -> Result<SecretRow> {
    Ok(SecretRow {
        id: EnvironmentRotationId::from_bytes(row.id(0)?),
        path: row.text(1)?.to_owned(),
        rotator: row.text(2)?.to_owned(),
        status: row.text(3)?.to_owned(),
        error: row.opt(4, <dyn Row>::text)?.map(str::to_owned),
        made: row.opt(5, <dyn Row>::bytes)?.map(<[u8]>::to_vec),
    })
}

/// Keeps a credential that is to be taken away.
///
/// # Errors
/// As [`Tx::execute`].
pub fn retire(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, new: &RetiredRow, now: Timestamp) -> Result<()> {
    tx.run(
        "INSERT INTO environment_retired_credentials (org_id, id, env_id, rotation_id, path, rotator, credential, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            org.as_bytes().into(),
            new.id.as_bytes().into(),
            env.as_bytes().into(),
            new.rotation.as_bytes().into(),
            (&new.path).into(),
            (&new.rotator).into(),
            new.credential.as_slice().into(),
            now.into(),
        ],
    )?;
    Ok(())
}

/// At most `limit` credentials of one rotator at one place that are still to be taken away, the oldest first.
///
/// # Errors
/// As [`Tx::query`].
pub fn retired(
    tx: &mut dyn Tx,
    org: OrgId,
    env: EnvironmentId,
    (path, rotator): (&str, &str),
    limit: i64,
) -> Result<Vec<RetiredRow>> {
    tx.all(
        "SELECT id, rotation_id, path, rotator, credential FROM environment_retired_credentials
         WHERE org_id = $1 AND env_id = $2 AND path = $3 AND rotator = $4 ORDER BY id LIMIT $5",
        &[org.as_bytes().into(), env.as_bytes().into(), path.into(), rotator.into(), limit.into()],
        |row| {
            Ok(RetiredRow {
                id: EnvironmentRotationId::from_bytes(row.id(0)?),
                rotation: EnvironmentRotationId::from_bytes(row.id(1)?),
                path: row.text(2)?.to_owned(),
                rotator: row.text(3)?.to_owned(),
                credential: row.bytes(4)?.to_vec(),
            })
        },
    )
}

/// Forgets a credential that was taken away.
///
/// # Errors
/// As [`Tx::execute`].
pub fn forget(tx: &mut dyn Tx, org: OrgId, id: EnvironmentRotationId) -> Result<()> {
    tx.run(
        "DELETE FROM environment_retired_credentials WHERE org_id = $1 AND id = $2",
        &[org.as_bytes().into(), id.as_bytes().into()],
    )?;
    Ok(())
}
