//! What scans found: resources, their versions, and what is no longer there.
//!
//! This room knows the rows and that a change makes a version. It must never know when absence is proved.

use super::{handles, many};
use crate::{Engine, Sql, Tx, TxExt, Value};
use pileus_model::{
    Result, Timestamp,
    ids::{AccountId, OrgId, ScanId},
};
use std::collections::HashSet;

/// A resource's key in its account: the first 16 bytes of SHA-256 of `type::id`.
pub type Key = [u8; 16];

/// By what a scan recognises the item that a resource was made of.
pub type Print = [u8; 20];

/// Whose resources are written, and by which run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The organisation.
    pub org: OrgId,
    /// The root.
    pub root: AccountId,
    /// The leaf.
    pub account: AccountId,
    /// The run; `None` where a client reports.
    pub scan: Option<ScanId>,
    /// When.
    pub now: Timestamp,
}

/// A text that stands in a resource and may be another's ARN or id, after the path at which it stands.
pub type Mention = (String, String);

/// A resource as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its key.
    pub key: Key,
    /// Its type.
    pub type_token: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its ARN.
    pub arn: Option<String>,
    /// SHA-256 of `state`.
    pub hash: [u8; 32],
    /// Canonical JSON.
    pub state: String,
    /// JSON, where a client reported them.
    pub inputs: Option<String>,
    /// What it mentions: the property's path and the text that stands there.
    pub mentions: Vec<Mention>,
    /// By what a scan recognises what it was made of.
    pub print: Option<Print>,
}

/// What writing a resource did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was not known.
    New,
    /// It has a new version, of this number.
    Changed(i64),
    /// It is as it was; at most a mark that it was not seen was taken away.
    Unchanged,
}

/// Writes a resource: as a new one, as a new version, or not at all.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn put(tx: &mut dyn Tx, scope: &Scope, item: &Item) -> Result<Put> {
    let sql = Sql {
        sqlite: "SELECT version, hash, gone_at, unseen_since FROM resources WHERE account_id = $1 AND key = $2",
        postgres: "SELECT version, hash, gone_at, unseen_since FROM resources WHERE account_id = $1 AND key = $2 FOR UPDATE",
    };
    let found = tx.one(sql, &[scope.account.as_bytes().into(), (&item.key).into()], |row| {
        Ok((row.int(0)?, row.bytes(1)? == item.hash.as_slice(), !row.is_null(2)?, !row.is_null(3)?))
    })?;
    match found {
        None => {
            put_all(tx, scope, std::slice::from_ref(item))?;
            Ok(Put::New)
        }
        Some((_, true, false, unseen)) => {
            if unseen {
                let sql = "UPDATE resources SET unseen_since = NULL WHERE account_id = $1 AND key = $2";
                tx.run(sql, &[scope.account.as_bytes().into(), (&item.key).into()])?;
            }
            Ok(Put::Unchanged)
        }
        Some((version, ..)) => {
            change(tx, scope, item, version + 1)?;
            Ok(Put::Changed(version + 1))
        }
    }
}

/// Writes many resources, as [`put`] writes one; how many are new or changed. Those that are new, nearly all of a first scan, are
/// written by few statements with many rows each. In the order of their keys they cost least.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn put_all(tx: &mut dyn Tx, scope: &Scope, items: &[Item]) -> Result<u64> {
    let new = insert(tx, scope, items)?;
    let (mut fresh, mut known) = (Vec::with_capacity(items.len()), Vec::new());
    for (item, new) in items.iter().zip(new) {
        if new { fresh.push(item) } else { known.push(item) }
    }
    add_versions(tx, scope, &fresh, 1)?;
    handles::insert(tx, scope, &fresh)?;
    let mut versions = fresh.len() as u64;
    for item in known {
        versions += u64::from(put(tx, scope, item)? != Put::Unchanged);
    }
    Ok(versions)
}

