//! What versions of resources mention of other resources, and whose it is as far as that is known.
//!
//! This room knows the rows and how a text is looked up. It must never know which texts may be mentions.

use super::ingest::{Item, Key, Scope};
use crate::{Tx, TxExt};
use pileus_model::{Result, ids::AccountId};

/// Writes what a version mentions. What is known under that text in the same root is the destination.
pub(super) fn insert(tx: &mut dyn Tx, scope: &Scope, item: &Item, version: i64) -> Result<()> {
    for (path, handle) in &item.mentions {
        let found = lookup(tx, scope, handle)?;
        if found.is_some_and(|(account, key)| account == scope.account && key == item.key) {
            continue;
        }
        let sql = "INSERT INTO resource_edges (account_id, key, version, path, handle, dest_account_id, dest_key) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let params = [
            scope.account.as_bytes().into(),
            (&item.key).into(),
            version.into(),
            path.into(),
            handle.into(),
            found.as_ref().map(|(account, _)| account.as_bytes()).into(),
            found.as_ref().map(|(_, key)| key).into(),
        ];
        tx.run(sql, &params)?;
    }
    Ok(())
}

/// A resource has come: what was mentioned before it was known is its own now.
pub(super) fn adopt(tx: &mut dyn Tx, scope: &Scope, item: &Item) -> Result<()> {
    let handles = item.arn.iter().chain((item.arn.as_ref() != Some(&item.id)).then_some(&item.id));
    for handle in handles {
        let sql = "UPDATE resource_edges SET dest_account_id = $1, dest_key = $2 WHERE handle = $3 AND dest_key IS NULL \
             AND NOT (account_id = $1 AND key = $2) AND account_id IN (SELECT id FROM accounts WHERE root_id = $4)";
        let params = [scope.account.as_bytes().into(), (&item.key).into(), handle.into(), scope.root.as_bytes().into()];
        tx.run(sql, &params)?;
    }
    Ok(())
}

/// The one resource of the root that is known under this text; in doubt the one of the same leaf.
fn lookup(tx: &mut dyn Tx, scope: &Scope, handle: &str) -> Result<Option<(AccountId, Key)>> {
    let sql = if handle.starts_with("arn:") {
        "SELECT account_id, key FROM resources WHERE root_id = $1 AND arn = $2 AND gone_at IS NULL LIMIT 5"
    } else {
        "SELECT account_id, key FROM resources WHERE root_id = $1 AND id = $2 AND gone_at IS NULL LIMIT 5"
    };
    let found = tx.all(sql, &[scope.root.as_bytes().into(), handle.into()], |row| {
        Ok((AccountId::from_bytes(row.id(0)?), row.id(1)?))
    })?;
    if let [one] = found[..] {
        return Ok(Some(one));
    }
    let mut here = found.into_iter().filter(|(account, _)| *account == scope.account);
    Ok(here.next().filter(|_| here.next().is_none()))
}

/// Looks again for the destinations of at most `limit` mentions that this run wrote (those after this position): resources that
/// another node wrote at the same time were not to be seen before. The last position, or `None` where there is no more.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn settle(tx: &mut dyn Tx, scope: &Scope, after: &(Key, String), limit: i64) -> Result<Option<(Key, String)>> {
    let Some(scan) = scope.scan else { return Ok(None) };
    let sql = "SELECT e.key, e.version, e.path, e.handle FROM resource_edges e JOIN resource_versions v \
         ON v.account_id = e.account_id AND v.key = e.key AND v.version = e.version \
         WHERE e.account_id = $1 AND v.scan_id = $2 AND e.dest_key IS NULL AND (e.key > $3 OR (e.key = $3 AND e.path > $4)) \
         ORDER BY e.key, e.path LIMIT $5";
    let params =
        [scope.account.as_bytes().into(), scan.as_bytes().into(), (&after.0).into(), (&after.1).into(), limit.into()];
    let open =
        tx.all(sql, &params, |row| Ok((row.id(0)?, row.int(1)?, row.text(2)?.to_owned(), row.text(3)?.to_owned())))?;
    for (key, version, path, handle) in &open {
        if let Some((account, dest)) = lookup(tx, scope, handle)? {
            let sql = "UPDATE resource_edges SET dest_account_id = $1, dest_key = $2 \
                 WHERE account_id = $3 AND key = $4 AND version = $5 AND path = $6";
            let params = [
                account.as_bytes().into(),
                (&dest).into(),
                scope.account.as_bytes().into(),
                key.into(),
                (*version).into(),
                path.into(),
            ];
            tx.run(sql, &params)?;
        }
    }
    Ok(open.into_iter().next_back().map(|(key, _, path, _)| (key, path)))
}
