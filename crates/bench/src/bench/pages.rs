//! Pages of the log: what one costs at any depth and by any filter, beside a request that reads nothing.
//!
//! This room knows the queries. It must never know how the server answers them.

use super::{
    Line, Plan, Report, SEED, median, percentile,
    site::{Site, cpu_ms, timed},
};
use crate::{Result, fill, wire::Connection};
use pileus_model::audit::catalogue;
use pileus_testkit::server::Server;

/// What a page is compared with: it goes the same way and reads nothing.
const BASELINE: &str = "/api/status";
/// The pages.
const PAGES: &str = "/api/orgs/pulumi/auditlogs/v2";
/// Added to a position in a continuation token (`pileus_codec::cursor`).
const OFFSET: i64 = 1_000_000_000_000;
/// Depths, in percent of the log.
const DEPTHS: [i64; 5] = [0, 25, 50, 75, 99];

/// What does not depend on what else the machine does.
const CPU: &str = "server CPU ms";

/// Queries that are measured together.
#[derive(Debug)]
pub struct Case {
    /// What they are.
    pub name: String,
    /// Asked for by turns.
    pub paths: Vec<String>,
}

/// Milliseconds, each the median over the rounds.
#[derive(Debug, Default)]
struct Times {
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// Of the server, for each request.
    cpu: Vec<f64>,
}

/// Measures all cases on this installation.
pub async fn measure(plan: &Plan, site: &Site, events: u64, report: &mut Report) -> Result<()> {
    let (server, mut connection) = site.run().await?;
    let mut cases = cases(newest(&mut connection).await?);
    for case in &mut cases {
        case.name = what(&case.name, events);
    }
    let baseline = format!("baseline: {BASELINE} between pages, {events} events");
    let goal = Goal { text: "≤ 2 ms of server time p99", most: 2.0 };
    against_baseline(plan, (site.engine, &server, &mut connection), &cases, (baseline, goal), report).await
}

/// What a page may take at most, in milliseconds of server time at the 99th percentile.
#[derive(Debug, Clone, Copy)]
pub struct Goal {
    /// For people.
    pub text: &'static str,
    /// For the comparison.
    pub most: f64,
}

