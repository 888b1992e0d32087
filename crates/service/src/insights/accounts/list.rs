//! Lists of accounts: what the caller, or a role, may read of them.
//!
//! Knows that a page shows accounts that may be read only, however many others lie between. It must never know how a page is
//! written.

use super::{READ, View, not_found, require};
use crate::{
    Cx,
    auth::{object_tags_in, of_settings, owner_tag, team_tag},
    insights::scans::together,
    organizations::Settings,
    roles::find_grant,
};
use pileus_codec::cursor::NameCursor;
use pileus_model::{
    Error, Result,
    authz::{Object, ObjectKind, Policy},
    caller::UserRef,
    ids::{AccountId, OrgId, RoleId, UserId},
    insights::Account,
    names::{account_root, decode_account},
};
use pileus_store::{
    Tx,
    insights::{
        accounts::{self as store, Entry, Listed},
        scans::Glance,
        tags, teams,
    },
    organizations, users,
};
use std::collections::HashMap;

/// Accounts that are looked at together.
const CHUNK: i64 = 1000;

/// Which accounts are listed.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// The children of this account instead of roots.
    pub parent: Option<String>,
    /// Only what this role lets see.
    pub role: Option<String>,
    /// Where the page begins.
    pub continuation_token: Option<String>,
    /// How many at most.
    pub count: Option<i64>,
}

/// A page of accounts by name, and where the next one begins.
///
/// # Errors
/// `Invalid` for a count outside of 1 to 1000, a bad token or role; `NotFound` if there is no such parent, or the caller may not
/// know that there is.
pub async fn list(cx: &Cx, listing: Listing) -> Result<(Vec<View>, Option<String>)> {
    let count = listing.count.unwrap_or(100);
    if !(1..=1000).contains(&count) {
        return Err(Error::invalid("count must be in the range [1, 1000]"));
    }
    let after = match listing.continuation_token.as_deref() {
        Some(token) => NameCursor::parse(token)?.key().to_owned(),
        None => String::new(),
    };
    let role: Option<RoleId> = match listing.role.as_deref() {
        Some(text) => Some(text.parse().map_err(|_| Error::invalid("roleID is not the id of a role"))?),
        None => None,
    };
    let (cx2, parent, wanted) = (cx.clone(), listing.parent, usize::try_from(count).unwrap_or(100));
    let mut found = cx
        .app
        .store
        .read(move |tx| {
            let cx = &cx2;
            let org = cx.org()?.id;
            let mut policies = vec![cx.access()?.policy.clone()];
            if let Some(role) = role {
                policies.push(policy_of(tx, org, role)?);
            }
            match &parent {
                Some(parent) => children(tx, org, &policies, &decode_account(parent), &after, wanted + 1),
                None => roots(tx, org, &policies, &after, wanted + 1),
            }
        })
        .await?;
    let more = found.len() > wanted;
    found.truncate(wanted);
    let next = found.last().filter(|_| more).map(|view| NameCursor::after(&view.account.name));
    Ok((found, next))
}

/// What whoever has this role may do: with a built-in one also what the organisation lets its members do.
fn policy_of(tx: &mut dyn Tx, org: OrgId, role: RoleId) -> Result<Policy> {
    let granted = find_grant(tx, org, role)?.ok_or_else(|| Error::invalid("roleID is not the id of a role"))?;
    if granted.builtin.is_none() {
        return Ok(granted.policy);
    }
    let settings = organizations::by_id(tx, org)?.map(|organization| Settings::parse(&organization.settings));
    Ok(match granted.policy {
        Policy::Everything => Policy::Everything,
        own => Policy::Group(vec![own, of_settings(&settings.unwrap_or_default())]),
    })
}

/// The children of a root that all of these policies let read.
fn children(
    tx: &mut dyn Tx,
    org: OrgId,
    policies: &[Policy],
    parent: &str,
    after: &str,
    wanted: usize,
) -> Result<Vec<View>> {
    let root = account_root(parent);
    let tags = object_tags_in(tx, org, ObjectKind::Account, root)?;
    let object = Object { kind: ObjectKind::Account, identity: root, tags: &tags };
    // Whoever may not see the parent is not told that there is one.
    if !policies.iter().all(|policy| policy.allows(READ, &object)) {
        return Err(not_found());
    }
    let parent = require(tx, org, parent)?.account;
    let limit = i64::try_from(wanted).unwrap_or(CHUNK);
    let entries = store::children(tx, org, parent.id, after, limit)?;
    let mut names = Names::default();
    entries.into_iter().map(|entry| names.view(tx, entry, Sum::default())).collect()
}

