//! Reading scans: state, history, logs.

use super::STEPS;
use crate::{Cx, insights::schedule};
use pileus_model::{Error, Result, Timestamp, ids::ScanId, insights::Account};
use pileus_store::insights::{
    lines::{self, Job, Line},
    scans::{self as store, Glance, Scan},
};

/// Lines of one step that are given at once.
const STEP_LINES: i64 = 1000;
/// Most lines of a page.
const MAX_LINES: i64 = 500;

/// A run with its jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The run.
    pub scan: Scan,
    /// Its jobs.
    pub jobs: Vec<Job>,
}

/// How an account's scans are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The newest run; of a root, its children's together.
    pub run: Run,
    /// When the next one begins by itself.
    pub next: Option<Timestamp>,
}

/// A page of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The lines; headers say which step begins.
    pub lines: Vec<Line>,
    /// Where the next page begins; `None` at the end of a run that is over, or where nothing has been said yet.
    pub next: Option<i64>,
}

/// Lines of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLines {
    /// The step's name.
    pub name: &'static str,
    /// The lines.
    pub lines: Vec<Line>,
    /// How many lines come before what comes next; `None` if there is nothing more to come.
    pub next: Option<i64>,
}

/// Runs of several children as one: it runs while one of them does, has failed only if all have, and counts what they count.
pub fn aggregate(scans: &[Scan]) -> Option<Scan> {
    let newest = scans.iter().max_by_key(|scan| scan.id)?;
    if scans.len() == 1 {
        return Some(newest.clone());
    }
    let together = together(&scans.iter().map(Scan::glance).collect::<Vec<_>>())?;
    let mut all = newest.clone();
    (all.id, all.state) = (together.id, together.state.into());
    (all.started_at, all.updated_at, all.finished_at) =
        (together.started_at, together.updated_at, together.finished_at);
    all.failure = newest.failure.clone().filter(|_| all.state == "failed");
    let sum = |of: fn(&Scan) -> i64| scans.iter().map(of).sum();
    all.progress.resources = scans.iter().filter_map(|scan| scan.progress.resources).reduce(|a, b| a + b);
    all.progress.types_done = sum(|scan| scan.progress.types_done);
    all.progress.types_total = sum(|scan| scan.progress.types_total);
    all.progress.calls = sum(|scan| scan.progress.calls);
    all.progress.throttles = sum(|scan| scan.progress.throttles);
    Some(all)
}

/// The same of what lists show.
pub fn together(scans: &[Glance]) -> Option<Glance> {
    let newest = scans.iter().max_by_key(|scan| scan.id)?;
    let mut all = *newest;
    if scans.len() == 1 {
        return Some(all);
    }
    all.id = newest.batch;
    let any = |state: &str| scans.iter().any(|scan| scan.state == state);
    all.state = if any("running") {
        "running"
    } else if any("succeeded") {
        "succeeded"
    } else {
        "failed"
    };
    let batch = scans.iter().filter(|scan| scan.batch == newest.batch);
    all.started_at = batch.map(|scan| scan.started_at).min().unwrap_or(newest.started_at);
    all.updated_at = scans.iter().map(|scan| scan.updated_at).max().unwrap_or(newest.updated_at);
    all.finished_at = scans.iter().filter_map(|scan| scan.finished_at).max().filter(|_| all.state != "running");
    Some(all)
}

/// How an account's scans are; `None` if it was never scanned.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn status(cx: &Cx, account: &Account) -> Result<Option<Status>> {
    let (org, account, now) = (cx.org()?.id, account.clone(), cx.now());
    let read = cx.app.store.read(move |tx| {
        let scans = store::newest(tx, org, account.id)?;
        let Some(scan) = aggregate(&scans) else { return Ok(None) };
        // A parent's jobs are its children's own.
        let jobs = if account.is_leaf() { lines::jobs(tx, scan.id)? } else { Vec::new() };
        let next = schedule::next_in(tx, org, account.root, now)?;
        Ok(Some(Status { run: Run { scan, jobs }, next }))
    });
    read.await
}

