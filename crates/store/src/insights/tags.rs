//! Tags of Insights accounts. They are the roots'; children have their root's.
//!
//! This room knows the rows of `account_tags`. It must never know which names are allowed.

use crate::{Tx, TxExt};
use pileus_model::{
    Result, Timestamp,
    ids::{AccountId, OrgId},
};

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRow {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// When it was first set.
    pub created_at: Timestamp,
    /// When its value last changed.
    pub modified_at: Timestamp,
}

/// The tags of a root, by name.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn list(tx: &mut dyn Tx, org: OrgId, root: AccountId) -> Result<Vec<TagRow>> {
    let sql = "SELECT name, value, created_at, modified_at FROM account_tags WHERE org_id = $1 AND account_id = $2 ORDER BY name";
    tx.all(sql, &[org.as_bytes().into(), root.as_bytes().into()], |row| {
        Ok(TagRow {
            name: row.text(0)?.to_owned(),
            value: row.text(1)?.to_owned(),
            created_at: row.time(2)?,
            modified_at: row.time(3)?,
        })
    })
}

/// The tags of the roots with names in `(after, to]`: root, name, value.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn of_roots(tx: &mut dyn Tx, org: OrgId, after: &str, to: &str) -> Result<Vec<(AccountId, (String, String))>> {
    let sql = "SELECT a.id, t.name, t.value FROM accounts a JOIN account_tags t ON t.account_id = a.id \
         WHERE a.org_id = $1 AND a.parent_id IS NULL AND a.name > $2 AND a.name <= $3 ORDER BY t.name";
    tx.all(sql, &[org.as_bytes().into(), after.into(), to.into()], |row| {
        Ok((AccountId::from_bytes(row.id(0)?), (row.text(1)?.to_owned(), row.text(2)?.to_owned())))
    })
}

/// Replaces all tags of a root. A tag that keeps its value keeps its times.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn replace(tx: &mut dyn Tx, org: OrgId, root: AccountId, tags: &[(String, String)], now: Timestamp) -> Result<()> {
    let before = list(tx, org, root)?;
    let sql = "DELETE FROM account_tags WHERE org_id = $1 AND account_id = $2";
    tx.run(sql, &[org.as_bytes().into(), root.as_bytes().into()])?;
    let sql = "INSERT INTO account_tags (org_id, account_id, name, value, created_at, modified_at) VALUES ($1, $2, $3, $4, $5, $6)";
    for (name, value) in tags {
        let old = before.iter().find(|tag| tag.name == *name);
        let created = old.map_or(now, |tag| tag.created_at);
        let modified = old.filter(|tag| tag.value == *value).map_or(now, |tag| tag.modified_at);
        tx.run(
            sql,
            &[
                org.as_bytes().into(),
                root.as_bytes().into(),
                name.into(),
                value.into(),
                created.into(),
                modified.into(),
            ],
        )?;
    }
    Ok(())
}
