//! Where a scan puts what it finds: gathered, and written in parts under the lease.
//!
//! What a type's listing means is written in this order: what was found and what was absent, then that the type is settled. A write
//! that failed is the run's last, so a settled type is never ahead of its findings, and a run that begins anew may leave it out.

use super::signals::Stop;
use crate::{
    App,
    insights::{
        coverage::{Outcomes, summary},
        ingest::{Completeness, Index},
    },
};
use pileus_model::{Error, Result, Timestamp, audit::NewEvent, ids::AccountId};
use pileus_store::{
    Recorded, Tx,
    insights::{
        absent,
        coverage::{self, Coverage, Settled},
        ingest::{self, Item, Key, Scope},
        leases::{self, Lease},
        lines::{self, Line},
        scans::Progress,
    },
    organizations,
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

/// How far ahead a lease's end is written, in seconds. Others don't compare it with their clocks, but watch it change.
const LEASE: i64 = 30;
/// Resources that are written at once, unless the options say otherwise.
pub(super) const BATCH: usize = 500;
/// Rows of one kind in one write.
const PART: usize = 1000;
/// Longest line of a log, in characters.
const MAX_LINE: usize = 4000;

/// What a lost lease is called among ourselves: whoever sees it stops and writes nothing.
pub(super) fn lost() -> Error {
    Error::conflict("the lease of the scan is lost")
}

/// Whose run it is.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub root: AccountId,
    pub account: AccountId,
    /// The one place that is listed; empty where there may be several.
    pub place: String,
}

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub items: Vec<Item>,
    pub marked: Vec<Key>,
    /// What is as it was, by what it is recognised from now on.
    pub printed: Vec<(Key, [u8; 32], ingest::Print)>,
    pub absent: Vec<Key>,
    pub coverage: Vec<Coverage>,
    /// Steps that begin, each when the one before it has succeeded.
    pub steps: Vec<i64>,
    pub lines: Vec<Line>,
}

impl Gathered {
    /// Whether it is lines alone.
    const fn is_said(&self) -> bool {
        let Self { items, marked, printed, absent, coverage, steps, lines: _ } = self;
        items.is_empty()
            && marked.is_empty()
            && printed.is_empty()
            && absent.is_empty()
            && coverage.is_empty()
            && steps.is_empty()
    }
    /// The same in parts of bounded size; what is said of types comes after all that was found.
    fn parts(mut self) -> Vec<Self> {
        let mut parts = Vec::new();
        let full = |n: usize| n > PART;
        while full(self.items.len()) || full(self.marked.len()) || full(self.printed.len()) || full(self.absent.len()) {
            let (items, marked) = (first(&mut self.items), first(&mut self.marked));
            let (printed, absent) = (first(&mut self.printed), first(&mut self.absent));
            parts.push(Self { items, marked, printed, absent, ..Self::default() });
        }
        parts.push(self);
        parts
    }
}

/// At most one part of them.
fn first<T>(all: &mut Vec<T>) -> Vec<T> {
    let rest = all.split_off(all.len().min(PART));
    std::mem::replace(all, rest)
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub index: Index,
    pub completeness: Completeness,
    pub gathered: Gathered,
    pub progress: Progress,
    /// Types of which nothing more is to be written, of this attempt and of those before it.
    pub settled: BTreeSet<String>,
    /// Calls and throttles before this attempt, and of types that are done.
    pub before: (i64, i64),
    pub reported: (i64, i64),
    /// How many types came out otherwise than listed, by outcome.
    pub others: Outcomes,
}

