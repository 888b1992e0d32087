//! What the installation says of itself: that it runs, whether it is ready, what it can do, how it is called.
//!
//! All of it is public: nothing here may depend on who asks or tell of anybody.

use crate::{JSON, Reply};
use bytes::Bytes;
use pileus_contract::{OPENAPI_JSON, ops, wire};
use pileus_model::{Error, Result};
use pileus_service::Cx;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// Largest difference between this machine's clock and the database's, in microseconds: beyond it, times of events
/// recorded here could not be trusted.
const CLOCK_SKEW: i64 = 500_000;

/// `GetStatus`
pub async fn status(_cx: Cx, _args: ops::GetStatusArgs) -> Result<wire::Status> {
    Ok(wire::Status { status: "ok".into(), version: env!("CARGO_PKG_VERSION").into() })
}

/// `GetReadiness`: 503 with the same body where something keeps it from its work.
pub async fn readiness(cx: Cx, _args: ops::GetReadinessArgs) -> Result<Reply> {
    let health = cx.app.store.ping().await;
    let mut checks = vec![check("database", health.as_ref().map(drop).map_err(|e| e.message().to_owned()))];
    if let Ok(health) = health {
        checks.push(check("clock", on_time(health.clock_ahead_micros)));
    }
    let ready = checks.iter().all(|check| check.ok);
    Reply::json(if ready { 200 } else { 503 }, &wire::Readiness { ready, checks })
}

fn check(name: &str, outcome: Result<(), String>) -> wire::ReadinessCheck {
    wire::ReadinessCheck { name: name.into(), ok: outcome.is_ok(), message: outcome.err() }
}

/// Whether this machine's clock, so many microseconds ahead of the database's, is near enough to it.
fn on_time(ahead: i64) -> Result<(), String> {
    if ahead.abs() <= CLOCK_SKEW {
        return Ok(());
    }
    let (by, way) = (ahead.unsigned_abs() / 1000, if ahead > 0 { "ahead of" } else { "behind" });
    Err(format!("this machine's clock is {by} ms {way} the database's; at most {} ms are allowed", CLOCK_SKEW / 1000))
}

/// `Capabilities`: none of the optional parts of the protocol is spoken.
pub async fn capabilities(_cx: Cx, _args: ops::CapabilitiesArgs) -> Result<wire::AppCapabilitiesResponse> {
    Ok(wire::AppCapabilitiesResponse { capabilities: Vec::new() })
}

/// `Version`: the lowest version there is, for all three. The CLI asks for an upgrade where it is older than
/// `oldestWithoutWarning` (development builds: than `latestDevVersion`), which no version is then.
pub async fn cli_version(_cx: Cx, _args: ops::VersionArgs) -> Result<wire::AppCLIVersionResponse> {
    let lowest = || "0.0.0".to_owned();
    Ok(wire::AppCLIVersionResponse {
        latest_version: lowest(),
        oldest_without_warning: lowest(),
        latest_dev_version: lowest(),
    })
}

/// `FetchRestSpecification`: with this installation as the server.
pub async fn specification(cx: Cx, _args: ops::FetchRestSpecificationArgs) -> Result<Reply> {
    static LAST: OnceLock<(String, Bytes)> = OnceLock::new();
    let url = &cx.app.settings.public_url;
    let text = match LAST.get() {
        Some((made_for, text)) if made_for == url => text.clone(),
        _ => {
            let text = specification_for(url)?;
            // Another one may have been kept already, for another address; then this one is made each time.
            let _ = LAST.set((url.clone(), text.clone()));
            text
        }
    };
    Ok(Reply::bytes(200, JSON, text))
}

fn specification_for(url: &str) -> Result<Bytes> {
    let broken = |e: serde_json::Error| Error::internal(format!("openapi.json: {e}"));
    let mut document: Value = serde_json::from_str(OPENAPI_JSON).map_err(broken)?;
    document["servers"] = json!([{ "url": url }]);
    serde_json::to_vec(&document).map(Bytes::from).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_may_be_half_a_second_off() {
        assert_eq!(on_time(500_000), Ok(()));
        assert_eq!(on_time(-500_000), Ok(()));
        let late = "this machine's clock is 500 ms behind the database's; at most 500 ms are allowed";
        assert_eq!(on_time(-500_001), Err(late.to_owned()));
    }

    #[test]
    fn the_specification_names_this_installation() -> Result<()> {
        let text = specification_for("https://pileus.example")?;
        let document: Value = serde_json::from_slice(&text).map_err(|e| Error::internal(e.to_string()))?;
        assert_eq!(document["servers"][0]["url"], "https://pileus.example");
        assert!(document["paths"]["/api/user"]["get"].is_object());
        Ok(())
    }
}
