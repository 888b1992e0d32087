//! Teams: who is in them, what they are called, and which role they lend to whoever is in them.
//!
//! Knows that being put into a team is being given its role, and being made its admin is being given the team. It never
//! knows what a role permits.

mod change;
mod roles;
mod update;

#[cfg(test)]
mod tests;

pub use change::{NewTeam, create, delete};
pub use roles::{enable_roles, remove_role, roles, set_role};
pub use update::{MemberAction, TeamChange, update};

use crate::{
    Cx,
    roles::{find_grant, may_grant},
};
use pileus_model::{
    Error, Result,
    authz::scopes::team_admin_policy,
    caller::Principal,
    ids::{OrgId, RoleId, UserId},
};
use pileus_store::{
    Tx,
    teams::{self as store, TeamMember, TeamRow},
};

/// A team with whoever is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Its names, its description and its role.
    pub row: TeamRow,
    /// Who is in it, by login.
    pub members: Vec<TeamMember>,
    /// What the caller is in it.
    pub standing: Standing,
}

/// What someone is in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not in it.
    None,
    /// A member.
    Member,
    /// Its admin.
    Admin,
}

impl Standing {
    /// As the contract writes it (`Team.userRole`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
    /// What someone in a team is.
    pub const fn of(admin: bool) -> Self {
        if admin { Self::Admin } else { Self::Member }
    }
}

impl Team {
    fn new(row: TeamRow, members: Vec<TeamMember>, caller: Option<UserId>) -> Self {
        let own = members.iter().find(|member| Some(member.user.id) == caller);
        let standing = own.map_or(Standing::None, |member| Standing::of(member.admin));
        Self { row, members, standing }
    }
}

/// The team with this name.
///
/// # Errors
/// `NotFound`.
pub(crate) fn require(tx: &mut dyn Tx, org: OrgId, name: &str) -> Result<TeamRow> {
    store::find(tx, org, name)?.ok_or_else(|| Error::not_found("team not found"))
}

fn load(tx: &mut dyn Tx, org: OrgId, row: TeamRow, caller: Option<UserId>) -> Result<Team> {
    let members = store::members(tx, org, row.id)?;
    Ok(Team::new(row, members, caller))
}

/// The teams that have this role, by name.
///
/// # Errors
/// As the store's.
pub(crate) fn with_role(tx: &mut dyn Tx, org: OrgId, role: RoleId, caller: Option<UserId>) -> Result<Vec<Team>> {
    let rows = store::with_role(tx, org, role)?;
    rows.into_iter().map(|row| load(tx, org, row, caller)).collect()
}

/// The organisation's teams, by name.
///
/// # Errors
/// `NotFound` outside of an organisation.
pub async fn list(cx: &Cx) -> Result<Vec<Team>> {
    let (org, caller) = (cx.org()?.id, caller(cx)?);
    cx.app
        .store
        .read(move |tx| {
            let rows = store::list(tx, org)?;
            let all = store::all_members(tx, org)?;
            let of = |row: TeamRow| {
                let from = all.partition_point(|member| member.team < row.id);
                let members = all[from..].iter().take_while(|member| member.team == row.id).cloned().collect();
                Team::new(row, members, caller)
            };
            Ok(rows.into_iter().map(of).collect())
        })
        .await
}

/// The team with this name.
///
/// # Errors
/// `NotFound`.
pub async fn get(cx: &Cx, name: &str) -> Result<Team> {
    let (org, caller, name) = (cx.org()?.id, caller(cx)?, name.to_owned());
    cx.app
        .store
        .read(move |tx| {
            let row = require(tx, org, &name)?;
            load(tx, org, row, caller)
        })
        .await
}

fn caller(cx: &Cx) -> Result<Option<UserId>> {
    Ok(cx.caller()?.user().map(|user| user.id))
}

/// What the caller is in this team. A team's own token is its member.
fn own_standing(tx: &mut dyn Tx, cx: &Cx, team: &TeamRow) -> Result<Standing> {
    Ok(match &cx.caller()?.principal {
        Principal::User(user) => {
            store::standing(tx, cx.org()?.id, team.id, user.id)?.map_or(Standing::None, Standing::of)
        }
        Principal::Team { team: id, .. } if *id == team.id => Standing::Member,
        _ => Standing::None,
    })
}

/// Refuses to let the caller pass on the team's role, by a new member or a token, if he has neither what it permits nor
/// the role itself, being in the team.
///
/// # Errors
/// `Forbidden`.
pub(crate) fn may_lend(tx: &mut dyn Tx, cx: &Cx, team: &TeamRow) -> Result<()> {
    let Some(role) = team.role else {
        return Ok(());
    };
    if own_standing(tx, cx, team)? != Standing::None {
        return Ok(());
    }
    match find_grant(tx, cx.org()?.id, role)? {
        Some(role) => may_grant(cx.access()?, &role.policy),
        None => Ok(()),
    }
}

/// Refuses to let the caller make an admin of the team, unless he is one or may do with it what its admin may.
///
/// # Errors
/// `Forbidden`.
fn may_promote(tx: &mut dyn Tx, cx: &Cx, team: &TeamRow) -> Result<()> {
    if own_standing(tx, cx, team)? == Standing::Admin {
        return Ok(());
    }
    may_grant(cx.access()?, &team_admin_policy(&team.name))
}
