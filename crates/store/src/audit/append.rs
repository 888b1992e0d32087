//! Recording: the last thing that a writing transaction does.

use super::no_counter;
use crate::db::{Engine, Last, Sql, Tx, TxExt, Value};
use pileus_model::{
    Result, Timestamp,
    audit::{LogId, NewEvent, ip_bytes},
    clock::Clock,
    entropy::Entropy,
    ids::EventId,
};
use std::borrow::Cow;

/// The columns and their parameters, in the order of [`Columns::values`].
macro_rules! insert {
    ($before:literal) => {
        concat!(
            $before,
            "INSERT INTO audit_events (log, seq, at, id, event, actor_kind, actor_id, actor_login, actor_key, actor_name, ",
            "token_id, token_name, ip, user_agent, cli_command, request_id, operation, target_kind, target, outcome, ",
            "description, count) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, ",
            "$19, $20, $21, $22)"
        )
    };
}

/// One event.
pub(super) const INSERT: &str = insert!("");
/// The last event of its log in this transaction. PostgreSQL moves the counter in the same statement, for the sake of
/// the round trip; SQLite can't and does it after ([`COUNT`]).
const INSERT_LAST: Sql = Sql {
    sqlite: INSERT,
    postgres: insert!("WITH counter AS (UPDATE audit_counters SET seq = $2, at = $3 WHERE log = $1) "),
};
/// Takes the counter; on PostgreSQL until the transaction ends.
pub(super) const TAKE: Sql = Sql {
    sqlite: "SELECT seq, at FROM audit_counters WHERE log = $1",
    postgres: "SELECT seq, at FROM audit_counters WHERE log = $1 FOR UPDATE",
};
/// Moves the counter.
pub(super) const COUNT: &str = "UPDATE audit_counters SET seq = $1, at = $2 WHERE log = $3";

/// A log whose counter this transaction holds.
struct Held {
    log: LogId,
    seq: i64,
    at: Timestamp,
    /// Events that are still to come.
    left: usize,
}

/// Gives the events their positions and the time, and writes them. On PostgreSQL the transaction is committed after
/// it with success, if there was an event.
///
/// The clock is read when all counters are held: so whoever waits for a counter knows that later events are not
/// earlier than that moment.
///
/// # Errors
/// `Internal` if a log has no counter; as [`Tx::execute`].
pub(crate) fn append(tx: &mut dyn Last, events: Vec<NewEvent>, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let mut logs = take(tx, &events)?;
    let now = clock.now();
    let mut left = events.len();
    for event in events {
        let Some(held) = logs.iter_mut().find(|held| held.log == event.log) else { return Err(no_counter(event.log)) };
        held.seq += 1;
        held.at = held.at.max(now);
        held.left -= 1;
        left -= 1;
        let columns = Columns::of(&event);
        let id = EventId::new(clock, entropy);
        let values = columns.values(held.log, held.seq, held.at, &id);
        match (held.left, left) {
            (1.., _) => tx.execute(INSERT.into(), &values)?,
            (0, 1..) => tx.execute(INSERT_LAST, &values)?,
            (0, 0) => tx.execute_last(INSERT_LAST, &values)?,
        };
        if held.left == 0 && tx.engine() == Engine::Sqlite {
            tx.execute(COUNT.into(), &[held.seq.into(), held.at.into(), held.log.0.into()])?;
        }
    }
    Ok(())
}

/// Takes the counters of all logs concerned, in the order of their numbers, so that no two transactions wait for each
/// other.
fn take(tx: &mut dyn Last, events: &[NewEvent]) -> Result<Vec<Held>> {
    let mut logs: Vec<Held> = Vec::with_capacity(1);
    for event in events {
        match logs.iter_mut().find(|held| held.log == event.log) {
            Some(held) => held.left += 1,
            None => logs.push(Held { log: event.log, seq: 0, at: Timestamp::EPOCH, left: 1 }),
        }
    }
    logs.sort_by_key(|held| held.log);
    let tx: &mut dyn Tx = tx;
    for held in &mut logs {
        let found = tx.one(TAKE, &[held.log.0.into()], |row| Ok((row.int(0)?, row.time(1)?)))?;
        (held.seq, held.at) = found.ok_or_else(|| no_counter(held.log))?;
    }
    Ok(logs)
}

/// An event's texts as they are kept.
pub(super) struct Columns<'e> {
    event: &'e NewEvent,
    login: Cow<'e, str>,
    key: String,
    name: Cow<'e, str>,
    token_name: Cow<'e, str>,
    user_agent: Cow<'e, str>,
    cli_command: Cow<'e, str>,
    target: Cow<'e, str>,
    description: Cow<'e, str>,
    ip: Option<[u8; 16]>,
}

impl<'e> Columns<'e> {
    pub fn of(event: &'e NewEvent) -> Self {
        let login = clean(&event.actor.login);
        Self {
            key: login.to_lowercase(),
            login,
            name: lines(clean(&event.actor.name)),
            token_name: lines(clean(&event.actor.token_name)),
            user_agent: clean(&event.request.user_agent),
            cli_command: clean(&event.request.cli_command),
            target: lines(clean(&event.target.name)),
            description: lines(clean(&event.description)),
            ip: event.request.source_ip.map(ip_bytes),
            event,
        }
    }

    /// The parameters of [`INSERT`].
    pub fn values<'v>(&'v self, log: LogId, seq: i64, at: Timestamp, id: &'v EventId) -> [Value<'v>; 22] {
        let (actor, request) = (&self.event.actor, &self.event.request);
        [
            log.0.into(),
            seq.into(),
            at.into(),
            id.as_bytes().into(),
            self.event.event.id().into(),
            actor.kind.as_str().into(),
            actor.user.as_ref().map(|id| id.as_bytes()).into(),
            (&*self.login).into(),
            (&self.key).into(),
            (&*self.name).into(),
            actor.token.as_ref().map(|id| id.as_bytes()).into(),
            (&*self.token_name).into(),
            self.ip.as_ref().into(),
            (&*self.user_agent).into(),
            (&*self.cli_command).into(),
            request.id.as_ref().map(|id| id.as_bytes()).into(),
            (&*request.operation).into(),
            (&*self.event.target.kind).into(),
            (&*self.target).into(),
            self.event.outcome.as_str().into(),
            (&*self.description).into(),
            self.event.count.into(),
        ]
    }
}

/// U+0000 can't be kept by PostgreSQL; it becomes U+FFFD on both engines.
fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// CR and CRLF become LF: readers of CSV change a CRLF inside of quotes (Go's does), and so would not give back what is kept.
fn lines(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_so_that_both_engines_can() {
        assert_eq!(clean("a\0b"), "a\u{fffd}b");
        assert_eq!(lines("a\r\nb\rc\n\r".into()), "a\nb\nc\n\n");
        assert!(matches!(lines(clean("plain\ntext")), Cow::Borrowed(_)));
    }
}
