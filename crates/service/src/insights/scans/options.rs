//! How a scan goes about it, as callers and settings say.

use pileus_model::{Error, Result};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most lists or reads at once, and most resources that are written at once.
const MAX_CONCURRENCY: i64 = 64;
const MAX_BATCH: i64 = 1000;
/// Longest time that one read may take, in seconds.
const MAX_READ: u64 = 600;

/// How a scan goes about it. What is not said is as usual. Kept as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// The pool of agents that was asked for; kept and shown, nothing more.
    #[serde(rename = "agentPoolID", skip_serializing_if = "Option::is_none")]
    pub agent_pool: Option<String>,
    /// Types that are listed at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_concurrency: Option<i64>,
    /// Reads at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_concurrency: Option<i64>,
    /// Resources that are written at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<i64>,
    /// How long one read may take, as Go writes durations: `30s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_timeout: Option<String>,
}

impl Options {
    /// The same, if every value is allowed.
    ///
    /// # Errors
    /// `Invalid`, naming the field and what it may hold.
    pub fn checked(self) -> Result<Self> {
        for (name, value, most) in [
            ("listConcurrency", self.list_concurrency, MAX_CONCURRENCY),
            ("readConcurrency", self.read_concurrency, MAX_CONCURRENCY),
            ("batchSize", self.batch_size, MAX_BATCH),
        ] {
            if value.is_some_and(|value| !(0..=most).contains(&value)) {
                return Err(Error::invalid(format!("{name} must be in the range [1, {most}], or 0 for the usual")));
            }
        }
        if self.read_timeout.as_ref().is_some_and(|text| !text.is_empty() && duration(text).is_none()) {
            return Err(Error::invalid(format!(
                "readTimeout must be a duration such as \"30s\" or \"1m30s\", at least one millisecond and at most {MAX_READ}s"
            )));
        }
        Ok(self)
    }
    /// What stands here, and where nothing does what stands there.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            agent_pool: self.agent_pool.or(other.agent_pool),
            list_concurrency: self.list_concurrency.or(other.list_concurrency),
            read_concurrency: self.read_concurrency.or(other.read_concurrency),
            batch_size: self.batch_size.or(other.batch_size),
            read_timeout: self.read_timeout.or(other.read_timeout),
        }
    }
    /// As it is kept.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".into())
    }
    /// As it was kept; as usual where that can't be read.
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
    /// How long one read may take, if it was said.
    pub fn read_timeout(&self) -> Option<Duration> {
        duration(self.read_timeout.as_deref()?)
    }
}

/// A number that was said and is not 0.
pub(super) fn said(value: Option<i64>) -> Option<usize> {
    value.filter(|value| *value > 0).and_then(|value| usize::try_from(value).ok())
}

/// A duration as Go writes it: numbers with units, `1m30s`, `1.5s`.
fn duration(text: &str) -> Option<Duration> {
    let mut total = 0.0_f64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = after;
    }
    let found = Duration::try_from_secs_f64(total).ok()?;
    (Duration::from_millis(1)..=Duration::from_secs(MAX_READ)).contains(&found).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [("30s", 30_000), ("1m30s", 90_000), ("1.5s", 1500), ("250ms", 250), ("10m", 600_000)] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "s", "30", "30x", "-5s", "11m", "1ns", "1..5s", "0s", "1e9s"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_allowed() {
        assert!(Options::default().checked().is_ok());
        let fine = Options {
            list_concurrency: Some(64),
            batch_size: Some(0),
            read_timeout: Some(String::new()),
            ..Options::default()
        };
        assert!(fine.clone().checked().is_ok());
        assert!(Options { list_concurrency: Some(65), ..fine.clone() }.checked().is_err());
        assert!(Options { read_concurrency: Some(-1), ..fine.clone() }.checked().is_err());
        assert!(Options { read_timeout: Some("soon".into()), ..fine.clone() }.checked().is_err());
        assert_eq!(Options::from_json(&fine.to_json()), fine);
        assert_eq!(Options::from_json("x"), Options::default());
    }
}
