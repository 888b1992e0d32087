//! Reading: newest first, from a position downwards, led by one index.

use super::row;
use crate::db::{Engine, Flow, Row, Sql, Tx, Value};
use pileus_model::{
    Result,
    audit::{AuditEvent, ExportRow, LogId},
    ids::TokenId,
};

/// The index that leads through the log. What else a caller filters by, it checks row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver<'a> {
    /// All events.
    All,
    /// The events of the actor with this login, in lower case.
    Actor(&'a str),
    /// The events of the type with this identifier.
    Event(&'a str),
    /// The events with exactly this target.
    Target(&'a str),
    /// What was done with this token.
    Token(TokenId),
    /// What came from these addresses (16 bytes, IPv4 as IPv4-mapped IPv6). A single address is led by its index; a
    /// range leads through all events, and the caller must check each.
    Ip {
        /// The first address.
        first: [u8; 16],
        /// The last address.
        last: [u8; 16],
    },
}

/// What every export shows and every filter needs, then the rest. [`row`] reads them by position.
macro_rules! columns {
    (lean) => {
        "SELECT seq, at, event, actor_login, actor_name, actor_id, token_id, token_name, ip, target, description \
         FROM audit_events "
    };
    (all) => {
        "SELECT seq, at, event, actor_login, actor_name, actor_id, token_id, token_name, ip, target, description, \
         id, actor_kind, user_agent, cli_command, request_id, operation, target_kind, outcome, count FROM audit_events "
    };
}

/// On SQLite the index is named. On PostgreSQL the driver's indexes, and only they, are ordered by `-seq`: so the planner
/// can't walk the whole log in search of a rare value. Its bounds are negative for the same reason.
macro_rules! led {
    ($columns:ident, $index:literal, $column:literal) => {
        Sql {
            sqlite: concat!(
                columns!($columns),
                "INDEXED BY ",
                $index,
                " WHERE log = $1 AND ",
                $column,
                " = $2 AND seq < $3 AND seq >= $4 ORDER BY seq DESC LIMIT $5"
            ),
            postgres: concat!(
                columns!($columns),
                "WHERE log = $1 AND ",
                $column,
                " = $2 AND -seq > $3 AND -seq <= $4 ORDER BY -seq LIMIT $5"
            ),
        }
    };
}

/// The statements of one set of columns.
struct Statements {
    all: &'static str,
    actor: Sql,
    event: Sql,
    target: Sql,
    token: Sql,
    ip: Sql,
}

macro_rules! statements {
    ($columns:ident) => {
        Statements {
            all: concat!(columns!($columns), "WHERE log = $1 AND seq < $2 AND seq >= $3 ORDER BY seq DESC LIMIT $4"),
            actor: led!($columns, "audit_by_actor", "actor_key"),
            event: led!($columns, "audit_by_event", "event"),
            target: led!($columns, "audit_by_target", "target"),
            token: led!($columns, "audit_by_token", "token_id"),
            ip: led!($columns, "audit_by_ip", "ip"),
        }
    };
}

static LEAN: Statements = statements!(lean);
static ALL: Statements = statements!(all);

impl Driver<'_> {
    /// The statement and what it looks for.
    fn statement(&self, of: &Statements) -> (Sql, Option<Value<'_>>) {
        match self {
            Self::All => (of.all.into(), None),
            Self::Actor(key) => (of.actor, Some(Value::Text(key))),
            Self::Event(id) => (of.event, Some(Value::Text(id))),
            Self::Target(name) => (of.target, Some(Value::Text(name))),
            Self::Token(id) => (of.token, Some(Value::Bytes(id.as_bytes()))),
            Self::Ip { first, last } if first == last => (of.ip, Some(Value::Bytes(first))),
            Self::Ip { .. } => (of.all.into(), None),
        }
    }
}

/// A part of a log, and what leads through it.
struct Path<'p> {
    log: LogId,
    driver: Driver<'p>,
    below: i64,
    from: i64,
    limit: usize,
}

