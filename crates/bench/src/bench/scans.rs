//! Scans of a recorded AWS with 100,000 resources in 17 regions: time beside what the cloud allows, CPU for each resource,
//! memory, and what a second scan costs that finds nothing new.
//!
//! This room knows how a scan is asked for and what is counted. It must never know how the server scans.

use super::{
    Line, Plan, Report, now,
    site::{Site, cpu_ms, own_cpu_ms, peak_mb, reset_peak},
};
use crate::{
    Result,
    fake::{Fake, Manner, REGIONS},
    wire::Connection,
};
use pileus_model::{clock::SystemClock, entropy::SystemEntropy};
use pileus_store::{Store, TxExt as _};
use pileus_testkit::server::Server;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// How long the recorded AWS takes for a call, and how many it answers at once.
const CALL: Duration = Duration::from_millis(40);
const AT_ONCE: usize = 16;
/// Where accounts are.
pub const ACCOUNTS: &str = "/api/preview/insights/pulumi/accounts";
/// Counts the rows of the tables that scans write.
const ROWS: &str = include_str!("../../sql/rows.sql");
/// What the rows are counted in.
const TABLES: [&str; 6] = ["resources", "versions", "handles", "scans", "log lines", "coverage"];
/// The credentials.
const ENVIRONMENT: &str = "values:\n  environmentVariables:\n    AWS_ACCESS_KEY_ID: AKIAIOSFODNN7EXAMPLE\n    \
    AWS_SECRET_ACCESS_KEY:\n      fn::secret: none-of-anybody\n";

/// One scan.
#[derive(Debug, Clone, Copy)]
struct Scan {
    wall: f64,
    server: f64,
    fake: f64,
    calls: f64,
    reads: f64,
    pages: f64,
    peak: f64,
    found: f64,
    connections: f64,
}

/// Measures on this engine.
pub async fn measure(plan: &Plan, postgres: bool, report: &mut Report) -> Result<()> {
    let fake = Fake::start(Manner { call: CALL, at_once: AT_ONCE, empty: false }).await?;
    let mut site = Site::new(plan, postgres)?;
    site.start.env.push(("PILEUS_CLOUDS_AWS_ENDPOINT".into(), fake.url.clone()));
    let (server, mut admin) = site.run().await?;
    environment(&mut admin).await?;
    let regions: Vec<String> = REGIONS.iter().map(|region| format!("\"{region}\"")).collect();
    account(&mut admin, "bench", &format!("[{}]", regions.join(",")), "\"scanSchedule\":\"none\"").await?;
    let first = scan(&server, &mut admin, &fake).await?;
    let before = rows(&site).await?;
    let second = scan(&server, &mut admin, &fake).await?;
    let after = rows(&site).await?;
    let wanted = Fake::resources()? as f64;
    let found = first.found;
    if found != wanted || before[0] != wanted {
        return Err(format!("{wanted} resources were to be found, {found} were, and {} are kept", before[0]));
    }
    tell(report, site.engine, found, &first, &second);
    let values = TABLES.into_iter().zip(before.iter().zip(after).map(|(before, after)| after - before)).collect();
    let new = after[..3].iter().zip(&before).map(|(after, before)| after - before).sum::<f64>();
    let what = "rows that the second scan added".into();
    let goal = "none but the scan's own";
    report.add(Line { what, engine: site.engine, values, goal, met: Some(new == 0.0) });
    Ok(())
}

fn tell(report: &mut Report, engine: &'static str, found: f64, first: &Scan, second: &Scan) {
    let bound = |scan: &Scan| {
        let calls = scan.calls * CALL.as_secs_f64() / AT_ONCE as f64;
        calls.max((scan.server + scan.fake) / 2.0)
    };
    for (which, scan) in [("first", first), ("second, unchanged", second)] {
        let values = vec![
            ("calls", scan.calls),
            ("pages", scan.pages),
            ("follow-up reads", scan.reads),
            ("connections", scan.connections),
            ("wall s", scan.wall),
            ("calls × 40 ms ÷ 16 s", scan.calls * CALL.as_secs_f64() / AT_ONCE as f64),
            ("fake CPU s", scan.fake),
            ("server CPU s", scan.server),
        ];
        let what = format!("{which} scan of {found:.0} resources in 17 regions");
        report.add(Line { what, engine, values, goal: "", met: None });
        let ratio = scan.wall / bound(scan);
        let what = format!("{which} scan: wall / max(calls × 40 ms ÷ 16, CPU ÷ 2)");
        let goal = "≤ 1.3";
        report.add(Line { what, engine, values: vec![("ratio", ratio)], goal, met: Some(ratio <= 1.3) });
    }
    let each = first.server * 1e6 / found;
    let values = vec![("µs", each), ("µs of the second", second.server * 1e6 / found)];
    let what = "server CPU for each resource, stored".into();
    report.add(Line { what, engine, values, goal: "≤ 60 µs", met: Some(each <= 60.0) });
    let ratio = second.server / first.server;
    let what = "second scan: server CPU / first".into();
    report.add(Line { what, engine, values: vec![("ratio", ratio)], goal: "≤ 0.5", met: Some(ratio <= 0.5) });
    let peak = first.peak.max(second.peak);
    let values = vec![("MB", first.peak), ("MB in the second", second.peak)];
    let what = "scan: peak RSS".into();
    report.add(Line { what, engine, values, goal: "≤ 150 MB", met: Some(peak <= 150.0) });
}

