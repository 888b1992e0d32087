//! The installation's master key on the wire: fingerprints only. No rule and no SQL.

use pileus_contract::{ops, wire};
use pileus_model::Result;
use pileus_service::{
    Cx,
    keys::{self as service, Shown},
};

fn keys(shown: Shown) -> wire::MasterKeys {
    let servers = shown.servers.into_iter().map(|server| wire::MasterKeyHolder {
        name: server.name,
        held: server.held,
        last_seen: server.seen_at.rfc3339_millis(),
    });
    wire::MasterKeys {
        active: shown.active,
        retiring: shown.retiring,
        remaining: shown.remaining,
        servers: servers.collect(),
    }
}

/// `GetMasterKeys`
pub async fn show(cx: Cx, _: ops::GetMasterKeysArgs) -> Result<wire::MasterKeys> {
    service::show(&cx).await.map(keys)
}

/// `RotateMasterKey`
pub async fn rotate(cx: Cx, _: ops::RotateMasterKeyArgs) -> Result<wire::MasterKeys> {
    service::rotate(&cx).await.map(keys)
}
