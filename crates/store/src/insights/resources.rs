//! What was discovered, as it is read: resources, their versions, and what these refer to.
//!
//! This room knows the rows of `resources` and `resource_versions`. How they come to be is another room's
//! business; what a state means it never knows.

use crate::{Flow, Row, Tx, TxExt};
use pileus_model::{
    Result, Timestamp,
    ids::{AccountId, OrgId, ScanId},
};

/// A resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceRow {
    /// The leaf that it lives at.
    pub account: AccountId,
    /// The root above it.
    pub root: AccountId,
    /// The leaf's name.
    pub account_name: String,
    /// Its key within the leaf.
    pub key: [u8; 16],
    /// Pulumi's name of its type.
    pub type_token: String,
    /// What `pulumi import` takes.
    pub id: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its ARN, if it has one.
    pub arn: Option<String>,
    /// Its newest version, from 1.
    pub version: i64,
    /// When it was first found.
    pub first_seen_at: Timestamp,
    /// When its newest version was made.
    pub modified_at: Timestamp,
    /// It was not found, and its absence not proved, since.
    pub unseen_since: Option<Timestamp>,
    /// It was proved absent.
    pub gone_at: Option<Timestamp>,
}

/// A version of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// Its number, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The resource was proved absent while this was its version.
    pub gone_at: Option<Timestamp>,
    /// The state, JSON.
    pub state: String,
}

/// Columns of [`ResourceRow`], in the order of [`resource`].
macro_rules! columns {
    () => {
        "r.account_id, a.name, r.key, r.type_token, r.id, r.name, r.arn, r.version, r.first_seen_at, r.modified_at, r.unseen_since, r.gone_at, r.root_id"
    };
}

pub(super) use columns;

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM resources r JOIN accounts a ON a.id = r.account_id ", $rest)
    };
}

pub(super) fn resource(row: &dyn Row) -> Result<ResourceRow> {
    let text = |column: usize| row.text(column).map(str::to_owned);
    let maybe = |column: usize| row.opt(column, <dyn Row>::text).map(|text| text.map(str::to_owned));
    Ok(ResourceRow {
        account: AccountId::from_bytes(row.id(0)?),
        account_name: text(1)?,
        key: row.id(2)?,
        type_token: text(3)?,
        id: text(4)?,
        name: maybe(5)?,
        arn: maybe(6)?,
        version: row.int(7)?,
        first_seen_at: row.time(8)?,
        modified_at: row.time(9)?,
        unseen_since: row.opt(10, <dyn Row>::time)?,
        gone_at: row.opt(11, <dyn Row>::time)?,
        root: AccountId::from_bytes(row.id(12)?),
    })
}

/// The resource with this key at a leaf.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn find(tx: &mut dyn Tx, org: OrgId, leaf: AccountId, key: &[u8; 16]) -> Result<Option<ResourceRow>> {
    let sql = select!("WHERE r.org_id = $1 AND r.account_id = $2 AND r.key = $3");
    tx.one(sql, &[org.as_bytes().into(), leaf.as_bytes().into(), key.into()], resource)
}

/// The resource with this key at any leaf of a root; of several that which is there, at the first leaf by name.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn find_below(tx: &mut dyn Tx, org: OrgId, root: AccountId, key: &[u8; 16]) -> Result<Option<ResourceRow>> {
    let sql = select!(
        "WHERE (a.id = $1 OR a.parent_id = $1) AND r.key = $2 AND r.org_id = $3 \
         ORDER BY (CASE WHEN r.gone_at IS NULL THEN 0 ELSE 1 END), a.name LIMIT 1"
    );
    tx.one(sql, &[root.as_bytes().into(), key.into(), org.as_bytes().into()], resource)
}

fn version(row: &dyn Row) -> Result<VersionRow> {
    Ok(VersionRow {
        version: row.int(0)?,
        created_at: row.time(1)?,
        gone_at: row.opt(2, <dyn Row>::time)?,
        state: row.text(3)?.to_owned(),
    })
}

macro_rules! select_version {
    ($rest:literal) => {
        concat!(
            "SELECT v.version, v.created_at, v.gone_at, v.state FROM resources r \
             JOIN resource_versions v ON v.account_id = r.account_id AND v.key = r.key \
             WHERE r.org_id = $1 AND r.account_id = $2 AND r.key = $3 ",
            $rest
        )
    };
}

/// This version of a resource.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn find_version(tx: &mut dyn Tx, org: OrgId, of: &ResourceRow, number: i64) -> Result<Option<VersionRow>> {
    let params = [org.as_bytes().into(), of.account.as_bytes().into(), (&of.key).into(), number.into()];
    tx.one(select_version!("AND v.version = $4"), &params, version)
}

/// The version of a resource that was its newest at this time.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn version_at(tx: &mut dyn Tx, org: OrgId, of: &ResourceRow, at: Timestamp) -> Result<Option<VersionRow>> {
    let params = [org.as_bytes().into(), of.account.as_bytes().into(), (&of.key).into(), at.into()];
    tx.one(select_version!("AND v.created_at <= $4 ORDER BY v.version DESC LIMIT 1"), &params, version)
}

/// At most `limit` versions of a resource, the newest first, older than `before`: number and time.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn versions(
    tx: &mut dyn Tx,
    org: OrgId,
    of: &ResourceRow,
    before: i64,
    limit: i64,
) -> Result<Vec<(i64, Timestamp)>> {
    let sql = "SELECT v.version, v.created_at FROM resources r \
         JOIN resource_versions v ON v.account_id = r.account_id AND v.key = r.key \
         WHERE r.org_id = $1 AND r.account_id = $2 AND r.key = $3 AND v.version < $4 ORDER BY v.version DESC LIMIT $5";
    let params = [org.as_bytes().into(), of.account.as_bytes().into(), (&of.key).into(), before.into(), limit.into()];
    tx.all(sql, &params, |row| Ok((row.int(0)?, row.time(1)?)))
}

/// What the summaries need of one succeeded scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// The scan.
    pub scan: ScanId,
    /// The leaf.
    pub account: AccountId,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What it found.
    pub resources: i64,
}

/// The succeeded scans of an organisation, the oldest first, one by one.
///
/// # Errors
/// What `each` returns; `Unavailable` where the database can't.
pub fn tallies(tx: &mut dyn Tx, org: OrgId, each: &mut dyn FnMut(Tally)) -> Result<()> {
    const CHUNK: usize = 2000;
    let sql = "SELECT id, account_id, started_at, finished_at, COALESCE(resource_count, 0) FROM scans \
         WHERE org_id = $1 AND id > $2 AND state = 'succeeded' AND finished_at IS NOT NULL ORDER BY id LIMIT 2000";
    let mut after = ScanId::from_bytes([0; 16]);
    loop {
        let (mut seen, mut last) = (0, after);
        tx.query(sql.into(), &[org.as_bytes().into(), after.as_bytes().into()], &mut |row| {
            let tally = Tally {
                scan: ScanId::from_bytes(row.id(0)?),
                account: AccountId::from_bytes(row.id(1)?),
                started_at: row.time(2)?,
                finished_at: row.time(3)?,
                resources: row.int(4)?,
            };
            seen += 1;
            last = tally.scan;
            each(tally);
            Ok(Flow::Next)
        })?;
        if seen < CHUNK {
            return Ok(());
        }
        after = last;
    }
}
