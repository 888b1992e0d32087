//! An installation to be measured: where its data is, how its server is started, and what it costs.
//!
//! This room knows processes, directories and `/proc`. It must never know what is measured.

use super::{Plan, SEED, now};
use crate::{
    Result,
    install::{self, Place},
    wire::Connection,
};
use pileus_store::StoreConfig;
use pileus_testkit::{
    postgres::{Cluster, Durability},
    server::{Server, Start, TOKEN},
};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// The embedded engine.
pub const SQLITE: &str = "sqlite";
/// The other one.
pub const POSTGRES: &str = "postgres";

/// An installation.
#[derive(Debug)]
pub struct Site {
    /// Which engine.
    pub engine: &'static str,
    /// How its server is started.
    pub start: Start,
    /// The database's server, where it is PostgreSQL.
    _cluster: Option<Cluster>,
    _directory: TempDir,
}

impl Site {
    /// A new installation on SQLite.
    pub fn sqlite(plan: &Plan) -> Result<Self> {
        let directory = directory()?;
        let start = start(plan, directory.path().join("data"));
        Ok(Self { engine: SQLITE, start, _cluster: None, _directory: directory })
    }

    /// A new installation on PostgreSQL as it is by default: everything that is committed is on the disk.
    pub fn postgres(plan: &Plan) -> Result<Self> {
        let cluster = Cluster::start(Durability::Real).ok_or("there is no PostgreSQL 15 or newer on this machine")?;
        let directory = directory()?;
        let mut start = start(plan, directory.path().join("data"));
        start.database = Some(cluster.fresh_database());
        Ok(Self { engine: POSTGRES, start, _cluster: Some(cluster), _directory: directory })
    }

    /// A new installation on this engine.
    pub fn new(plan: &Plan, postgres: bool) -> Result<Self> {
        if postgres { Self::postgres(plan) } else { Self::sqlite(plan) }
    }

    /// What the store is opened with beside the running server, to count rows.
    pub fn store(&self) -> StoreConfig {
        match &self.start.database {
            Some(url) => StoreConfig::postgres(url.clone()),
            None => StoreConfig::sqlite(self.start.data_dir.join(install::FILE)),
        }
    }

    /// An installation on SQLite with so many events: one that was kept, or a new one.
    pub async fn filled_sqlite(plan: &Plan, events: u64) -> Result<Self> {
        let mut site = Self::sqlite(plan)?;
        if let Some(keep) = &plan.keep {
            fs::create_dir_all(keep).map_err(|e| format!("{}: {e}", keep.display()))?;
            let keep = keep.canonicalize().map_err(|e| format!("{}: {e}", keep.display()))?;
            let done = keep.join(format!("sqlite-{events}.done"));
            site.start.data_dir = keep.join(format!("sqlite-{events}"));
            if done.exists() {
                return Ok(site);
            }
            site.fill(&Place::Sqlite(site.start.data_dir.clone()), events).await?;
            fs::write(&done, "").map_err(|e| format!("{}: {e}", done.display()))?;
        } else {
            site.fill(&Place::Sqlite(site.start.data_dir.clone()), events).await?;
        }
        Ok(site)
    }

    /// A new installation on PostgreSQL with so many events.
    pub async fn filled_postgres(plan: &Plan, events: u64) -> Result<Self> {
        let site = Self::postgres(plan)?;
        site.fill(&Place::Postgres(site.start.database.clone().unwrap_or_default()), events).await?;
        Ok(site)
    }

    async fn fill(&self, place: &Place, events: u64) -> Result<()> {
        eprintln!("filling {} with {events} events", self.engine);
        let filled = install::fill(place, "pulumi", events, SEED).await?;
        eprintln!("{:.1} s", filled.seconds);
        Ok(())
    }

    /// Starts its server, and connects to it.
    pub async fn run(&self) -> Result<(Server, Connection)> {
        let server = self.start.run();
        let connection = Connection::open(&server.url, TOKEN).await?;
        Ok((server, connection))
    }
}

/// Nobody is slowed down here; the clients are few, and faster than people.
fn start(plan: &Plan, data_dir: PathBuf) -> Start {
    let mut start = Start::new(&plan.binary, data_dir);
    for name in ["PILEUS_LIMITS_REQUESTS_PER_SECOND", "PILEUS_LIMITS_PUBLIC_REQUESTS_PER_SECOND"] {
        start.env.push((name.into(), "1000000".into()));
    }
    start
}

fn directory() -> Result<TempDir> {
    tempfile::Builder::new().prefix("pileus-bench-").tempdir().map_err(|e| format!("no directory: {e}"))
}

/// Makes personal tokens of the admin.
pub async fn tokens(admin: &mut Connection, count: usize) -> Result<Vec<String>> {
    let mut tokens = Vec::with_capacity(count);
    for n in 0..count {
        admin.post("/api/user/tokens", &format!(r#"{{"description":"bench {n}","expires":0}}"#)).await?;
        tokens.push(token(&admin.body)?);
    }
    Ok(tokens)
}

/// The value of the token in this answer.
pub fn token(body: &[u8]) -> Result<String> {
    let made: serde_json::Value = serde_json::from_slice(body).map_err(|e| format!("token: {e}"))?;
    Ok(made["tokenValue"].as_str().ok_or("no tokenValue")?.to_owned())
}

/// A counter of `/metrics`; 0 if it is not there.
pub async fn counter(connection: &mut Connection, name: &str) -> Result<f64> {
    connection.get("/metrics").await?;
    let text = String::from_utf8_lossy(&connection.body);
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0))
}

/// Forgets the peak of the server's resident memory, so that the next one counts.
pub fn reset_peak(server: &Server) -> Result<()> {
    fs::write(format!("/proc/{}/clear_refs", server.pid()), "5").map_err(|e| format!("clear_refs: {e}"))
}

/// The peak of the server's resident memory in MB (10^6 bytes).
pub fn peak_mb(server: &Server) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: f64 = line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0.0);
    kilobytes * 1024.0 / 1e6
}

/// Milliseconds of CPU time that the server's living threads have had, finer than [`Server::cpu`]; what threads had that
/// have ended is not in it.
pub fn cpu_ms(server: &Server) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).into_iter().flatten().flatten();
    let of =
        |path: PathBuf| fs::read_to_string(path.join("schedstat")).ok()?.split_whitespace().next()?.parse::<f64>().ok();
    tasks.filter_map(|task| of(task.path())).sum::<f64>() / 1e6
}

/// Milliseconds that a GET takes, with its body.
pub async fn timed(connection: &mut Connection, path: &str) -> Result<f64> {
    let began = now();
    connection.get(path).await?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

/// Milliseconds of CPU time that this process has had: the fakes and the clients.
pub fn own_cpu_ms() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(')').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * 10.0
}
