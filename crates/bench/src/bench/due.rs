//! Many accounts that are due at the same minute: whether each is started once, how long after its own time, and what that costs.
//!
//! This room knows how schedules are set and which rows a start leaves. It must never know a schedule's rules beyond the spread that
//! is promised.

use super::{
    Line, Plan, Report,
    accounts::make,
    pages::{Case, Goal, against_baseline},
    percentile,
    scans::ACCOUNTS,
    site::{Site, counter},
};
use crate::{Result, wire::Connection};
use pileus_model::{
    Timestamp,
    clock::{Clock as _, SystemClock},
    entropy::SystemEntropy,
    ids::AccountId,
};
use pileus_store::{
    Store,
    insights::{
        lines,
        scans::{self, Scan},
        schedules::{self, ScheduleRow},
    },
};
use pileus_testkit::server::{Server, TOKEN};
use std::{sync::Arc, time::Duration};

/// Accounts that are due at once.
const DUE: usize = 1_000;
/// Minutes between two times of their schedule.
const PERIOD: i64 = 10;
/// By how much the starts spread at most: a tenth of that, in seconds.
const SPREAD: i64 = 60;
/// How often the scheduler looks, and what it may take to start what was due.
const ROUND: f64 = 5.0 + 1.0;
/// How long is waited for starts beyond the spread.
const PATIENCE: i64 = 60;
/// Ends of scans, counted by the server. Their cloud has no scanner, so that they fail at once.
const ENDED: &str = "pileus_scans_total{outcome=\"failed\"}";

/// What became of one account.
#[derive(Debug)]
struct Start {
    /// How many scans its schedule began.
    scans: usize,
    /// Seconds from the common minute until the first began.
    after_minute: f64,
    /// Seconds from its own time until then.
    after_own: f64,
    /// Seconds from then until a node worked on it.
    queued: f64,
}

/// Measures on this engine. The accounts' cloud has no scanner, so that starts are what is measured.
pub async fn measure(plan: &Plan, postgres: bool, report: &mut Report) -> Result<()> {
    let site = Site::new(plan, postgres)?;
    let (server, mut admin) = site.run().await?;
    admin.post("/api/esc/environments/pulumi", r#"{"project":"bench","name":"kubernetes"}"#).await?;
    let yaml = "values:\n  files:\n    KUBECONFIG: none\n";
    admin.send("PATCH", "/api/esc/environments/pulumi/bench/kubernetes", yaml).await?;
    let what = r#""provider":"kubernetes","environment":"bench/kubernetes","scanSchedule":"none""#;
    make(&mut admin, DUE, |_| what.to_owned()).await?;
    let store = Store::open(site.store(), Arc::new(SystemClock), Arc::new(SystemEntropy)).await.map_err(wrong)?.0;
    let measured = starts(&site, (&store, &server, &mut admin), report).await;
    store.close().await;
    measured?;
    let cases = [Case {
        name: format!("page of {DUE} accounts, each scanned"),
        paths: vec![format!("{ACCOUNTS}?count={DUE}")],
    }];
    let baseline =
        (format!("baseline: between pages of {DUE} accounts"), Goal { text: "≤ 5 ms of server time p99", most: 5.0 });
    against_baseline(plan, (site.engine, &server, &mut admin), &cases, baseline, report).await
}

async fn starts(
    site: &Site,
    (store, server, admin): (&Store, &Server, &mut Connection),
    report: &mut Report,
) -> Result<()> {
    // The second whole minute from now: there is at least one for setting the schedules.
    let minute = SystemClock.now().as_seconds().div_euclid(60) + 2;
    let at = Timestamp::EPOCH.plus_seconds(minute * 60);
    schedule(admin, &format!("{}-59/{PERIOD} * * * *", minute % PERIOD)).await?;
    let rows = planned(store, at).await?;
    let (idle_from, idle_cpu) = (SystemClock.now(), server.cpu());
    until(at).await;
    // The server does not keep a connection for ever that says nothing.
    *admin = Connection::open(&server.url, TOKEN).await?;
    let idle = (server.cpu() - idle_cpu).as_secs_f64() / seconds(idle_from, SystemClock.now());
    let cpu = server.cpu();
    wait(admin, at.plus_seconds(SPREAD + PATIENCE)).await?;
    let busy = (server.cpu() - cpu).as_secs_f64() - idle * seconds(at, SystemClock.now());
    // What would be started twice would be by the next round.
    tokio::time::sleep(Duration::from_secs_f64(ROUND)).await;
    let mut starts = Vec::with_capacity(rows.len());
    for row in &rows {
        starts.extend(start(store, row, at).await?);
    }
    tell(report, site.engine, &starts, (idle, busy));
    Ok(())
}

fn tell(report: &mut Report, engine: &'static str, starts: &[Start], (idle, busy): (f64, f64)) {
    let all = |of: fn(&Start) -> f64| starts.iter().map(of).collect::<Vec<f64>>();
    let (mut own, mut queued, minute) = (all(|s| s.after_own), all(|s| s.queued), all(|s| s.after_minute));
    let twice = starts.iter().filter(|start| start.scans > 1).count();
    let most = |values: &[f64]| values.iter().copied().fold(f64::MIN, f64::max);
    let least = |values: &[f64]| values.iter().copied().fold(f64::MAX, f64::min);
    let (latest, earliest) = (most(&own), least(&own));
    report.add(Line {
        what: format!("{DUE} accounts due at the same minute, spread over {SPREAD} s"),
        engine,
        values: vec![
            ("started", starts.len() as f64),
            ("started twice", twice as f64),
            ("first after s", least(&minute)),
            ("last after s", most(&minute)),
            ("after their own time p50 s", percentile(&mut own, 0.5)),
            ("latest after its own time s", latest),
            ("queued p50 s", percentile(&mut queued, 0.5)),
            ("queued at most s", most(&queued)),
            ("server CPU ms per start and run", busy * 1e3 / DUE as f64),
            ("server CPU ms per s before", idle * 1e3),
        ],
        goal: "all, none twice, none early, each at its own time or within one round after it",
        met: Some(starts.len() == DUE && twice == 0 && earliest >= 0.0 && latest <= ROUND),
    });
}

fn wrong(error: pileus_model::Error) -> String {
    format!("the rows could not be read: {error}")
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_micros() - from.as_micros()) as f64 / 1e6
}

