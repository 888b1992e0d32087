//! `cargo xtask gen`: joins `contract/` into the checked-in Rust, JSON and Markdown that derive from it.
//!
//! This room knows which files are generated. How each is written is its own module's business.

mod catalogue;
mod check;
mod load;
mod model;
mod names;
mod openapi;
mod operations;
mod ops;
mod resolve;
mod shapes;
mod status;
mod wire;

use crate::Result;
use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Writes the generated files, or with `check` only compares them.
///
/// # Errors
/// A malformed source, or with `check` the files that differ from what would be written.
pub fn run(root: &Path, check: bool) -> Result<()> {
    let mut drift = Vec::new();
    for (path, text) in files(root)? {
        let file = root.join(&path);
        let present = std::fs::read_to_string(&file).unwrap_or_default();
        if present == text {
            continue;
        }
        if check {
            drift.push(path.display().to_string());
            continue;
        }
        if let Some(dir) = file.parent() {
            std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        }
        std::fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
        eprintln!("wrote {}", path.display());
    }
    if drift.is_empty() {
        return Ok(());
    }
    Err(format!("not up to date, run `cargo xtask gen`: {}", drift.join(", ")))
}

/// What is generated.
fn files(root: &Path) -> Result<Vec<(PathBuf, String)>> {
    let contract = load::load(root)?;
    let status = std::fs::read_to_string(root.join("docs/STATUS.md")).map_err(|e| format!("docs/STATUS.md: {e}"))?;
    let generated = Path::new("crates/contract/src/generated");
    let rust = [
        (generated.join("wire.rs"), wire::write(&contract)),
        (generated.join("shapes.rs"), shapes::write(&contract)),
        (generated.join("ops.rs"), ops::write(&contract)?),
        (generated.join("operations.rs"), operations::write(&contract)),
        (PathBuf::from("crates/http/src/generated.rs"), operations::register(&contract)),
        (PathBuf::from("crates/model/src/audit/catalogue.rs"), catalogue::write(&contract.events)),
    ];
    let mut files = Vec::new();
    for (path, text) in rust {
        let text = format(root, &text).map_err(|e| format!("{}: {e}", path.display()))?;
        files.push((path, text));
    }
    files.push((generated.join("openapi.json"), openapi::write(&contract)));
    files.push((PathBuf::from("docs/STATUS.md"), status::write(&contract, &status)?));
    Ok(files)
}

/// The text as `rustfmt` would write it, with the workspace's settings.
fn format(root: &Path, text: &str) -> Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("rustfmt: {e}"))?;
    let mut stdin = child.stdin.take().ok_or("rustfmt has no input")?;
    let input = text.to_owned();
    let feed = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().map_err(|e| format!("rustfmt: {e}"))?;
    feed.join().map_err(|_| "rustfmt: the input was not taken")?.map_err(|e| format!("rustfmt: {e}"))?;
    if !output.status.success() {
        return Err(format!("rustfmt failed on:\n{text}"));
    }
    String::from_utf8(output.stdout).map_err(|e| format!("rustfmt: {e}"))
}
