//! Prints: by which an item of a list is recognised that was taken apart before and made the same resource.
//!
//! A print is a keyed hash of an item's bytes as the cloud sent them. Its key is the list's own: it is made of all that decides what becomes
//! of such bytes besides themselves (who is asked where, below what, by which key values are redacted, and this version's code and
//! catalogue). So equal prints mean an equal resource, and nobody without the key can find values that are not kept by trying them.

use crate::redact::RedactionKey;
use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hash, Hasher},
};

include!(concat!(env!("OUT_DIR"), "/form.rs"));

const EPOCH: usize = 4;
const LENGTH: usize = 20;

/// What prints are made with, but for the list: those of another epoch are nobody's any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Epoch([u8; EPOCH]);

/// An item's print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Print([u8; LENGTH]);

/// What is known by prints. They are keyed hashes already: nobody can choose them so that they meet in one place.
pub type Prints<T> = HashMap<Print, T, BuildHasherDefault<Taken>>;

/// Takes a part of a print as its hash.
#[derive(Debug, Default)]
pub struct Taken(u64);

impl Hasher for Taken {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, part: u64) {
        self.0 = part;
    }
}

impl Hash for Print {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let part = self.0[EPOCH..].first_chunk::<8>();
        state.write_u64(part.map_or(0, |part| u64::from_le_bytes(*part)) ^ u64::from(self.0[LENGTH - 1]));
    }
}

impl Print {
    /// As it is kept.
    pub const fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }
    /// One that was kept; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
    /// That of the same item as a resource of another type of its list: the how many-th it is.
    pub(crate) const fn of_type(mut self, number: u8) -> Self {
        self.0[LENGTH - 1] = number;
        self
    }
    /// Whether it was made in this epoch.
    pub fn is_of(&self, epoch: Epoch) -> bool {
        self.0.starts_with(&epoch.0)
    }
}

/// Makes the prints of one list: tags of AES-256-GCM-SIV over nothing, with the item as what goes with it. Unlike other modes this one
/// keeps its promises when a nonce is used again (RFC 8452, section 1); it reads an item three times as fast as HMAC-SHA-256.
pub(crate) struct Printer {
    epoch: Epoch,
    key: LessSafeKey,
}

impl Printer {
    /// For the list that all of this together tells from others.
    pub(crate) fn new(key: &RedactionKey, list: &[&str]) -> Option<Self> {
        let mut context = begun(key, "list");
        for part in list {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let own = UnboundKey::new(&AES_256_GCM_SIV, context.sign().as_ref()).ok()?;
        Some(Self { epoch: Epoch::of(key), key: LessSafeKey::new(own) })
    }
    /// Of an item as it came, as a resource of the list's first type; `None` for one that is too long for that.
    pub(crate) fn print(&self, item: &[u8]) -> Option<Print> {
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(item), &mut []).ok()?;
        let mut print = [0; LENGTH];
        let (epoch, rest) = print.split_at_mut(EPOCH);
        epoch.copy_from_slice(&self.epoch.0);
        rest.copy_from_slice(tag.as_ref().get(..LENGTH - EPOCH)?);
        Some(Print(print).of_type(0))
    }
}

impl Epoch {
    /// As prints begin with it.
    pub const fn as_bytes(&self) -> &[u8; EPOCH] {
        &self.0
    }
    /// Of this version with this key.
    pub fn of(key: &RedactionKey) -> Self {
        let mut epoch = [0; EPOCH];
        epoch.copy_from_slice(&begun(key, "epoch").sign().as_ref()[..EPOCH]);
        Self(epoch)
    }
}

/// A hash of what all prints of this version have in common, for one purpose.
fn begun(key: &RedactionKey, purpose: &str) -> hmac::Context {
    let mut context = key.context();
    for part in [b"print\0", purpose.as_bytes(), b"\0", &FORM.to_le_bytes()] {
        context.update(part);
    }
    context
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn whatever_differs_makes_another_print() {
        let (one, other) = (RedactionKey::new([1; 32]), RedactionKey::new([2; 32]));
        let print =
            |key: &RedactionKey, list: &[&str], item: &[u8]| Printer::new(key, list).unwrap().print(item).unwrap();
        let all = [
            print(&one, &["t", "r"], b"a"),
            print(&one, &["t", "r"], b"b"),
            print(&one, &["t", "s"], b"a"),
            print(&one, &["tr", ""], b"a"),
            print(&one, &["t", "r", ""], b"a"),
            print(&one, &["t", "r"], b"a").of_type(1),
            print(&other, &["t", "r"], b"a"),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(all[0], print(&one, &["t", "r"], b"a"));
        let epoch = Epoch::of(&one);
        assert!(all[..6].iter().all(|print| print.is_of(epoch)) && !all[6].is_of(epoch));
        assert_eq!(Print::from_bytes(all[0].as_bytes()), Some(all[0]));
        assert_eq!(Print::from_bytes(&all[0].as_bytes()[1..]), None);
    }
}
