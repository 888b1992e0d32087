//! Jobs, steps and log lines of a run.
//!
//! This room knows their rows. It must never know what the steps do.

use super::many;
use crate::{Row, Sql, Tx, TxExt, Value};
use pileus_model::{Result, Timestamp, ids::ScanId};

/// A job of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// `not-started`, `accepted`, `running`, `failed`, `succeeded` or `skipped`.
    pub status: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
    /// After how many nanoseconds it is given up.
    pub timeout: i64,
    /// The node.
    pub worker: Option<String>,
    /// Its steps in order.
    pub steps: Vec<Step>,
}

/// A step of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// `not-started`, `running`, `failed` or `succeeded`.
    pub status: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The step, from 0.
    pub step: i64,
    /// When it was said; the epoch for a header.
    pub at: Timestamp,
    /// It only says that the step begins.
    pub header: bool,
    /// The text.
    pub line: String,
}

/// Adds the only job of a run, with these steps.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn insert_job(tx: &mut dyn Tx, scan: ScanId, timeout: i64, steps: &[&str]) -> Result<()> {
    let sql = "INSERT INTO scan_jobs (scan_id, job, status, started_at, updated_at, timeout, worker) \
         VALUES ($1, 0, 'not-started', NULL, NULL, $2, NULL)";
    tx.run(sql, &[scan.as_bytes().into(), timeout.into()])?;
    let sql = "INSERT INTO scan_steps (scan_id, job, step, name, status, started_at, updated_at) \
         VALUES ($1, 0, $2, $3, 'not-started', NULL, NULL)";
    let mut params: Vec<Value<'_>> = Vec::with_capacity(3 * steps.len());
    for (index, name) in (0_i64..).zip(steps) {
        params.extend([Value::from(scan.as_bytes()), index.into(), (*name).into()]);
    }
    tx.execute_each(sql.into(), 3, &params).map(|_| ())
}

/// A job begins (with its worker), anew where it had begun before: its steps are as if nothing had happened.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn begin_job(tx: &mut dyn Tx, scan: ScanId, worker: &str, now: Timestamp) -> Result<()> {
    let sql =
        "UPDATE scan_jobs SET status = 'running', started_at = $1, updated_at = $1, worker = $2 WHERE scan_id = $3";
    tx.run(sql, &[now.into(), worker.into(), scan.as_bytes().into()])?;
    let sql = "UPDATE scan_steps SET status = 'not-started', started_at = NULL, updated_at = NULL WHERE scan_id = $1";
    tx.run(sql, &[scan.as_bytes().into()]).map(|_| ())
}

/// A step begins; the one before it has succeeded.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn begin_step(tx: &mut dyn Tx, scan: ScanId, step: i64, now: Timestamp) -> Result<()> {
    let sql = "UPDATE scan_steps SET status = CASE WHEN step = $1 THEN 'running' ELSE 'succeeded' END, updated_at = $2, \
         started_at = CASE WHEN step = $1 THEN $2 ELSE started_at END WHERE scan_id = $3 AND (step = $1 OR step = $1 - 1)";
    tx.run(sql, &[step.into(), now.into(), scan.as_bytes().into()]).map(|_| ())
}

/// The job ends, and with it whatever runs of it.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn end_job(tx: &mut dyn Tx, scan: ScanId, succeeded: bool, now: Timestamp) -> Result<()> {
    let status = if succeeded { "succeeded" } else { "failed" };
    let sql = "UPDATE scan_jobs SET status = $1, updated_at = $2 WHERE scan_id = $3";
    tx.run(sql, &[status.into(), now.into(), scan.as_bytes().into()])?;
    let sql = "UPDATE scan_steps SET status = $1, updated_at = $2 WHERE scan_id = $3 AND status = 'running'";
    tx.run(sql, &[status.into(), now.into(), scan.as_bytes().into()]).map(|_| ())
}

