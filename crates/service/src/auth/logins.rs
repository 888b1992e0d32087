//! What logins leave behind: `user-login`, `user-login-failed`, and when a token was last used.
//!
//! Nothing here decides whether a request is let in. What is remembered may be forgotten at any time: the worst that
//! follows is one event more, or a time of last use that is half a minute old.

use crate::App;
use pileus_model::{
    Error, Result, Timestamp,
    audit::{EventType, LogId, NewEvent, Outcome, RequestInfo, Target, catalogue},
    caller::{Caller, Principal},
    ids::TokenId,
    token::TokenKind,
};
use pileus_store::{
    Recorded, Tx,
    auth::{self as store, PresentedToken},
    members,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// After how many seconds without a recorded login the next use of a token is one: twelve hours.
const LOGIN_SECONDS: i64 = 12 * 60 * 60;
/// Failed logins remembered at most; beyond it each one is recorded by itself.
const MAX_FAILURES: usize = 10_000;
/// Last uses written in one transaction at most.
const BATCH: usize = 1000;

/// Why a known token lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Failure {
    /// It was revoked, or what it stood for is gone.
    Revoked,
    /// It has expired.
    Expired,
    /// Its owner was deleted.
    OwnerDeleted,
    /// Its owner is disabled.
    OwnerDisabled,
    /// It is good, but lives longer than the organisation of this log allows.
    TooLongLived(LogId),
}

impl Failure {
    /// Why this token lets nobody in now, if it does not.
    pub(super) fn of(token: &PresentedToken, now: Timestamp) -> Option<Self> {
        let orphan = token.owner.is_none() && token.org.is_none();
        let team_gone = token.kind == TokenKind::Team && token.team.is_none();
        if token.deleted || orphan || team_gone {
            return Some(Self::Revoked);
        }
        match &token.owner {
            Some(owner) if owner.deleted => return Some(Self::OwnerDeleted),
            Some(owner) if owner.disabled => return Some(Self::OwnerDisabled),
            _ => {}
        }
        let expires = token.expires_at != Timestamp::EPOCH;
        (expires && token.expires_at <= now).then_some(Self::Expired)
    }
    /// What the caller is told.
    pub(super) fn error(self) -> Error {
        match self {
            Self::Revoked => Error::unauthenticated("the access token was revoked"),
            Self::Expired => Error::unauthenticated("the access token has expired"),
            Self::OwnerDeleted | Self::OwnerDisabled => {
                Error::unauthenticated("the owner of the access token may not log in")
            }
            Self::TooLongLived(_) => Error::forbidden(
                "the organization accepts only access tokens that expire soon: create one within its maxAccessTokenExpiryDays",
            ),
        }
    }
    const fn label(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::OwnerDeleted => "owner-deleted",
            Self::OwnerDisabled => "owner-disabled",
            Self::TooLongLived(_) => "too-long-lived",
        }
    }
    fn description(self, caller: &Caller) -> String {
        let (token, login) = (named(caller), caller.login());
        match self {
            Self::Revoked => format!("Login failed: token {token} was revoked"),
            Self::Expired => format!("Login failed: token {token} has expired"),
            Self::OwnerDeleted => format!("Login failed: token {token} belongs to the deleted user \"{login}\""),
            Self::OwnerDisabled => format!("Login failed: token {token} belongs to the disabled user \"{login}\""),
            Self::TooLongLived(_) => format!("Login failed: token {token} lives longer than the organization allows"),
        }
    }
}

/// The identifier of the caller's token: a machine token's name is its own for ever, a personal one has only its id.
fn identifier(caller: &Caller) -> String {
    match caller.token_kind {
        TokenKind::Personal => caller.token.to_string(),
        TokenKind::Organization | TokenKind::Team => caller.token_name.clone(),
    }
}

/// The token as descriptions name it: its identifier, and a personal one's description in brackets.
fn named(caller: &Caller) -> String {
    let identifier = identifier(caller);
    match (caller.token_kind, caller.token_name.as_str()) {
        (TokenKind::Personal, description) if !description.is_empty() => format!("\"{identifier}\" ({description})"),
        _ => format!("\"{identifier}\""),
    }
}

/// Token, reason and minute: what makes two failed logins equal.
type FailureKey = (TokenId, Failure, i64);

/// The failed logins that one event stands for.
#[derive(Debug)]
struct Repeated {
    events: Vec<NewEvent>,
    /// Equal ones since the first, not yet recorded.
    more: i64,
}

/// What is remembered of logins between requests.
#[derive(Debug, Default)]
pub struct Logins {
    uses: Mutex<HashMap<TokenId, Timestamp>>,
    failures: Mutex<HashMap<FailureKey, Repeated>>,
}

/// A poisoned lock only means that another thread panicked; what it guards here is a memory that may be forgotten.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Logins {
    /// Remembers that a token was used.
    pub(super) fn used(&self, token: TokenId, now: Timestamp) {
        let mut uses = lock(&self.uses);
        let at = uses.entry(token).or_insert(now);
        *at = now.max(*at);
    }
    /// When this node last saw the token, if that is not yet written.
    pub fn last_use(&self, token: TokenId) -> Option<Timestamp> {
        lock(&self.uses).get(&token).copied()
    }
    /// Counts a failed login. `true` if an equal one was recorded within the minute, so that this one need not be.
    fn counted(&self, key: &FailureKey) -> bool {
        match lock(&self.failures).get_mut(key) {
            Some(known) => {
                known.more += 1;
                true
            }
            None => false,
        }
    }
    fn remember(&self, key: FailureKey, events: &[NewEvent]) {
        let mut failures = lock(&self.failures);
        if failures.len() < MAX_FAILURES {
            failures.entry(key).or_insert_with(|| Repeated { events: events.to_vec(), more: 0 });
        }
    }
}

