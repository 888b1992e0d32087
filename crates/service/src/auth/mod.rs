//! Who presents this token, and what he is in the organisation that the request names.
//!
//! Runs on every request, in one read transaction: one statement for the token and its owner, a second one where a person
//! asks for an organisation. Nothing about validity is remembered, so that what an admin revokes is revoked at once on
//! every node. This room knows when a token is good and what a login leaves in the log; it must never know headers.

mod access;
mod logins;
mod objects;

#[cfg(test)]
mod tests;

pub(crate) use access::of_settings;
pub use logins::Logins;
pub(crate) use logins::{flush_failures, flush_uses};
pub(crate) use objects::{
    GivenMarks, Marks, environment_marks, environment_marks_between, environment_marks_of_each, owner_tag,
};
pub use objects::{object_tags, object_tags_in, team_tag};

use crate::App;
use logins::Failure;
use pileus_model::{
    Error, Result, Timestamp,
    audit::RequestInfo,
    caller::{Caller, OrgAccess, Principal, UserRef},
    ids::{TokenId, UserId},
    token::{TokenHash, TokenKind},
};
use pileus_store::{
    Tx,
    auth::{self as store, PresentedToken},
};
use std::sync::Arc;

/// An authenticated request.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who asks.
    pub caller: Caller,
    /// What he is in the organisation that was named; none if he is not in it, it does not exist, or none was named.
    pub access: Option<OrgAccess>,
}

/// What the read transaction found.
enum Found {
    Unknown,
    Good(Box<(PresentedToken, Authenticated)>),
    Bad(Box<(PresentedToken, Caller)>, Failure),
}

/// Authenticates what a client presented.
///
/// # Errors
/// `Unauthenticated` for an unknown, expired or revoked token or an owner who is disabled or gone; `Unavailable`.
pub async fn authenticate(app: &Arc<App>, presented: &str, request: &RequestInfo) -> Result<Caller> {
    Ok(authenticate_and_access(app, presented, None, request).await?.caller)
}

/// Authenticates what a client presented, and finds what he is in this organisation, in one read transaction. Records the
/// login if it is the first in twelve hours, and a failed one in the owner's organisations.
///
/// # Errors
/// As [`authenticate`]; `Forbidden` for a token that lives longer than the organisation allows.
pub async fn authenticate_and_access(
    app: &Arc<App>,
    presented: &str,
    org_name: Option<&str>,
    request: &RequestInfo,
) -> Result<Authenticated> {
    let hash = TokenHash::of(presented);
    let org_name = org_name.map(str::to_owned);
    let now = app.clock.now();
    let found = app.store.read(move |tx| look_up(tx, &hash, org_name.as_deref(), now)).await?;
    match found {
        Found::Unknown => {
            metrics::counter!("pileus_logins_failed_total", "reason" => "unknown").increment(1);
            let ip = request.source_ip.map(|ip| ip.to_string()).unwrap_or_default();
            tracing::info!(ip, operation = %request.operation, "an unknown token was presented");
            Err(Error::unauthenticated("the access token is not valid"))
        }
        Found::Bad(known, failure) => {
            let (token, caller) = *known;
            logins::record_failure(app, &token, &caller, failure, request).await;
            Err(failure.error())
        }
        Found::Good(known) => {
            let (token, authenticated) = *known;
            app.logins.used(token.id, now);
            logins::record_login(app, &token, &authenticated.caller, request).await;
            Ok(authenticated)
        }
    }
}

/// What an authenticated caller is in the organisation with this name, in any case; `None` if he is not in it or it does
/// not exist.
///
/// # Errors
/// `Unauthenticated` if the token was revoked in the meantime; `Forbidden` for a token that lives longer than the
/// organisation allows; `Unavailable`.
pub async fn access(app: &Arc<App>, caller: &Caller, org_name: &str) -> Result<Option<OrgAccess>> {
    access_of_token(app, caller.token, org_name).await
}

/// What whoever presents the token with this id is in the organisation with this name; `None` as for [`access`].
///
/// # Errors
/// As [`access`].
pub(crate) async fn access_of_token(app: &Arc<App>, token: TokenId, org_name: &str) -> Result<Option<OrgAccess>> {
    let (name, now) = (org_name.to_owned(), app.clock.now());
    app.store
        .read(move |tx| {
            let Some(token) = store::token_by_id(tx, token)? else {
                return Err(Error::unauthenticated("the access token is not valid"));
            };
            if let Some(failure) = Failure::of(&token, now) {
                return Err(failure.error());
            }
            access::of(tx, &token, &name, now)?.map_err(Failure::error)
        })
        .await
}

/// What a person is in the organisation with this name, for what is done for him later; `None` if he is not in it, or may
/// not log in.
///
/// # Errors
/// `Unavailable`.
pub(crate) async fn access_of_user(app: &Arc<App>, user: UserId, org_name: &str) -> Result<Option<OrgAccess>> {
    let name = org_name.to_owned();
    app.store.read(move |tx| access::of_user(tx, user, &name)).await
}

fn look_up(tx: &mut dyn Tx, hash: &TokenHash, org_name: Option<&str>, now: Timestamp) -> Result<Found> {
    let Some(token) = store::token_by_hash(tx, hash)?.filter(|token| hash.matches(&token.hash)) else {
        return Ok(Found::Unknown);
    };
    let Some(caller) = caller_of(&token) else {
        return Err(Error::internal(format!("token {} stands for nobody", token.id)));
    };
    if let Some(failure) = Failure::of(&token, now) {
        return Ok(Found::Bad(Box::new((token, caller)), failure));
    }
    let access = match org_name {
        None => None,
        Some(name) => match access::of(tx, &token, name, now)? {
            Ok(access) => access,
            Err(failure) => return Ok(Found::Bad(Box::new((token, caller)), failure)),
        },
    };
    Ok(Found::Good(Box::new((token, Authenticated { caller, access }))))
}

/// Whom the token stands for. A personal token that reaches one organisation only never makes a site admin.
fn caller_of(token: &PresentedToken) -> Option<Caller> {
    let org = token.org.as_ref().map(|(org, _)| org);
    let principal = match token.kind {
        TokenKind::Personal => {
            let user = &token.owner.as_ref()?.user;
            let site_admin = user.site_admin && org.is_none();
            Principal::User(UserRef { site_admin, ..user.clone() })
        }
        TokenKind::Organization => Principal::Organization(org?.clone()),
        TokenKind::Team => match &token.team {
            Some((team, name)) => Principal::Team { org: org?.clone(), team: *team, name: name.clone() },
            // The team is gone, and its tokens with it; the organisation still learns of the attempt.
            None => Principal::Organization(org?.clone()),
        },
    };
    Some(Caller {
        principal,
        token: token.id,
        token_kind: token.kind,
        token_name: token.name.clone(),
        only_org: org.map(|org| org.id).filter(|_| token.kind == TokenKind::Personal),
        last_used: token.last_used_at,
    })
}
