//! Upstream's cases, read in place. Where they are absent, the test says so and passes.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../examples/conformance/cases.rs"]
mod cases;
#[path = "../examples/conformance/compare.rs"]
mod compare;
#[path = "../examples/conformance/fakes.rs"]
mod fakes;
#[path = "../examples/conformance/report.rs"]
mod report;
#[path = "../examples/conformance/schemas.rs"]
mod schemas;
mod upstream;

use fakes::Rot128;
use pileus_esc::edit::{decrypt_secrets, encrypt_secrets};
use pileus_esc::{Limits, json::Json};
use std::path::PathBuf;

/// A folder of cases; none where it is absent, which is said.
fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PILEUS_CONFORMANCE").map(PathBuf::from);
    let root = root.unwrap_or_else(cases::default_folder);
    let path = root.parent().unwrap().join(name);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: there are no conformance cases at {}", path.display());
    if let Some(list) = std::env::var_os("PILEUS_SKIPPED") {
        let line = format!("ESC conformance cases ({name}): {} does not exist\n", path.display());
        let earlier = std::fs::read_to_string(&list).unwrap_or_default();
        std::fs::write(&list, earlier + &line).unwrap();
    }
    None
}

#[test]
fn results_are_those_of_upstream() {
    let Some(folder) = folder("esc-eval") else { return };
    let reports = cases::run_all(&folder).unwrap();
    assert!(!reports.is_empty());
    let failed: Vec<&String> = reports.iter().flat_map(|report| &report.differences).collect();
    assert!(failed.is_empty(), "{}\n{failed:#?}", report::table(&reports));
}

#[test]
fn the_table_in_the_status_is_current() {
    let Some(folder) = folder("esc-eval") else { return };
    let present = std::fs::read_to_string(cases::status_file()).unwrap();
    let table = report::status(&present, &cases::run_all(&folder).unwrap()).unwrap();
    assert_eq!(table, present, "run cargo xtask esc-conformance --status");
}

/// A folder of cases as strangers may have it: parts are missing, files are no cases, a text is none.
#[test]
fn an_odd_folder_is_run_to_its_end() {
    let folder = tempdir("odd");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    write("README.md", b"not a case");
    write("empty/expected.json", b"{}");
    write("no-text/env.yaml", b"values: {a: \xff}\n");
    write("no-expectation/env.yaml", b"values: {a: 1}\n");
    write("nothing/env.yaml", b"");
    write("broken/env.yaml", b"values: {a: 1}\n");
    write("broken/expected.json", b"{");
    write("paths/env.yaml", b"values: {a: 1}\n");
    write("paths/overrides.json", b"{\"rotate\": true, \"rotatePaths\": [\"a[\"]}");
    write("partial/env.yaml", b"values: {a: 1}\n");
    write("partial/expected.json", b"{\"evalJSONRevealed\": {\"a\": 1}, \"evalJsonRedacted\": {\"a\": 2}}");
    let reports = cases::run_all(&folder).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let told = report::to_json(&reports).to_text();
    let line = |case: &str, all: [bool; 4]| {
        let [revealed, redacted, check, diagnostics] = all;
        format!(
            "{{\"case\":\"{case}\",\"check\":{check},\"diagnostics\":{diagnostics},\"redacted\":{redacted},\"revealed\":{revealed}}}"
        )
    };
    let expected = [
        line("broken", [false; 4]),
        line("no-expectation", [false, false, false, true]),
        line("no-text", [false; 4]),
        line("nothing", [true; 4]),
        line("partial", [true, false, false, true]),
        line("paths", [false; 4]),
    ];
    assert_eq!(told, format!("{{\"cases\":[{}]}}", expected.join(",")));
}

/// An empty folder of this process alone.
fn tempdir(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("pileus-esc-{name}-{}", std::process::id()));
    let _missing = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The comments of a text, in order.
fn comments(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.find(" #").map(|at| line[at..].trim())).collect()
}

/// The plain form of what a document evaluates to is of no interest here: its YAML is.
fn as_yaml(text: &str) -> String {
    let parsed = pileus_esc::parse("x", text, &Limits::default());
    assert!(parsed.diagnostics.is_empty(), "{text}");
    text.lines().map(|line| line.find(" #").map_or(line, |at| &line[..at]).replace(['\'', '"'], "")).collect()
}

#[test]
fn secrets_are_encrypted_and_decrypted_in_place() {
    let Some(folder) = folder("esc-crypt") else { return };
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.to_str().unwrap().strip_suffix(".plaintext.yaml") else { continue };
        let plaintext = std::fs::read_to_string(&path).unwrap();
        let ciphertext = std::fs::read_to_string(format!("{name}.ciphertext.yaml")).unwrap();
        let limits = Limits::default();
        let encrypted = encrypt_secrets(&plaintext, &Rot128, &limits).unwrap();
        assert_eq!(encrypted, ciphertext);
        let decrypted = decrypt_secrets(&ciphertext, &Rot128, &limits).unwrap();
        assert_eq!(as_yaml(&decrypted), as_yaml(&plaintext));
        assert_eq!(comments(&decrypted), comments(&plaintext));
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn syntax_is_judged_as_upstream_does() {
    let Some(folder) = folder("esc-parse") else { return };
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(path.join("env.yaml")).unwrap();
        let expected = std::fs::read_to_string(path.join("expected.json")).unwrap();
        let expected = Json::parse(&expected, 1000).unwrap();
        let parsed = pileus_esc::parse(&name, &text, &Limits::default());
        wrong.extend(compare::diagnostics("diags", &expected, &parsed.diagnostics));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
