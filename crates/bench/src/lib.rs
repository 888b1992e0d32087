//! What is measured and what is broken on purpose: filling a log, benchmarks, kills under load.
//!
//! Knows the server only from outside (HTTP, a process) and the store for filling. Reached by `cargo xtask`.

pub mod crash;
pub mod fill;
