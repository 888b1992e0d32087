//! Environments: what opening one costs, alone and by many at once, and pages of a list of 100,000.
//!
//! This room knows how environments are made and opened. It must never know how one is evaluated.

use super::{
    Line, Plan, Report, median, now,
    pages::{Case, Goal, against_baseline},
    percentile,
    site::{Site, cpu_ms},
};
use crate::{Result, fill::Numbers, wire::Connection};
use pileus_model::{
    Timestamp,
    clock::{Clock as _, SystemClock},
    entropy::SystemEntropy,
    ids::EnvironmentId,
};
use pileus_store::{
    Recorded, Store,
    environments::{self, EnvironmentRow},
    organizations,
};
use pileus_testkit::server::{Server, TOKEN};
use serde_json::Value;
use std::{fmt::Write as _, sync::Arc};

/// Where environments are.
const BASE: &str = "/api/esc/environments/pulumi";
/// What the measured one has.
const VALUES: usize = 200;
const SECRETS: usize = 20;
const IMPORTS: usize = 5;
/// Who opens it at once.
const OPENERS: usize = 100;
/// Environments in the list.
const LISTED: usize = 100_000;
/// Environments that are written together.
const CHUNK: usize = 5_000;

/// Measures on this engine.
pub async fn measure(plan: &Plan, postgres: bool, report: &mut Report) -> Result<()> {
    let site = Site::new(plan, postgres)?;
    let (server, mut admin) = site.run().await?;
    make(&mut admin).await?;
    open(plan, site.engine, &server, &mut admin, report).await?;
    together(plan, site.engine, &server, report).await?;
    fill(&site).await?;
    list(plan, site.engine, &server, &mut admin, report).await
}

/// `bench/large`, with 200 values of which 20 are secrets and every fourth refers to another one, on five others.
async fn make(admin: &mut Connection) -> Result<()> {
    let mut large = String::from("imports:\n");
    for n in 0..IMPORTS {
        let mut small = String::from("values:\n");
        for value in 0..10 {
            let _ = writeln!(small, "  from-{n}-{value}: value {value} of import {n}");
        }
        write(admin, &format!("base-{n}"), &small).await?;
        let _ = writeln!(large, "  - bench/base-{n}");
    }
    large.push_str("values:\n");
    for n in 0..VALUES - SECRETS {
        let _ = match n % 4 {
            0 => writeln!(large, "  value-{n}: https://${{from-{}-{}}}.example/path", n % IMPORTS, n % 10),
            1 => writeln!(large, "  value-{n}: ${{value-{}}}", n - 1),
            2 => writeln!(large, "  value-{n}: {{ host: db-{n}.example, port: 5432 }}"),
            _ => writeln!(large, "  value-{n}: a text of usual length, number {n}"),
        };
    }
    for n in 0..SECRETS {
        let _ = writeln!(large, "  secret-{n}:\n    fn::secret: planted-secret-number-{n}-of-this-environment");
    }
    write(admin, "large", &large).await
}

