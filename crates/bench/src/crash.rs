//! Kills the server under writing clients and compares what was acknowledged with what is there.
//!
//! Every client creates teams of names that nobody else uses and notes which were acknowledged (201). After each kill (-9)
//! the server starts again on the same data, and then: no acknowledged team is missing, none is without its event, no event
//! is without its team, and the positions in the log have no gap.

use pileus_testkit::{
    client::Client,
    server::{Server, Start},
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How often what is there is looked at until it is at rest.
const LOOKS: u32 = 20;

/// How often, and from which seed the moments of the kills are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Cycles {
    /// Kills.
    pub cycles: u32,
    /// Seed.
    pub seed: u64,
    /// Writing clients.
    pub clients: u32,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Teams that were acknowledged.
    pub acknowledged: usize,
    /// Teams that are there although the acknowledgement did not arrive (killed in between).
    pub unacknowledged: usize,
    /// Events in the log.
    pub events: usize,
}

/// Runs the cycles.
///
/// # Errors
/// The first promise that was broken, in words.
pub async fn run(start: &Start, cycles: Cycles) -> Result<Report, String> {
    let mut start = start.clone();
    // All clients have the same token; a refusal for haste would end them.
    start.env.push(("PILEUS_LIMITS_REQUESTS_PER_SECOND".into(), "1000000".into()));
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let mut random = cycles.seed;
    for cycle in 0..cycles.cycles {
        let server = start.run();
        if cycle > 0 {
            compare(&server.admin(), &acknowledged).await.map_err(|e| format!("after kill {cycle}: {e}"))?;
        }
        write_until_killed(server, cycle, cycles, &mut random, &acknowledged).await;
    }
    let server = start.run();
    let report = compare(&server.admin(), &acknowledged).await.map_err(|e| format!("at the end: {e}"))?;
    let (code, _) = server.stop();
    if code == Some(0) { Ok(report) } else { Err(format!("the server ended with {code:?} after SIGTERM")) }
}

async fn write_until_killed(
    server: Server,
    cycle: u32,
    cycles: Cycles,
    random: &mut u64,
    acknowledged: &Arc<Mutex<BTreeSet<String>>>,
) {
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..cycles.clients)
        .map(|client| {
            let (admin, stop, acknowledged) = (server.admin(), Arc::clone(&stop), Arc::clone(acknowledged));
            tokio::spawn(async move {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    let name = format!("t-{cycle}-{client}-{number}");
                    number += 1;
                    if create(&admin, &name).await {
                        acknowledged.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
                    } else {
                        break;
                    }
                }
            })
        })
        .collect();
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    tokio::time::sleep(Duration::from_millis(20 + (*random >> 33) % 300)).await;
    server.kill();
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        let _ = writer.await;
    }
}

/// Whether the creation was acknowledged. A connection that breaks acknowledges nothing.
async fn create(admin: &Client, name: &str) -> bool {
    let body = json!({"name": name, "displayName": name, "description": ""});
    let request = admin
        .request("POST", "/api/orgs/pulumi/teams/pulumi")
        .header("Content-Type", "application/json")
        .body(body.to_string());
    match request.send().await {
        Ok(response) => response.status().as_u16() == 201,
        Err(_) => false,
    }
}

/// The names of all teams.
async fn teams(admin: &Client) -> BTreeSet<String> {
    let answer = admin.get("/api/orgs/pulumi/teams").await.expect(200).json();
    let teams = answer["teams"].as_array();
    teams.map(|teams| teams.iter().filter_map(|t| t["name"].as_str().map(str::to_owned)).collect()).unwrap_or_default()
}

/// Everything that is there, compared with what was acknowledged. PostgreSQL may still be finishing what the killed server
/// had asked for: so the teams are looked at before and after the events, until both looks are alike.
async fn compare(admin: &Client, acknowledged: &Arc<Mutex<BTreeSet<String>>>) -> Result<Report, String> {
    let acknowledged = acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut before = teams(admin).await;
    for _ in 0..LOOKS {
        let events = export(admin).await?;
        let after = teams(admin).await;
        if before == after {
            return check(&after, &events, &acknowledged);
        }
        before = after;
    }
    Err(format!("teams still appeared after {LOOKS} looks, although nobody writes"))
}

fn check(
    teams: &BTreeSet<String>,
    events: &[BTreeMap<String, String>],
    acknowledged: &BTreeSet<String>,
) -> Result<Report, String> {
    if let Some(lost) = acknowledged.difference(teams).next() {
        return Err(format!("team {lost} was acknowledged and is gone"));
    }
    let mut created: BTreeMap<String, usize> = BTreeMap::new();
    let mut sequences = Vec::new();
    for row in events {
        sequences.push(row["Sequence"].parse::<i64>().map_err(|e| format!("sequence: {e}"))?);
        if row["EventType"] == "team-created" {
            *created.entry(row["Target"].clone()).or_insert(0) += 1;
        }
    }
    if let Some((team, n)) = created.iter().find(|(team, n)| **n != 1 || !teams.contains(*team)) {
        return Err(format!(
            "team {team} has {n} events and is {}there",
            if teams.contains(team) { "" } else { "not " }
        ));
    }
    if let Some(team) = teams.iter().find(|team| !created.contains_key(*team)) {
        return Err(format!("team {team} is there without its event"));
    }
    // Newest first, down to 1.
    let count = i64::try_from(sequences.len()).unwrap_or(i64::MAX);
    if sequences.iter().copied().ne((1..=count).rev()) {
        return Err(format!("the positions in the log have a gap: {count} events, first {:?}", sequences.first()));
    }
    Ok(Report {
        acknowledged: acknowledged.len(),
        unacknowledged: teams.len() - acknowledged.len(),
        events: events.len(),
    })
}

async fn export(admin: &Client) -> Result<Vec<BTreeMap<String, String>>, String> {
    let answer = admin.get("/api/orgs/pulumi/auditlogs/v2/export?columns=all").await.expect(200);
    let mut text = String::new();
    flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_string(&mut text).map_err(|e| format!("gzip: {e}"))?;
    csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<Result<_, _>>().map_err(|e| format!("csv: {e}"))
}
