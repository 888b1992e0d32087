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

/// The root of the workspace that cargo runs this for: checkouts may share a build cache, and this program in it.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(here).join("..")
}
