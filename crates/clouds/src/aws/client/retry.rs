//! Patience: how often the same is asked again, and after how long.
//!
//! This room knows waiting. It must never know what is asked.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

/// How often the same is asked while the cloud says "slower".
pub(crate) const THROTTLED: u32 = 10;
/// How often after other failures that may pass.
pub(crate) const PASSING: u32 = 5;
const LONGEST: Duration = Duration::from_secs(20);

/// How long to wait after this attempt (from 1) failed: doubles each time, up to 20 s, between half and all of it. The part is drawn from
/// what is asked and not from chance, so that it can be repeated and calls of one scan spread all the same. A longer time that the cloud
/// asks for (up to a minute) is kept.
pub(crate) fn wait(first: Duration, attempt: u32, asked: &str, told: Option<Duration>) -> Duration {
    let doubled = first.saturating_mul(1 << (attempt - 1).min(12)).min(LONGEST);
    let mut hasher = DefaultHasher::new();
    (asked, attempt).hash(&mut hasher);
    let part = 512 + u32::try_from(hasher.finish() % 512).unwrap_or(0);
    let own = doubled * part / 1024;
    told.map_or(own, |told| own.max(told.min(Duration::from_secs(60))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_can_be_repeated() {
        let first = Duration::from_millis(200);
        for attempt in 1..20 {
            let doubled = (first * 2_u32.pow((attempt - 1).min(12))).min(LONGEST);
            let waited = wait(first, attempt, "a", None);
            assert!(waited >= doubled / 2 && waited <= doubled, "{attempt}: {waited:?}");
            assert_eq!(waited, wait(first, attempt, "a", None));
        }
        assert_ne!(wait(first, 3, "a", None), wait(first, 3, "b", None));
    }

    #[test]
    fn what_the_cloud_asks_for_is_kept() {
        let told = |seconds| wait(Duration::from_millis(1), 1, "a", Some(Duration::from_secs(seconds)));
        assert_eq!(told(7), Duration::from_secs(7));
        assert_eq!(told(3600), Duration::from_secs(60));
    }
}
