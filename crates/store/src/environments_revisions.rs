//! The revisions of environments, and the tags of revisions.
//!
//! Knows the tables `environment_revisions` and `environment_revision_tags`. What is in a definition is not its business.

use crate::db::{Row, Tx, TxExt};
use pileus_model::{
    Result, Timestamp,
    ids::{EnvironmentId, OrgId},
};

/// A revision, without its definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRow {
    /// Its number, from 1.
    pub number: i64,
    /// The login of who wrote it.
    pub creator_login: String,
    /// His display name.
    pub creator_name: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// What is known of its retraction.
    pub retracted: Option<Retraction>,
}

/// The retraction of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retraction {
    /// When.
    pub at: Timestamp,
    /// Which revision took its place.
    pub replacement: i64,
    /// The login of who did it.
    pub login: String,
    /// His display name.
    pub name: String,
    /// Why; may be empty.
    pub reason: String,
}

/// A tag of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionTagRow {
    /// Its name.
    pub name: String,
    /// The revision that it stands for.
    pub number: i64,
    /// The login of who last moved it.
    pub editor_login: String,
    /// His display name.
    pub editor_name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last moved.
    pub modified_at: Timestamp,
}

fn revision(row: &dyn Row) -> Result<RevisionRow> {
    let retracted = match row.opt(4, |row, column| row.time(column))? {
        Some(at) => Some(Retraction {
            at,
            replacement: row.int(5)?,
            login: row.text(6)?.to_owned(),
            name: row.text(7)?.to_owned(),
            reason: row.text(8)?.to_owned(),
        }),
        None => None,
    };
    Ok(RevisionRow {
        number: row.int(0)?,
        creator_login: row.text(1)?.to_owned(),
        creator_name: row.text(2)?.to_owned(),
        created_at: row.time(3)?,
        retracted,
    })
}

fn tag(row: &dyn Row) -> Result<RevisionTagRow> {
    Ok(RevisionTagRow {
        name: row.text(0)?.to_owned(),
        number: row.int(1)?,
        editor_login: row.text(2)?.to_owned(),
        editor_name: row.text(3)?.to_owned(),
        created_at: row.time(4)?,
        modified_at: row.time(5)?,
    })
}

/// Adds a revision.
///
/// # Errors
/// As [`Tx::execute`].
pub fn insert(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, new: &RevisionRow, definition: &str) -> Result<()> {
    tx.run(
        "INSERT INTO environment_revisions (org_id, env_id, number, definition, creator_login, creator_name, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            org.as_bytes().into(),
            env.as_bytes().into(),
            new.number.into(),
            definition.into(),
            (&new.creator_login).into(),
            (&new.creator_name).into(),
            new.created_at.into(),
        ],
    )?;
    Ok(())
}

/// A revision.
///
/// # Errors
/// As [`Tx::query`].
pub fn find(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, number: i64) -> Result<Option<RevisionRow>> {
    tx.one(
        "SELECT number, creator_login, creator_name, created_at, retracted_at, replacement, retracted_login,
           retracted_name, retracted_why
         FROM environment_revisions WHERE org_id = $1 AND env_id = $2 AND number = $3",
        &[org.as_bytes().into(), env.as_bytes().into(), number.into()],
        revision,
    )
}

/// The definition of a revision, its secrets sealed.
///
/// # Errors
/// As [`Tx::query`].
pub fn definition(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, number: i64) -> Result<Option<String>> {
    tx.one(
        "SELECT definition FROM environment_revisions WHERE org_id = $1 AND env_id = $2 AND number = $3",
        &[org.as_bytes().into(), env.as_bytes().into(), number.into()],
        |row| Ok(row.text(0)?.to_owned()),
    )
}

/// At most `limit` revisions below `before`, the newest first.
///
/// # Errors
/// As [`Tx::query`].
pub fn list(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, before: i64, limit: i64) -> Result<Vec<RevisionRow>> {
    tx.all(
        "SELECT number, creator_login, creator_name, created_at, retracted_at, replacement, retracted_login,
           retracted_name, retracted_why
         FROM environment_revisions WHERE org_id = $1 AND env_id = $2 AND number < $3 ORDER BY number DESC LIMIT $4",
        &[org.as_bytes().into(), env.as_bytes().into(), before.into(), limit.into()],
        revision,
    )
}

/// The newest revision below `before` that is not retracted.
///
/// # Errors
/// As [`Tx::query`].
pub fn newest_valid(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, before: i64) -> Result<Option<i64>> {
    tx.one(
        "SELECT number FROM environment_revisions
         WHERE org_id = $1 AND env_id = $2 AND number < $3 AND retracted_at IS NULL ORDER BY number DESC LIMIT 1",
        &[org.as_bytes().into(), env.as_bytes().into(), before.into()],
        |row| row.int(0),
    )
}

