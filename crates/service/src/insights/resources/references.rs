//! A resource with what it refers to and what refers to it.
//!
//! This room knows how far that goes. It must never know how a reference was found.

use super::{Found, Which, find, version};
use crate::{
    Cx,
    insights::accounts::{READ, permit},
};
use pileus_model::{
    Error, Result,
    ids::OrgId,
    names::{decode_account, decode_resource},
};
use pileus_store::{
    Tx,
    insights::{handles, resources::ResourceRow},
};
use std::collections::HashSet;

/// Resources that are asked for at once.
const MAX_ASKED: usize = 100;
/// How deep references are followed at most.
const MAX_DEPTH: i64 = 3;
/// Resources in one answer.
const MAX_NODES: usize = 1000;
/// References of one resource that are followed, each way.
const MAX_EDGES: usize = 100;

/// A resource, what refers to it, and what it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referring {
    /// The resource.
    pub found: Found,
    /// What refers to it.
    pub from: Vec<Referring>,
    /// What it refers to.
    pub to: Vec<Referring>,
}

/// One resource with its references, one step deep.
///
/// # Errors
/// `NotFound`; `Invalid` for a bad name.
pub async fn references(cx: &Cx, account: &str, named: &str) -> Result<Referring> {
    let (org, account, named) = (cx.org()?.id, decode_account(account), decode_resource(named));
    cx.app
        .store
        .read(move |tx| {
            let resource = find(tx, org, &account, &named)?;
            follow(tx, org, resource, &Which::Newest, 1, &mut MAX_NODES.clone())
        })
        .await
}

/// Several resources with their references: account, `type::id` and perhaps a version of each. All of them must be the caller's to
/// read.
///
/// # Errors
/// `NotFound` for any of them; `Forbidden`; `Invalid` for too many, too deep, or a bad name.
pub async fn references_of_many(
    cx: &Cx,
    asked: Vec<(String, String, Option<i64>)>,
    depth: Option<i64>,
) -> Result<Vec<Referring>> {
    if asked.len() > MAX_ASKED {
        return Err(Error::invalid(format!("resourceIdentifiers must not hold more than {MAX_ASKED}")));
    }
    let depth = depth.unwrap_or(1);
    if !(0..=MAX_DEPTH).contains(&depth) {
        return Err(Error::invalid(format!("depth must be in the range [0, {MAX_DEPTH}]")));
    }
    let (cx2, org) = (cx.clone(), cx.org()?.id);
    cx.app
        .store
        .read(move |tx| {
            let mut left = MAX_NODES;
            let one = |(account, named, number): &(String, String, Option<i64>)| {
                let account = decode_account(account);
                permit(tx, &cx2, READ, &account)?;
                let resource = find(tx, org, &account, named)?;
                let which = number.map_or(Which::Newest, |number| Which::Number(number.to_string()));
                follow(tx, org, resource, &which, depth, &mut left)
            };
            asked.iter().map(one).collect()
        })
        .await
}

fn follow(
    tx: &mut dyn Tx,
    org: OrgId,
    resource: ResourceRow,
    which: &Which,
    depth: i64,
    left: &mut usize,
) -> Result<Referring> {
    let version = version(tx, org, &resource, which)?;
    let (mut from, mut to) = (Vec::new(), Vec::new());
    if depth > 0 {
        for other in handles::mentioning(tx, org, &resource, MAX_EDGES)? {
            from.extend(next(tx, org, other, depth, left)?);
        }
        // One resource may name another in several places.
        let mut seen = HashSet::new();
        for edge in handles::edges(tx, org, &resource, version.version, None, MAX_EDGES)? {
            if seen.insert((edge.other.account, edge.other.key)) {
                to.extend(next(tx, org, edge.other, depth, left)?);
            }
        }
    }
    Ok(Referring { found: Found { resource, version }, from, to })
}

/// The other end of a reference, unless it is gone or the answer is long enough.
fn next(tx: &mut dyn Tx, org: OrgId, other: ResourceRow, depth: i64, left: &mut usize) -> Result<Option<Referring>> {
    if other.gone_at.is_some() || *left == 0 {
        return Ok(None);
    }
    *left -= 1;
    follow(tx, org, other, &Which::Newest, depth - 1, left).map(Some)
}
