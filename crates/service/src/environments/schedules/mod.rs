//! When an environment is rotated by itself: what callers set, and when the next time is.
//!
//! This room knows the rules of times; what a rotation does is the business of `rotation`. Pileus itself acts, but only
//! within what whoever set the schedule last may do at that time: otherwise a schedule would open what its maker may not.

mod due;
#[cfg(test)]
mod tests;

pub use due::{correct, tick};
pub use pileus_store::environments_schedules::ScheduleRow as Schedule;

use super::{require, require_locked, rotation, target};
use crate::Cx;
use pileus_model::{
    Error, Result, Timestamp,
    audit::{EventType, catalogue},
    caller::Principal,
    cron::Cron,
    ids::EnvironmentScheduleId,
};
use pileus_store::{
    Recorded, Tx,
    environments::EnvironmentRow,
    environments_rotation::{self as rotations, RotationRow},
    environments_schedules::{self as store, ScheduleRow},
};

/// How many runs a history has at most.
const LISTED: i64 = 250;

/// What is wanted of a schedule. What is missing stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Five fields of cron, in UTC.
    pub cron: Option<String>,
    /// A single time, in RFC 3339.
    pub once: Option<String>,
    /// What is rotated, below `values`; empty for everything.
    pub path: Option<String>,
}

/// When something is rotated.
enum Time {
    Cron(Cron),
    Once(Timestamp),
}

impl Wanted {
    fn time(&self, now: Timestamp) -> Result<Option<Time>> {
        let [cron, once] = [&self.cron, &self.once].map(|text| text.as_deref().filter(|text| !text.is_empty()));
        match (cron, once) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Error::invalid("a schedule has either scheduleCron or scheduleOnce, not both")),
            (Some(cron), None) => {
                let cron = Cron::parse(cron)?;
                if !cron.is_at_most_daily() {
                    return Err(Error::invalid(
                        "a schedule may be due once per day at most: name one minute and one hour",
                    ));
                }
                Ok(Some(Time::Cron(cron)))
            }
            (None, Some(once)) => {
                let once = Timestamp::parse(once).ok_or_else(|| {
                    Error::invalid("scheduleOnce must be a time in RFC 3339, such as 2030-01-31T12:00:00Z")
                })?;
                if once <= now {
                    return Err(Error::invalid("scheduleOnce must lie in the future"));
                }
                Ok(Some(Time::Once(once)))
            }
        }
    }
    fn checked_path(&self) -> Result<Option<String>> {
        let Some(path) = &self.path else { return Ok(None) };
        pileus_model::names::check_text("environmentPath", path, 1000)?;
        let named: Vec<String> = Some(path.clone()).filter(|path| !path.is_empty()).into_iter().collect();
        rotation::paths(&named)?;
        Ok(Some(path.clone()))
    }
}

/// The next time of a schedule after now: the time it stands for and the start. A single time that was started does not come
/// again.
fn next(row: &ScheduleRow, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let Some(cron) = row.cron.as_deref() else {
        let once = row.once?;
        return (row.last_due_for != Some(once)).then_some((once, once));
    };
    Cron::parse(cron).ok()?.next_start(row.last_due_for, row.spread, now)
}

/// Puts a row's next time where it belongs.
fn plan(row: &mut ScheduleRow, now: Timestamp) {
    let next = if row.paused { None } else { next(row, now) };
    row.due_for = next.map(|(due_for, _)| due_for);
    row.due_at = next.map(|(_, due_at)| due_at);
}

/// Sets a row's time.
fn set(row: &mut ScheduleRow, time: Time, now: Timestamp) {
    match time {
        Time::Cron(cron) => {
            row.spread = cron.spread(row.id.as_bytes(), now);
            (row.cron, row.once) = (Some(cron.as_str().to_owned()), None);
        }
        Time::Once(once) => {
            row.spread = 0;
            (row.cron, row.once) = (None, Some(once));
        }
    }
    plan(row, now);
}

