//! Lists of environments: what the caller may read of them.

use super::{READ, object};
use crate::{Cx, auth};
use pileus_codec::NameCursor;
use pileus_model::{
    Error, Result, Timestamp,
    caller::{OrgAccess, Principal},
    ids::EnvironmentId,
};
use pileus_store::{
    Tx,
    environments::{self as store, EnvironmentRow},
    members,
};
use std::collections::HashMap;

/// How many environments a page has if nobody says.
const PAGE: i64 = 500;
/// How many are looked at in one piece.
const CHUNK: i64 = 500;
/// How many pieces are looked at for one page: one that shows little may be short.
const CHUNKS: usize = 20;

/// An environment in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The organisation's name.
    pub organization: String,
    /// The environment.
    pub row: EnvironmentRow,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// When it was deleted, if it was.
    pub deleted_at: Option<Timestamp>,
}

/// A page: what is on it, and where the next one begins.
type Page = (Vec<Listed>, Option<(String, String)>);

/// The environments of the organisation that the caller may read, and the token of the next page.
///
/// # Errors
/// `Invalid` for a bad token or size.
pub async fn list(cx: &Cx, token: Option<&str>, size: Option<i64>) -> Result<(Vec<Listed>, Option<String>)> {
    let after = position(token)?;
    let (access, size) = (cx.access()?.clone(), page_size(size)?);
    let (listed, next) = cx.app.store.read(move |tx| page(tx, &access, after.clone(), size)).await?;
    Ok((listed, next.map(|(project, name)| NameCursor::after(&format!("{project}/{name}")))))
}

/// The environments that the caller may read in all his organisations, or in this one.
///
/// # Errors
/// As [`list`].
pub async fn list_of_caller(
    cx: &Cx,
    organization: Option<&str>,
    token: Option<&str>,
    size: Option<i64>,
) -> Result<(Vec<Listed>, Option<String>)> {
    let size = page_size(size)?;
    let key = token.map(NameCursor::parse).transpose()?.map(|cursor| cursor.key().to_owned()).unwrap_or_default();
    let (first, rest) = key.split_once('/').unwrap_or((&key, ""));
    let mut after = rest.split_once('/').map(|(p, n)| (p.to_owned(), n.to_owned())).unwrap_or_default();
    let mut found = Vec::new();
    for name in organizations(cx).await?.into_iter().filter(|name| name.as_str() >= first) {
        if organization.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(&name)) {
            continue;
        }
        let from = if name == first { std::mem::take(&mut after) } else { (String::new(), String::new()) };
        let Some(access) = auth::access(&cx.app, cx.caller()?, &name).await? else { continue };
        let left = size - i64::try_from(found.len()).unwrap_or(i64::MAX);
        let (listed, next) = cx.app.store.read(move |tx| page(tx, &access, from.clone(), left)).await?;
        found.extend(listed);
        if let Some((project, environment)) = next {
            return Ok((found, Some(NameCursor::after(&format!("{name}/{project}/{environment}")))));
        }
    }
    Ok((found, None))
}

/// The names of the caller's organisations, sorted.
async fn organizations(cx: &Cx) -> Result<Vec<String>> {
    let mut names = match &cx.caller()?.principal {
        Principal::User(user) => {
            let id = user.id;
            let all = cx.app.store.read(move |tx| members::of_user(tx, id)).await?;
            all.into_iter().map(|membership| membership.org.name).collect()
        }
        Principal::Organization(org) | Principal::Team { org, .. } => vec![org.name.clone()],
    };
    names.sort();
    Ok(names)
}

fn page_size(size: Option<i64>) -> Result<i64> {
    match size {
        None | Some(0) => Ok(PAGE),
        Some(size) if (1..=1000).contains(&size) => Ok(size),
        Some(_) => Err(Error::invalid("maxResults must be between 1 and 1000")),
    }
}

fn position(token: Option<&str>) -> Result<(String, String)> {
    let Some(token) = token else { return Ok((String::new(), String::new())) };
    let cursor = NameCursor::parse(token)?;
    let (project, name) = cursor.key().split_once('/').unwrap_or((cursor.key(), ""));
    Ok((project.to_owned(), name.to_owned()))
}

/// One page, in one transaction.
pub(super) fn page(tx: &mut dyn Tx, access: &OrgAccess, mut after: (String, String), size: i64) -> Result<Page> {
    let mut found = Vec::new();
    let wanted = usize::try_from(size).unwrap_or(0);
    for _ in 0..CHUNKS {
        let chunk = CHUNK.min(size.max(50) + 1);
        let rows = store::page(tx, access.org.id, (&after.0, &after.1), chunk)?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok((found, None)) };
        let ends = ((first.project.as_str(), first.name.as_str()), (last.project.as_str(), last.name.as_str()));
        let mut tags: HashMap<EnvironmentId, Vec<(String, String)>> = HashMap::new();
        for (id, name, value) in auth::environment_marks_between(tx, access.org.id, ends.0, ends.1)? {
            tags.entry(id).or_default().push((name, value));
        }
        let full = i64::try_from(rows.len()).unwrap_or(0) == chunk;
        for row in rows {
            if found.len() == wanted {
                return Ok((found, Some(after)));
            }
            after = (row.project.clone(), row.name.clone());
            let mut own = tags.remove(&row.id).unwrap_or_default();
            own.extend(row.owner.map(auth::owner_tag));
            if access.policy.allows(READ, &object(&row.reference(), &own)) {
                let tags = own.into_iter().filter(|(name, _)| !name.starts_with('\0')).collect();
                found.push(Listed { organization: access.org.name.clone(), row, tags, deleted_at: None });
            }
        }
        if !full {
            return Ok((found, None));
        }
    }
    Ok((found, Some(after)))
}
