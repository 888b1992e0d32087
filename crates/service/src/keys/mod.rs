//! The installation's master key, and the keys that it wraps.
//!
//! Every environment and every session has a key of its own; the master key wraps those keys and the private keys of
//! identity tokens, and nothing else. This room knows how a master key is written and proved; where it is kept is the
//! server's business.

use crate::App;
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use pileus_codec::envelope::{self, KEY_BYTES, Key};
use pileus_model::{Error, Result, entropy::Entropy};
use pileus_store::{Recorded, environments_keys as store};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// What the proof of a master key is bound to.
const PROOF: &[u8] = b"pileus master key";

/// The keyring: the master key, if there is one.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    master: Option<Key>,
}

impl Keys {
    /// Without a master key, nothing can be sealed or opened.
    pub const fn none() -> Self {
        Self { master: None }
    }
    /// With this master key.
    pub const fn new(master: Key) -> Self {
        Self { master: Some(master) }
    }
    /// With the master key that is written so: 32 bytes as 64 hexadecimal digits or in base64.
    ///
    /// # Errors
    /// `Invalid`, saying what is allowed, and nothing of the text.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let hex = |at: usize| text.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes = if text.len() == 2 * KEY_BYTES && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            (0..KEY_BYTES).map(hex).collect::<Option<Vec<u8>>>()
        } else {
            STANDARD.decode(text).ok()
        };
        let key: Option<[u8; KEY_BYTES]> = bytes.and_then(|bytes| bytes.try_into().ok());
        key.map(|key| Self::new(Key::new(key)))
            .ok_or_else(|| Error::invalid("a master key is 32 bytes, written as 64 hexadecimal digits or in base64"))
    }
    /// A fresh master key, as it is written.
    pub fn generate(entropy: &dyn Entropy) -> String {
        let mut text = String::with_capacity(2 * KEY_BYTES);
        for byte in Key::random(entropy).expose() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
    fn master(&self) -> Result<&Key> {
        self.master.as_ref().ok_or_else(|| Error::unavailable("this installation has no master key"))
    }
    /// A fresh key for this owner, in clear and wrapped.
    ///
    /// # Errors
    /// `Unavailable` without a master key.
    pub fn fresh(&self, owner: &[u8], entropy: &dyn Entropy) -> Result<(Key, Vec<u8>)> {
        let key = Key::random(entropy);
        let wrapped = self.seal(owner, key.expose(), entropy)?;
        Ok((key, wrapped))
    }
    /// The key of this owner that was wrapped.
    ///
    /// # Errors
    /// `Internal` if it does not open: the database and the master key do not belong together.
    pub fn unwrap(&self, owner: &[u8], wrapped: &[u8]) -> Result<Key> {
        let bytes: Result<[u8; KEY_BYTES], _> = self.open(owner, wrapped)?.try_into();
        bytes.map(Key::new).map_err(|_| Error::internal("a wrapped key has another length"))
    }
    /// Seals something that has no key of its own with the master key.
    ///
    /// # Errors
    /// `Unavailable` without a master key.
    pub fn seal(&self, owner: &[u8], clear: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>> {
        envelope::seal(self.master()?, owner, clear, entropy)
    }
    /// Opens what [`Keys::seal`] sealed.
    ///
    /// # Errors
    /// `Internal` if it does not open; `Unavailable` without a master key.
    pub fn open(&self, owner: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        let opened = envelope::open(self.master()?, owner, sealed);
        opened.map_err(|_| Error::internal("something sealed with the master key does not open with it"))
    }
    /// A further key for this purpose: always the same for the same master key, and of no use for another purpose.
    ///
    /// # Errors
    /// `Unavailable` without a master key.
    pub fn derive(&self, purpose: &[u8]) -> Result<[u8; 32]> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.master()?.expose());
        let tag = hmac::sign(&key, &[b"pileus derived key\0", purpose].concat());
        tag.as_ref().try_into().map_err(|_| Error::internal("a derived key has another length"))
    }
    /// What tells master keys apart; says nothing of the key.
    fn fingerprint(&self) -> Result<[u8; 32]> {
        Ok(Sha256::new().chain_update(PROOF).chain_update(self.master()?.expose()).finalize().into())
    }
}

/// Whether this database was already written with some master key.
///
/// # Errors
/// `Unavailable`.
pub async fn is_bound(app: &App) -> Result<bool> {
    app.store.read(|tx| Ok(!store::master_keys(tx)?.is_empty())).await
}

/// Makes sure that the database was written with this master key, or binds it to the key if it was written with none.
///
/// # Errors
/// `Invalid` if it was written with another one.
pub async fn verify(app: &App) -> Result<()> {
    let id = app.keys.fingerprint()?;
    let proof = app.keys.seal(PROOF, &id, &*app.entropy)?;
    let (keys, now) = (app.keys.clone(), app.clock.now());
    app.store
        .write(move |tx| {
            let known = store::master_keys(tx)?;
            let why = "binds an empty database to the key of this installation; nothing is sealed yet";
            if known.is_empty() {
                store::insert_master_key(tx, &id, &proof, now)?;
                return Ok(Recorded::unaudited((), why));
            }
            let ours = known.iter().find(|(known, _)| *known == id);
            if ours.is_some_and(|(_, proof)| keys.open(PROOF, proof).is_ok_and(|opened| opened == id)) {
                return Ok(Recorded::unaudited((), "only compares"));
            }
            Err(Error::invalid(
                "the database was written with another master key: set PILEUS_MASTER_KEY to the one that it was written with",
            ))
        })
        .await
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use pileus_model::entropy::SystemEntropy;

    #[test]
    fn written_forms() {
        let text = Keys::generate(&SystemEntropy);
        let sealed = Keys::parse(&text).unwrap().seal(b"o", b"x", &SystemEntropy).unwrap();
        assert_eq!(Keys::parse(&format!(" {text}\n")).unwrap().open(b"o", &sealed).unwrap(), b"x");
        assert!(Keys::parse(&STANDARD.encode([7; 32])).is_ok());
        for bad in ["", "00", &"g".repeat(64), &STANDARD.encode([7; 31]), "correct horse battery staple"] {
            assert!(!Keys::parse(bad).unwrap_err().message().contains("horse"), "{bad}");
        }
    }

    #[test]
    fn keys_are_bound_to_their_owners() {
        let keys = Keys::parse(&Keys::generate(&SystemEntropy)).unwrap();
        let (key, wrapped) = keys.fresh(b"a", &SystemEntropy).unwrap();
        assert_eq!(keys.unwrap(b"a", &wrapped).unwrap().expose(), key.expose());
        assert!(keys.unwrap(b"b", &wrapped).is_err());
        assert!(Keys::none().fresh(b"a", &SystemEntropy).is_err());
        assert_eq!(keys.derive(b"x").unwrap(), keys.derive(b"x").unwrap());
        assert_ne!(keys.derive(b"x").unwrap(), keys.derive(b"y").unwrap());
    }
}
