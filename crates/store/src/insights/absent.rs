//! Resources that a run did not find although it listed their type to the end. They are gone when the run succeeds.
//!
//! This room knows the rows. It must never know when absence is proved.

use super::ingest::Key;
use crate::{Tx, TxExt};
use pileus_model::{Result, ids::ScanId};

/// Remembers these of a run.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn add(tx: &mut dyn Tx, scan: ScanId, keys: &[Key]) -> Result<()> {
    let sql = "INSERT INTO scan_absent (scan_id, key) VALUES ($1, $2) ON CONFLICT (scan_id, key) DO NOTHING";
    for key in keys {
        tx.run(sql, &[scan.as_bytes().into(), key.into()])?;
    }
    Ok(())
}

/// At most `limit` of a run's.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn some(tx: &mut dyn Tx, scan: ScanId, limit: i64) -> Result<Vec<Key>> {
    let sql = "SELECT key FROM scan_absent WHERE scan_id = $1 ORDER BY key LIMIT $2";
    tx.all(sql, &[scan.as_bytes().into(), limit.into()], |row| row.id(0))
}

/// Forgets this one of a run.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn forget(tx: &mut dyn Tx, scan: ScanId, key: &Key) -> Result<()> {
    tx.run("DELETE FROM scan_absent WHERE scan_id = $1 AND key = $2", &[scan.as_bytes().into(), key.into()]).map(|_| ())
}

/// Forgets all of a run's: it came to nothing.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn clear(tx: &mut dyn Tx, scan: ScanId) -> Result<()> {
    tx.run("DELETE FROM scan_absent WHERE scan_id = $1", &[scan.as_bytes().into()]).map(|_| ())
}
