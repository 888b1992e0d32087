//! Runs of scans: their rows, jobs, steps and log lines, and how schedules make them.
//!
//! This room knows these rows. It must never know what a scan does or when one is due.

use crate::{Row, Tx, TxExt};
use pileus_model::{
    Result, Timestamp,
    ids::{AccountId, OrgId, ScanId, UserId},
};

/// Columns of [`Scan`], in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT s.org_id, s.id, s.root_id, s.account_id, s.batch_id, s.cause, s.user_id, s.login, s.state, s.failure, s.options, \
             s.environment, s.started_at, s.updated_at, s.finished_at, s.timeout_at, s.resource_count, s.types_done, s.types_total, \
             s.calls, s.throttles, s.cancel_login, s.holder, s.fence, s.attempts, a.name, s.lost, s.leads \
             FROM scans s JOIN accounts a ON a.id = s.account_id ",
            $rest
        )
    };
}
pub(super) use select;

/// How far a scan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Resources that were found so far.
    pub resources: Option<i64>,
    /// Types that are done.
    pub types_done: i64,
    /// Types that are to be listed.
    pub types_total: i64,
    /// Requests to the cloud.
    pub calls: i64,
    /// Of these, how many were throttled.
    pub throttles: i64,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The organisation.
    pub org: OrgId,
    /// Its id.
    pub id: ScanId,
    /// The account that people made.
    pub root: AccountId,
    /// The leaf that is scanned.
    pub account: AccountId,
    /// What was started together with it.
    pub batch: ScanId,
    /// `manual`, `first` or `scheduled`.
    pub cause: String,
    /// Who started it, if it was a person.
    pub user: Option<UserId>,
    /// The same to read.
    pub login: String,
    /// `running`, `succeeded` or `failed`.
    pub state: String,
    /// Why it failed.
    pub failure: Option<String>,
    /// JSON.
    pub options: String,
    /// `project/name@revision`, as far as known.
    pub environment: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// When its row last changed.
    pub updated_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When it will be given up.
    pub timeout_at: Timestamp,
    /// How far it is.
    pub progress: Progress,
    /// Who canceled it.
    pub cancel_login: Option<String>,
    /// The node that works on it.
    pub holder: Option<String>,
    /// The fence.
    pub fence: i64,
    /// How often a node began with it.
    pub attempts: i64,
    /// The leaf's name.
    pub account_name: String,
    /// How often in a row it was interrupted before one more type was done.
    pub lost: i64,
    /// Of its batch, it asks which regions are open, for its root.
    pub leads: bool,
}

/// What lists show of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    /// The organisation.
    pub org: OrgId,
    /// Its id.
    pub id: ScanId,
    /// What was started together with it.
    pub batch: ScanId,
    /// Who started it, if it was a person.
    pub user: Option<UserId>,
    /// `running`, `succeeded` or `failed`.
    pub state: &'static str,
    /// When it was started.
    pub started_at: Timestamp,
    /// When its row last changed.
    pub updated_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When it will be given up.
    pub timeout_at: Timestamp,
}

impl Scan {
    /// What lists show of it.
    pub fn glance(&self) -> Glance {
        let Self { org, id, batch, user, started_at, updated_at, finished_at, timeout_at, .. } = *self;
        Glance { org, id, batch, user, state: state(&self.state), started_at, updated_at, finished_at, timeout_at }
    }
}

fn state(text: &str) -> &'static str {
    match text {
        "running" => "running",
        "succeeded" => "succeeded",
        _ => "failed",
    }
}

/// Columns of [`Glance`] but for the organisation, in the order of [`glance`].
macro_rules! glance_columns {
    () => {
        "s.id, s.batch_id, s.user_id, s.state, s.started_at, s.updated_at, s.finished_at, s.timeout_at"
    };
}
pub(super) use glance_columns;

/// The run whose columns begin here; `None` where there was none to join.
pub(super) fn glance(row: &dyn Row, org: OrgId, first: usize) -> Result<Option<Glance>> {
    if row.is_null(first)? {
        return Ok(None);
    }
    Ok(Some(Glance {
        org,
        id: ScanId::from_bytes(row.id(first)?),
        batch: ScanId::from_bytes(row.id(first + 1)?),
        user: row.opt(first + 2, <dyn Row>::id)?.map(UserId::from_bytes),
        state: state(row.text(first + 3)?),
        started_at: row.time(first + 4)?,
        updated_at: row.time(first + 5)?,
        finished_at: row.opt(first + 6, <dyn Row>::time)?,
        timeout_at: row.time(first + 7)?,
    }))
}

