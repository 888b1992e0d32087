//! Pileus as an issuer of identity tokens: clouds exchange them for credentials, and whoever else trusts them does as he likes.
//!
//! This room knows the two issuers, what they publish, and what is recorded of each token. They have keys of their own, so
//! that a token of one is never taken for one of the other.

mod claims;
mod keys;
#[cfg(test)]
mod tests;

pub(super) use claims::Claims;
pub(crate) use keys::signing_key_owner;

use super::context::Who;
use crate::App;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pileus_model::{
    Result,
    audit::{Target, catalogue},
};
use pileus_store::Recorded;
use serde_json::{Map, Value, json};

/// How long a token is good at most, in seconds.
pub(super) const LONGEST: i64 = 3600;

/// Which of the two issuers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuer {
    /// Of the tokens that login providers exchange at a cloud.
    V1,
    /// Of the tokens of `fn::open::oidc`.
    V2,
}

impl Issuer {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V1, Self::V2];

    const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
    /// Its URL.
    pub fn url(self, app: &App) -> String {
        match self {
            Self::V1 => format!("{}/oidc", app.settings.public_url),
            Self::V2 => format!("{}/oidc/v2", app.settings.public_url),
        }
    }
    const fn claims(self) -> &'static [&'static str] {
        match self {
            Self::V1 => &["current_env", "root_env", "trigger_user"],
            Self::V2 => &[
                "https://pulumi.com/org",
                "https://pulumi.com/org_id",
                "https://pulumi.com/current_env",
                "https://pulumi.com/current_env_id",
                "https://pulumi.com/root_env",
                "https://pulumi.com/root_env_id",
                "https://pulumi.com/actor",
            ],
        }
    }
}

/// The discovery document.
pub fn configuration(app: &App, issuer: Issuer) -> Value {
    let url = issuer.url(app);
    let claims = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"].iter().chain(issuer.claims());
    json!({
        "issuer": url,
        "jwks_uri": format!("{url}/.well-known/jwks"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
        "claims_supported": claims.collect::<Vec<_>>(),
    })
}

/// The public keys as a JSON Web Key Set. The first call makes the first key.
///
/// # Errors
/// `Unavailable` without a master key.
pub async fn public_keys(app: &App, issuer: Issuer) -> Result<Value> {
    let keys = keys::due(app, issuer).await?;
    let keys: Vec<Value> = keys.iter().filter_map(|key| serde_json::from_str(&key.public_key).ok()).collect();
    Ok(json!({ "keys": keys }))
}

/// Makes the keys that are due of the issuers that were ever asked, so that each is shown before it signs.
///
/// # Errors
/// `Unavailable`.
pub async fn keep(app: &App) -> Result<()> {
    for issuer in Issuer::ALL {
        if !keys::shown(app, issuer).await?.is_empty() {
            keys::due(app, issuer).await?;
        }
    }
    Ok(())
}

/// Issues a token that is good for so many seconds, after recording it.
///
/// # Errors
/// `Unavailable`.
pub(super) async fn issue(who: &Who, claims: &Claims, seconds: i64) -> Result<String> {
    let app = &who.app;
    let key = keys::signing(app, claims.issuer).await?;
    let now = app.clock.now().as_seconds();
    let mut id = [0; 16];
    app.entropy.fill(&mut id);
    let mut payload: Map<String, Value> =
        claims.shown().iter().map(|(name, said)| (name.clone(), said.as_str().into())).collect();
    for (name, at) in [("iat", now), ("nbf", now), ("exp", now + seconds)] {
        payload.insert(name.to_owned(), at.into());
    }
    payload.insert("jti".to_owned(), URL_SAFE_NO_PAD.encode(id).into());
    let token = keys::sign(app, &key, &Value::Object(payload))?;
    let description = format!(
        "Issued an identity token for environment \"{}\": subject \"{}\", audience \"{}\", good for {seconds} s",
        claims.environment,
        claims.of("sub"),
        claims.of("aud")
    );
    let target = Target::new("environment", claims.environment.clone());
    let event = who.event(catalogue::ENVIRONMENT_OIDC_TOKEN_ISSUED, target, description);
    app.store.write(move |_| Ok(Recorded::new((), event.clone()))).await?;
    Ok(token)
}
