//! When environments are rotated by themselves.
//!
//! Knows the table `environment_schedules`. What a cron expression means is not its business.

use crate::{
    Sql,
    db::{Row, Tx, TxExt},
};
use pileus_model::{
    Result, Timestamp,
    ids::{EnvironmentId, EnvironmentScheduleId, OrgId, TokenId, UserId},
};

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRow {
    /// The organisation.
    pub org: OrgId,
    /// Its id.
    pub id: EnvironmentScheduleId,
    /// The environment.
    pub env: EnvironmentId,
    /// Five fields; none for a single time.
    pub cron: Option<String>,
    /// The single time.
    pub once: Option<Timestamp>,
    /// What is rotated; empty for everything.
    pub path: String,
    /// Paused.
    pub paused: bool,
    /// Microseconds by which it starts after the minute that `cron` names.
    pub spread: i64,
    /// When it starts next.
    pub due_at: Option<Timestamp>,
    /// The time that this stands for.
    pub due_for: Option<Timestamp>,
    /// The time that was started last.
    pub last_due_for: Option<Timestamp>,
    /// When it was last started.
    pub last_executed_at: Option<Timestamp>,
    /// Goes up with each change.
    pub version: i64,
    /// The person who set it last.
    pub maker_user: Option<UserId>,
    /// The token that set it last, where it was no person's.
    pub maker_token: Option<TokenId>,
    /// The same for people to read.
    pub maker_login: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT org_id, id, env_id, cron, once_at, path, paused, spread, due_at, due_for, last_due_for, last_executed_at, version, \
             maker_user, maker_token, maker_login, created_at, modified_at FROM environment_schedules ",
            $rest
        )
    };
}

fn schedule(row: &dyn Row) -> Result<ScheduleRow> {
    Ok(ScheduleRow {
        org: OrgId::from_bytes(row.id(0)?),
        id: EnvironmentScheduleId::from_bytes(row.id(1)?),
        env: EnvironmentId::from_bytes(row.id(2)?),
        cron: row.opt(3, <dyn Row>::text)?.map(str::to_owned),
        once: row.opt(4, <dyn Row>::time)?,
        path: row.text(5)?.to_owned(),
        paused: row.bool(6)?,
        spread: row.int(7)?,
        due_at: row.opt(8, <dyn Row>::time)?,
        due_for: row.opt(9, <dyn Row>::time)?,
        last_due_for: row.opt(10, <dyn Row>::time)?,
        last_executed_at: row.opt(11, <dyn Row>::time)?,
        version: row.int(12)?,
        maker_user: row.opt(13, |row, column| row.id(column).map(UserId::from_bytes))?,
        maker_token: row.opt(14, |row, column| row.id(column).map(TokenId::from_bytes))?,
        maker_login: row.text(15)?.to_owned(),
        created_at: row.time(16)?,
        modified_at: row.time(17)?,
    })
}

/// Writes a schedule, over the one that is there.
///
/// # Errors
/// `Conflict` if the environment has another one.
pub fn put(tx: &mut dyn Tx, row: &ScheduleRow) -> Result<()> {
    tx.run(
        "INSERT INTO environment_schedules (org_id, id, env_id, cron, once_at, path, paused, spread, due_at, due_for, last_due_for,
           last_executed_at, version, maker_user, maker_token, maker_login, created_at, modified_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (id) DO UPDATE SET cron = excluded.cron, once_at = excluded.once_at, path = excluded.path,
           paused = excluded.paused, spread = excluded.spread, due_at = excluded.due_at, due_for = excluded.due_for,
           last_due_for = excluded.last_due_for, last_executed_at = excluded.last_executed_at, version = excluded.version,
           maker_user = excluded.maker_user, maker_token = excluded.maker_token, maker_login = excluded.maker_login,
           modified_at = excluded.modified_at",
        &[
            row.org.as_bytes().into(),
            row.id.as_bytes().into(),
            row.env.as_bytes().into(),
            row.cron.as_ref().into(),
            row.once.into(),
            (&row.path).into(),
            row.paused.into(),
            row.spread.into(),
            row.due_at.into(),
            row.due_for.into(),
            row.last_due_for.into(),
            row.last_executed_at.into(),
            row.version.into(),
            row.maker_user.as_ref().map(UserId::as_bytes).into(),
            row.maker_token.as_ref().map(TokenId::as_bytes).into(),
            (&row.maker_login).into(),
            row.created_at.into(),
            row.modified_at.into(),
        ],
    )?;
    Ok(())
}

/// The schedules of an environment.
///
/// # Errors
/// As [`Tx::query`].
pub fn list(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId) -> Result<Vec<ScheduleRow>> {
    tx.all(
        select!("WHERE org_id = $1 AND env_id = $2 ORDER BY id"),
        &[org.as_bytes().into(), env.as_bytes().into()],
        schedule,
    )
}

/// The schedule of an environment with this id, locked until the transaction ends (SQLite's writer is alone anyway).
///
/// # Errors
/// As [`Tx::query`].
pub fn lock(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, id: EnvironmentScheduleId) -> Result<Option<ScheduleRow>> {
    let sql = Sql {
        sqlite: select!("WHERE org_id = $1 AND env_id = $2 AND id = $3"),
        postgres: select!("WHERE org_id = $1 AND env_id = $2 AND id = $3 FOR UPDATE"),
    };
    tx.one(sql, &[org.as_bytes().into(), env.as_bytes().into(), id.as_bytes().into()], schedule)
}

/// Removes a schedule; its history stays.
///
/// # Errors
/// As [`Tx::execute`].
pub fn delete(tx: &mut dyn Tx, org: OrgId, id: EnvironmentScheduleId) -> Result<()> {
    tx.run(
        "DELETE FROM environment_schedules WHERE org_id = $1 AND id = $2",
        &[org.as_bytes().into(), id.as_bytes().into()],
    )?;
    Ok(())
}

/// Schedules that are due, the longest overdue first. For whoever starts them, for all organisations.
///
/// # Errors
/// As [`Tx::query`].
pub fn due(tx: &mut dyn Tx, now: Timestamp, limit: i64) -> Result<Vec<ScheduleRow>> {
    tx.all(select!("WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2"), &[now.into(), limit.into()], schedule)
}

/// At most `limit` schedules by cron that have a next time, after this one.
///
/// # Errors
/// As [`Tx::query`].
pub fn all(tx: &mut dyn Tx, after: EnvironmentScheduleId, limit: i64) -> Result<Vec<ScheduleRow>> {
    tx.all(
        select!("WHERE due_at IS NOT NULL AND cron IS NOT NULL AND id > $1 ORDER BY id LIMIT $2"),
        &[after.as_bytes().into(), limit.into()],
        schedule,
    )
}
