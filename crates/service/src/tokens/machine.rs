//! Tokens of an organisation and of its teams, for machines: nobody's, so that they outlive whoever made them.

use super::{
    Created, ListQuery, MAX_NAME, NewToken, TokenPage, because, check_description, check_lifetime, expiry, parse_id,
    unknown,
};
use crate::{
    Cx,
    organizations::Settings,
    roles::{grantable, may_grant},
    teams,
};
use pileus_model::{
    Error, ErrorKind, Result,
    audit::{EventType, NewEvent, Target, catalogue},
    authz::Policy,
    caller::{BuiltinRole, OrgAccess, Principal},
    ids::RoleId,
    names::check_line,
    token::TokenKind,
};
use pileus_store::{
    Recorded, Tx, organizations, roles as role_store,
    teams::{self as team_store, TeamRow},
    tokens::{self as store, NewTokenRow},
};

/// An organisation's token to be made.
#[derive(Debug, Clone, Default)]
pub struct NewOrganizationToken {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// When it expires, in Unix seconds; 0 for never.
    pub expires: i64,
    /// May do everything in the organisation.
    pub admin: bool,
    /// Its role. Without one it has the caller's own custom role, or else that of a member.
    pub role: Option<String>,
    /// Why, for the log.
    pub reason: Option<String>,
}

/// A team's token to be made.
#[derive(Debug, Clone, Default)]
pub struct NewTeamToken {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// When it expires, in Unix seconds; 0 for never.
    pub expires: i64,
    /// Why, for the log.
    pub reason: Option<String>,
}

/// The organisation's tokens; those of its teams are not among them.
///
/// # Errors
/// `Invalid` for a bad filter, page size or continuation.
pub async fn list_of_organization(cx: &Cx, query: &ListQuery) -> Result<TokenPage> {
    let (org, page) = (cx.org()?.id, query.page(cx.now())?);
    let rows = cx.app.store.read(move |tx| store::of_organization(tx, org, page)).await?;
    Ok(TokenPage::of(rows, page))
}

/// A team's tokens.
///
/// # Errors
/// `NotFound` for an unknown team, `Invalid` for a bad filter, page size or continuation.
pub async fn list_of_team(cx: &Cx, team: &str, query: &ListQuery) -> Result<TokenPage> {
    let (org, page, name) = (cx.org()?.id, query.page(cx.now())?, team.to_owned());
    let rows = cx
        .app
        .store
        .read(move |tx| {
            let team = teams::require(tx, org, &name)?;
            store::of_team(tx, org, team.id, page)
        })
        .await?;
    Ok(TokenPage::of(rows, page))
}

/// Makes a token of the organisation.
///
/// # Errors
/// `Invalid` for a bad name, description, expiry or role; `Forbidden` if it would permit what the caller may not do
/// himself; `Conflict` if the organisation has or had a token of this name.
pub async fn create_for_organization(cx: &Cx, new: NewOrganizationToken) -> Result<Created> {
    let because = because(new.reason.as_deref())?;
    if new.admin {
        may_grant(cx.access()?, &Policy::Everything)?;
    }
    let wanted = new.role.filter(|role| !role.is_empty()).map(|role| role.parse().map_err(|_| no_such_role()));
    let wanted = wanted.transpose()?;
    let token = token(cx, TokenKind::Organization, new.name, new.description, new.expires)?;
    let (value, row) = NewToken { admin: new.admin, ..token }.mint(&cx.app);
    let (cx, id, app) = (cx.clone(), row.id, cx.app.clone());
    app.store
        .write(move |tx| {
            let access = cx.access()?;
            organizations::lock(tx, access.org.id)?;
            check_new(tx, &cx, &row)?;
            let (admin, role) = role_of(tx, &cx, access, row.admin, wanted)?;
            store::insert(tx, &NewTokenRow { admin, role, ..row.clone() })?;
            let text = format!("Created organization token \"{}\"{because}", row.name);
            Ok(Recorded::new((), event(&cx, catalogue::ORGANIZATION_TOKEN_CREATED, &row.name, text)?))
        })
        .await?;
    Ok(Created { id, value })
}

/// Makes a token of a team.
///
/// # Errors
/// `NotFound` for an unknown team; `Invalid` for a bad name, description or expiry; `Forbidden` if the team's role permits
/// what the caller may not do himself; `Conflict` if the organisation has or had a token of this name.
pub async fn create_for_team(cx: &Cx, team: &str, new: NewTeamToken) -> Result<Created> {
    let because = because(new.reason.as_deref())?;
    let (value, row) = token(cx, TokenKind::Team, new.name, new.description, new.expires)?.mint(&cx.app);
    let (cx, id, app, team) = (cx.clone(), row.id, cx.app.clone(), team.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            let team: TeamRow = teams::require(tx, org, &team)?;
            teams::may_lend(tx, &cx, &team)?;
            check_new(tx, &cx, &row)?;
            store::insert(tx, &NewTokenRow { team: Some(team.id), ..row.clone() })?;
            let text = format!("Created team token \"{}\" for team \"{}\"{because}", row.name, team.name);
            Ok(Recorded::new((), event(&cx, catalogue::TEAM_TOKEN_CREATED, &row.name, text)?))
        })
        .await?;
    Ok(Created { id, value })
}

