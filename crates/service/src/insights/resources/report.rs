//! Resources that a client reports: another scanner's findings, kept as a scan's are.
//!
//! Knows that what is reported is redacted before it is stored, and proves no absence. It must never know who found it.

use crate::{
    Cx,
    insights::{accounts::require, ingest::state_of, redaction_key},
};
use pileus_model::{
    Error, Result,
    audit::{Target, catalogue},
    insights::resource_key,
    names::{check_line, decode_account},
};
use pileus_store::{
    Recorded,
    insights::ingest::{self as store, Item, Put, Scope},
    organizations,
};
use serde_json::Value;

/// Resources that are reported at once.
const MAX_REPORTED: usize = 1000;
/// Longest type and longest id, in characters.
const MAX_NAME: usize = 2048;

/// A resource that a client reports.
#[derive(Debug, Clone, Default)]
pub struct Reported {
    /// Its type.
    pub type_token: String,
    /// Its id.
    pub id: String,
    /// Its inputs.
    pub inputs: Value,
    /// Its state.
    pub state: Value,
    /// By way of which resources it was listed: type and id of each.
    pub dependencies: Vec<(String, String)>,
}

fn item(cx: &Cx, reported: Reported) -> Result<Item> {
    check_line("type", &reported.type_token, MAX_NAME)?;
    check_line("id", &reported.id, MAX_NAME)?;
    if reported.type_token.contains("::") {
        return Err(Error::invalid("type must not contain \"::\""));
    }
    let key = redaction_key(&cx.app)?;
    let kept = key.redact_reported(&reported.type_token, &reported.id, reported.state);
    let inputs = key.redact_reported(&reported.type_token, &reported.id, reported.inputs);
    let (state, hash) = state_of(&kept);
    let (inputs, _) = state_of(&inputs);
    let text = |name: &str| kept.get(name)?.as_str().map(str::to_owned);
    let mentions = reported.dependencies.iter().enumerate().map(|(n, (_, id))| (n.to_string(), id.clone()));
    Ok(Item {
        key: resource_key(&reported.type_token, &reported.id),
        name: text("name"),
        arn: text("arn").filter(|arn| arn.starts_with("arn:")),
        mentions: mentions.collect(),
        type_token: reported.type_token,
        id: reported.id,
        hash,
        state,
        inputs: Some(inputs),
        print: None,
    })
}

/// Keeps resources that a client reports for an account that is scanned itself: a child, or the account of a cloud without
/// children.
///
/// # Errors
/// `NotFound`; `Invalid` for a parent, for too many, or a bad type or id.
pub async fn upsert(cx: &Cx, account: &str, reported: Vec<Reported>) -> Result<()> {
    if reported.len() > MAX_REPORTED {
        return Err(Error::invalid(format!("resources must not hold more than {MAX_REPORTED} resources")));
    }
    let items = reported.into_iter().map(|reported| item(cx, reported)).collect::<Result<Vec<_>>>()?;
    let (cx, app, name) = (cx.clone(), cx.app.clone(), decode_account(account));
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            let account = require(tx, org, &name)?.account;
            if !account.is_leaf() {
                return Err(Error::invalid("resources live at the children of this account: report them there"));
            }
            let scope = Scope { org, root: account.root, account: account.id, scan: None, now: cx.now() };
            let mut changed = 0;
            for item in &items {
                changed += usize::from(store::put(tx, &scope, item)? != Put::Unchanged);
            }
            let all = items.len();
            let description =
                format!("Updated account \"{name}\": {all} resources were reported, {changed} of them new or changed");
            Ok(Recorded::new(
                (),
                cx.event(catalogue::CLOUD_ACCOUNT_UPDATED, Target::new("account", &name), description)?,
            ))
        })
        .await
}
