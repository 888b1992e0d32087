//! What was discovered, as it is read: one resource, its history, what it refers to, and how much there is.
//!
//! Knows that resources live at leaves and that a root is asked for all of them; that what is gone is answered from history
//! only. It must never know how something was discovered.

mod references;
mod report;
mod summary;
mod sweep;

pub use pileus_store::insights::{handles::EdgeRow, resources::ResourceRow};
pub use references::{Referring, references, references_of_many};
pub use report::{Reported, upsert};
pub use summary::{Bucket, Granularity, Window, resources_summary, scans_summary};
pub use sweep::sweep;

use super::accounts::require;
use crate::Cx;
use pileus_codec::cursor::NameCursor;
use pileus_model::{
    Error, Result, Timestamp,
    ids::OrgId,
    insights::{resource_key, split_resource},
    names::{decode_account, decode_resource},
};
use pileus_store::{
    Tx,
    insights::{
        handles,
        resources::{self as store, VersionRow},
    },
};

/// A resource in one of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The resource.
    pub resource: ResourceRow,
    /// The version.
    pub version: VersionRow,
}

/// Which version of a resource is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The newest, of a resource that is still there.
    Newest,
    /// The one with this number, as it was written.
    Number(String),
    /// The one that was the newest at this time, as it was written (RFC 3339).
    At(String),
}

fn not_found() -> Error {
    Error::not_found("resource not found")
}

/// The resource of this account that is named so (both decoded).
pub(super) fn find(tx: &mut dyn Tx, org: OrgId, account: &str, named: &str) -> Result<ResourceRow> {
    let account = require(tx, org, account)?.account;
    let (kind, id) = split_resource(named)?;
    let key = resource_key(kind, id);
    if let Some(found) = store::find(tx, org, account.id, &key)? {
        return Ok(found);
    }
    let below = if account.is_leaf() { None } else { store::find_below(tx, org, account.id, &key)? };
    below.ok_or_else(not_found)
}

/// This version of a resource.
fn version(tx: &mut dyn Tx, org: OrgId, resource: &ResourceRow, which: &Which) -> Result<VersionRow> {
    let missing = || Error::not_found("the resource has no such version");
    match which {
        Which::Newest => match resource.gone_at {
            Some(gone) => Err(Error::not_found(format!(
                "resource not found: it was gone on {}; its versions are still there",
                gone.rfc3339()
            ))),
            None => store::find_version(tx, org, resource, resource.version)?.ok_or_else(missing),
        },
        Which::Number(text) => store::find_version(tx, org, resource, number(text)?)?.ok_or_else(missing),
        Which::At(text) => {
            let at = Timestamp::parse(text)
                .ok_or_else(|| Error::invalid("asOf must be a time in RFC 3339, such as 2026-11-22T09:00:00Z"))?;
            let found = store::version_at(tx, org, resource, at)?;
            let there = found.filter(|version| version.gone_at.is_none_or(|gone| gone > at));
            there.ok_or_else(|| Error::not_found(format!("resource not found: it was not there on {text}")))
        }
    }
}

fn number(text: &str) -> Result<i64> {
    let number = text.parse::<i64>().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Error::invalid("invalid resource version: it must be a number from 1"))
}

/// A resource in one of its versions. Both names are parameters of a path.
///
/// # Errors
/// `NotFound`; `Invalid` for a bad name, version or time.
pub async fn get(cx: &Cx, account: &str, named: &str, which: Which) -> Result<Found> {
    let (org, account, named) = (cx.org()?.id, decode_account(account), decode_resource(named));
    cx.app
        .store
        .read(move |tx| {
            let resource = find(tx, org, &account, &named)?;
            let version = version(tx, org, &resource, &which)?;
            Ok(Found { resource, version })
        })
        .await
}

fn page_size(count: Option<i64>) -> Result<i64> {
    match count.unwrap_or(100) {
        count @ 1..=500 => Ok(count),
        _ => Err(Error::invalid("count must be between 1 and 500")),
    }
}

/// A resource's versions with their times, the newest first, and where the next page begins.
///
/// # Errors
/// `NotFound`; `Invalid` for a bad name, count or token.
pub async fn versions(
    cx: &Cx,
    account: &str,
    named: &str,
    token: Option<&str>,
    count: Option<i64>,
) -> Result<(Vec<(i64, Timestamp)>, Option<String>)> {
    let count = page_size(count)?;
    let before = match token {
        Some(token) => {
            number(token).map_err(|_| Error::invalid("continuationToken is not one that an earlier page ended with"))?
        }
        None => i64::MAX,
    };
    let (org, account, named) = (cx.org()?.id, decode_account(account), decode_resource(named));
    let mut found = cx
        .app
        .store
        .read(move |tx| {
            let resource = find(tx, org, &account, &named)?;
            store::versions(tx, org, &resource, before, count + 1)
        })
        .await?;
    let more = i64::try_from(found.len()).unwrap_or(0) > count;
    found.truncate(usize::try_from(count).unwrap_or(500));
    let next = found.last().filter(|_| more).map(|(number, _)| number.to_string());
    Ok((found, next))
}

/// What one version of a resource refers to, by the place of the reference in it, and where the next page begins.
///
/// # Errors
/// `NotFound`; `Invalid` for a bad name, version, count or token.
pub async fn edges(
    cx: &Cx,
    account: &str,
    named: &str,
    which: Which,
    token: Option<&str>,
    count: Option<i64>,
) -> Result<(ResourceRow, Vec<EdgeRow>, Option<String>)> {
    let count = usize::try_from(page_size(count)?).unwrap_or(500);
    let after = token.map(NameCursor::parse).transpose()?;
    let (org, account, named) = (cx.org()?.id, decode_account(account), decode_resource(named));
    let (resource, mut found) = cx
        .app
        .store
        .read(move |tx| {
            let resource = find(tx, org, &account, &named)?;
            let version = version(tx, org, &resource, &which)?;
            let after = after.as_ref().map(NameCursor::key);
            let edges = handles::edges(tx, org, &resource, version.version, after, count + 1)?;
            Ok((resource, edges))
        })
        .await?;
    let more = found.len() > count;
    found.truncate(count);
    let next = found.last().filter(|_| more).map(|edge| NameCursor::after(&edge.path));
    Ok((resource, found, next))
}

/// Refuses where there is no such resource.
///
/// # Errors
/// `NotFound`.
pub async fn exists(cx: &Cx, account: &str, named: &str) -> Result<()> {
    let (org, account, named) = (cx.org()?.id, decode_account(account), decode_resource(named));
    cx.app.store.read(move |tx| find(tx, org, &account, &named)).await.map(drop)
}
