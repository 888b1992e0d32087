//! The workspace's own tools, as a library so that tests can call them.
//!
//! This crate knows the files of the workspace. It must never be part of the product.

pub mod conformance;
pub mod generate;
pub mod measure;
pub mod tidy;

use std::path::{Path, PathBuf};

/// What a tool answers: what went wrong, for people.
pub type Result<T, E = String> = std::result::Result<T, E>;

/// The root of the workspace that cargo runs this for: checkouts may share a build cache, and this program in it. Cargo names the
/// folder of the crate that it runs.
pub fn root() -> PathBuf {
    let here =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()));
    let root = here.ancestors().find(|folder| folder.join("xtask/Cargo.toml").is_file());
    root.map_or_else(|| here.clone(), Path::to_path_buf)
}
