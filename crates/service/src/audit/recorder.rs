//! What is remembered between requests so that equal events are recorded once: denials within a minute, reads of the log
//! within a quarter of an hour. All of it may be forgotten at any time: the worst that follows is one event more.

use crate::{App, Cx};
use pileus_model::{
    Result, Timestamp,
    audit::{EventType, LogId, NewEvent, Outcome, Target},
    ids::TokenId,
};
use pileus_store::Recorded;
use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::Semaphore, task::JoinSet};

/// Distinct denials remembered at most; beyond it each one is recorded by itself.
const MAX_DENIALS: usize = 10_000;
/// Distinct readers remembered at most; beyond it the memory starts anew.
const MAX_READERS: usize = 10_000;

/// Caller, operation, target and minute: what makes two denials equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct DenialKey {
    log: LogId,
    token: Option<TokenId>,
    operation: Cow<'static, str>,
    target: String,
    minute: i64,
}

#[derive(Debug)]
struct Denial {
    /// The event as it was recorded for the first one.
    event: NewEvent,
    /// Equal ones since then, not yet recorded.
    more: i64,
}

/// The memory.
#[derive(Debug)]
pub struct Recorder {
    denials: Mutex<HashMap<DenialKey, Denial>>,
    reads: Mutex<HashMap<(LogId, String), Timestamp>>,
    writing: Mutex<JoinSet<()>>,
    pub(super) slots: super::export::Slots,
    /// Exports share a bounded part of the machine, so that pages stay quick while they run.
    pub(super) export_cpu: Arc<Semaphore>,
}

impl Default for Recorder {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            denials: Mutex::default(),
            reads: Mutex::default(),
            writing: Mutex::default(),
            slots: super::export::Slots::default(),
            export_cpu: Arc::new(Semaphore::new((cores / 2).max(1))),
        }
    }
}

/// A poisoned lock only means that another thread panicked; what it guards here is a memory that may be forgotten.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    /// Whether this reader's last recorded read lies less than `window` seconds back. Only a memory: the store decides.
    pub(super) fn read_lately(&self, log: LogId, reader: &str, now: Timestamp, window: i64) -> bool {
        lock(&self.reads).get(&(log, reader.to_owned())).is_some_and(|at| now < at.plus_seconds(window))
    }
    /// Remembers that the store holds a record of this reader at this time.
    pub(super) fn remember_read(&self, log: LogId, reader: String, at: Timestamp) {
        let mut reads = lock(&self.reads);
        if reads.len() >= MAX_READERS {
            reads.clear();
        }
        reads.insert((log, reader), at);
    }
    /// Writes an event off the reply's path.
    fn write_later(&self, app: Arc<App>, event: NewEvent) {
        let mut writing = lock(&self.writing);
        while writing.try_join_next().is_some() {}
        writing.spawn(async move { write_event(&app, event).await });
    }
    /// Returns when everything that was to be written off a reply's path has been.
    pub async fn settled(&self) {
        let mut writing = std::mem::take(&mut *lock(&self.writing));
        while writing.join_next().await.is_some() {}
    }
}

/// Records that a caller inside the organisation was refused. Does not wait: the first denial of its kind in a minute is
/// written off the reply's path, equal ones in the same minute are counted and recorded together by [`flush`].
pub fn denied(cx: &Cx, event: EventType, target: Target, message: &str) {
    let Ok(org) = cx.org() else { return };
    let mut new = cx.event_in(org.log, event, target, String::new());
    new.outcome = Outcome::Denied;
    new.description = format!("Denied {} on \"{}\": {message}", cx.request.operation, new.target.name);
    let key = DenialKey {
        log: org.log,
        token: new.actor.token,
        operation: cx.request.operation.clone(),
        target: new.target.name.clone(),
        minute: cx.now().as_seconds().div_euclid(60),
    };
    metrics::counter!("pileus_denials_total", "event" => event.id()).increment(1);
    {
        let mut denials = lock(&cx.app.recorder.denials);
        if let Some(known) = denials.get_mut(&key) {
            known.more += 1;
            return;
        }
        if denials.len() < MAX_DENIALS {
            denials.insert(key, Denial { event: new.clone(), more: 0 });
        }
    }
    cx.app.recorder.write_later(Arc::clone(&cx.app), new);
}

/// Records the counted denials of minutes that are over; with `all` those of the current one too (before the process
/// ends), and waits for everything that is still being written. Called by the background loop.
pub async fn flush(app: &Arc<App>, all: bool) {
    let minute = app.clock.now().as_seconds().div_euclid(60);
    let over: Vec<NewEvent> = {
        let mut denials = lock(&app.recorder.denials);
        let keys: Vec<DenialKey> = denials.keys().filter(|k| all || k.minute != minute).cloned().collect();
        keys.iter().filter_map(|k| denials.remove(k)).filter(|d| d.more > 0).map(summary).collect()
    };
    for event in over {
        write_event(app, event).await;
    }
    if all {
        app.recorder.settled().await;
    }
}

/// The event that stands for the equal denials after the first.
fn summary(denial: Denial) -> NewEvent {
    let mut event = denial.event;
    event.count = denial.more;
    event.description = format!("{} ({} more times in the same minute)", event.description, denial.more);
    event
}

async fn write_event(app: &Arc<App>, event: NewEvent) {
    let written: Result<()> = app.store.write(move |_| Ok(Recorded::new((), event.clone()))).await;
    if let Err(error) = written {
        metrics::counter!("pileus_audit_write_failures_total").increment(1);
        tracing::error!(%error, "a denial could not be recorded");
    }
}
