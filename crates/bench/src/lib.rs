//! What is measured and what is broken on purpose: filling a log, benchmarks, kills under load.
//!
//! Knows the server only from outside (HTTP, a process) and the store for filling. Reached by `cargo xtask`.

pub mod bench;
pub mod crash;
pub mod fake;
pub mod fill;
pub mod install;
pub mod wire;

/// What a tool answers: what went wrong, for people.
pub type Result<T, E = String> = std::result::Result<T, E>;
