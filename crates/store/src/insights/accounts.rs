//! Insights accounts: roots, which people make, and their children, which are scanned.
//!
//! This room knows the rows of `accounts`. It must never know who may see one or what a scan is.

use super::scans::{self, Glance};
use crate::{Row, Tx, TxExt};
use pileus_model::{
    Error, Result, Timestamp,
    ids::{AccountId, OrgId, UserId},
    insights::{Account, EnvironmentRef, Provider},
};

/// An account with what lists show beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The account.
    pub account: Account,
    /// Whether it is scanned by itself: there is a schedule, and it is not paused.
    pub scheduled: bool,
}

/// An account of a list, with what it has itself; what its children have is theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The account.
    pub listed: Listed,
    /// Its resources after its last succeeded scan; `None` before the first.
    pub resources: Option<i64>,
    /// Its newest run.
    pub scan: Option<Glance>,
}

/// What a child adds to its root in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Below {
    /// The root.
    pub root: AccountId,
    /// The child's resources after its last succeeded scan; `None` before the first.
    pub resources: Option<i64>,
    /// The child's newest run.
    pub scan: Option<Glance>,
}

macro_rules! columns {
    () => {
        "a.id, a.root_id, a.name, a.place, a.provider, a.env_project, a.env_name, a.env_version, a.config, a.agent_pool, \
         a.owner_id, a.owner_login, a.cloud_account, a.cloud_partition, a.excluded, a.created_at, a.modified_at, c.cron, c.paused"
    };
}

macro_rules! select_entry {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", a.resource_count, ",
            scans::glance_columns!(),
            " FROM accounts a LEFT JOIN scan_schedules c ON c.account_id = a.root_id LEFT JOIN scans s ON s.id = a.last_scan_id ",
            $rest
        )
    };
}

fn convert(row: &dyn Row) -> Result<Listed> {
    let text = |column: usize| row.text(column).map(str::to_owned);
    let maybe = |column: usize| row.opt(column, <dyn Row>::text).map(|text| text.map(str::to_owned));
    let excluded = row.text(14)?;
    let account = Account {
        id: AccountId::from_bytes(row.id(0)?),
        root: AccountId::from_bytes(row.id(1)?),
        name: text(2)?,
        place: maybe(3)?,
        provider: Provider::parse(row.text(4)?).ok_or_else(|| Error::internal("unknown provider of an account"))?,
        environment: EnvironmentRef { project: text(5)?, name: text(6)?, version: maybe(7)? },
        config: text(8)?,
        agent_pool: maybe(9)?,
        owner: row.opt(10, <dyn Row>::id)?.map(UserId::from_bytes),
        owner_login: text(11)?,
        cloud_account: maybe(12)?,
        cloud_partition: maybe(13)?,
        excluded: excluded.split_ascii_whitespace().map(str::to_owned).collect(),
        created_at: row.time(15)?,
        modified_at: row.time(16)?,
    };
    let scheduled = !row.is_null(17)? && !row.opt(18, <dyn Row>::bool)?.unwrap_or(true);
    Ok(Listed { account, scheduled })
}

fn entry(org: OrgId) -> impl Fn(&dyn Row) -> Result<Entry> {
    move |row| {
        let (listed, resources) = (convert(row)?, row.opt(19, <dyn Row>::int)?);
        Ok(Entry { listed, resources, scan: scans::glance(row, org, 20)? })
    }
}

/// The account with exactly this name: a root, or a child by its whole name.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn by_name(tx: &mut dyn Tx, org: OrgId, name: &str) -> Result<Option<Listed>> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM accounts a LEFT JOIN scan_schedules c ON c.account_id = a.root_id WHERE a.org_id = $1 AND a.name = $2"
    );
    tx.one(sql, &[org.as_bytes().into(), name.into()], convert)
}

