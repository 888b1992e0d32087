//! One run, from claim to end, under its lease.
//!
//! It may begin anew at any point: what was written before stays right, and the statement is written again.

use super::{
    OPEN, SCAN, SETUP, STEPS, TIMEOUT, TYPES,
    options::{Options, said},
    scanner::{Opened, Opener, Order, Scanner, Scanners},
    signals::Stop,
    sink::{BATCH, Collector, Subject, lost},
};
use crate::{
    App,
    insights::ingest::{Fate, Index},
};
use pileus_clouds::CloudError;
use pileus_model::{Error, ErrorKind, Result, Timestamp};
use pileus_store::{
    Recorded,
    insights::{
        coverage, edges,
        ingest::{self as store, Key},
        leases::{self, Lease},
        lines,
        scans::{self, Leaf, Scan},
    },
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::sync::watch;

/// How often a run is begun before it is given up: by then it is likely that it is the run that kills the node.
pub(super) const MAX_ATTEMPTS: i64 = 3;
/// How often a run looks whether its lease stands.
const LOOK: Duration = Duration::from_millis(400);
/// After how many looks it shows a sign of life and writes what it gathered.
const LOOKS: u32 = 10;
/// After how many signs of life it says how far it is.
const SIGNS: u32 = 8;
/// Rows that are read or written at once.
const CHUNK: usize = 1000;

/// What a run needs.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    pub app: Arc<App>,
    pub opener: Arc<dyn Opener>,
    pub scanners: Arc<dyn Scanners>,
    pub node: Arc<str>,
}

/// Why a run's work ended early.
enum Ended {
    /// It failed, and its log is to say so.
    Failed(String),
    /// It is no longer ours, or the database is away: whoever takes it next goes on.
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
    match attend(&tools, lease, stop, &mut closing).await {
        Ok(()) => {}
        Err(Ended::Closing) => {
            let now = app.clock.now();
            let released = app.store.write(move |tx| {
                leases::release(tx, &lease, now)?;
                Ok(Recorded::unaudited((), "the run goes on elsewhere"))
            });
            if let Err(error) = released.await {
                tracing::warn!(%error, scan = %lease.scan, "a scan could not be given back; another node takes it when this one is silent");
            }
        }
        Err(Ended::Left(error)) => {
            metrics::counter!("pileus_scans_left_total").increment(1);
            tracing::warn!(%error, scan = %lease.scan, "a scan was left");
        }
        Err(Ended::Failed(reason)) => tracing::error!(reason, scan = %lease.scan, "a scan's failure was not written"),
    }
}

async fn attend(tools: &Tools, lease: Lease, stop: Stop, closing: &mut watch::Receiver<bool>) -> Result<(), Ended> {
    let read = tools.app.store.read(move |tx| {
        let Some(scan) = leases::scan(tx, &lease)? else { return Ok(None) };
        Ok(scans::leaf_of(tx, lease.org, lease.scan)?.map(|leaf| (scan, leaf)))
    });
    let (scan, leaf) = read.await?.ok_or_else(lost)?;
    let options = Options::from_json(&scan.options);
    let subject = Subject { root: leaf.root, account: leaf.id };
    let batch = said(options.batch_size).unwrap_or(BATCH);
    let collector = Collector::new(Arc::clone(&tools.app), lease, subject, batch, Arc::clone(&stop));
    begin(tools, &collector, &scan, &leaf).await?;
    let left = TIMEOUT.min(scan.timeout_at.as_seconds() - tools.app.clock.now().as_seconds());
    let limit = Duration::from_secs(u64::try_from(left).unwrap_or(0));
    let worked = tokio::select! {
        worked = work(tools, &collector, &scan, &leaf, options) => worked,
        watched = watch(&collector, &stop) => Err(watched.into()),
        () = tokio::time::sleep(limit) => Err(Ended::Failed(format!("given up after {} hours", TIMEOUT / 3600))),
        // A sender that is gone means the same as one that says stop.
        () = async { drop(closing.wait_for(|closing| *closing).await) } => Err(Ended::Closing),
    };
    match worked {
        Ok(()) => Ok(finish(&collector, &scan, None).await?),
        Err(Ended::Failed(reason)) => Ok(finish(&collector, &scan, Some(reason)).await?),
        Err(other) => Err(other),
    }
}

