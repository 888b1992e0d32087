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

/// What a user may do by his teams: roots' names and the permission, once for each team.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn of_user(tx: &mut dyn Tx, org: OrgId, user: UserId) -> Result<Vec<(String, TeamPermission)>> {
    let sql = "SELECT a.name, g.permission FROM team_members m JOIN account_teams g ON g.org_id = m.org_id AND g.team_id = m.team_id \
         JOIN accounts a ON a.id = g.account_id WHERE m.org_id = $1 AND m.user_id = $2 AND g.permission > 0";
    tx.all(sql, &[org.as_bytes().into(), user.as_bytes().into()], |row| Ok((row.text(0)?.to_owned(), permission(row, 1)?)))
}

/// What a team may do: roots' names and the permission.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn of_team(tx: &mut dyn Tx, org: OrgId, team: TeamId) -> Result<Vec<(String, TeamPermission)>> {
    let sql = "SELECT a.name, g.permission FROM account_teams g JOIN accounts a ON a.id = g.account_id \
         WHERE g.org_id = $1 AND g.team_id = $2 AND g.permission > 0";
    tx.all(sql, &[org.as_bytes().into(), team.as_bytes().into()], |row| Ok((row.text(0)?.to_owned(), permission(row, 1)?)))
}

/// Sets what a team may do with a root; `None`: it is no longer named there.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn set(tx: &mut dyn Tx, org: OrgId, root: AccountId, team: TeamId, permission: Option<TeamPermission>) -> Result<()> {
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
