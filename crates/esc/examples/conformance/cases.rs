//! Runs cases and compares their results with what is expected.

use crate::fakes::{Providers, Rot128, Siblings};
use pileus_esc::diag::Diagnostic;
use pileus_esc::host::ExecContext;
use pileus_esc::json::Json;
use pileus_esc::value::Value;
use pileus_esc::{Environment, Evaluation, Limits, Options, World, path};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What came of a case. True where both sides lack the thing.
#[derive(Debug, Default)]
pub struct Report {
    pub case: String,
    pub revealed: bool,
    pub redacted: bool,
    pub check: bool,
    pub diagnostics: bool,
    /// Everything else of the results: expressions, traces, schemas of the opened environment, rotations.
    pub rest: bool,
    pub differences: Vec<String>,
}

/// The folder beside this repository.
pub fn default_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/esc-eval")
}

/// Runs every folder within that has an `env.yaml`, in order.
pub fn run_all(folder: &Path) -> Result<Vec<Report>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut cases: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    cases.retain(|path| path.join("env.yaml").is_file());
    cases.sort();
    cases.iter().map(|path| run(path)).collect()
}

/// The report that others read.
pub fn to_json(reports: &[Report]) -> Json {
    let each = |report: &Report| {
        Json::object(vec![
            ("case", Json::from(report.case.as_str())),
            ("revealed", Json::from(report.revealed)),
            ("redacted", Json::from(report.redacted)),
            ("check", Json::from(report.check)),
            ("diagnostics", Json::from(report.diagnostics)),
        ])
    };
    Json::object(vec![("cases", Json::Array(reports.iter().map(each).collect()))])
}

/// The report as a table, with a line of sums.
pub fn table(reports: &[Report]) -> String {
    let mut out = String::from(
        "| case | revealed | redacted | check | diagnostics | rest |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let sign = |ok: bool| if ok { "yes" } else { "**no**" };
    for r in reports {
        let cells = [r.revealed, r.redacted, r.check, r.diagnostics, r.rest].map(sign).join(" | ");
        let _infallible = writeln!(out, "| {} | {cells} |", r.case);
    }
    let sum = |pick: fn(&Report) -> bool| reports.iter().filter(|r| pick(r)).count();
    let _infallible = writeln!(
        out,
        "| {} cases | {} | {} | {} | {} | {} |",
        reports.len(),
        sum(|r| r.revealed),
        sum(|r| r.redacted),
        sum(|r| r.check),
        sum(|r| r.diagnostics),
        sum(|r| r.rest)
    );
    out
}

fn read_json(path: &Path) -> Result<Option<Json>, String> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Json::parse(&text, 1000).map(Some).map_err(|e| format!("{}: {e}", path.display()))
}

