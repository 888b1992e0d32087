//! What the built-in roles grant. The admin's is [`Policy::Everything`].

use super::{super::Policy, Permission};
use crate::insights::TeamPermission;

/// Reading the organisation, its members, teams, roles and tags, and the list of its stacks (which shows to each caller
/// what he may see). Nothing on environments and accounts: whoever creates something gets admin on it.
const MEMBER: &[Permission] = &[
    Permission::named("org_member:read"),
    Permission::named("organization_annotations:read"),
    Permission::named("project_annotations:read"),
    Permission::named("role:read"),
    Permission::named("stack:list"),
    Permission::named("tags:read"),
    Permission::named("team:list"),
    Permission::named("team:read"),
];

const BILLING: &[Permission] =
    &[Permission::named("organization:billing"), Permission::named("organization:read_usage")];

const TEAM_ADMIN: &[Permission] = &[
    Permission::named("team:read"),
    Permission::named("team:update"),
    Permission::named("team:delete"),
    Permission::named("team:create_token"),
    Permission::named("team:list_tokens"),
    Permission::named("team:delete_token"),
];

/// The contract's permission set `Account Read`.
const ACCOUNT_READ: &[Permission] = &[
    Permission::named("insights_account:read"),
    Permission::named("insights_account_access:read"),
    Permission::named("insights_account_scan:read"),
];

/// What `Account Write` has on top.
const ACCOUNT_WRITE: &[Permission] = &[
    Permission::named("insights_account:scan"),
    Permission::named("insights_account:update"),
    Permission::named("insights_account:update_policy_results"),
    Permission::named("insights_account_scan:cancel"),
    Permission::named("insights_account_scan:pause"),
    Permission::named("insights_account_scan:resume"),
    Permission::named("insights_account_scan:update"),
];

/// What `Account Admin` has on top.
const ACCOUNT_ADMIN: &[Permission] =
    &[Permission::named("insights_account:delete"), Permission::named("insights_account_access:update")];

/// What a team may do with an account, or nothing.
pub fn account_permissions(permission: TeamPermission) -> Vec<Permission> {
    match permission {
        TeamPermission::None => Vec::new(),
        TeamPermission::Read => ACCOUNT_READ.to_vec(),
        TeamPermission::Write => [ACCOUNT_READ, ACCOUNT_WRITE].concat(),
        TeamPermission::Admin => [ACCOUNT_READ, ACCOUNT_WRITE, ACCOUNT_ADMIN].concat(),
    }
}

/// What whoever is in a team may do with the accounts that it was given.
pub fn team_accounts_policy(team: &str) -> Policy {
    let levels = [TeamPermission::Read, TeamPermission::Write, TeamPermission::Admin];
    let of = |level: TeamPermission| {
        Policy::on_team(super::ObjectKind::Account, team, level.number(), account_permissions(level))
    };
    Policy::Group(levels.into_iter().map(of).collect())
}

/// What a member of the organisation may do. What the settings let members do comes on top.
pub fn member_policy() -> Policy {
    Policy::Allow(MEMBER.to_vec())
}

/// What a billing manager may do: what a member may, and the bills.
pub fn billing_manager_policy() -> Policy {
    Policy::Allow([MEMBER, BILLING].concat())
}

/// What the admin of a team may do on it.
pub fn team_admin_permissions() -> Vec<Permission> {
    TEAM_ADMIN.to_vec()
}

/// What the admin of this team may do: [`team_admin_permissions`] on it and on no other.
pub fn team_admin_policy(team: &str) -> Policy {
    Policy::on(super::ObjectKind::Team, team, team_admin_permissions())
}
