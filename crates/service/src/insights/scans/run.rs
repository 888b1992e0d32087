//! One run, from claim to end, under its lease.
//!
//! It may begin anew at any point: what was written before stays right. A type that is settled was listed to the end in this run, and
//! all that follows from it is written; an attempt that goes on leaves it out. Every other type is listed again from its start.

use super::{
    OPEN, SCAN, SETUP, STEPS, TIMEOUT, TYPES,
    options::{Options, said},
    regions,
    scanner::{Opened, Opener, Order, Scanner, Scanners},
    signals::Stop,
    sink::{BATCH, Collector, Subject, lost},
    sweep::{known, sweep},
};
use crate::App;
use pileus_clouds::{BoxFuture, CloudError, first};
use pileus_model::{Error, ErrorKind, Result};
use pileus_store::{
    Recorded,
    insights::{
        absent, coverage,
        leases::{self, Lease},
        lines,
        scans::{self, Leaf, Progress, Scan},
    },
};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::sync::watch;

/// How often in a row a run may be interrupted before one more type is done: by then it is likely that it is the run that kills
/// the node.
pub(super) const MAX_LOST: i64 = 5;
/// How often a run is begun at all.
pub(super) const MAX_ATTEMPTS: i64 = 20;
/// After how many looks it shows a sign of life and writes what it gathered.
const LOOKS: u32 = 5;
/// After how many signs of life it says how far it is.
const SIGNS: u32 = 16;

/// What a run needs.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    pub app: Arc<App>,
    pub opener: Arc<dyn Opener>,
    pub scanners: Arc<dyn Scanners>,
    pub node: Arc<str>,
    /// How often a run looks whether its lease stands.
    pub look: Duration,
}

/// Why a run's work ended early.
enum Ended {
    /// It failed, and its log is to say so.
    Failed(String),
    /// It is no longer ours, or what was found could not be written.
    Left(Error),
    /// The node stops: it is given back.
    Closing,
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Left(error)
    }
}

/// Works on a run. Returns when there is nothing more to do for this node.
pub(super) async fn run(tools: Tools, lease: Lease, stop: Stop, mut closing: watch::Receiver<bool>) {
    let app = Arc::clone(&tools.app);
    let ended = attend(&tools, lease, stop, &mut closing).await;
    let back = match ended {
        Ok(()) => return,
        Err(Ended::Closing) => leases::release,
        Err(Ended::Left(error)) if error.kind() == ErrorKind::Conflict => {
            tracing::info!(scan = %lease.scan, "a scan was left: it was canceled, deleted or taken over");
            return;
        }
        Err(Ended::Left(error)) => {
            tracing::warn!(%error, scan = %lease.scan, "a scan was left");
            leases::interrupt
        }
        // What was to be written of it went wrong.
        Err(Ended::Failed(reason)) => {
            tracing::error!(reason, scan = %lease.scan, "a scan's failure was not written");
            leases::interrupt
        }
    };
    metrics::counter!("pileus_scans_left_total").increment(1);
    let now = app.clock.now();
    let given_back = app.store.write(move |tx| {
        back(tx, &lease, now)?;
        Ok(Recorded::unaudited((), "the run goes on elsewhere"))
    });
    if let Err(error) = given_back.await {
        tracing::warn!(%error, scan = %lease.scan, "a scan could not be given back; another node takes it when this one is silent");
    }
}

async fn attend(tools: &Tools, lease: Lease, stop: Stop, closing: &mut watch::Receiver<bool>) -> Result<(), Ended> {
    let read = tools.app.store.read(move |tx| {
        let Some(scan) = leases::scan(tx, &lease)? else { return Ok(None) };
        Ok(scans::leaf_of(tx, lease.org, lease.scan)?.map(|leaf| (scan, leaf)))
    });
    let (scan, leaf) = read.await?.ok_or_else(lost)?;
    let options = Options::from_json(&scan.options);
    let subject = Subject { root: leaf.root, account: leaf.id, place: leaf.place.clone() };
    let batch = said(options.batch_size).unwrap_or(BATCH);
    let collector = Collector::new(Arc::clone(&tools.app), lease, subject, batch, stop.clone());
    begin(tools, &collector, &scan, &leaf).await?;
    let left = TIMEOUT.min(scan.timeout_at.as_seconds() - tools.app.clock.now().as_seconds());
    let limit = Duration::from_secs(u64::try_from(left).unwrap_or(0));
    let too_long = async {
        tokio::time::sleep(limit).await;
        Err(Ended::Failed(format!("given up after {} hours", TIMEOUT / 3600)))
    };
    let closes = async {
        // A sender that is gone means the same as one that says stop.
        drop(closing.wait_for(|closing| *closing).await);
        Err(Ended::Closing)
    };
    let ways: [BoxFuture<'_, _>; 4] = [
        Box::pin(alive(tools.look, &collector, work(tools, &collector, &scan, &leaf, options))),
        Box::pin(async { Err(watch(tools.look, &tools.app, &stop).await.into()) }),
        Box::pin(too_long),
        Box::pin(closes),
    ];
    let worked = first(ways).await;
    match worked.unwrap_or(Err(Ended::Closing)) {
        Ok(()) => Ok(finish(&collector, &scan, None).await?),
        Err(Ended::Failed(reason)) => Ok(finish(&collector, &scan, Some(reason)).await?),
        // Something of ours is wrong, and would be again.
        Err(Ended::Left(error)) if error.kind() == ErrorKind::Internal => {
            tracing::error!(%error, scan = %lease.scan, "a scan went wrong");
            Ok(give_up(&collector, &scan, "an internal error of Pileus: its own log says more").await?)
        }
        Err(other) => Err(other),
    }
}