/// Whose rights count from now on: the caller's.
fn taken_over(row: &mut ScheduleRow, cx: &Cx) -> Result<()> {
    let caller = cx.caller()?;
    (row.maker_user, row.maker_token) = match &caller.principal {
        Principal::User(user) => (Some(user.id), None),
        _ => (None, Some(caller.token)),
    };
    caller.login().clone_into(&mut row.maker_login);
    Ok(())
}

/// Makes the schedule of an environment.
///
/// # Errors
/// `NotFound`; `Invalid` for a bad time or path; `Conflict` if it has one already.
pub async fn create(cx: &Cx, project: &str, name: &str, wanted: Wanted) -> Result<ScheduleRow> {
    let (cx, app, project, name) = (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned());
    app.store
        .write(move |tx| {
            let (org, now) = (cx.org()?.id, cx.now());
            let env = require_locked(tx, org, &project, &name)?;
            let time =
                wanted.time(now)?.ok_or_else(|| Error::invalid("a schedule needs scheduleCron or scheduleOnce"))?;
            let path = wanted.checked_path()?.unwrap_or_default();
            if let Some(other) = store::list(tx, org, env.id)?.first() {
                let name = env.reference();
                return Err(Error::conflict(format!("environment \"{name}\" has a schedule already: {}", other.id)));
            }
            let mut row = ScheduleRow {
                org,
                id: EnvironmentScheduleId::new(&*cx.app.clock, &*cx.app.entropy),
                env: env.id,
                cron: None,
                once: None,
                path,
                paused: false,
                spread: 0,
                due_at: None,
                due_for: None,
                last_due_for: None,
                last_executed_at: None,
                version: 1,
                maker_user: None,
                maker_token: None,
                maker_login: String::new(),
                created_at: now,
                modified_at: now,
            };
            set(&mut row, time, now);
            taken_over(&mut row, &cx)?;
            store::put(tx, &row)?;
            let said = format!("Created schedule {} of environment \"{}\": {}", row.id, env.reference(), shown(&row));
            Ok(Recorded::new(row, cx.event(catalogue::ENVIRONMENT_SCHEDULE_CREATED, target(&env), said)?))
        })
        .await
}

/// A schedule for people.
fn shown(row: &ScheduleRow) -> String {
    let what = if row.path.is_empty() { "everything" } else { &row.path };
    match (&row.cron, row.once) {
        (Some(cron), _) => format!("{what} at \"{cron}\" UTC"),
        (None, Some(once)) => format!("{what} once at {}", once.rfc3339()),
        (None, None) => format!("{what} never"),
    }
}

/// The schedules of an environment: one, or none.
///
/// # Errors
/// `NotFound`.
pub async fn list(cx: &Cx, project: &str, name: &str) -> Result<Vec<ScheduleRow>> {
    let (org, project, name) = (cx.org()?.id, project.to_owned(), name.to_owned());
    cx.app
        .store
        .read(move |tx| {
            let env = require(tx, org, &project, &name)?;
            store::list(tx, org, env.id)
        })
        .await
}

/// One schedule.
///
/// # Errors
/// `NotFound`.
pub async fn read(cx: &Cx, project: &str, name: &str, id: &str) -> Result<ScheduleRow> {
    let found = list(cx, project, name).await?.into_iter().find(|row| row.id.to_string() == id);
    found.ok_or_else(|| missing(id))
}

fn missing(id: &str) -> Error {
    Error::not_found(format!("schedule \"{id}\" not found"))
}

/// What a schedule has started, the newest first.
///
/// # Errors
/// `NotFound`.
pub async fn history(cx: &Cx, project: &str, name: &str, id: &str) -> Result<Vec<RotationRow>> {
    let row = read(cx, project, name, id).await?;
    cx.app.store.read(move |tx| rotations::of_schedule(tx, row.org, row.id, LISTED)).await
}

