//! Insights: accounts of clouds, their scans, and what these found.
//!
//! The rooms know the rules of accounts, schedules, scans and findings. They must never know HTTP, SQL or a cloud's protocol.

pub mod accounts;
pub mod cloud;
pub mod coverage;
mod edges;
pub mod ingest;
pub mod policies;
pub mod resources;
pub mod scans;
pub mod schedule;
pub mod tags;
pub mod teams;

pub use pileus_store::insights::{
    lines::{Job, Line, Step},
    scans::Glance,
};

/// The key by which values that must not be kept are fingerprinted.
///
/// # Errors
/// `Unavailable` without a master key.
pub fn redaction_key(app: &crate::App) -> pileus_model::Result<pileus_clouds::RedactionKey> {
    app.keys.derive(b"redaction").map(pileus_clouds::RedactionKey::new)
}
