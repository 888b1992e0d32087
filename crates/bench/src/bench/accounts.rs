//! Many accounts: pages of a list of 10,000, and 1,000 that are due at the same minute.
//!
//! This room knows how accounts are made and which events say that a scan began. It must never know a schedule's rules.

use super::{
    Line, Plan, Report,
    pages::{Case, Goal, against_baseline},
    scans::{ACCOUNTS, environment},
    site::{Site, counter},
};
use crate::{
    Result,
    fake::{Fake, Manner},
    wire::Connection,
};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// Accounts in the list.
const LISTED: usize = 10_000;
/// Accounts that are due at once.
const DUE: usize = 1_000;
/// Accounts that one request makes.
const TOGETHER: usize = 100;
/// Every two minutes: the shortest schedule whose starts spread by more than a round of the scheduler.
const CRON: &str = "*/2 * * * *";
/// By how much the starts of that schedule spread: a tenth of the time between two.
const SPREAD: f64 = 12.0;
/// How often the scheduler looks.
const ROUND: f64 = 5.0;

/// An AWS that answers at once and has nothing.
const NOTHING: Manner = Manner { call: Duration::ZERO, at_once: 64, empty: true };

/// Pages of the list of accounts.
pub async fn lists(plan: &Plan, postgres: bool, report: &mut Report) -> Result<()> {
    let fake = Fake::start(NOTHING).await?;
    let mut site = Site::new(plan, postgres)?;
    site.start.env.push(("PILEUS_CLOUDS_AWS_ENDPOINT".into(), fake.url.clone()));
    let (server, mut admin) = site.run().await?;
    environment(&mut admin).await?;
    let aws = r#""provider":"aws","environment":"bench/aws","scanSchedule":"none","providerConfig":{"regions":["us-east-1"]}"#;
    make(&mut admin, LISTED, aws).await?;
    let mut cases = Vec::new();
    for count in [100, 1000] {
        let mut paths = vec![format!("{ACCOUNTS}?count={count}")];
        // The tokens of pages further on come from reading on.
        let mut token = next(&mut admin, &paths[0]).await?;
        let mut after = count;
        while let Some(found) = token {
            let path = format!("{ACCOUNTS}?count={count}&continuationToken={found}");
            if [LISTED / 2, LISTED - count].contains(&after) {
                paths.push(path.clone());
            }
            token = next(&mut admin, &path).await?;
            after += count;
        }
        if after != LISTED {
            return Err(format!("the pages end after {after} accounts"));
        }
        cases.push(Case { name: format!("page of {count} of {LISTED} accounts"), paths });
    }
    let baseline = (
        format!("baseline: between pages of {LISTED} accounts"),
        Goal { text: "≤ 5 ms of server time p99", most: 5.0 },
    );
    against_baseline(plan, (site.engine, &server, &mut admin), &cases, baseline, report).await
}

/// Makes accounts; `what` are their members in JSON.
async fn make(admin: &mut Connection, count: usize, what: &str) -> Result<()> {
    for first in (0..count).step_by(TOGETHER) {
        let items: Vec<String> =
            (first..first + TOGETHER).map(|n| format!(r#"{{"name":"account-{n:05}",{what}}}"#)).collect();
        admin.post(ACCOUNTS, &format!(r#"{{"accounts":[{}]}}"#, items.join(","))).await?;
        let made = json(admin)?;
        if made["failures"].as_array().is_some_and(|failures| !failures.is_empty()) {
            return Err(format!("accounts were not made: {}", made["failures"]));
        }
    }
    Ok(())
}

fn json(connection: &Connection) -> Result<Value> {
    serde_json::from_slice(&connection.body).map_err(|e| format!("the answer is no JSON: {e}"))
}

async fn next(admin: &mut Connection, path: &str) -> Result<Option<String>> {
    admin.get(path).await?;
    Ok(json(admin)?["nextToken"].as_str().filter(|token| !token.is_empty()).map(str::to_owned))
}

/// Accounts that are due at the same minute. Their cloud has no scanner, so that the starts are what is measured; the scans end
/// at once.
pub async fn due(plan: &Plan, postgres: bool, report: &mut Report) -> Result<()> {
    let site = Site::new(plan, postgres)?;
    let (server, mut admin) = site.run().await?;
    admin.post("/api/esc/environments/pulumi", r#"{"project":"bench","name":"kubernetes"}"#).await?;
    let yaml = "values:\n  files:\n    KUBECONFIG: none\n";
    admin.send("PATCH", "/api/esc/environments/pulumi/bench/kubernetes", yaml).await?;
    let what = format!(r#""provider":"kubernetes","environment":"bench/kubernetes","cron":"{CRON}""#);
    make(&mut admin, DUE, &what).await?;
    // Each is scanned once when it is made; then comes the minute that is common to all.
    let firsts = wait(&mut admin, DUE).await?;
    let cpu = server.cpu();
    let starts = wait(&mut admin, firsts + DUE).await? - firsts;
    let cpu = (server.cpu() - cpu).as_secs_f64();
    let times = scheduled(&mut admin).await?;
    let twice = times.values().filter(|times| times.len() > 1 && times[1] - times[0] < 60.0).count();
    let late: Vec<f64> = times.values().filter_map(|times| times.first()).map(|at| at % 120.0).collect();
    let latest = late.iter().copied().fold(0.0, f64::max);
    let met = times.len() == DUE && twice == 0 && latest <= SPREAD + ROUND;
    report.add(Line {
        what: format!("{DUE} accounts due at the same minute, spread over {SPREAD} s"),
        engine: site.engine,
        values: vec![
            ("started", times.len() as f64),
            ("started twice", twice as f64),
            ("seen", starts as f64),
            ("first after s", late.iter().copied().fold(f64::MAX, f64::min)),
            ("last after s", latest),
            ("server CPU s, waiting included", cpu),
        ],
        goal: "all, none twice, within spread and one round",
        met: Some(met),
    });
    Ok(())
}

/// Waits until so many scans have ended, by the server's own count; how many there were.
async fn wait(admin: &mut Connection, wanted: usize) -> Result<usize> {
    for _ in 0..2_000 {
        let ended = counter(admin, "pileus_scans_total{outcome=\"failed\"}").await?;
        if ended >= wanted as f64 {
            return Ok(ended as usize);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("{wanted} scans did not start in 200 s"))
}

/// When the schedule started each account's scans, in seconds since 1970.
async fn scheduled(admin: &mut Connection) -> Result<BTreeMap<String, Vec<f64>>> {
    let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut path = "/api/orgs/pulumi/auditlogs/v2?pageSize=100&eventFilter=cloud-account-scan-started".to_owned();
    let first = path.clone();
    loop {
        admin.get(&path).await?;
        let page = json(admin)?;
        for event in page["auditLogEvents"].as_array().into_iter().flatten() {
            let description = event["description"].as_str().unwrap_or_default();
            if let (Some(account), Some(at)) = (description.split('"').nth(1), event["timestamp"].as_f64())
                && description.contains("schedule")
            {
                times.entry(account.to_owned()).or_default().push(at);
            }
        }
        match page["continuationToken"].as_str().filter(|token| !token.is_empty()) {
            Some(token) => path = format!("{first}&continuationToken={token}"),
            None => break,
        }
    }
    times.values_mut().for_each(|times| times.sort_by(f64::total_cmp));
    Ok(times)
}
