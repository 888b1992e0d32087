//! An event as it is exported: borrowed, so that a row goes from the store to the bytes without an allocation.

use super::{AuditEvent, EventType};
use crate::time::Timestamp;
use std::net::IpAddr;

/// One row of an export. The store lends it from the database's row, [`From`] from an [`AuditEvent`]; the codecs
/// write it. Ids are their 16 bytes, texts are empty where nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportRow<'a> {
    /// The position in the log.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// The event's id.
    pub id: [u8; 16],
    /// The type.
    pub event: EventType,
    /// The kind of actor, as [`super::ActorKind::as_str`] writes it.
    pub actor_kind: &'a str,
    /// The actor's login (the organisation's name, for what its tokens did).
    pub actor_login: &'a str,
    /// The display name that goes with the login.
    pub actor_name: &'a str,
    /// The user, if the actor was one.
    pub user_id: Option<[u8; 16]>,
    /// The token that authenticated, if any.
    pub token_id: Option<[u8; 16]>,
    /// That token's name.
    pub token_name: &'a str,
    /// Where the request came from, if known.
    pub ip: Option<IpAddr>,
    /// `User-Agent`.
    pub user_agent: &'a str,
    /// The CLI's command.
    pub cli_command: &'a str,
    /// The request, if there was one.
    pub request_id: Option<[u8; 16]>,
    /// The operation's id.
    pub operation: &'a str,
    /// The target's kind.
    pub target_kind: &'a str,
    /// The target's identifier.
    pub target: &'a str,
    /// How it ended, as [`super::Outcome::as_str`] writes it.
    pub outcome: &'a str,
    /// One sentence.
    pub description: &'a str,
    /// How many equal events this one stands for.
    pub count: i64,
}

impl<'a> From<&'a AuditEvent> for ExportRow<'a> {
    fn from(recorded: &'a AuditEvent) -> Self {
        let event = &recorded.event;
        Self {
            seq: recorded.seq,
            at: recorded.at,
            id: *recorded.id.as_bytes(),
            event: event.event,
            actor_kind: event.actor.kind.as_str(),
            actor_login: &event.actor.login,
            actor_name: &event.actor.name,
            user_id: event.actor.user.map(|id| *id.as_bytes()),
            token_id: event.actor.token.map(|id| *id.as_bytes()),
            token_name: &event.actor.token_name,
            ip: event.request.source_ip,
            user_agent: &event.request.user_agent,
            cli_command: &event.request.cli_command,
            request_id: event.request.id.map(|id| *id.as_bytes()),
            operation: &event.request.operation,
            target_kind: &event.target.kind,
            target: &event.target.name,
            outcome: event.outcome.as_str(),
            description: &event.description,
            count: event.count,
        }
    }
}
