//! Identity tokens (RFC 7519, signed as RFC 7515 says): taken apart, verified, and read by our own clock.
//!
//! Nothing of a token is believed before [`Jwt::verify`] has said yes, but for its issuer, which tells whose keys to ask.

use super::{jwk::Keys, reject::Reject};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use pileus_model::Timestamp;
use serde_json::{Map, Value};

/// Longest token, in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// Keys tried for a token that names none.
const MAX_TRIED: usize = 10;
/// By how many seconds the issuer's clock may differ from ours.
const LEEWAY: i64 = 60;
/// Longest subject, in bytes.
const MAX_SUBJECT: usize = 1024;

/// A token's claims.
pub(super) type Claims = Map<String, Value>;

/// A token that was taken apart and is not yet believed.
#[derive(Debug, Clone)]
pub(super) struct Jwt {
    algorithm: Option<Algorithm>,
    key_id: Option<String>,
    claims: Claims,
    message: String,
    signature: String,
}

impl Jwt {
    /// Takes a token apart; `None` if it is none. An algorithm that is not accepted is noticed only by [`Jwt::verify`], so
    /// that the attempt can be recorded with its issuer.
    pub(super) fn parse(token: &str) -> Option<Self> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let (header, claims) = (object(header)?, object(claims)?);
        let algorithm = match header.get("alg").and_then(Value::as_str)? {
            "RS256" => Some(Algorithm::RS256),
            "ES256" => Some(Algorithm::ES256),
            _ => None,
        };
        // RFC 7515 §4.1.11: whoever does not understand a critical extension must refuse. We understand none.
        let algorithm = algorithm.filter(|_| !header.contains_key("crit") && !header.contains_key("b64"));
        let key_id = match header.get("kid") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return None,
        };
        Some(Self { algorithm, key_id, claims, message: message.to_owned(), signature: signature.to_owned() })
    }

    /// Who claims to have issued it.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// The claims, if one of these keys signed them.
    ///
    /// # Errors
    /// [`Reject::Algorithm`], [`Reject::UnknownKey`] or [`Reject::Signature`].
    pub(super) fn verify(&self, keys: &Keys) -> Result<&Claims, Reject> {
        let algorithm = self.algorithm.ok_or(Reject::Algorithm)?;
        let mut candidates = keys.candidates(algorithm, self.key_id.as_deref()).take(MAX_TRIED).peekable();
        if candidates.peek().is_none() {
            return Err(Reject::UnknownKey);
        }
        if candidates.any(|key| key.verifies(self.message.as_bytes(), &self.signature)) {
            return Ok(&self.claims);
        }
        Err(Reject::Signature)
    }
}

fn object(part: &str) -> Option<Claims> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    match serde_json::from_slice(&bytes).ok()? {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// Checks the claims that every token must have: `sub`, `aud`, and times that include now (with a minute of leeway).
///
/// # Errors
/// What is wrong with them.
pub(super) fn check(claims: &Claims, now: Timestamp) -> Result<(), Reject> {
    let now = now.as_seconds();
    let subject = subject(claims).ok_or(Reject::Claim("sub must be a text of 1 to 1024 bytes"))?;
    if subject.is_empty() || subject.len() > MAX_SUBJECT {
        return Err(Reject::Claim("sub must be a text of 1 to 1024 bytes"));
    }
    let texts = |list: &Vec<Value>| !list.is_empty() && list.iter().all(Value::is_string);
    if !claims.get("aud").is_some_and(|aud| aud.is_string() || aud.as_array().is_some_and(texts)) {
        return Err(Reject::Claim("aud must be a text or a list of texts"));
    }
    let expires = time(claims, "exp")?.ok_or(Reject::Claim("exp is missing"))?;
    if expires.saturating_add(LEEWAY) <= now {
        return Err(Reject::Expired);
    }
    let begins = time(claims, "nbf")?.unwrap_or(i64::MIN).max(time(claims, "iat")?.unwrap_or(i64::MIN));
    if begins.saturating_sub(LEEWAY) > now {
        return Err(Reject::NotYet);
    }
    Ok(())
}

/// Whom the token was issued to.
pub(super) fn subject(claims: &Claims) -> Option<&str> {
    claims.get("sub").and_then(Value::as_str)
}

/// A NumericDate (RFC 7519 §2) in whole seconds.
fn time(claims: &Claims, name: &'static str) -> Result<Option<i64>, Reject> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => {
            let seconds = number.as_i64().or_else(|| number.as_f64().map(|f| f as i64));
            seconds.map(Some).ok_or(Reject::Claim("a time is not a number"))
        }
        Some(_) => Err(Reject::Claim("a time is not a number")),
    }
}
