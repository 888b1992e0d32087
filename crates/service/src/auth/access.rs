//! What a token's owner may do in an organisation: his role, the organisation's settings and his teams together.

use super::Failure;
use crate::{
    organizations::Settings,
    roles::builtin::{builtin_of, policy},
};
use pileus_model::{
    Result, Timestamp,
    authz::{
        ObjectKind, Permission, Policy, parse_descriptor,
        scopes::{account_permissions, environment_permissions, team_admin_policy, team_objects_policy},
    },
    caller::{BuiltinRole, OrgAccess, OrgRef},
    ids::{OrgId, UserId},
    token::TokenKind,
};
use pileus_store::{
    Tx,
    auth::{self as store, PresentedToken, RoleGrant, Standing},
};

/// What the token's owner is in the organisation with this name. The outer error is the store's; the inner one says that
/// he is in it, but this token may not be used there.
pub(super) fn of(
    tx: &mut dyn Tx,
    token: &PresentedToken,
    name: &str,
    now: Timestamp,
) -> Result<Result<Option<OrgAccess>, Failure>> {
    let own = token.org.as_ref().filter(|(org, _)| org.name.eq_ignore_ascii_case(name));
    if token.org.is_some() && own.is_none() {
        return Ok(Ok(None));
    }
    let found = match (token.kind, &token.owner, own) {
        (TokenKind::Personal, Some(owner), _) => {
            store::standing(tx, owner.user.id, name)?.map(|s| of_person(s, owner.user.id))
        }
        (TokenKind::Organization, _, Some((org, settings))) => Some(of_organization_token(token, org, settings)),
        (TokenKind::Team, _, Some((org, settings))) => Some(of_team_token(token, org, settings)),
        _ => None,
    };
    Ok(match found {
        Some((access, settings)) if outlives(token, &settings, now) => Err(Failure::TooLongLived(access.org.log)),
        Some((access, _)) => Ok(Some(access)),
        None => Ok(None),
    })
}

/// What a person who may log in is in the organisation with this name.
pub(super) fn of_user(tx: &mut dyn Tx, user: UserId, name: &str) -> Result<Option<OrgAccess>> {
    let known = pileus_store::users::by_id(tx, user)?;
    if known.is_none_or(|known| known.disabled) {
        return Ok(None);
    }
    Ok(store::standing(tx, user, name)?.map(|standing| of_person(standing, user).0))
}

/// Whether the token lives longer than the organisation allows (contract, `maxAccessTokenExpiryDays`: every token needs
/// an expiry, and the time that is left must not exceed so many days).
fn outlives(token: &PresentedToken, settings: &Settings, now: Timestamp) -> bool {
    settings.max_token_lifetime().is_some_and(|limit| !limit.allows(token.expires_at, now))
}

fn of_person(standing: Standing, user: UserId) -> (OrgAccess, Settings) {
    let settings = Settings::parse(&standing.settings);
    let org = standing.org;
    let mut parts = vec![match &standing.custom {
        Some(custom) => of_role(org.id, custom),
        None => policy(standing.role),
    }];
    if standing.custom.is_none() {
        parts.push(of_settings(&settings));
    }
    for team in &standing.teams {
        parts.extend(team.role.as_ref().map(|role| of_role(org.id, role)));
        parts.push(team_objects_policy(&team.name));
        if team.admin {
            parts.push(team_admin_policy(&team.name));
        }
    }
    parts
        .extend([ObjectKind::Environment, ObjectKind::Account].map(|kind| Policy::on_own(kind, user, all_about(kind))));
    (OrgAccess { org, role: standing.role, policy: simplified(parts) }, settings)
}

/// The parts together; everything, if one of them is that.
fn simplified(parts: Vec<Policy>) -> Policy {
    if parts.contains(&Policy::Everything) { Policy::Everything } else { Policy::Group(parts) }
}

/// All permissions on objects of this kind.
fn all_about(kind: ObjectKind) -> Vec<Permission> {
    Permission::all().filter(|permission| permission.resource() == kind).collect()
}

