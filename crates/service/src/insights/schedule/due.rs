//! Starting what is due: a reconciler's rounds. Any number of nodes may run them at any time.

use super::{next, plan};
use crate::insights::scans::{Starter, start_in};
use crate::{
    App,
    insights::scans::{Batch, Cause, Options},
};
use futures_util::{StreamExt, stream};
use pileus_model::{
    ErrorKind, Result, Timestamp,
    audit::{Actor, LogId, NewEvent, RequestInfo},
    ids::{AccountId, OrgId},
};
use pileus_store::{
    Recorded, Tx,
    insights::{
        scans,
        schedules::{self as store, ScheduleRow},
    },
    organizations,
};
use std::{collections::HashMap, ops::AddAssign, sync::Arc};

/// Schedules that are looked at in one round.
const ROUND: i64 = 1000;
/// Schedules of one organisation that are started in one transaction: each of its own would wait for the same locks, with a
/// connection, and be a commit.
const TOGETHER: usize = 32;
/// Scans after which such a transaction ends, so that nobody waits long for the organisation.
const SCANS: usize = 32;
/// Organisations whose schedules are started at once.
const AT_ONCE: usize = 8;

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticked {
    /// Schedules that were due.
    pub due: usize,
    /// Scans that were started.
    pub started: usize,
}

impl AddAssign for Ticked {
    fn add_assign(&mut self, more: Self) {
        self.due += more.due;
        self.started += more.started;
    }
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
        let mut organizations: HashMap<OrgId, Vec<ScheduleRow>> = HashMap::new();
        for row in due {
            organizations.entry(row.org).or_default().push(row);
        }
        let mut rounds =
            stream::iter(organizations.into_values()).map(|rows| start(app, rows)).buffer_unordered(AT_ONCE);
        let mut failed = None;
        while let Some(round) = rounds.next().await {
            match round {
                Ok(done) => ticked += done,
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

/// Starts the scans of these schedules of one organisation. One that can't be started keeps none of the others.
async fn start(app: &Arc<App>, due: Vec<ScheduleRow>) -> Result<Ticked> {
    let (mut ticked, mut failed) = (Ticked::default(), None);
    let (mut left, mut alone) = (due.as_slice(), 0_usize);
    while !left.is_empty() {
        let some = left.len().min(if alone > 0 { 1 } else { TOGETHER });
        let looked = match some_of(app, left[..some].to_vec()).await {
            Ok((looked, done)) => {
                ticked += done;
                looked
            }
            Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
            Err(_) if some > 1 => {
                alone = some;
                continue;
            }
            Err(error) => {
                failed = Some(error);
                1
            }
        };
        alone = alone.saturating_sub(looked);
        left = &left[looked..];
    }
    failed.map_or(Ok(ticked), Err)
}

/// Starts the scans of the first of these schedules of one organisation, as far as they still are due, in one transaction: how many
/// it looked at, at least one, and what it did.
async fn some_of(app: &Arc<App>, seen: Vec<ScheduleRow>) -> Result<(usize, Ticked)> {
    let app2 = Arc::clone(app);
    let write = app.store.write(move |tx| {
        let (now, mut looked, mut ticked, mut events) = (app2.clock.now(), 0, Ticked::default(), Vec::new());
        let nothing = |done, why| Ok(Recorded::unaudited(done, why));
        let Some(org) = seen.first().map(|row| row.org) else { return nothing((0, ticked), "nothing is due") };
        organizations::lock(tx, org)?;
        let Some(organization) = organizations::by_id(tx, org)? else {
            return nothing((seen.len(), ticked), "the organisation is gone");
        };
        for row in &seen {
            if events.len() >= SCANS {
                break;
            }
            looked += 1;
            // The account may be gone, or another node may have been faster.
            let found = store::lock(tx, org, row.account)?;
            let Some(row) = found.filter(|row| row.due_at.is_some_and(|due| due <= now)) else { continue };
            let begun = begin(tx, &app2, row, organization.org.log, now)?;
            if begun.is_empty() {
                metrics::counter!("pileus_scans_left_out_total").increment(1);
            }
            ticked += Ticked { due: 1, started: begun.len() };
            events.extend(begun);
        }
        if events.is_empty() {
            return nothing(
                (looked, ticked),
                "nothing was started: each account is gone or being scanned, or there is none",
            );
        }
        Ok(Recorded::with_all((looked, ticked), events))
    });
    write.await
}

/// Starts one schedule's scans: their events.
fn begin(tx: &mut dyn Tx, app: &App, mut row: ScheduleRow, log: LogId, now: Timestamp) -> Result<Vec<NewEvent>> {
    let cause = if row.due_for.is_none() { Cause::First } else { Cause::Scheduled };
    let (above, leaves) = scans::leaves(tx, row.org, row.account)?;
    let request = RequestInfo { operation: "schedule".into(), ..RequestInfo::default() };
    let by = Starter { app, log, actor: Actor::system(), request };
    let batch = Batch { id: None, cause, user: None, leads: above };
    let (_, events) = start_in(tx, &by, &leaves, batch, &Options::from_json(&row.options), now)?;
    if row.due_for.is_some() {
        row.last_due_for = row.due_for;
    }
    plan(&mut row, now);
    store::put(tx, &row)?;
    Ok(events)
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
