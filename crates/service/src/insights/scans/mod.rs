//! Scans: how they are started, read and ended; the work itself stands in [`engine`] and [`run`].
//!
//! This room knows when a scan may be started and what its log and state say. It must never know a cloud's API.
//! Whether the caller may see or do it has been decided by whoever calls these functions.

pub mod clouds;
pub mod engine;
mod gather;
mod options;
mod read;
mod regions;
pub mod retention;
mod run;
pub mod scanner;
mod signals;
mod sink;
mod start;
mod sweep;
#[cfg(test)]
mod tests;

pub use options::Options;
pub use read::{Page, Run, Status, StepLines, aggregate, find, list, log, status, step_log, together};
pub use signals::Signals;
pub use start::{Batch, Cause, Starter, cancel, start, start_in};

/// The steps of a scan, in order.
pub const STEPS: [&str; 4] = ["Setup", "Open environment", "List types", "Scan account"];
/// Where they stand.
pub(crate) const SETUP: i64 = 0;
pub(crate) const OPEN: i64 = 1;
pub(crate) const TYPES: i64 = 2;
pub(crate) const SCAN: i64 = 3;
/// After how many seconds a scan is given up.
pub const TIMEOUT: i64 = 12 * 60 * 60;
/// What is answered where an account is scanned already.
pub const IN_PROGRESS: &str = "scan already in progress";
