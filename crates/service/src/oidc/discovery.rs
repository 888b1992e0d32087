//! Keys of issuers, fetched from where the issuer says they are (OpenID Connect Discovery 1.0 §4), and remembered for ten
//! minutes.
//!
//! An issuer is asked at most once in half a minute on each node, however many tokens with unheard-of keys arrive, and one
//! request at a time: the others wait for its answer.

use super::{jwk::Keys, lock, reject::Reject, stored};
use crate::App;
use pileus_model::{Timestamp, ids::IssuerId};
use pileus_store::oidc::IssuerRow;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// For how many seconds fetched keys are good.
const GOOD_FOR: i64 = 10 * 60;
/// After how many seconds they may be fetched again for the sake of a token whose key is not among them.
const AGAIN_AFTER: i64 = 30;
/// For how many seconds a failure is remembered.
const FAILED_FOR: i64 = 10;
/// Issuers remembered at most; over it everything is forgotten.
const REMEMBERED: usize = 256;

/// The thumbprints of an issuer, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Thumbprints {
    /// Whether one of them must be in the chain by which the server of the keys proves itself. That is so where somebody
    /// gave them; those that were found are for information, since authorities change their intermediates without notice.
    pub pinned: bool,
    /// SHA-1, 40 hexadecimal digits each.
    pub values: Vec<String>,
}

impl Thumbprints {
    /// Whether a chain is good enough.
    pub(super) fn fit(&self, chain: &[String]) -> bool {
        !self.pinned || self.values.iter().any(|v| chain.contains(v))
    }
}

/// What an issuer's server answered.
#[derive(Debug)]
pub(super) struct Fetched {
    /// The usable keys.
    pub keys: Keys,
    /// The thumbprints of the chain of the server that the keys came from, leaf first.
    pub chain: Vec<String>,
}

/// Asks an issuer for its keys. The error is a clause.
pub(super) async fn fetch(app: &App, url: &str) -> Result<Fetched, String> {
    let document = format!("{}/.well-known/openid-configuration", url.trim_end_matches('/'));
    let found = app.egress.get_json(&document).await.map_err(|e| format!("{document}: {e}"))?;
    match found.get("issuer").and_then(Value::as_str) {
        Some(issuer) if issuer == url => {}
        Some(issuer) => return Err(format!("{document} is about another issuer: \"{issuer}\" instead of \"{url}\"")),
        None => return Err(format!("{document} names no issuer")),
    }
    let uri = found.get("jwks_uri").and_then(Value::as_str).ok_or_else(|| format!("{document} has no jwks_uri"))?;
    let (set, chain) = app.egress.get_json_with_chain(uri).await.map_err(|e| format!("{uri}: {e}"))?;
    let keys = Keys::parse(&set).map_err(|e| format!("{uri}: {}", e.message()))?;
    Ok(Fetched { keys, chain: chain.iter().map(ToString::to_string).collect() })
}

/// What is known of an issuer's keys.
#[derive(Debug)]
struct Known {
    /// The state of the registration that they belong to.
    registered: Timestamp,
    at: Timestamp,
    keys: Result<Arc<Keys>, Reject>,
}

/// One issuer's place; whoever holds it may ask the issuer.
type Slot = Arc<tokio::sync::Mutex<Option<Known>>>;

/// Fetched keys by issuer.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<HashMap<IssuerId, Slot>>);

impl Cache {
    fn slot(&self, issuer: IssuerId) -> Slot {
        let mut slots = lock(&self.0);
        if slots.len() >= REMEMBERED && !slots.contains_key(&issuer) {
            slots.clear();
        }
        Arc::clone(slots.entry(issuer).or_default())
    }
}

/// The keys of an issuer: those that were registered, else those that it publishes. With `again` the published ones are
/// fetched anew unless that was done within half a minute.
pub(super) async fn keys(app: &App, row: &IssuerRow, again: bool) -> Result<Arc<Keys>, Reject> {
    if let Some(set) = &row.jwks {
        let set: Value = stored("key set", set).map_err(|e| Reject::Keys(e.to_string()))?;
        return Keys::parse(&set).map(Arc::new).map_err(|e| Reject::Keys(e.message().to_owned()));
    }
    let slot = app.oidc.keys.slot(row.id);
    let mut known = slot.lock().await;
    let now = app.clock.now();
    if let Some(known) = &*known
        && known.registered == row.modified_at
    {
        let good_for = match &known.keys {
            Err(_) => FAILED_FOR,
            Ok(_) if again => AGAIN_AFTER,
            Ok(_) => GOOD_FOR,
        };
        if now < known.at.plus_seconds(good_for) {
            return known.keys.clone();
        }
    }
    let keys = fetch_fitting(app, row).await;
    *known = Some(Known { registered: row.modified_at, at: now, keys: keys.clone() });
    keys
}

async fn fetch_fitting(app: &App, row: &IssuerRow) -> Result<Arc<Keys>, Reject> {
    let thumbprints: Thumbprints = stored("thumbprints", &row.thumbprints).map_err(|e| Reject::Keys(e.to_string()))?;
    let fetched = fetch(app, &row.url).await.map_err(Reject::Keys)?;
    if thumbprints.fit(&fetched.chain) { Ok(Arc::new(fetched.keys)) } else { Err(Reject::Thumbprint) }
}
