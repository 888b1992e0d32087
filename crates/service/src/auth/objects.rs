//! The tags of objects, as far as permissions depend on them.
//!
//! The owner of an object stands among its tags, under [`OWNER`]: whoever makes something may do everything with it.

use crate::Cx;
use pileus_model::{
    Result,
    authz::{OWNER, ObjectKind, TEAM_PREFIX},
    ids::OrgId,
    insights::TeamPermission,
    names::account_root,
};
use pileus_store::{Tx, environments, environments_tags, insights::teams as account_teams};

/// The tags of the object with this identity; none if there is no such object.
///
/// # Errors
/// `NotFound` outside of an organisation; `Unavailable`.
pub async fn object_tags(cx: &Cx, kind: ObjectKind, identity: &str) -> Result<Vec<(String, String)>> {
    if !matches!(kind, ObjectKind::Environment | ObjectKind::Account) {
        return Ok(Vec::new());
    }
    let (org, identity) = (cx.org()?.id, identity.to_owned());
    cx.app.store.read(move |tx| object_tags_in(tx, org, kind, &identity)).await
}

/// As [`object_tags`], within a transaction.
///
/// # Errors
/// As the store's.
pub fn object_tags_in(tx: &mut dyn Tx, org: OrgId, kind: ObjectKind, identity: &str) -> Result<Vec<(String, String)>> {
    let (owner, mut tags) = match (kind, identity.split_once('/')) {
        (ObjectKind::Environment, Some((project, name))) => match environments::find(tx, org, project, name)? {
            Some(row) => {
                let listed = environments_tags::list(tx, org, row.id, 0, MAX_TAGS)?;
                (row.owner, listed.into_iter().map(|tag| (tag.name, tag.value)).collect())
            }
            None => return Ok(Vec::new()),
        },
        (ObjectKind::Account, _) => {
            let root = account_root(identity);
            let (owner, mut tags) = environments_tags::of_account(tx, org, root)?;
            tags.extend(
                account_teams::of_root(tx, org, root)?.iter().map(|(team, permission)| team_tag(team, *permission)),
            );
            (owner, tags)
        }
        _ => return Ok(Vec::new()),
    };
    tags.extend(owner.map(|owner| (OWNER.to_owned(), owner.to_string())));
    Ok(tags)
}

/// The tag that stands for what a team may do with an object.
pub fn team_tag(team: &str, permission: TeamPermission) -> (String, String) {
    (format!("{TEAM_PREFIX}{team}"), permission.number().to_string())
}

/// More tags than an object can have.
const MAX_TAGS: i64 = 1000;
