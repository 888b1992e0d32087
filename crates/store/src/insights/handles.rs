//! The texts by which resources are known, and those by which they mention each other.
//!
//! This room knows the rows and whose a text is. It must never know which texts may be mentions, nor does it keep what it finds: a
//! resource may come after it was mentioned, and go before.

use super::{
    ingest::{Item, Key, Mention, Scope},
    many,
    resources::{self, ResourceRow, resource},
};
use crate::{Row, Sql, Tx, TxExt, Value};
use pileus_model::{
    Error, Result,
    ids::{AccountId, OrgId},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Longest text that is looked for, in bytes. Longer ones stay with the version, and are nobody's.
pub const MAX_HANDLE: usize = 1024;
/// Resources of one name among which the one that is meant is looked for.
const NAMESAKES: i64 = 20;
/// The resource is known by it.
const NAME: i64 = 0;
/// The resource's newest version mentions it.
const MENTION: i64 = 1;

/// A mention of one resource in another, whose it is being known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeRow {
    /// The version that mentions.
    pub version: i64,
    /// Where in its state; a number for what a client reported.
    pub path: String,
    /// The ARN or id that stands there.
    pub handle: String,
    /// The resource that is meant.
    pub other: ResourceRow,
}

/// Resources with the texts that belong to them.
macro_rules! select_known {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            resources::columns!(),
            " FROM accounts a JOIN resource_handles h ON h.account_id = a.id \
             JOIN resources r ON r.account_id = h.account_id AND r.key = h.key ",
            $rest
        )
    };
}

/// A text in its role.
type Handle<'i> = (&'i str, i64);

/// The texts that belong to a resource, each once.
fn handles<'i>(
    id: &'i str,
    arn: Option<&'i str>,
    mentions: impl Iterator<Item = &'i str>,
) -> impl Iterator<Item = Handle<'i>> {
    let names = std::iter::once(id).chain(arn).map(|handle| (handle, NAME));
    let kept = |(handle, _): &Handle<'_>| handle.len() <= MAX_HANDLE && !handle.contains('\0');
    names.chain(mentions.map(|handle| (handle, MENTION))).filter(kept)
}

fn of_item(item: &Item) -> impl Iterator<Item = Handle<'_>> {
    handles(&item.id, item.arn.as_deref(), item.mentions.iter().map(|(_, handle)| handle.as_str()))
}

/// Writes the texts of resources that are new.
pub(super) fn insert(tx: &mut dyn Tx, scope: &Scope, items: &[&Item]) -> Result<()> {
    let mut rows: Vec<(Handle<'_>, &Key)> = Vec::with_capacity(5 * items.len());
    for item in items {
        rows.extend(of_item(item).map(|handle| (handle, &item.key)));
    }
    // In the order in which they lie in the database; a text that stands in several places is one.
    rows.sort_unstable();
    rows.dedup();
    write(tx, scope, &rows)
}

fn write(tx: &mut dyn Tx, scope: &Scope, rows: &[(Handle<'_>, &Key)]) -> Result<()> {
    let sql = Sql {
        sqlite: "INSERT INTO resource_handles (account_id, handle, role, key) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        postgres: "INSERT INTO resource_handles (account_id, handle, role, key) \
         SELECT decode(e->>0, 'hex'), e->>1, (e->>2)::bigint, decode(e->>3, 'hex') \
         FROM json_array_elements($1::text::json) AS list(e) ON CONFLICT DO NOTHING",
    };
    many::execute(tx, sql, 4, &params(scope, rows))
}

fn params<'p>(scope: &'p Scope, rows: &'p [(Handle<'_>, &Key)]) -> Vec<Value<'p>> {
    let row = |((handle, role), key): &'p (Handle<'_>, &Key)| -> [Value<'p>; 4] {
        [scope.account.as_bytes().into(), (*handle).into(), (*role).into(), (*key).into()]
    };
    rows.iter().flat_map(row).collect()
}

/// A resource changes: its texts are those of its new version from now on. Before the row itself is changed.
pub(super) fn change(tx: &mut dyn Tx, scope: &Scope, item: &Item) -> Result<()> {
    let sql = "SELECT r.arn, v.mentions FROM resources r JOIN resource_versions v \
         ON v.account_id = r.account_id AND v.key = r.key AND v.version = r.version WHERE r.account_id = $1 AND r.key = $2";
    let found = tx.one(sql, &[scope.account.as_bytes().into(), (&item.key).into()], |row| {
        Ok((row.opt(0, <dyn Row>::text)?.map(str::to_owned), row.opt(1, <dyn Row>::text)?.map(str::to_owned)))
    })?;
    let (arn, mentions) = found.unwrap_or_default();
    let mentions = read(mentions.as_deref())?;
    let mentioned = mentions.iter().map(|(_, handle)| handle.as_str());
    let before: BTreeSet<Handle<'_>> = handles(&item.id, arn.as_deref(), mentioned).collect();
    let now: BTreeSet<Handle<'_>> = of_item(item).collect();
    let old: Vec<_> = before.difference(&now).map(|handle| (*handle, &item.key)).collect();
    let new: Vec<_> = now.difference(&before).map(|handle| (*handle, &item.key)).collect();
    let sql = "DELETE FROM resource_handles WHERE account_id = $1 AND handle = $2 AND role = $3 AND key = $4";
    tx.execute_each(sql.into(), 4, &params(scope, &old))?;
    write(tx, scope, &new)
}

