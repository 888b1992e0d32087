//! Audited changes per second: each request is one change with one event, on the disk before it is answered.
//!
//! This room knows how writing clients are counted. It must never know how the server writes.

use super::{
    Line, Plan, Report, median, now, percentile,
    site::{POSTGRES, SQLITE, Site, counter, token},
};
use crate::{Result, wire::Connection};
use pileus_testkit::server::Server;
use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Clients that write at once.
const CLIENTS: usize = 16;
/// Writes to the disk for the baseline.
const SYNCS: u32 = 200;

/// One client: its token, and where it writes.
#[derive(Debug, Clone)]
struct Lane {
    token: String,
    organization: String,
}

/// What one round gave.
#[derive(Debug, Default)]
struct Round {
    rate: f64,
    p50: f64,
    p99: f64,
    commits_per_change: f64,
    cpu: f64,
}

/// On SQLite: one client, sixteen, and what the disk does alone.
pub async fn sqlite(plan: &Plan, report: &mut Report) -> Result<()> {
    let site = Site::sqlite(plan)?;
    let (server, mut admin) = site.run().await?;
    let lanes = lanes(&mut admin, |_| "pulumi".into()).await?;
    let (mut syncs, mut one, mut many) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds() {
        syncs.push(syncs_per_second(&site.start.data_dir)?);
        one.push(round(plan, &server, &mut admin, &lanes[..1]).await?);
        many.push(round(plan, &server, &mut admin, &lanes).await?);
    }
    let syncs = median(syncs);
    report.add(Line {
        what: "baseline: 4 KiB in place and fdatasync".into(),
        engine: "",
        values: vec![("syncs/s", syncs)],
        goal: "",
        met: None,
    });
    let one_rate = median(one.iter().map(|r| r.rate).collect());
    let many_rate = median(many.iter().map(|r| r.rate).collect());
    add(report, "audited changes, 1 client", SQLITE, &one, ("per sync of the baseline", one_rate / syncs), "", None);
    let ratio = many_rate / one_rate;
    let met = Some(ratio >= 4.0 || many_rate >= 5_000.0);
    add(
        report,
        "audited changes, 16 clients",
        SQLITE,
        &many,
        ("ratio to 1 client", ratio),
        "≥ 4 × 1 client or ≥ 5,000/s",
        met,
    );
    Ok(())
}

