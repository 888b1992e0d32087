//! Custom roles, who has them, and the organisation's default role.
//!
//! Knows the tables `roles` and the columns that point at it. It never knows what a descriptor means, nor the built-in
//! roles: they are in no table.

use crate::db::{Row, Tx, TxExt};
use pileus_model::{
    Result, Timestamp,
    caller::UserRef,
    ids::{OrgId, RoleId, UserId},
};

/// A custom role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRow {
    /// Its id.
    pub id: RoleId,
    /// Its name, unique in the organisation.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What kind of thing it is about (`organization`, `team`, …).
    pub resource_type: String,
    /// How the console shows it (`role`, `policy`, `set`, …).
    pub ux_purpose: String,
    /// The permission descriptor, as JSON.
    pub details: String,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

/// What an organisation says of its roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleDefaults {
    /// When the organisation was made, and its built-in roles with it.
    pub created_at: Timestamp,
    /// The role of new members, if it is a custom one.
    pub default_role: Option<RoleId>,
}

/// How many have a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holders {
    /// Members.
    pub members: i64,
    /// Teams.
    pub teams: i64,
    /// Tokens that were not deleted.
    pub tokens: i64,
}

impl Holders {
    /// Nobody has it.
    pub const fn is_empty(&self) -> bool {
        self.members == 0 && self.teams == 0 && self.tokens == 0
    }
}

fn role(row: &dyn Row) -> Result<RoleRow> {
    Ok(RoleRow {
        id: RoleId::from_bytes(row.id(0)?),
        name: row.text(1)?.to_owned(),
        description: row.text(2)?.to_owned(),
        resource_type: row.text(3)?.to_owned(),
        ux_purpose: row.text(4)?.to_owned(),
        details: row.text(5)?.to_owned(),
        version: row.int(6)?,
        created_at: row.time(7)?,
        modified_at: row.time(8)?,
    })
}

/// A user from the columns `id, login, name, email, site_admin`, the first of which is `at`.
pub(crate) fn user(row: &dyn Row, at: usize) -> Result<UserRef> {
    Ok(UserRef {
        id: UserId::from_bytes(row.id(at)?),
        login: row.text(at + 1)?.to_owned(),
        name: row.text(at + 2)?.to_owned(),
        email: row.text(at + 3)?.to_owned(),
        site_admin: row.bool(at + 4)?,
    })
}

/// The organisation's custom roles, by name; only those with this purpose if one is given.
///
/// # Errors
/// As [`Tx::query`].
pub fn list(tx: &mut dyn Tx, org: OrgId, ux_purpose: Option<&str>) -> Result<Vec<RoleRow>> {
    tx.all(
        "SELECT id, name, description, resource_type, ux_purpose, details, version, created_at, modified_at
         FROM roles WHERE org_id = $1 AND ($2 OR ux_purpose = $3) ORDER BY name, id",
        &[org.as_bytes().into(), ux_purpose.is_none().into(), ux_purpose.unwrap_or_default().into()],
        role,
    )
}

/// The custom role with this id.
///
/// # Errors
/// As [`Tx::query`].
pub fn find(tx: &mut dyn Tx, org: OrgId, id: RoleId) -> Result<Option<RoleRow>> {
    tx.one(
        "SELECT id, name, description, resource_type, ux_purpose, details, version, created_at, modified_at
         FROM roles WHERE org_id = $1 AND id = $2",
        &[org.as_bytes().into(), id.as_bytes().into()],
        role,
    )
}

/// The custom role with exactly this name.
///
/// # Errors
/// As [`Tx::query`].
pub fn by_name(tx: &mut dyn Tx, org: OrgId, name: &str) -> Result<Option<RoleId>> {
    tx.one("SELECT id FROM roles WHERE org_id = $1 AND name = $2", &[org.as_bytes().into(), name.into()], |row| {
        row.id(0).map(RoleId::from_bytes)
    })
}

/// Adds a custom role.
///
/// # Errors
/// As [`Tx::execute`].
pub fn insert(tx: &mut dyn Tx, org: OrgId, role: &RoleRow) -> Result<()> {
    tx.run(
        "INSERT INTO roles
           (org_id, id, name, description, resource_type, ux_purpose, details, version, created_at, modified_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            org.as_bytes().into(),
            role.id.as_bytes().into(),
            (&role.name).into(),
            (&role.description).into(),
            (&role.resource_type).into(),
            (&role.ux_purpose).into(),
            (&role.details).into(),
            role.version.into(),
            role.created_at.into(),
            role.modified_at.into(),
        ],
    )?;
    Ok(())
}

/// Replaces what can change of a custom role: name, description, details, version and time of change.
///
/// # Errors
/// As [`Tx::execute`].
pub fn update(tx: &mut dyn Tx, org: OrgId, role: &RoleRow) -> Result<bool> {
    let changed = tx.run(
        "UPDATE roles SET name = $1, description = $2, details = $3, version = $4, modified_at = $5
         WHERE org_id = $6 AND id = $7",
        &[
            (&role.name).into(),
            (&role.description).into(),
            (&role.details).into(),
            role.version.into(),
            role.modified_at.into(),
            org.as_bytes().into(),
            role.id.as_bytes().into(),
        ],
    )?;
    Ok(changed > 0)
}

