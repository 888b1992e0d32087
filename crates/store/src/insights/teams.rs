//! What teams may do with Insights accounts. The rows are the roots'; the same holds for their children.
//!
//! This room knows the rows of `account_teams`. It must never know what a permission permits.

use crate::{Row, Tx, TxExt};
use pileus_model::{
    Error, Result,
    ids::{AccountId, OrgId, TeamId},
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
