//! Where a scan puts what it finds: compared with what is known, gathered, written in batches under the lease.

use super::{SCAN, signals::Stop};
use crate::{
    App,
    insights::{
        coverage,
        ingest::{self, Completeness, Index, Verdict},
    },
};
use pileus_clouds::{BoxFuture, Found, Sink, TypeReport};
use pileus_model::{Error, Result, Timestamp, ids::AccountId, insights::resource_key};
use pileus_store::{
    Recorded, Tx,
    insights::{
        coverage::Coverage,
        ingest::{Item, Key, Put, Scope},
        leases::{self, Lease},
        lines::{self, Line},
        scans::Progress,
    },
};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, Ordering},
};

/// How far ahead a lease's end is written, in seconds. Others don't compare it with their clocks, but watch it change.
const LEASE: i64 = 30;
/// Resources that are written at once, unless the options say otherwise.
pub(super) const BATCH: usize = 250;
/// Lines of coverage or log that are gathered before they are written.
const GATHERED: usize = 300;
/// Longest line of a log, in characters.
const MAX_LINE: usize = 4000;

/// What a lost lease is called among ourselves: whoever sees it stops and writes nothing.
pub(super) fn lost() -> Error {
    Error::conflict("the lease of the scan is lost")
}

/// Whose run it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    pub root: AccountId,
    pub account: AccountId,
}

#[derive(Debug, Default)]
struct Gathered {
    items: Vec<Item>,
    marked: Vec<Key>,
    coverage: Vec<Coverage>,
    lines: Vec<Line>,
}

#[derive(Debug, Default)]
struct State {
    index: Index,
    completeness: Completeness,
    gathered: Gathered,
    progress: Progress,
}

/// The hands of one run: everything that it writes goes through here.
#[derive(Debug)]
pub(super) struct Collector {
    pub app: Arc<App>,
    pub lease: Lease,
    pub subject: Subject,
    batch: usize,
    step: AtomicI64,
    until: AtomicI64,
    stop: Stop,
    state: Mutex<State>,
    flushing: tokio::sync::Mutex<()>,
}

