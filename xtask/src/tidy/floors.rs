//! The import matrix: which crate may depend on which, and which outside crate belongs to one floor alone.
//!
//! This room knows the arrows of the design. It must never know what the crates do.

use crate::Result;
use std::path::Path;

/// Arrows that may be drawn: a crate, and those of ours that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("codec", &["model"]),
    ("contract", &["model"]),
    ("egress", &["model"]),
    ("clouds", &["model", "egress"]),
    ("esc", &[]),
    ("store", &["model"]),
    ("service", &["model", "store", "codec", "egress", "clouds", "esc"]),
    ("http", &["model", "contract", "codec", "service"]),
    ("server", &["model", "store", "egress", "service", "http"]),
    ("bench", &["model", "codec", "contract", "egress", "store", "service", "http", "server", "testkit"]),
    ("testkit", &["model", "codec", "contract", "egress", "store", "service", "http", "server"]),
];

/// Outside crates that one floor alone may know: HTTP, SQL, outgoing requests.
const OWNERS: &[(&str, &[&str])] = &[
    ("hyper", &["http", "egress"]),
    ("matchit", &["http"]),
    ("rusqlite", &["store"]),
    ("tokio-postgres", &["store", "testkit"]),
    ("deadpool-postgres", &["store"]),
    ("refinery-core", &["store"]),
    ("libyaml-safer", &["esc"]),
    ("reqwest", &["server", "testkit", "bench"]),
];

/// Arrows that may not be drawn.
///
/// # Errors
/// A manifest that cannot be read.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let folder = root.join("crates");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    for name in names {
        let path = format!("crates/{name}/Cargo.toml");
        let text = std::fs::read_to_string(root.join(&path)).map_err(|e| format!("{path}: {e}"))?;
        let manifest: toml::Table = text.parse().map_err(|e| format!("{path}: {e}"))?;
        let Some((_, allowed)) = ARROWS.iter().find(|(krate, _)| *krate == name) else {
            wrong.push(format!("{path}:1: the crate is not in the import matrix of xtask/src/tidy/floors.rs"));
            continue;
        };
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for dependency in
                manifest.get(table).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys)
            {
                if let Some(why) = forbidden(&name, allowed, table, dependency) {
                    let line =
                        text.lines().position(|l| l.trim_start().starts_with(dependency.as_str())).map_or(1, |i| i + 1);
                    wrong.push(format!("{path}:{line}: {why}"));
                }
            }
        }
    }
    Ok(wrong)
}

fn forbidden(name: &str, allowed: &[&str], table: &str, dependency: &str) -> Option<String> {
    let for_tests = table == "dev-dependencies";
    if let Some(ours) = dependency.strip_prefix("pileus-") {
        // The server carries the integration tests, which see everything.
        let fine = allowed.contains(&ours) || (for_tests && (ours == "testkit" || name == "server"));
        return (!fine).then(|| format!("{name} must not depend on {ours}"));
    }
    let (_, owners) = OWNERS.iter().find(|(krate, _)| *krate == dependency)?;
    (!owners.contains(&name) && !for_tests).then(|| format!("{dependency} belongs to {}", owners.join(", ")))
}
