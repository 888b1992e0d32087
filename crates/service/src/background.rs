//! Background work: loops without input that may run on any number of nodes and be woken at any time (law 10).
//!
//! This room knows when such work is due; what it does stands in the room of the thing.

use crate::insights::{
    resources,
    scans::{
        clouds::{Clouds, Environments},
        engine::{Engine, EngineConfig},
        retention::{Forgetter, Keep},
    },
};
use crate::{App, audit, auth, environments, keys, oidc};
use pileus_clouds::{Mode, aws::Aws};
use pileus_model::{Error, Result};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// How often what is remembered in memory is written.
const PERIOD: Duration = Duration::from_secs(30);

/// How often is looked for rotations that are due, and for master keys.
const ROTATIONS: Duration = Duration::from_secs(5);

/// Runs until `shutdown` turns true (or its sender is dropped), then writes what is left and returns.
pub async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => flush(&app, false).await,
            // A sender that is gone means the same as one that says stop.
            () = async { drop(shutdown.wait_for(|stop| *stop).await) } => break,
        }
    }
    flush(&app, true).await;
}

/// Whether it is time to stop, before so long has passed. A sender that is gone means the same as one that says stop.
async fn stopped_within(period: Duration, shutdown: &mut watch::Receiver<bool>) -> bool {
    tokio::time::timeout(period, shutdown.wait_for(|stop| *stop)).await.is_ok()
}

/// Counts and tells that some work failed, which the next round does again.
fn failed(work: &'static str, error: &Error, what: &str) {
    metrics::counter!("pileus_background_failures_total", "work" => work).increment(1);
    tracing::warn!(%error, "{what}; it is tried again");
}

/// Says what this node does, in the log and in the metrics.
pub fn roles(node: &str, serves: bool, works: bool) {
    for (role, has) in [("serve", serves), ("work", works)] {
        metrics::gauge!("pileus_role", "role" => role).set(f64::from(u8::from(has)));
    }
    tracing::info!(node, serves, works, "the roles of this node");
}

/// How a node runs scans.
#[derive(Debug, Clone)]
pub struct Scans {
    /// How AWS is listed.
    pub mode: Mode,
    /// How the engine works.
    pub engine: EngineConfig,
    /// How long scans are kept.
    pub keep: Keep,
}

/// Starts what is due, works on scans and forgets old ones until `shutdown` turns true (or its sender is dropped); gives back what is
/// not done then. On nodes that work; any number of them may.
pub async fn scan(app: Arc<App>, aws: Arc<Aws>, wanted: Scans, shutdown: watch::Receiver<bool>) {
    let scanners = Arc::new(Clouds::new(Arc::clone(&app), aws, wanted.mode));
    let engine = Engine::new(Arc::clone(&app), Arc::new(Environments), scanners, wanted.engine);
    tokio::join!(engine.run(shutdown.clone()), forget(app, wanted.keep, shutdown));
}

/// Forgets old scans, in rounds.
async fn forget(app: Arc<App>, keep: Keep, mut shutdown: watch::Receiver<bool>) {
    let forgetter = Forgetter::default();
    loop {
        if let Err(error) = forgetter.round(&app, keep).await {
            failed("old-scans", &error, "old scans could not be forgotten");
        }
        if stopped_within(PERIOD, &mut shutdown).await {
            return;
        }
    }
}

/// Keeps to the master key, and where this node works rotates secrets whose time has come and ends rotations that were given up,
/// until `shutdown` turns true (or its sender is dropped). Any number of nodes may.
pub async fn rotate(app: Arc<App>, works: bool, shutdown: watch::Receiver<bool>) {
    // Rotations take their time; a server that says nothing meanwhile would be believed to be gone.
    let rotations = async {
        if works {
            rotations(Arc::clone(&app), shutdown.clone()).await
        }
    };
    tokio::join!(keep_to_keys(Arc::clone(&app), shutdown.clone()), rotations);
}

async fn keep_to_keys(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    loop {
        if let Err(error) = keys::tick(&app).await {
            failed("master-keys", &error, "a round about master keys failed");
        }
        if stopped_within(ROTATIONS, &mut shutdown).await {
            return;
        }
    }
}

async fn rotations(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut last = None;
    loop {
        let now = app.clock.now();
        // After a start, and when the clock was put back, times are looked through.
        let anew = last.replace(now).is_none_or(|last| now < last);
        if let Err(error) = rotate_once(&app, anew).await {
            failed("rotations", &error, "a round of rotations failed");
        }
        if stopped_within(ROTATIONS, &mut shutdown).await {
            return;
        }
    }
}

/// One round of it.
///
/// # Errors
/// `Unavailable` where the database can't; the next round goes on.
pub async fn rotate_once(app: &Arc<App>, anew: bool) -> Result<()> {
    environments::recover_rotations(app).await?;
    if anew {
        environments::schedules::correct(app).await?;
    }
    environments::schedules::tick(app).await.map(|_| ())
}

/// One round: counted denials and failed logins of minutes that are over (with `all` of the current one too), and when
/// tokens were last used.
pub async fn flush(app: &Arc<App>, all: bool) {
    audit::flush(app, all).await;
    auth::flush_failures(app, all).await;
    oidc::flush(app, all).await;
    if all && let Err(error) = keys::leave(app).await {
        tracing::warn!(%error, "the other servers were not told that this one stops; they wait for it a little");
    }
    if let Err(error) = environments::sweep(app).await {
        failed("sessions", &error, "ended sessions could not be forgotten");
    }
    if let Err(error) = environments::keep_keys(app).await {
        failed("signing-keys", &error, "the next key of identity tokens could not be made");
    }
    if let Err(error) = resources::sweep(app).await {
        failed("deleted-accounts", &error, "what is left of deleted accounts could not be swept away");
    }
    if let Err(error) = flush_last_used(app).await {
        failed("last-used", &error, "the last use of tokens could not be written");
    }
}

/// Writes when tokens were last used.
///
/// # Errors
/// `Unavailable` where the database can't; what is not written is kept.
pub async fn flush_last_used(app: &Arc<App>) -> Result<()> {
    auth::flush_uses(app).await
}
