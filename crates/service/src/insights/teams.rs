//! Which teams may use an account, and how far. Children have nothing of their own here.
//!
//! Knows that giving a team a permission is giving it what that permits, so that nobody gives what he lacks. It must never know
//! who is in a team.

use super::accounts::{require, require_root};
use crate::{Cx, teams};
use pileus_model::{
    Error, Result,
    audit::{Target, catalogue},
    authz::{Object, ObjectKind, scopes::account_permissions},
    insights::TeamPermission,
    names::decode_account,
};
use pileus_store::{
    Recorded, Tx,
    insights::teams as store,
    organizations,
    teams::{self as store_teams, TeamRow},
};

/// A team and what it may do with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountTeam {
    /// The team.
    pub team: TeamRow,
    /// Whether the caller is in it.
    pub is_member: bool,
    /// What it may do.
    pub permission: TeamPermission,
}

/// The teams that were named for an account, by name, and the account's decoded name.
///
/// # Errors
/// `NotFound`.
pub async fn list(cx: &Cx, name: &str) -> Result<(String, Vec<AccountTeam>)> {
    let (org, name, user) = (cx.org()?.id, decode_account(name), cx.caller()?.user().map(|user| user.id));
    cx.app
        .store
        .read(move |tx| {
            let account = require(tx, org, &name)?.account;
            let given = store::of_account(tx, org, account.root)?;
            let own = match user {
                Some(user) => store_teams::of_user(tx, org, user)?,
                None => Vec::new(),
            };
            let mut found = Vec::new();
            for team in store_teams::list(tx, org)? {
                if let Some((_, permission)) = given.iter().find(|(id, _)| *id == team.id) {
                    let is_member = own.iter().any(|membership| membership.team.id == team.id);
                    found.push(AccountTeam { team, is_member, permission: *permission });
                }
            }
            Ok((name.clone(), found))
        })
        .await
}

/// Decides what a team may do with an account and its children; `None`: the team is no longer named there. What it may
/// already is left as it is.
///
/// # Errors
/// `NotFound` for the account and the team; `Forbidden` for a child, and if the caller does not have himself what he gives;
/// `Invalid` for another number than 0 to 3.
pub async fn set(cx: &Cx, name: &str, team: &str, number: Option<i64>) -> Result<()> {
    let permission = match number {
        Some(number) => Some(
            TeamPermission::from_number(number)
                .ok_or_else(|| Error::invalid("Invalid Insights account permission: it must be 0, 1, 2, 3 or null"))?,
        ),
        None => None,
    };
    let (cx, app, name, team) = (cx.clone(), cx.app.clone(), decode_account(name), team.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            let account = require_root(tx, org, &name, "permissions must be managed on")?.account;
            let team = teams::require(tx, org, &team)?;
            may_give(tx, &cx, &name, permission)?;
            let before = store::of_account(tx, org, account.id)?;
            let before = before.into_iter().find(|(id, _)| *id == team.id).map(|(_, permission)| permission);
            if before != permission {
                store::set(tx, org, account.id, team.id, permission)?;
            }
            let said = permission.map_or("no permission", TeamPermission::as_str);
            let description = format!("Gave team \"{}\" {said} on account \"{name}\"", team.name);
            Ok(Recorded::new(
                (),
                cx.event(catalogue::CLOUD_ACCOUNT_UPDATED, Target::new("account", &name), description)?,
            ))
        })
        .await
}

/// Refuses to let the caller give what he does not have on this account himself.
pub(super) fn may_give(tx: &mut dyn Tx, cx: &Cx, name: &str, permission: Option<TeamPermission>) -> Result<()> {
    let Some(permission) = permission else { return Ok(()) };
    let tags = crate::auth::object_tags_in(tx, cx.org()?.id, ObjectKind::Account, name)?;
    let object = Object { kind: ObjectKind::Account, identity: name, tags: &tags };
    match teams::lacking(cx.access()?, &account_permissions(permission), &object) {
        None => Ok(()),
        Some(lacks) => Err(Error::forbidden(format!("you cannot give {lacks}, which you do not have on this account"))),
    }
}
