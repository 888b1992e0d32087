//! What the operator may set on this floor, with its defaults.

use ipnet::IpNet;
use std::{fmt, sync::Arc, time::Duration};

/// Gives the metrics in the text format of Prometheus.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// What the operator configured.
#[derive(Clone)]
pub struct HttpConfig {
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Longest request body in bytes, before and after inflation, where an operation declares none (4 MiB).
    pub body_limit: usize,
    /// How long an ordinary operation may take, and how long its body may take to arrive (30 s).
    pub deadline: Duration,
    /// How often one may ask.
    pub rates: Rates,
    /// Longest wait for a request's head, on a fresh or an idle connection (65 s).
    pub head_timeout: Duration,
    /// Longest time that a client may take none of what is written to it (120 s).
    pub write_stall: Duration,
    /// Most connections at once; further ones wait in the listener's queue (8,192).
    pub max_connections: usize,
    /// Whether this node answers requests; else it has nothing but `/metrics`.
    pub serves: bool,
    /// What `/metrics` shows; without it that path is not served.
    pub metrics: Option<MetricsText>,
}

/// How often one may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates {
    /// Requests per second and token, for every class (2,000); as many at once.
    pub per_token: u32,
    /// Requests per second and source address to operations that need no credentials (2,000); as many at once.
    pub public_per_address: u32,
    /// Failed logins per minute and source address (10).
    pub failed_logins_per_minute: u32,
    /// Failed logins at once (20).
    pub failed_logins_burst: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { per_token: 2000, public_per_address: 2000, failed_logins_per_minute: 10, failed_logins_burst: 20 }
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            body_limit: 4 << 20,
            deadline: Duration::from_secs(30),
            rates: Rates::default(),
            head_timeout: Duration::from_secs(65),
            write_stall: Duration::from_secs(120),
            max_connections: 8192,
            serves: true,
            metrics: None,
        }
    }
}

impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConfig")
            .field("trusted_proxies", &self.trusted_proxies)
            .field("body_limit", &self.body_limit)
            .field("deadline", &self.deadline)
            .field("rates", &self.rates)
            .finish_non_exhaustive()
    }
}