/// Gives every account this schedule.
async fn schedule(admin: &mut Connection, cron: &str) -> Result<()> {
    let body = format!(r#"{{"scheduleCron":"{cron}","paused":false}}"#);
    for n in 0..DUE {
        admin.send("PUT", &format!("{ACCOUNTS}/account-{n:05}/scan/settings"), &body).await?;
    }
    Ok(())
}

/// The schedules, which must all be for this minute and within its spread.
async fn planned(store: &Store, at: Timestamp) -> Result<Vec<ScheduleRow>> {
    let first = AccountId::from_bytes([0; 16]);
    let rows = store.read(move |tx| schedules::all(tx, first, 10 * DUE as i64)).await.map_err(wrong)?;
    let end = at.plus_seconds(SPREAD);
    let planned = |row: &ScheduleRow| {
        row.due_for == Some(at)
            && row.due_at.is_some_and(|due| (at.as_micros()..end.as_micros()).contains(&due.as_micros()))
    };
    if rows.len() == DUE && rows.iter().all(planned) {
        return Ok(rows);
    }
    Err(format!("{} of {DUE} schedules are for the common minute", rows.iter().filter(|row| planned(row)).count()))
}

async fn until(at: Timestamp) {
    let left = seconds(SystemClock.now(), at).max(0.0);
    tokio::time::sleep(Duration::from_secs_f64(left)).await;
}

/// Waits until as many scans have ended as are due, by the server's own count, but not beyond this time.
async fn wait(admin: &mut Connection, end: Timestamp) -> Result<()> {
    while SystemClock.now() < end && counter(admin, ENDED).await? < DUE as f64 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// What became of this account; `None` if nothing was started.
async fn start(store: &Store, row: &ScheduleRow, at: Timestamp) -> Result<Option<Start>> {
    let (org, account) = (row.org, row.account);
    let read = store.read(move |tx| {
        let found: Vec<Scan> = scans::list(tx, org, account, None, 100)?;
        let Some(first) = found.last() else { return Ok(None) };
        let job = lines::jobs(tx, first.id)?.first().and_then(|job| job.started_at);
        Ok(Some((found.len(), first.started_at, job)))
    });
    let Some((scans, started, worked_on)) = read.await.map_err(wrong)? else { return Ok(None) };
    Ok(Some(Start {
        scans,
        after_minute: seconds(at, started),
        after_own: seconds(row.due_at.unwrap_or(at), started),
        queued: worked_on.map_or(f64::MAX, |job| seconds(started, job)),
    }))
}