pub(super) fn convert(row: &dyn Row) -> Result<Scan> {
    let text = |column: usize| row.text(column).map(str::to_owned);
    let maybe = |column: usize| row.opt(column, <dyn Row>::text).map(|text| text.map(str::to_owned));
    Ok(Scan {
        org: OrgId::from_bytes(row.id(0)?),
        id: ScanId::from_bytes(row.id(1)?),
        root: AccountId::from_bytes(row.id(2)?),
        account: AccountId::from_bytes(row.id(3)?),
        batch: ScanId::from_bytes(row.id(4)?),
        cause: text(5)?,
        user: row.opt(6, <dyn Row>::id)?.map(UserId::from_bytes),
        login: text(7)?,
        state: text(8)?,
        failure: maybe(9)?,
        options: text(10)?,
        environment: text(11)?,
        started_at: row.time(12)?,
        updated_at: row.time(13)?,
        finished_at: row.opt(14, <dyn Row>::time)?,
        timeout_at: row.time(15)?,
        progress: Progress {
            resources: row.opt(16, <dyn Row>::int)?,
            types_done: row.int(17)?,
            types_total: row.int(18)?,
            calls: row.int(19)?,
            throttles: row.int(20)?,
        },
        cancel_login: maybe(21)?,
        holder: maybe(22)?,
        fence: row.int(23)?,
        attempts: row.int(24)?,
        account_name: text(25)?,
        lost: row.int(26)?,
        leads: row.bool(27)?,
    })
}

/// Adds a run that nobody works on yet, and makes it its account's newest. The account must have no other that runs.
///
/// # Errors
/// `Conflict` if another one runs, `Unavailable` where the database can't.
pub fn insert(tx: &mut dyn Tx, scan: &Scan) -> Result<()> {
    let sql = "INSERT INTO scans (org_id, id, root_id, account_id, batch_id, cause, user_id, login, state, failure, options, environment, \
         started_at, updated_at, finished_at, timeout_at, resource_count, types_done, types_total, calls, throttles, next_line, \
         cancel_login, holder, fence, lease_until, attempts, lost, leads) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'running', NULL, $9, $10, $11, $11, NULL, $12, NULL, 0, 0, 0, 0, 0, NULL, NULL, 0, 0, 0, 0, $13)";
    let user = scan.user.as_ref().map(UserId::as_bytes);
    tx.run(
        sql,
        &[
            scan.org.as_bytes().into(),
            scan.id.as_bytes().into(),
            scan.root.as_bytes().into(),
            scan.account.as_bytes().into(),
            scan.batch.as_bytes().into(),
            (&scan.cause).into(),
            user.into(),
            (&scan.login).into(),
            (&scan.options).into(),
            (&scan.environment).into(),
            scan.started_at.into(),
            scan.timeout_at.into(),
            scan.leads.into(),
        ],
    )?;
    let sql = "UPDATE accounts SET last_scan_id = $1 WHERE id = $2";
    tx.run(sql, &[scan.id.as_bytes().into(), scan.account.as_bytes().into()]).map(|_| ())
}

/// A run of an account; of a root also its children's.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn find(tx: &mut dyn Tx, org: OrgId, account: AccountId, scan: ScanId) -> Result<Option<Scan>> {
    let sql = select!("WHERE s.org_id = $1 AND s.id = $2 AND (s.account_id = $3 OR s.root_id = $3)");
    tx.one(sql, &[org.as_bytes().into(), scan.as_bytes().into(), account.as_bytes().into()], convert)
}

/// Runs of an account (of a root also its children's), newest first, at most `limit`, older than `before`.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn list(tx: &mut dyn Tx, org: OrgId, account: AccountId, before: Option<ScanId>, limit: i64) -> Result<Vec<Scan>> {
    let before = before.unwrap_or(ScanId::from_bytes([0xff; 16]));
    let sql = select!("WHERE s.org_id = $1 AND s.account_id = $2 AND s.id < $3 ORDER BY s.id DESC LIMIT $4");
    let params = [org.as_bytes().into(), account.as_bytes().into(), before.as_bytes().into(), limit.into()];
    let mut scans = tx.all(sql, &params, convert)?;
    let sql = select!(
        "WHERE s.org_id = $1 AND s.root_id = $2 AND s.account_id <> $2 AND s.id < $3 ORDER BY s.id DESC LIMIT $4"
    );
    scans.extend(tx.all(sql, &params, convert)?);
    scans.sort_by_key(|scan| std::cmp::Reverse(scan.id));
    scans.truncate(usize::try_from(limit).unwrap_or(0));
    Ok(scans)
}

/// The newest run of each leaf of this account: of itself, or of its children (of those that were ever scanned).
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn newest(tx: &mut dyn Tx, org: OrgId, account: AccountId) -> Result<Vec<Scan>> {
    let sql = select!(
        "WHERE a.org_id = $1 AND a.id IN (SELECT c.id FROM accounts c WHERE c.id = $2 UNION ALL \
         SELECT c.id FROM accounts c WHERE c.parent_id = $2) AND a.last_scan_id = s.id ORDER BY a.name LIMIT 1000"
    );
    tx.all(sql, &[org.as_bytes().into(), account.as_bytes().into()], convert)
}

