//! Insights accounts: made, listed, changed, given away, deleted.
//!
//! Knows that nobody may lend himself credentials by way of an account, that a cloud must have confirmed them before anything
//! is written, and that children have everything from their root. It must never know HTTP, SQL or a cloud's protocol.

mod change;
mod children;
mod config;
mod create;
mod credentials;
mod list;
mod owner;

pub use change::{Change, delete, update};
pub(crate) use children::follow_regions;
pub use children::sync_children;
pub(crate) use config::configured_regions;
pub use create::{NewAccount, create, create_many};
pub use credentials::{Opened, check_provided};
pub use list::{Listing, list};
pub use owner::reassign;

use crate::{Cx, auth, insights::scans::together};
use pileus_model::{
    Error, Result,
    authz::{Object, ObjectKind, Permission},
    ids::OrgId,
    insights::Account,
    names::{account_root, decode_account},
};
use pileus_store::{
    Tx,
    insights::{
        accounts::{self as store, Listed},
        scans::{self, Glance, Scan},
    },
};

/// What may be seen of an account.
pub(crate) const READ: Permission = Permission::named("insights_account:read");

/// An account as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The account.
    pub account: Account,
    /// Whether it is scanned by itself.
    pub scheduled: bool,
    /// The owner's display name.
    pub owner_name: String,
    /// Its newest scan, or those of its children together; none before the first.
    pub scan: Option<Glance>,
    /// Resources after the last succeeded scans; none before the first.
    pub resources: Option<i64>,
}

/// The account with this name, decoded from a path's parameter.
///
/// # Errors
/// `NotFound`.
pub(crate) fn require(tx: &mut dyn Tx, org: OrgId, name: &str) -> Result<Listed> {
    store::by_name(tx, org, name)?.ok_or_else(not_found)
}

/// The root with this name; a child is refused.
///
/// # Errors
/// `NotFound`; `Forbidden` for a child, saying that `what` is its parent's.
pub(crate) fn require_root(tx: &mut dyn Tx, org: OrgId, name: &str, what: &str) -> Result<Listed> {
    let found = require(tx, org, name)?;
    if found.account.is_root() {
        return Ok(found);
    }
    Err(Error::forbidden(format!("{what} the parent account")))
}

pub(crate) fn not_found() -> Error {
    Error::not_found("insights account not found")
}

/// Requires a permission on an account of this decoded name. Children have no permissions of their own.
///
/// # Errors
/// `Forbidden`, naming the permission; `NotFound` outside of an organisation.
pub(crate) fn permit(tx: &mut dyn Tx, cx: &Cx, permission: Permission, name: &str) -> Result<()> {
    let root = account_root(name);
    let tags = auth::object_tags_in(tx, cx.org()?.id, ObjectKind::Account, root)?;
    cx.require(permission, &Object { kind: ObjectKind::Account, identity: root, tags: &tags })
}

/// The account with this name, as it is shown. The name is a path's parameter.
///
/// # Errors
/// `NotFound`.
pub async fn get(cx: &Cx, name: &str) -> Result<View> {
    let (org, name) = (cx.org()?.id, decode_account(name));
    cx.app.store.read(move |tx| view(tx, org, &name)).await
}

/// The account with this name, for another room. The name is a path's parameter.
///
/// # Errors
/// `NotFound`.
pub async fn find(cx: &Cx, name: &str) -> Result<Account> {
    let (org, name) = (cx.org()?.id, decode_account(name));
    cx.app.store.read(move |tx| Ok(require(tx, org, &name)?.account)).await
}

/// The root with this name, for another room; `what` of a child is its parent's. The name is a path's parameter.
///
/// # Errors
/// `NotFound`; `Forbidden` for a child.
pub async fn find_root(cx: &Cx, name: &str, what: &'static str) -> Result<Account> {
    let (org, name) = (cx.org()?.id, decode_account(name));
    cx.app.store.read(move |tx| Ok(require_root(tx, org, &name, what)?.account)).await
}

/// As [`get`], within a transaction.
pub(crate) fn view(tx: &mut dyn Tx, org: OrgId, name: &str) -> Result<View> {
    let Listed { account, scheduled } = require(tx, org, name)?;
    let scans: Vec<Glance> = scans::newest(tx, org, account.id)?.iter().map(Scan::glance).collect();
    let resources = store::count(tx, org, account.id)?;
    let owner_name = list::owner_name(tx, &account)?;
    Ok(View { scan: together(&scans), account, scheduled, owner_name, resources })
}