/// An organisation's token: everything if it is an admin's, else its role, else what a member may.
fn of_organization_token(token: &PresentedToken, org: &OrgRef, settings: &str) -> (OrgAccess, Settings) {
    let settings = Settings::parse(settings);
    let builtin = match &token.role {
        _ if token.admin => Some(BuiltinRole::Admin),
        None => Some(BuiltinRole::Member),
        Some(role) => builtin_of(org.id, role.id),
    };
    let policy = match (builtin, &token.role) {
        (None, Some(role)) => of_role(org.id, role),
        (builtin, _) => simplified(vec![policy(builtin.unwrap_or(BuiltinRole::Member)), of_settings(&settings)]),
    };
    let role = builtin.unwrap_or(BuiltinRole::Member);
    (OrgAccess { org: org.clone(), role, policy }, settings)
}

/// A team's token: what the team's role permits, and to read the team.
fn of_team_token(token: &PresentedToken, org: &OrgRef, settings: &str) -> (OrgAccess, Settings) {
    let mut parts: Vec<Policy> = token.role.iter().map(|role| of_role(org.id, role)).collect();
    if let Some((_, name)) = &token.team {
        parts.push(Policy::on(ObjectKind::Team, name, permissions(&["team:read"])));
        parts.push(team_objects_policy(name));
    }
    let access = OrgAccess { org: org.clone(), role: BuiltinRole::Member, policy: Policy::Group(parts) };
    (access, Settings::parse(settings))
}

/// What a role permits. One that is gone, or that this version cannot read, permits nothing.
pub(crate) fn of_role(org: OrgId, role: &RoleGrant) -> Policy {
    if let Some(builtin) = builtin_of(org, role.id) {
        return policy(builtin);
    }
    let parsed = role.details.as_deref().map(|details| {
        let value = serde_json::from_str(details).map_err(|e| e.to_string())?;
        parse_descriptor(&value).map_err(|e| e.to_string())
    });
    match parsed {
        Some(Ok(policy)) => policy,
        Some(Err(error)) => {
            tracing::error!(role = %role.id, error, "a stored role cannot be read and permits nothing");
            Policy::nothing()
        }
        None => {
            tracing::error!(role = %role.id, "an assigned role is gone and permits nothing");
            Policy::nothing()
        }
    }
}

/// What the organisation lets all its members do: what it switched on, and what its default permissions give on every
/// environment and every account. Whoever has a custom role has only that.
pub(crate) fn of_settings(settings: &Settings) -> Policy {
    let switches = [
        (settings.members_can_create_teams, "team:create"),
        (settings.members_can_create_stacks, "stack:create"),
        (settings.members_can_create_accounts, "insights_account:create"),
        (settings.members_can_delete_stacks, "stack:delete"),
        (settings.members_can_transfer_stacks, "stack:transfer"),
    ];
    let on: Vec<&str> = switches.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect();
    let environments = environment_permissions(settings.environment_permission());
    let accounts = account_permissions(settings.account_permission());
    Policy::Allow([permissions(&on), environments, accounts].concat())
}

fn permissions(names: &[&str]) -> Vec<Permission> {
    names.iter().filter_map(|name| Permission::parse(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_named_here_exists() {
        let all = Settings {
            members_can_create_teams: true,
            members_can_create_stacks: true,
            members_can_create_accounts: true,
            members_can_delete_stacks: true,
            members_can_transfer_stacks: true,
            ..Settings::default()
        };
        assert!(matches!(of_settings(&all), Policy::Allow(list) if list.len() == 5));
        let most = Settings {
            default_environment_permission: "admin".into(),
            default_account_permission: 3,
            ..Settings::default()
        };
        assert!(matches!(of_settings(&most), Policy::Allow(list) if list.len() == 1 + 32 + 12));
        assert_eq!(pileus_model::authz::scopes::team_admin_permissions().len(), 6);
    }

    #[test]
    fn a_role_that_cannot_be_read_permits_nothing() {
        let org = OrgId::from_bytes([1; 16]);
        for details in [None, Some("{"), Some("{\"__type\":\"Unheard\"}")] {
            let role =
                RoleGrant { id: pileus_model::ids::RoleId::from_bytes([9; 16]), details: details.map(str::to_owned) };
            assert_eq!(of_role(org, &role), Policy::nothing());
        }
    }
}
