//! When roots are scanned by themselves, and how.
//!
//! This room knows the rows. It must never know what a cron expression means.

use crate::{Row, Sql, Tx, TxExt};
use pileus_model::{
    Result, Timestamp,
    ids::{AccountId, OrgId},
};

/// A root's schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRow {
    /// The organisation.
    pub org: OrgId,
    /// The root.
    pub account: AccountId,
    /// `none`, `12h`, `daily` or `cron`.
    pub schedule: String,
    /// Five fields; `None` where there is no schedule.
    pub cron: Option<String>,
    /// Paused.
    pub paused: bool,
    /// JSON: how its scans go about it.
    pub options: String,
    /// Microseconds by which it starts after the minute that `cron` names.
    pub spread: i64,
    /// When it starts next.
    pub due_at: Option<Timestamp>,
    /// The cron time that this stands for; `None` for the first scan.
    pub due_for: Option<Timestamp>,
    /// The cron time that was started last.
    pub last_due_for: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When people last changed it.
    pub modified_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT org_id, account_id, schedule, cron, paused, options, spread, due_at, due_for, last_due_for, created_at, modified_at \
             FROM scan_schedules ",
            $rest
        )
    };
}

fn convert(row: &dyn Row) -> Result<ScheduleRow> {
    Ok(ScheduleRow {
        org: OrgId::from_bytes(row.id(0)?),
        account: AccountId::from_bytes(row.id(1)?),
        schedule: row.text(2)?.to_owned(),
        cron: row.opt(3, <dyn Row>::text)?.map(str::to_owned),
        paused: row.bool(4)?,
        options: row.text(5)?.to_owned(),
        spread: row.int(6)?,
        due_at: row.opt(7, <dyn Row>::time)?,
        due_for: row.opt(8, <dyn Row>::time)?,
        last_due_for: row.opt(9, <dyn Row>::time)?,
        created_at: row.time(10)?,
        modified_at: row.time(11)?,
    })
}

/// Writes a schedule, over the one that is there.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn put(tx: &mut dyn Tx, row: &ScheduleRow) -> Result<()> {
    let sql = "INSERT INTO scan_schedules (org_id, account_id, schedule, cron, paused, options, spread, due_at, due_for, last_due_for, \
         created_at, modified_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (account_id) DO UPDATE SET schedule = excluded.schedule, cron = excluded.cron, paused = excluded.paused, \
         options = excluded.options, spread = excluded.spread, due_at = excluded.due_at, due_for = excluded.due_for, \
         last_due_for = excluded.last_due_for, modified_at = excluded.modified_at";
    let params = [
        row.org.as_bytes().into(),
        row.account.as_bytes().into(),
        (&row.schedule).into(),
        row.cron.as_ref().into(),
        row.paused.into(),
        (&row.options).into(),
        row.spread.into(),
        row.due_at.into(),
        row.due_for.into(),
        row.last_due_for.into(),
        row.created_at.into(),
        row.modified_at.into(),
    ];
    tx.run(sql, &params).map(|_| ())
}

/// The schedule of a root.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn find(tx: &mut dyn Tx, org: OrgId, account: AccountId) -> Result<Option<ScheduleRow>> {
    tx.one(
        select!("WHERE org_id = $1 AND account_id = $2"),
        &[org.as_bytes().into(), account.as_bytes().into()],
        convert,
    )
}

/// The same, locked until the transaction ends (SQLite's writer is alone anyway).
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn lock(tx: &mut dyn Tx, org: OrgId, account: AccountId) -> Result<Option<ScheduleRow>> {
    let sql = Sql {
        sqlite: select!("WHERE org_id = $1 AND account_id = $2"),
        postgres: select!("WHERE org_id = $1 AND account_id = $2 FOR UPDATE"),
    };
    tx.one(sql, &[org.as_bytes().into(), account.as_bytes().into()], convert)
}

/// Schedules that are due, the longest overdue first. For the reconciler, which serves all organisations.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn due(tx: &mut dyn Tx, now: Timestamp, limit: i64) -> Result<Vec<ScheduleRow>> {
    tx.all(select!("WHERE due_at <= $1 ORDER BY due_at, account_id LIMIT $2"), &[now.into(), limit.into()], convert)
}

/// At most `limit` schedules that have a next time, after this account. For the reconciler.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn all(tx: &mut dyn Tx, after: AccountId, limit: i64) -> Result<Vec<ScheduleRow>> {
    let sql = select!("WHERE due_at IS NOT NULL AND account_id > $1 ORDER BY account_id LIMIT $2");
    tx.all(sql, &[after.as_bytes().into(), limit.into()], convert)
}

/// When the next schedule is due.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn next_due(tx: &mut dyn Tx) -> Result<Option<Timestamp>> {
    tx.one("SELECT due_at FROM scan_schedules WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1", &[], |row| row.time(0))
}