/// Runs one case.
fn run(folder: &Path) -> Result<Report, String> {
    let case = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let overrides = read_json(&folder.join("overrides.json"))?.unwrap_or(Json::Null);
    let expected = read_json(&folder.join("expected.json"))?.unwrap_or(Json::Null);
    let name = overrides.get("rootEnvironment").and_then(Json::as_str).unwrap_or(&case).to_owned();
    let flag = |key: &str| overrides.get(key) == Some(&Json::Bool(true));
    let text = std::fs::read_to_string(folder.join("env.yaml")).map_err(|e| format!("{case}: {e}"))?;

    let options = Options::default();
    let user = Value::object([("user", Value::object([("id", Value::string("USER_123"))]))]);
    let context = ExecContext::new(BTreeMap::from([("pulumi".to_owned(), user)]))?;
    let loader = Siblings { folder: folder.to_owned() };
    let world = World { providers: &Providers, loader: &loader, context: &context };
    let parsed = pileus_esc::parse(&name, &text, &Limits::default());
    let run = |mode: &str| match &parsed.environment {
        None => Evaluation { environment: None, diagnostics: Vec::new(), rotations: Vec::new() },
        Some(document) => match mode {
            "check" => pileus_esc::check(&name, document, &Rot128, &world, flag("showSecrets"), &options),
            "eval" => pileus_esc::open(&name, document, &Rot128, &world, &options),
            _ => pileus_esc::rotate(&name, document, &Rot128, &world, rotate_paths(&overrides), &options),
        },
    };
    let mut report = Report { case, ..Report::default() };
    let (check, eval) = (run("check"), run("eval"));
    report.check = report.same("checkJson", &expected, &plain(&check, true));
    let schema = |side: &Json| side.get("check").and_then(|c| c.get("schema")).cloned().unwrap_or(Json::Null);
    let ours = check.environment.as_ref().map_or(Json::Null, |e| e.schema.to_json());
    report.check &= report.equal("check.schema", &tidy(&schema(&expected)), &tidy(&ours));
    report.redacted = report.same("evalJsonRedacted", &expected, &plain(&eval, true));
    report.revealed = report.same("evalJSONRevealed", &expected, &plain(&eval, false));
    report.diagnostics = report.same_diagnostics("loadDiags", &expected, &parsed.diagnostics)
        & report.same_diagnostics("checkDiags", &expected, &check.diagnostics)
        & report.same_diagnostics("evalDiags", &expected, &eval.diagnostics);
    report.rest = report.same_whole("check", &expected, &check)? & report.same_whole("eval", &expected, &eval)?;
    if flag("rotate") {
        let rotate = run("rotate");
        report.rest &= report.same("rotateJson", &expected, &plain(&rotate, true));
        report.rest &= report.same_diagnostics("rotateDiags", &expected, &rotate.diagnostics);
        report.rest &= report.same_whole("rotate", &expected, &rotate)?;
        report.rest &= report.same_patches(&expected, &rotate);
    }
    Ok(report)
}

fn rotate_paths(overrides: &Json) -> Vec<Vec<path::Step>> {
    let paths = overrides.get("rotatePaths").and_then(Json::as_array).unwrap_or_default();
    paths.iter().filter_map(|path| path::parse(path.as_str()?).ok()).collect()
}

fn plain(evaluation: &Evaluation, redact: bool) -> Json {
    evaluation.environment.as_ref().map_or(Json::Null, |environment: &Environment| environment.to_json(redact))
}

/// Leaves out what is empty: files of different age write it or not.
fn tidy(json: &Json) -> Json {
    match json {
        Json::Array(items) => Json::Array(items.iter().map(tidy).collect()),
        Json::Object(fields) => {
            let kept = fields.iter().map(|(k, v)| (k.clone(), tidy(v))).filter(|(_, v)| !is_empty(v));
            Json::Object(kept.collect())
        }
        other => other.clone(),
    }
}

