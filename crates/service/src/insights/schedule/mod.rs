//! When accounts are scanned by themselves: what callers set, and when the next time is.
//!
//! This room knows the rules of times. It must never know what a scan does. A schedule belongs to a root; its children are
//! scanned with it.

mod due;
#[cfg(test)]
mod tests;

pub use due::{Ticked, correct, tick};

use crate::{Cx, insights::scans::Options};
use pileus_model::{
    Error, Result, Timestamp,
    audit::{EventType, Target, catalogue},
    cron::Cron,
    ids::{AccountId, OrgId},
    insights::{Account, Schedule},
    names::account_root,
};
use pileus_store::{
    Recorded, Tx,
    insights::{
        accounts,
        schedules::{self as store, ScheduleRow},
    },
    organizations,
};
use std::sync::Arc;

/// How an account is scanned by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Paused: no scan begins by itself.
    pub paused: bool,
    /// Five fields of cron; none: no schedule (when written: as it is).
    pub cron: Option<String>,
    /// How its scans go about it.
    pub options: Options,
}

/// The schedule that these five fields stand for.
///
/// # Errors
/// `Invalid`, saying what is wrong with them.
pub fn parse(cron: &str) -> Result<Schedule> {
    let cron =
        Cron::parse(cron).map_err(|error| Error::invalid(format!("invalid scan schedule: {}", error.message())))?;
    let fields = cron.as_str();
    let named = [Schedule::HalfDaily, Schedule::Daily].into_iter().find(|named| named.cron() == Some(fields));
    Ok(named.unwrap_or_else(|| Schedule::Cron(fields.to_owned())))
}

/// The next time of a schedule after now: the cron time and the start.
fn next(row: &ScheduleRow, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    Cron::parse(row.cron.as_deref()?).ok()?.next_start(row.last_due_for, row.spread, now)
}

/// Puts a row's next time where it belongs.
fn plan(row: &mut ScheduleRow, now: Timestamp) {
    let next = if row.paused { None } else { next(row, now) };
    row.due_for = next.map(|(due_for, _)| due_for);
    row.due_at = next.map(|(_, due_at)| due_at);
}

/// A new account's schedule: its first scan is due at once if it has one. In the creation's transaction; after it
/// `app.scans.wake()`.
///
/// # Errors
/// `Invalid` for five fields that are none, `Unavailable` where the database can't.
pub fn create(
    tx: &mut dyn Tx,
    org: OrgId,
    root: AccountId,
    schedule: &Schedule,
    options: &Options,
    now: Timestamp,
) -> Result<()> {
    let mut row = blank(org, root, now);
    row.options = options.to_json();
    set(&mut row, schedule, now)?;
    if row.cron.is_some() {
        (row.due_at, row.due_for) = (Some(now), None);
    }
    store::put(tx, &row)
}

/// Another schedule for an account. In the change's transaction; after it `app.scans.wake()`.
///
/// # Errors
/// `Invalid` for five fields that are none, `Unavailable` where the database can't.
pub fn change(tx: &mut dyn Tx, org: OrgId, root: AccountId, schedule: &Schedule, now: Timestamp) -> Result<()> {
    let mut row = store::lock(tx, org, root)?.unwrap_or_else(|| blank(org, root, now));
    if row.schedule == schedule.kind() && row.cron.as_deref() == schedule.cron() {
        return Ok(());
    }
    set(&mut row, schedule, now)?;
    row.modified_at = now;
    store::put(tx, &row)
}

fn blank(org: OrgId, account: AccountId, now: Timestamp) -> ScheduleRow {
    ScheduleRow {
        org,
        account,
        schedule: Schedule::None.kind().into(),
        cron: None,
        paused: false,
        options: Options::default().to_json(),
        spread: 0,
        due_at: None,
        due_for: None,
        last_due_for: None,
        created_at: now,
        modified_at: now,
    }
}

