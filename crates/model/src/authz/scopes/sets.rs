//! What can be given on one environment or one account: the contract's permission sets, each with all of the smaller ones.
//!
//! This room knows which permissions make up a set. Who was given which is not its business.

use super::{
    super::{ObjectKind, Policy},
    Permission,
};
use crate::insights::TeamPermission;

/// What may be done with an environment (contract, `EnvironmentPermission`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EnvironmentPermission {
    /// Nothing.
    None,
    /// Read its definition, secrets encrypted.
    Read,
    /// Open it, and copy it.
    Open,
    /// Change it.
    Write,
    /// Delete it, protect it against that, and decide who may use it.
    Admin,
}

impl EnvironmentPermission {
    const ALL: [Self; 5] = [Self::None, Self::Read, Self::Open, Self::Write, Self::Admin];

    /// As the contract writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Open => "open",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
    /// The one that is written so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text)
    }
    /// Its number, from 0.
    pub const fn number(self) -> i64 {
        self as i64
    }
    /// The one with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.number() == number)
    }
    /// The name of its permission set; of nothing there is none.
    pub const fn title(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Read => Some("Environment Read"),
            Self::Open => Some("Environment Open"),
            Self::Write => Some("Environment Write"),
            Self::Admin => Some("Environment Admin"),
        }
    }
}

/// The published set, and what belongs to reading though no set names it: settings, tags, who may use it.
const ENVIRONMENT_READ: &[Permission] = &[
    Permission::named("environment:read"),
    Permission::named("environment:rotate_history"),
    Permission::named("environment_version:read"),
    Permission::named("environment_schedule:read"),
    Permission::named("environment_tag:read"),
    Permission::named("environment_tags:list"),
    Permission::named("environment_settings:read"),
    Permission::named("environment_access:read"),
];

/// What `Environment Open` has on top.
const ENVIRONMENT_OPEN: &[Permission] = &[
    Permission::named("environment:open"),
    Permission::named("environment:clone"),
    Permission::named("environment_version:open"),
];

/// What `Environment Write` has on top.
const ENVIRONMENT_WRITE: &[Permission] = &[
    Permission::named("environment:write"),
    Permission::named("environment:rotate"),
    Permission::named("environment_version:create"),
    Permission::named("environment_version:update"),
    Permission::named("environment_version:delete"),
    Permission::named("environment_version:retract"),
    Permission::named("environment_tag:create"),
    Permission::named("environment_tag:update"),
    Permission::named("environment_tag:delete"),
    Permission::named("environment_schedule:create"),
    Permission::named("environment_schedule:update"),
    Permission::named("environment_schedule:pause"),
    Permission::named("environment_schedule:resume"),
    Permission::named("environment_schedule:delete"),
    Permission::named("environment_webhook:read"),
    Permission::named("environment_webhook:create"),
    Permission::named("environment_webhook:update"),
    Permission::named("environment_webhook:delete"),
];

/// What `Environment Admin` has on top: published is the deletion; its protection and who may use it belong to it.
const ENVIRONMENT_ADMIN: &[Permission] = &[
    Permission::named("environment:delete"),
    Permission::named("environment_settings:update"),
    Permission::named("environment_access:update"),
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

/// What may be done with an environment on which this was given.
pub fn environment_permissions(permission: EnvironmentPermission) -> Vec<Permission> {
    let parts = [&[][..], ENVIRONMENT_READ, ENVIRONMENT_OPEN, ENVIRONMENT_WRITE, ENVIRONMENT_ADMIN];
    parts[..=permission as usize].concat()
}

/// What may be done with an account on which this was given.
pub fn account_permissions(permission: TeamPermission) -> Vec<Permission> {
    let parts = [&[][..], ACCOUNT_READ, ACCOUNT_WRITE, ACCOUNT_ADMIN];
    parts[..=permission as usize].concat()
}

/// The name of the permission set of an account; of nothing there is none.
pub const fn account_title(permission: TeamPermission) -> Option<&'static str> {
    match permission {
        TeamPermission::None => None,
        TeamPermission::Read => Some("Account Read"),
        TeamPermission::Write => Some("Account Write"),
        TeamPermission::Admin => Some("Account Admin"),
    }
}

/// What whoever is in a team may do with the environments and accounts that it was given.
pub fn team_objects_policy(team: &str) -> Policy {
    let environments = EnvironmentPermission::ALL
        .into_iter()
        .skip(1)
        .map(|level| Policy::on_team(ObjectKind::Environment, team, level.number(), environment_permissions(level)));
    let accounts = [TeamPermission::Read, TeamPermission::Write, TeamPermission::Admin]
        .into_iter()
        .map(|level| Policy::on_team(ObjectKind::Account, team, level.number(), account_permissions(level)));
    Policy::Group(environments.chain(accounts).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_set_holds_the_smaller_ones() {
        let sizes = EnvironmentPermission::ALL.map(|level| environment_permissions(level).len());
        assert_eq!(sizes, [0, 8, 11, 29, 32]);
        for permission in environment_permissions(EnvironmentPermission::Admin) {
            assert_eq!(permission.resource(), ObjectKind::Environment, "{permission}");
        }
        let all: HashSet<Permission> = environment_permissions(EnvironmentPermission::Admin).into_iter().collect();
        assert_eq!(all.len(), 32, "none is there twice");
        let accounts = [TeamPermission::None, TeamPermission::Read, TeamPermission::Write, TeamPermission::Admin];
        assert_eq!(accounts.map(|level| account_permissions(level).len()), [0, 3, 10, 12]);
        for permission in account_permissions(TeamPermission::Admin) {
            assert_eq!(permission.resource(), ObjectKind::Account, "{permission}");
        }
    }

    #[test]
    fn words_and_numbers() {
        for level in EnvironmentPermission::ALL {
            assert_eq!(EnvironmentPermission::parse(level.as_str()), Some(level));
            assert_eq!(EnvironmentPermission::from_number(level.number()), Some(level));
        }
        assert_eq!(EnvironmentPermission::parse("Read"), None);
        assert_eq!(EnvironmentPermission::from_number(5), None);
    }
}
