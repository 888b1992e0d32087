//! Members: who is in an organisation and in which role.
//!
//! This room knows that an organisation always keeps an admin, and that nobody gives or takes what he does not have. It
//! must never know what a role permits: it only compares.

mod change;

#[cfg(test)]
mod tests;

pub use change::{RoleChoice, add, remove, set_sole_admin, update};

use crate::{Cx, roles::builtin};
use pileus_model::{
    Error, Result, Timestamp,
    caller::{BuiltinRole, OrgRef, UserRef},
    ids::{OrgId, RoleId},
};
use pileus_store::{Tx, members as store, roles, teams as team_store};

/// A member with his role, built in or custom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserRef,
    /// The built-in role; `member` if he has a custom one.
    pub role: BuiltinRole,
    /// The role's id.
    pub role_id: RoleId,
    /// The role's name, as people see it.
    pub role_name: String,
    /// When the role was last changed (a built-in one: when the organisation was created).
    pub role_modified_at: Timestamp,
    /// Since when he is a member.
    pub created_at: Timestamp,
}

impl Member {
    /// `founded`: when the organisation was created, and its built-in roles with it.
    fn new(org: OrgId, member: store::Member, founded: Timestamp) -> Self {
        let (role_id, role_name, role_modified_at) = match member.custom {
            Some(custom) => (custom.id, custom.name, custom.modified_at),
            None => (builtin::builtin_role_id(org, member.role), builtin::name(member.role).to_owned(), founded),
        };
        Self {
            user: member.user,
            role: member.role,
            role_id,
            role_name,
            role_modified_at,
            created_at: member.created_at,
        }
    }
}

fn founded(tx: &mut dyn Tx, org: OrgId) -> Result<Timestamp> {
    Ok(roles::defaults(tx, org)?.ok_or_else(|| Error::not_found("organization not found"))?.created_at)
}

fn not_a_member(login: &str) -> Error {
    Error::not_found(format!("user \"{login}\" is not a member of the organization"))
}

/// A page of the members of the organisation of the path, by login, and the token of the next page.
///
/// # Errors
/// `Invalid` for a bad token.
pub async fn list(cx: &Cx, continuation: Option<&str>) -> Result<(Vec<Member>, Option<String>)> {
    let org = cx.org()?.id;
    let (after, limit) = crate::users::page(continuation, None)?;
    cx.app
        .store
        .read(move |tx| {
            let founded = founded(tx, org)?;
            let mut members = store::list(tx, org, &after, limit + 1)?;
            let next = crate::users::next_page(&mut members, limit, |m| &m.user.login);
            Ok((members.into_iter().map(|m| Member::new(org, m, founded)).collect(), next))
        })
        .await
}

/// The display names of a member's teams in the organisation of the path.
///
/// # Errors
/// `NotFound` if he is not a member.
pub async fn teams(cx: &Cx, login: &str) -> Result<Vec<String>> {
    let (org, login) = (cx.org()?.id, login.to_owned());
    cx.app
        .store
        .read(move |tx| {
            let member = store::by_login(tx, org, &login)?.ok_or_else(|| not_a_member(&login))?;
            let teams = team_store::of_user(tx, org, member.user.id)?;
            let name = |m: team_store::Membership| {
                if m.team.display_name.is_empty() { m.team.name } else { m.team.display_name }
            };
            Ok(teams.into_iter().map(name).collect())
        })
        .await
}

/// Refuses to take the last admin who may log in from an organisation. Call it for an admin only, with the
/// organisation's lock held.
///
/// # Errors
/// `Conflict`, naming the organisation.
pub(crate) fn check_not_last_admin(tx: &mut dyn Tx, org: &OrgRef, user: &UserRef) -> Result<()> {
    if store::admins(tx, org.id)?.iter().any(|admin| *admin != user.id) {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "\"{}\" is the last admin of organization \"{}\": make someone else its admin first",
        user.login, org.name
    )))
}
