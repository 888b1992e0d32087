//! Teams and who is in them.
//!
//! Knows the tables `teams` and `team_members`. What being in a team permits is not its business.

use crate::{
    db::{Row, Tx, TxExt},
    roles::user,
};
use pileus_model::{
    Result, Timestamp,
    caller::UserRef,
    ids::{OrgId, RoleId, TeamId, UserId},
};

/// A team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamRow {
    /// Its id.
    pub id: TeamId,
    /// Its name, unique in the organisation.
    pub name: String,
    /// The name that people see.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Its role, custom or built in.
    pub role: Option<RoleId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Someone in a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamMember {
    /// The team.
    pub team: TeamId,
    /// Who.
    pub user: UserRef,
    /// Whether he is an admin of the team.
    pub admin: bool,
}

/// A team that a user is in, and what he is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The team.
    pub team: TeamRow,
    /// Whether he is an admin of the team.
    pub admin: bool,
}

const ADMIN: &str = "admin";
const MEMBER: &str = "member";

const fn word(admin: bool) -> &'static str {
    if admin { ADMIN } else { MEMBER }
}

fn team(row: &dyn Row) -> Result<TeamRow> {
    Ok(TeamRow {
        id: TeamId::from_bytes(row.id(0)?),
        name: row.text(1)?.to_owned(),
        display_name: row.text(2)?.to_owned(),
        description: row.text(3)?.to_owned(),
        role: row.opt(4, |row, column| row.id(column).map(RoleId::from_bytes))?,
        created_at: row.time(5)?,
    })
}

fn member(row: &dyn Row) -> Result<TeamMember> {
    Ok(TeamMember { team: TeamId::from_bytes(row.id(0)?), admin: row.text(1)? == ADMIN, user: user(row, 2)? })
}

/// The organisation's teams, by name.
///
/// # Errors
/// As [`Tx::query`].
pub fn list(tx: &mut dyn Tx, org: OrgId) -> Result<Vec<TeamRow>> {
    tx.all(
        "SELECT id, name, display_name, description, role_id, created_at FROM teams WHERE org_id = $1 ORDER BY name",
        &[org.as_bytes().into()],
        team,
    )
}

/// The teams that have this role, custom or built in, by name.
///
/// # Errors
/// As [`Tx::query`].
pub fn with_role(tx: &mut dyn Tx, org: OrgId, role: RoleId) -> Result<Vec<TeamRow>> {
    tx.all(
        "SELECT id, name, display_name, description, role_id, created_at FROM teams
         WHERE org_id = $1 AND role_id = $2 ORDER BY name",
        &[org.as_bytes().into(), role.as_bytes().into()],
        team,
    )
}

/// The team with exactly this name.
///
/// # Errors
/// As [`Tx::query`].
pub fn find(tx: &mut dyn Tx, org: OrgId, name: &str) -> Result<Option<TeamRow>> {
    tx.one(
        "SELECT id, name, display_name, description, role_id, created_at FROM teams WHERE org_id = $1 AND name = $2",
        &[org.as_bytes().into(), name.into()],
        team,
    )
}

/// The teams that a user is in, by name.
///
/// # Errors
/// As [`Tx::query`].
pub fn of_user(tx: &mut dyn Tx, org: OrgId, user: UserId) -> Result<Vec<Membership>> {
    tx.all(
        "SELECT t.id, t.name, t.display_name, t.description, t.role_id, t.created_at, tm.role
         FROM team_members tm JOIN teams t ON t.id = tm.team_id
         WHERE tm.org_id = $1 AND tm.user_id = $2 ORDER BY t.name",
        &[org.as_bytes().into(), user.as_bytes().into()],
        |row| Ok(Membership { team: team(row)?, admin: row.text(6)? == ADMIN }),
    )
}

/// Who is in the organisation's teams, by team and login.
///
/// # Errors
/// As [`Tx::query`].
pub fn all_members(tx: &mut dyn Tx, org: OrgId) -> Result<Vec<TeamMember>> {
    tx.all(
        "SELECT tm.team_id, tm.role, u.id, u.login, u.name, u.email, u.site_admin
         FROM team_members tm JOIN users u ON u.id = tm.user_id
         WHERE tm.org_id = $1 AND u.deleted_at IS NULL ORDER BY tm.team_id, u.login_key",
        &[org.as_bytes().into()],
        member,
    )
}

/// Who is in this team, by login.
///
/// # Errors
/// As [`Tx::query`].
pub fn members(tx: &mut dyn Tx, org: OrgId, id: TeamId) -> Result<Vec<TeamMember>> {
    tx.all(
        "SELECT tm.team_id, tm.role, u.id, u.login, u.name, u.email, u.site_admin
         FROM team_members tm JOIN users u ON u.id = tm.user_id
         WHERE tm.org_id = $1 AND tm.team_id = $2 AND u.deleted_at IS NULL ORDER BY u.login_key",
        &[org.as_bytes().into(), id.as_bytes().into()],
        member,
    )
}