/// Changes a schedule. Whoever does that is the one within whose rights it works from then on.
///
/// # Errors
/// `NotFound`; `Invalid` for a bad time or path.
pub async fn update(cx: &Cx, project: &str, name: &str, id: &str, wanted: Wanted) -> Result<ScheduleRow> {
    let cx2 = cx.clone();
    edit(cx, project, name, id, "Changed", move |row, now| {
        let (time, path) = (wanted.time(now)?, wanted.checked_path()?);
        if time.is_none() && path.is_none() {
            return Err(Error::invalid("nothing to change: name scheduleCron, scheduleOnce or secretRotationRequest"));
        }
        if let Some(path) = path {
            row.path = path;
        }
        if let Some(time) = time {
            set(row, time, now);
        }
        taken_over(row, &cx2)
    })
    .await
}

/// Nothing is rotated by itself any more; what runs goes on.
///
/// # Errors
/// `NotFound`.
pub async fn pause(cx: &Cx, project: &str, name: &str, id: &str) -> Result<ScheduleRow> {
    edit(cx, project, name, id, "Paused", |row, now| {
        row.paused = true;
        plan(row, now);
        Ok(())
    })
    .await
}

/// It is rotated by itself again, at the next time; what was missed is not made up.
///
/// # Errors
/// `NotFound`.
pub async fn resume(cx: &Cx, project: &str, name: &str, id: &str) -> Result<ScheduleRow> {
    edit(cx, project, name, id, "Resumed", |row, now| {
        if row.paused {
            row.paused = false;
            plan(row, now);
            if row.cron.is_none() && row.due_at.is_some_and(|due| due <= now) {
                (row.due_at, row.due_for) = (None, None);
            }
        }
        Ok(())
    })
    .await
}

/// Removes a schedule.
///
/// # Errors
/// `NotFound`.
pub async fn delete(cx: &Cx, project: &str, name: &str, id: &str) -> Result<()> {
    let (cx, app, project, name, id) = (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned(), id.to_owned());
    app.store
        .write(move |tx| {
            let (env, row) = locked(tx, &cx, &project, &name, &id)?;
            store::delete(tx, row.org, row.id)?;
            let said = format!("Deleted schedule {} of environment \"{}\"", row.id, env.reference());
            Ok(Recorded::new((), cx.event(catalogue::ENVIRONMENT_SCHEDULE_DELETED, target(&env), said)?))
        })
        .await
}

fn locked(tx: &mut dyn Tx, cx: &Cx, project: &str, name: &str, id: &str) -> Result<(EnvironmentRow, ScheduleRow)> {
    let org = cx.org()?.id;
    let env = require_locked(tx, org, project, name)?;
    let parsed = id.parse::<EnvironmentScheduleId>().map_err(|_| missing(id))?;
    let row = store::lock(tx, org, env.id, parsed)?.ok_or_else(|| missing(id))?;
    Ok((env, row))
}

/// Changes a row and records it.
async fn edit(
    cx: &Cx,
    project: &str,
    name: &str,
    id: &str,
    verb: &'static str,
    change: impl Fn(&mut ScheduleRow, Timestamp) -> Result<()> + Send + 'static,
) -> Result<ScheduleRow> {
    const EVENT: EventType = catalogue::ENVIRONMENT_SCHEDULE_UPDATED;
    let (cx, app, project, name, id) = (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned(), id.to_owned());
    app.store
        .write(move |tx| {
            let now = cx.now();
            let (env, mut row) = locked(tx, &cx, &project, &name, &id)?;
            change(&mut row, now)?;
            row.version += 1;
            row.modified_at = now;
            store::put(tx, &row)?;
            let said = format!("{verb} schedule {} of environment \"{}\": {}", row.id, env.reference(), shown(&row));
            Ok(Recorded::new(row, cx.event(EVENT, target(&env), said)?))
        })
        .await
}
