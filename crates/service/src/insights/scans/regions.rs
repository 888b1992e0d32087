//! Children follow the regions that are open: of a batch that scans a whole root, one run asks.
//!
//! This room knows what becomes of a region that was opened or closed. It must never know how a cloud is asked.

use super::{
    Batch, Cause, Options, Starter,
    run::Tools,
    scanner::{Opened, Order, Scanner},
    sink::Collector,
    start_in,
};
use crate::insights::accounts;
use pileus_model::{
    Result,
    audit::{Actor, NewEvent, Outcome, RequestInfo, Target, catalogue},
    names::account_root,
};
use pileus_store::{
    Tx,
    insights::{
        ingest::Scope,
        scans::{self, Scan},
    },
    organizations,
};

/// Asks which regions are open, if nobody has chosen some, and has the root's children follow: those of regions that were opened are
/// made (or are scanned again) and scanned with this batch; those of regions that were closed are left out from now on, and what is
/// in them stays as it was last seen.
///
/// # Errors
/// As [`Collector::write`]. A cloud that does not answer changes nothing.
pub(super) async fn follow(
    tools: &Tools,
    collector: &Collector,
    scan: &Scan,
    order: &Order,
    opened: &Opened,
    scanner: &dyn Scanner,
) -> Result<()> {
    let open = match scanner.places(order, opened).await {
        Ok(Some(open)) if !open.is_empty() => open,
        Ok(_) => return Ok(()),
        Err(error) => {
            collector.say(format!("Which regions are open could not be learnt: {error}"));
            return Ok(());
        }
    };
    let (tools, scan) = (tools.clone(), scan.clone());
    let followed = collector.write_recorded(move |tx, scope| follow_in(tx, scope, &tools, &scan, &open)).await?;
    for line in followed {
        collector.say(line);
    }
    collector.app.scans.wake();
    Ok(())
}

fn follow_in(
    tx: &mut dyn Tx,
    scope: &Scope,
    tools: &Tools,
    scan: &Scan,
    open: &[String],
) -> Result<(Vec<String>, Vec<NewEvent>)> {
    let name = account_root(&scan.account_name);
    let Some(organization) = organizations::by_id(tx, scope.org)? else { return Ok((Vec::new(), Vec::new())) };
    let change = accounts::follow_regions(tx, &tools.app, scope.org, (name, scan.root), open)?;
    let mut said = Vec::new();
    for (what, places) in [("new", &change.came), ("open again", &change.opened), ("closed", &change.closed)] {
        said.extend((!places.is_empty()).then(|| format!("{what}: {}", places.join(", "))));
    }
    if said.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let request = RequestInfo { operation: "scan".into(), ..RequestInfo::default() };
    let by = Starter { app: &tools.app, log: organization.org.log, actor: Actor::system(), request };
    let mut events = vec![NewEvent {
        log: by.log,
        event: catalogue::CLOUD_ACCOUNT_UPDATED,
        actor: by.actor.clone(),
        request: by.request.clone(),
        target: Target::new("account", name),
        outcome: Outcome::Success,
        description: format!("Updated account \"{name}\" after its regions; {}", said.join("; ")),
        count: 1,
    }];
    let mut leaves = Vec::new();
    for child in change.to_scan {
        leaves.extend(scans::leaves(tx, scope.org, child)?.1);
    }
    let options = Options::from_json(&scan.options);
    let batch = Batch { id: Some(scan.batch), cause: Cause::of(&scan.cause), user: scan.user, leads: false };
    let (_, started) = start_in(tx, &by, &leaves, batch, &options, scope.now)?;
    events.extend(started);
    Ok((said.into_iter().map(|said| format!("Regions of the account, {said}")).collect(), events))
}
