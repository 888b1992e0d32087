//! Permissions and the policies that grant them: evaluated here and nowhere else.

mod descriptor;
#[cfg(test)]
mod descriptor_tests;
mod policy;
#[cfg(test)]
mod policy_tests;
/// The scopes that a role can grant, in their groups.
pub mod scopes;

pub use descriptor::parse_descriptor;
pub use policy::{Condition, Expression, OPEN_PREFIX, OWNER, Object, ObjectKind, Policy, TEAM_PREFIX};
pub use scopes::{Permission, Scope, ScopeGroup};