/// Measures these pages beside a request that reads nothing.
pub async fn against_baseline(
    plan: &Plan,
    (engine, server, connection): (&'static str, &Server, &mut Connection),
    cases: &[Case],
    (named, goal): (String, Goal),
    report: &mut Report,
) -> Result<()> {
    for path in cases.iter().flat_map(|case| &case.paths) {
        // The first reading with a filter is recorded, the next ones are not for a while.
        connection.get(path).await?;
    }
    let mut baseline = Times::default();
    let mut times: Vec<Times> = cases.iter().map(|_| Times::default()).collect();
    for _ in 0..plan.rounds() {
        for (case, times) in cases.iter().zip(&mut times) {
            round(plan, server, connection, case, times, &mut baseline).await?;
        }
    }
    let empty = median(baseline.p50);
    let values = vec![("p50 ms", empty), ("p99 ms", median(baseline.p99)), (CPU, median(baseline.cpu))];
    report.add(Line { what: named, engine, values, goal: "", met: None });
    for (case, times) in cases.iter().zip(times) {
        let (p50, p99, cpu) = (median(times.p50), median(times.p99), median(times.cpu));
        let values =
            vec![("p50 ms", p50), ("p99 ms", p99), ("p99 less the baseline's p50, ms", p99 - empty), (CPU, cpu)];
        let met = Some(p99 - empty <= goal.most);
        report.add(Line { what: case.name.clone(), engine, values, goal: goal.text, met });
    }
    Ok(())
}

fn what(case: &str, events: u64) -> String {
    format!("page of 100, {case}, {events} events")
}

/// Whether pages cost the same on the large log as on the small one.
pub fn compare(plan: &Plan, report: &mut Report) {
    let names: Vec<String> = cases(1).into_iter().map(|case| case.name).collect();
    for engine in [super::site::SQLITE, super::site::POSTGRES] {
        let ratios: Vec<f64> = names
            .iter()
            .filter_map(|name| {
                let of = |events| report.value(&what(name, events), engine, "p50 ms");
                Some(of(plan.events)? / of(plan.events / 10)?)
            })
            .collect();
        let (Some(lowest), Some(highest)) =
            (ratios.iter().copied().reduce(f64::min), ratios.iter().copied().reduce(f64::max))
        else {
            continue;
        };
        report.add(Line {
            what: "page of 100: large log / small log".into(),
            engine,
            values: vec![("lowest", lowest), ("highest", highest)],
            goal: "± 50 %",
            met: Some(lowest >= 0.5 && highest <= 1.5),
        });
    }
}

/// Pages and baseline by turns, on the same connection; then as many of each alone for the CPU time.
async fn round(
    plan: &Plan,
    server: &Server,
    connection: &mut Connection,
    case: &Case,
    times: &mut Times,
    baseline: &mut Times,
) -> Result<()> {
    let count = if plan.quick { 100 } else { 400 };
    let (mut pages, mut empty) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for path in case.paths.iter().cycle().take(count) {
        pages.push(timed(connection, path).await?);
        empty.push(timed(connection, BASELINE).await?);
    }
    times.p50.push(percentile(&mut pages, 0.5));
    times.p99.push(percentile(&mut pages, 0.99));
    baseline.p50.push(percentile(&mut empty, 0.5));
    baseline.p99.push(percentile(&mut empty, 0.99));
    let before = cpu_ms(server);
    for path in case.paths.iter().cycle().take(count) {
        connection.get(path).await?;
    }
    let between = cpu_ms(server);
    for _ in 0..count {
        connection.get(BASELINE).await?;
    }
    times.cpu.push((between - before) / count as f64);
    baseline.cpu.push((cpu_ms(server) - between) / count as f64);
    Ok(())
}

/// The position of the newest event, or one close to it.
async fn newest(connection: &mut Connection) -> Result<i64> {
    connection.get(PAGES).await?;
    let page: serde_json::Value = serde_json::from_slice(&connection.body).map_err(|e| format!("page: {e}"))?;
    let token = page["continuationToken"].as_str().ok_or("the log has one page only")?;
    Ok(token.parse::<i64>().map_err(|e| format!("token {token:?}: {e}"))? - OFFSET + 99)
}

/// Every depth without a filter, and every filter at several depths.
fn cases(newest: i64) -> Vec<Case> {
    let mut cases = Vec::new();
    for depth in DEPTHS {
        let paths = (0..20).map(|n| format!("{PAGES}?{}", from(newest, depth, n))).collect();
        cases.push(Case { name: format!("{depth} % deep"), paths });
    }
    let people = [0, 1, 17, 90, 199].map(|who| fill::actor(SEED, who));
    let filters: [(&str, Vec<String>); 5] = [
        ("by user", people.iter().map(|actor| format!("userFilter={}", actor.login)).collect()),
        (
            "by event",
            [
                catalogue::STACK_UPDATE_STARTED,
                catalogue::SECRET_DECRYPTED,
                catalogue::USER_LOGIN,
                catalogue::MEMBER_ROLE_CHANGED,
            ]
            .map(|event| format!("eventFilter={}", event.id()))
            .into(),
        ),
        (
            "by target",
            ["project-0%2Fdev", "project-7%2Fprod", "project-119%2Fstaging", "user-017"]
                .map(|t| format!("target={t}"))
                .into(),
        ),
        ("by token", people.iter().filter_map(|actor| actor.token).map(|token| format!("token={token}")).collect()),
        ("by address", ["192.0.2.3", "10.0.17.2", "2001:db8::11"].map(|ip| format!("ip={ip}")).into()),
    ];
    for (name, filters) in filters {
        let deep = |filter: &String| [0, 50, 99].map(|depth| format!("{PAGES}?{filter}&{}", from(newest, depth, 0)));
        cases.push(Case { name: name.into(), paths: filters.iter().flat_map(deep).collect() });
    }
    cases
}

/// The parameter of the `n`th page near this depth.
fn from(newest: i64, depth: i64, n: i64) -> String {
    let position = (newest - newest * depth / 100 - n * 53).max(101);
    if depth == 0 && n == 0 { "pageSize=100".into() } else { format!("continuationToken={}", OFFSET + position) }
}
