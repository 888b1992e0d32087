//! `cargo xtask fill`, `bench` and `crash`: builds the release binaries and hands over to `pileus-bench`.
//!
//! This room knows how the binaries are built and where they are. It must never know what is measured, so that the other
//! tools stay quick to build.

use crate::Result;
use std::{ffi::OsString, os::unix::process::CommandExt as _, path::Path, process::Command};

/// Builds, then becomes `pileus-bench`. Returns only if that failed.
///
/// # Errors
/// What could not be built or started.
pub fn run(root: &Path, command: &str, arguments: &[OsString]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "-p", "pileus-server", "-p", "pileus-bench", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .status()
        .map_err(|e| format!("cargo: {e}"))?;
    if !built.success() {
        return Err("the release build failed".into());
    }
    // The tools and the product are built into the same directory, one folder for each profile.
    let this = std::env::current_exe().map_err(|e| format!("who am I: {e}"))?;
    let target = this.parent().and_then(Path::parent).ok_or("the tool is in no target directory")?;
    let bench = target.join("release/pileus-bench");
    let failed = Command::new(&bench).arg(command).args(arguments).exec();
    Err(format!("{}: {failed}", bench.display()))
}
