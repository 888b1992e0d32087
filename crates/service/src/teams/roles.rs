//! The role of a team: whoever is in the team has it, and so have the team's tokens. A team has one at most.

use super::require;
use crate::{
    Cx,
    roles::{PURPOSE_PRIVATE, Role, find_grant, grantable, load},
};
use pileus_model::{
    Error, Result,
    audit::{NewEvent, Target, catalogue},
    ids::RoleId,
};
use pileus_store::{
    Recorded, Tx, organizations,
    roles::{self as role_store, RoleRow},
    teams::{self as store, TeamRow},
};

/// The resource type of a role that was made for a team.
const RESOURCE_TYPE: &str = "team";
/// What such a role grants at first: nothing.
const NOTHING: &str = "{\"__type\":\"PermissionDescriptorGroup\",\"entries\":[]}";

fn unknown() -> Error {
    Error::not_found("role not found")
}

/// The roles of a team: one or none.
///
/// # Errors
/// `NotFound` for an unknown team.
pub async fn roles(cx: &Cx, team: &str) -> Result<Vec<Role>> {
    let (org, team) = (cx.org()?.id, team.to_owned());
    cx.app
        .store
        .read(move |tx| match require(tx, org, &team)?.role {
            Some(role) => Ok(load(tx, org, role)?.into_iter().collect()),
            None => Ok(Vec::new()),
        })
        .await
}

/// Makes a role for a team and gives it to it. It grants nothing until it is changed.
///
/// # Errors
/// `NotFound` for an unknown team; `Invalid` if the team has a role, or another role has the name.
pub async fn enable_roles(cx: &Cx, team: &str) -> Result<Role> {
    let id = RoleId::new(&*cx.app.clock, &*cx.app.entropy);
    let (cx, app, name) = (cx.clone(), cx.app.clone(), team.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            let team = require(tx, org, &name)?;
            if team.role.is_some() {
                return Err(Error::invalid(format!("team \"{name}\" already has a role")));
            }
            let row = private_role(id, &team, &cx);
            if role_store::by_name(tx, org, &row.name)?.is_some() {
                return Err(Error::invalid(format!("a role with the name \"{}\" already exists", row.name)));
            }
            role_store::insert(tx, org, &row)?;
            store::update(tx, org, &TeamRow { role: Some(id), ..team })?;
            let role = load(tx, org, id)?.ok_or_else(unknown)?;
            let created = format!("Created custom role \"{}\"", row.name);
            let updated = format!("Updated team \"{name}\": set role to \"{}\"", row.name);
            let events = vec![
                cx.event(catalogue::CUSTOM_ROLE_CREATED, Target::new("role", &row.name), created)?,
                cx.event(catalogue::TEAM_UPDATED, Target::new("team", &name), updated)?,
            ];
            Ok(Recorded::with_all(role, events))
        })
        .await
}

fn private_role(id: RoleId, team: &TeamRow, cx: &Cx) -> RoleRow {
    RoleRow {
        id,
        name: format!("team:{}", team.name),
        description: format!("The role of team {}", team.name),
        resource_type: RESOURCE_TYPE.into(),
        ux_purpose: PURPOSE_PRIVATE.into(),
        details: NOTHING.into(),
        version: 1,
        created_at: cx.now(),
        modified_at: cx.now(),
    }
}

/// Gives a team a role, in place of the one that it has.
///
/// # Errors
/// `NotFound` for an unknown team or role; `Invalid` for what is not a role; `Forbidden` if it permits what the caller
/// may not do himself.
pub async fn set_role(cx: &Cx, team: &str, role: &str) -> Result<()> {
    let id: RoleId = role.parse().map_err(|_| unknown())?;
    let (cx, app, name) = (cx.clone(), cx.app.clone(), team.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            let team = require(tx, org, &name)?;
            let role = grantable(tx, cx.access()?, id)?;
            store::update(tx, org, &TeamRow { role: Some(id), ..team })?;
            let description = format!("Updated team \"{name}\": set role to \"{}\"", role.name);
            Ok(Recorded::new((), cx.event(catalogue::TEAM_UPDATED, Target::new("team", &name), description)?))
        })
        .await
}

/// Takes its role from a team.
///
/// # Errors
/// `NotFound` for an unknown team, or a role that it does not have.
pub async fn remove_role(cx: &Cx, team: &str, role: &str) -> Result<()> {
    let id: RoleId = role.parse().map_err(|_| unknown())?;
    let (cx, app, name) = (cx.clone(), cx.app.clone(), team.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            let team = require(tx, org, &name)?;
            if team.role != Some(id) {
                return Err(unknown());
            }
            let role = find_grant(tx, org, id)?.map_or_else(|| id.to_string(), |role| role.name);
            store::update(tx, org, &TeamRow { role: None, ..team })?;
            let description = format!("Updated team \"{name}\": removed role \"{role}\"");
            Ok(Recorded::new((), cx.event(catalogue::TEAM_UPDATED, Target::new("team", &name), description)?))
        })
        .await
}

/// Deletes the role that was made for a team which is gone, unless someone else has it.
pub(super) fn drop_private(tx: &mut dyn Tx, cx: &Cx, id: RoleId) -> Result<Option<NewEvent>> {
    let org = cx.org()?.id;
    let Some(role) = role_store::find(tx, org, id)? else {
        return Ok(None);
    };
    let private = role.ux_purpose == PURPOSE_PRIVATE && role.resource_type == RESOURCE_TYPE;
    if !private || !role_store::holders(tx, org, id)?.is_empty() {
        return Ok(None);
    }
    role_store::delete(tx, org, id)?;
    let description = format!("Deleted custom role \"{}\"", role.name);
    cx.event(catalogue::CUSTOM_ROLE_DELETED, Target::new("role", role.name), description).map(Some)
}
