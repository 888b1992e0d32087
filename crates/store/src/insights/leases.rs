//! Who works on a scan: claims, renewals and ends, each of them only while the fence is still the holder's.
//!
//! This room knows the lease's columns. It must never know how long a lease should last or what the work is.

use super::{
    many,
    scans::{Progress, Scan, convert, select},
};
use crate::{Sql, Tx, TxExt, Value};
use pileus_model::{
    Result, Timestamp,
    ids::{AccountId, OrgId, ScanId},
};

/// A run that has not ended, as whoever looks for work sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The organisation.
    pub org: OrgId,
    /// The run.
    pub scan: ScanId,
    /// The fence now.
    pub fence: i64,
    /// What stands as the lease's end; 0 if nobody holds it. It changes with every sign of life.
    pub lease_until: i64,
    /// Who holds it.
    pub holder: Option<String>,
    /// How often a node began with it.
    pub attempts: i64,
    /// How often in a row it was interrupted before one more type was done.
    pub lost: i64,
}

/// The right to work on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The organisation.
    pub org: OrgId,
    /// The run.
    pub scan: ScanId,
    /// The fence that was taken.
    pub fence: i64,
}

/// Runs that have not ended, those that nobody holds first, then those whose holder has been silent the longest.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn waiting(tx: &mut dyn Tx, limit: i64) -> Result<Vec<Waiting>> {
    let sql = "SELECT org_id, id, fence, lease_until, holder, attempts, lost FROM scans WHERE state = 'running' ORDER BY lease_until, id LIMIT $1";
    tx.all(sql, &[limit.into()], |row| {
        Ok(Waiting {
            org: OrgId::from_bytes(row.id(0)?),
            scan: ScanId::from_bytes(row.id(1)?),
            fence: row.int(2)?,
            lease_until: row.int(3)?,
            holder: row.opt(4, <dyn crate::Row>::text)?.map(str::to_owned),
            attempts: row.int(5)?,
            lost: row.int(6)?,
        })
    })
}

/// Takes a run, if it still is as it was seen. The fence goes up: whoever held it before can no longer write. If somebody held it,
/// that counts as an interruption.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn claim(tx: &mut dyn Tx, seen: &Waiting, node: &str, until: Timestamp, now: Timestamp) -> Result<Option<Lease>> {
    let sql = "UPDATE scans SET holder = $1, fence = fence + 1, lease_until = $2, attempts = attempts + 1, updated_at = $3, lost = lost + $4 \
         WHERE org_id = $5 AND id = $6 AND fence = $7 AND lease_until = $8 AND state = 'running'";
    let params = [
        node.into(),
        until.into(),
        now.into(),
        i64::from(seen.lease_until != 0).into(),
        seen.org.as_bytes().into(),
        seen.scan.as_bytes().into(),
        seen.fence.into(),
        seen.lease_until.into(),
    ];
    Ok((tx.run(sql, &params)? == 1).then_some(Lease { org: seen.org, scan: seen.scan, fence: seen.fence + 1 }))
}

/// Shows a sign of life. The first statement of every write of a holder: `false` means that the lease is lost (or the run was
/// canceled or its account deleted), and that nothing may be written. Holds the run's row until the transaction ends.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn renew(tx: &mut dyn Tx, lease: &Lease, until: Timestamp, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE scans SET lease_until = $1, updated_at = $2 WHERE org_id = $3 AND id = $4 AND fence = $5 AND state = 'running'";
    let params =
        [until.into(), now.into(), lease.org.as_bytes().into(), lease.scan.as_bytes().into(), lease.fence.into()];
    Ok(tx.run(sql, &params)? == 1)
}

/// As [`renew`], and writes how far the run is. With `on` it got on: one more type is done, so what interrupted it before did not stop it.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn renew_with(
    tx: &mut dyn Tx,
    lease: &Lease,
    until: Timestamp,
    progress: &Progress,
    on: bool,
    now: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE scans SET lease_until = $1, updated_at = $2, resource_count = $3, types_done = $4, types_total = $5, calls = $6, \
         throttles = $7, lost = CASE WHEN $8 THEN 0 ELSE lost END WHERE org_id = $9 AND id = $10 AND fence = $11 AND state = 'running'";
    let params = [
        until.into(),
        now.into(),
        progress.resources.into(),
        progress.types_done.into(),
        progress.types_total.into(),
        progress.calls.into(),
        progress.throttles.into(),
        on.into(),
        lease.org.as_bytes().into(),
        lease.scan.as_bytes().into(),
        lease.fence.into(),
    ];
    Ok(tx.run(sql, &params)? == 1)
}

/// Writes with which environment a run works: `project/name@revision`. After [`renew`].
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn environment(tx: &mut dyn Tx, lease: &Lease, environment: &str) -> Result<()> {
    let sql = "UPDATE scans SET environment = $1 WHERE org_id = $2 AND id = $3 AND fence = $4";
    tx.run(sql, &[environment.into(), lease.org.as_bytes().into(), lease.scan.as_bytes().into(), lease.fence.into()])
        .map(|_| ())
}

/// Gives a run back, as if it had never been taken: another node may take it at once. The fence goes up, so that a write of the
/// holder's that is still under way comes to nothing. Does nothing if it is no longer the holder's.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn release(tx: &mut dyn Tx, lease: &Lease, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE scans SET holder = NULL, lease_until = 0, fence = fence + 1, attempts = attempts - 1, updated_at = $1 \
         WHERE org_id = $2 AND id = $3 AND fence = $4 AND state = 'running'";
    Ok(tx.run(sql, &[now.into(), lease.org.as_bytes().into(), lease.scan.as_bytes().into(), lease.fence.into()])? == 1)
}