/// Looks whether the run is still ours and shows signs of life; returns why it is not, or what went wrong.
async fn watch(collector: &Collector, stop: &Stop) -> Error {
    let lease = collector.lease;
    for look in 1_u32.. {
        tokio::time::sleep(LOOK).await;
        let stands = collector.app.store.read(move |tx| leases::stands(tx, &lease)).await;
        // A database that is away for a moment is no reason to stop: what can't be written stops the run soon enough.
        if stop.load(Ordering::Relaxed) || matches!(stands, Ok(false)) {
            stop.store(true, Ordering::Relaxed);
            return lost();
        }
        if look % (LOOKS * SIGNS) == 0 {
            collector.say(said_progress(collector));
        }
        if look % LOOKS == 0
            && let Err(error) = collector.flush().await
        {
            return error;
        }
    }
    lost()
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

/// The run begins, or begins anew.
async fn begin(tools: &Tools, collector: &Collector, scan: &Scan, leaf: &Leaf) -> Result<()> {
    collector.enter(SETUP, STEPS[0]);
    if scan.attempts > 1 {
        collector.say(format!(
            "The node that worked on this scan fell silent. Attempt {} begins anew on {}",
            scan.attempts, tools.node
        ));
    }
    let place = if leaf.place.is_empty() { String::new() } else { format!(" in {}", leaf.place) };
    collector.say(format!("Scan of account \"{}\" ({}{place}), started by {}", leaf.name, leaf.provider, scan.login));
    let (id, node) = (collector.lease.scan, Arc::clone(&tools.node));
    collector
        .write(move |tx, scope| {
            coverage::clear(tx, id)?;
            lines::begin_job(tx, id, &node, scope.now)?;
            lines::begin_step(tx, id, SETUP, scope.now)
        })
        .await?;
    collector.flush().await
}

/// The next step begins; the one before it has succeeded.
async fn enter(collector: &Collector, step: i64, name: &'static str) -> Result<()> {
    collector.flush().await?;
    collector.enter(step, name);
    let id = collector.lease.scan;
    collector
        .write(move |tx, scope| {
            lines::end_step(tx, id, step - 1, scope.now)?;
            lines::begin_step(tx, id, step, scope.now)
        })
        .await?;
    collector.flush().await
}

async fn work(tools: &Tools, collector: &Collector, scan: &Scan, leaf: &Leaf, options: Options) -> Result<(), Ended> {
    if scan.attempts > MAX_ATTEMPTS {
        return Err(Ended::Failed(format!("given up: the node that worked on it was lost {MAX_ATTEMPTS} times")));
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
    };
    enter(collector, OPEN, STEPS[1]).await?;
    let opened = open(tools, collector, &mut order, &*scanner).await?;
    enter(collector, TYPES, STEPS[2]).await?;
    let types = scanner.types(&order).len();
    collector.expect(types);
    collector.say(format!("{types} types are to be listed"));
    enter(collector, SCAN, STEPS[3]).await?;
    collector.remember(known(collector).await?);
    match scanner.scan(&order, &opened, collector).await {
        Ok(()) => {}
        Err(CloudError::Sink(error)) => return Err(Ended::Left(error)),
        Err(CloudError::Canceled) => return Err(Ended::Left(lost())),
        Err(error) => return Err(Ended::Failed(error.to_string())),
    }
    collector.flush().await?;
    sweep(collector, scan.started_at).await?;
    settle(collector).await?;
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

/// What is known of the account before the scan.
async fn known(collector: &Collector) -> Result<Index> {
    let (org, account) = (collector.lease.org, collector.subject.account);
    let mut index = Index::default();
    let mut after: Option<Key> = None;
    loop {
        // The chunk is copied out: the closure may run twice.
        let read = collector.app.store.read(move |tx| {
            let mut rows = Vec::with_capacity(CHUNK);
            let limit = i64::try_from(CHUNK).unwrap_or(i64::MAX);
            let last = store::known(tx, org, account, after, limit, &mut |known| {
                rows.push((known.key, known.hash.to_vec(), known.type_token.to_owned(), known.unseen, known.gone));
            })?;
            Ok((rows, last))
        });
        let (rows, last) = read.await?;
        for (key, hash, type_token, unseen, gone) in &rows {
            index.add(&store::Known { key: *key, hash, type_token, unseen: *unseen, gone: *gone });
        }
        if rows.len() < CHUNK {
            return Ok(index);
        }
        after = last;
    }
}

/// Says of everything that was not found whether it is gone or only was not seen.
async fn sweep(collector: &Collector, since: Timestamp) -> Result<()> {
    let (index, completeness) = collector.take_index();
    let (mut gone, mut unseen): (Vec<Key>, Vec<Key>) = (Vec::new(), Vec::new());
    for (key, type_token, marked) in index.missing() {
        match completeness.fate(type_token) {
            Fate::Gone => gone.push(key),
            Fate::Unseen if marked => {}
            Fate::Unseen => unseen.push(key),
        }
    }
    collector.say(format!(
        "{} resources seen, {} gone, {} not seen and not proved gone",
        index.seen(),
        gone.len(),
        unseen.len()
    ));
    metrics::counter!("pileus_scan_gone_total").increment(gone.len() as u64);
    for keys in gone.chunks(CHUNK).map(<[Key]>::to_vec) {
        collector
            .write(move |tx, scope| keys.iter().try_for_each(|key| store::gone(tx, scope, key).map(|_| ())))
            .await?;
    }
    for keys in unseen.chunks(CHUNK).map(<[Key]>::to_vec) {
        collector.write(move |tx, scope| keys.iter().try_for_each(|key| store::unseen(tx, scope, key, since))).await?;
    }
    Ok(())
}

/// Looks again for what this run's versions mention.
async fn settle(collector: &Collector) -> Result<()> {
    let mut after = Some(([0; 16], String::new()));
    while let Some(from) = after {
        let limit = i64::try_from(CHUNK).unwrap_or(i64::MAX);
        after = collector.write(move |tx, scope| edges::settle(tx, scope, &from, limit)).await?;
    }
    Ok(())
}

/// Writes how the run ended.
async fn finish(collector: &Collector, scan: &Scan, failure: Option<String>) -> Result<()> {
    match &failure {
        Some(reason) => collector.say(format!("Failed: {reason}")),
        None => collector.say("Succeeded"),
    }
    collector.flush().await?;
    let (lease, account, ended) = (collector.lease, scan.account, failure.clone());
    collector
        .write(move |tx, scope| {
            lines::end_job(tx, lease.scan, ended.is_none(), scope.now)?;
            if ended.is_none() {
                leases::account_scanned(tx, lease.org, account, scope.now)?;
            }
            leases::finish(tx, &lease, ended.as_deref(), scope.now)
        })
        .await?;
    let outcome = if failure.is_none() { "succeeded" } else { "failed" };
    metrics::counter!("pileus_scans_total", "outcome" => outcome).increment(1);
    Ok(())
}
