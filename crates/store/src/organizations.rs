//! Organisations.
//!
//! This room knows their rows and the number of each one's audit log. It must never know what their settings mean.

use crate::{Row, Sql, Tx, TxExt, audit, names};
use pileus_model::{
    Result, Timestamp,
    audit::LogId,
    caller::OrgRef,
    ids::{OrgId, RoleId},
};

/// An organisation's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Id, names and log.
    pub org: OrgRef,
    /// Its settings, as the service wrote them (JSON).
    pub settings: String,
    /// The custom role of new members, if one was set.
    pub default_role: Option<RoleId>,
    /// When it was created.
    pub created_at: Timestamp,
}

fn convert(row: &dyn Row) -> Result<Organization> {
    Ok(Organization {
        org: OrgRef {
            id: OrgId::from_bytes(row.id(0)?),
            log: LogId(row.int(1)?),
            name: row.text(2)?.to_owned(),
            display_name: row.text(3)?.to_owned(),
        },
        settings: row.text(4)?.to_owned(),
        default_role: row.opt(5, <dyn Row>::id)?.map(RoleId::from_bytes),
        created_at: row.time(6)?,
    })
}

/// Locks the organisation's row until the transaction ends (SQLite's writer is alone anyway): to be taken before what is
/// checked and then written must not change in between, such as who the last admin is or whether a name is free.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn lock(tx: &mut dyn Tx, org: OrgId) -> Result<()> {
    let sql = Sql {
        sqlite: "SELECT id FROM organizations WHERE id = $1",
        postgres: "SELECT id FROM organizations WHERE id = $1 FOR UPDATE",
    };
    tx.one(sql, &[org.as_bytes().into()], |_| Ok(())).map(|_| ())
}

/// Adds an organisation and its log. Its name must have been reserved, its log's number come from [`audit::next_log`].
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn insert(tx: &mut dyn Tx, organization: &Organization) -> Result<()> {
    let Organization { org, settings, default_role, created_at } = organization;
    let sql = "INSERT INTO organizations (id, log, name, name_key, display_name, settings, default_role, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let key = names::key(&org.name);
    let default_role = default_role.as_ref().map(RoleId::as_bytes);
    tx.run(
        sql,
        &[
            org.id.as_bytes().into(),
            org.log.0.into(),
            (&org.name).into(),
            (&key).into(),
            (&org.display_name).into(),
            settings.into(),
            default_role.into(),
            (*created_at).into(),
        ],
    )?;
    audit::create_log(tx, org.log)
}

/// The organisation with this name, in any case.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn by_name(tx: &mut dyn Tx, name: &str) -> Result<Option<Organization>> {
    let sql =
        "SELECT id, log, name, display_name, settings, default_role, created_at FROM organizations WHERE name_key = $1";
    tx.one(sql, &[(&names::key(name)).into()], convert)
}

/// The organisation with this id.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn by_id(tx: &mut dyn Tx, org: OrgId) -> Result<Option<Organization>> {
    let sql = "SELECT id, log, name, display_name, settings, default_role, created_at FROM organizations WHERE id = $1";
    tx.one(sql, &[org.as_bytes().into()], convert)
}

/// At most `limit` organisations in the order of their names, after this one (`""`: from the start), each with the number
/// of its members.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn list(tx: &mut dyn Tx, after: &str, limit: i64) -> Result<Vec<(Organization, i64)>> {
    let sql = "SELECT o.id, o.log, o.name, o.display_name, o.settings, o.default_role, o.created_at, \
         (SELECT COUNT(*) FROM members m WHERE m.org_id = o.id) FROM organizations o \
         WHERE o.name_key > $1 ORDER BY o.name_key LIMIT $2";
    tx.all(sql, &[(&names::key(after)).into(), limit.into()], |row| Ok((convert(row)?, row.int(7)?)))
}

/// Writes the settings.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn set_settings(tx: &mut dyn Tx, org: OrgId, settings: &str) -> Result<()> {
    let sql = "UPDATE organizations SET settings = $1 WHERE id = $2";
    tx.run(sql, &[settings.into(), org.as_bytes().into()]).map(|_| ())
}
