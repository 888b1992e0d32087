//! Sweeping what is left of deleted accounts: a reconciler's round.

use crate::App;
use pileus_model::Result;
use pileus_store::{Recorded, insights::trash};
use std::sync::Arc;

/// Parts of one round.
const PARTS: usize = 200;

/// Sweeps until there is nothing left, or for this round enough; how many accounts were finished. Any number of nodes may do it.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn sweep(app: &Arc<App>) -> Result<usize> {
    let mut finished = 0;
    for _ in 0..PARTS {
        let Some(account) = app.store.read(trash::next).await? else { return Ok(finished) };
        let why = "the account's deletion was recorded; this only sweeps what is left";
        let clean = app.store.write(move |tx| Ok(Recorded::unaudited(trash::sweep(tx, account)?, why))).await?;
        finished += usize::from(clean);
    }
    Ok(finished)
}
