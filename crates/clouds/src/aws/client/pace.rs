//! Pace: requests per second, for each account, region and API; slower where the cloud says so, faster again up to a ceiling.
//!
//! This room knows rates. It must never know what is sent.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Never slower than one request in two seconds.
const SLOWEST: f64 = 0.5;
/// How many paces are kept before those that nobody uses are dropped.
const MANY: usize = 4096;

/// One API of one account in one region.
type Key = (String, String, String);

/// The paces of everything that is asked.
#[derive(Debug, Default)]
pub(crate) struct Paces(Mutex<HashMap<Key, Arc<Pace>>>);

impl Paces {
    /// The pace of this API, with this ceiling.
    pub(crate) fn of(&self, account: &str, region: &str, api: &str, ceiling: f64) -> Arc<Pace> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() > MANY {
            all.retain(|_, pace| Arc::strong_count(pace) > 1);
        }
        let key = (account.to_owned(), region.to_owned(), api.to_owned());
        Arc::clone(all.entry(key).or_insert_with(|| Arc::new(Pace::new(ceiling))))
    }
}

/// One pace.
#[derive(Debug)]
pub(crate) struct Pace {
    ceiling: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rate: f64,
    /// When the next request is due if all come evenly.
    due: Instant,
    cut: Option<Instant>,
}

impl Pace {
    fn new(ceiling: f64) -> Self {
        let ceiling = ceiling.max(SLOWEST);
        Self { ceiling, state: Mutex::new(State { rate: ceiling, due: Instant::now(), cut: None }) }
    }

    /// Waits for its turn.
    pub(crate) async fn turn(&self) {
        let wait = self.reserve(Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// The cloud said "slower": at most twice a second, since one overload refuses many requests.
    pub(crate) fn slower(&self) {
        self.cut(Instant::now());
    }

    /// The cloud answered.
    pub(crate) fn faster(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.rate = (state.rate + self.ceiling / 100.0).min(self.ceiling);
    }

    fn reserve(&self, now: Instant) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let interval = 1.0 / state.rate;
        let ahead = Duration::from_secs_f64(interval * (self.ceiling / 10.0).max(1.0));
        let due = state.due.max(now);
        state.due = due + Duration::from_secs_f64(interval);
        (due + Duration::from_secs_f64(interval)).saturating_duration_since(now + ahead)
    }

    fn cut(&self, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.cut.is_none_or(|last| now.saturating_duration_since(last) >= Duration::from_millis(500)) {
            state.rate = (state.rate * 0.7).max(SLOWEST);
            state.cut = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the last of so many requests goes, in seconds.
    fn last(pace: &Pace, start: Instant, requests: u32) -> f64 {
        (0..requests).map(|_| pace.reserve(start)).max().unwrap_or_default().as_secs_f64()
    }

    #[tokio::test]
    async fn never_above_the_ceiling() {
        let (pace, start) = (Pace::new(20.0), Instant::now());
        let seconds = last(&pace, start, 202);
        assert!((9.9..=10.2).contains(&seconds), "{seconds}");
    }

    #[tokio::test]
    async fn slower_when_told_and_faster_again() {
        let (pace, start) = (Pace::new(10.0), Instant::now());
        for second in 0..3 {
            pace.cut(start + Duration::from_secs(second));
            pace.cut(start + Duration::from_secs(second));
        }
        let rate = |pace: &Pace| pace.state.lock().map(|s| s.rate).unwrap_or_default();
        assert!((rate(&pace) - 3.43).abs() < 0.01, "{}", rate(&pace));
        (0..1000).for_each(|_| pace.faster());
        assert!((rate(&pace) - 10.0).abs() < 0.01);
        (0..100).for_each(|second| pace.cut(start + Duration::from_secs(10 + second)));
        assert!(rate(&pace) >= SLOWEST);
    }
}
