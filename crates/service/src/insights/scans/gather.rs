//! What comes in from a scanner: compared with what is known, judged, counted.
//!
//! This room knows what a finding and a report mean for the run. It must never know how they are written.

use super::{
    SCAN,
    sink::{Collector, Gathered, State},
};
use crate::insights::{
    coverage,
    ingest::{self, Fate, Verdict},
};
use pileus_clouds::{BoxFuture, Found, Print, Sink, TypeOutcome, TypeReport};
use pileus_model::{Result, insights::resource_key};
use pileus_store::insights::{coverage::Coverage, ingest::Key, scans::Progress};
use std::{future::ready, sync::atomic::Ordering};

/// Lines of coverage or absent resources that are gathered before they are written.
const GATHERED: usize = 1000;

impl Collector {
    async fn gather(&self, place: &str, batch: Vec<Found>) -> Result<()> {
        let batch = self.complete(place, batch).await?;
        let count = batch.len() as u64;
        for found in batch.chunk_by(|a, b| a.type_token == b.type_token) {
            let (kind, arrived) = (&found[0].type_token, found.len() as u64);
            self.state().completeness.arrived(kind, place, arrived);
        }
        let mut text = String::new();
        for found in batch {
            // Most are as they were, and their text is only needed for its hash.
            let hash = ingest::state_into(&found.properties, &mut text);
            let key = resource_key(&found.type_token, &found.id);
            if self.compare(key, &found, &hash) == Verdict::Write {
                let item = ingest::item(found, key, text.clone(), hash);
                self.state().gathered.items.push(item);
            }
        }
        self.came(count).await
    }
    /// So many resources were found; what waits is written if there is much of it.
    async fn came(&self, count: u64) -> Result<()> {
        metrics::counter!("pileus_scan_resources_total").increment(count);
        let full = {
            let Gathered { items, marked, printed, .. } = &self.state().gathered;
            items.len() + marked.len() + printed.len() >= self.batch
        };
        if full { self.flush().await } else { Ok(()) }
    }
    /// What was recognised is as it was.
    async fn recall(&self, place: &str, type_token: &str, prints: Vec<Print>) -> Result<()> {
        let count = prints.len() as u64;
        {
            let mut guard = self.state();
            let state = &mut *guard;
            state.completeness.arrived(type_token, place, count);
            for print in &prints {
                // Where something else was found of it meanwhile, that counts.
                let Some((key, verdict, first)) = state.index.recall(print) else { continue };
                state.judged(key, verdict, first);
            }
        }
        self.came(count).await
    }
    /// Compares something that was found with what is known, and counts it.
    fn compare(&self, key: Key, found: &Found, hash: &[u8; 32]) -> Verdict {
        let mut state = self.state();
        let (verdict, first) = state.index.find(key, &found.type_token, hash);
        state.judged(key, verdict, first);
        if let Some(print) = &found.print
            && verdict != Verdict::Write
            && state.index.wants_print(&key)
        {
            state.gathered.printed.push((key, *hash, *print.as_bytes()));
        }
        verdict
    }
    /// Leaves out what can't be kept, and takes over what could not be read this time.
    async fn complete(&self, place: &str, batch: Vec<Found>) -> Result<Vec<Found>> {
        let mut kept = Vec::with_capacity(batch.len());
        for mut found in batch {
            if let Some(why) = ingest::unusable(&found) {
                self.say(format!("One of {} in {place} is left out: {why}", found.type_token));
                self.state().completeness.spoil(&found.type_token, place);
                continue;
            }
            if !found.unread.is_empty() {
                let (org, account) = (self.lease.org, self.subject.account);
                let key = resource_key(&found.type_token, &found.id);
                let read = self.app.store.read(move |tx| pileus_store::insights::ingest::state(tx, org, account, &key));
                ingest::take_over(&mut found, read.await?.as_deref());
            }
            kept.push(found);
        }
        Ok(kept)
    }
    /// A type is done; whether there is much that waits to be written.
    fn done(&self, report: TypeReport) -> bool {
        let mut guard = self.state();
        let state = &mut *guard;
        state.completeness.report(&report);
        state.progress.types_done += 1;
        state.reported.0 += i64::try_from(report.calls).unwrap_or(i64::MAX);
        state.reported.1 += i64::try_from(report.throttles).unwrap_or(i64::MAX);
        if !matches!(report.outcome, TypeOutcome::Listed(_)) {
            *state.others.entry(report.outcome.name().into()).or_default() += 1;
        }
        let mut row = coverage::row(report);
        // Absence is judged here only where no other place can still have more of the type.
        if row.place == self.subject.place && state.completeness.fate(&row.type_token) == Fate::Gone {
            row.settled = true;
            let absent = state.index.missing_of(&row.type_token);
            state.gathered.absent.extend(absent);
            state.settled.insert(row.type_token.clone());
        }
        let more = state.asked(state.reported);
        let line = said(&row, &state.progress);
        state.gathered.coverage.push(row);
        let full = state.gathered.coverage.len() >= GATHERED || state.gathered.absent.len() >= GATHERED;
        drop(guard);
        // Mostly it was counted before, while the type was being listed.
        if more != (0, 0) {
            counted(more);
        }
        if let Some(line) = line {
            self.say(line);
        }
        full
    }
}