/// The runs of an account (of a root its children's), newest first, at most `limit`, older than `before`.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn list(cx: &Cx, account: &Account, before: Option<ScanId>, limit: i64) -> Result<Vec<Run>> {
    let (org, account) = (cx.org()?.id, account.id);
    let read = cx.app.store.read(move |tx| {
        let scans = store::list(tx, org, account, before, limit.clamp(1, 1000))?;
        scans.into_iter().map(|scan| Ok(Run { jobs: lines::jobs(tx, scan.id)?, scan })).collect()
    });
    read.await
}

/// One run of an account; of a root also its children's.
///
/// # Errors
/// `NotFound`.
pub async fn find(cx: &Cx, account: &Account, scan: ScanId) -> Result<Run> {
    let (org, account) = (cx.org()?.id, account.id);
    let read = cx.app.store.read(move |tx| {
        let Some(scan) = store::find(tx, org, account, scan)? else { return Ok(None) };
        Ok(Some(Run { jobs: lines::jobs(tx, scan.id)?, scan }))
    });
    read.await?.ok_or_else(|| Error::not_found("scan not found"))
}

/// A page of a run's log from this line on (0 at first), at most `count` lines (1 to 500).
///
/// # Errors
/// `NotFound`, `Invalid` for another count.
pub async fn log(cx: &Cx, account: &Account, scan: ScanId, from: i64, count: i64) -> Result<Page> {
    if !(1..=MAX_LINES).contains(&count) {
        return Err(Error::invalid("count must be less than 500 and more than 0"));
    }
    let (org, account) = (cx.org()?.id, account.id);
    let read = cx.app.store.read(move |tx| {
        let Some(run) = store::find(tx, org, account, scan)? else { return Ok(None) };
        let mut found = lines::page(tx, scan, from.max(0), count + 1)?;
        let more = found.len() > usize::try_from(count).unwrap_or(0);
        found.truncate(usize::try_from(count).unwrap_or(0));
        let end = found.last().map(|(seq, _)| seq + 1);
        // While it runs there is always a next page, but not after an empty one: clients that follow it would never end.
        let next = end.filter(|_| more || run.finished_at.is_none());
        Ok(Some(Page { lines: found.into_iter().map(|(_, line)| line).collect(), next }))
    });
    read.await?.ok_or_else(|| Error::not_found("scan not found"))
}

/// Lines of one step of a run (job 0 is the only one), after the first `offset`.
///
/// # Errors
/// `NotFound`, also for a job or step that there is none of.
pub async fn step_log(cx: &Cx, account: &Account, scan: ScanId, job: i64, step: i64, offset: i64) -> Result<StepLines> {
    let name = usize::try_from(step).ok().and_then(|step| STEPS.get(step)).filter(|_| job == 0);
    let name = *name.ok_or_else(|| {
        Error::not_found(format!("step not found: a scan has job 0 with steps 0 to {}", STEPS.len() - 1))
    })?;
    let (org, account) = (cx.org()?.id, account.id);
    let read = cx.app.store.read(move |tx| {
        let Some(run) = store::find(tx, org, account, scan)? else { return Ok(None) };
        let mut found = lines::of_step(tx, scan, step, offset.max(0), STEP_LINES + 1)?;
        let more = found.len() > usize::try_from(STEP_LINES).unwrap_or(0);
        found.truncate(usize::try_from(STEP_LINES).unwrap_or(0));
        let end = offset.max(0) + i64::try_from(found.len()).unwrap_or(0);
        let going = more || (run.finished_at.is_none() && !found.is_empty());
        Ok(Some(StepLines { name, lines: found, next: going.then_some(end) }))
    });
    read.await?.ok_or_else(|| Error::not_found("scan not found"))
}
