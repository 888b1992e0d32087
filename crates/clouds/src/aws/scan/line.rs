//! One line of the coverage statement while it is being made.
//!
//! This room knows counts and the first problem. It must never know what was asked.

use crate::value::Value;
use crate::{TypeOutcome, TypeReport, aws::client::Tally};
use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::time::Instant;

/// So many denials in a row, and nothing else, and a follow-up read is not tried any more.
const ENOUGH: u32 = 20;

/// A type in a place, under way.
#[derive(Debug)]
pub(crate) struct Line {
    token: String,
    pub(crate) tally: Tally,
    found: AtomicU64,
    problem: Mutex<Option<TypeOutcome>>,
    denials: Mutex<HashMap<String, u32>>,
    parents: Mutex<Vec<Value>>,
    started: Instant,
}

impl Line {
    /// Begins now.
    pub(crate) fn new(token: &str) -> Self {
        Self {
            token: token.to_owned(),
            tally: Tally::default(),
            found: AtomicU64::new(0),
            problem: Mutex::default(),
            denials: Mutex::default(),
            parents: Mutex::default(),
            started: Instant::now(),
        }
    }

    /// So many more.
    pub(crate) fn add(&self, found: usize) {
        self.found.fetch_add(u64::try_from(found).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Something that keeps it from being complete; the first stays.
    pub(crate) fn problem(&self, outcome: TypeOutcome) {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(outcome);
    }

    /// The problem, if there is one.
    pub(crate) fn trouble(&self) -> Option<TypeOutcome> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a read was only ever denied, and often.
    pub(crate) fn hopeless(&self, operation: &str) -> bool {
        let denials = self.denials.lock().unwrap_or_else(PoisonError::into_inner);
        denials.get(operation).is_some_and(|n| *n >= ENOUGH)
    }

    /// How a read ended, for [`Line::hopeless`]: a single success and it never is.
    pub(crate) fn tried(&self, operation: &str, denied: bool) {
        let mut denials = self.denials.lock().unwrap_or_else(PoisonError::into_inner);
        let count = denials.entry(operation.to_owned()).or_default();
        match (denied, *count) {
            (false, _) => *count = 0,
            (true, n) => *count = n.saturating_add(1),
        }
    }

    /// Keeps what others are listed below.
    pub(crate) fn keep(&self, items: impl Iterator<Item = Value>) {
        self.parents.lock().unwrap_or_else(PoisonError::into_inner).extend(items);
    }

    /// What others are listed below; taken once.
    pub(crate) fn parents(&self) -> Vec<Value> {
        std::mem::take(&mut self.parents.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends now.
    pub(crate) fn report(self, place: &str) -> TypeReport {
        let found = self.found.load(Ordering::Relaxed);
        let problem = self.problem.into_inner().unwrap_or_else(PoisonError::into_inner);
        TypeReport {
            type_token: self.token,
            place: place.to_owned(),
            outcome: problem.unwrap_or(TypeOutcome::Listed(found)),
            calls: self.tally.calls.load(Ordering::Relaxed),
            throttles: self.tally.throttles.load(Ordering::Relaxed),
            micros: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }
}