/// What the log says of a type: where something was found, and where something went wrong. The rest is in the statement.
fn said(row: &Coverage, progress: &Progress) -> Option<String> {
    let Coverage { type_token, place, outcome, .. } = row;
    match (outcome.as_ref(), row.listed) {
        ("listed", Some(n)) if n > 0 => {
            let (done, total) = (progress.types_done, progress.types_total);
            Some(format!("{type_token} in {place}: {n} found, {} calls ({done} of {total} types)", row.calls))
        }
        ("denied" | "failed" | "throttled", _) => {
            let why = [row.action.as_deref(), row.code.as_deref(), row.message.as_deref()];
            let why: Vec<&str> = why.into_iter().flatten().collect();
            Some(format!("{type_token} in {place}: {outcome} {}", why.join(" ")).trim_end().to_owned())
        }
        _ => None,
    }
}

impl State {
    /// What the index said to something that was found: a mark is taken away, and what is found for the first time is counted.
    fn judged(&mut self, key: Key, verdict: Verdict, first: bool) {
        if verdict == Verdict::Marked {
            self.gathered.marked.push(key);
        }
        *self.progress.resources.get_or_insert(0) += i64::from(first);
    }
    /// So many calls and throttles there were in this attempt, at least; how many more than was known.
    fn asked(&mut self, (calls, throttles): (i64, i64)) -> (u64, u64) {
        let more = |now: &mut i64, all: i64| {
            let more = all.saturating_sub(*now).max(0);
            *now += more;
            u64::try_from(more).unwrap_or(0)
        };
        let before = self.before;
        let calls = more(&mut self.progress.calls, before.0.saturating_add(calls));
        (calls, more(&mut self.progress.throttles, before.1.saturating_add(throttles)))
    }
}

/// So many more calls and throttles.
fn counted((calls, throttles): (u64, u64)) {
    metrics::counter!("pileus_scan_calls_total").increment(calls);
    metrics::counter!("pileus_scan_throttles_total").increment(throttles);
}

impl Sink for Collector {
    fn found<'a>(&'a self, place: &'a str, batch: Vec<Found>) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.gather(place, batch))
    }
    fn knows(&self, print: &Print) -> bool {
        self.state().index.knows(print)
    }
    fn same<'a>(&'a self, place: &'a str, type_token: &'a str, prints: Vec<Print>) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.recall(place, type_token, prints))
    }
    fn report(&self, report: TypeReport) -> BoxFuture<'_, Result<()>> {
        // There are many types of which there is nothing to write yet.
        if self.done(report) { Box::pin(self.flush()) } else { Box::pin(ready(Ok(()))) }
    }
    fn log(&self, line: String) {
        self.step.store(SCAN, Ordering::Relaxed);
        self.say(line);
    }
    fn asked(&self, calls: u64, throttles: u64) {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let more = self.state().asked((number(calls), number(throttles)));
        counted(more);
    }
    fn stopped(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.stop.told())
    }
}