/// Removes a custom role. Who has it is not touched: take it from them first.
///
/// # Errors
/// As [`Tx::execute`].
pub fn delete(tx: &mut dyn Tx, org: OrgId, id: RoleId) -> Result<bool> {
    let gone =
        tx.run("DELETE FROM roles WHERE org_id = $1 AND id = $2", &[org.as_bytes().into(), id.as_bytes().into()])?;
    Ok(gone > 0)
}

/// How many have this role.
///
/// # Errors
/// As [`Tx::query`].
pub fn holders(tx: &mut dyn Tx, org: OrgId, id: RoleId) -> Result<Holders> {
    let found = tx.one(
        "SELECT (SELECT COUNT(*) FROM members WHERE org_id = $1 AND role_id = $2),
                (SELECT COUNT(*) FROM teams WHERE org_id = $1 AND role_id = $2),
                (SELECT COUNT(*) FROM tokens WHERE org_id = $1 AND role_id = $2 AND deleted_at IS NULL)",
        &[org.as_bytes().into(), id.as_bytes().into()],
        |row| Ok(Holders { members: row.int(0)?, teams: row.int(1)?, tokens: row.int(2)? }),
    )?;
    Ok(found.unwrap_or_default())
}

/// The members who have this custom role, by login.
///
/// # Errors
/// As [`Tx::query`].
pub fn members(tx: &mut dyn Tx, org: OrgId, id: RoleId) -> Result<Vec<UserRef>> {
    tx.all(
        "SELECT u.id, u.login, u.name, u.email, u.site_admin
         FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.org_id = $1 AND m.role_id = $2 AND u.deleted_at IS NULL ORDER BY u.login_key",
        &[org.as_bytes().into(), id.as_bytes().into()],
        |row| user(row, 0),
    )
}

/// The members who have this built-in role and no custom one, by login.
///
/// # Errors
/// As [`Tx::query`].
pub fn members_builtin(tx: &mut dyn Tx, org: OrgId, role: &str) -> Result<Vec<UserRef>> {
    tx.all(
        "SELECT u.id, u.login, u.name, u.email, u.site_admin
         FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.org_id = $1 AND m.role = $2 AND m.role_id IS NULL AND u.deleted_at IS NULL ORDER BY u.login_key",
        &[org.as_bytes().into(), role.into()],
        |row| user(row, 0),
    )
}

/// The custom role of a member; `None` if he has none or is no member.
///
/// # Errors
/// As [`Tx::query`].
pub fn of_member(tx: &mut dyn Tx, org: OrgId, user: UserId) -> Result<Option<RoleId>> {
    let found = tx.one(
        "SELECT role_id FROM members WHERE org_id = $1 AND user_id = $2",
        &[org.as_bytes().into(), user.as_bytes().into()],
        |row| row.opt(0, |row, column| row.id(column).map(RoleId::from_bytes)),
    )?;
    Ok(found.flatten())
}

/// Takes the custom role from the members who have it: what remains is the built-in `member`.
///
/// # Errors
/// As [`Tx::execute`].
pub fn release_members(tx: &mut dyn Tx, org: OrgId, id: RoleId) -> Result<u64> {
    tx.run(
        "UPDATE members SET role = 'member', role_id = NULL WHERE org_id = $1 AND role_id = $2",
        &[org.as_bytes().into(), id.as_bytes().into()],
    )
}

/// Takes the role from the teams that have it.
///
/// # Errors
/// As [`Tx::execute`].
pub fn release_teams(tx: &mut dyn Tx, org: OrgId, id: RoleId) -> Result<u64> {
    tx.run(
        "UPDATE teams SET role_id = NULL WHERE org_id = $1 AND role_id = $2",
        &[org.as_bytes().into(), id.as_bytes().into()],
    )
}

/// What the organisation says of its roles.
///
/// # Errors
/// As [`Tx::query`].
pub fn defaults(tx: &mut dyn Tx, org: OrgId) -> Result<Option<RoleDefaults>> {
    tx.one("SELECT created_at, default_role FROM organizations WHERE id = $1", &[org.as_bytes().into()], |row| {
        let default_role = row.opt(1, |row, column| row.id(column).map(RoleId::from_bytes))?;
        Ok(RoleDefaults { created_at: row.time(0)?, default_role })
    })
}

/// Sets the custom role of new members; `None` for the built-in `member`.
///
/// # Errors
/// As [`Tx::execute`].
pub fn set_default(tx: &mut dyn Tx, org: OrgId, id: Option<RoleId>) -> Result<()> {
    let id = id.as_ref().map(RoleId::as_bytes);
    tx.run("UPDATE organizations SET default_role = $1 WHERE id = $2", &[id.into(), org.as_bytes().into()])?;
    Ok(())
}