/// Inserts those that are not known; which they were.
fn insert(tx: &mut dyn Tx, scope: &Scope, items: &[Item]) -> Result<Vec<bool>> {
    let mut params = Vec::with_capacity(11 * items.len());
    for item in items {
        params.extend::<[Value<'_>; 11]>([
            scope.org.as_bytes().into(),
            scope.root.as_bytes().into(),
            scope.account.as_bytes().into(),
            (&item.key).into(),
            (&item.type_token).into(),
            (&item.id).into(),
            item.name.as_ref().into(),
            item.arn.as_ref().into(),
            (&item.hash).into(),
            scope.now.into(),
            item.print.as_ref().into(),
        ]);
    }
    let sql = Sql {
        sqlite: "INSERT INTO resources (org_id, root_id, account_id, key, type_token, id, name, arn, version, hash, first_seen_at, \
         modified_at, unseen_since, gone_at, print) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $10, NULL, NULL, $11) \
         ON CONFLICT (account_id, key) DO NOTHING",
        postgres: "WITH new AS (INSERT INTO resources (org_id, root_id, account_id, key, type_token, id, name, arn, version, hash, \
         first_seen_at, modified_at, unseen_since, gone_at, print) SELECT decode(e->>0, 'hex'), decode(e->>1, 'hex'), \
         decode(e->>2, 'hex'), decode(e->>3, 'hex'), e->>4, e->>5, e->>6, e->>7, 1, decode(e->>8, 'hex'), (e->>9)::bigint, \
         (e->>9)::bigint, NULL, NULL, decode(e->>10, 'hex') FROM json_array_elements($1::text::json) AS list(e) \
         ON CONFLICT (account_id, key) DO NOTHING RETURNING key) SELECT key, 1::bigint FROM new",
    };
    if tx.engine() == Engine::Sqlite {
        // For `RETURNING` it would copy every page that a row touches, in case it had to take the row back.
        return Ok(tx.execute_each(sql, 11, &params)?.into_iter().map(|rows| rows == 1).collect());
    }
    let mut new = HashSet::with_capacity(items.len());
    many::query(tx, sql, (11, 1), &params, &mut |_, row| {
        new.insert(row.id(0)?);
        Ok(())
    })?;
    // What stands there twice is new once.
    Ok(items.iter().map(|item| new.remove(&item.key)).collect())
}

fn change(tx: &mut dyn Tx, scope: &Scope, item: &Item, version: i64) -> Result<()> {
    handles::change(tx, scope, item)?;
    let sql = "UPDATE resources SET name = $1, arn = $2, version = $3, hash = $4, modified_at = $5, unseen_since = NULL, gone_at = NULL, \
         print = $6 WHERE account_id = $7 AND key = $8";
    let params = [
        item.name.as_ref().into(),
        item.arn.as_ref().into(),
        version.into(),
        (&item.hash).into(),
        scope.now.into(),
        item.print.as_ref().into(),
        scope.account.as_bytes().into(),
        (&item.key).into(),
    ];
    tx.run(sql, &params)?;
    add_versions(tx, scope, &[item], version)
}

fn add_versions(tx: &mut dyn Tx, scope: &Scope, items: &[&Item], version: i64) -> Result<()> {
    let mentions: Vec<Option<String>> = items.iter().map(|item| handles::kept(item)).collect();
    let mut params = Vec::with_capacity(9 * items.len());
    for (item, mentions) in items.iter().zip(&mentions) {
        params.extend::<[Value<'_>; 9]>([
            scope.account.as_bytes().into(),
            (&item.key).into(),
            version.into(),
            scope.now.into(),
            scope.scan.as_ref().map(ScanId::as_bytes).into(),
            (&item.hash).into(),
            (&item.state).into(),
            item.inputs.as_ref().into(),
            mentions.as_ref().into(),
        ]);
    }
    let sql = Sql {
        sqlite: "INSERT INTO resource_versions (account_id, key, version, created_at, gone_at, scan_id, hash, state, inputs, mentions) \
         VALUES ($1, $2, $3, $4, NULL, $5, $6, $7, $8, $9)",
        postgres: "INSERT INTO resource_versions (account_id, key, version, created_at, gone_at, scan_id, hash, state, inputs, mentions) \
         SELECT decode(e->>0, 'hex'), decode(e->>1, 'hex'), (e->>2)::bigint, (e->>3)::bigint, NULL, decode(e->>4, 'hex'), \
         decode(e->>5, 'hex'), e->>6, e->>7, e->>8 FROM json_array_elements($1::text::json) AS list(e)",
    };
    many::execute(tx, sql, 9, &params)
}

