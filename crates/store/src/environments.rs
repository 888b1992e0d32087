//! ESC environments: what they are called, whose they are, what refers to them.
//!
//! Knows the tables `environments` and `environment_imports`, and of the table `accounts` who names an environment. What a
//! definition means is not its business.

use crate::db::{Row, Tx, TxExt};
use pileus_model::{
    Result, Timestamp,
    ids::{EnvironmentId, OrgId, UserId},
};

/// An environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentRow {
    /// Its id.
    pub id: EnvironmentId,
    /// Its project.
    pub project: String,
    /// Its name, unique in the project.
    pub name: String,
    /// The user who owns it.
    pub owner: Option<UserId>,
    /// The owner's login.
    pub owner_login: String,
    /// The owner's display name.
    pub owner_name: String,
    /// Its key, sealed.
    pub data_key: Vec<u8>,
    /// The newest revision that was written.
    pub latest: i64,
    /// Whether it may not be deleted.
    pub protected: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its definition was last changed.
    pub modified_at: Timestamp,
}

impl EnvironmentRow {
    /// `project/name`.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.project, self.name)
    }
}

/// An environment that imports another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Importer {
    /// Its project.
    pub project: String,
    /// Its name.
    pub name: String,
    /// Which of its revisions.
    pub revision: i64,
    /// The version of the imported one, as it is written.
    pub version: String,
}

pub(crate) fn environment(row: &dyn Row) -> Result<EnvironmentRow> {
    Ok(EnvironmentRow {
        id: EnvironmentId::from_bytes(row.id(0)?),
        project: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        owner: row.opt(3, |row, column| row.id(column).map(UserId::from_bytes))?,
        owner_login: row.text(4)?.to_owned(),
        owner_name: row.text(5)?.to_owned(),
        data_key: row.bytes(6)?.to_owned(),
        latest: row.int(7)?,
        protected: row.bool(8)?,
        created_at: row.time(9)?,
        modified_at: row.time(10)?,
    })
}

/// The environment with this name.
///
/// # Errors
/// As [`Tx::query`].
pub fn find(tx: &mut dyn Tx, org: OrgId, project: &str, name: &str) -> Result<Option<EnvironmentRow>> {
    tx.one(
        "SELECT id, project, name, owner_id, owner_login, owner_name, data_key, latest, protected, created_at, modified_at
         FROM environments WHERE org_id = $1 AND project = $2 AND name = $3 AND deleted_at IS NULL",
        &[org.as_bytes().into(), project.into(), name.into()],
        environment,
    )
}

/// The environment with this id, unless it was deleted.
///
/// # Errors
/// As [`Tx::query`].
pub fn by_id(tx: &mut dyn Tx, org: OrgId, id: EnvironmentId) -> Result<Option<EnvironmentRow>> {
    tx.one(
        "SELECT id, project, name, owner_id, owner_login, owner_name, data_key, latest, protected, created_at, modified_at
         FROM environments WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL",
        &[org.as_bytes().into(), id.as_bytes().into()],
        environment,
    )
}

/// The environment with this id, also if it was deleted and can still be restored.
///
/// # Errors
/// As [`Tx::query`].
pub fn by_id_even_deleted(tx: &mut dyn Tx, org: OrgId, id: EnvironmentId) -> Result<Option<EnvironmentRow>> {
    tx.one(
        "SELECT id, project, name, owner_id, owner_login, owner_name, data_key, latest, protected, created_at, modified_at
         FROM environments WHERE org_id = $1 AND id = $2",
        &[org.as_bytes().into(), id.as_bytes().into()],
        environment,
    )
}

/// At most `limit` environments in the order of project and name, after this one (`("", "")`: from the start).
///
/// # Errors
/// As [`Tx::query`].
pub fn page(tx: &mut dyn Tx, org: OrgId, after: (&str, &str), limit: i64) -> Result<Vec<EnvironmentRow>> {
    tx.all(
        "SELECT id, project, name, owner_id, owner_login, owner_name, data_key, latest, protected, created_at, modified_at
         FROM environments WHERE org_id = $1 AND (project, name) > ($2, $3) AND deleted_at IS NULL
         ORDER BY project, name LIMIT $4",
        &[org.as_bytes().into(), after.0.into(), after.1.into(), limit.into()],
        environment,
    )
}

