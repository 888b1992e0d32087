//! Forgetting old scans with their logs and statements: a reconciler's round, in small parts. What scans found stays for ever.
//!
//! This room knows how long scans are kept. It must never know which rows they have.

use crate::App;
use pileus_model::{Result, Timestamp, ids::ScanId};
use pileus_store::{
    Recorded,
    insights::retention::{self as store, Ended},
};
use std::sync::{Arc, Mutex, PoisonError};

/// Scans that are looked at in one read.
const LOOKED: i64 = 500;
/// Reads of one round.
const READS: usize = 20;
/// How long a node that has seen all of them does not look again, in seconds.
const REST: i64 = 3600;

/// How long scans are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Days after their end; 0 for ever.
    pub days: i64,
    /// So many of each account (of an AWS account: of each region), however old.
    pub newest: i64,
}

impl Default for Keep {
    fn default() -> Self {
        Self { days: 90, newest: 10 }
    }
}

/// Where a node is in forgetting.
#[derive(Debug, Default)]
pub struct Forgetter {
    at: Mutex<At>,
}

#[derive(Debug, Clone, Copy)]
struct At {
    after: Ended,
    rests_until: Option<Timestamp>,
}

impl Default for At {
    fn default() -> Self {
        Self { after: (Timestamp::EPOCH, ScanId::from_bytes([0; 16])), rests_until: None }
    }
}

impl Forgetter {
    /// A poisoned lock means that another thread panicked; where it was may be forgotten.
    fn at(&self) -> At {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn go_to(&self, at: At) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
    /// Forgets what is old, or for this round enough of it; how many scans. Any number of nodes may do it.
    ///
    /// # Errors
    /// `Unavailable` where the database can't; the next round goes on.
    pub async fn round(&self, app: &Arc<App>, keep: Keep) -> Result<u64> {
        let now = app.clock.now();
        let mut at = self.at();
        // A clock that was put back ends the rest.
        let rests = at.rests_until.is_some_and(|until| now < until && now >= until.plus_seconds(-REST));
        if keep.days <= 0 || rests {
            return Ok(0);
        }
        let (before, newest) = (now.plus_seconds(-keep.days.saturating_mul(86_400)), keep.newest.max(1));
        let mut forgotten = 0;
        for _ in 0..READS {
            let after = at.after;
            let found = app.store.read(move |tx| store::ended(tx, before, after, newest, LOOKED)).await?;
            for (org, (_, scan), _) in found.iter().filter(|(.., old)| *old) {
                let (org, scan) = (*org, *scan);
                let why = "old scans are forgotten as the operator set it; what they found stays";
                let write = move |tx: &mut dyn pileus_store::Tx| {
                    Ok(Recorded::unaudited(u64::from(store::forget(tx, org, scan)?), why))
                };
                forgotten += app.store.write(write).await?;
            }
            if let Some((_, last, _)) = found.last() {
                at = At { after: *last, rests_until: None };
            }
            if found.len() < usize::try_from(LOOKED).unwrap_or(usize::MAX) {
                // From the beginning again, later: what had too few newer ones may have them then.
                at = At { rests_until: Some(now.plus_seconds(REST)), ..At::default() };
            }
            self.go_to(at);
            if at.rests_until.is_some() {
                break;
            }
        }
        metrics::counter!("pileus_scans_forgotten_total").increment(forgotten);
        Ok(forgotten)
    }
}
