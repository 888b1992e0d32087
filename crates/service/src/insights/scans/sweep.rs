//! What a run compares with, and what it says at its end of all that it did not find.
//!
//! This room knows when a resource is called gone. It must never know how a cloud was asked.

use super::sink::Collector;
use crate::insights::{
    ingest::{Fate, Index},
    redaction_key,
};
use pileus_clouds::Epoch;
use pileus_model::{Result, Timestamp};
use pileus_store::insights::{
    absent,
    ingest::{self as store, Key},
    known,
};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows that are read or written at once.
const CHUNK: usize = 1000;
/// Rows that are read at once of what is known: there is little in them.
const KNOWN: usize = 4000;

/// What is known of the account before the scan.
pub(super) async fn known(collector: &Collector) -> Result<Index> {
    let (org, account) = (collector.lease.org, collector.subject.account);
    let epoch = Epoch::of(&redaction_key(&collector.app)?);
    let index = Arc::new(Mutex::new(Index::new(epoch)));
    let mut after: Option<Key> = None;
    loop {
        let into = Arc::clone(&index);
        // It may run twice, which changes nothing.
        let read = collector.app.store.read(move |tx| {
            let limit = i64::try_from(KNOWN).unwrap_or(i64::MAX);
            let mut index = into.lock().unwrap_or_else(PoisonError::into_inner);
            let mut rows = 0;
            let last = known::known(tx, org, account, after, limit, &mut |known| {
                index.add(&known);
                rows += 1;
            })?;
            Ok((rows, last))
        });
        let (rows, last) = read.await?;
        if rows < KNOWN {
            let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(std::mem::take(&mut *index));
        }
        after = last;
    }
}

/// Says of everything that was not found whether it is gone or only was not seen.
pub(super) async fn sweep(collector: &Collector, since: Timestamp) -> Result<()> {
    let settled = collector.settled();
    let (index, completeness, others) = collector.take_index();
    let (mut gone, mut unseen): (Vec<Key>, Vec<Key>) = (Vec::new(), Vec::new());
    for (key, type_token, marked) in index.missing() {
        // What is absent of a settled type is written down already.
        if settled.contains(type_token) {
            continue;
        }
        match completeness.fate(type_token) {
            Fate::Gone => gone.push(key),
            Fate::Unseen if marked => {}
            Fate::Unseen => unseen.push(key),
        }
    }
    let mut count = gone.len() as u64;
    for keys in gone.chunks(CHUNK).map(<[Key]>::to_vec) {
        collector
            .write(move |tx, scope| keys.iter().try_for_each(|key| store::gone(tx, scope, key).map(|_| ())))
            .await?;
    }
    count += proved(collector, Arc::new(index)).await?;
    metrics::counter!("pileus_scan_gone_total").increment(count);
    let not_proved = unseen.len();
    for keys in unseen.chunks(CHUNK).map(<[Key]>::to_vec) {
        collector.write(move |tx, scope| keys.iter().try_for_each(|key| store::unseen(tx, scope, key, since))).await?;
    }
    let seen = collector.progress().resources.unwrap_or(0);
    collector.say(format!("{seen} resources seen, {count} gone, {not_proved} not seen any more and not proved gone"));
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(|(outcome, n)| format!("{n} {outcome}")).collect();
        collector.say(format!("Types that were not listed: {}. The coverage statement says more", others.join(", ")));
    }
    Ok(())
}

/// What was absent of settled types is gone; how many. Not what came after all: no scanner should give such, but a wrong "gone" is the
/// one thing that must not be.
async fn proved(collector: &Collector, index: Arc<Index>) -> Result<u64> {
    let (scan, limit) = (collector.lease.scan, i64::try_from(CHUNK).unwrap_or(i64::MAX));
    let mut all = 0;
    loop {
        let index = Arc::clone(&index);
        let swept = collector.write(move |tx, scope| {
            let keys = absent::some(tx, scan, limit)?;
            let mut gone = 0;
            for key in &keys {
                if !index.is_seen(key) {
                    gone += u64::from(store::gone(tx, scope, key)?);
                }
                absent::forget(tx, scan, key)?;
            }
            Ok((gone, keys.len()))
        });
        let (gone, looked) = swept.await?;
        all += gone;
        if looked < CHUNK {
            return Ok(all);
        }
    }
}