/// Adds an environment whose name is free.
///
/// # Errors
/// As [`Tx::execute`].
pub fn insert(tx: &mut dyn Tx, org: OrgId, new: &EnvironmentRow) -> Result<()> {
    let owner = new.owner.as_ref().map(UserId::as_bytes);
    tx.run(
        "INSERT INTO environments (org_id, id, project, name, owner_id, owner_login, owner_name, data_key, latest,
           protected, created_at, modified_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        &[
            org.as_bytes().into(),
            new.id.as_bytes().into(),
            (&new.project).into(),
            (&new.name).into(),
            owner.into(),
            (&new.owner_login).into(),
            (&new.owner_name).into(),
            new.data_key.as_slice().into(),
            new.latest.into(),
            new.protected.into(),
            new.created_at.into(),
            new.modified_at.into(),
        ],
    )?;
    Ok(())
}

/// Says which revision is the newest.
///
/// # Errors
/// As [`Tx::execute`].
pub fn set_latest(tx: &mut dyn Tx, org: OrgId, id: EnvironmentId, latest: i64, at: Timestamp) -> Result<()> {
    tx.run(
        "UPDATE environments SET latest = $1, modified_at = $2 WHERE org_id = $3 AND id = $4",
        &[latest.into(), at.into(), org.as_bytes().into(), id.as_bytes().into()],
    )?;
    Ok(())
}

/// Protects it against deletion, or no longer.
///
/// # Errors
/// As [`Tx::execute`].
pub fn set_protected(tx: &mut dyn Tx, org: OrgId, id: EnvironmentId, protected: bool) -> Result<()> {
    tx.run(
        "UPDATE environments SET protected = $1 WHERE org_id = $2 AND id = $3",
        &[protected.into(), org.as_bytes().into(), id.as_bytes().into()],
    )?;
    Ok(())
}

/// Marks it deleted, and forgets what was opened of it. Its revisions stay, sealed.
///
/// # Errors
/// As [`Tx::execute`].
pub fn delete(tx: &mut dyn Tx, org: OrgId, id: EnvironmentId, at: Timestamp) -> Result<()> {
    tx.run(
        "UPDATE environments SET deleted_at = $1 WHERE org_id = $2 AND id = $3",
        &[at.into(), org.as_bytes().into(), id.as_bytes().into()],
    )?;
    tx.run(
        "DELETE FROM environment_sessions WHERE org_id = $1 AND env_id = $2",
        &[org.as_bytes().into(), id.as_bytes().into()],
    )?;
    Ok(())
}

/// Says what a revision imports: project, name and version, the latter `latest` where none is written.
///
/// # Errors
/// As [`Tx::execute`].
pub fn add_imports(
    tx: &mut dyn Tx,
    org: OrgId,
    id: EnvironmentId,
    revision: i64,
    imports: &[(String, String, String)],
) -> Result<()> {
    for (project, name, version) in imports {
        tx.run(
            "INSERT INTO environment_imports (org_id, project, name, version, env_id, number)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            &[
                org.as_bytes().into(),
                project.into(),
                name.into(),
                version.into(),
                id.as_bytes().into(),
                revision.into(),
            ],
        )?;
    }
    Ok(())
}

/// The environments that import this one by their newest revisions (or by any), at most 5,000, by name.
///
/// # Errors
/// As [`Tx::query`].
pub fn importers(tx: &mut dyn Tx, org: OrgId, project: &str, name: &str, all: bool) -> Result<Vec<Importer>> {
    tx.all(
        "SELECT e.project, e.name, i.number, i.version
         FROM environment_imports i JOIN environments e ON e.id = i.env_id
         WHERE i.org_id = $1 AND i.project = $2 AND i.name = $3 AND e.deleted_at IS NULL
           AND ($4 OR i.number = e.latest)
         ORDER BY e.project, e.name, i.number, i.version LIMIT 5000",
        &[org.as_bytes().into(), project.into(), name.into(), all.into()],
        |row| {
            Ok(Importer {
                project: row.text(0)?.to_owned(),
                name: row.text(1)?.to_owned(),
                revision: row.int(2)?,
                version: row.text(3)?.to_owned(),
            })
        },
    )
}

/// The accounts that take their credentials from this environment, with the version that they name, by name.
///
/// # Errors
/// As [`Tx::query`].
pub fn accounts(tx: &mut dyn Tx, org: OrgId, project: &str, name: &str) -> Result<Vec<(String, String)>> {
    tx.all(
        "SELECT name, COALESCE(env_version, 'latest') FROM accounts
         WHERE org_id = $1 AND env_project = $2 AND env_name = $3 AND parent_id IS NULL ORDER BY name LIMIT 5000",
        &[org.as_bytes().into(), project.into(), name.into()],
        |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())),
    )
}
