//! What teams may do with Insights accounts. The rows are the roots'; the same holds for their children.
//!
//! This room knows the rows of `account_teams`. It must never know what a permission permits.

use crate::{Row, Tx, TxExt};
use pileus_model::{
    Error, Result,
    ids::{AccountId, OrgId, TeamId, UserId},
    insights::TeamPermission,
};

fn permission(row: &dyn Row, column: usize) -> Result<TeamPermission> {
    TeamPermission::from_number(row.int(column)?).ok_or_else(|| Error::internal("unknown permission of a team"))
}

/// What each team may do with a root.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn of_account(tx: &mut dyn Tx, org: OrgId, root: AccountId) -> Result<Vec<(TeamId, TeamPermission)>> {
    let sql = "SELECT team_id, permission FROM account_teams WHERE org_id = $1 AND account_id = $2";
    tx.all(sql, &[org.as_bytes().into(), root.as_bytes().into()], |row| {
        Ok((TeamId::from_bytes(row.id(0)?), permission(row, 1)?))
    })
}

/// What teams may do with the roots with names in `(after, to]`: root, team's name, permission.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn of_roots(
    tx: &mut dyn Tx,
    org: OrgId,
    after: &str,
    to: &str,
) -> Result<Vec<(AccountId, String, TeamPermission)>> {
    let sql = "SELECT a.id, t.name, g.permission FROM accounts a JOIN account_teams g ON g.account_id = a.id \
         JOIN teams t ON t.id = g.team_id WHERE a.org_id = $1 AND a.parent_id IS NULL AND a.name > $2 AND a.name <= $3";
    tx.all(sql, &[org.as_bytes().into(), after.into(), to.into()], |row| {
        Ok((AccountId::from_bytes(row.id(0)?), row.text(1)?.to_owned(), permission(row, 2)?))
    })
}

/// What teams may do with the root with this name: team's name, permission.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn of_root(tx: &mut dyn Tx, org: OrgId, name: &str) -> Result<Vec<(String, TeamPermission)>> {
    let sql = "SELECT t.name, g.permission FROM accounts a JOIN account_teams g ON g.account_id = a.id \
         JOIN teams t ON t.id = g.team_id WHERE a.org_id = $1 AND a.name = $2";
    tx.all(sql, &[org.as_bytes().into(), name.into()], |row| Ok((row.text(0)?.to_owned(), permission(row, 1)?)))
}

/// A root with what a team may do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAccount {
    /// The team.
    pub team: TeamId,
    /// The root.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Who owns it, if somebody does.
    pub owner: Option<UserId>,
    /// What the team may do.
    pub permission: TeamPermission,
}

fn with_account(row: &dyn Row) -> Result<GivenAccount> {
    Ok(GivenAccount {
        team: TeamId::from_bytes(row.id(0)?),
        id: AccountId::from_bytes(row.id(1)?),
        name: row.text(2)?.to_owned(),
        owner: row.opt(3, |row, column| row.id(column).map(UserId::from_bytes))?,
        permission: permission(row, 4)?,
    })
}

/// The roots on which this team was given something, by name.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn of_team(tx: &mut dyn Tx, org: OrgId, team: TeamId) -> Result<Vec<GivenAccount>> {
    let sql = "SELECT g.team_id, a.id, a.name, a.owner_id, g.permission FROM account_teams g \
         JOIN accounts a ON a.id = g.account_id WHERE g.org_id = $1 AND g.team_id = $2 ORDER BY a.name";
    tx.all(sql, &[org.as_bytes().into(), team.as_bytes().into()], with_account)
}

/// The roots on which any team was given something, by name.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn of_organization(tx: &mut dyn Tx, org: OrgId) -> Result<Vec<GivenAccount>> {
    let sql = "SELECT g.team_id, a.id, a.name, a.owner_id, g.permission FROM account_teams g \
         JOIN accounts a ON a.id = g.account_id WHERE g.org_id = $1 ORDER BY a.name";
    tx.all(sql, &[org.as_bytes().into()], with_account)
}

/// The tags of all roots on which any team was given something: root, name, value.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn tags_of_given(tx: &mut dyn Tx, org: OrgId) -> Result<Vec<(AccountId, String, String)>> {
    let sql = "SELECT t.account_id, t.name, t.value FROM \
         (SELECT DISTINCT account_id FROM account_teams WHERE org_id = $1) g \
         JOIN account_tags t ON t.account_id = g.account_id";
    tx.all(sql, &[org.as_bytes().into()], |row| {
        Ok((AccountId::from_bytes(row.id(0)?), row.text(1)?.to_owned(), row.text(2)?.to_owned()))
    })
}

/// Sets what a team may do with a root; `None`: it is no longer named there.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn set(
    tx: &mut dyn Tx,
    org: OrgId,
    root: AccountId,
    team: TeamId,
    permission: Option<TeamPermission>,
) -> Result<()> {
    let sql = "DELETE FROM account_teams WHERE org_id = $1 AND account_id = $2 AND team_id = $3";
    tx.run(sql, &[org.as_bytes().into(), root.as_bytes().into(), team.as_bytes().into()])?;
    if let Some(permission) = permission {
        let sql = "INSERT INTO account_teams (org_id, account_id, team_id, permission) VALUES ($1, $2, $3, $4)";
        let number = permission.number();
        tx.run(sql, &[org.as_bytes().into(), root.as_bytes().into(), team.as_bytes().into(), number.into()])?;
    }
    Ok(())
}

/// Forgets a team that is deleted.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn forget_team(tx: &mut dyn Tx, org: OrgId, team: TeamId) -> Result<()> {
    let sql = "DELETE FROM account_teams WHERE org_id = $1 AND team_id = $2";
    tx.run(sql, &[org.as_bytes().into(), team.as_bytes().into()]).map(|_| ())
}
