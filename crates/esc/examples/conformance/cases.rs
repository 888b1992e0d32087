//! Runs cases and compares their results with what is expected.

use crate::compare::{self, is_empty, tidy};
use crate::fakes::{Providers, Rot128, Siblings};
use crate::report::Report;
use pileus_esc::diag::Diagnostic;
use pileus_esc::host::ExecContext;
use pileus_esc::json::Json;
use pileus_esc::value::Value;
use pileus_esc::{Environment, Evaluation, Limits, Options, Parsed, World, path};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// The folder beside this repository.
pub fn default_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/esc-eval")
}

/// The file that holds the table.
pub fn status_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/STATUS.md")
}

/// Runs every folder within that has an `env.yaml`, in order; or this folder, if it has one itself.
pub fn run_all(folder: &Path) -> Result<Vec<Report>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut cases: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    cases.retain(|path| path.join("env.yaml").exists());
    if cases.is_empty() && folder.join("env.yaml").exists() {
        cases.push(folder.canonicalize().map_err(|e| format!("{}: {e}", folder.display()))?);
    }
    cases.sort();
    Ok(cases.iter().map(|path| run_caught(path)).collect())
}

/// Runs one case; whatever stops it is a difference of its report.
fn run_caught(folder: &Path) -> Report {
    let case = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match catch_unwind(AssertUnwindSafe(|| run(folder, &case))) {
        Ok(Ok(report)) => report,
        Ok(Err(why)) => Report::failed(&case, why),
        Err(_) => Report::failed(&case, "the evaluation panicked".to_owned()),
    }
}

/// A case as it lies in its folder.
pub struct Case {
    /// The name of the root environment.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Where its imports lie.
    pub loader: Siblings,
    /// Who opens it.
    pub context: ExecContext,
    overrides: Json,
}

impl Case {
    /// Reads a case.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let overrides = read_json(&folder.join("overrides.json"))?;
        let case = folder.file_name().unwrap_or_default().to_string_lossy();
        let root = overrides.get("rootEnvironment").and_then(Json::as_str).filter(|name| !name.is_empty());
        let bytes = std::fs::read(folder.join("env.yaml")).map_err(|e| format!("env.yaml: {e}"))?;
        let text = String::from_utf8(bytes).map_err(|e| format!("env.yaml: {e}"))?;
        let user = Value::object([("user", Value::object([("id", Value::string("USER_123"))]))]);
        let context = ExecContext::new(BTreeMap::from([("pulumi".to_owned(), user)]))?;
        let loader = Siblings { folder: folder.to_owned(), ..Siblings::default() };
        Ok(Self { name: root.unwrap_or(&case).to_owned(), text, loader, context, overrides })
    }

    fn flag(&self, key: &str) -> bool {
        self.overrides.get(key) == Some(&Json::Bool(true))
    }

    /// The rotators that are to rotate; none for all.
    fn rotate_paths(&self) -> Result<Vec<Vec<path::Step>>, String> {
        let paths = self.overrides.get("rotatePaths").and_then(Json::as_array).unwrap_or_default();
        let read = |path: &Json| path::parse(path.as_str().ok_or("a rotate path must be a string")?);
        paths.iter().map(read).collect()
    }

    /// Reads the text.
    pub fn parse(&self) -> Parsed {
        pileus_esc::parse(&self.name, &self.text, &Limits::default())
    }

    /// Checks, opens or rotates what was read.
    pub fn run(&self, mode: Run, parsed: &Parsed, options: &Options) -> Result<Evaluation, String> {
        let world = World { providers: &Providers, loader: &self.loader, context: &self.context };
        let Some(document) = &parsed.environment else {
            return Ok(Evaluation { environment: None, diagnostics: Vec::new(), rotations: Vec::new() });
        };
        let (name, key) = (&self.name, &Rot128);
        Ok(match mode {
            Run::Check => pileus_esc::check(name, document, key, &world, self.flag("showSecrets"), options),
            Run::Open => pileus_esc::open(name, document, key, &world, options),
            Run::Rotate => pileus_esc::rotate(name, document, key, &world, self.rotate_paths()?, options),
        })
    }
}

/// What is done with a case.
#[derive(Clone, Copy)]
pub enum Run {
    /// Checking.
    Check,
    /// Opening.
    Open,
    /// Rotating, and opening what came of it.
    Rotate,
}

