//! Rate limits: how often one key (a token, an address) may ask.
//!
//! A key costs one number: the time at which it would be back at nothing (the generic cell rate algorithm). Keys that are
//! back at nothing are forgotten, so memory is bounded by who asks, not by who ever asked. This room knows time as an
//! argument; it must never know what the keys mean.

use pileus_model::Timestamp;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// With so many keys idle ones are looked for; after that only when their number has doubled again.
const PRUNE_AT: usize = 4096;

/// Limits each key to so many per period, with a burst.
#[derive(Debug)]
pub struct Limiter<K> {
    /// Microseconds that one costs.
    interval: i64,
    /// Microseconds that may be owed.
    window: i64,
    state: Mutex<State<K>>,
}

#[derive(Debug)]
struct State<K> {
    /// When the key is back at nothing, in microseconds.
    owed_until: HashMap<K, i64>,
    prune_at: usize,
}

impl<K: Eq + Hash> Limiter<K> {
    /// `count` per `period_micros`, and at most `burst` at once. A count of 0 forbids nothing.
    pub fn new(count: u32, period_micros: i64, burst: u32) -> Self {
        let interval = if count == 0 { 0 } else { (period_micros / i64::from(count)).max(1) };
        Self {
            interval,
            window: interval.saturating_mul(i64::from(burst.max(1))),
            state: Mutex::new(State { owed_until: HashMap::new(), prune_at: PRUNE_AT }),
        }
    }
    /// Takes one for this key.
    ///
    /// # Errors
    /// Seconds to wait, at least 1, where the key has none left.
    pub fn take(&self, key: K, now: Timestamp) -> Result<(), u64> {
        let mut state = self.state();
        let owed = self.owed(&mut state, &key, now);
        self.check(owed)?;
        self.charge(&mut state, key, owed, now);
        Ok(())
    }
    /// Whether this key has one left, without taking it.
    ///
    /// # Errors
    /// As [`Limiter::take`].
    pub fn peek(&self, key: &K, now: Timestamp) -> Result<(), u64> {
        self.check(self.owed(&mut self.state(), key, now))
    }
    /// Takes one for this key even if there is none left; the debt does not grow beyond the burst.
    pub fn punish(&self, key: K, now: Timestamp) {
        let mut state = self.state();
        let owed = self.owed(&mut state, &key, now).min(self.window - self.interval);
        self.charge(&mut state, key, owed, now);
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// What the key owes, in microseconds. More than the whole window can only be owed after the clock was set back:
    /// then the debt is cut to the window.
    fn owed(&self, state: &mut State<K>, key: &K, now: Timestamp) -> i64 {
        let Some(until) = state.owed_until.get_mut(key) else { return 0 };
        *until = (*until).min(now.as_micros().saturating_add(self.window));
        until.saturating_sub(now.as_micros()).max(0)
    }
    fn check(&self, owed: i64) -> Result<(), u64> {
        let over = owed.saturating_add(self.interval) - self.window;
        if self.interval == 0 || over <= 0 {
            return Ok(());
        }
        Err(u64::try_from(over).unwrap_or(0).div_ceil(1_000_000).max(1))
    }
    fn charge(&self, state: &mut State<K>, key: K, owed: i64, now: Timestamp) {
        if self.interval == 0 {
            return;
        }
        let now = now.as_micros();
        if state.owed_until.len() >= state.prune_at {
            state.owed_until.retain(|_, until| *until > now);
            state.prune_at = PRUNE_AT.max(state.owed_until.len().saturating_mul(2));
        }
        state.owed_until.insert(key, now.saturating_add(owed).saturating_add(self.interval));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(1_000 * SECOND + micros)
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let limiter = Limiter::new(10, 60 * SECOND, 20);
        for _ in 0..20 {
            assert_eq!(limiter.take("a", at(0)), Ok(()));
        }
        assert_eq!(limiter.take("a", at(0)), Err(6));
        assert_eq!(limiter.peek(&"a", at(5 * SECOND)), Err(1));
        assert_eq!(limiter.take("a", at(6 * SECOND)), Ok(()));
        assert_eq!(limiter.take("a", at(6 * SECOND)), Err(6));
        assert_eq!(limiter.take("b", at(0)), Ok(()));
    }

    #[test]
    fn punishment_is_bounded() {
        let limiter = Limiter::new(10, 60 * SECOND, 2);
        for _ in 0..100 {
            limiter.punish("a", at(0));
        }
        assert_eq!(limiter.peek(&"a", at(0)), Err(6));
        assert_eq!(limiter.peek(&"a", at(6 * SECOND)), Ok(()));
    }

    #[test]
    fn a_clock_set_back_harms_nobody_long() {
        let limiter = Limiter::new(1, SECOND, 1);
        assert_eq!(limiter.take("a", at(1_000_000 * SECOND)), Ok(()));
        assert_eq!(limiter.take("a", at(0)), Err(1));
        assert_eq!(limiter.take("a", at(SECOND)), Ok(()));
    }

    #[test]
    fn nothing_is_forbidden_at_rate_zero() {
        let limiter = Limiter::new(0, SECOND, 1);
        for _ in 0..100 {
            assert_eq!(limiter.take("a", at(0)), Ok(()));
        }
    }

    #[test]
    fn idle_keys_are_forgotten() {
        let limiter = Limiter::new(10, SECOND, 10);
        for i in 0..100_000i64 {
            assert_eq!(limiter.take(i, at(i * SECOND)), Ok(()));
        }
        assert!(limiter.state().owed_until.len() <= PRUNE_AT);
    }
}
