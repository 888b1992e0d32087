//! Old runs with their log and statement, and how they are forgotten. What they found stays.
//!
//! This room knows which rows belong to a run. It must never know how long runs are kept.

use crate::{Tx, TxExt};
use pileus_model::{
    Result, Timestamp,
    ids::{OrgId, ScanId},
};

/// A run that ended: when, and which.
pub type Ended = (Timestamp, ScanId);

/// At most `limit` runs of any organisation that ended before this, after this one in the order of their ends; and of each whether
/// it may be forgotten: its leaf has at least `keep` newer ones (1 or more, so that the newest always stays). For background work.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn ended(
    tx: &mut dyn Tx,
    before: Timestamp,
    after: Ended,
    keep: i64,
    limit: i64,
) -> Result<Vec<(OrgId, Ended, bool)>> {
    let sql = "SELECT s.org_id, s.finished_at, s.id, (SELECT COUNT(*) FROM (SELECT n.id FROM scans n WHERE n.account_id = s.account_id \
         AND n.id > s.id ORDER BY n.id LIMIT $1) newer) FROM scans s WHERE s.finished_at < $2 \
         AND (s.finished_at > $3 OR (s.finished_at = $3 AND s.id > $4)) ORDER BY s.finished_at, s.id LIMIT $5";
    let params = [keep.into(), before.into(), after.0.into(), after.1.as_bytes().into(), limit.into()];
    tx.all(sql, &params, |row| {
        let ended = (row.time(1)?, ScanId::from_bytes(row.id(2)?));
        Ok((OrgId::from_bytes(row.id(0)?), ended, row.int(3)? >= keep))
    })
}

/// Forgets a run that has ended, with its jobs, steps, lines and statement. Whether it was there.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn forget(tx: &mut dyn Tx, org: OrgId, scan: ScanId) -> Result<bool> {
    let sql = "DELETE FROM scans WHERE org_id = $1 AND id = $2 AND state <> 'running'";
    if tx.run(sql, &[org.as_bytes().into(), scan.as_bytes().into()])? == 0 {
        return Ok(false);
    }
    for sql in [
        "DELETE FROM scan_lines WHERE scan_id = $1",
        "DELETE FROM scan_coverage WHERE scan_id = $1",
        "DELETE FROM scan_absent WHERE scan_id = $1",
        "DELETE FROM scan_steps WHERE scan_id = $1",
        "DELETE FROM scan_jobs WHERE scan_id = $1",
    ] {
        tx.run(sql, &[scan.as_bytes().into()])?;
    }
    Ok(true)
}
