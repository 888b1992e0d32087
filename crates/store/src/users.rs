//! Users: people who may present personal tokens.
//!
//! This room knows their rows. It must never know what they may do.

use crate::{Row, Sql, Tx, TxExt, names};
use pileus_model::{
    Result, Timestamp,
    caller::UserRef,
    ids::{OrgId, UserId},
};

/// A user's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Id, login, names, and whether he is a site admin.
    pub user: UserRef,
    /// May not log in.
    pub disabled: bool,
    /// The default organisation that he chose.
    pub default_org: Option<OrgId>,
    /// When he was created.
    pub created_at: Timestamp,
}

fn convert(row: &dyn Row) -> Result<User> {
    Ok(User {
        user: UserRef {
            id: UserId::from_bytes(row.id(0)?),
            login: row.text(1)?.to_owned(),
            name: row.text(2)?.to_owned(),
            email: row.text(3)?.to_owned(),
            site_admin: row.bool(4)?,
        },
        disabled: row.bool(5)?,
        default_org: row.opt(6, <dyn Row>::id)?.map(OrgId::from_bytes),
        created_at: row.time(7)?,
    })
}

/// Adds a user. His name must have been reserved.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn insert(tx: &mut dyn Tx, user: &User) -> Result<()> {
    let sql = "INSERT INTO users (id, login, login_key, name, email, site_admin, disabled, default_org, created_at, deleted_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL)";
    let key = names::key(&user.user.login);
    let default_org = user.default_org.as_ref().map(OrgId::as_bytes);
    tx.run(
        sql,
        &[
            user.user.id.as_bytes().into(),
            (&user.user.login).into(),
            (&key).into(),
            (&user.user.name).into(),
            (&user.user.email).into(),
            user.user.site_admin.into(),
            user.disabled.into(),
            default_org.into(),
            user.created_at.into(),
        ],
    )
    .map(|_| ())
}

/// The user with this login, in any case; deleted ones are not found.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn by_login(tx: &mut dyn Tx, login: &str) -> Result<Option<User>> {
    let sql = "SELECT id, login, name, email, site_admin, disabled, default_org, created_at \
         FROM users WHERE login_key = $1 AND deleted_at IS NULL";
    tx.one(sql, &[(&names::key(login)).into()], convert)
}

/// The user with this id; deleted ones are not found.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn by_id(tx: &mut dyn Tx, user: UserId) -> Result<Option<User>> {
    let sql = "SELECT id, login, name, email, site_admin, disabled, default_org, created_at \
         FROM users WHERE id = $1 AND deleted_at IS NULL";
    tx.one(sql, &[user.as_bytes().into()], convert)
}

/// At most `limit` users in the order of their logins, after this one (`""`: from the start).
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn list(tx: &mut dyn Tx, after: &str, limit: i64) -> Result<Vec<User>> {
    let sql = "SELECT id, login, name, email, site_admin, disabled, default_org, created_at \
         FROM users WHERE login_key > $1 AND deleted_at IS NULL ORDER BY login_key LIMIT $2";
    tx.all(sql, &[(&names::key(after)).into(), limit.into()], convert)
}

/// Writes what may change of a user: names, flags, default organisation.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn update(tx: &mut dyn Tx, user: &User) -> Result<()> {
    let sql = "UPDATE users SET name = $1, email = $2, site_admin = $3, disabled = $4, default_org = $5 WHERE id = $6";
    let default_org = user.default_org.as_ref().map(OrgId::as_bytes);
    tx.run(
        sql,
        &[
            (&user.user.name).into(),
            (&user.user.email).into(),
            user.user.site_admin.into(),
            user.disabled.into(),
            default_org.into(),
            user.user.id.as_bytes().into(),
        ],
    )
    .map(|_| ())
}

/// Writes the default organisation that a user chose.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn set_default_org(tx: &mut dyn Tx, user: UserId, org: OrgId) -> Result<()> {
    let sql = "UPDATE users SET default_org = $1 WHERE id = $2";
    tx.run(sql, &[org.as_bytes().into(), user.as_bytes().into()]).map(|_| ())
}

/// Marks a user as deleted. The row stays, so that the login is never another's.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn mark_deleted(tx: &mut dyn Tx, user: UserId, now: Timestamp) -> Result<()> {
    let sql = "UPDATE users SET deleted_at = $1 WHERE id = $2";
    tx.run(sql, &[now.into(), user.as_bytes().into()]).map(|_| ())
}

/// The user with this login, in any case, locked until the transaction ends (SQLite's writer is alone anyway): to be
/// taken before his memberships are checked and then changed, and before an organisation's lock.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn lock_by_login(tx: &mut dyn Tx, login: &str) -> Result<Option<User>> {
    let sql = Sql {
        sqlite: "SELECT id, login, name, email, site_admin, disabled, default_org, created_at \
             FROM users WHERE login_key = $1 AND deleted_at IS NULL",
        postgres: "SELECT id, login, name, email, site_admin, disabled, default_org, created_at \
             FROM users WHERE login_key = $1 AND deleted_at IS NULL FOR UPDATE",
    };
    tx.one(sql, &[(&names::key(login)).into()], convert)
}

/// The site admins that may log in, locked until the transaction ends.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn lock_site_admins(tx: &mut dyn Tx) -> Result<Vec<UserId>> {
    let sql = Sql {
        sqlite: "SELECT id FROM users WHERE site_admin = TRUE AND disabled = FALSE AND deleted_at IS NULL ORDER BY id",
        postgres: "SELECT id FROM users WHERE site_admin = TRUE AND disabled = FALSE AND deleted_at IS NULL ORDER BY id FOR UPDATE",
    };
    tx.all(sql, &[], |row| row.id(0).map(UserId::from_bytes))
}