/// Gives a run back that could not be gone on with: another attempt may begin at once, and it counts as an interruption. Does
/// nothing if it is no longer the holder's.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn interrupt(tx: &mut dyn Tx, lease: &Lease, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE scans SET holder = NULL, lease_until = 0, fence = fence + 1, lost = lost + 1, updated_at = $1 \
         WHERE org_id = $2 AND id = $3 AND fence = $4 AND state = 'running'";
    Ok(tx.run(sql, &[now.into(), lease.org.as_bytes().into(), lease.scan.as_bytes().into(), lease.fence.into()])? == 1)
}

/// Frees the runs that this node held in an earlier life; with `all` those of every node, for a database that only one process
/// can use. The fences go up, so that what an earlier life still has under way comes to nothing. How many there were.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn reclaim(tx: &mut dyn Tx, node: &str, all: bool, now: Timestamp) -> Result<u64> {
    let sql = "UPDATE scans SET holder = NULL, lease_until = 0, fence = fence + 1, lost = lost + 1, updated_at = $1 \
         WHERE state = 'running' AND lease_until <> 0 AND (holder = $2 OR $3)";
    tx.run(sql, &[now.into(), node.into(), all.into()])
}

/// Ends a run: `succeeded` without a failure, `failed` with one. After [`renew`].
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn finish(tx: &mut dyn Tx, lease: &Lease, failure: Option<&str>, now: Timestamp) -> Result<bool> {
    let state = if failure.is_none() { "succeeded" } else { "failed" };
    let sql = "UPDATE scans SET state = $1, failure = $2, finished_at = $3, updated_at = $3, lease_until = 0 \
         WHERE org_id = $4 AND id = $5 AND fence = $6 AND state = 'running'";
    let params = [
        state.into(),
        failure.into(),
        now.into(),
        lease.org.as_bytes().into(),
        lease.scan.as_bytes().into(),
        lease.fence.into(),
    ];
    Ok(tx.run(sql, &params)? == 1)
}

/// Ends a run by hand, whoever works on it: from then on he can't write.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn cancel(tx: &mut dyn Tx, org: OrgId, scan: ScanId, login: &str, failure: &str, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE scans SET state = 'failed', failure = $1, cancel_login = $2, finished_at = $3, updated_at = $3, lease_until = 0 \
         WHERE org_id = $4 AND id = $5 AND state = 'running'";
    Ok(tx.run(sql, &[failure.into(), login.into(), now.into(), org.as_bytes().into(), scan.as_bytes().into()])? == 1)
}

/// Whether each of these leases still stands.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn stand(tx: &mut dyn Tx, leases: &[Lease]) -> Result<Vec<bool>> {
    let sql = Sql {
        sqlite: "SELECT id FROM scans WHERE org_id = $1 AND id = $2 AND fence = $3 AND state = 'running'",
        postgres: "SELECT s.id, l.n FROM json_array_elements($1::text::json) WITH ORDINALITY AS l(e, n) JOIN scans s \
         ON s.org_id = decode(l.e->>0, 'hex') AND s.id = decode(l.e->>1, 'hex') AND s.fence = (l.e->>2)::bigint AND s.state = 'running'",
    };
    let params: Vec<Value<'_>> = leases
        .iter()
        .flat_map(|lease| [lease.org.as_bytes().into(), lease.scan.as_bytes().into(), lease.fence.into()])
        .collect();
    let mut stand = vec![false; leases.len()];
    many::query(tx, sql, (3, 1), &params, &mut |number, _| {
        if let Some(stands) = stand.get_mut(number) {
            *stands = true;
        }
        Ok(())
    })?;
    Ok(stand)
}

/// A run as its holder sees it.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn scan(tx: &mut dyn Tx, lease: &Lease) -> Result<Option<Scan>> {
    let sql = select!("WHERE s.org_id = $1 AND s.id = $2 AND s.fence = $3 AND s.state = 'running'");
    tx.one(sql, &[lease.org.as_bytes().into(), lease.scan.as_bytes().into(), lease.fence.into()], convert)
}

/// Writes what a succeeded scan means for its account: how many resources it has, and since when that is so.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn account_scanned(tx: &mut dyn Tx, org: OrgId, account: AccountId, now: Timestamp) -> Result<()> {
    let sql = "UPDATE accounts SET resource_count = \
         (SELECT COUNT(*) FROM resources r WHERE r.account_id = $1 AND r.gone_at IS NULL), scanned_at = $2 WHERE org_id = $3 AND id = $1";
    tx.run(sql, &[account.as_bytes().into(), now.into(), org.as_bytes().into()]).map(|_| ())
}

/// Fixes the cloud's own id of a root, unless one is fixed already; the one that stands then.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn fix_cloud_account(tx: &mut dyn Tx, org: OrgId, root: AccountId, cloud_account: &str) -> Result<Option<String>> {
    let sql = "UPDATE accounts SET cloud_account = $1 WHERE org_id = $2 AND id = $3 AND cloud_account IS NULL";
    tx.run(sql, &[cloud_account.into(), org.as_bytes().into(), root.as_bytes().into()])?;
    let sql = Sql::from("SELECT cloud_account FROM accounts WHERE org_id = $1 AND id = $2");
    let found = tx.one(sql, &[org.as_bytes().into(), root.as_bytes().into()], |row| {
        Ok(row.opt(0, <dyn crate::Row>::text)?.map(str::to_owned))
    })?;
    Ok(found.flatten())
}