/// What a version mentions, as it is kept: by path; nothing for nothing.
pub(super) fn kept(item: &Item) -> Option<String> {
    if item.mentions.is_empty() {
        return None;
    }
    let mut mentions: Vec<&Mention> = item.mentions.iter().collect();
    mentions.sort_unstable();
    // Pairs of texts can always be written as JSON.
    serde_json::to_string(&mentions).ok()
}

fn read(kept: Option<&str>) -> Result<Vec<Mention>> {
    let wrong = |e: serde_json::Error| Error::internal(format!("what a version mentions cannot be read: {e}"));
    kept.map_or_else(|| Ok(Vec::new()), |kept| serde_json::from_str(kept).map_err(wrong))
}

/// At most `limit` edges that go out of one version of a resource to resources that are known, by path, after this one (`None`:
/// from the start).
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn edges(
    tx: &mut dyn Tx,
    org: OrgId,
    of: &ResourceRow,
    number: i64,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<EdgeRow>> {
    let sql = "SELECT v.mentions FROM resources r JOIN resource_versions v ON v.account_id = r.account_id AND v.key = r.key \
         WHERE r.org_id = $1 AND r.account_id = $2 AND r.key = $3 AND v.version = $4";
    let params = [org.as_bytes().into(), of.account.as_bytes().into(), (&of.key).into(), number.into()];
    let kept = tx.one(sql, &params, |row| Ok(row.opt(0, <dyn Row>::text)?.map(str::to_owned)))?.flatten();
    let (mut edges, mut known) = (Vec::new(), HashMap::new());
    for (path, handle) in read(kept.as_deref())? {
        if edges.len() >= limit {
            break;
        }
        if after.is_some_and(|after| path.as_str() <= after) {
            continue;
        }
        let other = match known.get(&handle) {
            Some(other) => other,
            None => {
                let named = named(tx, org, of.root, &handle)?;
                known.entry(handle.clone()).or_insert(meant(named, of.account))
            }
        };
        if let Some(other) = other.clone().filter(|other| (other.account, other.key) != (of.account, of.key)) {
            edges.push(EdgeRow { version: number, path, handle, other });
        }
    }
    Ok(edges)
}

/// At most `limit` resources that are still there and whose newest versions mention this one, each once.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn mentioning(tx: &mut dyn Tx, org: OrgId, of: &ResourceRow, limit: usize) -> Result<Vec<ResourceRow>> {
    let sql = select_known!(
        "WHERE (a.id = $1 OR a.parent_id = $1) AND h.handle = $2 AND h.role = 1 AND r.org_id = $3 AND r.gone_at IS NULL \
         AND (r.account_id = $4 OR $5) ORDER BY a.name, r.type_token, r.id LIMIT $6"
    );
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut all = BTreeMap::new();
    let names: BTreeSet<&str> = std::iter::once(of.id.as_str()).chain(of.arn.as_deref()).collect();
    for handle in names {
        let named = named(tx, org, of.root, handle)?;
        let is = |other: ResourceRow| (other.account, other.key) == (of.account, of.key);
        // Whoever names it elsewhere in the root means it only if nothing else is known by that text.
        let everywhere = named.len() == 1;
        if !meant(named, of.account).is_some_and(is) {
            continue;
        }
        let (root, account) = (of.root.as_bytes().into(), of.account.as_bytes().into());
        let params = [root, handle.into(), org.as_bytes().into(), account, everywhere.into(), most.into()];
        for other in tx.all(sql, &params, resource)? {
            if (other.account, other.key) != (of.account, of.key) {
                let place = (other.account_name.clone(), other.type_token.clone(), other.id.clone());
                all.insert(place, other);
            }
        }
    }
    Ok(all.into_values().take(limit).collect())
}

/// The resources of a root that are known by this text: those that are still there, else those that were.
fn named(tx: &mut dyn Tx, org: OrgId, root: AccountId, handle: &str) -> Result<Vec<ResourceRow>> {
    let sql = select_known!(
        "WHERE (a.id = $1 OR a.parent_id = $1) AND h.handle = $2 AND h.role = 0 AND r.org_id = $3 \
         ORDER BY (CASE WHEN r.gone_at IS NULL THEN 0 ELSE 1 END), a.name, r.type_token LIMIT $4"
    );
    let params = [root.as_bytes().into(), handle.into(), org.as_bytes().into(), NAMESAKES.into()];
    let mut all = tx.all(sql, &params, resource)?;
    if all.first().is_some_and(|first| first.gone_at.is_none()) {
        all.retain(|other| other.gone_at.is_none());
    }
    Ok(all)
}

/// The only one, or the only one of the leaf from which it is looked for.
fn meant(mut named: Vec<ResourceRow>, leaf: AccountId) -> Option<ResourceRow> {
    if named.len() > 1 {
        named.retain(|other| other.account == leaf);
    }
    if named.len() == 1 { named.pop() } else { None }
}
