//! Rotating the secrets of an environment.
//!
//! A rotation is written down before it begins; what each rotator makes is written down, sealed, as soon as it is made; a new
//! revision takes all of it over together with the end of the rotation; only then is what was replaced taken away. So a
//! crash at any point leaves nothing unrecorded, and whoever finds a rotation that nobody works on any more ends it with
//! what had been made. An update of the definition meanwhile loses nothing: what was made goes into the newer definition.
//!
//! This room knows that order. What a credential is, is the rotators' business.

mod begin;
mod journal;
mod perform;
mod recover;
mod sealed;
mod settle;
#[cfg(test)]
mod tests;

pub use recover::recover;

pub(in crate::environments) use begin::{By, begin};

use super::{context::Who, evaluate::record_denied, require};
use crate::{App, Cx};
use perform::Performed;
use pileus_esc::path::{self, Step};
use pileus_model::{Error, ErrorKind, Result};
use pileus_store::{
    Recorded,
    environments_rotation::{self as store, RotationRow, SecretRow},
};
use settle::Keeping;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// A rotation that runs.
const RUNNING: &str = "in_progress";
/// One that ended well.
const SUCCEEDED: &str = "succeeded";
/// One that did not, or not in all of its parts.
const FAILED: &str = "failed";
/// For how many seconds a sign of life is good.
const LEASE: i64 = 60;
/// How often one is given.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// How many rotations a list has at most.
const LISTED: i64 = 250;

/// A rotation and its secrets, those that are known so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationEvent {
    /// The rotation.
    pub rotation: RotationRow,
    /// Its secrets, by path.
    pub secrets: Vec<SecretRow>,
}

/// What came of a request to rotate.
#[derive(Debug)]
pub struct Rotated {
    /// The rotation.
    pub event: RotationEvent,
    /// What is to be said of the definition, each a JSON object.
    pub diagnostics: Vec<String>,
    /// The definition is wrong, and nothing was rotated.
    pub wrong: bool,
}

/// A document path as people write it: below `values`.
fn below_values(path: &str) -> String {
    let path = path.strip_prefix("values").unwrap_or(path);
    path.strip_prefix('.').unwrap_or(path).to_owned()
}

/// The secrets that are named, below `values`; none for all.
///
/// # Errors
/// `Invalid` for what is no path.
pub(in crate::environments) fn paths(texts: &[String]) -> Result<Vec<Vec<Step>>> {
    let read = |text: &String| match path::parse(text) {
        Ok(steps) if !steps.is_empty() => Ok(steps),
        Ok(_) => Err(Error::invalid("an empty path names no secret")),
        Err(why) => Err(Error::invalid(format!("\"{text}\" is no path: {why}"))),
    };
    texts.iter().map(read).collect()
}

/// Rotates the secrets of an environment: those at these paths below `values`, or all.
///
/// # Errors
/// `NotFound`; `Invalid` for a bad path, or where there is nothing to rotate; `Forbidden` where something that it names may
/// not be opened; `Conflict` while another rotation of it runs; `RateLimited` where too many run.
pub async fn rotate(cx: &Cx, project: &str, name: &str, texts: &[String]) -> Result<Rotated> {
    let wanted = paths(texts)?;
    let who = Who::caller(cx)?;
    let (project, name, by, who2) = (project.to_owned(), name.to_owned(), By::caller(&who), who.clone());
    let app = Arc::clone(&cx.app);
    // It goes on where the request is given up.
    let task = tokio::spawn(async move {
        // Those on schedule are few at a time anyway.
        let _place = app.waiting.enter(who.org.id)?;
        let begun = app.store.write(move |tx| {
            let row = require(tx, who2.org.id, &project, &name)?;
            let rotation = begin(tx, &who2.app, who2.org.id, &row, &by, None)?;
            Ok(Recorded::unaudited(rotation, "a rotation is recorded when it ends"))
        });
        run(who, begun.await?, wanted).await
    });
    let (event, performed) = task.await.map_err(|e| Error::internal(format!("a rotation ended badly: {e}")))??;
    record_denied(cx, &performed.denied);
    match performed.refused {
        None => Ok(Rotated { event, diagnostics: performed.diagnostics, wrong: false }),
        Some(error) if error.kind() == ErrorKind::Invalid && !performed.diagnostics.is_empty() => {
            Ok(Rotated { event, diagnostics: performed.diagnostics, wrong: true })
        }
        Some(error) => Err(error),
    }
}

/// Does what was begun, and ends it.
pub(in crate::environments) async fn run(
    who: Who,
    rotation: RotationRow,
    wanted: Vec<Vec<Step>>,
) -> Result<(RotationEvent, Performed)> {
    let (app, mut seen) = (Arc::clone(&who.app), rotation.clone());
    let mut performing = Box::pin(perform::perform(who.clone(), rotation.clone(), wanted));
    let (performed, journal) = loop {
        tokio::select! {
            done = &mut performing => break done,
            () = tokio::time::sleep(SIGN_OF_LIFE) => show_life(&app, &mut seen).await,
        }
    };
    let keeping = Keeping::of(journal.as_deref());
    let (event, retired) = settle::settle(&who, rotation, &performed, &keeping).await?;
    if let Some(journal) = journal {
        settle::take_away(&journal, retired).await;
    }
    Ok((event, performed))
}

/// Ends what was begun and cannot be done.
pub(in crate::environments) async fn give_up(who: &Who, rotation: RotationRow, why: Error) -> Result<()> {
    let performed = Performed { refused: Some(why), ..Performed::default() };
    settle::settle(who, rotation, &performed, &Keeping::default()).await.map(|_| ())
}

/// Tells the others that this rotation is still worked on. If that fails they take it up, which this one notices.
async fn show_life(app: &App, seen: &mut RotationRow) {
    let (row, until) = (seen.clone(), app.clock.now().plus_seconds(LEASE));
    let write = app.store.write(move |tx| {
        let renewed = store::renew(tx, &row, until)?;
        Ok(Recorded::unaudited(renewed, "a sign of life of a rotation, which is recorded when it ends"))
    });
    match write.await {
        Ok(true) => seen.lease_until = until,
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "a rotation could not show that it goes on"),
    }
}

/// The rotations of an environment, the newest first.
///
/// # Errors
/// `NotFound`.
pub async fn history(cx: &Cx, project: &str, name: &str) -> Result<Vec<RotationEvent>> {
    let (org, project, name) = (cx.org()?.id, project.to_owned(), name.to_owned());
    cx.app
        .store
        .read(move |tx| {
            let row = require(tx, org, &project, &name)?;
            let mut secrets: BTreeMap<_, Vec<SecretRow>> = BTreeMap::new();
            for (rotation, secret) in store::secrets_of_environment(tx, org, row.id, LISTED)? {
                secrets.entry(rotation).or_default().push(secret);
            }
            let rotations = store::of_environment(tx, org, row.id, LISTED)?.into_iter();
            Ok(rotations
                .map(|rotation| RotationEvent { secrets: secrets.remove(&rotation.id).unwrap_or_default(), rotation })
                .collect())
        })
        .await
}
