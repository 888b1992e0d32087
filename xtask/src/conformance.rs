//! `cargo xtask esc-conformance`: builds the runner of the crate `esc` and hands over to it.
//!
//! This room knows where the runner is. It must never know the language, so that the other tools stay quick to build.

use crate::Result;
use std::{ffi::OsString, path::Path, process::Command};

/// Runs the cases of a folder; the report goes to standard output, what cargo says to standard error.
///
/// # Errors
/// What could not be built or run.
pub fn run(root: &Path, arguments: &[OsString]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "-p", "pileus-esc", "--example", "conformance", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .arg("--")
        .args(arguments)
        .status()
        .map_err(|e| format!("cargo: {e}"))?;
    if status.success() { Ok(()) } else { Err("the conformance run failed".into()) }
}