/// On PostgreSQL: sixteen organisations, one, and one client.
pub async fn postgres(plan: &Plan, report: &mut Report) -> Result<()> {
    let site = Site::postgres(plan)?;
    let (server, mut admin) = site.run().await?;
    for n in 0..CLIENTS {
        let body = format!(r#"{{"name":"org-{n:02}","displayName":"Organisation {n}","admin":"admin"}}"#);
        admin.post("/api/admin/organizations", &body).await?;
    }
    let apart = lanes(&mut admin, |n| format!("org-{n:02}")).await?;
    let together = lanes(&mut admin, |_| "pulumi".into()).await?;
    let (mut one, mut same, mut many) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds() {
        one.push(round(plan, &server, &mut admin, &together[..1]).await?);
        same.push(round(plan, &server, &mut admin, &together).await?);
        many.push(round(plan, &server, &mut admin, &apart).await?);
    }
    let rate = |rounds: &[Round]| median(rounds.iter().map(|r| r.rate).collect());
    let (one_rate, same_rate, many_rate) = (rate(&one), rate(&same), rate(&many));
    add(report, "audited changes, 1 client", POSTGRES, &one, ("ratio to 1 client", 1.0), "", None);
    let same_ratio = ("ratio to 1 client", same_rate / one_rate);
    add(report, "audited changes, 16 clients in one organisation", POSTGRES, &same, same_ratio, "", None);
    let ratio = ("ratio to 1 client", many_rate / one_rate);
    let met = Some(many_rate >= 2_000.0);
    add(report, "audited changes, 16 clients in 16 organisations", POSTGRES, &many, ratio, "≥ 2,000/s", met);
    Ok(())
}

fn add(
    report: &mut Report,
    what: &str,
    engine: &'static str,
    rounds: &[Round],
    ratio: (&'static str, f64),
    goal: &'static str,
    met: Option<bool>,
) {
    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    let values = vec![
        ("changes/s", of(|r| r.rate)),
        ratio,
        ("p50 ms", of(|r| r.p50)),
        ("p99 ms", of(|r| r.p99)),
        ("commits per change", of(|r| r.commits_per_change)),
        ("server CPU ms per change", of(|r| r.cpu)),
    ];
    report.add(Line { what: what.into(), engine, values, goal, met });
}

/// A client for each organisation, with an admin's token of that organisation: what a pipeline has. A person would become
/// a member of each team that he makes, so that his requests cost more and more.
async fn lanes(admin: &mut Connection, organization: impl Fn(usize) -> String) -> Result<Vec<Lane>> {
    let mut lanes = Vec::with_capacity(CLIENTS);
    for n in 0..CLIENTS {
        let organization = organization(n);
        let body = format!(r#"{{"name":"bench-{n}","description":"","expires":0,"admin":true}}"#);
        admin.post(&format!("/api/orgs/{organization}/tokens"), &body).await?;
        lanes.push(Lane { token: token(&admin.body)?, organization });
    }
    Ok(lanes)
}

/// All lanes write as fast as they are answered.
async fn round(plan: &Plan, server: &Server, admin: &mut Connection, lanes: &[Lane]) -> Result<Round> {
    let length = Duration::from_millis(if plan.quick { 700 } else { 3_000 });
    let mut connections = Vec::new();
    for lane in lanes {
        let mut connection = Connection::open(&server.url, &lane.token).await?;
        // The first use of a token is recorded as a login, which is none of the changes counted.
        create(&mut connection, &lane.organization).await?;
        connections.push((connection, lane.organization.clone()));
    }
    let commits = counter(admin, "pileus_store_commits_total").await?;
    let (cpu, began) = (server.cpu(), now());
    let clients: Vec<_> = connections
        .into_iter()
        .map(|(mut connection, organization)| {
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while began.elapsed() < length {
                    let asked = now();
                    create(&mut connection, &organization).await?;
                    latencies.push(asked.elapsed().as_secs_f64() * 1e3);
                }
                Ok::<_, String>(latencies)
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for client in clients {
        latencies.extend(client.await.map_err(|e| e.to_string())??);
    }
    let elapsed = began.elapsed().as_secs_f64();
    let cpu = (server.cpu() - cpu).as_secs_f64() * 1e3;
    let commits = counter(admin, "pileus_store_commits_total").await? - commits;
    let changes = latencies.len() as f64;
    Ok(Round {
        rate: changes / elapsed,
        p50: percentile(&mut latencies, 0.5),
        p99: percentile(&mut latencies, 0.99),
        commits_per_change: commits / changes,
        cpu: cpu / changes,
    })
}

/// Creates a team of a name that was never used.
async fn create(connection: &mut Connection, organization: &str) -> Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let body = format!(r#"{{"name":"team-{n}","displayName":"Team {n}","description":"made by the benchmark"}}"#);
    connection.post(&format!("/api/orgs/{organization}/teams/pulumi"), &body).await
}

/// How often the disk takes a small write for good, in place as a write-ahead log is written: a file that grew would measure
/// the file system's journal too.
fn syncs_per_second(directory: &Path) -> Result<f64> {
    const BLOCK: usize = 4096;
    const BLOCKS: u32 = 64;
    let path = directory.join("bench-sync");
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    let file = File::create(&path).map_err(failed)?;
    file.write_all_at(&[0; BLOCK * BLOCKS as usize], 0).and_then(|()| file.sync_all()).map_err(failed)?;
    let began = now();
    for n in 0..SYNCS {
        let at = u64::from(n % BLOCKS) * BLOCK as u64;
        file.write_all_at(&[7; BLOCK], at).and_then(|()| file.sync_data()).map_err(failed)?;
    }
    let rate = f64::from(SYNCS) / began.elapsed().as_secs_f64();
    std::fs::remove_file(&path).map_err(failed)?;
    Ok(rate)
}
