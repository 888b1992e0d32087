//! Refused identity tokens in the log: `oidc-issuer-validation-failed`, at most once per issuer, reason and minute, the rest
//! counted, so that a stranger who knows an issuer cannot flood the organisation's log.

use super::{jwt, lock, reject::Reject};
use crate::{App, Cx};
use pileus_model::{
    Error,
    audit::{Actor, ActorKind, NewEvent, Outcome, Target, catalogue},
    caller::OrgRef,
    ids::IssuerId,
};
use pileus_store::{Recorded, oidc::IssuerRow};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// Refusals remembered at most; beyond it each one is recorded by itself.
const REMEMBERED: usize = 10_000;

/// Issuer, reason and minute: what makes two refusals equal.
type Key = (IssuerId, &'static str, i64);

/// The refusals that one event stands for: the event, and how many equal ones came since.
#[derive(Debug)]
struct Repeated {
    event: NewEvent,
    more: i64,
}

/// Refusals of the running minute.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<HashMap<Key, Repeated>>);

/// The login under which a subject's actions are recorded. No user's login holds a colon, so that no issuer can make its
/// subjects look like a user.
pub(super) fn login(subject: &str) -> String {
    format!("oidc:{subject}")
}

/// The subject of an identity token as an actor.
pub(super) fn actor(subject: &str) -> Actor {
    Actor {
        kind: ActorKind::OidcSubject,
        user: None,
        login: login(subject),
        name: subject.to_owned(),
        token: None,
        token_name: String::new(),
    }
}

/// Records that a token said to be of this issuer was refused. What an unverified token says of itself is not repeated:
/// anybody can write anything into one.
pub(super) async fn record(cx: &Cx, org: &OrgRef, issuer: &IssuerRow, reject: &Reject, claims: &jwt::Claims) {
    metrics::counter!("pileus_oidc_refusals_total", "reason" => reject.label()).increment(1);
    let subject = jwt::subject(claims).filter(|s| reject.verified() && s.len() <= 1024);
    let mut event = cx.event_in(
        org.log,
        catalogue::OIDC_ISSUER_VALIDATION_FAILED,
        Target::new("oidc-issuer", &issuer.url),
        match subject {
            Some(subject) => {
                format!("Refused a token of OIDC issuer \"{}\" for \"{subject}\": {}", issuer.url, reject.reason())
            }
            None => format!("Refused a token of OIDC issuer \"{}\": {}", issuer.url, reject.reason()),
        },
    );
    event.actor = actor(subject.unwrap_or_default());
    if subject.is_none() {
        "unverified".clone_into(&mut event.actor.name);
    }
    event.outcome = Outcome::Failure;
    let key = (issuer.id, reject.label(), cx.now().as_seconds().div_euclid(60));
    {
        let mut failures = lock(&cx.app.oidc.failures.0);
        if let Some(known) = failures.get_mut(&key) {
            known.more += 1;
            return;
        }
        if failures.len() < REMEMBERED {
            failures.insert(key, Repeated { event: event.clone(), more: 0 });
        }
    }
    write(&cx.app, event).await;
}

/// Records the counted refusals of minutes that are over; with `all` those of the current one too.
pub(crate) async fn flush(app: &Arc<App>, all: bool) {
    let minute = app.clock.now().as_seconds().div_euclid(60);
    let over: Vec<Repeated> = {
        let mut failures = lock(&app.oidc.failures.0);
        let keys: Vec<Key> = failures.keys().filter(|(_, _, m)| all || *m != minute).copied().collect();
        keys.iter().filter_map(|key| failures.remove(key)).filter(|r| r.more > 0).collect()
    };
    for Repeated { mut event, more } in over {
        event.count = more;
        event.description = format!("{} ({more} more times in the same minute)", event.description);
        write(app, event).await;
    }
}

async fn write(app: &App, event: NewEvent) {
    let written: Result<(), Error> = app.store.write(move |_| Ok(Recorded::new((), event.clone()))).await;
    if let Err(error) = written {
        metrics::counter!("pileus_audit_write_failures_total").increment(1);
        tracing::error!(%error, "a refused identity token could not be recorded");
    }
}
