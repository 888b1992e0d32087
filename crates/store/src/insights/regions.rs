//! Which children of a root are left out because their regions are closed.
//!
//! This room knows the mark. It must never know which regions a cloud has open.

use crate::{Row, Tx, TxExt};
use pileus_model::{
    Result, Timestamp,
    ids::{AccountId, OrgId},
};

/// The children of a root, whether they are closed, by place.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn all(tx: &mut dyn Tx, org: OrgId, root: AccountId) -> Result<Vec<(AccountId, String, bool)>> {
    let sql =
        "SELECT id, place, closed_at FROM accounts WHERE org_id = $1 AND parent_id = $2 ORDER BY place LIMIT 1000";
    tx.all(sql, &[org.as_bytes().into(), root.as_bytes().into()], |row| {
        let place = row.opt(1, <dyn Row>::text)?.unwrap_or_default().to_owned();
        Ok((AccountId::from_bytes(row.id(0)?), place, !row.is_null(2)?))
    })
}

/// Marks a child as closed since then, or as open.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn close(tx: &mut dyn Tx, org: OrgId, child: AccountId, since: Option<Timestamp>) -> Result<()> {
    let sql = "UPDATE accounts SET closed_at = $1 WHERE org_id = $2 AND id = $3";
    tx.run(sql, &[since.into(), org.as_bytes().into(), child.as_bytes().into()]).map(|_| ())
}
