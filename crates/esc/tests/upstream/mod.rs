//! Upstream's evaluator and ours over the same documents. Without Go, or without the shared cases, the test says so and
//! passes.

use crate::cases;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn skipped(why: &str) {
    eprintln!("skipped: {why}");
    if let Some(list) = std::env::var_os("PILEUS_SKIPPED") {
        let earlier = fs::read_to_string(&list).unwrap_or_default();
        fs::write(&list, format!("{earlier}ESC beside upstream's evaluator: {why}\n")).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (source, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        match source.is_dir() {
            true => copy(&source, &target),
            false => fs::write(&target, fs::read(&source).unwrap()).unwrap(),
        }
    }
}

/// Upstream's evaluator, built in a folder of this process.
fn upstream(go: &Path, scratch: &Path) -> Option<PathBuf> {
    let folder = scratch.join("esc_go");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/external/esc_go"), &folder);
    let built = Command::new(go).args(["build", "-mod=mod", "-o", "escgo", "."]).current_dir(&folder).status();
    built.is_ok_and(|status| status.success()).then(|| folder.join("escgo"))
}

/// Every shared case, and every one that is left of it without one of its lines.
fn write_cases(shared: &Path, to: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(shared).unwrap() {
        let (from, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name().into_string().unwrap());
        let Ok(text) = fs::read_to_string(from.join("env.yaml")) else { continue };
        let lines: Vec<&str> = text.lines().collect();
        for left_out in 0..=lines.len() {
            let case = to.join(format!("{name}-{left_out}"));
            copy(&from, &case);
            let kept = lines.iter().enumerate().filter(|(i, _)| *i != left_out).map(|(_, line)| format!("{line}\n"));
            fs::write(case.join("env.yaml"), kept.collect::<String>()).unwrap();
            let _absent = fs::remove_file(case.join("expected.json"));
            count += 1;
        }
    }
    count
}

/// What differs, but for the name that is proposed: of several that are equally near upstream proposes any.
fn unexplained(differences: &[String]) -> impl Iterator<Item = &String> {
    let about = |difference: &String| {
        let told = difference.split("; did you mean ").next().unwrap_or_default();
        told.replacen(" lacks ", " ", 1).replacen(" has ", " ", 1).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let proposes = |difference: &String| difference.contains("; did you mean ");
    let count = move |sign: &str, what: &str| {
        let same = |d: &&String| proposes(d) && d.contains(sign) && about(d) == what;
        differences.iter().filter(same).count()
    };
    differences.iter().filter(move |d| {
        let what = about(d);
        !proposes(d) || count(" lacks ", &what) != count(" has ", &what)
    })
}

#[test]
fn documents_with_a_line_left_out_are_judged_as_upstream_judges_them() {
    let named = std::env::var_os("PILEUS_CONFORMANCE").map(PathBuf::from);
    let shared = named.unwrap_or_else(cases::default_folder);
    let Some(go) = std::env::var_os("PILEUS_TEST_GO").map(PathBuf::from) else { return skipped("there is no Go") };
    if !shared.is_dir() {
        return skipped(&format!("there are no cases at {}", shared.display()));
    }
    let scratch = std::env::temp_dir().join(format!("pileus-esc-upstream-{}", std::process::id()));
    let Some(program) = upstream(&go, &scratch) else { return skipped("its module could not be built") };
    let documents = scratch.join("cases");
    let count = write_cases(&shared, &documents);
    assert!(Command::new(program).arg("cases").arg(&documents).output().unwrap().status.success());
    let mut reports = cases::run_all(&documents).unwrap();
    // Where upstream panics there is nothing to compare with.
    reports.retain(|report| documents.join(&report.case).join("expected.json").is_file());
    fs::remove_dir_all(&scratch).unwrap();
    assert!(reports.len() + count / 20 > count, "{} of {count} were judged", reports.len());
    let told = reports.iter().flat_map(|r| unexplained(&r.differences).map(move |d| format!("{}: {d}", r.case)));
    let told: Vec<String> = told.collect();
    assert!(told.is_empty(), "{told:#?}");
}
