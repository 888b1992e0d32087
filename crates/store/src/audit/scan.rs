//! Reading: newest first, from a position downwards, led by one index.

use super::row;
use crate::db::{Flow, Row, Sql, Tx, Value};
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

macro_rules! columns {
    () => {
        "SELECT seq, at, id, event, actor_kind, actor_id, actor_login, actor_name, token_id, token_name, ip, user_agent, \
         cli_command, request_id, operation, target_kind, target, outcome, description, count FROM audit_events "
    };
}

/// On SQLite the index is named. On PostgreSQL the driver's indexes, and only they, are ordered by `-seq`: so the planner
/// can't walk the whole log in search of a rare value. Its bounds are negative for the same reason.
macro_rules! led {
    ($index:literal, $column:literal) => {
        Sql {
            sqlite: concat!(
                columns!(),
                "INDEXED BY ",
                $index,
                " WHERE log = $1 AND ",
                $column,
                " = $2 AND seq < $3 AND seq >= $4 ORDER BY seq DESC LIMIT $5"
            ),
            postgres: concat!(
                columns!(),
                "WHERE log = $1 AND ",
                $column,
                " = $2 AND -seq > $3 AND -seq <= $4 ORDER BY -seq LIMIT $5"
            ),
        }
    };
}

const ALL: Sql = Sql {
    sqlite: concat!(columns!(), "WHERE log = $1 AND seq < $2 AND seq >= $3 ORDER BY seq DESC LIMIT $4"),
    postgres: concat!(columns!(), "WHERE log = $1 AND seq < $2 AND seq >= $3 ORDER BY seq DESC LIMIT $4"),
};
const ACTOR: Sql = led!("audit_by_actor", "actor_key");
const EVENT: Sql = led!("audit_by_event", "event");
const TARGET: Sql = led!("audit_by_target", "target");
const TOKEN: Sql = led!("audit_by_token", "token_id");
const IP: Sql = led!("audit_by_ip", "ip");

impl Driver<'_> {
    /// The statement and what it looks for.
    fn statement(&self) -> (Sql, Option<Value<'_>>) {
        match self {
            Self::All => (ALL, None),
            Self::Actor(key) => (ACTOR, Some(Value::Text(key))),
            Self::Event(id) => (EVENT, Some(Value::Text(id))),
            Self::Target(name) => (TARGET, Some(Value::Text(name))),
            Self::Token(id) => (TOKEN, Some(Value::Bytes(id.as_bytes()))),
            Self::Ip { first, last } if first == last => (IP, Some(Value::Bytes(first))),
            Self::Ip { .. } => (ALL, None),
        }
    }
}

fn run(
    tx: &mut dyn Tx,
    log: LogId,
    driver: Driver<'_>,
    below: i64,
    from: i64,
    limit: usize,
    each: &mut dyn FnMut(&dyn Row) -> Result<Flow>,
) -> Result<()> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match driver.statement() {
        (sql, None) => tx.query(sql, &[log.0.into(), below.into(), from.into(), limit.into()], each),
        (sql, Some(value)) => {
            let (upper, lower) = match tx.engine() {
                crate::db::Engine::Sqlite => (below, from),
                crate::db::Engine::Postgres => (below.saturating_neg(), from.saturating_neg()),
            };
            tx.query(sql, &[log.0.into(), value, upper.into(), lower.into(), limit.into()], each)
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
    run(tx, log, driver, below, from, limit, &mut |row| each(&row::event(log, row)?))
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
    run(tx, log, driver, below, from, limit, &mut |row| each(&row::export(row, &mut types)?))
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
        assert_eq!(plan(ALL.sqlite, 4), "SEARCH audit_events USING PRIMARY KEY (log=? AND seq>? AND seq<?)");
        for (sql, index, column) in [
            (ACTOR, "audit_by_actor", "actor_key"),
            (EVENT, "audit_by_event", "event"),
            (TARGET, "audit_by_target", "target"),
            (TOKEN, "audit_by_token", "token_id"),
            (IP, "audit_by_ip", "ip"),
        ] {
            let expected = format!("SEARCH audit_events USING INDEX {index} (log=? AND {column}=? AND seq>? AND seq<?)");
            assert_eq!(plan(sql.sqlite, 5), expected);
        }
    }
}
