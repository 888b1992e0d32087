//! The tags of environments, and of accounts as far as permissions depend on them.
//!
//! Knows the table `environment_tags`; of `account_tags` and `accounts` what conditions in roles look at.

use crate::db::{Row, Tx, TxExt};
use pileus_model::{
    Result, Timestamp,
    ids::{EnvironmentId, EnvironmentTagId, OrgId, UserId},
};

/// Names and values.
pub type Pairs = Vec<(String, String)>;

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRow {
    /// Its position in the environment's list.
    pub seq: i64,
    /// Its id.
    pub id: EnvironmentTagId,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The login of who last changed it.
    pub editor_login: String,
    /// His display name.
    pub editor_name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

fn tag(row: &dyn Row) -> Result<TagRow> {
    Ok(TagRow {
        seq: row.int(0)?,
        id: EnvironmentTagId::from_bytes(row.id(1)?),
        name: row.text(2)?.to_owned(),
        value: row.text(3)?.to_owned(),
        editor_login: row.text(4)?.to_owned(),
        editor_name: row.text(5)?.to_owned(),
        created_at: row.time(6)?,
        modified_at: row.time(7)?,
    })
}

/// At most `limit` tags of an environment after this position, in their order.
///
/// # Errors
/// As [`Tx::query`].
pub fn list(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, after: i64, limit: i64) -> Result<Vec<TagRow>> {
    tx.all(
        "SELECT seq, id, name, value, editor_login, editor_name, created_at, modified_at FROM environment_tags
         WHERE org_id = $1 AND env_id = $2 AND seq > $3 ORDER BY seq LIMIT $4",
        &[org.as_bytes().into(), env.as_bytes().into(), after.into(), limit.into()],
        tag,
    )
}

/// The tag with this name.
///
/// # Errors
/// As [`Tx::query`].
pub fn find(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, name: &str) -> Result<Option<TagRow>> {
    tx.one(
        "SELECT seq, id, name, value, editor_login, editor_name, created_at, modified_at FROM environment_tags
         WHERE org_id = $1 AND env_id = $2 AND name = $3",
        &[org.as_bytes().into(), env.as_bytes().into(), name.into()],
        tag,
    )
}

/// The tags of the environments from this one to that one in the order of project and name.
///
/// # Errors
/// As [`Tx::query`].
pub fn between(
    tx: &mut dyn Tx,
    org: OrgId,
    first: (&str, &str),
    last: (&str, &str),
) -> Result<Vec<(EnvironmentId, String, String)>> {
    tx.all(
        "SELECT t.env_id, t.name, t.value FROM environments e JOIN environment_tags t ON t.env_id = e.id
         WHERE e.org_id = $1 AND (e.project, e.name) >= ($2, $3) AND (e.project, e.name) <= ($4, $5)
           AND e.deleted_at IS NULL",
        &[org.as_bytes().into(), first.0.into(), first.1.into(), last.0.into(), last.1.into()],
        |row| Ok((EnvironmentId::from_bytes(row.id(0)?), row.text(1)?.to_owned(), row.text(2)?.to_owned())),
    )
}

/// Adds a tag at the end of the list.
///
/// # Errors
/// As [`Tx::execute`].
pub fn insert(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, new: &TagRow) -> Result<()> {
    tx.run(
        "INSERT INTO environment_tags (org_id, env_id, seq, id, name, value, editor_login, editor_name, created_at,
           modified_at)
         VALUES ($1, $2, (SELECT COALESCE(MAX(seq), 0) + 1 FROM environment_tags WHERE env_id = $2), $3, $4, $5, $6, $7,
           $8, $9)",
        &[
            org.as_bytes().into(),
            env.as_bytes().into(),
            new.id.as_bytes().into(),
            (&new.name).into(),
            (&new.value).into(),
            (&new.editor_login).into(),
            (&new.editor_name).into(),
            new.created_at.into(),
            new.modified_at.into(),
        ],
    )?;
    Ok(())
}

/// Changes the name and value of the tag with this id.
///
/// # Errors
/// As [`Tx::execute`].
pub fn update(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, tag: &TagRow) -> Result<()> {
    tx.run(
        "UPDATE environment_tags SET name = $1, value = $2, editor_login = $3, editor_name = $4, modified_at = $5
         WHERE org_id = $6 AND env_id = $7 AND id = $8",
        &[
            (&tag.name).into(),
            (&tag.value).into(),
            (&tag.editor_login).into(),
            (&tag.editor_name).into(),
            tag.modified_at.into(),
            org.as_bytes().into(),
            env.as_bytes().into(),
            tag.id.as_bytes().into(),
        ],
    )?;
    Ok(())
}

/// Removes a tag.
///
/// # Errors
/// As [`Tx::execute`].
pub fn delete(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, name: &str) -> Result<bool> {
    let gone = tx.run(
        "DELETE FROM environment_tags WHERE org_id = $1 AND env_id = $2 AND name = $3",
        &[org.as_bytes().into(), env.as_bytes().into(), name.into()],
    )?;
    Ok(gone > 0)
}

/// The owner and the tags of the account (a root) with this name.
///
/// # Errors
/// As [`Tx::query`].
pub fn of_account(tx: &mut dyn Tx, org: OrgId, name: &str) -> Result<(Option<UserId>, Pairs)> {
    let owner = tx.one(
        "SELECT owner_id FROM accounts WHERE org_id = $1 AND name = $2",
        &[org.as_bytes().into(), name.into()],
        |row| row.opt(0, |row, column| row.id(column).map(UserId::from_bytes)),
    )?;
    let tags = tx.all(
        "SELECT t.name, t.value FROM accounts a JOIN account_tags t ON t.account_id = a.id
         WHERE a.org_id = $1 AND a.name = $2 ORDER BY t.name",
        &[org.as_bytes().into(), name.into()],
        |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())),
    )?;
    Ok((owner.flatten(), tags))
}
