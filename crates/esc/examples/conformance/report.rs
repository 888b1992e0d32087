//! What came of the cases: for people as a table, for programs as JSON.

use pileus_esc::json::Json;
use std::fmt::Write as _;

/// What came of a case. True where both sides lack the thing.
#[derive(Debug, Default)]
pub struct Report {
    /// The name of its folder.
    pub case: String,
    /// `evalJSONRevealed`
    pub revealed: bool,
    /// `evalJsonRedacted`
    pub redacted: bool,
    /// `checkJson` and the schema of `check`.
    pub check: bool,
    /// The diagnostics of loading, checking and opening.
    pub diagnostics: bool,
    /// Everything else of the results: expressions, traces, schemas of the opened environment, rotations.
    pub rest: bool,
    /// What differs, a line each.
    pub differences: Vec<String>,
}

impl Report {
    /// A case that could not be run.
    pub fn failed(case: &str, why: String) -> Self {
        Self { case: case.to_owned(), differences: vec![why], ..Self::default() }
    }
}

/// The report that other programs read.
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

const BEGIN: &str = "<!-- esc conformance: begin -->";
const END: &str = "<!-- esc conformance: end -->";

/// The text of `docs/STATUS.md` with the table between its markers.
pub fn status(present: &str, reports: &[Report]) -> Result<String, String> {
    let missing = || format!("docs/STATUS.md: the lines {BEGIN} and {END} are missing");
    let (before, rest) = present.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}\n\n{}\n{END}{after}", table(reports)))
}
