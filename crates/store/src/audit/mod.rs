//! The audit logs: recording and reading.
//!
//! This room knows how events are kept, and gives each its position and time. It must never know what the types of
//! events mean, who may read them, or in which form they leave.
//!
//! A log's counter is taken last in a writing transaction and held until the commit. So a log's positions have no
//! gaps, and their order is the order of commits and of times.

mod append;
mod bulk;
mod row;
mod scan;

pub(crate) use append::append;
pub use bulk::append_bulk;
pub use scan::{Driver, scan, scan_export, scan_lean};

use crate::db::{Engine, Flow, Sql, Tx, TxExt};
use pileus_model::{Error, Result, Timestamp, audit::LogId};

/// Creates a log, empty.
///
/// # Errors
/// `Conflict` if it exists.
pub fn create_log(tx: &mut dyn Tx, log: LogId) -> Result<()> {
    tx.run("INSERT INTO audit_counters (log, seq, at) VALUES ($1, 0, 0)", &[log.0.into()]).map(|_| ())
}

/// A number that no log has had. Nobody else gets it before this transaction ends.
///
/// # Errors
/// As [`Tx::query`].
pub fn next_log(tx: &mut dyn Tx) -> Result<LogId> {
    // On SQLite the writer is alone.
    if tx.engine() == Engine::Postgres {
        const LOCK: &str = "SELECT pg_advisory_xact_lock(7235)";
        tx.query(LOCK.into(), &[], &mut |_| Ok(Flow::Next))?;
    }
    let last = tx.one("SELECT max(log) FROM audit_counters", &[], |row| row.opt(0, |row, i| row.int(i)))?;
    Ok(LogId(last.flatten().unwrap_or(0) + 1))
}

/// The position and the time of the log's last event; 0 and the epoch if it has none.
///
/// # Errors
/// `Internal` if there is no such log.
pub fn last(tx: &mut dyn Tx, log: LogId) -> Result<(i64, Timestamp)> {
    tx.one("SELECT seq, at FROM audit_counters WHERE log = $1", &[log.0.into()], |row| Ok((row.int(0)?, row.time(1)?)))?
        .ok_or_else(|| no_counter(log))
}

fn no_counter(log: LogId) -> Error {
    Error::internal(format!("the audit log {} has no counter", log.0))
}

/// The position of the first event at or after this time; the one after the last event if there is none.
///
/// # Errors
/// `Internal` if there is no such log.
pub fn seq_at(tx: &mut dyn Tx, log: LogId, at: Timestamp) -> Result<i64> {
    let sql = Sql {
        sqlite: "SELECT seq FROM audit_events INDEXED BY audit_by_time WHERE log = $1 AND at >= $2 ORDER BY at, seq LIMIT 1",
        postgres: "SELECT seq FROM audit_events WHERE log = $1 AND at >= $2 ORDER BY at, seq LIMIT 1",
    };
    match tx.one(sql, &[log.0.into(), at.into()], |row| row.int(0))? {
        Some(seq) => Ok(seq),
        None => Ok(last(tx, log)?.0 + 1),
    }
}

/// Whether an actor with this login (lower case) has events in the log.
///
/// # Errors
/// As [`Tx::query`].
pub fn actor_known(tx: &mut dyn Tx, log: LogId, login_key: &str) -> Result<bool> {
    let sql = Sql {
        sqlite: "SELECT seq FROM audit_events INDEXED BY audit_by_actor WHERE log = $1 AND actor_key = $2 LIMIT 1",
        // The order leaves only one index to choose.
        postgres: "SELECT seq FROM audit_events WHERE log = $1 AND actor_key = $2 ORDER BY -seq LIMIT 1",
    };
    Ok(tx.one(sql, &[log.0.into(), login_key.into()], |_| Ok(()))?.is_some())
}

/// Whether this reader's reading was last marked longer ago than `window_micros`; if so it is marked now.
///
/// # Errors
/// As [`Tx::execute`].
pub fn read_mark(tx: &mut dyn Tx, log: LogId, reader: &str, now: Timestamp, window_micros: i64) -> Result<bool> {
    const MARK: &str = "INSERT INTO audit_reads (log, reader, at) VALUES ($1, $2, $3) \
                        ON CONFLICT (log, reader) DO UPDATE SET at = excluded.at WHERE audit_reads.at < excluded.at - $4";
    Ok(tx.run(MARK, &[log.0.into(), reader.into(), now.into(), window_micros.into()])? > 0)
}
