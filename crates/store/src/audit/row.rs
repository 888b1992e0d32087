//! Rows as events.

use crate::db::Row;
use pileus_model::{
    Error, Result,
    audit::{
        Actor, ActorKind, AuditEvent, EventSpec, EventType, ExportRow, LogId, NewEvent, Outcome, RequestInfo, Target,
        ip_from_bytes,
    },
    ids::{EventId, RequestId, TokenId, UserId},
};
use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
};

/// The columns, in the order of the statements in [`super::scan`]; from `ID` on they are only in the full set.
mod column {
    pub const SEQ: usize = 0;
    pub const AT: usize = 1;
    pub const EVENT: usize = 2;
    pub const ACTOR_LOGIN: usize = 3;
    pub const ACTOR_NAME: usize = 4;
    pub const ACTOR_ID: usize = 5;
    pub const TOKEN_ID: usize = 6;
    pub const TOKEN_NAME: usize = 7;
    pub const IP: usize = 8;
    pub const TARGET: usize = 9;
    pub const DESCRIPTION: usize = 10;
    pub const ID: usize = 11;
    pub const ACTOR_KIND: usize = 12;
    pub const USER_AGENT: usize = 13;
    pub const CLI_COMMAND: usize = 14;
    pub const REQUEST_ID: usize = 15;
    pub const OPERATION: usize = 16;
    pub const TARGET_KIND: usize = 17;
    pub const OUTCOME: usize = 18;
    pub const COUNT: usize = 19;
}
use column as c;

/// How many types are remembered during a scan; a power of two.
const REMEMBERED: usize = 64;

/// The types met during a scan, so that the catalogue is not searched for each row.
pub(super) struct Types([Option<EventType>; REMEMBERED]);

impl Default for Types {
    fn default() -> Self {
        Self([None; REMEMBERED])
    }
}

impl Types {
    fn get(&mut self, id: &str) -> EventType {
        // Identifiers differ in length and around their middle.
        let bytes = id.as_bytes();
        let byte = |at: usize| bytes.get(at).map_or(0, |b| usize::from(*b));
        let place = (bytes.len() + 5 * byte(bytes.len() / 2) + 11 * byte(bytes.len() / 4)) % REMEMBERED;
        match self.0[place] {
            Some(found) if found.id() == id => found,
            _ => *self.0[place].insert(event_type(id)),
        }
    }
}

fn event_type(id: &str) -> EventType {
    EventType::parse(id).unwrap_or_else(|| unknown(id))
}

/// A type that another version recorded and this one's catalogue lacks. It is kept for the life of the process; there
/// are as few of them as in a catalogue.
fn unknown(id: &str) -> EventType {
    static UNKNOWN: OnceLock<Mutex<HashMap<String, EventType>>> = OnceLock::new();
    let mut known = UNKNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(id) {
        return *found;
    }
    let name: &'static str = Box::leak(id.to_owned().into_boxed_str());
    let spec: &'static EventSpec = Box::leak(Box::new(EventSpec {
        id: name,
        display_name: name,
        description: "",
        requires_org_admin: false,
        requires_stack_admin: false,
        authentication_failure: false,
        replaced_by: None,
        own: true,
    }));
    let made = EventType::of(spec);
    known.insert(id.to_owned(), made);
    made
}

/// 16 bytes, or nothing.
fn id(row: &dyn Row, column: usize) -> Result<Option<[u8; 16]>> {
    let Some(bytes) = row.bytes_or_null(column)? else { return Ok(None) };
    let id = bytes.try_into().map_err(|_| Error::internal(format!("column {column} is not 16 bytes")))?;
    Ok(Some(id))
}

/// A row of the lean set, lent.
pub(super) fn lean<'r>(row: &'r dyn Row, types: &mut Types) -> Result<ExportRow<'r>> {
    Ok(ExportRow {
        seq: row.int(c::SEQ)?,
        at: row.time(c::AT)?,
        event: types.get(row.text(c::EVENT)?),
        actor_login: row.text(c::ACTOR_LOGIN)?,
        actor_name: row.text(c::ACTOR_NAME)?,
        user_id: id(row, c::ACTOR_ID)?,
        token_id: id(row, c::TOKEN_ID)?,
        token_name: row.text(c::TOKEN_NAME)?,
        ip: id(row, c::IP)?.map(ip_from_bytes),
        target: row.text(c::TARGET)?,
        description: row.text(c::DESCRIPTION)?,
        id: [0; 16],
        actor_kind: "",
        user_agent: "",
        cli_command: "",
        request_id: None,
        operation: "",
        target_kind: "",
        outcome: "",
        count: 0,
    })
}

/// A row of the full set, lent.
pub(super) fn all<'r>(row: &'r dyn Row, types: &mut Types) -> Result<ExportRow<'r>> {
    Ok(ExportRow {
        id: row.id(c::ID)?,
        actor_kind: row.text(c::ACTOR_KIND)?,
        user_agent: row.text(c::USER_AGENT)?,
        cli_command: row.text(c::CLI_COMMAND)?,
        request_id: id(row, c::REQUEST_ID)?,
        operation: row.text(c::OPERATION)?,
        target_kind: row.text(c::TARGET_KIND)?,
        outcome: row.text(c::OUTCOME)?,
        count: row.int(c::COUNT)?,
        ..lean(row, types)?
    })
}

/// A row, owned.
pub(super) fn event(log: LogId, row: &ExportRow<'_>) -> AuditEvent {
    AuditEvent {
        id: EventId::from_bytes(row.id),
        seq: row.seq,
        at: row.at,
        event: NewEvent {
            log,
            event: row.event,
            actor: Actor {
                kind: ActorKind::parse(row.actor_kind),
                user: row.user_id.map(UserId::from_bytes),
                login: row.actor_login.to_owned(),
                name: row.actor_name.to_owned(),
                token: row.token_id.map(TokenId::from_bytes),
                token_name: row.token_name.to_owned(),
            },
            request: RequestInfo {
                id: row.request_id.map(RequestId::from_bytes),
                operation: row.operation.to_owned().into(),
                source_ip: row.ip,
                user_agent: row.user_agent.to_owned(),
                cli_command: row.cli_command.to_owned(),
            },
            target: Target::new(row.target_kind.to_owned(), row.target),
            outcome: Outcome::parse(row.outcome),
            description: row.description.to_owned(),
            count: row.count,
        },
    }
}
