//! One event: before it is recorded ([`NewEvent`]) and after ([`AuditEvent`]).

use super::EventType;
use crate::{
    ids::{EventId, RequestId, TokenId, UserId},
    time::Timestamp,
};
use std::{borrow::Cow, net::IpAddr};

/// The log that an event belongs to: an organisation's, or the site's own for what happens outside any organisation.
/// A small number, since it stands in every index of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId(pub i64);

impl LogId {
    /// The site's own log.
    pub const SITE: Self = Self(0);
}

/// What kind of thing acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A person, by a personal token.
    User,
    /// An organisation's token.
    OrganizationToken,
    /// A team's token.
    TeamToken,
    /// The subject of an identity token, before it had a token of ours.
    OidcSubject,
    /// Pileus itself (first start, schedules).
    System,
}

impl ActorKind {
    /// As the store writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::OrganizationToken => "organization-token",
            Self::TeamToken => "team-token",
            Self::OidcSubject => "oidc-subject",
            Self::System => "system",
        }
    }
    /// The kind written so; [`ActorKind::System`] for what no version has written.
    pub fn parse(text: &str) -> Self {
        [Self::User, Self::OrganizationToken, Self::TeamToken, Self::OidcSubject]
            .into_iter()
            .find(|k| k.as_str() == text)
            .unwrap_or(Self::System)
    }
}

/// Who acted, with the names as they were at the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The kind.
    pub kind: ActorKind,
    /// The user, if it was one.
    pub user: Option<UserId>,
    /// The user's login; for an organisation's or team's token the organisation's name
    /// (contract, `CreateOrgToken`: such actions are attributed to the organisation).
    pub login: String,
    /// The display name that goes with the login.
    pub name: String,
    /// The token that authenticated, if any.
    pub token: Option<TokenId>,
    /// That token's name (its description, for personal tokens).
    pub token_name: String,
}

impl Actor {
    /// Pileus itself.
    pub fn system() -> Self {
        Self {
            kind: ActorKind::System,
            user: None,
            login: "pileus".into(),
            name: "Pileus".into(),
            token: None,
            token_name: String::new(),
        }
    }
}

/// What was acted on: its kind (`member`, `team`, `token`, `role`, `organization`, `oidc-issuer`, `user`, `audit-log`, …)
/// and its identifier.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// The kind.
    pub kind: Cow<'static, str>,
    /// The identifier (login, team name, `project/stack`, …), not a display name.
    pub name: String,
}

impl Target {
    /// A target.
    pub fn new(kind: impl Into<Cow<'static, str>>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Success,
    /// The caller was known but not allowed.
    Denied,
    /// It was tried and failed (a login with an expired token).
    Failure,
}

impl Outcome {
    /// As the store writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Failure => "failure",
        }
    }
    /// The outcome written so; [`Outcome::Failure`] for what no version has written.
    pub fn parse(text: &str) -> Self {
        [Self::Success, Self::Denied].into_iter().find(|o| o.as_str() == text).unwrap_or(Self::Failure)
    }
}

/// What is known of the request that led to an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestInfo {
    /// The request, as `X-Pulumi-Request-ID` showed it; none for background work.
    pub id: Option<RequestId>,
    /// The operation's id in the contract; for background work a name of our own.
    pub operation: Cow<'static, str>,
    /// Where it came from (behind trusted proxies: what they say).
    pub source_ip: Option<IpAddr>,
    /// `User-Agent`, at most 256 characters.
    pub user_agent: String,
    /// The CLI's command, where its user agent has `cmd=…`.
    pub cli_command: String,
}

/// An event that is to be recorded. Position, id and time are given when the transaction ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Whose log.
    pub log: LogId,
    /// The type.
    pub event: EventType,
    /// Who.
    pub actor: Actor,
    /// By which request.
    pub request: RequestInfo,
    /// On what.
    pub target: Target,
    /// How it ended.
    pub outcome: Outcome,
    /// One sentence. CR and CRLF become LF when it is recorded.
    pub description: String,
    /// How many equal events this one stands for (coalesced denials); 1 otherwise.
    pub count: i64,
}

/// An event as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its id.
    pub id: EventId,
    /// Its position in its log: 1, 2, 3 … without gaps.
    pub seq: i64,
    /// When: never earlier than the event before it in the same log.
    pub at: Timestamp,
    /// What was recorded.
    pub event: NewEvent,
}
