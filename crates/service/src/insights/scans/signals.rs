//! What a request and the engine of the same process tell each other. All of it may be lost: the engine also looks by itself.

use pileus_model::ids::ScanId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, watch};

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
    /// Whether it is.
    pub fn is_told(&self) -> bool {
        *self.0.borrow()
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
    running: Mutex<HashMap<ScanId, Stop>>,
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
    pub(super) fn begin(&self, scan: ScanId) -> Stop {
        let stop = Stop::new();
        lock(&self.running).insert(scan, stop.clone());
        stop
    }
    /// It is over.
    pub(super) fn end(&self, scan: ScanId, stop: &Stop) {
        let mut running = lock(&self.running);
        if running.get(&scan).is_some_and(|known| Arc::ptr_eq(&known.0, &stop.0)) {
            running.remove(&scan);
        }
    }
    /// A run is to stop, if it is this process that works on it.
    pub fn stop(&self, scan: ScanId) {
        if let Some(stop) = lock(&self.running).get(&scan) {
            stop.tell();
        }
    }
}
