//! Changing and deleting accounts.
//!
//! Knows that a change of credentials is confirmed by the cloud like new ones, and must lead to the same account of the cloud.
//! It must never know how a cloud is asked.

use super::{children, config, create::wanted_schedule, credentials, not_found, require, require_root, sync_children};
use crate::{Cx, insights::schedule};
use pileus_model::{
    Error, Result,
    audit::{Target, catalogue},
    insights::{Account, EnvironmentRef, Schedule},
    names::{account_root, check_line, decode_account},
};
use pileus_store::{Recorded, Tx, insights::accounts as store, organizations};
use serde_json::Value;

/// What is to change of an account. What is not named stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Where its credentials are.
    pub environment: Option<String>,
    /// `none`, `12h` or `daily`.
    pub schedule: Option<String>,
    /// A pool of agents; the empty text for none.
    pub agent_pool: Option<String>,
    /// What can be configured of it, whole.
    pub config: Option<Value>,
}

/// The same, well-formed.
struct Wanted {
    environment: EnvironmentRef,
    schedule: Option<Schedule>,
    agent_pool: Option<Option<String>>,
    /// The configuration and the regions that are to be scanned.
    config: Option<String>,
}

fn wanted(change: Change, account: &Account) -> Result<Wanted> {
    let environment = match change.environment.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => EnvironmentRef::parse(text)?,
        None => account.environment.clone(),
    };
    if let Some(pool) = change.agent_pool.as_deref().filter(|pool| !pool.is_empty()) {
        check_line("agentPoolID", pool, 100)?;
    }
    let config = match &change.config {
        Some(given) => Some(config::normalised(account.provider, Some(given))?.to_string()),
        None => None,
    };
    Ok(Wanted {
        environment,
        schedule: wanted_schedule(change.schedule.as_deref(), None)?,
        agent_pool: change.agent_pool.map(|pool| Some(pool).filter(|pool| !pool.is_empty())),
        config,
    })
}

/// Changes an account and its children. Where the environment or the configuration is named, the credentials are confirmed anew.
///
/// # Errors
/// `NotFound` for the account and for the environment; `Forbidden` for a child, and if the caller may not open the environment;
/// `Invalid` for what is malformed, for credentials that the cloud refuses or that are another account's.
pub async fn update(cx: &Cx, name: &str, change: Change) -> Result<()> {
    let (org, name) = (cx.org()?.id, decode_account(name));
    let wish = name.clone();
    let before = cx.app.store.read(move |tx| require_root(tx, org, &wish, "settings are managed on")).await?.account;
    let confirms = change.environment.is_some() || change.config.is_some();
    let wanted = wanted(change, &before)?;
    let kept = wanted.config.as_deref().unwrap_or(&before.config);
    let regions = config::configured_regions(kept);
    let confirmed = if confirms {
        let fixed = before.cloud_account.as_deref();
        Some(credentials::confirm(cx, &name, before.provider, &wanted.environment, &regions, fixed).await?)
    } else {
        None
    };
    let (cx2, app) = (cx.clone(), cx.app.clone());
    let written = app.store.write(move |tx| {
        let cx = &cx2;
        organizations::lock(tx, org)?;
        let mut account = require(tx, org, &name)?.account;
        if account.id != before.id {
            return Err(not_found());
        }
        let mut said = Vec::new();
        apply(&mut account, &wanted, &mut said);
        account.modified_at = cx.now();
        if let Some(confirmed) = &confirmed {
            account.cloud_account = account.cloud_account.take().or_else(|| confirmed.account.clone());
            account.cloud_partition = confirmed.partition.clone().or(account.cloud_partition.take());
        }
        store::update(tx, org, &account)?;
        if let (Some(_), Some(confirmed)) = (&wanted.config, &confirmed) {
            let (came, went) = sync_children(tx, &cx.app, org, &account, &confirmed.regions, true)?;
            said.extend((!came.is_empty()).then(|| format!("added {}", came.join(", "))));
            said.extend((!went.is_empty()).then(|| format!("removed {}", went.join(", "))));
        }
        if let Some(wanted) = &wanted.schedule {
            schedule::change(tx, org, account.id, wanted, cx.now())?;
            said.push(format!("schedule {}", wanted.kind()));
        }
        let said = if said.is_empty() { "nothing changed".to_owned() } else { said.join("; ") };
        let description = format!("Updated account \"{name}\": {said}");
        Ok(Recorded::new((), cx.event(catalogue::CLOUD_ACCOUNT_UPDATED, Target::new("account", &name), description)?))
    });
    written.await?;
    cx.app.scans.wake();
    Ok(())
}

/// Writes what is wanted into the account, and says it.
fn apply(account: &mut Account, wanted: &Wanted, said: &mut Vec<String>) {
    if account.environment != wanted.environment {
        said.push(format!("environment \"{}\" instead of \"{}\"", wanted.environment, account.environment));
        account.environment = wanted.environment.clone();
    }
    if let Some(pool) = &wanted.agent_pool
        && account.agent_pool != *pool
    {
        said.push("agent pool".into());
        account.agent_pool.clone_from(pool);
    }
    if let Some(config) = &wanted.config {
        if account.config != *config {
            said.push("provider config".into());
            account.config.clone_from(config);
        }
        account.excluded.clear();
    }
}

/// Deletes an account with its children and what was found in them; of a child only it, and its root's later scans leave its
/// place out until the root's regions are set anew.
///
/// # Errors
/// `NotFound`.
pub async fn delete(cx: &Cx, name: &str) -> Result<()> {
    let (cx, app, name) = (cx.clone(), cx.app.clone(), decode_account(name));
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            let account = require(tx, org, &name)?.account;
            let mut below = 0;
            if account.is_root() {
                for child in children::all(tx, org, account.id)? {
                    children::remove(tx, org, &child, cx.now())?;
                    below += 1;
                }
            } else {
                leave_out(tx, &cx, &account)?;
            }
            children::remove(tx, org, &account, cx.now())?;
            let description = match below {
                0 => format!("Deleted account \"{name}\""),
                _ => format!("Deleted account \"{name}\" with its {below} children"),
            };
            Ok(Recorded::new(
                (),
                cx.event(catalogue::CLOUD_ACCOUNT_DELETED, Target::new("account", &name), description)?,
            ))
        })
        .await
}

/// Has the root forget the place of a child that is deleted.
fn leave_out(tx: &mut dyn Tx, cx: &Cx, child: &Account) -> Result<()> {
    let org = cx.org()?.id;
    let mut root = require(tx, org, account_root(&child.name))?.account;
    let place = child.place.clone().ok_or_else(|| Error::internal("a child without a place"))?;
    root.config = config::without_region(&root.config, &place);
    root.excluded.push(place);
    root.modified_at = cx.now();
    store::update(tx, org, &root)
}