fn run(
    tx: &mut dyn Tx,
    of: &Statements,
    path: &Path<'_>,
    each: &mut dyn FnMut(&dyn Row) -> Result<Flow>,
) -> Result<()> {
    let limit = i64::try_from(path.limit).unwrap_or(i64::MAX);
    let log = path.log.0;
    match path.driver.statement(of) {
        (sql, None) => tx.query(sql, &[log.into(), path.below.into(), path.from.into(), limit.into()], each),
        (sql, Some(value)) => {
            let (upper, lower) = match tx.engine() {
                Engine::Sqlite => (path.below, path.from),
                Engine::Postgres => (path.below.saturating_neg(), path.from.saturating_neg()),
            };
            tx.query(sql, &[log.into(), value, upper.into(), lower.into(), limit.into()], each)
        }
    }
}

/// The events of the log with `from ≤ seq < below` to which the driver leads, newest first, at most `limit` (≤ 2,000).
///
/// # Errors
/// The callback's; as [`Tx::query`].
pub fn scan(
    tx: &mut dyn Tx,
    log: LogId,
    driver: Driver<'_>,
    below: i64,
    from: i64,
    limit: usize,
    each: &mut dyn FnMut(&AuditEvent) -> Result<Flow>,
) -> Result<()> {
    let mut types = row::Types::default();
    let path = Path { log, driver, below, from, limit };
    run(tx, &ALL, &path, &mut |row| each(&row::event(log, &row::all(row, &mut types)?)))
}

/// As [`scan`], but the rows are only lent, without an allocation.
///
/// # Errors
/// The callback's; as [`Tx::query`].
pub fn scan_export(
    tx: &mut dyn Tx,
    log: LogId,
    driver: Driver<'_>,
    below: i64,
    from: i64,
    limit: usize,
    each: &mut dyn FnMut(&ExportRow<'_>) -> Result<Flow>,
) -> Result<()> {
    let mut types = row::Types::default();
    let path = Path { log, driver, below, from, limit };
    run(tx, &ALL, &path, &mut |row| each(&row::all(row, &mut types)?))
}

/// As [`scan_export`], but cheaper by a third: only what every export shows and what filters compare. Empty are `id`,
/// `actor_kind`, `user_agent`, `cli_command`, `request_id`, `operation`, `target_kind`, `outcome` and `count`.
///
/// # Errors
/// The callback's; as [`Tx::query`].
pub fn scan_lean(
    tx: &mut dyn Tx,
    log: LogId,
    driver: Driver<'_>,
    below: i64,
    from: i64,
    limit: usize,
    each: &mut dyn FnMut(&ExportRow<'_>) -> Result<Flow>,
) -> Result<()> {
    let mut types = row::Types::default();
    let path = Path { log, driver, below, from, limit };
    run(tx, &LEAN, &path, &mut |row| each(&row::lean(row, &mut types)?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Each driver is led by its index, and nothing is sorted.
    #[test]
    fn each_driver_uses_its_index() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../migrations/0002_audit.sqlite.sql")).unwrap();
        let plan = |sql: &str, parameters: usize| -> String {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let nulls = vec![rusqlite::types::Null; parameters];
            let lines = statement.query_map(rusqlite::params_from_iter(nulls), |row| row.get::<_, String>(3)).unwrap();
            lines.map(|line| line.unwrap()).collect::<Vec<_>>().join("; ")
        };
        for of in [&LEAN, &ALL] {
            assert_eq!(plan(of.all, 4), "SEARCH audit_events USING PRIMARY KEY (log=? AND seq>? AND seq<?)");
            for (sql, index, column) in [
                (of.actor, "audit_by_actor", "actor_key"),
                (of.event, "audit_by_event", "event"),
                (of.target, "audit_by_target", "target"),
                (of.token, "audit_by_token", "token_id"),
                (of.ip, "audit_by_ip", "ip"),
            ] {
                let expected =
                    format!("SEARCH audit_events USING INDEX {index} (log=? AND {column}=? AND seq>? AND seq<?)");
                assert_eq!(plan(sql.sqlite, 5), expected);
            }
        }
    }
}