/// Sets a row's schedule; a first scan that has not begun yet stays due.
fn set(row: &mut ScheduleRow, schedule: &Schedule, now: Timestamp) -> Result<()> {
    let first = row.due_at.filter(|_| row.due_for.is_none());
    let cron = schedule.cron().map(Cron::parse).transpose()?;
    row.schedule = schedule.kind().into();
    row.spread = cron.as_ref().map_or(0, |cron| cron.spread(row.account.as_bytes(), now));
    row.cron = cron.map(|cron| cron.as_str().to_owned());
    plan(row, now);
    if first.is_some() && row.due_at.is_some() {
        (row.due_at, row.due_for) = (first, None);
    }
    Ok(())
}

/// When the next scan of a root begins by itself.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn next_in(tx: &mut dyn Tx, org: OrgId, root: AccountId, now: Timestamp) -> Result<Option<Timestamp>> {
    Ok(store::find(tx, org, root)?.and_then(|row| row.due_at).map(|due| due.max(now)))
}

/// How an account is scanned by itself; `None` if that was never said.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn settings(cx: &Cx, account: &Account) -> Result<Option<Settings>> {
    let (org, root) = (cx.org()?.id, account.root);
    let found = cx.app.store.read(move |tx| store::find(tx, org, root)).await?;
    Ok(found.map(|row| Settings { paused: row.paused, options: Options::from_json(&row.options), cron: row.cron }))
}

/// Sets how an account is scanned by itself.
///
/// # Errors
/// `Invalid` for bad options or a bad expression.
pub async fn set_settings(cx: &Cx, account: &Account, settings: Settings) -> Result<()> {
    let options = settings.options.checked()?;
    let schedule = match settings.cron.as_deref() {
        None => None,
        Some("") => Some(Schedule::None),
        Some(cron) => Some(parse(cron)?),
    };
    let paused = settings.paused;
    edit(cx, account, catalogue::CLOUD_ACCOUNT_UPDATED, "Changed the scan settings of", move |row, now| {
        row.options = options.to_json();
        if row.paused != paused {
            row.paused = paused;
            plan(row, now);
        }
        match &schedule {
            Some(schedule) if row.schedule != schedule.kind() || row.cron.as_deref() != schedule.cron() => {
                set(row, schedule, now)
            }
            _ => Ok(()),
        }
    })
    .await
}

/// No scan of the account begins by itself any more; what runs goes on.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn pause(cx: &Cx, account: &Account) -> Result<()> {
    let event = catalogue::CLOUD_ACCOUNT_SCHEDULED_SCANS_PAUSED;
    edit(cx, account, event, "Paused the scheduled scans of", |row, now| {
        row.paused = true;
        plan(row, now);
        Ok(())
    })
    .await
}

/// Scans of the account begin by themselves again, at the next time; what was missed is not made up.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn resume(cx: &Cx, account: &Account) -> Result<()> {
    let event = catalogue::CLOUD_ACCOUNT_SCHEDULED_SCANS_RESUMED;
    edit(cx, account, event, "Resumed the scheduled scans of", |row, now| {
        if row.paused {
            row.paused = false;
            plan(row, now);
        }
        Ok(())
    })
    .await
}

/// Changes a root's row and records it.
async fn edit(
    cx: &Cx,
    account: &Account,
    event: EventType,
    what: &'static str,
    change: impl Fn(&mut ScheduleRow, Timestamp) -> Result<()> + Send + 'static,
) -> Result<()> {
    let (cx2, app, account) = (cx.clone(), Arc::clone(&cx.app), account.clone());
    let edited = app.store.write(move |tx| {
        let (cx, now) = (&cx2, cx2.now());
        let org = cx.org()?.id;
        // An account that is being deleted must not leave a schedule behind.
        organizations::lock(tx, org)?;
        if accounts::by_name(tx, org, account_root(&account.name))?.is_none_or(|found| found.account.id != account.root)
        {
            return Err(Error::not_found("insights account not found"));
        }
        let mut row = store::lock(tx, org, account.root)?.unwrap_or_else(|| blank(org, account.root, now));
        change(&mut row, now)?;
        row.modified_at = now;
        store::put(tx, &row)?;
        let description = format!("{what} account \"{}\"", account.name);
        Ok(Recorded::new((), cx.event(event, Target::new("account", &account.name), description)?))
    });
    edited.await?;
    cx.app.scans.wake();
    Ok(())
}
