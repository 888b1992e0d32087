//! How many openings may wait for clouds at the same time: each keeps what it read in memory meanwhile.
//!
//! This room knows numbers. It must never know what is waited for.

use pileus_model::{Error, Result, ids::OrgId};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Openings of one organisation that may wait, on this node.
const OF_ONE: usize = 128;
/// Openings of all organisations together.
const OF_ALL: usize = 1024;
/// Seconds after which it may be different.
const AGAIN: u64 = 5;

/// Who waits.
#[derive(Debug, Default)]
pub struct Waiting(Mutex<HashMap<OrgId, usize>>);

/// A place among those who wait; left when it is dropped.
pub(super) struct Place<'w>(&'w Waiting, OrgId);

impl Waiting {
    /// A place for an opening of this organisation.
    ///
    /// # Errors
    /// `RateLimited` if too many of its openings wait already, or too many of all.
    pub(super) fn enter(&self, org: OrgId) -> Result<Place<'_>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (ours, total) = (all.get(&org).copied().unwrap_or(0), all.values().sum::<usize>());
        if ours >= OF_ONE || total >= OF_ALL {
            let why = "too many environments that wait for a cloud are being opened: try again when it answers";
            return Err(Error::rate_limited(AGAIN, why));
        }
        all.insert(org, ours + 1);
        Ok(Place(self, org))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ours) = all.get_mut(&self.1) {
            *ours -= 1;
            if *ours == 0 {
                all.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn one_organisation_cannot_take_every_place() {
        let waiting = Waiting::default();
        let orgs: Vec<OrgId> = (0..9).map(|n| OrgId::from_bytes([n; 16])).collect();
        let places: Vec<Place<'_>> = (0..OF_ONE).map(|_| waiting.enter(orgs[0]).unwrap()).collect();
        assert!(waiting.enter(orgs[0]).is_err());
        let others: Vec<Place<'_>> =
            orgs[1..8].iter().flat_map(|org| (0..OF_ONE).map(|_| waiting.enter(*org).unwrap())).collect();
        assert!(waiting.enter(orgs[8]).is_err(), "more than all");
        drop(places);
        assert!(waiting.enter(orgs[8]).is_ok() && waiting.enter(orgs[0]).is_ok());
        drop(others);
        assert!(waiting.0.lock().unwrap().is_empty());
    }
}
