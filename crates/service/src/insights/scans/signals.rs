//! What a request and the engine of the same process tell each other. All of it may be lost: the engine also looks by itself.

use pileus_model::ids::ScanId;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Notify;

/// Whether a run is to stop.
pub(super) type Stop = Arc<AtomicBool>;

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
        let stop = Stop::default();
        lock(&self.running).insert(scan, Arc::clone(&stop));
        stop
    }
    /// It is over.
    pub(super) fn end(&self, scan: ScanId, stop: &Stop) {
        let mut running = lock(&self.running);
        if running.get(&scan).is_some_and(|known| Arc::ptr_eq(known, stop)) {
            running.remove(&scan);
        }
    }
    /// A run is to stop, if it is this process that works on it.
    pub fn stop(&self, scan: ScanId) {
        if let Some(stop) = lock(&self.running).get(&scan) {
            stop.store(true, Ordering::Relaxed);
        }
    }
}
