//! The roles that every organisation has without having made them.
//!
//! They are in no table: their ids follow from the organisation, so that lists, assignments and links can name them like
//! any other role. This room knows what they are called and what they permit; who has one is not its business.

use pileus_model::{
    authz::{Object, Permission, Policy, scopes},
    caller::BuiltinRole,
    ids::{OrgId, RoleId},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// All of them, in the order of lists.
pub const ALL: [BuiltinRole; 3] = [BuiltinRole::Member, BuiltinRole::Admin, BuiltinRole::BillingManager];

/// The id of a built-in role: the first 16 bytes of the SHA-256 of the organisation's id and the role's name. It is
/// the same on every node and after every restart.
pub fn builtin_role_id(org: OrgId, role: BuiltinRole) -> RoleId {
    let digest = Sha256::new().chain_update(org.as_bytes()).chain_update(role.as_str().as_bytes()).finalize();
    let mut id = [0u8; 16];
    id.copy_from_slice(&digest[..16]);
    RoleId::from_bytes(id)
}

/// The built-in role of this organisation that has this id, if one has.
pub fn builtin_of(org: OrgId, id: RoleId) -> Option<BuiltinRole> {
    ALL.into_iter().find(|role| builtin_role_id(org, *role) == id)
}

/// The name that people see.
pub const fn name(role: BuiltinRole) -> &'static str {
    match role {
        BuiltinRole::Member => "Member",
        BuiltinRole::Admin => "Admin",
        BuiltinRole::BillingManager => "Billing Manager",
    }
}

/// What it is for, in a sentence.
pub const fn description(role: BuiltinRole) -> &'static str {
    match role {
        BuiltinRole::Member => "Sees the organization, its members, teams and roles.",
        BuiltinRole::Admin => "May do everything in the organization.",
        BuiltinRole::BillingManager => "Sees what a member sees, and manages billing.",
    }
}

/// The built-in role that people would mean by this name, in any case: no custom role may be called so.
pub fn named(text: &str) -> Option<BuiltinRole> {
    ALL.into_iter().find(|role| name(*role).eq_ignore_ascii_case(text) || role.as_str().eq_ignore_ascii_case(text))
}

/// What it permits.
pub fn policy(role: BuiltinRole) -> Policy {
    match role {
        BuiltinRole::Admin => Policy::Everything,
        BuiltinRole::Member => scopes::member_policy(),
        BuiltinRole::BillingManager => scopes::billing_manager_policy(),
    }
}

/// What it permits, as a permission descriptor. An admin's names every permission there is.
pub fn descriptor(role: BuiltinRole) -> Value {
    let policy = policy(role);
    let granted = Permission::all().filter(|permission| policy.allows(*permission, &Object::ORGANIZATION));
    let permissions: Vec<&str> = granted.map(Permission::as_str).collect();
    json!({ "__type": "PermissionDescriptorAllow", "permissions": permissions })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use pileus_model::authz::parse_descriptor;

    #[test]
    fn ids_are_stable_and_differ() {
        let (a, b) = (OrgId::from_bytes([1; 16]), OrgId::from_bytes([2; 16]));
        for role in ALL {
            assert_eq!(builtin_role_id(a, role), builtin_role_id(a, role));
            assert_eq!(builtin_of(a, builtin_role_id(a, role)), Some(role));
            assert_eq!(builtin_of(b, builtin_role_id(a, role)), None);
        }
        assert_eq!(builtin_of(a, RoleId::from_bytes([0; 16])), None);
    }

    #[test]
    fn descriptors_say_what_the_policies_permit() {
        for role in ALL {
            let described = parse_descriptor(&descriptor(role)).unwrap();
            for permission in Permission::all() {
                assert_eq!(
                    policy(role).allows(permission, &Object::ORGANIZATION),
                    described.allows(permission, &Object::ORGANIZATION),
                    "{role:?} {}",
                    permission.as_str()
                );
            }
        }
    }
}
