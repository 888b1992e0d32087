//! Coverage statements: what became of each type in each place of a run.
//!
//! This room knows the rows. It must never know what follows from them.

use super::many;
use crate::{Row, Sql, Tx, TxExt, Value};
use pileus_model::{Result, Timestamp, ids::ScanId};
use std::borrow::Cow;

/// What became of one type in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// A region, or `global`.
    pub place: String,
    /// The type.
    pub type_token: String,
    /// `listed`, `denied`, `throttled`, `unsupported`, `needs-parent`, `failed` or `skipped`.
    pub outcome: Cow<'static, str>,
    /// Listed: how many.
    pub listed: Option<i64>,
    /// Denied: the missing permission.
    pub action: Option<String>,
    /// Failed: the cloud's code.
    pub code: Option<String>,
    /// Denied, failed, skipped: what the cloud said, or why.
    pub message: Option<String>,
    /// Requests.
    pub calls: i64,
    /// From the first question to the last answer, in microseconds.
    pub micros: i64,
    /// All that the listing means has been written: a run that begins anew leaves the type out.
    pub settled: bool,
}

macro_rules! columns {
    () => {
        "scan_id, place, type_token, outcome, listed, action, code, message, calls, micros, at, settled"
    };
}

macro_rules! over {
    () => {
        "ON CONFLICT (scan_id, place, type_token) DO UPDATE SET outcome = excluded.outcome, listed = excluded.listed, \
         action = excluded.action, code = excluded.code, message = excluded.message, calls = excluded.calls, \
         micros = excluded.micros, at = excluded.at, settled = excluded.settled"
    };
}

/// Writes what became of these, over what was written before.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn put(tx: &mut dyn Tx, scan: ScanId, rows: &[Coverage], now: Timestamp) -> Result<()> {
    let sql = Sql {
        sqlite: concat!(
            "INSERT INTO scan_coverage (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ",
            over!()
        ),
        // Of what stands there twice the last, as if each were written by itself.
        postgres: concat!(
            "INSERT INTO scan_coverage (",
            columns!(),
            ") SELECT DISTINCT ON (e->>1, e->>2) decode(e->>0, 'hex'), e->>1, e->>2, e->>3, (e->>4)::bigint, e->>5, e->>6, e->>7, \
             (e->>8)::bigint, (e->>9)::bigint, (e->>10)::bigint, (e->>11)::boolean \
             FROM json_array_elements($1::text::json) WITH ORDINALITY AS list(e, n) ORDER BY e->>1, e->>2, n DESC ",
            over!()
        ),
    };
    let mut params = Vec::with_capacity(12 * rows.len());
    for row in rows {
        params.extend::<[Value<'_>; 12]>([
            scan.as_bytes().into(),
            (&row.place).into(),
            (&row.type_token).into(),
            row.outcome.as_ref().into(),
            row.listed.into(),
            row.action.as_ref().into(),
            row.code.as_ref().into(),
            row.message.as_ref().into(),
            row.calls.into(),
            row.micros.into(),
            now.into(),
            row.settled.into(),
        ]);
    }
    many::execute(tx, sql, 12, &params)
}

/// A type that a run that begins anew leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The type.
    pub type_token: String,
    /// How many there were.
    pub listed: i64,
}

/// Forgets what a run's statement says of types that are not settled, before it begins anew; what stays.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn reopen(tx: &mut dyn Tx, scan: ScanId) -> Result<Vec<Settled>> {
    tx.run("DELETE FROM scan_coverage WHERE scan_id = $1 AND settled = FALSE", &[scan.as_bytes().into()])?;
    let sql = "SELECT type_token, listed FROM scan_coverage WHERE scan_id = $1 ORDER BY place, type_token LIMIT 20000";
    tx.all(sql, &[scan.as_bytes().into()], |row| {
        Ok(Settled { type_token: row.text(0)?.to_owned(), listed: row.opt(1, <dyn Row>::int)?.unwrap_or(0) })
    })
}

/// At most `limit` lines of a run's statement in the order of place and type, after this one.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn page(tx: &mut dyn Tx, scan: ScanId, after: (&str, &str), limit: i64) -> Result<Vec<Coverage>> {
    let sql = "SELECT place, type_token, outcome, listed, action, code, message, calls, micros, settled FROM scan_coverage \
         WHERE scan_id = $1 AND (place > $2 OR (place = $2 AND type_token > $3)) ORDER BY place, type_token LIMIT $4";
    tx.all(sql, &[scan.as_bytes().into(), after.0.into(), after.1.into(), limit.into()], |row| {
        let maybe = |column: usize| row.opt(column, <dyn Row>::text).map(|text| text.map(str::to_owned));
        Ok(Coverage {
            place: row.text(0)?.to_owned(),
            type_token: row.text(1)?.to_owned(),
            outcome: row.text(2)?.to_owned().into(),
            listed: row.opt(3, <dyn Row>::int)?,
            action: maybe(4)?,
            code: maybe(5)?,
            message: maybe(6)?,
            calls: row.int(7)?,
            micros: row.int(8)?,
            settled: row.bool(9)?,
        })
    })
}

/// The permissions that a run was missing, in their order.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn denied_actions(tx: &mut dyn Tx, scan: ScanId) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT action FROM scan_coverage WHERE scan_id = $1 AND action IS NOT NULL ORDER BY action LIMIT 5000";
    tx.all(sql, &[scan.as_bytes().into()], |row| row.text(0).map(str::to_owned))
}