/// At most `limit` roots in the order of their names, after this one (`""`: from the start).
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn roots(tx: &mut dyn Tx, org: OrgId, after: &str, limit: i64) -> Result<Vec<Entry>> {
    let sql = select_entry!(
        "WHERE a.org_id = $1 AND a.parent_id IS NULL AND a.name > $2 ORDER BY a.parent_id, a.org_id, a.name LIMIT $3"
    );
    tx.all(sql, &[org.as_bytes().into(), after.into(), limit.into()], entry(org))
}

/// At most `limit` children of a root in the order of their names, after this one (`""`: from the start).
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn children(tx: &mut dyn Tx, org: OrgId, root: AccountId, after: &str, limit: i64) -> Result<Vec<Entry>> {
    let sql = select_entry!("WHERE a.org_id = $1 AND a.parent_id = $2 AND a.name > $3 ORDER BY a.name LIMIT $4");
    tx.all(sql, &[org.as_bytes().into(), root.as_bytes().into(), after.into(), limit.into()], entry(org))
}

/// What the children of the roots with names in `(after, to]` add to these, in no order. Children that were never scanned are left
/// out.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn below(tx: &mut dyn Tx, org: OrgId, after: &str, to: &str) -> Result<Vec<Below>> {
    let sql = concat!(
        "SELECT r.id, a.resource_count, ",
        scans::glance_columns!(),
        " FROM accounts r JOIN accounts a ON a.org_id = r.org_id AND a.parent_id = r.id \
         LEFT JOIN scans s ON s.id = a.last_scan_id WHERE r.org_id = $1 AND r.parent_id IS NULL AND r.name > $2 AND r.name <= $3 \
         AND (a.resource_count IS NOT NULL OR a.last_scan_id IS NOT NULL)"
    );
    tx.all(sql, &[org.as_bytes().into(), after.into(), to.into()], |row| {
        let (root, resources) = (AccountId::from_bytes(row.id(0)?), row.opt(1, <dyn Row>::int)?);
        Ok(Below { root, resources, scan: scans::glance(row, org, 2)? })
    })
}

/// The resources of an account and its children after their last succeeded scans; `None` before the first.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn count(tx: &mut dyn Tx, org: OrgId, account: AccountId) -> Result<Option<i64>> {
    let sql = "SELECT resource_count FROM accounts WHERE org_id = $1 AND id IN (SELECT c.id FROM accounts c WHERE c.id = $2 UNION ALL \
         SELECT c.id FROM accounts c WHERE c.parent_id = $2) AND resource_count IS NOT NULL LIMIT 1000";
    let counts = tx.all(sql, &[org.as_bytes().into(), account.as_bytes().into()], |row| row.int(0))?;
    Ok((!counts.is_empty()).then(|| counts.into_iter().sum()))
}

/// Adds an account. Its name must be free.
///
/// # Errors
/// `Conflict` if the name is taken, `Unavailable` where the database can't.
pub fn insert(tx: &mut dyn Tx, org: OrgId, new: &Account) -> Result<()> {
    let sql = "INSERT INTO accounts (org_id, id, root_id, parent_id, name, place, provider, env_project, env_name, env_version, config, \
         agent_pool, owner_id, owner_login, cloud_account, cloud_partition, excluded, last_scan_id, resource_count, scanned_at, \
         created_at, modified_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, NULL, NULL, NULL, $18, $18)";
    let parent = (!new.is_root()).then_some(&new.root).map(AccountId::as_bytes);
    let excluded = new.excluded.join(" ");
    tx.run(
        sql,
        &[
            org.as_bytes().into(),
            new.id.as_bytes().into(),
            new.root.as_bytes().into(),
            parent.into(),
            (&new.name).into(),
            new.place.as_ref().into(),
            new.provider.as_str().into(),
            (&new.environment.project).into(),
            (&new.environment.name).into(),
            new.environment.version.as_ref().into(),
            (&new.config).into(),
            new.agent_pool.as_ref().into(),
            new.owner.as_ref().map(UserId::as_bytes).into(),
            (&new.owner_login).into(),
            new.cloud_account.as_ref().into(),
            new.cloud_partition.as_ref().into(),
            (&excluded).into(),
            new.created_at.into(),
        ],
    )?;
    Ok(())
}

