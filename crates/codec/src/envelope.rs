//! Sealing: AES-256-GCM with a key of 32 bytes, bound to what the sealed bytes belong to.
//!
//! A sealed text is a version byte, a random nonce of 12 bytes, the ciphertext and its tag of 16 bytes. What it belongs to
//! (its owner) is authenticated but not stored: sealed bytes that were moved to another owner do not open. This room knows
//! the form; where keys come from is not its business.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use pileus_model::{Error, Result, Secret, entropy::Entropy};

/// How many bytes a key has.
pub const KEY_BYTES: usize = 32;
/// The version of the form.
const VERSION: u8 = 1;

/// A key. `Debug` does not show it, and it is wiped when dropped.
#[derive(Clone, Debug)]
pub struct Key(Secret<[u8; KEY_BYTES]>);

impl Key {
    /// The key with these bytes.
    pub const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Secret::new(bytes))
    }
    /// A fresh key.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; KEY_BYTES];
        entropy.fill(&mut bytes);
        Self::new(bytes)
    }
    /// Its bytes.
    pub const fn expose(&self) -> &[u8; KEY_BYTES] {
        self.0.expose()
    }
    fn cipher(&self) -> Result<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM, self.expose());
        key.map(LessSafeKey::new).map_err(|_| Error::internal("a key of 32 bytes was refused"))
    }
}

/// Seals these bytes for this owner.
///
/// # Errors
/// `Internal` if the cipher refuses (a bug).
pub fn seal(key: &Key, owner: &[u8], clear: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    entropy.fill(&mut nonce);
    let mut sealed = Vec::with_capacity(1 + NONCE_LEN + clear.len() + AES_256_GCM.tag_len());
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(clear);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.cipher()?.seal_in_place_separate_tag(nonce, Aad::from(owner), &mut sealed[1 + NONCE_LEN..]);
    sealed.extend_from_slice(tag.map_err(|_| Error::internal("sealing failed"))?.as_ref());
    Ok(sealed)
}

/// Opens what was sealed for this owner.
///
/// # Errors
/// `Invalid` if it was sealed with another key, for another owner, or was changed.
pub fn open(key: &Key, owner: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
    let wrong = || Error::invalid("the ciphertext belongs to another owner or key, or was changed");
    let Some((&VERSION, rest)) = sealed.split_first() else { return Err(wrong()) };
    let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
    let mut text = text.to_vec();
    let opened = key.cipher()?.open_in_place(nonce, Aad::from(owner), &mut text);
    let length = opened.map_err(|_| wrong())?.len();
    text.truncate(length);
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use pileus_model::entropy::SystemEntropy;

    #[test]
    fn opens_for_its_owner_and_key_only() {
        let (key, other) = (Key::random(&SystemEntropy), Key::random(&SystemEntropy));
        for clear in [&b""[..], b"x", &[7; 1000]] {
            let sealed = seal(&key, b"owner", clear, &SystemEntropy).unwrap();
            assert_eq!(open(&key, b"owner", &sealed).unwrap(), clear);
            assert!(open(&other, b"owner", &sealed).is_err());
            assert!(open(&key, b"another", &sealed).is_err());
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let key = Key::random(&SystemEntropy);
        let sealed = seal(&key, b"owner", b"secret", &SystemEntropy).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&key, b"owner", &changed).is_err(), "{at}");
            assert!(open(&key, b"owner", &sealed[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn the_same_text_is_sealed_differently_each_time() {
        let key = Key::random(&SystemEntropy);
        let seal = || seal(&key, b"", b"secret", &SystemEntropy).unwrap();
        assert_ne!(seal(), seal());
        assert!(!format!("{key:?}").contains(char::is_numeric));
    }
}