async fn write(admin: &mut Connection, name: &str, yaml: &str) -> Result<()> {
    admin.post(BASE, &format!(r#"{{"project":"bench","name":"{name}"}}"#)).await?;
    admin.send("PATCH", &format!("{BASE}/bench/{name}"), yaml).await
}

/// One opens it, again and again; then reads what he opened.
async fn open(
    plan: &Plan,
    engine: &'static str,
    server: &Server,
    admin: &mut Connection,
    report: &mut Report,
) -> Result<()> {
    let count = if plan.quick { 100 } else { 400 };
    let path = format!("{BASE}/bench/large/open?duration=1h0m0s");
    admin.post(&path, "").await?;
    let opened: Value = serde_json::from_slice(&admin.body).map_err(|e| e.to_string())?;
    let session = format!("{BASE}/bench/large/open/{}", opened["id"].as_str().ok_or("nothing was opened")?);
    admin.get(&session).await?;
    let shown: Value = serde_json::from_slice(&admin.body).map_err(|e| e.to_string())?;
    let values = shown["properties"].as_object().map_or(0, serde_json::Map::len);
    if values != VALUES + 10 * IMPORTS {
        return Err(format!("the environment has {values} values"));
    }
    let (mut empty, mut opens, mut reads) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds() {
        for (what, into) in [(None, &mut empty), (Some(&path), &mut opens), (Some(&session), &mut reads)] {
            let before = cpu_ms(server);
            for _ in 0..count {
                match what {
                    None => admin.get("/api/status").await?,
                    Some(path) if path.contains('?') => admin.post(path, "").await?,
                    Some(path) => admin.get(path).await?,
                }
            }
            into.push((cpu_ms(server) - before) / f64::from(count));
        }
    }
    let (empty, opens, reads) = (median(empty), median(opens), median(reads));
    let values = vec![("server CPU ms", empty)];
    report.add(Line { what: "baseline: /api/status between openings".into(), engine, values, goal: "", met: None });
    let values = vec![("server CPU ms", opens), ("reading what was opened, ms", reads)];
    let what = format!("opening {VALUES} values, {SECRETS} secrets, {IMPORTS} imports");
    report.add(Line { what, engine, values, goal: "≤ 2 ms", met: Some(opens <= 2.0) });
    Ok(())
}

/// A hundred open it at the same time, each as soon as it was answered.
async fn together(plan: &Plan, engine: &'static str, server: &Server, report: &mut Report) -> Result<()> {
    let count = if plan.quick { 20 } else { 60 };
    let mut clients = Vec::with_capacity(OPENERS);
    for _ in 0..OPENERS {
        let mut connection = Connection::open(&server.url, TOKEN).await?;
        clients.push(tokio::spawn(async move {
            let mut times = Vec::with_capacity(count);
            for _ in 0..count {
                let began = now();
                connection.post(&format!("{BASE}/bench/large/open?duration=1h0m0s"), "").await?;
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
            Ok::<_, String>(times)
        }));
    }
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await.map_err(|e| e.to_string())??);
    }
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    let values = vec![("p50 ms", p50), ("p99 ms", p99), ("ratio", p99 / p50)];
    let what = format!("{OPENERS} open it at once");
    report.add(Line { what, engine, values, goal: "p99 ≤ 10 × p50", met: Some(p99 <= 10.0 * p50) });
    Ok(())
}

/// Writes the environments of the list through the store: what they hold is not looked at.
async fn fill(site: &Site) -> Result<()> {
    let wrong = |e: pileus_model::Error| format!("the environments could not be written: {e}");
    let (store, _) = Store::open(site.store(), Arc::new(SystemClock), Arc::new(SystemEntropy)).await.map_err(wrong)?;
    let found = store.read(|tx| organizations::by_name(tx, "pulumi")).await.map_err(wrong)?;
    let org = found.ok_or("there is no organisation")?.org.id;
    let at = SystemClock.now();
    for first in (0..LISTED).step_by(CHUNK) {
        let written = store.write(move |tx| {
            for n in first..first + CHUNK {
                environments::insert(tx, org, &row(n, at))?;
            }
            Ok(Recorded::unaudited((), "made up, to be listed"))
        });
        written.await.map_err(wrong)?;
    }
    store.close().await;
    Ok(())
}

fn row(n: usize, at: Timestamp) -> EnvironmentRow {
    EnvironmentRow {
        id: EnvironmentId::from_bytes(Numbers::new(n as u64).id()),
        project: format!("project-{:03}", n % 500),
        name: format!("environment-{n:06}"),
        owner: None,
        owner_login: "admin".into(),
        owner_name: "Administrator".into(),
        data_key: vec![0; 60],
        latest: 1,
        protected: false,
        created_at: at,
        modified_at: at,
    }
}

/// Pages of the list, at its beginning, in the middle and at its end.
async fn list(
    plan: &Plan,
    engine: &'static str,
    server: &Server,
    admin: &mut Connection,
    report: &mut Report,
) -> Result<()> {
    let mut cases = Vec::new();
    for size in [100, 500] {
        let mut paths = Vec::new();
        let (mut path, mut seen) = (format!("{BASE}?maxResults={size}"), 0);
        loop {
            admin.get(&path).await?;
            let page: Value = serde_json::from_slice(&admin.body).map_err(|e| e.to_string())?;
            if [0, LISTED / 2, LISTED - size].contains(&seen) {
                paths.push(path);
            }
            seen += page["environments"].as_array().map_or(0, Vec::len);
            match page["nextToken"].as_str().filter(|token| !token.is_empty()) {
                Some(token) => path = format!("{BASE}?maxResults={size}&continuationToken={token}"),
                None => break,
            }
        }
        if seen < LISTED {
            return Err(format!("the pages end after {seen} environments"));
        }
        cases.push(Case { name: format!("page of {size} of {LISTED} environments"), paths });
    }
    let named = format!("baseline: between pages of {LISTED} environments");
    let goal = Goal { text: "≤ 5 ms of server time p99", most: 5.0 };
    against_baseline(plan, (engine, server, admin), &cases, (named, goal), report).await
}
