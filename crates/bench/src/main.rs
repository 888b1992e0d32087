//! `pileus-bench`: the command line behind `cargo xtask fill`, `bench` and `crash`.
//!
//! This room knows the flags. It must never know how anything is measured.

use clap::{Args, Parser, Subcommand, ValueEnum};
use pileus_bench::{
    Result,
    bench::{self, Engines, Part, Plan},
    crash::{self, Cycles},
    install::{self, Place},
};
use pileus_testkit::{
    postgres::{Cluster, Durability},
    server::Start,
};
use std::{path::PathBuf, process::ExitCode};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Fills, measures and kills the release binary")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write realistic events into the log of a new, or an existing and stopped, installation.
    Fill(FillOptions),
    /// Measure what docs/PERFORMANCE.md tells. Asserts nothing.
    Bench(BenchOptions),
    /// Kill the server under writing clients, again and again, and compare what was acknowledged with what is there.
    Crash(CrashOptions),
}

#[derive(Args)]
struct FillOptions {
    /// How many events.
    #[arg(long)]
    events: u64,
    /// The same seed gives the same events.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The data directory of an installation on SQLite.
    #[arg(long, required_unless_present = "database", conflicts_with = "database")]
    data_dir: Option<PathBuf>,
    /// The URL of an installation on PostgreSQL.
    #[arg(long)]
    database: Option<String>,
    /// The organisation; a new installation gets it.
    #[arg(long, default_value = "pulumi")]
    org: String,
}

#[derive(Args)]
struct BenchOptions {
    /// Events in the large log; the small one has a tenth.
    #[arg(long, default_value_t = 2_000_000)]
    events: u64,
    /// Fewer and shorter rounds, for a first look.
    #[arg(long)]
    quick: bool,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// On which engines.
    #[arg(long, value_enum, default_value = "both")]
    engine: Engines,
    /// Also write the figures to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Keep the filled installations on SQLite here, and use those that are there.
    #[arg(long)]
    keep: Option<PathBuf>,
}

#[derive(Args)]
struct CrashOptions {
    /// How many kills.
    #[arg(long, default_value_t = 20)]
    cycles: u32,
    /// From which the moments of the kills are drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// On which engine.
    #[arg(long, value_enum, default_value = "sqlite")]
    engine: Engine,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    Sqlite,
    Postgres,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(command)),
        Err(error) => Err(format!("no runtime: {error}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Fill(options) => fill(options).await,
        Command::Bench(options) => {
            let plan = Plan {
                binary: binary()?,
                events: options.events,
                quick: options.quick,
                only: options.only,
                engines: options.engine,
                keep: options.keep,
            };
            let report = bench::run(&plan).await?;
            println!("{}\n{}", report.table(), report.json());
            match options.json {
                Some(path) => std::fs::write(&path, format!("{:#}\n", report.json()))
                    .map_err(|e| format!("{}: {e}", path.display())),
                None => Ok(()),
            }
        }
        Command::Crash(options) => kill(options).await,
    }
}

async fn fill(options: FillOptions) -> Result<()> {
    let place = match (options.data_dir, options.database) {
        (Some(directory), _) => Place::Sqlite(directory),
        (None, Some(url)) => Place::Postgres(url),
        (None, None) => return Err("--data-dir or --database is needed".into()),
    };
    let filled = install::fill(&place, &options.org, options.events, options.seed).await?;
    println!("{filled}");
    Ok(())
}

async fn kill(options: CrashOptions) -> Result<()> {
    let directory = tempfile::tempdir().map_err(|e| format!("no directory: {e}"))?;
    let mut start = Start::new(binary()?, directory.path().join("data"));
    let cluster = if options.engine == Engine::Postgres {
        Some(Cluster::start(Durability::Real).ok_or("there is no PostgreSQL 15 or newer on this machine")?)
    } else {
        None
    };
    start.database = cluster.as_ref().map(Cluster::fresh_database);
    let cycles = Cycles { cycles: options.cycles, seed: options.seed, clients: 16 };
    let report = crash::run(&start, cycles).await?;
    println!(
        "{} kills: {} acknowledged changes are all there, each with its event; {} more were made but not acknowledged; {} events without a gap",
        options.cycles, report.acknowledged, report.unacknowledged, report.events
    );
    Ok(())
}

/// The server's binary: beside this one.
fn binary() -> Result<PathBuf> {
    let this = std::env::current_exe().map_err(|e| format!("who am I: {e}"))?;
    let binary = this.with_file_name("pileus");
    if binary.exists() { Ok(binary) } else { Err(format!("{} is missing: cargo build --release", binary.display())) }
}