fn token(cx: &Cx, kind: TokenKind, name: String, description: String, expires: i64) -> Result<NewToken> {
    check_line("name", &name, MAX_NAME)?;
    check_description(&description)?;
    Ok(NewToken {
        kind,
        user: None,
        org: Some(cx.org()?.id),
        team: None,
        name,
        description,
        admin: false,
        role: None,
        issuer: None,
        created_by: cx.caller()?.login().to_owned(),
        expires_at: expiry(expires, cx.now())?,
    })
}

/// What holds for every new token of an organisation or team: its lifetime and its name.
fn check_new(tx: &mut dyn Tx, cx: &Cx, row: &NewTokenRow) -> Result<()> {
    let org = cx.org()?;
    if let Some(found) = organizations::by_id(tx, org.id)? {
        check_lifetime(&org.name, &Settings::parse(&found.settings), row.expires_at, cx.now())?;
    }
    if store::name_taken(tx, org.id, &row.name)? {
        return Err(Error::conflict(format!(
            "a token with the name \"{}\" exists or existed: names are not given twice in an organization",
            row.name
        )));
    }
    Ok(())
}

fn no_such_role() -> Error {
    Error::invalid("roleID: the organization has no such role")
}

/// What a new token of the organisation permits, as the store keeps it: the admin's and the member's role are the two
/// sides of `admin`, any other role is named.
fn role_of(
    tx: &mut dyn Tx,
    cx: &Cx,
    access: &OrgAccess,
    admin: bool,
    wanted: Option<RoleId>,
) -> Result<(bool, Option<RoleId>)> {
    let Some(id) = wanted else {
        return if admin { Ok((true, None)) } else { Ok((false, own_role(tx, cx)?)) };
    };
    let role = grantable(tx, access, id).map_err(|error| match error.kind() {
        ErrorKind::NotFound => no_such_role(),
        _ => error,
    })?;
    match role.builtin {
        Some(BuiltinRole::Admin) => Ok((true, None)),
        _ if admin => Err(Error::invalid("admin and roleID exclude each other")),
        Some(BuiltinRole::Member) => Ok((false, None)),
        _ => Ok((false, Some(id))),
    }
}

/// The caller's own custom role: who has less than a member can't make a token that is a member.
fn own_role(tx: &mut dyn Tx, cx: &Cx) -> Result<Option<RoleId>> {
    let org = cx.org()?.id;
    let caller = cx.caller()?;
    match &caller.principal {
        Principal::User(user) => role_store::of_member(tx, org, user.id),
        Principal::Organization(_) => Ok(store::find(tx, org, caller.token)?.and_then(|token| token.role)),
        Principal::Team { name, .. } => Ok(team_store::find(tx, org, name)?.and_then(|team| team.role)),
    }
}

fn event(cx: &Cx, event: EventType, name: &str, text: String) -> Result<NewEvent> {
    cx.event(event, Target::new("token", name), text)
}

/// Revokes a token of the organisation.
///
/// # Errors
/// `NotFound` if the organisation has none with this id any more; a team's is not one.
pub async fn delete_of_organization(cx: &Cx, id: &str) -> Result<()> {
    let (org, id) = (cx.org()?.id, parse_id(id)?);
    let (cx, app) = (cx.clone(), cx.app.clone());
    app.store
        .write(move |tx| {
            let found = store::find(tx, org, id)?.filter(|token| token.kind == TokenKind::Organization);
            let row = found.ok_or_else(unknown)?;
            if !store::delete(tx, org, id, cx.now())? {
                return Err(unknown());
            }
            let text = format!("Deleted organization token \"{}\"", row.name);
            Ok(Recorded::new((), event(&cx, catalogue::ORGANIZATION_TOKEN_DELETED, &row.name, text)?))
        })
        .await
}

/// Revokes a token of a team.
///
/// # Errors
/// `NotFound` for an unknown team or if it has none with this id any more; `Invalid` for a token of the organisation.
pub async fn delete_of_team(cx: &Cx, team: &str, id: &str, reason: Option<&str>) -> Result<()> {
    let because = because(reason)?;
    let (org, id, team) = (cx.org()?.id, parse_id(id)?, team.to_owned());
    let (cx, app) = (cx.clone(), cx.app.clone());
    app.store
        .write(move |tx| {
            let team = teams::require(tx, org, &team)?;
            let row = store::find(tx, org, id)?.ok_or_else(unknown)?;
            if row.kind != TokenKind::Team {
                return Err(Error::invalid("the requested token is not a team token"));
            }
            if row.team != Some(team.id) || !store::delete(tx, org, id, cx.now())? {
                return Err(unknown());
            }
            let text = format!("Deleted team token \"{}\" of team \"{}\"{because}", row.name, team.name);
            Ok(Recorded::new((), event(&cx, catalogue::TEAM_TOKEN_DELETED, &row.name, text)?))
        })
        .await
}
