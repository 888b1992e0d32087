//! Who may give which role: nobody can give what he does not have.

use super::{PURPOSES, Role, builtin, load, unknown};
use pileus_model::{
    Error, Result,
    authz::{Policy, parse_descriptor},
    caller::{BuiltinRole, OrgAccess},
    ids::{OrgId, RoleId},
};
use pileus_store::Tx;

/// A role as it is given to a member, a team or a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// Which built-in role it is, if it is one.
    pub builtin: Option<BuiltinRole>,
    /// What it permits.
    pub policy: Policy,
}

/// Refuses to let the caller give away what he does not have himself.
///
/// # Errors
/// `Forbidden`.
pub fn may_grant(access: &OrgAccess, policy: &Policy) -> Result<()> {
    if access.policy.covers(policy) {
        return Ok(());
    }
    Err(Error::forbidden("you can't grant permissions that you don't have"))
}

/// What a role of this organisation permits. A descriptor that this version can't read counts as everything: only an
/// admin may hand on what nobody here understands.
pub(super) fn policy_of(role: &Role) -> Policy {
    match role.builtin {
        Some(role) => builtin::policy(role),
        None => parse_descriptor(&role.details).unwrap_or(Policy::Everything),
    }
}

/// The role with this id, whoever may give it; `None` if the organisation has none.
///
/// # Errors
/// As the store's.
pub fn find_grant(tx: &mut dyn Tx, org: OrgId, id: RoleId) -> Result<Option<Granted>> {
    let found = load(tx, org, id)?;
    Ok(found.map(|role| Granted { id, policy: policy_of(&role), builtin: role.builtin, name: role.name }))
}

/// The role with this id, built in or custom, if the caller may give it to someone in his organisation. Hold the
/// organisation's lock, lest the role is deleted before it is given.
///
/// # Errors
/// `NotFound` if there is none, `Invalid` if it is a permission set rather than a role, `Forbidden` if it permits what
/// the caller may not do himself.
pub fn grantable(tx: &mut dyn Tx, access: &OrgAccess, id: RoleId) -> Result<Granted> {
    let role = load(tx, access.org.id, id)?.ok_or_else(unknown)?;
    if !PURPOSES[..3].contains(&role.ux_purpose.as_str()) {
        return Err(Error::invalid(format!(
            "\"{}\" can't be assigned: its purpose is {}, not {}",
            role.name,
            role.ux_purpose,
            PURPOSES[..3].join(", ")
        )));
    }
    let policy = policy_of(&role);
    may_grant(access, &policy)?;
    Ok(Granted { id, policy, builtin: role.builtin, name: role.name })
}
