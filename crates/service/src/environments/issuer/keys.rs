//! The keys that identity tokens are signed with, and when each of them does.
//!
//! Time is cut into periods that are the same for everybody, and each has one key: so nodes that begin a period at once agree
//! on its key (the database keeps the first). A key is shown a week before its period begins, for whoever remembers the
//! public keys, and until the last token that it signed has expired.

use super::{Issuer, LONGEST};
use crate::App;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pileus_model::{Error, Result, Secret, Timestamp};
use pileus_store::{
    Recorded,
    environments_keys::{self as store, SigningKeyRow},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How long a key signs: a period, in seconds.
pub(super) const PERIOD: i64 = 90 * 24 * 3600;
/// How long a key is shown before it signs, in seconds.
pub(super) const AHEAD: i64 = 7 * 24 * 3600;

/// Making a key takes the processor a while, so each process makes one at a time; who waited finds it made.
static MAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// When the period that this time is in ends.
pub(super) fn end_of_period(now: Timestamp) -> Timestamp {
    Timestamp::from_micros((now.as_seconds().div_euclid(PERIOD) + 1) * PERIOD * 1_000_000)
}

/// The keys that are shown, the newest period first.
pub(super) async fn shown(app: &App, issuer: Issuer) -> Result<Vec<SigningKeyRow>> {
    let now = app.clock.now();
    app.store.read(move |tx| store::signing_keys(tx, issuer.name(), now)).await
}

/// The keys that are shown, after making those that are due: that of this period, and in its last week the next one's.
///
/// # Errors
/// `Unavailable`, without a master key too.
pub(super) async fn due(app: &App, issuer: Issuer) -> Result<Vec<SigningKeyRow>> {
    let now = app.clock.now();
    let mut keys = shown(app, issuer).await?;
    for ends in [end_of_period(now), end_of_period(now.plus_seconds(AHEAD))] {
        if keys.iter().any(|key| key.signs_until == ends) {
            continue;
        }
        let _alone = MAKING.lock().await;
        keys = shown(app, issuer).await?;
        if !keys.iter().any(|key| key.signs_until == ends) {
            keys = make(app, issuer, ends).await?;
        }
    }
    Ok(keys)
}

/// The key that signs now.
///
/// # Errors
/// As [`due`].
pub(super) async fn signing(app: &App, issuer: Issuer) -> Result<SigningKeyRow> {
    let ends = end_of_period(app.clock.now());
    let key = due(app, issuer).await?.into_iter().find(|key| key.signs_until == ends);
    key.ok_or_else(|| Error::internal("no key signs in this period"))
}

/// Makes the key of a period, unless another node was faster; returns all that are shown.
pub(super) async fn make(app: &App, issuer: Issuer, ends: Timestamp) -> Result<Vec<SigningKeyRow>> {
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
        signs_until: ends,
        // The longest token, and as much again for clocks that go wrong.
        shown_until: ends.plus_seconds(2 * LONGEST),
        id,
    };
    let why = "the issuer's own key; each token that it signs is on record";
    let (keys, entropy) = (app.keys.clone(), std::sync::Arc::clone(&app.entropy));
    app.store
        .write(move |tx| {
            let private_key = keys.current(tx, &owner(&row.id), &row.private_key, &*entropy)?;
            let row = SigningKeyRow { private_key, ..row.clone() };
            store::insert_signing_key(tx, issuer.name(), &row)?;
            Ok(Recorded::unaudited(store::signing_keys(tx, issuer.name(), now)?, why))
        })
        .await
}

/// What a private key is bound to where it is kept.
fn owner(id: &str) -> Vec<u8> {
    signing_key_owner(id.as_bytes())
}

/// What the private key with this id is bound to.
pub(crate) fn signing_key_owner(id: &[u8]) -> Vec<u8> {
    [b"signing key ", id].concat()
}

/// A signed token (RFC 7519) of these claims.
///
/// # Errors
/// `Internal`.
pub(super) fn sign(app: &App, key: &SigningKeyRow, payload: &Value) -> Result<String> {
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
