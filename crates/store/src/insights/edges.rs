//! What versions of resources mention of other resources, and whose it is as far as that is known.
//!
//! This room knows the rows and how a text is looked up. It must never know which texts may be mentions.

use super::{
    ingest::{Item, Key, Scope},
    many,
};
use crate::{Sql, Tx, TxExt, Value};
use pileus_model::{Result, ids::AccountId};
use std::collections::{BTreeSet, HashMap};

/// Whose a resource is, and its key.
type Destination = (AccountId, Key);

/// Writes what versions mention. What is known under that text in the same root is the destination.
pub(super) fn insert(tx: &mut dyn Tx, scope: &Scope, items: &[&Item], version: i64) -> Result<()> {
    let handles: BTreeSet<&str> = items.iter().flat_map(|i| &i.mentions).map(|(_, handle)| handle.as_str()).collect();
    let found = lookup(tx, scope, handles)?;
    let sql = Sql {
        sqlite: "INSERT INTO resource_edges (account_id, key, version, path, handle, dest_account_id, dest_key) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        postgres: "INSERT INTO resource_edges (account_id, key, version, path, handle, dest_account_id, dest_key) \
         SELECT decode(e->>0, 'hex'), decode(e->>1, 'hex'), (e->>2)::bigint, e->>3, e->>4, decode(e->>5, 'hex'), \
         decode(e->>6, 'hex') FROM json_array_elements($1::text::json) AS list(e)",
    };
    let mut params: Vec<Value<'_>> = Vec::new();
    for item in items {
        for (path, handle) in &item.mentions {
            let destination = found.get(handle.as_str());
            if destination.is_some_and(|(account, key)| *account == scope.account && *key == item.key) {
                continue;
            }
            params.extend::<[Value<'_>; 7]>([
                scope.account.as_bytes().into(),
                (&item.key).into(),
                version.into(),
                path.into(),
                handle.into(),
                destination.map(|(account, _)| account.as_bytes()).into(),
                destination.map(|(_, key)| key).into(),
            ]);
        }
    }
    many::execute(tx, sql, 7, &params)
}

/// Resources have come: what was mentioned before they were known is theirs now.
pub(super) fn adopt(tx: &mut dyn Tx, scope: &Scope, items: &[&Item]) -> Result<()> {
    let sql = Sql {
        sqlite: "UPDATE resource_edges SET dest_account_id = $1, dest_key = $2 WHERE handle = $3 AND dest_key IS NULL \
         AND NOT (account_id = $1 AND key = $2) AND account_id IN (SELECT id FROM accounts WHERE root_id = $4)",
        postgres: "UPDATE resource_edges AS x SET dest_account_id = decode(e->>0, 'hex'), dest_key = decode(e->>1, 'hex') \
         FROM json_array_elements($1::text::json) AS list(e) WHERE x.handle = e->>2 AND x.dest_key IS NULL \
         AND NOT (x.account_id = decode(e->>0, 'hex') AND x.key = decode(e->>1, 'hex')) \
         AND x.account_id IN (SELECT a.id FROM accounts a WHERE a.root_id = decode(e->>3, 'hex'))",
    };
    let mut params: Vec<Value<'_>> = Vec::with_capacity(8 * items.len());
    for item in items {
        let handles = item.arn.iter().chain((item.arn.as_ref() != Some(&item.id)).then_some(&item.id));
        for handle in handles {
            params.extend::<[Value<'_>; 4]>([
                scope.account.as_bytes().into(),
                (&item.key).into(),
                handle.into(),
                scope.root.as_bytes().into(),
            ]);
        }
    }
    many::execute(tx, sql, 4, &params)
}

/// The one resource of the root that is known under each of these texts; in doubt the one of the same leaf.
fn lookup<'h>(
    tx: &mut dyn Tx,
    scope: &Scope,
    handles: impl IntoIterator<Item = &'h str>,
) -> Result<HashMap<&'h str, Destination>> {
    let (arns, ids): (Vec<&str>, Vec<&str>) = handles.into_iter().partition(|handle| handle.starts_with("arn:"));
    let by_arn = Sql {
        sqlite: "SELECT account_id, key FROM resources WHERE root_id = $1 AND arn = $2 AND gone_at IS NULL LIMIT 5",
        postgres: "SELECT r.account_id, r.key, n FROM json_array_elements($1::text::json) WITH ORDINALITY AS list(e, n), \
         LATERAL (SELECT account_id, key FROM resources WHERE root_id = decode(e->>0, 'hex') AND arn = e->>1 \
         AND gone_at IS NULL LIMIT 5) AS r",
    };
    let by_id = Sql {
        sqlite: "SELECT account_id, key FROM resources WHERE root_id = $1 AND id = $2 AND gone_at IS NULL LIMIT 5",
        postgres: "SELECT r.account_id, r.key, n FROM json_array_elements($1::text::json) WITH ORDINALITY AS list(e, n), \
         LATERAL (SELECT account_id, key FROM resources WHERE root_id = decode(e->>0, 'hex') AND id = e->>1 \
         AND gone_at IS NULL LIMIT 5) AS r",
    };
    let mut destinations = HashMap::new();
    for (sql, handles) in [(by_arn, arns), (by_id, ids)] {
        let params: Vec<Value<'_>> =
            handles.iter().flat_map(|handle| [scope.root.as_bytes().into(), (*handle).into()]).collect();
        let mut found: Vec<Vec<Destination>> = vec![Vec::new(); handles.len()];
        many::query(tx, sql, (2, 2), &params, &mut |number, row| {
            if let Some(found) = found.get_mut(number) {
                found.push((AccountId::from_bytes(row.id(0)?), row.id(1)?));
            }
            Ok(())
        })?;
        for (handle, found) in handles.into_iter().zip(found) {
            destinations.extend(one_of(scope, &found).map(|one| (handle, one)));
        }
    }
    Ok(destinations)
}

/// The only one, or the only one of the leaf.
fn one_of(scope: &Scope, found: &[Destination]) -> Option<Destination> {
    if let [one] = found {
        return Some(*one);
    }
    let mut here = found.iter().filter(|(account, _)| *account == scope.account);
    here.next().filter(|_| here.next().is_none()).copied()
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
    let found = lookup(tx, scope, open.iter().map(|(.., handle)| handle.as_str()).collect::<BTreeSet<_>>())?;
    let sql = "UPDATE resource_edges SET dest_account_id = $1, dest_key = $2 \
         WHERE account_id = $3 AND key = $4 AND version = $5 AND path = $6";
    let mut params: Vec<Value<'_>> = Vec::new();
    for (key, version, path, handle) in &open {
        let Some((account, dest)) = found.get(handle.as_str()) else { continue };
        params.extend::<[Value<'_>; 6]>([
            account.as_bytes().into(),
            dest.into(),
            scope.account.as_bytes().into(),
            key.into(),
            (*version).into(),
            path.into(),
        ]);
    }
    tx.execute_each(sql.into(), 6, &params)?;
    Ok(open.into_iter().next_back().map(|(key, _, path, _)| (key, path)))
}
