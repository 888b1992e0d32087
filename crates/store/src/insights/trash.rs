//! What is left of deleted accounts: found, scanned, logged. It is swept away in small parts, so that no write waits long.
//!
//! This room knows which rows belong to an account. It must never know when to sweep.

use crate::{Tx, TxExt};
use pileus_model::{Result, ids::AccountId};

/// The next account that is to be swept, of any organisation: only a sweep that no request waits for asks.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn next(tx: &mut dyn Tx) -> Result<Option<AccountId>> {
    let sql = "SELECT account_id FROM account_trash ORDER BY at LIMIT 1";
    tx.one(sql, &[], |row| row.id(0).map(AccountId::from_bytes))
}

/// Sweeps at most some two thousand rows of each kind of this deleted account. Whether it is clean, and forgotten.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn sweep(tx: &mut dyn Tx, account: AccountId) -> Result<bool> {
    let mut swept = 0;
    for sql in [
        "DELETE FROM resource_handles WHERE account_id = $1 AND (handle, role, key) IN \
         (SELECT handle, role, key FROM resource_handles WHERE account_id = $1 ORDER BY handle, role, key LIMIT 2000)",
        "DELETE FROM resource_versions WHERE account_id = $1 AND key IN \
         (SELECT key FROM resources WHERE account_id = $1 ORDER BY key LIMIT 1000)",
        "DELETE FROM resources WHERE account_id = $1 AND key IN \
         (SELECT key FROM resources WHERE account_id = $1 ORDER BY key LIMIT 1000)",
        "DELETE FROM scan_lines WHERE scan_id IN (SELECT id FROM scans WHERE account_id = $1 ORDER BY id LIMIT 10)",
        "DELETE FROM scan_coverage WHERE scan_id IN (SELECT id FROM scans WHERE account_id = $1 ORDER BY id LIMIT 10)",
        "DELETE FROM scan_absent WHERE scan_id IN (SELECT id FROM scans WHERE account_id = $1 ORDER BY id LIMIT 10)",
        "DELETE FROM scan_steps WHERE scan_id IN (SELECT id FROM scans WHERE account_id = $1 ORDER BY id LIMIT 10)",
        "DELETE FROM scan_jobs WHERE scan_id IN (SELECT id FROM scans WHERE account_id = $1 ORDER BY id LIMIT 10)",
        "DELETE FROM scans WHERE id IN (SELECT id FROM scans WHERE account_id = $1 ORDER BY id LIMIT 10)",
    ] {
        swept += tx.run(sql, &[account.as_bytes().into()])?;
    }
    if swept > 0 {
        return Ok(false);
    }
    tx.run("DELETE FROM account_trash WHERE account_id = $1", &[account.as_bytes().into()])?;
    Ok(true)
}
