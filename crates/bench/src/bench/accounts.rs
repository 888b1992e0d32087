//! Many accounts: pages of a list of 10,000.
//!
//! This room knows how accounts are made and listed. It must never know when they are scanned.

use super::{
    Plan, Report,
    pages::{Case, Goal, against_baseline},
    scans::{ACCOUNTS, environment},
    site::Site,
};
use crate::{
    Result,
    fake::{Fake, Manner, REGIONS},
    wire::Connection,
};
use serde_json::Value;
use std::time::Duration;

/// Accounts in the list.
const LISTED: usize = 10_000;
/// Accounts that one request makes.
const TOGETHER: usize = 100;
/// An AWS that answers at once and has nothing.
const NOTHING: Manner = Manner { call: Duration::ZERO, at_once: 64, empty: true };

/// Pages of the list of accounts.
pub async fn lists(plan: &Plan, postgres: bool, report: &mut Report) -> Result<()> {
    let fake = Fake::start(NOTHING).await?;
    let mut site = Site::new(plan, postgres)?;
    site.start.env.push(("PILEUS_CLOUDS_AWS_ENDPOINT".into(), fake.url.clone()));
    let (server, mut admin) = site.run().await?;
    environment(&mut admin).await?;
    // Each region has a pace of its own at which the cloud is asked whose credentials these are.
    let aws = |n: usize| {
        let region = REGIONS[n % REGIONS.len()];
        format!(
            r#""provider":"aws","environment":"bench/aws","scanSchedule":"none","providerConfig":{{"regions":["{region}"]}}"#
        )
    };
    make(&mut admin, LISTED, aws).await?;
    let mut cases = Vec::new();
    for count in [100, 1000] {
        let mut paths = vec![format!("{ACCOUNTS}?count={count}")];
        // The tokens of pages further on come from reading on.
        let mut token = next(&mut admin, &paths[0]).await?;
        let mut after = count;
        while let Some(found) = token {
            let path = format!("{ACCOUNTS}?count={count}&continuationToken={found}");
            if [LISTED / 2, LISTED - count].contains(&after) {
                paths.push(path.clone());
            }
            token = next(&mut admin, &path).await?;
            after += count;
        }
        if after != LISTED {
            return Err(format!("the pages end after {after} accounts"));
        }
        cases.push(Case { name: format!("page of {count} of {LISTED} accounts"), paths });
    }
    let baseline = (
        format!("baseline: between pages of {LISTED} accounts"),
        Goal { text: "≤ 5 ms of server time p99", most: 5.0 },
    );
    against_baseline(plan, (site.engine, &server, &mut admin), &cases, baseline, report).await
}

/// Makes accounts; `what` are the members of each in JSON.
pub(super) async fn make(admin: &mut Connection, count: usize, what: impl Fn(usize) -> String) -> Result<()> {
    for first in (0..count).step_by(TOGETHER) {
        let items: Vec<String> =
            (first..first + TOGETHER).map(|n| format!(r#"{{"name":"account-{n:05}",{}}}"#, what(n))).collect();
        admin.post(ACCOUNTS, &format!(r#"{{"accounts":[{}]}}"#, items.join(","))).await?;
        let made = json(admin)?;
        if made["failures"].as_array().is_some_and(|failures| !failures.is_empty()) {
            return Err(format!("accounts were not made: {}", made["failures"]));
        }
    }
    Ok(())
}

fn json(connection: &Connection) -> Result<Value> {
    serde_json::from_slice(&connection.body).map_err(|e| format!("the answer is no JSON: {e}"))
}

async fn next(admin: &mut Connection, path: &str) -> Result<Option<String>> {
    admin.get(path).await?;
    Ok(json(admin)?["nextToken"].as_str().filter(|token| !token.is_empty()).map(str::to_owned))
}
