//! The binary `pileus`: configuration, wiring, start and stop, and the thin administrative clients.
//!
//! This room knows the command line, the environment, `pileus.toml`, the data directory, signals and in which order the
//! floors below are started and stopped. It must never know SQL, a route, a rule of authorisation or a wire type: the
//! clients speak the public API like anybody else.

pub mod cli;
pub mod client;
pub mod config;
pub mod data_dir;
pub mod failure;
mod output;
mod serve;

use clap::Parser as _;
use cli::{Cli, Command, ConfigCommand, KeysCommand};
use failure::Failure;
use pileus_model::entropy::SystemEntropy;
use pileus_service::keys::Keys;
use std::process::ExitCode;

/// Reads the command line, does what it says and gives the exit code: 0, 1 (it failed) or 2 (wrong usage).
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

/// Does what the command line says.
fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Serve(options) => serve::run(&config::Loaded::from_process(&options)?),
        Command::Config { command: ConfigCommand::Show(options) } => {
            let loaded = config::Loaded::from_process(&options)?;
            for warning in loaded.warnings() {
                eprintln!("warning: {warning}");
            }
            output::print(&config::show(&loaded))
        }
        Command::User { at, command } => {
            client::run(&at, async |api: &client::Api| client::user::run(api, command).await)
        }
        Command::Org { at, command } => {
            client::run(&at, async |api: &client::Api| client::org::run(api, command).await)
        }
        Command::Keys { command: KeysCommand::Generate, .. } => {
            output::print(&format!("{}\n", Keys::generate(&SystemEntropy)))
        }
        Command::Keys { at, command } => {
            client::run(&at, async |api: &client::Api| client::keys::run(api, command).await)
        }
        Command::Token { at, command } => {
            client::run(&at, async |api: &client::Api| client::token::run(api, command).await)
        }
    }
}
