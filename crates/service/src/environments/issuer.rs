//! Pileus as an issuer of identity tokens: clouds exchange them for credentials.
//!
//! This room knows the claims, the keys and their rotation: a key signs for three months and is shown until the last token
//! that it signed has expired.

use super::context::{Who, short};
use crate::App;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pileus_model::{
    Error, Result, Secret,
    audit::{Target, catalogue},
};
use pileus_store::{
    Recorded,
    environments_keys::{self as store, SigningKeyRow},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The issuer of the vendors' tokens; the other one (`v2`) comes with its provider.
const ISSUER: &str = "v1";
/// How long a key signs.
const SIGNS: i64 = 90 * 24 * 3600;
/// How long a token is good.
const TOKEN_SECONDS: i64 = 3600;

/// What a token says.
pub(super) struct Claims {
    /// `aws`, `azure`, `gcp`: the beginning of the audience.
    pub vendor: &'static str,
    /// The environment whose definition has the call.
    pub current: String,
    /// The environment that was opened.
    pub root: String,
    /// What the subject is made of; empty for the usual.
    pub attributes: Vec<String>,
}

/// The issuer's URL.
pub fn issuer_url(app: &App) -> String {
    format!("{}/oidc", app.settings.public_url)
}

/// The discovery document.
pub fn configuration(app: &App) -> Value {
    let issuer = issuer_url(app);
    json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
        "claims_supported": ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "current_env", "root_env", "trigger_user"],
    })
}

/// The public keys as a JSON Web Key Set. The first call makes the first key.
///
/// # Errors
/// `Unavailable` without a master key.
pub async fn public_keys(app: &App) -> Result<Value> {
    let mut keys = shown(app).await?;
    if keys.is_empty() {
        keys.push(make(app).await?);
    }
    let keys: Vec<Value> = keys.iter().filter_map(|key| serde_json::from_str(&key.public_key).ok()).collect();
    Ok(json!({ "keys": keys }))
}

async fn shown(app: &App) -> Result<Vec<SigningKeyRow>> {
    let now = app.clock.now();
    app.store.read(move |tx| store::signing_keys(tx, ISSUER, now)).await
}

/// Makes a key that signs from now on.
async fn make(app: &App) -> Result<SigningKeyRow> {
    let made = tokio::task::spawn_blocking(|| {
        // The cryptographic library draws its own randomness.
        let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| Error::internal("no key could be made"))?;
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).map_err(|_| Error::internal("a key cannot be written"))?;
        let (n, e) =
            numbers(key.public_key().as_ref()).ok_or_else(|| Error::internal("a public key cannot be read"))?;
        Ok::<_, Error>((Secret::new(der.as_ref().to_vec()), URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e)))
    });
    let (private, n, e) = made.await.map_err(|e| Error::internal(format!("making a key ended badly: {e}")))??;
    // RFC 7638
    let thumbprint = Sha256::digest(format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#).as_bytes());
    let id = URL_SAFE_NO_PAD.encode(thumbprint);
    let public = json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": n, "e": e});
    let now = app.clock.now();
    let row = SigningKeyRow {
        private_key: app.keys.seal(&owner(&id), private.expose(), &*app.entropy)?,
        public_key: public.to_string(),
        created_at: now,
        signs_until: now.plus_seconds(SIGNS),
        shown_until: now.plus_seconds(SIGNS + 2 * TOKEN_SECONDS),
        id,
    };
    app.store
        .write(move |tx| {
            store::insert_signing_key(tx, ISSUER, &row)?;
            Ok(Recorded::unaudited(row.clone(), "the issuer's own key; each token that it signs is on record"))
        })
        .await
}

fn owner(id: &str) -> Vec<u8> {
    [b"signing key ", id.as_bytes()].concat()
}

/// Issues a token, after recording it.
///
/// # Errors
/// `Invalid` for an attribute that a subject cannot have; `Unavailable`.
pub(super) async fn issue(who: &Who, claims: &Claims) -> Result<String> {
    let app = &who.app;
    let now = app.clock.now();
    let (subject, audience) = (subject(who, claims)?, audience(who, claims));
    let usable = shown(app).await?.into_iter().find(|key| key.signs_until > now);
    let key = match usable {
        Some(key) => key,
        None => make(app).await?,
    };
    let mut id = [0; 16];
    app.entropy.fill(&mut id);
    let payload = json!({
        "iss": issuer_url(app), "aud": audience, "sub": subject, "jti": URL_SAFE_NO_PAD.encode(id),
        "iat": now.as_seconds(), "nbf": now.as_seconds(), "exp": now.as_seconds() + TOKEN_SECONDS,
        "current_env": claims.current, "root_env": claims.root, "trigger_user": who.login(),
    });
    let description = format!(
        "Issued an identity token for environment \"{}\": subject \"{subject}\", audience \"{audience}\", good for {TOKEN_SECONDS} s",
        claims.current
    );
    let target = Target::new("environment", claims.current.clone());
    let event = who.event(catalogue::ENVIRONMENT_OIDC_TOKEN_ISSUED, target, description);
    app.store.write(move |_| Ok(Recorded::new((), event.clone()))).await?;
    sign(app, &key, &payload)
}

