//! Children: one for each region, and one for what belongs to no region. They have everything from their root.
//!
//! This room knows which there should be. It must never know which regions a cloud has.

use super::config::configured_regions;
use crate::App;
use pileus_model::{
    Result, Timestamp,
    ids::{AccountId, OrgId},
    insights::{Account, GLOBAL, child_name},
};
use pileus_store::{
    Tx,
    insights::{accounts as store, regions as marks},
};

/// More children than a root can have.
const MAX_CHILDREN: i64 = 1000;

/// The children of a root, by name.
pub(super) fn all(tx: &mut dyn Tx, org: OrgId, root: AccountId) -> Result<Vec<Account>> {
    Ok(store::children(tx, org, root, "", MAX_CHILDREN)?.into_iter().map(|entry| entry.listed.account).collect())
}

/// Makes the children of a root for these regions and for [`GLOBAL`], as far as they are missing and were not deleted by hand; with
/// `only`, those of other places are deleted. The places that came and went, by name. For other clouds nothing is done.
///
/// # Errors
/// As the store's.
pub fn sync_children(
    tx: &mut dyn Tx,
    app: &App,
    org: OrgId,
    root: &Account,
    regions: &[String],
    only: bool,
) -> Result<(Vec<String>, Vec<String>)> {
    if !root.provider.has_children() || !root.is_root() {
        return Ok((Vec::new(), Vec::new()));
    }
    let now = app.clock.now();
    let there = all(tx, org, root.id)?;
    let (mut came, mut went) = (Vec::new(), Vec::new());
    let mut wanted: Vec<&str> = regions.iter().map(String::as_str).chain([GLOBAL]).collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted.retain(|place| !root.excluded.iter().any(|excluded| excluded == place));
    for child in &there {
        let place = child.place.as_deref().unwrap_or_default();
        if only && !wanted.contains(&place) {
            remove(tx, org, child, now)?;
            went.push(place.to_owned());
        }
    }
    for (child, place, closed) in marks::all(tx, org, root.id)? {
        if closed && wanted.contains(&place.as_str()) {
            marks::close(tx, org, child, None)?;
        }
    }
    for place in wanted {
        if !there.iter().any(|child| child.place.as_deref() == Some(place)) {
            store::insert(tx, org, &child(app, root, place, now))?;
            came.push(place.to_owned());
        }
    }
    Ok((came, went))
}

/// How the children of a root followed its regions: places, and whom to scan now.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    /// Regions that have a child now.
    pub came: Vec<String>,
    /// Regions that were closed, and are not any more.
    pub opened: Vec<String>,
    /// Regions that are closed: their children stay, and are not scanned.
    pub closed: Vec<String>,
    /// The children that came or are open again.
    pub to_scan: Vec<AccountId>,
}

/// Has the children of this root follow the regions that are open now, unless somebody has chosen its regions.
///
/// # Errors
/// As the store's.
pub(crate) fn follow_regions(
    tx: &mut dyn Tx,
    app: &App,
    org: OrgId,
    (name, id): (&str, AccountId),
    open: &[String],
) -> Result<Followed> {
    let mut followed = Followed::default();
    let Some(root) = store::by_name(tx, org, name)?.map(|found| found.account).filter(|root| root.id == id) else {
        return Ok(followed);
    };
    if !configured_regions(&root.config).is_empty() {
        return Ok(followed);
    }
    let now = app.clock.now();
    for (child, place, closed) in marks::all(tx, org, root.id)? {
        let is_open = place == GLOBAL || open.contains(&place);
        if is_open == closed {
            marks::close(tx, org, child, (!is_open).then_some(now))?;
            if is_open { &mut followed.opened } else { &mut followed.closed }.push(place);
            followed.to_scan.extend(is_open.then_some(child));
        }
    }
    followed.came = sync_children(tx, app, org, &root, open, false)?.0;
    let there = marks::all(tx, org, root.id)?.into_iter();
    followed.to_scan.extend(there.filter(|(_, place, _)| followed.came.contains(place)).map(|(child, ..)| child));
    Ok(followed)
}

fn child(app: &App, root: &Account, place: &str, now: Timestamp) -> Account {
    Account {
        id: AccountId::new(&*app.clock, &*app.entropy),
        name: child_name(&root.name, place),
        place: Some(place.to_owned()),
        config: "{}".into(),
        excluded: Vec::new(),
        created_at: now,
        modified_at: now,
        ..root.clone()
    }
}

/// Removes an account (not its children) with what was found in it; a scan that runs ends.
pub(super) fn remove(tx: &mut dyn Tx, org: OrgId, account: &Account, now: Timestamp) -> Result<()> {
    store::end_scans(tx, org, account.id, "the account was deleted", now)?;
    store::delete(tx, org, account.id, now)
}
