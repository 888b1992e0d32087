//! Starting what is due: a reconciler's rounds. Any number of nodes may run them at any time.

use super::{next, plan};
use crate::insights::scans::{Starter, start_in};
use crate::{
    App,
    insights::scans::{Batch, Cause, Options},
};
use futures_util::{StreamExt, stream};
use pileus_model::{
    Result, Timestamp,
    audit::{Actor, RequestInfo},
    ids::AccountId,
};
use pileus_store::{
    Recorded, Tx,
    insights::{
        scans,
        schedules::{self as store, ScheduleRow},
    },
    organizations,
};
use std::sync::Arc;

/// Schedules that are looked at in one round.
const ROUND: i64 = 1000;
/// Schedules that are started at once: the store commits them together.
const TOGETHER: usize = 32;

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticked {
    /// Schedules that were due.
    pub due: usize,
    /// Scans that were started.
    pub started: usize,
}

/// Starts what is due. A time that was missed is made up once, and the next is the first after now. What can't be started is
/// tried again in the next round.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn tick(app: &Arc<App>) -> Result<Ticked> {
    let mut ticked = Ticked::default();
    loop {
        let now = app.clock.now();
        let due = app.store.read(move |tx| store::due(tx, now, ROUND)).await?;
        let full = due.len() == usize::try_from(ROUND).unwrap_or(usize::MAX);
        let mut rounds = stream::iter(due).map(|row| start(app, row)).buffer_unordered(TOGETHER);
        let mut failed = None;
        while let Some(round) = rounds.next().await {
            match round {
                Ok(None) => {}
                Ok(Some(started)) => {
                    ticked.due += 1;
                    ticked.started += started;
                }
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if !full {
            return Ok(ticked);
        }
    }
}

/// Starts one schedule's scans, if it still is due; how many.
async fn start(app: &Arc<App>, seen: ScheduleRow) -> Result<Option<usize>> {
    let app2 = Arc::clone(app);
    app.store
        .write(move |tx| {
            let now = app2.clock.now();
            organizations::lock(tx, seen.org)?;
            let nothing = |why| Ok(Recorded::unaudited(None, why));
            let Some(row) = store::lock(tx, seen.org, seen.account)? else { return nothing("the account is gone") };
            if row.due_at.is_none_or(|due| due > now) {
                return nothing("another node was faster");
            }
            let Some(organization) = organizations::by_id(tx, seen.org)? else {
                return nothing("the organisation is gone");
            };
            begin(tx, &app2, row, organization.org.log, now)
        })
        .await
}

fn begin(
    tx: &mut dyn Tx,
    app: &App,
    mut row: ScheduleRow,
    log: pileus_model::audit::LogId,
    now: Timestamp,
) -> Result<Recorded<Option<usize>>> {
    let cause = if row.due_for.is_none() { Cause::First } else { Cause::Scheduled };
    let (above, leaves) = scans::leaves(tx, row.org, row.account)?;
    let request = RequestInfo { operation: "schedule".into(), ..RequestInfo::default() };
    let by = Starter { app, log, actor: Actor::system(), request };
    let batch = Batch { id: None, cause, user: None, leads: above };
    let (started, events) = start_in(tx, &by, &leaves, batch, &Options::from_json(&row.options), now)?;
    if row.due_for.is_some() {
        row.last_due_for = row.due_for;
    }
    plan(&mut row, now);
    store::put(tx, &row)?;
    if events.is_empty() {
        metrics::counter!("pileus_scans_left_out_total").increment(1);
        return Ok(Recorded::unaudited(
            Some(0),
            "nothing was started: each account is being scanned, or there is none",
        ));
    }
    Ok(Recorded::with_all(Some(started.len()), events))
}

/// Looks through all schedules for times that can't be right: after the clock was put back, a next time may lie further ahead than
/// it should. How many were put right.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn correct(app: &Arc<App>) -> Result<usize> {
    let (mut after, mut corrected) = (AccountId::from_bytes([0; 16]), 0);
    loop {
        let rows = app.store.read(move |tx| store::all(tx, after, ROUND)).await?;
        let Some(last) = rows.last() else { return Ok(corrected) };
        after = last.account;
        let now = app.clock.now();
        for row in rows.into_iter().filter(|row| is_wrong(row, now)) {
            let write = app.store.write(move |tx| {
                let why = "a time that is worked out from what people set";
                let Some(mut row) = store::lock(tx, row.org, row.account)?.filter(|row| is_wrong(row, now)) else {
                    return Ok(Recorded::unaudited(0, why));
                };
                if row.due_for.is_none() {
                    row.due_at = Some(now);
                } else {
                    plan(&mut row, now);
                }
                store::put(tx, &row)?;
                Ok(Recorded::unaudited(1, why))
            });
            corrected += write.await?;
        }
    }
}

/// A first scan is due at once; another not later than the next time from now.
fn is_wrong(row: &ScheduleRow, now: Timestamp) -> bool {
    match (row.due_at, row.due_for) {
        (None, _) => false,
        (Some(due_at), None) => due_at > now,
        (Some(_), Some(due_for)) => next(row, now).is_some_and(|(right, _)| due_for > right),
    }
}
