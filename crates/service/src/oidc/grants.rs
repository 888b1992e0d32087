//! Nobody gives what he does not have: who writes a policy, or changes the keys that an existing policy trusts, must hold
//! everything that it grants. Otherwise the permission to edit policies would be the permission to become an admin.

use super::rules::{Decision, Definition};
use crate::{
    Cx,
    roles::{builtin, find_grant, may_grant},
    teams,
};
use pileus_model::{Result, authz::Policy, caller::BuiltinRole, ids::RoleId};
use pileus_store::{Tx, teams as team_store};

/// Checks that the caller holds what these policies grant. What they name and what is gone grants nothing.
///
/// # Errors
/// `Forbidden`.
pub(super) fn check(tx: &mut dyn Tx, cx: &Cx, policies: &[Definition]) -> Result<()> {
    for definition in policies.iter().filter(|d| d.decision == Decision::Allow) {
        check_one(tx, cx, definition)?;
    }
    Ok(())
}

fn check_one(tx: &mut dyn Tx, cx: &Cx, definition: &Definition) -> Result<()> {
    let access = cx.access()?;
    if let Some(login) = &definition.user {
        // A token that reaches this organisation only is less than what he has himself.
        let himself = cx.caller()?.user().is_some_and(|user| user.login.eq_ignore_ascii_case(login));
        return if himself { Ok(()) } else { may_grant(access, &Policy::Everything) };
    }
    if let Some(name) = &definition.team {
        return match team_store::find(tx, access.org.id, name)? {
            Some(team) => teams::may_lend(tx, cx, &team),
            None => Ok(()),
        };
    }
    if definition.grants_admin() {
        return may_grant(access, &Policy::Everything);
    }
    match definition.role.as_deref().map(str::parse::<RoleId>) {
        Some(Ok(role)) => match find_grant(tx, access.org.id, role)? {
            Some(granted) => may_grant(access, &granted.policy),
            None => Ok(()),
        },
        Some(Err(_)) => Ok(()),
        None => may_grant(access, &builtin::policy(BuiltinRole::Member)),
    }
}
