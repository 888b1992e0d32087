//! Members: which user belongs to which organisation, and in which role.
//!
//! This room knows the rows. It must never know what a role permits or who may change one.

use crate::{Row, Tx, TxExt, names, teams};
use pileus_model::{
    Error, Result, Timestamp,
    audit::LogId,
    caller::{BuiltinRole, OrgRef, UserRef},
    ids::{OrgId, RoleId, UserId},
};

/// A custom role, as a member's row names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomRole {
    /// Its id.
    pub id: RoleId,
    /// Its name; empty if the role is gone.
    pub name: String,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

/// A member of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserRef,
    /// He may not log in.
    pub disabled: bool,
    /// His built-in role; `member` if he has a custom one.
    pub role: BuiltinRole,
    /// His custom role, if any.
    pub custom: Option<CustomRole>,
    /// Since when he is a member.
    pub created_at: Timestamp,
}

/// An organisation that a user belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The organisation.
    pub org: OrgRef,
    /// His built-in role there; `member` if he has a custom one.
    pub role: BuiltinRole,
}

pub(crate) fn role(row: &dyn Row, column: usize) -> Result<BuiltinRole> {
    let text = row.text(column)?;
    BuiltinRole::parse(text).ok_or_else(|| Error::internal(format!("unknown role {text:?} of a member")))
}

fn convert(row: &dyn Row) -> Result<Member> {
    let custom = row.opt(7, <dyn Row>::id)?.map(|id| {
        Ok::<_, Error>(CustomRole {
            id: RoleId::from_bytes(id),
            name: row.opt(8, |r, c| r.text(c))?.unwrap_or_default().to_owned(),
            modified_at: row.opt(9, <dyn Row>::time)?.unwrap_or_default(),
        })
    });
    Ok(Member {
        user: UserRef {
            id: UserId::from_bytes(row.id(0)?),
            login: row.text(1)?.to_owned(),
            name: row.text(2)?.to_owned(),
            email: row.text(3)?.to_owned(),
            site_admin: row.bool(4)?,
        },
        disabled: row.bool(5)?,
        role: role(row, 6)?,
        custom: custom.transpose()?,
        created_at: row.time(10)?,
    })
}

/// The member with this login, in any case.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn by_login(tx: &mut dyn Tx, org: OrgId, login: &str) -> Result<Option<Member>> {
    let sql = "SELECT u.id, u.login, u.name, u.email, u.site_admin, u.disabled, m.role, m.role_id, r.name, r.modified_at, m.created_at \
         FROM members m JOIN users u ON u.id = m.user_id LEFT JOIN roles r ON r.id = m.role_id \
         WHERE m.org_id = $1 AND u.login_key = $2 AND u.deleted_at IS NULL";
    tx.one(sql, &[org.as_bytes().into(), (&names::key(login)).into()], convert)
}

/// At most `limit` members in the order of their logins, after this one (`""`: from the start).
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn list(tx: &mut dyn Tx, org: OrgId, after: &str, limit: i64) -> Result<Vec<Member>> {
    let sql = "SELECT u.id, u.login, u.name, u.email, u.site_admin, u.disabled, m.role, m.role_id, r.name, r.modified_at, m.created_at \
         FROM members m JOIN users u ON u.id = m.user_id LEFT JOIN roles r ON r.id = m.role_id \
         WHERE m.org_id = $1 AND u.login_key > $2 AND u.deleted_at IS NULL ORDER BY u.login_key LIMIT $3";
    tx.all(sql, &[org.as_bytes().into(), (&names::key(after)).into(), limit.into()], convert)
}

/// How many members an organisation has.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn count(tx: &mut dyn Tx, org: OrgId) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM members WHERE org_id = $1";
    Ok(tx.one(sql, &[org.as_bytes().into()], |row| row.int(0))?.unwrap_or(0))
}