/// The hands of one run: everything that it writes goes through here.
#[derive(Debug)]
pub(super) struct Collector {
    pub app: Arc<App>,
    pub lease: Lease,
    pub subject: Subject,
    pub batch: usize,
    pub step: AtomicI64,
    until: AtomicI64,
    pub stop: Stop,
    state: Mutex<State>,
    /// Held by whoever writes; what went wrong the last time.
    flushing: tokio::sync::Mutex<Option<Error>>,
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
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// A line for the log of the step that runs.
    pub fn line(&self, line: impl Into<String>) -> Line {
        let line = line.into().replace('\0', "").chars().take(MAX_LINE).collect();
        Line { step: self.step.load(Ordering::Relaxed), at: self.app.clock.now(), header: false, line }
    }
    /// Adds a line to the log of the step that runs.
    pub fn say(&self, line: impl Into<String>) {
        let line = self.line(line);
        self.state().gathered.lines.push(line);
    }
    /// The next step begins.
    pub fn enter(&self, step: i64, name: &str) {
        self.step.store(step, Ordering::Relaxed);
        let mut state = self.state();
        state.gathered.steps.push(step);
        state.gathered.lines.push(Line { step, at: Timestamp::EPOCH, header: true, line: name.to_owned() });
    }
    /// Puts what is known of the account where it is compared.
    pub fn remember(&self, index: Index) {
        self.state().index = index;
    }
    /// What attempts before this one have done.
    pub fn resume(&self, before: Progress, settled: Vec<Settled>) {
        let mut state = self.state();
        state.before = (before.calls, before.throttles);
        state.progress.calls = before.calls;
        state.progress.throttles = before.throttles;
        state.progress.types_done = i64::try_from(settled.len()).unwrap_or(i64::MAX);
        state.progress.resources = (!settled.is_empty()).then(|| settled.iter().map(|kind| kind.listed).sum());
        state.settled = settled.into_iter().map(|kind| kind.type_token).collect();
    }
    /// The types that are settled.
    pub fn settled(&self) -> BTreeSet<String> {
        self.state().settled.clone()
    }
    /// So many types are to be listed, in all.
    pub fn expect(&self, types: usize) {
        self.state().progress.types_total = i64::try_from(types).unwrap_or(i64::MAX);
    }
    /// How far the run is.
    pub fn progress(&self) -> Progress {
        self.state().progress
    }
    /// Takes what must be known to judge absence, and how the types came out that were not listed.
    pub fn take_index(&self) -> (Index, Completeness, Outcomes) {
        let mut state = self.state();
        let (index, completeness) = (std::mem::take(&mut state.index), std::mem::take(&mut state.completeness));
        (index, completeness, std::mem::take(&mut state.others))
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
        let lease = self.lease;
        Scope {
            org: lease.org,
            root: self.subject.root,
            account: self.subject.account,
            scan: Some(lease.scan),
            now: self.app.clock.now(),
        }
    }
    /// Writes under the lease: the sign of life, with how far the run is, comes first.
    ///
    /// # Errors
    /// [`lost`] where the lease is lost, `Unavailable` where the database can't.
    pub async fn write<T: Send + 'static>(
        &self,
        f: impl FnMut(&mut dyn Tx, &Scope) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let progress = self.progress();
        self.write_with(progress, false, f).await
    }
    /// The same with this progress; with `on` the run got on.
    async fn write_with<T: Send + 'static>(
        &self,
        progress: Progress,
        on: bool,
        mut f: impl FnMut(&mut dyn Tx, &Scope) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (lease, until, scope) = (self.lease, self.until(), self.scope());
        let written = self.app.store.write(move |tx| {
            if !leases::renew_with(tx, &lease, until, &progress, on, scope.now)? {
                return Ok(Recorded::unaudited(None, "nothing was changed"));
            }
            let value = f(tx, &scope)?;
            Ok(Recorded::unaudited(Some(value), "the start of the scan was recorded; this is its work"))
        });
        written.await?.ok_or_else(lost)
    }
    /// As [`Collector::write`], for what concerns the organisation and is recorded. The organisation's lock comes before the run's, as
    /// everywhere.
    ///
    /// # Errors
    /// As [`Collector::write`].
    pub async fn write_recorded<T: Send + 'static>(
        &self,
        mut f: impl FnMut(&mut dyn Tx, &Scope) -> Result<(T, Vec<NewEvent>)> + Send + 'static,
    ) -> Result<T> {
        let (lease, until, scope) = (self.lease, self.until(), self.scope());
        let written = self.app.store.write(move |tx| {
            organizations::lock(tx, lease.org)?;
            if !leases::renew(tx, &lease, until, scope.now)? {
                return Ok(Recorded::unaudited(None, "nothing was changed"));
            }
            let (value, events) = f(tx, &scope)?;
            if events.is_empty() {
                return Ok(Recorded::unaudited(Some(value), "nothing was changed"));
            }
            Ok(Recorded::with_all(Some(value), events))
        });
        written.await?.ok_or_else(lost)
    }
    /// Writes what was gathered and how far the run is. Once that failed it fails for good.
    ///
    /// # Errors
    /// As [`Collector::write`].
    pub async fn flush(&self) -> Result<()> {
        // One at a time, so that what is written later was gathered later.
        let mut broken = self.flushing.lock().await;
        if let Some(error) = &*broken {
            return Err(error.clone());
        }
        let (gathered, progress) = {
            let mut state = self.state();
            (std::mem::take(&mut state.gathered), state.progress)
        };
        for mut part in gathered.parts() {
            // In the order in which they lie in the database; what came twice stays in its own.
            part.items.sort_by_key(|item| item.key);
            part.coverage.sort_by(|a, b| (&a.place, &a.type_token).cmp(&(&b.place, &b.type_token)));
            let outcomes = summary(&part.coverage);
            match self.write_part(Arc::new(part), progress).await {
                Ok(versions) => metrics::counter!("pileus_scan_versions_total").increment(versions),
                Err(error) => return Err(broken.insert(error).clone()),
            }
            for (outcome, types) in outcomes {
                metrics::counter!("pileus_scan_types_total", "outcome" => outcome).increment(types);
            }
        }
        Ok(())
    }
    /// Writes what was gathered, but for lines that nothing else goes with: those are to be written with what comes next.
    ///
    /// # Errors
    /// As [`Collector::flush`].
    pub async fn rest(&self) -> Result<Vec<Line>> {
        if !self.state().gathered.is_said() {
            self.flush().await?;
        }
        let broken = self.flushing.lock().await;
        match &*broken {
            Some(error) => Err(error.clone()),
            None => Ok(std::mem::take(&mut self.state().gathered.lines)),
        }
    }
    /// How many versions it made.
    async fn write_part(&self, part: Arc<Gathered>, progress: Progress) -> Result<u64> {
        let scan = self.lease.scan;
        let on = part.coverage.iter().any(|row| row.settled);
        let written = self.write_with(progress, on, move |tx, scope| {
            for key in &part.marked {
                ingest::seen(tx, scope, key)?;
            }
            ingest::print(tx, scope, &part.printed)?;
            let versions = ingest::put_all(tx, scope, &part.items)?;
            absent::add(tx, scan, &part.absent)?;
            coverage::put(tx, scan, &part.coverage, scope.now)?;
            for step in &part.steps {
                lines::begin_step(tx, scan, *step, scope.now)?;
            }
            lines::append(tx, scan, &part.lines)?;
            Ok(versions)
        });
        written.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_bounded_and_types_come_last() {
        let row = Coverage {
            place: "p".into(),
            type_token: "t".into(),
            outcome: "listed".into(),
            listed: Some(1),
            action: None,
            code: None,
            message: None,
            calls: 0,
            micros: 0,
            settled: true,
        };
        let many = |n: u32| (0..n).map(|n| u128::from(n).to_be_bytes()).collect::<Vec<Key>>();
        let all = Gathered { marked: many(2500), absent: many(1001), coverage: vec![row], ..Gathered::default() };
        let parts = all.parts();
        let sizes: Vec<_> = parts.iter().map(|p| (p.marked.len(), p.absent.len(), p.coverage.len())).collect();
        assert_eq!(sizes, [(1000, 1000, 0), (1000, 1, 0), (500, 0, 1)]);
        assert_eq!(parts.iter().flat_map(|part| part.marked.clone()).collect::<Vec<_>>(), many(2500));
        assert_eq!(
            Gathered::default().parts().len(),
            1,
            "the sign of life is written also where there is nothing else"
        );
    }
}
