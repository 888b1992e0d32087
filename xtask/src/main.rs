//! `cargo xtask …`: the command line of the workspace's tools.

use clap::{Parser, Subcommand};
use std::{ffi::OsString, process::ExitCode};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The tools of this workspace")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the files that derive from contract/.
    Gen {
        /// Write nothing; fail if a file is not up to date.
        #[arg(long)]
        check: bool,
    },
    /// Check the laws of the house that no compiler checks.
    Tidy,
    /// Write events into the log of a new, or an existing and stopped, installation (`fill --help`).
    #[command(disable_help_flag = true)]
    Fill(Handed),
    /// Measure what docs/PERFORMANCE.md tells (`bench --help`).
    #[command(disable_help_flag = true)]
    Bench(Handed),
    /// Run the ESC evaluator over a folder of cases (`[--cases DIR] [--json] [--verbose] [--status] [--time CASE RUNS]`).
    #[command(disable_help_flag = true)]
    EscConformance(Handed),
    /// Kill the server under writing clients and see that nothing is lost (`crash --help`).
    #[command(disable_help_flag = true)]
    Crash(Handed),
}

/// Arguments that another program understands.
#[derive(clap::Args)]
struct Handed {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

fn main() -> ExitCode {
    let root = xtask::root();
    let outcome = match Cli::parse().command {
        Command::Gen { check } => xtask::generate::run(&root, check),
        Command::Tidy => xtask::tidy::run(&root),
        Command::Fill(handed) => xtask::measure::run(&root, "fill", &handed.arguments),
        Command::Bench(handed) => xtask::measure::run(&root, "bench", &handed.arguments),
        Command::EscConformance(handed) => xtask::conformance::run(&root, &handed.arguments),
        Command::Crash(handed) => xtask::measure::run(&root, "crash", &handed.arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