fn is_empty(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

impl Report {
    /// Compares with a key of the expectation; missing and empty are the same.
    fn same(&mut self, key: &str, expected: &Json, ours: &Json) -> bool {
        let theirs = expected.get(key).unwrap_or(&Json::Null);
        if is_empty(theirs) && is_empty(ours) {
            return true;
        }
        self.equal(key, theirs, ours)
    }

    fn equal(&mut self, what: &str, theirs: &Json, ours: &Json) -> bool {
        let mut at = Vec::new();
        difference(theirs, ours, &mut at, &mut |at, theirs, ours| {
            let text = |json: Option<&Json>| json.map_or("nothing".to_owned(), Json::to_text);
            self.differences.push(format!("{what} {}: expected {}, got {}", at.join("/"), text(theirs), text(ours)));
        });
        theirs == ours
    }

    fn same_diagnostics(&mut self, key: &str, expected: &Json, ours: &[Diagnostic]) -> bool {
        let mut differences = compare_diagnostics(key, expected, ours);
        let same = differences.is_empty();
        self.differences.append(&mut differences);
        same
    }

    /// Compares a whole result: expressions, values with their traces, schemas, context.
    fn same_whole(&mut self, key: &str, expected: &Json, ours: &Evaluation) -> Result<bool, String> {
        let ours = match &ours.environment {
            None => Json::Null,
            Some(environment) => {
                let text = environment.to_text(usize::MAX).map_err(|_| "too long")?;
                tidy(&Json::parse(&text, 1000)?)
            }
        };
        let theirs = expected.get(key).map_or(Json::Null, tidy);
        Ok(self.equal(key, &theirs, &ours))
    }

    fn same_patches(&mut self, expected: &Json, ours: &Evaluation) -> bool {
        let mut out = BTreeMap::new();
        for (path, value) in ours.rotations.iter().filter_map(|rotation| rotation.patch.as_ref()) {
            out.insert(path.clone(), value.to_json(false));
        }
        let theirs = expected.get("rotatePatches").and_then(Json::as_array).unwrap_or_default();
        let each = |patch: &Json| {
            let path = patch.get("DocPath")?.as_str()?.to_owned();
            Some((path, Value::from_json(patch.get("Replacement")?).ok()?.to_json(false)))
        };
        let theirs = Json::Object(theirs.iter().filter_map(each).collect());
        self.equal("rotatePatches", &theirs, &Json::Object(out))
    }
}

/// Compares diagnostics as multisets of severity, range, path and summary.
pub fn compare_diagnostics(key: &str, expected: &Json, ours: &[Diagnostic]) -> Vec<String> {
    let theirs = expected.get(key).and_then(Json::as_array).unwrap_or_default();
    let mut theirs: Vec<String> = theirs.iter().map(diagnostic_of).collect();
    let mut ours: Vec<String> = ours.iter().map(text_of).collect();
    theirs.sort();
    ours.sort();
    let mut differences = Vec::new();
    for text in theirs.iter().filter(|text| !ours.contains(text)) {
        differences.push(format!("{key} lacks {text}"));
    }
    for text in ours.iter().filter(|text| !theirs.contains(text)) {
        differences.push(format!("{key} has   {text}"));
    }
    if theirs.len() != ours.len() {
        differences.push(format!("{key}: expected {}, got {}", theirs.len(), ours.len()));
    }
    differences
}

/// Takes a place and what the two sides have there.
type Visit<'v> = dyn FnMut(&[String], Option<&Json>, Option<&Json>) + 'v;

/// Visits the leaves that differ.
fn difference(theirs: &Json, ours: &Json, at: &mut Vec<String>, visit: &mut Visit<'_>) {
    match (theirs, ours) {
        (Json::Object(a), Json::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                at.push(key.clone());
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => difference(a, b, at, visit),
                    (a, b) => visit(at, a, b),
                }
                at.pop();
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                at.push(i.to_string());
                difference(a, b, at, visit);
                at.pop();
            }
        }
        (a, b) if a != b => visit(at, Some(a), Some(b)),
        _ => {}
    }
}

fn text_of(diagnostic: &Diagnostic) -> String {
    let place = diagnostic.range.as_ref().map_or("nowhere".to_owned(), |range| {
        let (b, e) = (range.begin, range.end);
        format!("{} {}:{}:{}-{}:{}:{}", range.environment, b.line, b.column, b.byte, e.line, e.column, e.byte)
    });
    let severity = if diagnostic.is_error() { 1 } else { 2 };
    format!("{severity} {place} [{}] {}", diagnostic.path, diagnostic.summary)
}

fn diagnostic_of(json: &Json) -> String {
    let text = |json: &Json, key: &str| match json.get(key) {
        Some(Json::String(text) | Json::Number(text)) => text.clone(),
        _ => String::new(),
    };
    let place = match json.get("Subject") {
        Some(subject @ Json::Object(_)) => {
            let pos = |key: &str| {
                let pos = subject.get(key).unwrap_or(&Json::Null);
                format!("{}:{}:{}", text(pos, "Line"), text(pos, "Column"), text(pos, "Byte"))
            };
            format!("{} {}-{}", text(subject, "Filename"), pos("Start"), pos("End"))
        }
        _ => "nowhere".to_owned(),
    };
    format!("{} {place} [{}] {}", text(json, "Severity"), text(json, "Path"), text(json, "Summary"))
}