impl Collector {
    pub fn new(app: Arc<App>, lease: Lease, subject: Subject, batch: usize, stop: Stop) -> Self {
        Self {
            app,
            lease,
            subject,
            batch,
            step: AtomicI64::new(0),
            until: AtomicI64::new(0),
            stop,
            state: Mutex::default(),
            flushing: tokio::sync::Mutex::default(),
        }
    }
    /// A poisoned lock means that a task of this run panicked; the run ends by that.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Adds a line to the log of the step that runs.
    pub fn say(&self, line: impl Into<String>) {
        let line = line.into().replace('\0', "").chars().take(MAX_LINE).collect();
        let line = Line { step: self.step.load(Ordering::Relaxed), at: self.app.clock.now(), header: false, line };
        self.state().gathered.lines.push(line);
    }
    /// The next step begins.
    pub fn enter(&self, step: i64, name: &str) {
        self.step.store(step, Ordering::Relaxed);
        self.state().gathered.lines.push(Line { step, at: Timestamp::EPOCH, header: true, line: name.to_owned() });
    }
    /// Puts what is known of the account where it is compared.
    pub fn remember(&self, index: Index) {
        self.state().index = index;
    }
    /// So many types are to be listed.
    pub fn expect(&self, types: usize) {
        self.state().progress.types_total = i64::try_from(types).unwrap_or(i64::MAX);
    }
    /// How far the run is.
    pub fn progress(&self) -> Progress {
        self.state().progress
    }
    /// Takes what must be known to judge absence.
    pub fn take_index(&self) -> (Index, Completeness) {
        let mut state = self.state();
        (std::mem::take(&mut state.index), std::mem::take(&mut state.completeness))
    }
    /// The end of the lease that is written next: later than any before, also if the clock stands or goes back.
    pub fn until(&self) -> Timestamp {
        let wanted = self.app.clock.now().plus_seconds(LEASE).as_micros();
        let last = self.until.fetch_max(wanted, Ordering::Relaxed);
        if last < wanted {
            return Timestamp::from_micros(wanted);
        }
        Timestamp::from_micros(self.until.fetch_add(1, Ordering::Relaxed) + 1)
    }
    /// The scope of what is written now.
    pub fn scope(&self) -> Scope {
        let (lease, subject) = (self.lease, self.subject);
        Scope {
            org: lease.org,
            root: subject.root,
            account: subject.account,
            scan: Some(lease.scan),
            now: self.app.clock.now(),
        }
    }
    /// Writes under the lease: the sign of life comes first.
    ///
    /// # Errors
    /// [`lost`] where the lease is lost, `Unavailable` where the database can't.
    pub async fn write<T: Send + 'static>(
        &self,
        mut f: impl FnMut(&mut dyn Tx, &Scope) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (lease, until, scope) = (self.lease, self.until(), self.scope());
        let written = self.app.store.write(move |tx| {
            if !leases::renew(tx, &lease, until, scope.now)? {
                return Ok(Recorded::unaudited(None, "nothing was changed"));
            }
            let value = f(tx, &scope)?;
            Ok(Recorded::unaudited(Some(value), "the start of the scan was recorded; this is its work"))
        });
        written.await?.ok_or_else(lost)
    }
    /// Writes what was gathered and how far the run is.
    ///
    /// # Errors
    /// As [`Collector::write`].
    pub async fn flush(&self) -> Result<()> {
        // One at a time, so that lines stay in order.
        let _turn = self.flushing.lock().await;
        let (gathered, progress) = {
            let mut state = self.state();
            (Arc::new(std::mem::take(&mut state.gathered)), state.progress)
        };
        let lease = self.lease;
        let versions = self.write(move |tx, scope| {
            let mut versions = 0_u64;
            for key in &gathered.marked {
                pileus_store::insights::ingest::seen(tx, scope, key)?;
            }
            for item in &gathered.items {
                let put = pileus_store::insights::ingest::put(tx, scope, item)?;
                versions += u64::from(put != Put::Unchanged);
            }
            pileus_store::insights::coverage::put(tx, lease.scan, &gathered.coverage, scope.now)?;
            lines::append(tx, lease.scan, &gathered.lines)?;
            leases::progress(tx, &lease, &progress)?;
            Ok(versions)
        });
        metrics::counter!("pileus_scan_versions_total").increment(versions.await?);
        Ok(())
    }
    async fn gather(&self, place: &str, batch: Vec<Found>) -> Result<()> {
        let batch = self.complete(place, batch).await?;
        let count = batch.len() as u64;
        let full = {
            // What costs time is done before the lock is taken.
            let ready: Vec<_> = batch
                .into_iter()
                .map(|found| {
                    let (state, hash) = ingest::state_of(&found.properties);
                    (resource_key(&found.type_token, &found.id), state, hash, found)
                })
                .collect();
            let mut state = self.state();
            for (key, text, hash, found) in ready {
                state.completeness.arrived(&found.type_token, place, 1);
                let (verdict, first) = state.index.find(key, &found.type_token, &hash);
                match verdict {
                    Verdict::Same => {}
                    Verdict::Marked => state.gathered.marked.push(key),
                    Verdict::Write => state.gathered.items.push(ingest::item(found, text, hash)),
                }
                let seen = state.progress.resources.get_or_insert(0);
                *seen += i64::from(first);
            }
            state.gathered.items.len() + state.gathered.marked.len() >= self.batch
        };
        metrics::counter!("pileus_scan_resources_total").increment(count);
        if full { self.flush().await } else { Ok(()) }
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
    async fn done(&self, report: TypeReport) -> Result<()> {
        let row = coverage::row(&report);
        if row.outcome != "listed" {
            let why = [row.action.as_deref(), row.code.as_deref(), row.message.as_deref()];
            let why: Vec<&str> = why.into_iter().flatten().collect();
            self.say(
                format!("{} in {}: {} {}", row.type_token, row.place, row.outcome, why.join(" ")).trim_end().to_owned(),
            );
        }
        metrics::counter!("pileus_scan_calls_total").increment(report.calls);
        metrics::counter!("pileus_scan_throttles_total").increment(report.throttles);
        metrics::counter!("pileus_scan_types_total", "outcome" => row.outcome.clone()).increment(1);
        let full = {
            let mut state = self.state();
            state.completeness.report(&report);
            let progress = &mut state.progress;
            progress.types_done += 1;
            progress.calls = progress.calls.saturating_add(row.calls);
            progress.throttles = progress.throttles.saturating_add(i64::try_from(report.throttles).unwrap_or(i64::MAX));
            state.gathered.coverage.push(row);
            state.gathered.coverage.len() >= GATHERED
        };
        if full { self.flush().await } else { Ok(()) }
    }
}

impl Sink for Collector {
    fn found<'a>(&'a self, place: &'a str, batch: Vec<Found>) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.gather(place, batch))
    }
    fn report(&self, report: TypeReport) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.done(report))
    }
    fn log(&self, line: String) {
        self.step.store(SCAN, Ordering::Relaxed);
        self.say(line);
    }
    fn canceled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
