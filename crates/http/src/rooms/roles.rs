//! Roles on the wire: converts, calls `pileus_service::roles`, converts back. Knows no rule and no SQL.

use super::{teams::team, tokens::access_token};
use pileus_contract::{ops, wire};
use pileus_model::{
    Result,
    authz::{Scope, ScopeGroup, scopes::Category},
    caller::UserRef,
};
use pileus_service::{
    Cx,
    roles::{self, NewRole, Role, RoleChange},
};

/// `ListRolesByOrgIDAndUXPurpose`
pub async fn list(cx: Cx, args: ops::ListRolesByOrgIDAndUXPurposeArgs) -> Result<wire::ListRolesResponse> {
    let roles = roles::list(&cx, args.ux_purpose.as_deref()).await?;
    Ok(wire::ListRolesResponse { roles: roles.into_iter().map(record).collect() })
}

/// `CreateRole`
pub async fn create(cx: Cx, args: ops::CreateRoleArgs) -> Result<wire::PermissionDescriptorRecord> {
    let new = NewRole {
        name: args.body.name,
        description: args.body.description,
        details: args.body.details,
        resource_type: args.body.resource_type,
        ux_purpose: args.body.ux_purpose,
    };
    roles::create(&cx, new).await.map(record)
}

/// `GetRole`
pub async fn get(cx: Cx, args: ops::GetRoleArgs) -> Result<wire::PermissionDescriptorRecord> {
    roles::get(&cx, &args.role_id).await.map(record)
}

/// `UpdateRole`
pub async fn update(cx: Cx, args: ops::UpdateRoleArgs) -> Result<wire::PermissionDescriptorRecord> {
    let change = RoleChange { name: args.body.name, description: args.body.description, details: args.body.details };
    roles::update(&cx, &args.role_id, change).await.map(record)
}

/// `DeleteRole`
pub async fn delete(cx: Cx, args: ops::DeleteRoleArgs) -> Result<()> {
    roles::delete(&cx, &args.role_id, args.force.unwrap_or(false)).await
}

/// `UpdateOrganizationDefaultRole`
pub async fn set_default(cx: Cx, args: ops::UpdateOrganizationDefaultRoleArgs) -> Result<()> {
    roles::set_default(&cx, &args.role_id).await
}

/// `ListAvailableScopes`
pub async fn scopes(_cx: Cx, _args: ops::ListAvailableScopesArgs) -> Result<wire::ListAvailableScopesResponse> {
    let category = |category: &Category| (category.name.to_owned(), category.groups.iter().map(group).collect());
    Ok(roles::scopes().iter().map(category).collect())
}

/// `ListTeamsWithRole`
pub async fn teams(cx: Cx, args: ops::ListTeamsWithRoleArgs) -> Result<wire::ListTeamsWithRoleResponse> {
    let teams = roles::teams_with(&cx, &args.role_id).await?;
    Ok(wire::ListTeamsWithRoleResponse { teams: teams.into_iter().map(team).collect() })
}

/// `ListOrgTokensWithRole`
pub async fn tokens(cx: Cx, args: ops::ListOrgTokensWithRoleArgs) -> Result<wire::ListAccessTokensResponse> {
    let tokens = roles::tokens_with(&cx, &args.role_id).await?;
    let tokens = tokens.into_iter().map(access_token).collect();
    Ok(wire::ListAccessTokensResponse { tokens, continuation_token: None })
}

/// `ListUsersWithRole`
pub async fn users(cx: Cx, args: ops::ListUsersWithRoleArgs) -> Result<wire::ListUsersWithRoleResponse> {
    let users = roles::users_with(&cx, &args.role_id).await?;
    Ok(wire::ListUsersWithRoleResponse { users: users.into_iter().map(user).collect() })
}

/// A role as the contract shows it.
pub(super) fn record(role: Role) -> wire::PermissionDescriptorRecord {
    wire::PermissionDescriptorRecord {
        id: role.id.to_string(),
        org_id: role.org.to_string(),
        name: Some(role.name),
        description: Some(role.description),
        resource_type: Some(role.resource_type),
        ux_purpose: Some(role.ux_purpose),
        details: Some(role.details),
        created: role.created_at.rfc3339(),
        modified: role.modified_at.rfc3339(),
        default_identifier: role.builtin.map(|builtin| builtin.as_str().to_owned()),
        version: role.version,
        is_org_default: role.is_default,
    }
}

/// A user without his address, which is not everybody's business.
fn user(user: UserRef) -> wire::UserInfo {
    wire::UserInfo { name: user.name, github_login: user.login, avatar_url: String::new(), email: None }
}

fn group(group: &ScopeGroup) -> wire::RbacScopeGroup {
    wire::RbacScopeGroup { name: group.name.to_owned(), scopes: group.scopes.iter().map(scope).collect() }
}

fn scope(scope: &Scope) -> wire::RbacScope {
    let metadata = wire::RbacScopeMetadata { description: scope.description.to_owned() };
    wire::RbacScope { name: scope.name.to_owned(), metadata }
}