/// A leaf, as a scan needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The organisation.
    pub org: OrgId,
    /// Its id.
    pub id: AccountId,
    /// The account that people made; itself where it is one.
    pub root: AccountId,
    /// Its name.
    pub name: String,
    /// A region, or `global`; empty where the provider knows none.
    pub place: String,
    /// The provider.
    pub provider: String,
    /// The environment's project.
    pub env_project: String,
    /// The environment's name.
    pub env_name: String,
    /// The pinned revision or tag.
    pub env_version: Option<String>,
    /// JSON: its root's configuration.
    pub config: String,
    /// The cloud's own id, once known.
    pub cloud_account: Option<String>,
}

impl Leaf {
    /// `project/name`, with `@version` where one is pinned.
    pub fn environment(&self) -> String {
        let Self { env_project, env_name, env_version, .. } = self;
        match env_version {
            Some(version) => format!("{env_project}/{env_name}@{version}"),
            None => format!("{env_project}/{env_name}"),
        }
    }
}

macro_rules! select_leaf {
    ($rest:literal) => {
        concat!(
            "SELECT a.org_id, a.id, a.root_id, a.name, a.place, a.provider, a.env_project, a.env_name, a.env_version, r.config, \
             r.cloud_account, a.parent_id, a.closed_at FROM accounts a JOIN accounts r ON r.id = a.root_id ",
            $rest
        )
    };
}

/// A leaf, whether it is a root, and whether its region is closed.
fn convert_leaf(row: &dyn Row) -> Result<(Leaf, bool, bool)> {
    let text = |column: usize| row.text(column).map(str::to_owned);
    let maybe = |column: usize| row.opt(column, <dyn Row>::text).map(|text| text.map(str::to_owned));
    let leaf = Leaf {
        org: OrgId::from_bytes(row.id(0)?),
        id: AccountId::from_bytes(row.id(1)?),
        root: AccountId::from_bytes(row.id(2)?),
        name: text(3)?,
        place: maybe(4)?.unwrap_or_default(),
        provider: text(5)?,
        env_project: text(6)?,
        env_name: text(7)?,
        env_version: maybe(8)?,
        config: text(9)?,
        cloud_account: maybe(10)?,
    };
    Ok((leaf, row.is_null(11)?, !row.is_null(12)?))
}

/// The leaves of an account, in the order of their names, and whether it is a root above them: its children, or itself where
/// it is what is scanned. An AWS root is never scanned itself, nor are, with it, the children whose regions are closed.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn leaves(tx: &mut dyn Tx, org: OrgId, account: AccountId) -> Result<(bool, Vec<Leaf>)> {
    let sql = select_leaf!(
        "WHERE a.org_id = $1 AND a.id IN (SELECT c.id FROM accounts c WHERE c.id = $2 UNION ALL \
         SELECT c.id FROM accounts c WHERE c.parent_id = $2) ORDER BY a.name LIMIT 1000"
    );
    let found = tx.all(sql, &[org.as_bytes().into(), account.as_bytes().into()], convert_leaf)?;
    let above = found.iter().any(|(leaf, root, _)| *root && leaf.provider == "aws");
    let scanned = found.into_iter().filter(|(_, root, closed)| !above || !(*root || *closed));
    Ok((above, scanned.map(|(leaf, ..)| leaf).collect()))
}

/// The leaf of a run.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn leaf_of(tx: &mut dyn Tx, org: OrgId, scan: ScanId) -> Result<Option<Leaf>> {
    let sql = select_leaf!("JOIN scans s ON s.account_id = a.id WHERE s.org_id = $1 AND s.id = $2");
    tx.one(sql, &[org.as_bytes().into(), scan.as_bytes().into()], |row| Ok(convert_leaf(row)?.0))
}

/// Whether a run of this leaf runs.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn runs(tx: &mut dyn Tx, org: OrgId, leaf: AccountId) -> Result<bool> {
    let sql = "SELECT id FROM scans WHERE org_id = $1 AND account_id = $2 AND state = 'running'";
    Ok(tx.one(sql, &[org.as_bytes().into(), leaf.as_bytes().into()], |_| Ok(()))?.is_some())
}

/// The runs of these leaves that run, locked until the transaction ends (SQLite's writer is alone anyway).
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn lock_running(tx: &mut dyn Tx, org: OrgId, account: AccountId) -> Result<Vec<Scan>> {
    let sql = crate::Sql {
        sqlite: select!(
            "WHERE s.org_id = $1 AND (s.account_id = $2 OR s.root_id = $2) AND s.state = 'running' ORDER BY s.id"
        ),
        postgres: select!(
            "WHERE s.org_id = $1 AND (s.account_id = $2 OR s.root_id = $2) AND s.state = 'running' ORDER BY s.id FOR UPDATE OF s"
        ),
    };
    tx.all(sql, &[org.as_bytes().into(), account.as_bytes().into()], convert)
}

/// How many runs there are that nobody has finished, in all organisations.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn running_count(tx: &mut dyn Tx) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM scans WHERE state = 'running'";
    Ok(tx.one(sql, &[], |row| row.int(0))?.unwrap_or(0))
}
