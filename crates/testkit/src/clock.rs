//! A clock that the test moves.

use pileus_model::{Timestamp, clock::Clock, time::SECOND};
use std::sync::atomic::{AtomicI64, Ordering};

/// Where every [`TestClock`] starts: 2026-11-22T12:00:00Z.
pub const START: Timestamp = Timestamp::from_micros(1_795_348_800 * SECOND);

/// A clock that stands still until it is told otherwise. It may also jump back, as real ones do.
#[derive(Debug)]
pub struct TestClock {
    now: AtomicI64,
    step: AtomicI64,
}

impl Default for TestClock {
    fn default() -> Self {
        Self::at(START)
    }
}

impl TestClock {
    /// A clock that stands at this time.
    pub const fn at(now: Timestamp) -> Self {
        Self { now: AtomicI64::new(now.as_micros()), step: AtomicI64::new(0) }
    }
    /// The same clock, but each look moves it on by so many microseconds.
    #[must_use]
    pub fn stepping(self, micros: i64) -> Self {
        self.step.store(micros, Ordering::SeqCst);
        self
    }
    /// Sets it, forwards or back.
    pub fn set(&self, now: Timestamp) {
        self.now.store(now.as_micros(), Ordering::SeqCst);
    }
    /// Moves it on by microseconds (back if negative).
    pub fn advance_micros(&self, micros: i64) {
        self.now.fetch_add(micros, Ordering::SeqCst);
    }
    /// Moves it on by seconds (back if negative).
    pub fn advance_seconds(&self, seconds: i64) {
        self.advance_micros(seconds * SECOND);
    }
    /// Whole seconds since 1970.
    pub fn seconds(&self) -> i64 {
        self.now().as_seconds()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.fetch_add(self.step.load(Ordering::SeqCst), Ordering::SeqCst))
    }
}