/// The jobs of a run, with their steps.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn jobs(tx: &mut dyn Tx, scan: ScanId) -> Result<Vec<Job>> {
    let sql = "SELECT status, started_at, updated_at, timeout, worker FROM scan_jobs WHERE scan_id = $1 ORDER BY job";
    let mut jobs = tx.all(sql, &[scan.as_bytes().into()], |row| {
        Ok(Job {
            status: row.text(0)?.to_owned(),
            started_at: row.opt(1, <dyn Row>::time)?,
            updated_at: row.opt(2, <dyn Row>::time)?,
            timeout: row.int(3)?,
            worker: row.opt(4, <dyn Row>::text)?.map(str::to_owned),
            steps: Vec::new(),
        })
    })?;
    let sql = "SELECT name, status, started_at, updated_at FROM scan_steps WHERE scan_id = $1 ORDER BY job, step";
    let steps = tx.all(sql, &[scan.as_bytes().into()], |row| {
        Ok(Step {
            name: row.text(0)?.to_owned(),
            status: row.text(1)?.to_owned(),
            started_at: row.opt(2, <dyn Row>::time)?,
            updated_at: row.opt(3, <dyn Row>::time)?,
        })
    })?;
    if let Some(job) = jobs.first_mut() {
        job.steps = steps;
    }
    Ok(jobs)
}

/// Adds lines to the end of a run's log. Whoever calls it holds the run's row.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn append(tx: &mut dyn Tx, scan: ScanId, lines: &[Line]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(lines.len()).unwrap_or(0);
    let sql = "UPDATE scans SET next_line = next_line + $1 WHERE id = $2 RETURNING next_line";
    let Some(next) = tx.one(sql, &[count.into(), scan.as_bytes().into()], |row| row.int(0))? else { return Ok(()) };
    let sql = Sql {
        sqlite: "INSERT INTO scan_lines (scan_id, seq, job, step, at, header, line) VALUES ($1, $2, 0, $3, $4, $5, $6)",
        postgres: "INSERT INTO scan_lines (scan_id, seq, job, step, at, header, line) SELECT decode(e->>0, 'hex'), (e->>1)::bigint, 0, \
         (e->>2)::bigint, (e->>3)::bigint, (e->>4)::boolean, e->>5 FROM json_array_elements($1::text::json) AS list(e)",
    };
    let mut params = Vec::with_capacity(6 * lines.len());
    for (seq, Line { step, at, header, line }) in (next - count..).zip(lines) {
        params.extend::<[Value<'_>; 6]>([
            scan.as_bytes().into(),
            seq.into(),
            (*step).into(),
            (*at).into(),
            (*header).into(),
            line.into(),
        ]);
    }
    many::execute(tx, sql, 6, &params)
}

fn convert(row: &dyn Row) -> Result<(i64, Line)> {
    let line = Line { step: row.int(1)?, at: row.time(2)?, header: row.bool(3)?, line: row.text(4)?.to_owned() };
    Ok((row.int(0)?, line))
}

/// At most `limit` lines from this number on, each with its number.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn page(tx: &mut dyn Tx, scan: ScanId, from: i64, limit: i64) -> Result<Vec<(i64, Line)>> {
    let sql =
        "SELECT seq, step, at, header, line FROM scan_lines WHERE scan_id = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
    tx.all(sql, &[scan.as_bytes().into(), from.into(), limit.into()], convert)
}

/// At most `limit` lines of one step after the first `offset` of it, without headers.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn of_step(tx: &mut dyn Tx, scan: ScanId, step: i64, offset: i64, limit: i64) -> Result<Vec<Line>> {
    let sql = "SELECT seq, step, at, header, line FROM scan_lines WHERE scan_id = $1 AND job = 0 AND step = $2 AND header = FALSE \
         ORDER BY seq LIMIT $3 OFFSET $4";
    let params = [scan.as_bytes().into(), step.into(), limit.into(), offset.into()];
    Ok(tx.all(sql, &params, convert)?.into_iter().map(|(_, line)| line).collect())
}

/// The step of the newest line; 0 where there is none.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn last_step(tx: &mut dyn Tx, scan: ScanId) -> Result<i64> {
    let sql = "SELECT step FROM scan_lines WHERE scan_id = $1 ORDER BY seq DESC LIMIT 1";
    Ok(tx.one(sql, &[scan.as_bytes().into()], |row| row.int(0))?.unwrap_or(0))
}
