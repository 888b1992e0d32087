//! The reconciler: starts what is due and works on what nobody works on. Any number of nodes may run it.
//!
//! Whether a node is silent is judged by watching its sign of life change, by this node's own clock, and not by comparing clocks:
//! a node whose clock is wrong neither loses its runs nor takes another's.

use super::{
    run::{Tools, run},
    scanner::{Opener, Scanners},
};
use crate::{App, insights::schedule};
use pileus_model::{Result, Timestamp, ids::ScanId};
use pileus_store::{
    Recorded,
    insights::leases::{self, Lease, Waiting},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, task::JoinSet};

/// How often the engine looks for work when nobody wakes it.
const PERIOD: Duration = Duration::from_secs(5);
/// Runs that are looked at in one round.
const ROUND: i64 = 1000;
/// How often a run looks whether it is still ours: four of these and the rest of a cancel fit into a second, and so do the signs of
/// life of ten nodes into what a database bears.
const LOOK: Duration = Duration::from_millis(400);
/// In how many rounds a sign of life must have stayed the same.
const ROUNDS: u32 = 3;

/// How an engine works.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The node's name in logs and leases; must differ between nodes. What a node of this name held when this one begins is free at
    /// once: it was this one in an earlier life.
    pub node: String,
    /// Nobody else can use the database: whatever is held when this node begins is free at once.
    pub alone: bool,
    /// Runs at once.
    pub at_once: usize,
    /// After how many seconds without a sign of life a node has lost its runs.
    pub silence: i64,
    /// How often a run looks whether it was canceled or taken over. It writes at every fifth look, and says how far it is at every
    /// eightieth.
    pub look: Duration,
}

impl EngineConfig {
    /// The usual: eight runs at once, half a minute of silence.
    pub fn new(node: impl Into<String>) -> Self {
        Self { node: node.into(), alone: false, at_once: 8, silence: 30, look: LOOK }
    }
}

/// A sign of life, and since when it is the same.
#[derive(Debug, Clone, Copy)]
struct Watched {
    fence: i64,
    lease_until: i64,
    since: Timestamp,
    rounds: u32,
}

/// The reconciler of one node. Dropping it stops its runs where they are, as a crash would.
#[derive(Debug)]
pub struct Engine {
    tools: Tools,
    config: EngineConfig,
    watched: Mutex<HashMap<ScanId, Watched>>,
    runs: Mutex<JoinSet<()>>,
    last: Mutex<Option<Timestamp>>,
    reclaimed: Mutex<bool>,
    closing: watch::Sender<bool>,
}