fn minute(now: Timestamp) -> i64 {
    now.as_seconds().div_euclid(60)
}

/// Where an event about this token belongs: its organisation's log, or those of all its owner's organisations.
fn logs(tx: &mut dyn Tx, caller: &Caller, only: Option<LogId>) -> Result<Vec<LogId>> {
    match (&caller.principal, only) {
        (_, Some(log)) => Ok(vec![log]),
        (Principal::User(user), None) => members::logs_of_user(tx, user.id),
        (Principal::Organization(org) | Principal::Team { org, .. }, None) => Ok(vec![org.log]),
    }
}

fn events(
    logs: Vec<LogId>,
    event: EventType,
    caller: &Caller,
    request: &RequestInfo,
    outcome: Outcome,
    description: &str,
) -> Vec<NewEvent> {
    let target = match (&caller.principal, outcome) {
        (Principal::User(user), Outcome::Success) => Target::new("user", &user.login),
        _ => Target::new("token", identifier(caller)),
    };
    let one = |log| NewEvent {
        log,
        event,
        actor: caller.actor(),
        request: request.clone(),
        target: target.clone(),
        outcome,
        description: description.to_owned(),
        count: 1,
    };
    logs.into_iter().map(one).collect()
}

/// Records that a known token let nobody in: at most once per token, reason and minute, the rest counted.
pub(super) async fn record_failure(
    app: &Arc<App>,
    token: &PresentedToken,
    caller: &Caller,
    failure: Failure,
    request: &RequestInfo,
) {
    metrics::counter!("pileus_logins_failed_total", "reason" => failure.label()).increment(1);
    let key = (token.id, failure, minute(app.clock.now()));
    if app.logins.counted(&key) {
        return;
    }
    let only = match failure {
        Failure::TooLongLived(log) => Some(log),
        _ => None,
    };
    let (caller, request) = (caller.clone(), request.clone());
    let description = failure.description(&caller);
    let written = app
        .store
        .write(move |tx| {
            let logs = logs(tx, &caller, only)?;
            let events = events(logs, catalogue::USER_LOGIN_FAILED, &caller, &request, Outcome::Failure, &description);
            Ok(Recorded::with_all(events.clone(), events))
        })
        .await;
    match written {
        Ok(events) => app.logins.remember(key, &events),
        Err(error) => swallowed(&error, "a failed login could not be recorded"),
    }
}

/// Records a login if none with this token was within twelve hours. A request is not refused because that can't be
/// written just now: reads go on where the store is full, and the next request tries again.
pub(super) async fn record_login(app: &Arc<App>, token: &PresentedToken, caller: &Caller, request: &RequestInfo) {
    let now = app.clock.now();
    let since = now.plus_seconds(-LOGIN_SECONDS);
    if token.last_login_at > since {
        return;
    }
    let (id, caller, request) = (token.id, caller.clone(), request.clone());
    let name = &caller.token_name;
    let description = match &caller.principal {
        Principal::User(user) => format!("User \"{}\" logged into the Pulumi Console.", user.login),
        Principal::Organization(_) => format!("Logged in with organization token \"{name}\""),
        Principal::Team { .. } => format!("Logged in with team token \"{name}\""),
    };
    let written = app
        .store
        .write(move |tx| {
            if !store::note_login(tx, id, now, since)? {
                return Ok(Recorded::unaudited((), "another request at the same time recorded it"));
            }
            let logs = logs(tx, &caller, None)?;
            let events = events(logs, catalogue::USER_LOGIN, &caller, &request, Outcome::Success, &description);
            Ok(Recorded::with_all((), events))
        })
        .await;
    if let Err(error) = written {
        swallowed(&error, "a login could not be recorded");
    }
}

/// Records the counted failed logins of minutes that are over; with `all` those of the current one too.
pub(crate) async fn flush_failures(app: &Arc<App>, all: bool) {
    let minute = minute(app.clock.now());
    let over: Vec<Repeated> = {
        let mut failures = lock(&app.logins.failures);
        let keys: Vec<FailureKey> = failures.keys().filter(|(_, _, m)| all || *m != minute).copied().collect();
        keys.iter().filter_map(|key| failures.remove(key)).filter(|r| r.more > 0).collect()
    };
    for mut repeated in over {
        for event in &mut repeated.events {
            event.count = repeated.more;
            event.description = format!("{} ({} more times in the same minute)", event.description, repeated.more);
        }
        let write = app.store.write(move |_| Ok(Recorded::with_all((), repeated.events.clone())));
        if let Err(error) = write.await {
            swallowed(&error, "failed logins could not be recorded");
        }
    }
}

/// Writes when tokens were last used, in batches. What can't be written now is kept for the next time.
///
/// # Errors
/// `Unavailable` where the database can't.
pub(crate) async fn flush_uses(app: &Arc<App>) -> Result<()> {
    let mut uses: Vec<_> = std::mem::take(&mut *lock(&app.logins.uses)).into_iter().collect();
    uses.sort_unstable_by_key(|(token, _)| *token);
    let mut batches = uses.chunks(BATCH);
    while let Some(batch) = batches.next() {
        let rows = batch.to_vec();
        let write = app.store.write(move |tx| {
            store::note_uses(tx, &rows)?;
            Ok(Recorded::unaudited((), "when a token was last used changes nothing for anybody"))
        });
        if let Err(error) = write.await {
            for (token, at) in batch.iter().chain(batches.flatten()) {
                app.logins.used(*token, *at);
            }
            return Err(error);
        }
    }
    Ok(())
}

fn swallowed(error: &Error, what: &'static str) {
    metrics::counter!("pileus_audit_write_failures_total").increment(1);
    tracing::error!(%error, what);
}
