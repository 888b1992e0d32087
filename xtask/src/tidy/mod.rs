//! `cargo xtask tidy`: the laws of the house that no compiler checks.
//!
//! This room knows which checks there are. Each check is a module.

mod floors;
mod size;
mod source;
mod sql;
mod words;

use crate::Result;
use source::Source;
use std::path::Path;

/// Everything that breaks a law, as `file:line: what`.
///
/// # Errors
/// A file that cannot be read.
pub fn offences(root: &Path) -> Result<Vec<String>> {
    let status = std::fs::read_to_string(root.join("docs/STATUS.md")).map_err(|e| format!("docs/STATUS.md: {e}"))?;
    let mut wrong = floors::check(root)?;
    for source in Source::all(root)? {
        wrong.extend(size::check(&source));
        wrong.extend(words::panics(&source));
        wrong.extend(words::put_off(&source, &status));
        wrong.extend(words::machine(&source));
        wrong.extend(sql::check(&source));
    }
    Ok(wrong)
}

/// Runs all checks.
///
/// # Errors
/// All offences, one line each.
pub fn run(root: &Path) -> Result<()> {
    let wrong = offences(root)?;
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}
