//! What teams may do with environments.
//!
//! Knows the table `environment_teams`. It must never know what a permission permits.

use crate::db::{Row, Tx, TxExt};
use pileus_model::{
    Error, Result,
    authz::scopes::EnvironmentPermission,
    ids::{EnvironmentId, OrgId, TeamId, UserId},
};

/// What a team was given on an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// What it may do.
    pub permission: EnvironmentPermission,
    /// For how many seconds it may keep the environment open at most; none: as long as anybody.
    pub longest_open: Option<i64>,
}

/// An environment with what a team was given on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenEnvironment {
    /// The team.
    pub team: TeamId,
    /// The environment.
    pub id: EnvironmentId,
    /// Its project.
    pub project: String,
    /// Its name.
    pub name: String,
    /// Who owns it, if somebody does.
    pub owner: Option<UserId>,
    /// What was given.
    pub given: Given,
}

/// From this column on: permission and limit.
pub(crate) fn given(row: &dyn Row, column: usize) -> Result<Given> {
    let number = row.int(column)?;
    let permission = EnvironmentPermission::from_number(number);
    let permission = permission.ok_or_else(|| Error::internal("unknown permission of a team on an environment"))?;
    Ok(Given { permission, longest_open: row.opt(column + 1, |row, column| row.int(column))? })
}

fn with_environment(row: &dyn Row) -> Result<GivenEnvironment> {
    Ok(GivenEnvironment {
        team: TeamId::from_bytes(row.id(0)?),
        id: EnvironmentId::from_bytes(row.id(1)?),
        project: row.text(2)?.to_owned(),
        name: row.text(3)?.to_owned(),
        owner: row.opt(4, |row, column| row.id(column).map(UserId::from_bytes))?,
        given: given(row, 5)?,
    })
}

/// What teams were given on the environments from this one to that one in the order of project and name.
///
/// # Errors
/// As [`Tx::query`].
pub fn between(
    tx: &mut dyn Tx,
    org: OrgId,
    first: (&str, &str),
    last: (&str, &str),
) -> Result<Vec<(EnvironmentId, String, Given)>> {
    tx.all(
        "SELECT g.env_id, t.name, g.permission, g.longest_open
         FROM environments e JOIN environment_teams g ON g.env_id = e.id JOIN teams t ON t.id = g.team_id
         WHERE e.org_id = $1 AND (e.project, e.name) >= ($2, $3) AND (e.project, e.name) <= ($4, $5)
           AND e.deleted_at IS NULL",
        &[org.as_bytes().into(), first.0.into(), first.1.into(), last.0.into(), last.1.into()],
        |row| Ok((EnvironmentId::from_bytes(row.id(0)?), row.text(1)?.to_owned(), given(row, 2)?)),
    )
}

/// The environments on which this team was given something, by project and name.
///
/// # Errors
/// As [`Tx::query`].
pub fn of_team(tx: &mut dyn Tx, org: OrgId, team: TeamId) -> Result<Vec<GivenEnvironment>> {
    tx.all(
        "SELECT g.team_id, e.id, e.project, e.name, e.owner_id, g.permission, g.longest_open
         FROM environment_teams g JOIN environments e ON e.id = g.env_id
         WHERE g.org_id = $1 AND g.team_id = $2 AND e.deleted_at IS NULL ORDER BY e.project, e.name",
        &[org.as_bytes().into(), team.as_bytes().into()],
        with_environment,
    )
}

/// The environments on which any team was given something, by project and name.
///
/// # Errors
/// As [`Tx::query`].
pub fn of_organization(tx: &mut dyn Tx, org: OrgId) -> Result<Vec<GivenEnvironment>> {
    tx.all(
        "SELECT g.team_id, e.id, e.project, e.name, e.owner_id, g.permission, g.longest_open
         FROM environment_teams g JOIN environments e ON e.id = g.env_id
         WHERE g.org_id = $1 AND e.deleted_at IS NULL ORDER BY e.project, e.name",
        &[org.as_bytes().into()],
        with_environment,
    )
}

/// The tags of all environments on which any team was given something: environment, name, value.
///
/// # Errors
/// As [`Tx::query`].
pub fn tags_of_given(tx: &mut dyn Tx, org: OrgId) -> Result<Vec<(EnvironmentId, String, String)>> {
    tx.all(
        "SELECT t.env_id, t.name, t.value FROM (SELECT DISTINCT env_id FROM environment_teams WHERE org_id = $1) g
         JOIN environment_tags t ON t.env_id = g.env_id",
        &[org.as_bytes().into()],
        |row| Ok((EnvironmentId::from_bytes(row.id(0)?), row.text(1)?.to_owned(), row.text(2)?.to_owned())),
    )
}

/// Sets what a team may do with an environment; `None`: it is no longer named there.
///
/// # Errors
/// As [`Tx::execute`].
pub fn set(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, team: TeamId, to: Option<Given>) -> Result<()> {
    tx.run(
        "DELETE FROM environment_teams WHERE org_id = $1 AND env_id = $2 AND team_id = $3",
        &[org.as_bytes().into(), env.as_bytes().into(), team.as_bytes().into()],
    )?;
    if let Some(Given { permission, longest_open }) = to {
        tx.run(
            "INSERT INTO environment_teams (org_id, env_id, team_id, permission, longest_open)
             VALUES ($1, $2, $3, $4, $5)",
            &[
                org.as_bytes().into(),
                env.as_bytes().into(),
                team.as_bytes().into(),
                permission.number().into(),
                longest_open.into(),
            ],
        )?;
    }
    Ok(())
}

/// Gives teams on a copy what they have on its original.
///
/// # Errors
/// As [`Tx::execute`].
pub fn copy(tx: &mut dyn Tx, org: OrgId, from: EnvironmentId, to: EnvironmentId) -> Result<()> {
    // The id comes from its row, since neither engine knows the type of a bare parameter there.
    tx.run(
        "INSERT INTO environment_teams (org_id, env_id, team_id, permission, longest_open)
         SELECT g.org_id, e.id, g.team_id, g.permission, g.longest_open
         FROM environment_teams g JOIN environments e ON e.id = $1 WHERE g.org_id = $2 AND g.env_id = $3",
        &[to.as_bytes().into(), org.as_bytes().into(), from.as_bytes().into()],
    )
    .map(|_| ())
}

/// Forgets a team that is deleted.
///
/// # Errors
/// As [`Tx::execute`].
pub fn forget_team(tx: &mut dyn Tx, org: OrgId, team: TeamId) -> Result<()> {
    tx.run(
        "DELETE FROM environment_teams WHERE org_id = $1 AND team_id = $2",
        &[org.as_bytes().into(), team.as_bytes().into()],
    )
    .map(|_| ())
}
