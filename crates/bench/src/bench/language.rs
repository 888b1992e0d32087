//! The ESC language beside upstream's evaluator: processor time of loading, checking and opening.
//!
//! This room knows which documents are evaluated and which two programs do it: the conformance runner of the crate `esc`,
//! and `tests/external/esc_go`. Without Go, only the first is measured.

use super::{Line, Plan, Report, median};
use crate::Result;
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Runs of each step within a round.
const RUNS: &str = "1000";

/// A rot128 ciphertext, which both programs can decrypt.
const CIPHERTEXT: &str = "ZXNjeAAAAAHo9e705fKyKo30VQ==";

/// Measures.
pub fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let scratch = tempfile::tempdir().map_err(|e| format!("no directory: {e}"))?;
    let ours = runner()?;
    let theirs = upstream(scratch.path())?;
    let omnibus = shared().join("conformance/esc-eval/omnibus");
    if omnibus.is_dir() {
        let what = "ESC: omnibus, load + check + eval, processor time of 1,000 runs";
        compare(plan, report, what, &omnibus, &ours, theirs.as_deref())?;
    } else {
        eprintln!("skipped: the case omnibus, there is no {}", omnibus.display());
    }
    let typical = typical(scratch.path())?;
    let what = "ESC: 200 values, 5 imports, 20 secrets, without store and HTTP";
    compare(plan, report, what, &typical, &ours, theirs.as_deref())
}

/// What lies beside the checkout.
fn shared() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    env::var_os("PILEUS_SHARED").map_or_else(beside, PathBuf::from)
}

/// The conformance runner, built with optimisations.
fn runner() -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--release", "-p", "pileus-esc", "--example", "conformance", "--manifest-path"]);
    done(build.arg(manifest))?;
    let this = env::current_exe().map_err(|e| format!("who am I: {e}"))?;
    Ok(this.with_file_name("examples/conformance"))
}

/// Upstream's evaluator; none without Go, or without its modules.
fn upstream(scratch: &Path) -> Result<Option<PathBuf>> {
    let go = env::var_os("PILEUS_TEST_GO").unwrap_or_else(|| "go".into());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/external/esc_go");
    let folder = scratch.join("esc_go");
    let copied = fs::create_dir(&folder).and_then(|()| {
        fs::read_dir(&source)?.try_for_each(|entry| {
            let entry = entry?;
            fs::copy(entry.path(), folder.join(entry.file_name())).map(drop)
        })
    });
    copied.map_err(|e| format!("{}: {e}", source.display()))?;
    let program = folder.join("escgo");
    let built = done(Command::new(go).args(["build", "-mod=mod", "-o"]).arg(&program).arg(".").current_dir(&folder));
    match built {
        Ok(()) => Ok(Some(program)),
        Err(why) => {
            eprintln!("skipped: upstream's evaluator, {why}");
            Ok(None)
        }
    }
}

fn done(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|e| format!("{}: {e}", command.get_program().display()))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed", command.get_program().display())) }
}

/// Microseconds per run of `load`, `check`, `eval` and `all`.
fn times(program: &Path, first: &str, case: &Path) -> Result<[f64; 4]> {
    let output = Command::new(program).arg(first).arg(case).arg(RUNS).output();
    let output = output.map_err(|e| format!("{}: {e}", program.display()))?;
    let times: Value = serde_json::from_slice(&output.stdout)
        .map_err(|e| format!("{}: {e}: {}", program.display(), String::from_utf8_lossy(&output.stderr).trim()))?;
    Ok(["load", "check", "eval", "all"].map(|step| times[step].as_f64().unwrap_or(0.0) / 1e3))
}

fn compare(
    plan: &Plan,
    report: &mut Report,
    what: &str,
    case: &Path,
    ours: &Path,
    theirs: Option<&Path>,
) -> Result<()> {
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds() {
        own.push(times(ours, "--time", case)?);
        if let Some(theirs) = theirs {
            other.push(times(theirs, "time", case)?);
        }
    }
    let step = |rounds: &[[f64; 4]], step: usize| median(rounds.iter().map(|round| round[step]).collect());
    let mut values = vec![
        ("load µs", step(&own, 0)),
        ("check µs", step(&own, 1)),
        ("eval µs", step(&own, 2)),
        ("all µs", step(&own, 3)),
    ];
    let mut met = None;
    if theirs.is_some() {
        let ratio = |at: usize| step(&own, at) / step(&other, at).max(f64::MIN_POSITIVE);
        values.push(("upstream µs", step(&other, 3)));
        values.extend([("load ratio", ratio(0)), ("check ratio", ratio(1)), ("eval ratio", ratio(2))]);
        values.push(("ratio", ratio(3)));
        met = Some(ratio(3) <= 1.0 / 3.0);
    }
    report.add(Line { what: what.to_owned(), engine: "", values, goal: "≤ 1/3 of upstream, better 1/10", met });
    Ok(())
}

/// A case like a real environment: 40 values of its own over 5 imports of 32 values each, 20 of them stored secrets.
fn typical(scratch: &Path) -> Result<PathBuf> {
    let folder = scratch.join("typical");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
    };
    fs::create_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut root = String::from("imports: [base0, base1, base2, base3, base4]\nvalues:\n  environmentVariables:\n");
    for i in 0..40 {
        let import = i % 5;
        root += &format!("    NAME_{i}: \"{i}-${{service{import}.part{}.host}}:${{service{import}.port}}\"\n", i % 9);
    }
    write("env.yaml", &root)?;
    for import in 0..5 {
        let mut text = format!("values:\n  service{import}:\n    port: {}\n", 8000 + import);
        for part in 0..9 {
            text +=
                &format!("    part{part}:\n      host: host{part}.example.com\n      size: {part}\n      tls: true\n");
        }
        for secret in 0..4 {
            text += &format!("    secret{secret}:\n      fn::secret:\n        ciphertext: {CIPHERTEXT}\n");
        }
        write(&format!("base{import}.yaml"), &text)?;
    }
    Ok(folder)
}
