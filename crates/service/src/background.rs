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
use pileus_model::Result;
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
            metrics::counter!("pileus_background_failures_total", "work" => "old-scans").increment(1);
            tracing::warn!(%error, "old scans could not be forgotten; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = async { drop(shutdown.wait_for(|stop| *stop).await) } => return,
        }
    }
}

/// Keeps to the master key, and where this node works rotates secrets whose time has come and ends rotations that were given up,
/// until `shutdown` turns true (or its sender is dropped). Any number of nodes may.
pub async fn rotate(app: Arc<App>, works: bool, shutdown: watch::Receiver<bool>) {
    // Rotations take their time; a server that says nothing meanwhile would be believed to be gone.
    tokio::join!(keep_to_keys(Arc::clone(&app), shutdown.clone()), rotations(app, works, shutdown));
}

async fn keep_to_keys(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    loop {
        if let Err(error) = keys::tick(&app).await {
            metrics::counter!("pileus_background_failures_total", "work" => "master-keys").increment(1);
            tracing::warn!(%error, "a round about master keys failed; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(ROTATIONS) => {}
            () = async { drop(shutdown.wait_for(|stop| *stop).await) } => break,
        }
    }
}

async fn rotations(app: Arc<App>, works: bool, mut shutdown: watch::Receiver<bool>) {
    let mut last = None;
    loop {
        let now = app.clock.now();
        // After a start, and when the clock was put back, times are looked through.
        let anew = last.replace(now).is_none_or(|last| now < last);
        if works && let Err(error) = rotate_once(&app, anew).await {
            metrics::counter!("pileus_background_failures_total", "work" => "rotations").increment(1);
            tracing::warn!(%error, "a round of rotations failed; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(ROTATIONS) => {}
            () = async { drop(shutdown.wait_for(|stop| *stop).await) } => break,
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
        metrics::counter!("pileus_background_failures_total", "work" => "sessions").increment(1);
        tracing::warn!(%error, "ended sessions could not be forgotten; it is tried again");
    }
    if let Err(error) = environments::keep_keys(app).await {
        metrics::counter!("pileus_background_failures_total", "work" => "signing-keys").increment(1);
        tracing::warn!(%error, "the next key of identity tokens could not be made; it is tried again");
    }
    if let Err(error) = resources::sweep(app).await {
        metrics::counter!("pileus_background_failures_total", "work" => "deleted-accounts").increment(1);
        tracing::warn!(%error, "what is left of deleted accounts could not be swept away; it is tried again");
    }
    if let Err(error) = flush_last_used(app).await {
        metrics::counter!("pileus_background_failures_total", "work" => "last-used").increment(1);
        tracing::warn!(%error, "the last use of tokens could not be written; it is tried again");
    }
}

/// Writes when tokens were last used.
///
/// # Errors
/// `Unavailable` where the database can't; what is not written is kept.
pub async fn flush_last_used(app: &Arc<App>) -> Result<()> {
    auth::flush_uses(app).await
}
