//! Users, as site admins manage them, and the caller himself.
//!
//! This room knows that logins are never given twice and that a site admin must remain. It must never know tokens.

mod manage;

#[cfg(test)]
mod tests;

pub(crate) use manage::insert;
pub use manage::{NewUser, UserChange, create, delete, update};
pub use pileus_store::{members::Membership, users::User};

use crate::{Cx, auth};
use pileus_model::{
    Error, Result,
    audit::{EventType, LogId, NewEvent, Target},
    caller::{BuiltinRole, OrgRef, Principal, UserRef},
    ids::{TeamId, UserId},
    names::check_owner,
};
use pileus_store::{Tx, members, users as store};

/// Entries of a page unless the client asks for another number.
pub(crate) const PAGE: i64 = 100;
/// Entries of a page at most.
pub(crate) const MAX_PAGE: i64 = 1000;

/// A user with his organisations.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The user.
    pub user: User,
    /// His organisations, the oldest membership first.
    pub organizations: Vec<Membership>,
}

/// Who the caller is.
#[derive(Debug, Clone)]
pub enum Current {
    /// A person, with the organisations that his token reaches.
    Person(UserRef, Vec<Membership>),
    /// A machine: an organisation's token, or a team's.
    Machine {
        /// The organisation.
        org: OrgRef,
        /// The built-in role that the token counts as there.
        role: BuiltinRole,
        /// The team, for a team's token.
        team: Option<(TeamId, String)>,
        /// The token's name.
        token: String,
    },
}

/// Who the caller is.
///
/// # Errors
/// `Unauthenticated` without a caller; `Forbidden` for a machine token that lives longer than its organisation allows.
pub async fn current(cx: &Cx) -> Result<Current> {
    let caller = cx.caller()?;
    let only = caller.only_org;
    Ok(match &caller.principal {
        Principal::User(user) => {
            let id = user.id;
            let mut orgs = cx.app.store.read(move |tx| members::of_user(tx, id)).await?;
            orgs.retain(|m| only.is_none_or(|only| m.org.id == only));
            Current::Person(user.clone(), orgs)
        }
        Principal::Organization(org) | Principal::Team { org, .. } => {
            let access = auth::access(&cx.app, caller, &org.name).await?;
            let team = match &caller.principal {
                Principal::Team { team, name, .. } => Some((*team, name.clone())),
                _ => None,
            };
            let role = access.map_or(BuiltinRole::Member, |access| access.role);
            Current::Machine { org: org.clone(), role, team, token: caller.token_name.clone() }
        }
    })
}

/// The user with this login. For site admins.
///
/// # Errors
/// `NotFound`.
pub async fn get(cx: &Cx, login: &str) -> Result<Profile> {
    let login = login.to_owned();
    cx.app
        .store
        .read(move |tx| {
            let user = store::by_login(tx, &login)?.ok_or_else(|| unknown(&login))?;
            let organizations = members::of_user(tx, user.user.id)?;
            Ok(Profile { user, organizations })
        })
        .await
}

/// A page of all users by login, and the token of the next page. For site admins.
///
/// # Errors
/// `Invalid` for a bad token or page size.
pub async fn list(
    cx: &Cx,
    continuation: Option<&str>,
    page_size: Option<i64>,
) -> Result<(Vec<Profile>, Option<String>)> {
    let (after, limit) = page(continuation, page_size)?;
    cx.app
        .store
        .read(move |tx| {
            let mut users = store::list(tx, &after, limit + 1)?;
            let next = next_page(&mut users, limit, |u| &u.user.login);
            let mut organizations = match (users.first(), users.last()) {
                (Some(first), Some(last)) => members::of_users(tx, &first.user.login, &last.user.login)?,
                _ => Vec::new(),
            };
            let profiles = users.into_iter().map(|user| {
                let id = user.user.id;
                let own = organizations.extract_if(.., |(owner, _)| *owner == id).map(|(_, m)| m).collect();
                Profile { user, organizations: own }
            });
            Ok((profiles.collect(), next))
        })
        .await
}

pub(crate) fn unknown(login: &str) -> Error {
    Error::not_found(format!("user \"{login}\" not found"))
}

/// After which name a page begins, and how long it is. A page's token is the last name on the page before it.
///
/// # Errors
/// `Invalid` for a token that cannot be one, or a size out of bounds.
pub(crate) fn page(continuation: Option<&str>, page_size: Option<i64>) -> Result<(String, i64)> {
    let after = continuation.unwrap_or_default();
    if !after.is_empty() && check_owner("continuationToken", after).is_err() {
        return Err(Error::invalid("continuationToken is not one that this server gave"));
    }
    let limit = page_size.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Error::invalid(format!("pageSize must be between 1 and {MAX_PAGE}")));
    }
    Ok((after.to_owned(), limit))
}

/// Cuts what was read beyond the page, and gives the token of the next one.
pub(crate) fn next_page<T>(rows: &mut Vec<T>, limit: i64, name: impl Fn(&T) -> &String) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().filter(|_| more).map(|last| name(last).to_ascii_lowercase())
}

/// The same event in these logs, in the order of the logs.
pub(crate) fn events_in(
    cx: &Cx,
    logs: &[LogId],
    event: EventType,
    target: &Target,
    description: &str,
) -> Vec<NewEvent> {
    logs.iter().map(|log| cx.event_in(*log, event, target.clone(), description)).collect()
}

/// An event about a user that happens outside any organisation: in the logs of all his organisations, else in the site's.
///
/// # Errors
/// `Unavailable` where the database can't.
pub(crate) fn events_about(
    tx: &mut dyn Tx,
    cx: &Cx,
    user: UserId,
    event: EventType,
    target: &Target,
    description: &str,
) -> Result<Vec<NewEvent>> {
    Ok(events_in(cx, &members::logs_of_user(tx, user)?, event, target, description))
}
