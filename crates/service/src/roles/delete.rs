//! Deleting a role, and what becomes of those who have it.
//!
//! Nobody may gain by it: members fall back to the built-in `member`, teams lose it, and tokens are revoked, since a
//! token without a role of its own would have that of a member.

use super::{change::changeable, parse_id};
use crate::Cx;
use pileus_model::{
    Error, Result,
    audit::{EventType, NewEvent, Target, catalogue},
    authz::Policy,
    ids::OrgId,
    token::TokenKind,
};
use pileus_store::{
    Recorded, Tx, organizations,
    roles::{self as store, RoleRow},
    teams, tokens,
};

/// How many holders an error names.
const NAMED: usize = 5;

/// Deletes a role. With `force` also one that someone has.
///
/// # Errors
/// `NotFound`; `Invalid` for a built-in role and, without `force`, for one that someone has, saying who; `Forbidden` for
/// the caller's own role.
pub async fn delete(cx: &Cx, id: &str, force: bool) -> Result<()> {
    let (org, id) = (cx.org()?.id, parse_id(id)?);
    let (cx, app) = (cx.clone(), cx.app.clone());
    app.store
        .write(move |tx| {
            organizations::lock(tx, org)?;
            let row = changeable(tx, org, id)?;
            if !force {
                check_unused(tx, org, &row)?;
            }
            check_not_own(tx, &cx, &row)?;
            let name = &row.name;
            let mut events = vec![cx.event(
                catalogue::CUSTOM_ROLE_DELETED,
                Target::new("role", name),
                format!("Deleted custom role \"{name}\""),
            )?];
            release(tx, &cx, &row, &mut events)?;
            store::delete(tx, org, id)?;
            Ok(Recorded::with_all((), events))
        })
        .await
}

/// Refuses to let anyone but an admin get rid of his own role: he could gain by falling back to `member`.
fn check_not_own(tx: &mut dyn Tx, cx: &Cx, role: &RoleRow) -> Result<()> {
    let access = cx.access()?;
    let Some(user) = cx.caller()?.user() else {
        return Ok(());
    };
    let own = store::members(tx, access.org.id, role.id)?.iter().any(|member| member.id == user.id);
    if own && !access.policy.covers(&Policy::Everything) {
        return Err(Error::forbidden("you can't delete the role that you have yourself"));
    }
    Ok(())
}

/// Refuses if someone has the role, and says who.
fn check_unused(tx: &mut dyn Tx, org: OrgId, role: &RoleRow) -> Result<()> {
    let mut holders = Vec::new();
    let members = store::members(tx, org, role.id)?;
    let teams = teams::with_role(tx, org, role.id)?;
    let tokens = tokens::with_role(tx, org, role.id)?;
    name_some(&mut holders, "member", members.iter().map(|user| user.login.as_str()));
    name_some(&mut holders, "team", teams.iter().map(|team| team.name.as_str()));
    name_some(&mut holders, "token", tokens.iter().map(|token| token.name.as_str()));
    if store::defaults(tx, org)?.is_some_and(|defaults| defaults.default_role == Some(role.id)) {
        holders.push("new members, as the default role".into());
    }
    if holders.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "role \"{}\" is assigned to {}: take it from them, or delete it with force=true",
        role.name,
        holders.join("; ")
    )))
}

fn name_some<'a>(holders: &mut Vec<String>, what: &str, names: impl ExactSizeIterator<Item = &'a str>) {
    let count = names.len();
    if count == 0 {
        return;
    }
    let some: Vec<String> = names.take(NAMED).map(|name| format!("\"{name}\"")).collect();
    let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
    holders.push(format!("{what}{} {}{more}", if count == 1 { "" } else { "s" }, some.join(", ")));
}

/// Takes the role from everyone who has it, each with an event of his own.
fn release(tx: &mut dyn Tx, cx: &Cx, role: &RoleRow, events: &mut Vec<NewEvent>) -> Result<()> {
    let org = cx.org()?;
    let name = &role.name;
    for user in store::members(tx, org.id, role.id)? {
        let description = format!("Changed organization role for \"{}\" to member", user.login);
        events.push(cx.event(catalogue::MEMBER_ROLE_CHANGED, Target::new("member", user.login), description)?);
    }
    for team in teams::with_role(tx, org.id, role.id)? {
        let description = format!("Updated team \"{}\": removed role \"{name}\"", team.name);
        events.push(cx.event(catalogue::TEAM_UPDATED, Target::new("team", team.name), description)?);
    }
    for token in tokens::with_role(tx, org.id, role.id)? {
        tokens::delete(tx, org.id, token.id, cx.now())?;
        let (event, kind): (EventType, &str) = match token.kind {
            TokenKind::Team => (catalogue::TEAM_TOKEN_DELETED, "team"),
            _ => (catalogue::ORGANIZATION_TOKEN_DELETED, "organization"),
        };
        let description = format!("Deleted {kind} token \"{}\": its role \"{name}\" was deleted", token.name);
        events.push(cx.event(event, Target::new("token", token.name), description)?);
    }
    store::release_members(tx, org.id, role.id)?;
    store::release_teams(tx, org.id, role.id)?;
    if store::defaults(tx, org.id)?.is_some_and(|defaults| defaults.default_role == Some(role.id)) {
        store::set_default(tx, org.id, None)?;
        let description = format!("Changed settings of organization \"{}\": default role is \"Member\"", org.name);
        let target = Target::new("organization", &org.name);
        events.push(cx.event(catalogue::ORGANIZATION_SETTINGS_CHANGED, target, description)?);
    }
    Ok(())
}