/// Returns when the run is no longer ours.
async fn watch(look: Duration, app: &App, stop: &Stop) -> Error {
    tokio::select! {
        () = stop.told() => lost(),
        never = app.scans.look(&app.store, look) => match never {},
    }
}

/// Works, showing signs of life and writing what was gathered the while. A write that has begun is finished before this returns.
async fn alive(
    look: Duration,
    collector: &Collector,
    work: impl Future<Output = Result<(), Ended>>,
) -> Result<(), Ended> {
    let mut work = pin!(work);
    let mut share = Share::default();
    for sign in 1_u32.. {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(look * LOOKS) => {}
        }
        share.show(collector.progress());
        if sign.is_multiple_of(SIGNS) {
            collector.say(said_progress(collector));
        }
        let mut flush = pin!(collector.flush());
        tokio::select! {
            flushed = &mut flush => flushed?,
            done = &mut work => {
                flush.await?;
                return done;
            }
        }
    }
    Ok(())
}

/// What a run contributes to the gauges of types.
#[derive(Debug, Default)]
struct Share {
    expected: f64,
    done: f64,
}

impl Share {
    fn show(&mut self, progress: Progress) {
        let number = |n: i64| f64::from(i32::try_from(n).unwrap_or(i32::MAX));
        let (expected, done) = (number(progress.types_total), number(progress.types_done));
        metrics::gauge!("pileus_scan_types_expected").increment(expected - self.expected);
        metrics::gauge!("pileus_scan_types_done").increment(done - self.done);
        (self.expected, self.done) = (expected, done);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.show(Progress::default());
    }
}

fn said_progress(collector: &Collector) -> String {
    let progress = collector.progress();
    format!(
        "{} of {} types done, {} resources, {} calls, {} throttled",
        progress.types_done,
        progress.types_total,
        progress.resources.unwrap_or(0),
        progress.calls,
        progress.throttles
    )
}

/// The run begins, or goes on.
async fn begin(tools: &Tools, collector: &Collector, scan: &Scan, leaf: &Leaf) -> Result<()> {
    let (id, node) = (collector.lease.scan, Arc::clone(&tools.node));
    let settled = collector.write(move |tx, scope| {
        let settled = coverage::reopen(tx, id)?;
        lines::begin_job(tx, id, &node, scope.now)?;
        Ok(settled)
    });
    let settled = settled.await?;
    collector.enter(SETUP, STEPS[0]);
    if scan.attempts > 1 {
        let done = match settled.len() {
            0 => "begins anew".to_owned(),
            n => format!("goes on after {n} types that are done"),
        };
        collector.say(format!("This scan was interrupted. Attempt {} {done}, on {}", scan.attempts, tools.node));
    }
    collector.resume(scan.progress, settled);
    let place = if leaf.place.is_empty() { String::new() } else { format!(" in {}", leaf.place) };
    collector.say(format!("Scan of account \"{}\" ({}{place}), started by {}", leaf.name, leaf.provider, scan.login));
    Ok(())
}

/// The next step begins; the one before it has succeeded.
async fn enter(collector: &Collector, step: i64, name: &'static str) -> Result<()> {
    collector.enter(step, name);
    collector.flush().await
}

