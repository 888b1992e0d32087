//! Making accounts, one or many.
//!
//! Knows the order: names and settings first, then the credentials (may the caller open them, whose are they), and only then
//! is something written, all at once. It must never know how a cloud is asked.

use super::{
    View, config,
    credentials::{self, Confirmed},
    sync_children, view,
};
use crate::{
    Cx,
    insights::{scans::Options, schedule},
};
use futures_util::{StreamExt, stream};
use pileus_model::{
    Error, ErrorKind, Result,
    audit::{Target, catalogue},
    ids::AccountId,
    insights::{Account, EnvironmentRef, MAX_BULK, Provider, Schedule},
    names::{check_account, check_line},
};
use pileus_store::{Recorded, insights::accounts as store, organizations};
use serde_json::Value;

/// Clouds that are asked at once in a bulk creation.
const TOGETHER: usize = 8;

/// An account to be made.
#[derive(Debug, Clone, Default)]
pub struct NewAccount {
    /// Its name, decoded.
    pub name: String,
    /// The cloud.
    pub provider: String,
    /// Where its credentials are: `project/environment[@version]`.
    pub environment: String,
    /// `none`, `12h` or `daily`.
    pub schedule: Option<String>,
    /// Five fields of cron, instead; older clients send them.
    pub cron: Option<String>,
    /// A pool of agents; kept and shown.
    pub agent_pool: Option<String>,
    /// What can be configured of it.
    pub config: Option<Value>,
}

/// What was found well-formed in it.
struct Wanted {
    name: String,
    provider: Provider,
    environment: EnvironmentRef,
    schedule: Schedule,
    agent_pool: Option<String>,
    config: Value,
}

impl NewAccount {
    fn checked(self) -> Result<Wanted> {
        check_account(&self.name)?;
        let provider = Provider::parse(&self.provider)
            .ok_or_else(|| Error::invalid("provider must be one of aws, gcp, azure-native, oci, kubernetes"))?;
        let pool = self.agent_pool.filter(|pool| !pool.is_empty());
        if let Some(pool) = &pool {
            check_line("agentPoolID", pool, 100)?;
        }
        Ok(Wanted {
            environment: EnvironmentRef::parse(&self.environment)?,
            schedule: wanted_schedule(self.schedule.as_deref(), self.cron.as_deref())?.unwrap_or(Schedule::None),
            config: config::normalised(provider, self.config.as_ref())?,
            agent_pool: pool,
            name: self.name,
            provider,
        })
    }
}

/// The schedule that was asked for, if one was; `scanSchedule` comes before `cron`.
pub(super) fn wanted_schedule(named: Option<&str>, cron: Option<&str>) -> Result<Option<Schedule>> {
    match (named, cron) {
        (Some(name), _) => {
            let schedule = Schedule::named(name);
            schedule.map(Some).ok_or_else(|| Error::invalid("scanSchedule must be one of none, 12h, daily"))
        }
        (None, Some(cron)) if !cron.trim().is_empty() => schedule::parse(cron).map(Some),
        _ => Ok(None),
    }
}

/// Makes an account, with a child for each region where its cloud has regions. If it has a schedule, its first scan is due at
/// once.
///
/// # Errors
/// `Invalid` for what is malformed, for an environment that lacks credentials and for credentials that the cloud refuses;
/// `Forbidden` if the caller may not open the environment; `NotFound` for it; `Conflict` if the name is taken.
pub async fn create(cx: &Cx, new: NewAccount) -> Result<View> {
    let wanted = new.checked()?;
    let (org, name) = (cx.org()?.id, wanted.name.clone());
    if cx.app.store.read(move |tx| store::by_name(tx, org, &name)).await?.is_some() {
        return Err(taken(&wanted.name));
    }
    let regions = config::configured_regions(&wanted.config.to_string());
    let confirmed =
        credentials::confirm(cx, &wanted.name, wanted.provider, &wanted.environment, &regions, None).await?;
    let account = account(cx, wanted, &confirmed)?;
    let (cx2, app) = (cx.clone(), cx.app.clone());
    let (schedule, root) = account;
    let made = app
        .store
        .write(move |tx| {
            let cx = &cx2;
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            if store::by_name(tx, org, &root.name)?.is_some() {
                return Err(taken(&root.name));
            }
            store::insert(tx, org, &root)?;
            sync_children(tx, &cx.app, org, &root, &confirmed.regions, true)?;
            let now = cx.now();
            schedule::create(tx, org, root.id, &schedule, &Options::default(), now)?;
            let made = view(tx, org, &root.name)?;
            let description = format!(
                "Created account \"{}\" of {}, with the credentials of environment \"{}\"",
                root.name,
                root.provider.title(),
                root.environment
            );
            let event = cx.event(catalogue::CLOUD_ACCOUNT_CREATED, Target::new("account", &root.name), description)?;
            Ok(Recorded::new(made, event))
        })
        .await?;
    cx.app.scans.wake();
    Ok(made)
}

fn account(cx: &Cx, wanted: Wanted, confirmed: &Confirmed) -> Result<(Schedule, Account)> {
    let id = AccountId::new(&*cx.app.clock, &*cx.app.entropy);
    let (caller, now) = (cx.caller()?, cx.now());
    let account = Account {
        id,
        root: id,
        name: wanted.name,
        place: None,
        provider: wanted.provider,
        environment: wanted.environment,
        config: wanted.config.to_string(),
        agent_pool: wanted.agent_pool,
        owner: caller.user().map(|user| user.id),
        owner_login: caller.login().to_owned(),
        cloud_account: confirmed.account.clone(),
        cloud_partition: confirmed.partition.clone(),
        excluded: Vec::new(),
        created_at: now,
        modified_at: now,
    };
    Ok((wanted.schedule, account))
}

fn taken(name: &str) -> Error {
    Error::conflict(format!("an account with the name \"{name}\" already exists"))
}

/// Makes up to 100 accounts, each for itself: which were made, in their order, and which were not, with what was wrong.
///
/// # Errors
/// `Invalid` for none or too many; `Unavailable` if the store is away.
pub async fn create_many(cx: &Cx, new: Vec<NewAccount>) -> Result<(Vec<View>, Vec<(String, String)>)> {
    if !(1..=MAX_BULK).contains(&new.len()) {
        return Err(Error::invalid(format!("accounts must hold 1 to {MAX_BULK} accounts")));
    }
    let named = new.into_iter().map(|new| async move { (new.name.clone(), create(cx, new).await) });
    let mut outcomes = stream::iter(named).buffered(TOGETHER);
    let (mut made, mut failures) = (Vec::new(), Vec::new());
    while let Some((name, outcome)) = outcomes.next().await {
        match outcome {
            Ok(view) => made.push(view),
            Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
            Err(error) => {
                if error.kind() == ErrorKind::Internal {
                    tracing::error!(%error, "an account of a bulk creation could not be made");
                }
                failures.push((name, error.message().to_owned()));
            }
        }
    }
    Ok((made, failures))
}
