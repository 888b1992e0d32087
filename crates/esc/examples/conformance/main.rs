//! `esc-conformance`: runs a folder of evaluator cases and says where results differ.
//!
//! The layout of a folder is that of upstream's evaluator tests: `CASE/env.yaml`, importable environments beside it,
//! `overrides.json`, `expected.json`. What is missing counts as empty.

mod cases;
mod compare;
mod fakes;
mod report;
mod schemas;
mod speed;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: esc-conformance [--cases DIR] [--json] [--verbose]\n       \
    esc-conformance [--cases DIR] --status   write the table into docs/STATUS.md\n       \
    esc-conformance --time CASE RUNS         nanoseconds of processor time per step";

#[derive(Default)]
struct Arguments {
    folder: Option<PathBuf>,
    json: bool,
    verbose: bool,
    status: bool,
    time: Option<(PathBuf, u64)>,
}

fn arguments() -> Option<Arguments> {
    let mut read = Arguments::default();
    let mut given = std::env::args_os().skip(1);
    while let Some(argument) = given.next() {
        match argument.to_str()? {
            "--cases" => read.folder = Some(given.next()?.into()),
            "--json" => read.json = true,
            "--verbose" => read.verbose = true,
            "--status" => read.status = true,
            "--time" => read.time = Some((given.next()?.into(), given.next()?.to_str()?.parse().ok()?)),
            _ => return None,
        }
    }
    Some(read)
}

fn main() -> ExitCode {
    let done = arguments().ok_or_else(|| USAGE.to_owned()).and_then(|arguments| run(&arguments));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    if let Some((case, runs)) = &arguments.time {
        println!("{}", speed::measure(case, *runs)?.to_text());
        return Ok(());
    }
    let named = std::env::var_os("PILEUS_CONFORMANCE").map(PathBuf::from);
    let folder = arguments.folder.clone().or(named).unwrap_or_else(cases::default_folder);
    let reports = cases::run_all(&folder)?;
    if arguments.status {
        return write_status(&cases::status_file(), &reports);
    }
    if arguments.json {
        println!("{}", report::to_json(&reports).to_text());
    } else {
        print!("{}", report::table(&reports));
    }
    if arguments.verbose {
        for (report, difference) in reports.iter().flat_map(|r| r.differences.iter().map(move |d| (r, d))) {
            eprintln!("{}: {difference}", report.case);
        }
    }
    Ok(())
}

fn write_status(file: &Path, reports: &[report::Report]) -> Result<(), String> {
    let explain = |e| format!("{}: {e}", file.display());
    let present = std::fs::read_to_string(file).map_err(explain)?;
    std::fs::write(file, report::status(&present, reports)?).map_err(explain)
}