/// What a user is in this team: whether an admin; `None` if he is not in it.
///
/// # Errors
/// As [`Tx::query`].
pub fn standing(tx: &mut dyn Tx, org: OrgId, id: TeamId, user: UserId) -> Result<Option<bool>> {
    tx.one(
        "SELECT role FROM team_members WHERE org_id = $1 AND team_id = $2 AND user_id = $3",
        &[org.as_bytes().into(), id.as_bytes().into(), user.as_bytes().into()],
        |row| Ok(row.text(0)? == ADMIN),
    )
}

/// The member of the organisation with this login, in any case.
///
/// # Errors
/// As [`Tx::query`].
pub fn candidate(tx: &mut dyn Tx, org: OrgId, login: &str) -> Result<Option<UserRef>> {
    let key = login.to_lowercase();
    tx.one(
        "SELECT u.id, u.login, u.name, u.email, u.site_admin
         FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.org_id = $1 AND u.login_key = $2 AND u.deleted_at IS NULL",
        &[org.as_bytes().into(), (&key).into()],
        |row| user(row, 0),
    )
}

/// Adds a team.
///
/// # Errors
/// As [`Tx::execute`].
pub fn insert(tx: &mut dyn Tx, org: OrgId, team: &TeamRow) -> Result<()> {
    let role = team.role.as_ref().map(RoleId::as_bytes);
    tx.run(
        "INSERT INTO teams (org_id, id, name, display_name, description, role_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            org.as_bytes().into(),
            team.id.as_bytes().into(),
            (&team.name).into(),
            (&team.display_name).into(),
            (&team.description).into(),
            role.into(),
            team.created_at.into(),
        ],
    )?;
    Ok(())
}

/// Replaces what can change of a team: the name that people see, its description and its role.
///
/// # Errors
/// As [`Tx::execute`].
pub fn update(tx: &mut dyn Tx, org: OrgId, team: &TeamRow) -> Result<bool> {
    let role = team.role.as_ref().map(RoleId::as_bytes);
    let changed = tx.run(
        "UPDATE teams SET display_name = $1, description = $2, role_id = $3 WHERE org_id = $4 AND id = $5",
        &[
            (&team.display_name).into(),
            (&team.description).into(),
            role.into(),
            org.as_bytes().into(),
            team.id.as_bytes().into(),
        ],
    )?;
    Ok(changed > 0)
}

/// Removes a team and its memberships. Its tokens are another room's.
///
/// # Errors
/// As [`Tx::execute`].
pub fn delete(tx: &mut dyn Tx, org: OrgId, id: TeamId) -> Result<bool> {
    tx.run(
        "DELETE FROM team_members WHERE org_id = $1 AND team_id = $2",
        &[org.as_bytes().into(), id.as_bytes().into()],
    )?;
    let gone =
        tx.run("DELETE FROM teams WHERE org_id = $1 AND id = $2", &[org.as_bytes().into(), id.as_bytes().into()])?;
    Ok(gone > 0)
}

/// Puts a user into a team in which he is not.
///
/// # Errors
/// As [`Tx::execute`].
pub fn add_member(tx: &mut dyn Tx, org: OrgId, id: TeamId, user: UserId, admin: bool, at: Timestamp) -> Result<()> {
    tx.run(
        "INSERT INTO team_members (org_id, team_id, user_id, role, created_at) VALUES ($1, $2, $3, $4, $5)",
        &[org.as_bytes().into(), id.as_bytes().into(), user.as_bytes().into(), word(admin).into(), at.into()],
    )?;
    Ok(())
}

/// Makes someone in a team its admin, or no longer.
///
/// # Errors
/// As [`Tx::execute`].
pub fn set_admin(tx: &mut dyn Tx, org: OrgId, id: TeamId, user: UserId, admin: bool) -> Result<bool> {
    let changed = tx.run(
        "UPDATE team_members SET role = $1 WHERE org_id = $2 AND team_id = $3 AND user_id = $4",
        &[word(admin).into(), org.as_bytes().into(), id.as_bytes().into(), user.as_bytes().into()],
    )?;
    Ok(changed > 0)
}

/// Takes someone out of a team.
///
/// # Errors
/// As [`Tx::execute`].
pub fn remove_member(tx: &mut dyn Tx, org: OrgId, id: TeamId, user: UserId) -> Result<bool> {
    let gone = tx.run(
        "DELETE FROM team_members WHERE org_id = $1 AND team_id = $2 AND user_id = $3",
        &[org.as_bytes().into(), id.as_bytes().into(), user.as_bytes().into()],
    )?;
    Ok(gone > 0)
}

/// Takes a user out of all teams of an organisation that he leaves.
///
/// # Errors
/// As [`Tx::execute`].
pub fn remove_from_all(tx: &mut dyn Tx, org: OrgId, user: UserId) -> Result<u64> {
    tx.run(
        "DELETE FROM team_members WHERE org_id = $1 AND user_id = $2",
        &[org.as_bytes().into(), user.as_bytes().into()],
    )
}
