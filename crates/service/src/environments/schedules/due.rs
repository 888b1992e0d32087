//! Starting what is due: rounds that any number of nodes may make at any time.

use super::{next, plan};
use crate::{
    App,
    auth::{self, Marks},
    environments::{
        ROTATE,
        context::Who,
        object,
        rotation::{self, By, begin},
    },
};
use futures_util::{StreamExt as _, stream};
use pileus_model::{
    Error, Result, Timestamp,
    caller::{OrgAccess, OrgRef},
    ids::EnvironmentScheduleId,
};
use pileus_store::{
    Recorded, environments,
    environments_rotation::{self as rotations, RotationRow},
    environments_schedules::{self as store, ScheduleRow},
    organizations,
};
use std::sync::Arc;

/// Schedules that are looked at in one round.
const ROUND: i64 = 100;
/// Rotations that run at once.
const TOGETHER: usize = 4;

/// Starts what is due and waits for it; how many were started. A time that was missed is made up once, and the next is the
/// first after now. What can't be started yet is tried again in the next round.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn tick(app: &Arc<App>) -> Result<usize> {
    let now = app.clock.now();
    let due = app.store.read(move |tx| store::due(tx, now, ROUND)).await?;
    let mut rounds = stream::iter(due).map(|row| one(app, row)).buffer_unordered(TOGETHER);
    let (mut started, mut failed) = (0, None);
    while let Some(round) = rounds.next().await {
        match round {
            Ok(begun) => started += usize::from(begun),
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(started), Err)
}

/// Starts one schedule's rotation, if it still is due, and waits for it.
async fn one(app: &Arc<App>, seen: ScheduleRow) -> Result<bool> {
    let app2 = Arc::clone(app);
    let claimed = app.store.write(move |tx| claim(tx, &app2, &seen)).await?;
    let Some((org, row, rotation, environment)) = claimed else { return Ok(false) };
    let maker = access(app, &org, &row).await;
    let who = match maker.and_then(|access| may_rotate(access, &row, &environment)) {
        Ok(access) => Who::on_schedule(app, access, "Rotate"),
        Err(error) => {
            let who = Who::system(app, &org, "Rotate");
            rotation::give_up(&who, rotation, error).await?;
            return Ok(true);
        }
    };
    let wanted: Vec<String> = Some(row.path).filter(|path| !path.is_empty()).into_iter().collect();
    let wanted = rotation::paths(&wanted)?;
    // It goes on where the round is given up.
    let task = tokio::spawn(rotation::run(who, rotation, wanted));
    let done = task.await.map_err(|e| Error::internal(format!("a rotation ended badly: {e}")))?;
    done.map(|_| true)
}

type Claimed = Option<(OrgRef, ScheduleRow, RotationRow, (String, Marks))>;

/// Begins a rotation and puts the schedule to its next time, both or nothing.
fn claim(tx: &mut dyn pileus_store::Tx, app: &App, seen: &ScheduleRow) -> Result<Recorded<Claimed>> {
    let nothing = |why| Ok(Recorded::unaudited(None, why));
    let now = app.clock.now();
    organizations::lock(tx, seen.org)?;
    let Some(mut row) = store::lock(tx, seen.org, seen.env, seen.id)? else { return nothing("the schedule is gone") };
    if row.due_at.is_none_or(|due| due > now) {
        return nothing("another node was faster");
    }
    let organization = organizations::by_id(tx, row.org)?;
    let environment = environments::by_id(tx, row.org, row.env)?;
    let (Some(organization), Some(environment)) = (organization, environment) else {
        skip(&mut row, now);
        store::put(tx, &row)?;
        return nothing("what was deleted is not rotated; if it is restored, its next time counts");
    };
    if rotations::running(tx, row.org, row.env)?.is_some() {
        return nothing("a rotation of it runs; this one comes after it");
    }
    let by = By::system();
    let rotation = begin(tx, app, row.org, &environment, &by, Some((row.id, row.version)))?;
    row.last_executed_at = Some(now);
    skip(&mut row, now);
    store::put(tx, &row)?;
    let environment = (environment.reference(), auth::environment_marks(tx, row.org, &environment)?);
    let claimed = (organization.org, row, rotation, environment);
    Ok(Recorded::unaudited(Some(claimed), "a rotation is recorded when it ends"))
}

/// On to the next time.
fn skip(row: &mut ScheduleRow, now: Timestamp) {
    if row.due_for.is_some() {
        row.last_due_for = row.due_for;
    }
    plan(row, now);
}

/// Refuses whoever set the schedule and may not rotate that environment now.
fn may_rotate(access: OrgAccess, row: &ScheduleRow, (name, marks): &(String, Marks)) -> Result<OrgAccess> {
    if access.policy.allows(ROTATE, &object(name, marks)) {
        return Ok(access);
    }
    let login = &row.maker_login;
    Err(Error::forbidden(format!(
        "\"{login}\", who set the schedule, needs the permission {ROTATE} on environment \"{name}\""
    )))
}

/// What whoever set the schedule may do now.
async fn access(app: &Arc<App>, org: &OrgRef, row: &ScheduleRow) -> Result<OrgAccess> {
    let found = match (row.maker_user, row.maker_token) {
        (Some(user), _) => auth::access_of_user(app, user, &org.name).await?,
        (None, Some(token)) => auth::access_of_token(app, token, &org.name).await?,
        (None, None) => None,
    };
    found.ok_or_else(|| {
        Error::forbidden(format!("\"{}\", who set the schedule, has no access any more: set it again", row.maker_login))
    })
}

/// Looks through all schedules for times that can't be right: after the clock was put back, a next time may lie further ahead
/// than it should. How many were put right.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn correct(app: &Arc<App>) -> Result<usize> {
    let (mut after, mut corrected) = (EnvironmentScheduleId::from_bytes([0; 16]), 0);
    loop {
        let rows = app.store.read(move |tx| store::all(tx, after, ROUND)).await?;
        let Some(last) = rows.last() else { return Ok(corrected) };
        after = last.id;
        let now = app.clock.now();
        for row in rows.into_iter().filter(|row| is_wrong(row, now)) {
            let write = app.store.write(move |tx| {
                let why = "a time that is worked out from what people set";
                organizations::lock(tx, row.org)?;
                let found = store::lock(tx, row.org, row.env, row.id)?.filter(|row| is_wrong(row, now));
                let Some(mut row) = found else { return Ok(Recorded::unaudited(0, why)) };
                plan(&mut row, now);
                store::put(tx, &row)?;
                Ok(Recorded::unaudited(1, why))
            });
            corrected += write.await?;
        }
    }
}

fn is_wrong(row: &ScheduleRow, now: Timestamp) -> bool {
    row.due_for.is_some_and(|due_for| next(row, now).is_some_and(|(right, _)| due_for > right))
}