/// A poisoned lock only means that another thread panicked; what it guards here is a memory.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// An engine that does nothing yet.
    pub fn new(app: Arc<App>, opener: Arc<dyn Opener>, scanners: Arc<dyn Scanners>, config: EngineConfig) -> Self {
        let tools = Tools { app, opener, scanners, node: config.node.as_str().into(), look: config.look };
        Self {
            tools,
            config,
            watched: Mutex::default(),
            runs: Mutex::default(),
            last: Mutex::default(),
            reclaimed: Mutex::default(),
            closing: watch::Sender::new(false),
        }
    }
    /// Works until `shutdown` turns true (or its sender is dropped), then gives its runs back.
    pub async fn run(&self, mut shutdown: watch::Receiver<bool>) {
        loop {
            if let Err(error) = self.tick().await {
                metrics::counter!("pileus_background_failures_total", "work" => "scans").increment(1);
                tracing::warn!(%error, "a round of scans failed; it is tried again");
            }
            tokio::select! {
                () = tokio::time::sleep(PERIOD) => {}
                () = self.tools.app.scans.woken() => {}
                () = async { drop(shutdown.wait_for(|stop| *stop).await) } => break,
            }
        }
        self.close().await;
    }
    /// One round: starts what is due and takes what nobody works on. How many runs it took.
    ///
    /// # Errors
    /// `Unavailable` where the database can't; the next round goes on.
    pub async fn tick(&self) -> Result<usize> {
        let app = &self.tools.app;
        self.reclaim().await?;
        let now = app.clock.now();
        let last = lock(&self.last).replace(now);
        if last.is_none_or(|last| now < last) {
            schedule::correct(app).await?;
        }
        schedule::tick(app).await?;
        let waiting = app.store.read(|tx| leases::waiting(tx, ROUND)).await?;
        let free = self.free(&waiting, app.clock.now());
        let mut taken = 0;
        for seen in free {
            if *self.closing.borrow() || self.busy() >= self.config.at_once {
                break;
            }
            if let Some(lease) = self.claim(seen).await? {
                self.spawn(lease);
                taken += 1;
            }
        }
        Ok(taken)
    }
    /// Once, before it takes anything: frees what this node held in an earlier life. Where leases are watched for silence they are found
    /// in half a minute; a node that knows that its former self is dead need not wait.
    async fn reclaim(&self) -> Result<()> {
        if *lock(&self.reclaimed) {
            return Ok(());
        }
        let (node, all, now) = (Arc::clone(&self.tools.node), self.config.alone, self.tools.app.clock.now());
        let freed = self.tools.app.store.write(move |tx| {
            let freed = leases::reclaim(tx, &node, all, now)?;
            Ok(Recorded::unaudited(
                freed,
                "the starts of these scans were recorded; this says that nobody works on them",
            ))
        });
        let freed = freed.await?;
        *lock(&self.reclaimed) = true;
        if freed > 0 {
            tracing::info!(scans = freed, "scans that were interrupted by the end of this node go on");
        }
        Ok(())
    }
    /// Those that nobody works on. Remembers the others' signs of life.
    fn free(&self, waiting: &[Waiting], now: Timestamp) -> Vec<Waiting> {
        let mut watched = lock(&self.watched);
        let mut next = HashMap::with_capacity(waiting.len());
        let mut free = Vec::new();
        for seen in waiting {
            if seen.lease_until == 0 {
                free.push(seen.clone());
                continue;
            }
            let same = watched.get(&seen.scan).filter(|w| w.fence == seen.fence && w.lease_until == seen.lease_until);
            // A clock that was put back starts the wait anew.
            let mut watch = same.copied().filter(|w| w.since <= now).unwrap_or(Watched {
                fence: seen.fence,
                lease_until: seen.lease_until,
                since: now,
                rounds: 0,
            });
            watch.rounds += 1;
            if watch.rounds >= ROUNDS && now >= watch.since.plus_seconds(self.config.silence) {
                free.push(seen.clone());
            }
            next.insert(seen.scan, watch);
        }
        *watched = next;
        free
    }
    async fn claim(&self, seen: Waiting) -> Result<Option<Lease>> {
        let (node, app) = (Arc::clone(&self.tools.node), &self.tools.app);
        let now = app.clock.now();
        let claimed = app.store.write(move |tx| {
            let lease = leases::claim(tx, &seen, &node, now.plus_seconds(1), now)?;
            Ok(Recorded::unaudited(lease, "the start of the scan was recorded; this says who works on it"))
        });
        claimed.await
    }
    fn spawn(&self, lease: Lease) {
        let (tools, closing) = (self.tools.clone(), self.closing.subscribe());
        let mut runs = lock(&self.runs);
        while runs.try_join_next().is_some() {}
        runs.spawn(async move {
            let app = Arc::clone(&tools.app);
            let stop = app.scans.begin(lease);
            metrics::gauge!("pileus_scans_running").increment(1.0);
            run(tools, lease, stop.clone(), closing).await;
            metrics::gauge!("pileus_scans_running").decrement(1.0);
            app.scans.end(&stop);
            // There may be more that waits for a free hand.
            app.scans.wake();
        });
    }
    /// How many runs this node works on.
    pub fn busy(&self) -> usize {
        let mut runs = lock(&self.runs);
        while runs.try_join_next().is_some() {}
        runs.len()
    }
    /// Returns when this node works on nothing.
    pub async fn idle(&self) {
        loop {
            // Runs that are begun while these are waited for are new entries: they are waited for in the next turn.
            let mut runs = std::mem::take(&mut *lock(&self.runs));
            if runs.is_empty() {
                return;
            }
            while runs.join_next().await.is_some() {}
        }
    }
    /// Gives back what it works on, and returns when that is done.
    pub async fn close(&self) {
        self.closing.send_replace(true);
        self.idle().await;
    }
}