/// How many revisions there are up to this number, and how many characters their definitions have together.
///
/// # Errors
/// As [`Tx::query`].
pub fn extent(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, up_to: i64) -> Result<(i64, i64)> {
    let found = tx.one(
        "SELECT COUNT(*), COALESCE(SUM(LENGTH(definition)), 0) FROM environment_revisions
         WHERE org_id = $1 AND env_id = $2 AND number <= $3",
        &[org.as_bytes().into(), env.as_bytes().into(), up_to.into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    Ok(found.unwrap_or_default())
}

/// The definitions from `first` to `last`, by number.
///
/// # Errors
/// As [`Tx::query`].
pub fn definitions(
    tx: &mut dyn Tx,
    org: OrgId,
    env: EnvironmentId,
    first: i64,
    last: i64,
) -> Result<Vec<(i64, String)>> {
    tx.all(
        "SELECT number, definition FROM environment_revisions
         WHERE org_id = $1 AND env_id = $2 AND number >= $3 AND number <= $4 ORDER BY number",
        &[org.as_bytes().into(), env.as_bytes().into(), first.into(), last.into()],
        |row| Ok((row.int(0)?, row.text(1)?.to_owned())),
    )
}

/// Marks a revision as retracted. Its tags stay where they are.
///
/// # Errors
/// As [`Tx::execute`].
pub fn mark_retracted(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, number: i64, how: &Retraction) -> Result<()> {
    tx.run(
        "UPDATE environment_revisions SET retracted_at = $1, replacement = $2, retracted_login = $3, retracted_name = $4,
           retracted_why = $5 WHERE org_id = $6 AND env_id = $7 AND number = $8",
        &[
            how.at.into(),
            how.replacement.into(),
            (&how.login).into(),
            (&how.name).into(),
            (&how.reason).into(),
            org.as_bytes().into(),
            env.as_bytes().into(),
            number.into(),
        ],
    )?;
    Ok(())
}

/// Retracts a revision, and moves its tags to the replacement.
///
/// # Errors
/// As [`Tx::execute`].
pub fn retract(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, number: i64, how: &Retraction) -> Result<()> {
    mark_retracted(tx, org, env, number, how)?;
    tx.run(
        "UPDATE environment_revision_tags SET number = $1, modified_at = $2 WHERE org_id = $3 AND env_id = $4 AND number = $5",
        &[how.replacement.into(), how.at.into(), org.as_bytes().into(), env.as_bytes().into(), number.into()],
    )?;
    Ok(())
}

/// At most `limit` tags by name after this one (`""`: from the start); of one revision only, if `number` is not 0.
///
/// # Errors
/// As [`Tx::query`].
pub fn tags(
    tx: &mut dyn Tx,
    org: OrgId,
    env: EnvironmentId,
    number: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<RevisionTagRow>> {
    tx.all(
        "SELECT name, number, editor_login, editor_name, created_at, modified_at FROM environment_revision_tags
         WHERE org_id = $1 AND env_id = $2 AND (number = $3 OR $3 = 0) AND name > $4 ORDER BY name LIMIT $5",
        &[org.as_bytes().into(), env.as_bytes().into(), number.into(), after.into(), limit.into()],
        tag,
    )
}

/// The tag with this name.
///
/// # Errors
/// As [`Tx::query`].
pub fn tag_by_name(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, name: &str) -> Result<Option<RevisionTagRow>> {
    tx.one(
        "SELECT name, number, editor_login, editor_name, created_at, modified_at FROM environment_revision_tags
         WHERE org_id = $1 AND env_id = $2 AND name = $3",
        &[org.as_bytes().into(), env.as_bytes().into(), name.into()],
        tag,
    )
}

/// Adds a tag.
///
/// # Errors
/// As [`Tx::execute`].
pub fn insert_tag(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, new: &RevisionTagRow) -> Result<()> {
    tx.run(
        "INSERT INTO environment_revision_tags (org_id, env_id, name, number, editor_login, editor_name, created_at,
           modified_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            org.as_bytes().into(),
            env.as_bytes().into(),
            (&new.name).into(),
            new.number.into(),
            (&new.editor_login).into(),
            (&new.editor_name).into(),
            new.created_at.into(),
            new.modified_at.into(),
        ],
    )?;
    Ok(())
}

/// Moves a tag.
///
/// # Errors
/// As [`Tx::execute`].
pub fn move_tag(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, tag: &RevisionTagRow) -> Result<()> {
    tx.run(
        "UPDATE environment_revision_tags SET number = $1, editor_login = $2, editor_name = $3, modified_at = $4
         WHERE org_id = $5 AND env_id = $6 AND name = $7",
        &[
            tag.number.into(),
            (&tag.editor_login).into(),
            (&tag.editor_name).into(),
            tag.modified_at.into(),
            org.as_bytes().into(),
            env.as_bytes().into(),
            (&tag.name).into(),
        ],
    )?;
    Ok(())
}

/// Removes a tag.
///
/// # Errors
/// As [`Tx::execute`].
pub fn delete_tag(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId, name: &str) -> Result<bool> {
    let gone = tx.run(
        "DELETE FROM environment_revision_tags WHERE org_id = $1 AND env_id = $2 AND name = $3",
        &[org.as_bytes().into(), env.as_bytes().into(), name.into()],
    )?;
    Ok(gone > 0)
}