/// Roots that all of these policies let read.
fn roots(tx: &mut dyn Tx, org: OrgId, policies: &[Policy], after: &str, wanted: usize) -> Result<Vec<View>> {
    let everything = policies.iter().all(|policy| *policy == Policy::Everything);
    let limit = if everything { i64::try_from(wanted).unwrap_or(CHUNK) } else { CHUNK };
    let (mut views, mut names, mut after) = (Vec::new(), Names::default(), after.to_owned());
    loop {
        let chunk = store::roots(tx, org, &after, limit)?;
        let full = i64::try_from(chunk.len()).unwrap_or(0) == limit;
        let Some(to) = chunk.last().map(|entry| entry.listed.account.name.clone()) else { return Ok(views) };
        let seen: Vec<Entry> = if everything {
            chunk
        } else {
            let marks = marks(tx, org, &chunk, &after, &to)?;
            let readable = |entry: &Entry| readable(policies, &entry.listed.account, &marks);
            chunk.into_iter().filter(readable).take(wanted - views.len()).collect()
        };
        append(tx, org, seen, (&after, &to), &mut names, &mut views)?;
        if views.len() >= wanted || !full {
            return Ok(views);
        }
        after = to;
    }
}

type Marks = HashMap<AccountId, Vec<(String, String)>>;

/// What permissions on these roots depend on: their tags, owners and teams.
fn marks(tx: &mut dyn Tx, org: OrgId, chunk: &[Entry], after: &str, to: &str) -> Result<Marks> {
    let mut marks = Marks::new();
    for (account, tag) in tags::of_roots(tx, org, after, to)? {
        marks.entry(account).or_default().push(tag);
    }
    for (account, team, permission) in teams::of_roots(tx, org, after, to)? {
        marks.entry(account).or_default().push(team_tag(&team, permission));
    }
    for account in chunk.iter().map(|entry| &entry.listed.account) {
        if let Some(owner) = account.owner {
            marks.entry(account.id).or_default().push(owner_tag(owner));
        }
    }
    Ok(marks)
}

fn readable(policies: &[Policy], account: &Account, marks: &Marks) -> bool {
    let tags = marks.get(&account.id).map(Vec::as_slice).unwrap_or_default();
    let object = Object { kind: ObjectKind::Account, identity: &account.name, tags };
    policies.iter().all(|policy| policy.allows(READ, &object))
}

/// What the children of a root have together.
#[derive(Debug, Default)]
struct Sum {
    scans: Vec<Glance>,
    resources: Option<i64>,
}

/// Adds these roots, each with what its children have; their names lie in the range.
fn append(
    tx: &mut dyn Tx,
    org: OrgId,
    seen: Vec<Entry>,
    (after, to): (&str, &str),
    names: &mut Names,
    views: &mut Vec<View>,
) -> Result<()> {
    let mut sums: HashMap<AccountId, Sum> = HashMap::new();
    if seen.iter().any(|entry| entry.listed.account.provider.has_children()) {
        for below in store::below(tx, org, after, to)? {
            let sum = sums.entry(below.root).or_default();
            sum.scans.extend(below.scan);
            sum.resources = below.resources.map_or(sum.resources, |more| Some(sum.resources.unwrap_or(0) + more));
        }
    }
    for entry in seen {
        let sum = sums.remove(&entry.listed.account.id).unwrap_or_default();
        views.push(names.view(tx, entry, sum)?);
    }
    Ok(())
}

/// The display names of owners, each looked up once.
#[derive(Default)]
struct Names(HashMap<UserId, String>);

impl Names {
    /// An account as it is shown, with what its children have.
    fn view(&mut self, tx: &mut dyn Tx, entry: Entry, mut below: Sum) -> Result<View> {
        let Listed { account, scheduled } = entry.listed;
        below.scans.extend(entry.scan);
        let resources = below.resources.or(entry.resources);
        let owner_name = self.of(tx, &account)?;
        Ok(View { account, scheduled, owner_name, scan: together(&below.scans), resources })
    }
    fn of(&mut self, tx: &mut dyn Tx, account: &Account) -> Result<String> {
        let Some(owner) = account.owner else { return Ok(String::new()) };
        if let Some(name) = self.0.get(&owner) {
            return Ok(name.clone());
        }
        let name = owner_name(tx, account)?;
        self.0.insert(owner, name.clone());
        Ok(name)
    }
}

/// The display name of an account's owner; empty if he is gone.
pub(super) fn owner_name(tx: &mut dyn Tx, account: &Account) -> Result<String> {
    let owner: Option<UserRef> = match account.owner {
        Some(owner) => users::by_id(tx, owner)?.map(|user| user.user),
        None => None,
    };
    Ok(owner.map(|owner| owner.name).unwrap_or_default())
}