async fn work(tools: &Tools, collector: &Collector, scan: &Scan, leaf: &Leaf, options: Options) -> Result<(), Ended> {
    if scan.lost >= MAX_LOST {
        let why = format!("given up: it was interrupted {} times in a row before one more type was done", scan.lost);
        return Err(Ended::Failed(why));
    }
    if scan.attempts > MAX_ATTEMPTS {
        return Err(Ended::Failed(format!("given up: it was interrupted {MAX_ATTEMPTS} times")));
    }
    let Some(scanner) = tools.scanners.of(&leaf.provider) else {
        return Err(Ended::Failed(format!("no scanner for {} in this version", leaf.provider)));
    };
    let mut order = Order {
        org: leaf.org,
        account: leaf.name.clone(),
        provider: leaf.provider.clone(),
        place: leaf.place.clone(),
        config: leaf.config.clone(),
        environment: leaf.environment(),
        cloud_account: leaf.cloud_account.clone(),
        options,
        done: collector.settled(),
    };
    enter(collector, OPEN, STEPS[1]).await?;
    let opened = open(tools, collector, &mut order, &*scanner).await?;
    if scan.leads {
        regions::follow(tools, collector, scan, &order, &opened, &*scanner).await?;
    }
    enter(collector, TYPES, STEPS[2]).await?;
    // What is done stays done, also if this version does not know it.
    let left = scanner.types(&order).iter().filter(|kind| !order.done.contains(*kind)).count();
    collector.expect(left + order.done.len());
    collector.say(format!("{left} types are to be listed"));
    enter(collector, SCAN, STEPS[3]).await?;
    collector.remember(known(collector).await?);
    let finished = left == 0 && !order.done.is_empty();
    let scanned = if finished { Ok(()) } else { scanner.scan(&order, &opened, collector).await };
    match scanned {
        Ok(()) => {}
        Err(CloudError::Sink(error)) => return Err(Ended::Left(error)),
        Err(CloudError::Canceled) => return Err(Ended::Left(lost())),
        Err(error) => return Err(Ended::Failed(error.to_string())),
    }
    collector.flush().await?;
    sweep(collector, scan.started_at).await?;
    collector.say(said_progress(collector));
    Ok(())
}

/// Opens the environment and asks the cloud whose credentials are in it.
async fn open(tools: &Tools, collector: &Collector, order: &mut Order, scanner: &dyn Scanner) -> Result<Opened, Ended> {
    let opened = match tools.opener.open(&tools.app, order).await {
        Ok(opened) => opened,
        Err(error) if matches!(error.kind(), ErrorKind::Unavailable) => return Err(error.into()),
        Err(error) => {
            return Err(Ended::Failed(format!(
                "the environment {} could not be opened: {}",
                order.environment,
                error.message()
            )));
        }
    };
    collector.say(format!("Opened environment {}", opened.environment));
    let environment = opened.environment.clone();
    let lease = collector.lease;
    collector.write(move |tx, _| leases::environment(tx, &lease, &environment)).await?;
    let whose = scanner.identity(order, &opened).await.map_err(|error| Ended::Failed(error.to_string()))?;
    let (root, found) = (collector.subject.root, whose.clone());
    let fixed = collector.write(move |tx, scope| leases::fix_cloud_account(tx, scope.org, root, &found)).await?;
    if fixed.as_ref() != Some(&whose) {
        let fixed = fixed.unwrap_or_default();
        return Err(Ended::Failed(format!(
            "the credentials belong to the cloud account {whose}, but this is the account of {fixed}: nothing was changed"
        )));
    }
    collector.say(format!("The credentials belong to the cloud account {whose}"));
    order.cloud_account = Some(whose);
    Ok(opened)
}

/// Writes how the run ended. Its last line is written with the end itself: a run that says that it succeeded has.
async fn finish(collector: &Collector, scan: &Scan, failure: Option<String>) -> Result<()> {
    let mut last = collector.rest().await?;
    let said = failure.as_ref().map_or_else(|| "Succeeded".into(), |reason| format!("Failed: {reason}"));
    last.push(collector.line(said));
    end(collector, scan, failure, last).await
}

/// Writes that the run failed, and nothing of what it still had gathered.
async fn give_up(collector: &Collector, scan: &Scan, reason: &str) -> Result<()> {
    let last = lines::Line { step: SCAN, ..collector.line(format!("Failed: {reason}")) };
    end(collector, scan, Some(reason.to_owned()), vec![last]).await
}

async fn end(collector: &Collector, scan: &Scan, failure: Option<String>, last: Vec<lines::Line>) -> Result<()> {
    let outcome = if failure.is_none() { "succeeded" } else { "failed" };
    let (lease, account) = (collector.lease, scan.account);
    collector
        .write(move |tx, scope| {
            lines::append(tx, lease.scan, &last)?;
            lines::end_job(tx, lease.scan, failure.is_none(), scope.now)?;
            match &failure {
                None => leases::account_scanned(tx, lease.org, account, scope.now)?,
                Some(_) => absent::clear(tx, lease.scan)?,
            }
            leases::finish(tx, &lease, failure.as_deref(), scope.now)
        })
        .await?;
    metrics::counter!("pileus_scans_total", "outcome" => outcome).increment(1);
    Ok(())
}
