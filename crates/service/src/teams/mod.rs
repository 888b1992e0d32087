//! Teams: who is in them, what they are called, and which role they lend to whoever is in them.
//!
//! Knows that being put into a team is being given its role, and being made its admin is being given the team. It never
//! knows what a role permits.

mod access;
mod change;
mod roles;
mod update;

#[cfg(test)]
mod tests;

pub(crate) use access::lacking;
pub use access::{EnvironmentChange, GivenAccount, GivenEnvironment, Holdings, Wish, longest_open, may_give_away};
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
    /// What it may do with environments and accounts that the caller may read.
    pub holdings: Holdings,
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
    fn new(row: TeamRow, members: Vec<TeamMember>, caller: Option<UserId>, holdings: Holdings) -> Self {
        let own = members.iter().find(|member| Some(member.user.id) == caller);
        let standing = own.map_or(Standing::None, |member| Standing::of(member.admin));
        Self { row, members, standing, holdings }
    }
}

/// The team with this name.
///
/// # Errors
/// `NotFound`.
pub(crate) fn require(tx: &mut dyn Tx, org: OrgId, name: &str) -> Result<TeamRow> {
    store::find(tx, org, name)?.ok_or_else(|| Error::not_found("team not found"))
}

fn load(tx: &mut dyn Tx, cx: &Cx, row: TeamRow) -> Result<Team> {
    let members = store::members(tx, cx.org()?.id, row.id)?;
    let holdings = access::of_team(tx, cx.access()?, &row)?;
    Ok(Team::new(row, members, caller(cx)?, holdings))
}

/// The teams that have this role, by name.
///
/// # Errors
/// As the store's.
pub(crate) fn with_role(tx: &mut dyn Tx, cx: &Cx, role: RoleId) -> Result<Vec<Team>> {
    let rows = store::with_role(tx, cx.org()?.id, role)?;
    rows.into_iter().map(|row| load(tx, cx, row)).collect()
}

/// The organisation's teams, by name.
///
/// # Errors
/// `NotFound` outside of an organisation.
pub async fn list(cx: &Cx) -> Result<Vec<Team>> {
    let (access, caller) = (cx.access()?.clone(), caller(cx)?);
    cx.app
        .store
        .read(move |tx| {
            let rows = store::list(tx, access.org.id)?;
            let all = store::all_members(tx, access.org.id)?;
            let mut holdings = access::of_all(tx, &access, &rows)?;
            let mut of = |row: TeamRow| {
                let from = all.partition_point(|member| member.team < row.id);
                let members = all[from..].iter().take_while(|member| member.team == row.id).cloned().collect();
                let holdings = holdings.remove(&row.id).unwrap_or_default();
                Team::new(row, members, caller, holdings)
            };
            Ok(rows.into_iter().map(&mut of).collect())
        })
        .await
}

/// The team with this name.
///
/// # Errors
/// `NotFound`.
pub async fn get(cx: &Cx, name: &str) -> Result<Team> {
    let (cx, app, name) = (cx.clone(), cx.app.clone(), name.to_owned());
    app.store
        .read(move |tx| {
            let row = require(tx, cx.org()?.id, &name)?;
            load(tx, &cx, row)
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

/// Refuses to let the caller pass on what the team may do, by its role and with environments and accounts, by a new member or a
/// token, unless he is in the team or may all that himself.
///
/// # Errors
/// `Forbidden`.
pub(crate) fn may_lend(tx: &mut dyn Tx, cx: &Cx, team: &TeamRow) -> Result<()> {
    if own_standing(tx, cx, team)? != Standing::None {
        return Ok(());
    }
    access::may_lend(tx, cx, team)?;
    let Some(role) = team.role else {
        return Ok(());
    };
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
