//! The one client for all of AWS: signs, paces, sends, retries.
//!
//! This room knows connections, clocks and patience. It must never know what is asked.

mod pace;
mod retry;
mod send;
mod sign;

pub(crate) use pace::Paces;
pub(crate) use send::{Session, Tally};

/// What all sessions of an installation share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: super::AwsConfig,
    pub(crate) egress: pileus_egress::Egress,
    pub(crate) clock: std::sync::Arc<dyn pileus_model::clock::Clock>,
    pub(crate) paces: Paces,
    /// Seconds that AWS's clock is ahead of ours.
    pub(crate) skew: std::sync::atomic::AtomicI64,
}
