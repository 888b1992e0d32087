//! What the built-in roles grant. The admin's is [`Policy::Everything`].

use super::{super::Policy, Permission};

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
