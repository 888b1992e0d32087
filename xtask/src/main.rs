//! `cargo xtask …`: the command line of the workspace's tools.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

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
}

fn main() -> ExitCode {
    let root = xtask::root();
    let outcome = match Cli::parse().command {
        Command::Gen { check } => xtask::generate::run(&root, check),
        Command::Tidy => xtask::tidy::run(&root),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
