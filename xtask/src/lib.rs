//! The workspace's own tools, as a library so that tests can call them.
//!
//! This crate knows the files of the workspace. It must never be part of the product.

pub mod conformance;
pub mod generate;
pub mod measure;
pub mod tidy;

use std::path::PathBuf;

/// What a tool answers: what went wrong, for people.
pub type Result<T, E = String> = std::result::Result<T, E>;

/// The root of the workspace.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