fn sign(app: &App, key: &SigningKeyRow, payload: &Value) -> Result<String> {
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": key.id});
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(payload));
    let der = Secret::new(app.keys.open(&owner(&key.id), &key.private_key)?);
    let pair = RsaKeyPair::from_pkcs8(der.expose()).map_err(|_| Error::internal("a stored key cannot be read"))?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| Error::internal("signing failed"))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// `aws:<organisation>`; for environments of the project `default` only the organisation.
fn audience(who: &Who, claims: &Claims) -> String {
    if claims.current.starts_with("default/") {
        return who.org.name.clone();
    }
    format!("{}:{}", claims.vendor, who.org.name)
}

fn subject(who: &Who, claims: &Claims) -> Result<String> {
    let org = &who.org.name;
    if claims.attributes.is_empty() {
        return Ok(format!("pulumi:environments:org:{org}:env:{}", short(&claims.current)));
    }
    let mut subject = format!("pulumi:environments:pulumi.organization.login:{org}");
    for attribute in &claims.attributes {
        let value = match attribute.as_str() {
            "currentEnvironment.name" => Some(short(&claims.current)),
            "rootEnvironment.name" => Some(short(&claims.root)),
            other => who.attribute(other),
        };
        let value = value.ok_or_else(|| {
            Error::invalid(format!(
                "subjectAttributes: \"{attribute}\" is none of currentEnvironment.name, pulumi.organization.login, \
                 pulumi.token.team, pulumi.token.type, pulumi.user.login, rootEnvironment.name"
            ))
        })?;
        subject.push_str(&format!(":{attribute}:{value}"));
    }
    Ok(subject)
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 A.1.1) in DER, without leading zeros.
fn numbers(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (0x30, sequence, _) = element(der)? else { return None };
    let (0x02, n, rest) = element(sequence)? else { return None };
    let (0x02, e, _) = element(rest)? else { return None };
    let bare = |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    Some((bare(n), bare(e)))
}

/// The first element of DER: its tag, its content, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |n, byte| n << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::testing::House;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};

    fn claims(current: &str, attributes: &[&str]) -> Claims {
        let attributes = attributes.iter().map(|a| (*a).to_owned()).collect();
        Claims { vendor: "aws", current: current.into(), root: "web/root".into(), attributes }
    }

    #[tokio::test]
    async fn tokens_verify_with_the_public_keys() {
        let house = House::new().await;
        let who = Who::caller(&house.root_cx().await).unwrap();
        let token = issue(&who, &claims("web/prod", &[])).await.unwrap();
        let keys = public_keys(&house.app).await.unwrap();
        let text = |name: &str| keys["keys"][0][name].as_str().unwrap().to_owned();
        let key = DecodingKey::from_rsa_components(&text("n"), &text("e")).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&["aws:acme"]);
        validation.validate_exp = false;
        let said = decode::<Value>(&token, &key, &validation).unwrap();
        assert_eq!(said.header.kid.unwrap(), text("kid"));
        assert_eq!(said.claims["iss"], "http://127.0.0.1:8080/oidc");
        assert_eq!(said.claims["sub"], "pulumi:environments:org:acme:env:web/prod");
        assert_eq!(said.claims["trigger_user"], "root");
        assert_eq!(house.said("acme", "environment-oidc-token-issued").await.len(), 1);
    }

    #[tokio::test]
    async fn subjects_and_audiences() {
        let house = House::new().await;
        let who = Who::caller(&house.root_cx().await).unwrap();
        let plain = claims("default/prod", &[]);
        assert_eq!(subject(&who, &plain).unwrap(), "pulumi:environments:org:acme:env:prod");
        assert_eq!(audience(&who, &plain), "acme");
        let named = claims("web/prod", &["currentEnvironment.name", "rootEnvironment.name", "pulumi.user.login"]);
        assert_eq!(
            subject(&who, &named).unwrap(),
            "pulumi:environments:pulumi.organization.login:acme:currentEnvironment.name:web/prod:\
             rootEnvironment.name:web/root:pulumi.user.login:root"
        );
        assert!(subject(&who, &claims("web/prod", &["password"])).is_err());
    }

    #[tokio::test]
    async fn an_old_key_is_shown_until_its_last_token_has_expired() {
        let house = House::new().await;
        let who = Who::caller(&house.root_cx().await).unwrap();
        let count = async || public_keys(&house.app).await.unwrap()["keys"].as_array().unwrap().len();
        let _ = issue(&who, &claims("web/prod", &[])).await.unwrap();
        house.clock.advance(SIGNS);
        let _ = issue(&who, &claims("web/prod", &[])).await.unwrap();
        assert_eq!(count().await, 2);
        house.clock.advance(2 * TOKEN_SECONDS);
        assert_eq!(count().await, 1);
    }
}