/// Reads a file of a case; one that is missing says nothing.
fn read_json(path: &Path) -> Result<Json, String> {
    if !path.exists() {
        return Ok(Json::Null);
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Json::parse(&text, 1000).map_err(|e| format!("{}: {e}", path.display()))
}

/// Runs one case.
fn run(folder: &Path, name: &str) -> Result<Report, String> {
    let case = Case::read(folder)?;
    let mut report = Report { case: name.to_owned(), ..Report::default() };
    let mut against = Against { expected: read_json(&folder.join("expected.json"))?, differences: Vec::new() };
    let options = Options::default();
    let parsed = case.parse();
    let check = case.run(Run::Check, &parsed, &options)?;
    let eval = case.run(Run::Open, &parsed, &options)?;
    report.check = against.same("checkJson", &plain(&check, true)) & against.same_schema("check", &check);
    report.redacted = against.same("evalJsonRedacted", &plain(&eval, true));
    report.revealed = against.same("evalJSONRevealed", &plain(&eval, false));
    report.diagnostics = against.same_diagnostics("loadDiags", &parsed.diagnostics)
        & against.same_diagnostics("checkDiags", &check.diagnostics)
        & against.same_diagnostics("evalDiags", &eval.diagnostics);
    report.rest = against.same_whole("check", &check)? & against.same_whole("eval", &eval)?;
    if case.flag("rotate") {
        let rotate = case.run(Run::Rotate, &parsed, &options)?;
        report.rest &= against.same("rotateJson", &plain(&rotate, true));
        report.rest &= against.same_diagnostics("rotateDiags", &rotate.diagnostics);
        report.rest &= against.same_whole("rotate", &rotate)?;
        report.rest &= against.same_patches(&rotate);
    }
    report.differences = against.differences;
    Ok(report)
}

fn plain(evaluation: &Evaluation, redact: bool) -> Json {
    evaluation.environment.as_ref().map_or(Json::Null, |environment: &Environment| environment.to_json(redact))
}

/// What is expected, and where the results are something else.
struct Against {
    expected: Json,
    differences: Vec<String>,
}

impl Against {
    fn equal(&mut self, what: &str, theirs: &Json, ours: &Json) -> bool {
        self.differences.extend(compare::values(what, theirs, ours));
        theirs == ours
    }

    /// Compares with a key of the expectation; missing and empty are the same.
    fn same(&mut self, key: &str, ours: &Json) -> bool {
        let theirs = self.expected.get(key).cloned().unwrap_or(Json::Null);
        (is_empty(&theirs) && is_empty(ours)) || self.equal(key, &theirs, ours)
    }

    fn same_diagnostics(&mut self, key: &str, ours: &[Diagnostic]) -> bool {
        let differences = compare::diagnostics(key, &self.expected, ours);
        let same = differences.is_empty();
        self.differences.extend(differences);
        same
    }

    fn same_schema(&mut self, key: &str, ours: &Evaluation) -> bool {
        let theirs = self.expected.get(key).and_then(|side| side.get("schema")).map_or(Json::Null, tidy);
        let ours = ours.environment.as_ref().map_or(Json::Null, |e| e.schema.to_json());
        self.equal(&format!("{key}.schema"), &theirs, &tidy(&ours))
    }

    /// Compares a whole result: expressions, values with their traces, schemas, context.
    fn same_whole(&mut self, key: &str, ours: &Evaluation) -> Result<bool, String> {
        let ours = match &ours.environment {
            None => Json::Null,
            Some(environment) => {
                let text = environment.to_text(usize::MAX).map_err(|_| "the result is too long")?;
                tidy(&Json::parse(&text, 1000)?)
            }
        };
        let theirs = self.expected.get(key).map_or(Json::Null, tidy);
        Ok(self.equal(key, &theirs, &ours))
    }

    fn same_patches(&mut self, ours: &Evaluation) -> bool {
        let mut out = BTreeMap::new();
        for (path, value) in ours.rotations.iter().filter_map(|rotation| rotation.patch.as_ref()) {
            out.insert(path.clone(), value.to_json(false));
        }
        let theirs = self.expected.get("rotatePatches").and_then(Json::as_array).unwrap_or_default();
        let each = |patch: &Json| {
            let path = patch.get("DocPath")?.as_str()?.to_owned();
            Some((path, Value::from_json(patch.get("Replacement")?).ok()?.to_json(false)))
        };
        let theirs = Json::Object(theirs.iter().filter_map(each).collect());
        self.equal("rotatePatches", &theirs, &Json::Object(out))
    }
}
