//! `esc-conformance [--cases DIR] [--json] [--verbose]`: runs a folder of evaluator cases and says where results differ.
//!
//! The layout of a folder is that of upstream's evaluator tests: `CASE/env.yaml`, importable environments beside it,
//! `overrides.json`, `expected.json`.

mod cases;
mod fakes;
mod schemas;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut folder = std::env::var_os("PILEUS_CONFORMANCE").map_or_else(cases::default_folder, PathBuf::from);
    let (mut json, mut verbose) = (false, false);
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--cases") => match arguments.next() {
                Some(path) => folder = PathBuf::from(path),
                None => return fail("--cases needs a folder"),
            },
            Some("--json") => json = true,
            Some("--verbose") => verbose = true,
            _ => return fail("usage: esc-conformance [--cases DIR] [--json] [--verbose]"),
        }
    }
    match cases::run_all(&folder) {
        Err(message) => fail(&message),
        Ok(reports) if json => {
            println!("{}", cases::to_json(&reports).to_text());
            ExitCode::SUCCESS
        }
        Ok(reports) => {
            print!("{}", cases::table(&reports));
            if verbose {
                for (report, difference) in reports.iter().flat_map(|r| r.differences.iter().map(move |d| (r, d))) {
                    println!("{}: {difference}", report.case);
                }
            }
            ExitCode::SUCCESS
        }
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}
