//! Starting and canceling scans.

use super::{IN_PROGRESS, Options, Run, STEPS, TIMEOUT};
use crate::{App, Cx};
use pileus_model::{
    Error, Result, Timestamp,
    audit::{Actor, LogId, NewEvent, Outcome, RequestInfo, Target, catalogue},
    ids::{ScanId, UserId},
    insights::{Account, GLOBAL},
};
use pileus_store::{
    Recorded, Tx,
    insights::{
        absent, leases,
        lines::{self, Line},
        scans::{self as store, Leaf, Progress, Scan},
        schedules,
    },
};
use std::sync::Arc;

/// Why a scan is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Somebody asked for it.
    Manual,
    /// The account has just been made.
    First,
    /// It is time.
    Scheduled,
}

impl Cause {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::First => "first",
            Self::Scheduled => "scheduled",
        }
    }
    /// The cause of this name.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "first" => Self::First,
            "scheduled" => Self::Scheduled,
            _ => Self::Manual,
        }
    }
    const fn how(self) -> &'static str {
        match self {
            Self::Manual => "by hand",
            Self::First => "as its first",
            Self::Scheduled => "by its schedule",
        }
    }
}

/// What scans that are started together have in common.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// The batch that they join; else they are one of their own.
    pub id: Option<ScanId>,
    /// Why.
    pub cause: Cause,
    /// Who asked for it.
    pub user: Option<UserId>,
    /// They are those of a whole root: one of them asks which regions are open.
    pub leads: bool,
}

/// Who starts a scan, and where that is recorded.
pub struct Starter<'a> {
    pub(crate) app: &'a App,
    pub(crate) log: LogId,
    pub(crate) actor: Actor,
    pub(crate) request: RequestInfo,
}

/// Starts a scan by hand: of a leaf its own, which is returned; of a root one of each child that is not being scanned, and
/// nothing is returned.
///
/// # Errors
/// `Invalid` if a scan is in progress (of a root: of each child), if there is nothing to scan, or for bad options.
pub async fn start(cx: &Cx, account: &Account, options: Options) -> Result<Option<Run>> {
    let options = options.checked()?;
    let (cx2, app, account) = (cx.clone(), Arc::clone(&cx.app), account.clone());
    let started = app.store.write(move |tx| {
        let (cx, now) = (&cx2, cx2.now());
        let org = cx.org()?.id;
        pileus_store::organizations::lock(tx, org)?;
        let (above, leaves) = store::leaves(tx, org, account.id)?;
        let kept = schedules::find(tx, org, account.root)?.map(|row| Options::from_json(&row.options));
        let options = options.clone().or(kept.unwrap_or_default());
        let user = cx.caller()?.user().map(|user| user.id);
        let starter = Starter { app: &cx.app, log: cx.org()?.log, actor: cx.actor(), request: cx.request.clone() };
        if leaves.is_empty() && !above {
            return Err(Error::not_found("insights account not found"));
        }
        if leaves.is_empty() {
            return Err(Error::invalid("there is nothing to scan: the account has no regions left"));
        }
        let batch = Batch { id: None, cause: Cause::Manual, user, leads: above };
        let (scans, events) = start_in(tx, &starter, &leaves, batch, &options, now)?;
        if scans.is_empty() {
            return Err(Error::invalid(IN_PROGRESS));
        }
        let run = match scans.into_iter().next().filter(|_| !above) {
            Some(scan) => Some(Run { jobs: lines::jobs(tx, scan.id)?, scan }),
            None => None,
        };
        Ok(Recorded::with_all(run, events))
    });
    let run = started.await?;
    cx.app.scans.wake();
    Ok(run)
}

/// Starts scans of those of these leaves that are not being scanned, each with its event. The caller holds a lock under which
/// no other start of the same leaves can happen (the organisation's).
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn start_in(
    tx: &mut dyn Tx,
    by: &Starter<'_>,
    leaves: &[Leaf],
    batch: Batch,
    options: &Options,
    now: Timestamp,
) -> Result<(Vec<Scan>, Vec<NewEvent>)> {
    let (mut scans, mut events, mut together) = (Vec::new(), Vec::new(), batch.id);
    let mut free = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        if !store::runs(tx, leaf.org, leaf.id)? {
            free.push(leaf);
        }
    }
    // Where credentials work at all they work for what belongs to no region; a region may be closed.
    let leader = free.iter().position(|leaf| leaf.place == GLOBAL).unwrap_or(0);
    for (index, leaf) in free.into_iter().enumerate() {
        let id = ScanId::new(&*by.app.clock, &*by.app.entropy);
        let scan = Scan {
            org: leaf.org,
            id,
            root: leaf.root,
            account: leaf.id,
            batch: *together.get_or_insert(id),
            cause: batch.cause.as_str().into(),
            user: batch.user,
            login: by.actor.login.clone(),
            state: "running".into(),
            failure: None,
            options: options.to_json(),
            environment: leaf.environment(),
            started_at: now,
            updated_at: now,
            finished_at: None,
            timeout_at: now.plus_seconds(TIMEOUT),
            progress: Progress::default(),
            cancel_login: None,
            holder: None,
            fence: 0,
            attempts: 0,
            account_name: leaf.name.clone(),
            lost: 0,
            leads: batch.leads && index == leader,
        };
        store::insert(tx, &scan)?;
        lines::insert_job(tx, id, TIMEOUT * 1_000_000_000, &STEPS)?;
        let description = format!("Started a scan of account \"{}\" {}", leaf.name, batch.cause.how());
        events.push(event(by, catalogue::CLOUD_ACCOUNT_SCAN_STARTED, &leaf.name, description));
        scans.push(scan);
    }
    Ok((scans, events))
}

fn event(by: &Starter<'_>, event: pileus_model::audit::EventType, name: &str, description: String) -> NewEvent {
    NewEvent {
        log: by.log,
        event,
        actor: by.actor.clone(),
        request: by.request.clone(),
        target: Target::new("account", name),
        outcome: Outcome::Success,
        description,
        count: 1,
    }
}

/// Ends the scan that runs of an account, of a root those of all its children. Whoever works on it can write nothing from then on.
///
/// # Errors
/// `NotFound` if none runs.
pub async fn cancel(cx: &Cx, account: &Account) -> Result<()> {
    let (cx2, app, account) = (cx.clone(), Arc::clone(&cx.app), account.clone());
    let canceled = app.store.write(move |tx| {
        let (cx, now) = (&cx2, cx2.now());
        let org = cx.org()?.id;
        let login = cx.caller()?.login().to_owned();
        let failure = format!("canceled by {login}");
        let (mut ids, mut events) = (Vec::new(), Vec::new());
        for scan in store::lock_running(tx, org, account.id)? {
            if !leases::cancel(tx, org, scan.id, &login, &failure, now)? {
                continue;
            }
            let step = lines::last_step(tx, scan.id)?;
            lines::append(tx, scan.id, &[Line { step, at: now, header: false, line: failure.clone() }])?;
            lines::end_job(tx, scan.id, false, now)?;
            absent::clear(tx, scan.id)?;
            let description = format!("Canceled the scan of account \"{}\"", scan.account_name);
            events.push(cx.event(
                catalogue::CLOUD_ACCOUNT_SCAN_CANCELED,
                Target::new("account", &scan.account_name),
                description,
            )?);
            ids.push(scan.id);
        }
        if ids.is_empty() {
            return Err(Error::not_found("no scan found: none of this account is running"));
        }
        Ok(Recorded::with_all(ids, events))
    });
    for scan in canceled.await? {
        cx.app.scans.stop(scan);
    }
    Ok(())
}