/// The admins of an organisation who may log in.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn admins(tx: &mut dyn Tx, org: OrgId) -> Result<Vec<UserId>> {
    let sql = "SELECT m.user_id FROM members m JOIN users u ON u.id = m.user_id \
         WHERE m.org_id = $1 AND m.role = 'admin' AND u.disabled = FALSE AND u.deleted_at IS NULL";
    tx.all(sql, &[org.as_bytes().into()], |row| row.id(0).map(UserId::from_bytes))
}

/// Adds a member. He must not be one yet.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn insert(
    tx: &mut dyn Tx,
    org: OrgId,
    user: UserId,
    role: BuiltinRole,
    custom: Option<RoleId>,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO members (org_id, user_id, role, role_id, created_at) VALUES ($1, $2, $3, $4, $5)";
    let custom = custom.as_ref().map(RoleId::as_bytes);
    tx.run(sql, &[org.as_bytes().into(), user.as_bytes().into(), role.as_str().into(), custom.into(), now.into()])
        .map(|_| ())
}

/// Writes a member's role.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn set_role(tx: &mut dyn Tx, org: OrgId, user: UserId, role: BuiltinRole, custom: Option<RoleId>) -> Result<()> {
    let sql = "UPDATE members SET role = $1, role_id = $2 WHERE org_id = $3 AND user_id = $4";
    let custom = custom.as_ref().map(RoleId::as_bytes);
    tx.run(sql, &[role.as_str().into(), custom.into(), org.as_bytes().into(), user.as_bytes().into()]).map(|_| ())
}

/// Removes a member, also from the organisation's teams.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn remove(tx: &mut dyn Tx, org: OrgId, user: UserId) -> Result<()> {
    teams::remove_from_all(tx, org, user)?;
    let sql = "DELETE FROM members WHERE org_id = $1 AND user_id = $2";
    tx.run(sql, &[org.as_bytes().into(), user.as_bytes().into()]).map(|_| ())
}

fn membership(row: &dyn Row) -> Result<Membership> {
    Ok(Membership {
        org: OrgRef {
            id: OrgId::from_bytes(row.id(0)?),
            log: LogId(row.int(1)?),
            name: row.text(2)?.to_owned(),
            display_name: row.text(3)?.to_owned(),
        },
        role: role(row, 4)?,
    })
}

/// The organisations that a user belongs to, the oldest membership first.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn of_user(tx: &mut dyn Tx, user: UserId) -> Result<Vec<Membership>> {
    let sql = "SELECT o.id, o.log, o.name, o.display_name, m.role FROM members m JOIN organizations o ON o.id = m.org_id \
         WHERE m.user_id = $1 ORDER BY m.created_at, o.name_key";
    tx.all(sql, &[user.as_bytes().into()], membership)
}

/// The organisations of all users from one login to another, both included: those of a page of [`crate::users::list`].
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn of_users(tx: &mut dyn Tx, first: &str, last: &str) -> Result<Vec<(UserId, Membership)>> {
    let sql = "SELECT o.id, o.log, o.name, o.display_name, m.role, m.user_id \
         FROM users u JOIN members m ON m.user_id = u.id JOIN organizations o ON o.id = m.org_id \
         WHERE u.login_key >= $1 AND u.login_key <= $2 AND u.deleted_at IS NULL ORDER BY m.created_at, o.name_key";
    tx.all(sql, &[(&names::key(first)).into(), (&names::key(last)).into()], |row| {
        Ok((UserId::from_bytes(row.id(5)?), membership(row)?))
    })
}

/// Where what concerns a user outside any organisation is recorded: the logs of all organisations that he is in,
/// in their order; the site's log if he is in none.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn logs_of_user(tx: &mut dyn Tx, user: UserId) -> Result<Vec<LogId>> {
    let sql = "SELECT o.log FROM members m JOIN organizations o ON o.id = m.org_id WHERE m.user_id = $1 ORDER BY o.log";
    let logs = tx.all(sql, &[user.as_bytes().into()], |row| row.int(0).map(LogId))?;
    Ok(if logs.is_empty() { vec![LogId::SITE] } else { logs })
}
