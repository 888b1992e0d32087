//! Public keys of issuers (RFC 7517): which of a set can verify an identity token, and how.
//!
//! Two algorithms exist here: RS256 with RSA keys of 2048 to 8192 bits, and ES256 with P-256 keys. The key decides which of
//! them is possible, never the token alone: a token that names another algorithm than its key has finds no key.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use pileus_model::{Error, Result};
use serde_json::{Map, Value};

/// Keys that a set may hold.
const MAX_KEYS: usize = 100;
/// Longest set, in bytes of JSON.
const MAX_BYTES: usize = 128 * 1024;

/// One key that can verify.
#[derive(Debug, Clone)]
pub(super) struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// The keys of a set that can verify; others are passed over.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    /// The usable keys of a set.
    ///
    /// # Errors
    /// `Invalid` if it is not a set, holds too much, or holds no usable key.
    pub(super) fn parse(set: &Value) -> Result<Self> {
        let keys = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or_else(|| Error::invalid("the key set must be an object with a list \"keys\" (RFC 7517)"))?;
        if keys.len() > MAX_KEYS || set.to_string().len() > MAX_BYTES {
            return Err(Error::invalid(format!(
                "the key set is too large: at most {MAX_KEYS} keys and {MAX_BYTES} bytes"
            )));
        }
        let usable: Vec<Key> = keys.iter().filter_map(Value::as_object).filter_map(Key::parse).collect();
        if usable.is_empty() {
            return Err(Error::invalid(
                "the key set holds no key for signatures by RS256 (RSA of at least 2048 bits) or ES256 (P-256)",
            ));
        }
        Ok(Self(usable))
    }
    /// The keys that a token of this algorithm and key id may have been signed with.
    pub(super) fn candidates(&self, algorithm: Algorithm, id: Option<&str>) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |k| k.algorithm == algorithm && (id.is_none() || k.id.as_deref() == id))
    }
}

impl Key {
    fn parse(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if !matches!(text("use"), None | Some("sig")) {
            return None;
        }
        if let Some(operations) = jwk.get("key_ops").and_then(Value::as_array)
            && !operations.iter().any(|o| o == "verify")
        {
            return None;
        }
        let (algorithm, name, key) = match text("kty")? {
            "RSA" => (Algorithm::RS256, "RS256", rsa(text("n")?, text("e")?)?),
            "EC" if text("crv")? == "P-256" => (Algorithm::ES256, "ES256", p256(text("x")?, text("y")?)?),
            _ => return None,
        };
        if text("alg").is_some_and(|alg| alg != name) {
            return None;
        }
        Some(Self { id: text("kid").map(str::to_owned), algorithm, key })
    }
    /// Whether it made this signature (base64url) of this message.
    pub(super) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        jsonwebtoken::crypto::verify(signature, message, &self.key, self.algorithm).unwrap_or(false)
    }
}

fn rsa(n: &str, e: &str) -> Option<DecodingKey> {
    let (n, e) = (URL_SAFE_NO_PAD.decode(n).ok()?, URL_SAFE_NO_PAD.decode(e).ok()?);
    let significant = n.iter().skip_while(|byte| **byte == 0).count();
    (256..=1024).contains(&significant).then(|| DecodingKey::from_rsa_raw_components(&n, &e))
}

fn p256(x: &str, y: &str) -> Option<DecodingKey> {
    let length = |text: &str| URL_SAFE_NO_PAD.decode(text).map(|bytes| bytes.len());
    (length(x).ok()? == 32 && length(y).ok()? == 32).then(|| DecodingKey::from_ec_components(x, y).ok()).flatten()
}

/// Checks a set that somebody registers: it must hold a usable key and nothing secret.
///
/// # Errors
/// `Invalid`, saying what is wrong.
pub(super) fn check_registered(set: &Value) -> Result<()> {
    Keys::parse(set)?;
    let secret = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    let keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
    if keys.filter_map(Value::as_object).any(|key| secret.iter().any(|name| key.contains_key(*name))) {
        return Err(Error::invalid("jwks must hold public keys only: one of these keys is private or symmetric"));
    }
    Ok(())
}