/// Makes the environment `bench/aws` with credentials.
pub async fn environment(admin: &mut Connection) -> Result<()> {
    admin.post("/api/esc/environments/pulumi", r#"{"project":"bench","name":"aws"}"#).await?;
    admin.send("PATCH", "/api/esc/environments/pulumi/bench/aws", ENVIRONMENT).await
}

/// Makes an account with these regions (JSON) and this schedule (a member of a JSON object).
pub async fn account(admin: &mut Connection, name: &str, regions: &str, schedule: &str) -> Result<()> {
    let body = format!(
        r#"{{"provider":"aws","environment":"bench/aws","providerConfig":{{"regions":{regions}}},{schedule}}}"#
    );
    admin.post(&format!("{ACCOUNTS}/{name}"), &body).await
}

/// Scans the account `bench`, and waits for the end; how many resources it then has.
pub async fn finished(admin: &mut Connection) -> Result<f64> {
    admin.post(&format!("{ACCOUNTS}/bench/scan"), "{}").await?;
    loop {
        // As seldom as one who waits may ask: what the answers cost the server is counted.
        tokio::time::sleep(Duration::from_secs(1)).await;
        admin.get(&format!("{ACCOUNTS}/bench")).await?;
        let shown: serde_json::Value = serde_json::from_slice(&admin.body).map_err(|e| e.to_string())?;
        let status = &shown["scanStatus"];
        match status["status"].as_str() {
            Some("succeeded") => return Ok(status["resourceCount"].as_f64().unwrap_or(0.0)),
            Some("failed") => return Err(format!("the scan failed: {shown}")),
            _ => {}
        }
    }
}

/// One scan of everything, from the request to its end.
async fn scan(server: &Server, admin: &mut Connection, fake: &Fake) -> Result<Scan> {
    let counts = || {
        let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed) as f64;
        let counts = &fake.counts;
        [of(&counts.calls), of(&counts.pages), of(&counts.reads), of(&counts.connections)]
    };
    reset_peak(server)?;
    let (before, fake_before, server_before, began) = (counts(), own_cpu_ms(), server_cpu(server), now());
    let found = finished(admin).await?;
    let wall = began.elapsed().as_secs_f64();
    let after = counts();
    let [calls, pages, reads, connections] = [0, 1, 2, 3].map(|n| after[n] - before[n]);
    Ok(Scan {
        wall,
        server: server_cpu(server) - server_before,
        fake: (own_cpu_ms() - fake_before) / 1e3,
        calls,
        pages,
        reads,
        peak: peak_mb(server),
        found,
        connections,
    })
}

/// CPU seconds of the server. Threads of the pool for blocking work end when they are idle: what they had counts too.
fn server_cpu(server: &Server) -> f64 {
    server.cpu().as_secs_f64().max(cpu_ms(server) / 1e3)
}

async fn rows(site: &Site) -> Result<[f64; 6]> {
    let wrong = |e: pileus_model::Error| format!("the rows could not be counted: {e}");
    let (store, _) = Store::open(site.store(), Arc::new(SystemClock), Arc::new(SystemEntropy)).await.map_err(wrong)?;
    let read = store.read(|tx| {
        let mut all = [0.0; 6];
        tx.one(ROWS, &[], |row| {
            for (column, count) in all.iter_mut().enumerate() {
                *count = row.int(column)? as f64;
            }
            Ok(())
        })?;
        Ok(all)
    });
    let found = read.await.map_err(wrong);
    store.close().await;
    found
}
