//! Rows as events.

use crate::db::Row;
use pileus_model::{
    Result,
    audit::{Actor, ActorKind, AuditEvent, EventSpec, EventType, ExportRow, LogId, NewEvent, Outcome, RequestInfo, Target, ip_from_bytes},
    ids::{EventId, RequestId, TokenId, UserId},
};
use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
};

/// The columns, in the order of the statements in [`super::scan`].
mod column {
    pub const SEQ: usize = 0;
    pub const AT: usize = 1;
    pub const ID: usize = 2;
    pub const EVENT: usize = 3;
    pub const ACTOR_KIND: usize = 4;
    pub const ACTOR_ID: usize = 5;
    pub const ACTOR_LOGIN: usize = 6;
    pub const ACTOR_NAME: usize = 7;
    pub const TOKEN_ID: usize = 8;
    pub const TOKEN_NAME: usize = 9;
    pub const IP: usize = 10;
    pub const USER_AGENT: usize = 11;
    pub const CLI_COMMAND: usize = 12;
    pub const REQUEST_ID: usize = 13;
    pub const OPERATION: usize = 14;
    pub const TARGET_KIND: usize = 15;
    pub const TARGET: usize = 16;
    pub const OUTCOME: usize = 17;
    pub const DESCRIPTION: usize = 18;
    pub const COUNT: usize = 19;
}
use column as c;

/// The types met last: rows that follow each other often have the same.
#[derive(Default)]
pub(super) struct Types {
    last: Option<EventType>,
}

impl Types {
    fn get(&mut self, id: &str) -> EventType {
        match self.last {
            Some(last) if last.id() == id => last,
            _ => *self.last.insert(event_type(id)),
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

/// A row, lent.
pub(super) fn export<'r>(row: &'r dyn Row, types: &mut Types) -> Result<ExportRow<'r>> {
    Ok(ExportRow {
        seq: row.int(c::SEQ)?,
        at: row.time(c::AT)?,
        id: row.id(c::ID)?,
        event: types.get(row.text(c::EVENT)?),
        actor_kind: row.text(c::ACTOR_KIND)?,
        actor_login: row.text(c::ACTOR_LOGIN)?,
        actor_name: row.text(c::ACTOR_NAME)?,
        user_id: row.opt(c::ACTOR_ID, <dyn Row>::id)?,
        token_id: row.opt(c::TOKEN_ID, <dyn Row>::id)?,
        token_name: row.text(c::TOKEN_NAME)?,
        ip: row.opt(c::IP, <dyn Row>::id)?.map(ip_from_bytes),
        user_agent: row.text(c::USER_AGENT)?,
        cli_command: row.text(c::CLI_COMMAND)?,
        request_id: row.opt(c::REQUEST_ID, <dyn Row>::id)?,
        operation: row.text(c::OPERATION)?,
        target_kind: row.text(c::TARGET_KIND)?,
        target: row.text(c::TARGET)?,
        outcome: row.text(c::OUTCOME)?,
        description: row.text(c::DESCRIPTION)?,
        count: row.int(c::COUNT)?,
    })
}

/// A row, owned.
pub(super) fn event(log: LogId, row: &dyn Row) -> Result<AuditEvent> {
    let row = export(row, &mut Types::default())?;
    Ok(AuditEvent {
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
    })
}