/// Writes by what these resources are recognised from now on, each only while its newest version has this hash.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn print(tx: &mut dyn Tx, scope: &Scope, prints: &[(Key, [u8; 32], Print)]) -> Result<()> {
    let sql = Sql {
        sqlite: "UPDATE resources SET print = $1 WHERE account_id = $2 AND key = $3 AND hash = $4",
        postgres: "UPDATE resources SET print = decode(e->>0, 'hex') FROM json_array_elements($1::text::json) AS list(e) \
         WHERE account_id = decode(e->>1, 'hex') AND key = decode(e->>2, 'hex') AND hash = decode(e->>3, 'hex')",
    };
    let mut params = Vec::with_capacity(4 * prints.len());
    for (key, hash, print) in prints {
        params.extend::<[Value<'_>; 4]>([print.into(), scope.account.as_bytes().into(), key.into(), hash.into()]);
    }
    many::execute(tx, sql, 4, &params)
}

/// The newest state of a resource, also of one that is gone.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn state(tx: &mut dyn Tx, org: OrgId, account: AccountId, key: &Key) -> Result<Option<String>> {
    let sql = "SELECT v.state FROM resources r JOIN resource_versions v \
         ON v.account_id = r.account_id AND v.key = r.key AND v.version = r.version \
         WHERE r.org_id = $1 AND r.account_id = $2 AND r.key = $3";
    let params = [org.as_bytes().into(), account.as_bytes().into(), key.into()];
    tx.one(sql, &params, |row| row.text(0).map(str::to_owned))
}

/// Takes away the mark that a resource was not seen.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn seen(tx: &mut dyn Tx, scope: &Scope, key: &Key) -> Result<()> {
    let sql = "UPDATE resources SET unseen_since = NULL WHERE account_id = $1 AND key = $2";
    tx.run(sql, &[scope.account.as_bytes().into(), key.into()]).map(|_| ())
}

/// A resource's absence is proved: it is gone, and so is its newest version from now on. `false` if it was gone before.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn gone(tx: &mut dyn Tx, scope: &Scope, key: &Key) -> Result<bool> {
    let sql =
        "UPDATE resources SET gone_at = $1, unseen_since = NULL WHERE account_id = $2 AND key = $3 AND gone_at IS NULL";
    let params = [scope.now.into(), scope.account.as_bytes().into(), key.into()];
    if tx.run(sql, &params)? == 0 {
        return Ok(false);
    }
    let sql = "UPDATE resource_versions SET gone_at = $1 WHERE account_id = $2 AND key = $3 \
         AND version = (SELECT r.version FROM resources r WHERE r.account_id = $2 AND r.key = $3)";
    tx.run(sql, &params).map(|_| true)
}

/// A resource was not found, and its absence is not proved: marks since when, unless it is marked already.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn unseen(tx: &mut dyn Tx, scope: &Scope, key: &Key, since: Timestamp) -> Result<()> {
    let sql = "UPDATE resources SET unseen_since = $1 WHERE account_id = $2 AND key = $3 AND gone_at IS NULL AND unseen_since IS NULL";
    tx.run(sql, &[since.into(), scope.account.as_bytes().into(), key.into()]).map(|_| ())
}
