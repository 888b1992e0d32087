//! The scopes that a role can grant: the contract's enum `RbacScope.name`, in its groups (`RbacScopeGroup.name`), with
//! our descriptions; and what the built-in roles grant of them.
//!
//! This room knows which permissions exist and what they are about. It must never know which operation needs which:
//! that stands in `contract/served.toml`.

mod builtin;
mod sets;
mod table_environment;
mod table_insights;
mod table_organization;
mod table_stack;
mod table_team;

pub use builtin::{billing_manager_policy, member_policy, team_admin_permissions, team_admin_policy};
pub use sets::{
    EnvironmentPermission, account_permissions, account_title, environment_permissions, team_objects_policy,
};

use super::ObjectKind;
use std::{
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    sync::LazyLock,
};

/// One scope: a permission and what is said of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Scope {
    /// Its name: `team:read`.
    pub name: &'static str,
    /// What it permits, in our words.
    pub description: &'static str,
    /// The name of its group.
    pub group: &'static str,
    /// The kind of object that it is checked on.
    pub resource: ObjectKind,
}

/// Scopes that belong together.
#[derive(Debug, PartialEq, Eq)]
pub struct ScopeGroup {
    /// Its name, one of the contract's.
    pub name: &'static str,
    /// Its scopes.
    pub scopes: &'static [Scope],
}

/// The groups about one kind of object, under the key that `ListAvailableScopes` answers them with.
#[derive(Debug, PartialEq, Eq)]
pub struct Category {
    /// The key: `organization`, `stack`, `environment`, `insights-account`, `team`.
    pub name: &'static str,
    /// The groups.
    pub groups: &'static [ScopeGroup],
}

/// All scopes, by category and group.
pub static CATEGORIES: &[Category] = &[
    Category { name: "organization", groups: table_organization::GROUPS },
    Category { name: "stack", groups: table_stack::GROUPS },
    Category { name: "environment", groups: table_environment::GROUPS },
    Category { name: "insights-account", groups: table_insights::GROUPS },
    Category { name: "team", groups: table_team::GROUPS },
];

/// One permission: a reference to its scope.
#[derive(Clone, Copy)]
pub struct Permission(&'static Scope);

static BY_NAME: LazyLock<HashMap<&'static str, Permission>> =
    LazyLock::new(|| Permission::all().map(|p| (p.as_str(), p)).collect());

impl Permission {
    /// The permission with this name, for constants: `const READ: Permission = Permission::named("team:read");`. An
    /// unknown name does not compile there. At run time use [`Permission::parse`].
    ///
    /// # Panics
    /// If there is none and it is not evaluated at compile time.
    pub const fn named(name: &str) -> Self {
        let mut c = 0;
        while c < CATEGORIES.len() {
            let mut g = 0;
            while g < CATEGORIES[c].groups.len() {
                let scopes = CATEGORIES[c].groups[g].scopes;
                let mut s = 0;
                while s < scopes.len() {
                    if same(scopes[s].name, name) {
                        return Self(&scopes[s]);
                    }
                    s += 1;
                }
                g += 1;
            }
            c += 1;
        }
        panic!("no scope has this name")
    }
    /// The permission with exactly this name.
    pub fn parse(name: &str) -> Option<Self> {
        BY_NAME.get(name).copied()
    }
    /// All permissions, in the order of [`CATEGORIES`].
    pub fn all() -> impl Iterator<Item = Self> {
        CATEGORIES.iter().flat_map(|c| c.groups).flat_map(|g| g.scopes).map(Self)
    }
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        self.0.name
    }
    /// Its scope.
    pub const fn scope(self) -> &'static Scope {
        self.0
    }
    /// The kind of object that it is checked on.
    pub const fn resource(self) -> ObjectKind {
        self.0.resource
    }
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

impl PartialEq for Permission {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0) || self.0.name == other.0.name
    }
}
impl Eq for Permission {}
impl Hash for Permission {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}
impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}
impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

/// Writes a table's groups without repeating the group in each scope.
macro_rules! groups {
    ($($group:literal: [$($kind:ident $name:literal $description:literal,)*],)*) => {
        /// The groups of this category.
        pub(super) static GROUPS: &[$crate::authz::scopes::ScopeGroup] = &[$(
            $crate::authz::scopes::ScopeGroup {
                name: $group,
                scopes: &[$($crate::authz::scopes::Scope {
                    name: $name,
                    description: $description,
                    group: $group,
                    resource: $crate::authz::ObjectKind::$kind,
                }),*],
            }
        ),*];
    };
}
use groups;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_found() {
        let mut seen = HashSet::new();
        for permission in Permission::all() {
            assert!(seen.insert(permission.as_str()), "{permission} twice");
            assert_eq!(Permission::parse(permission.as_str()), Some(permission));
            assert!(permission.scope().description.ends_with('.'), "{permission}");
        }
        assert_eq!(seen.len(), COUNT);
        assert_eq!(Permission::parse(""), None);
        assert_eq!(Permission::parse("team:fly"), None);
        assert_eq!(Permission::parse("Team:read"), None);
    }

    /// As many as the contract's enum has, the empty one aside.
    const COUNT: usize = 190;

    #[test]
    fn constants_are_the_parsed_ones() {
        const READ: Permission = Permission::named("team:read");
        assert_eq!(Some(READ), Permission::parse("team:read"));
        assert_eq!(READ.resource(), ObjectKind::Team);
    }
}