/// Writes what can change of a root, and of its children what they have from it: where their credentials are.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn update(tx: &mut dyn Tx, org: OrgId, root: &Account) -> Result<()> {
    let sql = "UPDATE accounts SET config = $1, agent_pool = $2, cloud_account = $3, cloud_partition = $4, excluded = $5 \
         WHERE org_id = $6 AND id = $7";
    let excluded = root.excluded.join(" ");
    tx.run(
        sql,
        &[
            (&root.config).into(),
            root.agent_pool.as_ref().into(),
            root.cloud_account.as_ref().into(),
            root.cloud_partition.as_ref().into(),
            (&excluded).into(),
            org.as_bytes().into(),
            root.id.as_bytes().into(),
        ],
    )?;
    let sql = "UPDATE accounts SET env_project = $1, env_name = $2, env_version = $3, modified_at = $4 \
         WHERE org_id = $5 AND id IN (SELECT c.id FROM accounts c WHERE c.id = $6 UNION ALL \
         SELECT c.id FROM accounts c WHERE c.parent_id = $6)";
    tx.run(
        sql,
        &[
            (&root.environment.project).into(),
            (&root.environment.name).into(),
            root.environment.version.as_ref().into(),
            root.modified_at.into(),
            org.as_bytes().into(),
            root.id.as_bytes().into(),
        ],
    )?;
    Ok(())
}

/// Gives a root and its children to someone.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn set_owner(
    tx: &mut dyn Tx,
    org: OrgId,
    root: AccountId,
    owner: UserId,
    login: &str,
    at: Timestamp,
) -> Result<()> {
    let sql = "UPDATE accounts SET owner_id = $1, owner_login = $2, modified_at = $3 WHERE org_id = $4 AND id IN (\
         SELECT c.id FROM accounts c WHERE c.id = $5 UNION ALL SELECT c.id FROM accounts c WHERE c.parent_id = $5)";
    tx.run(sql, &[owner.as_bytes().into(), login.into(), at.into(), org.as_bytes().into(), root.as_bytes().into()])?;
    Ok(())
}

/// Removes one account (not its children): it is there no longer. Its tags, teams and schedule go with it; what was found in
/// it and its scans are put on the heap that [`super::trash`] sweeps.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn delete(tx: &mut dyn Tx, org: OrgId, account: AccountId, at: Timestamp) -> Result<()> {
    let params = [org.as_bytes().into(), account.as_bytes().into()];
    for sql in [
        "DELETE FROM account_tags WHERE org_id = $1 AND account_id = $2",
        "DELETE FROM account_teams WHERE org_id = $1 AND account_id = $2",
        "DELETE FROM scan_schedules WHERE org_id = $1 AND account_id = $2",
        "DELETE FROM accounts WHERE org_id = $1 AND id = $2",
    ] {
        tx.run(sql, &params)?;
    }
    let sql =
        "INSERT INTO account_trash (org_id, account_id, at) VALUES ($1, $2, $3) ON CONFLICT (account_id) DO NOTHING";
    tx.run(sql, &[org.as_bytes().into(), account.as_bytes().into(), at.into()])?;
    Ok(())
}

/// Ends the scans of an account that run, since it is being deleted: whoever works on them finds his fence gone.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn end_scans(tx: &mut dyn Tx, org: OrgId, account: AccountId, why: &str, at: Timestamp) -> Result<u64> {
    let sql = "UPDATE scans SET state = 'failed', failure = $1, finished_at = $2, updated_at = $2, holder = NULL, fence = fence + 1 \
         WHERE org_id = $3 AND account_id = $4 AND state = 'running'";
    tx.run(sql, &[why.into(), at.into(), org.as_bytes().into(), account.as_bytes().into()])
}
