//! `oidc`: an identity token for whoever asks for one, and `debug-oidc-claims`: what a token would say.
//!
//! This room knows the providers' inputs and outputs. What tokens say is the issuer's.

use super::{Answer, Call, Properties, Site, part, seconds, text, texts};
use crate::environments::issuer::{self, Claims};
use pileus_esc::value::Value;
use std::sync::Arc;

/// Shortest and longest life of a token, in seconds.
const LIFE: std::ops::RangeInclusive<i64> = 60..=issuer::LONGEST;
/// Longest audience, in bytes.
const AUDIENCE: usize = 512;

pub(super) fn open(site: &Arc<Site>, call: &Call) -> Answer {
    let (claims, seconds) = match custom("oidc", site, call) {
        Ok(asked) => asked,
        Err(why) => return Answer::Now(Err(why)),
    };
    let site = Arc::clone(site);
    Answer::later(async move {
        let token = issuer::issue(&site.who, &claims, seconds).await;
        token.map(|token| Value::secret(&token)).map_err(|error| error.message().to_owned())
    })
}

pub(super) fn preview(site: &Arc<Site>, call: &Call) -> Answer {
    let claims = if call.inputs.contains_key("identityToken") {
        custom("debug-oidc-claims", site, call).map(|(claims, _)| claims)
    } else {
        vendor(site, call)
    };
    let shown = claims.map(|claims| {
        let fields = claims.shown().iter().map(|(name, said)| (name.as_str(), Value::string(said)));
        Value::object(fields)
    });
    Answer::Now(shown)
}

/// What a token with an audience of one's own says, and how long it is good.
fn custom(provider: &str, site: &Site, call: &Call) -> Result<(Claims, i64), String> {
    let inputs = &call.inputs;
    only(provider, inputs, &["audience", "identityToken", "duration"])?;
    let token = part(inputs, "identityToken").ok_or_else(|| format!("fn::open::{provider} needs an identityToken"))?;
    only(&format!("{provider}'s identityToken"), token, &["version"])?;
    if text(token, "version") != Some("v2") {
        return Err(format!("fn::open::{provider}: the only identityToken.version is v2"));
    }
    let audience = text(inputs, "audience").unwrap_or_default();
    if audience.trim().is_empty() || audience.len() > AUDIENCE || audience.chars().any(char::is_control) {
        return Err(format!(
            "fn::open::{provider}: the audience must have 1 to {AUDIENCE} bytes, not all of them blanks, none a control character"
        ));
    }
    let seconds = seconds(inputs, "duration", *LIFE.end())?;
    if !LIFE.contains(&seconds) {
        return Err("duration must be between 1m0s and 1h0m0s".into());
    }
    let claims = Claims::custom(&site.who, &call.place, audience).ok_or_else(|| {
        format!("fn::open::{provider} cannot be called by a definition that is not saved: save it as an environment and import that")
    })?;
    Ok((claims, seconds))
}

/// What the token of a login provider says.
fn vendor(site: &Site, call: &Call) -> Result<Claims, String> {
    only("debug-oidc-claims", &call.inputs, &["audiencePrefix", "subjectAttributes"])?;
    let prefix = text(&call.inputs, "audiencePrefix").unwrap_or_default();
    if prefix.trim().is_empty() || prefix.len() > AUDIENCE || prefix.chars().any(char::is_control) {
        return Err("fn::open::debug-oidc-claims needs an audiencePrefix (aws, azure, gcp), or an identityToken".into());
    }
    let claims = Claims::vendor(&site.who, &call.place, prefix, &texts(&call.inputs, "subjectAttributes"));
    claims.map_err(|error| error.message().to_owned())
}

/// Refuses inputs that have no meaning: a token must not differ from what its author believes.
fn only(provider: &str, inputs: &Properties, known: &[&str]) -> Result<(), String> {
    match inputs.keys().find(|name| !known.contains(&&***name)) {
        None => Ok(()),
        Some(name) if &**name == "subjectAttributes" => {
            Err(format!("fn::open::{provider} does not accept subjectAttributes"))
        }
        Some(name) => Err(format!("fn::open::{provider} does not accept an input named \"{name}\"")),
    }
}
