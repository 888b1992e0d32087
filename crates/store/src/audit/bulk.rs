//! Recording many past events at once, for filling an installation.

use super::{
    append::{COUNT, Columns, INSERT, TAKE},
    no_counter,
};
use crate::db::{Engine, Tx, TxExt, Value};
use pileus_model::{
    Result, Timestamp,
    audit::{LogId, NewEvent},
    clock::Clock,
    entropy::Entropy,
    ids::EventId,
};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;

/// How many events travel to PostgreSQL together.
const TOGETHER: usize = 500;

/// Many events in one statement: PostgreSQL takes them as one JSON list. Bytes are hexadecimal in it.
const INSERT_LIST: &str = "INSERT INTO audit_events (log, seq, at, id, event, actor_kind, actor_id, actor_login, actor_key, \
    actor_name, token_id, token_name, ip, user_agent, cli_command, request_id, operation, target_kind, target, outcome, \
    description, count) SELECT (e->>0)::bigint, (e->>1)::bigint, (e->>2)::bigint, decode(e->>3, 'hex'), e->>4, e->>5, \
    decode(e->>6, 'hex'), e->>7, e->>8, e->>9, decode(e->>10, 'hex'), e->>11, decode(e->>12, 'hex'), e->>13, e->>14, \
    decode(e->>15, 'hex'), e->>16, e->>17, e->>18, e->>19, e->>20, (e->>21)::bigint \
    FROM json_array_elements($1::text::json) AS list(e)";

/// A time, as a clock.
#[derive(Debug)]
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Appends events with their given times, which must not fall: one that is earlier than the event before it gets that
/// one's time. All events go to `log`, whatever they say. Tells how many there were.
///
/// Not for requests: the counter is held all the while.
///
/// # Errors
/// `Internal` if the log has no counter; as [`Tx::execute`].
pub fn append_bulk(
    tx: &mut dyn Tx,
    log: LogId,
    entropy: &dyn Entropy,
    events: &mut dyn Iterator<Item = (Timestamp, NewEvent)>,
) -> Result<u64> {
    let found = tx.one(TAKE, &[log.0.into()], |row| Ok((row.int(0)?, row.time(1)?)))?;
    let (first, mut at) = found.ok_or_else(|| no_counter(log))?;
    let mut seq = first;
    let mut list = Vec::new();
    for (time, event) in events {
        seq += 1;
        at = at.max(time);
        let columns = Columns::of(&event);
        let id = EventId::new(&At(at), entropy);
        let values = columns.values(log, seq, at, &id);
        if tx.engine() == Engine::Sqlite {
            tx.run(INSERT, &values)?;
            continue;
        }
        list.push(Json::Array(values.iter().map(json).collect()));
        if list.len() == TOGETHER {
            send(tx, &mut list)?;
        }
    }
    if !list.is_empty() {
        send(tx, &mut list)?;
    }
    tx.run(COUNT, &[seq.into(), at.into(), log.0.into()])?;
    Ok((seq - first).unsigned_abs())
}

fn send(tx: &mut dyn Tx, list: &mut Vec<Json>) -> Result<()> {
    let text = Json::Array(std::mem::take(list)).to_string();
    tx.run(INSERT_LIST, &[(&text).into()]).map(|_| ())
}

fn json(value: &Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Int(v) => json!(v),
        Value::Bool(v) => json!(v),
        Value::Text(v) => json!(v),
        Value::Bytes(v) => Json::String(v.iter().fold(String::with_capacity(v.len() * 2), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })),
    }
}
