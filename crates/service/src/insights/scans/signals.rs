//! What a request and the engine of the same process tell each other. All of it may be lost: the engine also looks by itself.

use pileus_model::{Result, ids::ScanId};
use pileus_store::{
    Store,
    insights::leases::{self, Lease},
};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

/// Whether a run is to stop.
#[derive(Debug, Clone)]
pub(super) struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
    /// It is to stop.
    pub fn tell(&self) {
        self.0.send_replace(true);
    }
    /// Returns when it is.
    pub async fn told(&self) {
        // The sender lives as long as this value.
        drop(self.0.subscribe().wait_for(|told| *told).await);
    }
}

/// What is told between requests and the engine.
#[derive(Debug, Default)]
pub struct Signals {
    wake: Notify,
    /// The runs of this process, which are few.
    running: Mutex<Vec<(Lease, Stop)>>,
    /// Held by whoever looks whether they are still ours: when it was looked last.
    looking: tokio::sync::Mutex<Option<Instant>>,
}

/// A poisoned lock only means that another thread panicked; what it guards here may be forgotten.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Signals {
    /// There is work.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
    /// Returns when there is work.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }
    /// A run begins in this process.
    pub(super) fn begin(&self, lease: Lease) -> Stop {
        let stop = Stop::new();
        lock(&self.running).push((lease, stop.clone()));
        stop
    }
    /// It is over.
    pub(super) fn end(&self, stop: &Stop) {
        lock(&self.running).retain(|(_, known)| !Arc::ptr_eq(&known.0, &stop.0));
    }
    /// A run is to stop, if it is this process that works on it.
    pub fn stop(&self, scan: ScanId) {
        lock(&self.running).iter().filter(|(lease, _)| lease.scan == scan).for_each(|(_, stop)| stop.tell());
    }
    /// Looks again and again, for all runs of this process at once, whether they are still its own, and tells those that are not. Does
    /// not return. One of those who call it does it; when that one gives up, another goes on.
    pub(super) async fn look(&self, store: &Store, every: Duration) -> Infallible {
        let mut looked = self.looking.lock().await;
        loop {
            tokio::time::sleep_until(looked.unwrap_or_else(Instant::now) + every).await;
            *looked = Some(Instant::now());
            // A database that is away for a moment is no reason to stop: what can't be written stops a run soon enough.
            let _ = self.look_once(store).await;
        }
    }
    async fn look_once(&self, store: &Store) -> Result<()> {
        let running = lock(&self.running).clone();
        let all: Vec<Lease> = running.iter().map(|(lease, _)| *lease).collect();
        let stand = store.read(move |tx| leases::stand(tx, &all)).await?;
        running.iter().zip(stand).filter(|(_, stands)| !stands).for_each(|((_, stop), _)| stop.tell());
        Ok(())
    }
}
