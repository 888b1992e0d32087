//! Prints: by which an item of a list is recognised that was taken apart before and made the same resource.
//!
//! A print is a keyed hash of an item's bytes as the cloud sent them. Its key is the list's own: it is made of all that decides what becomes
//! of such bytes besides themselves (who is asked where, below what, by which key values are redacted, and this version's code and
//! catalogue). So equal prints mean an equal resource, and nobody without the key can find values that are not kept by trying them.

use crate::redact::RedactionKey;
use aws_lc_rs::hmac;
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

/// Makes the prints of one list.
pub(crate) struct Printer {
    epoch: Epoch,
    key: hmac::Key,
}

impl Printer {
    /// For the list that all of this together tells from others.
    pub(crate) fn new(key: &RedactionKey, list: &[&str]) -> Self {
        let mut context = begun(key, "list");
        for part in list {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        Self { epoch: Epoch::of(key), key: hmac::Key::new(hmac::HMAC_SHA256, context.sign().as_ref()) }
    }
    /// Of an item as it came, as a resource of the list's first type.
    pub(crate) fn print(&self, item: &[u8]) -> Print {
        let mut print = [0; LENGTH];
        let (epoch, rest) = print.split_at_mut(EPOCH);
        epoch.copy_from_slice(&self.epoch.0);
        rest.copy_from_slice(&hmac::sign(&self.key, item).as_ref()[..LENGTH - EPOCH]);
        Print(print).of_type(0)
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
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn whatever_differs_makes_another_print() {
        let (one, other) = (RedactionKey::new([1; 32]), RedactionKey::new([2; 32]));
        let all = [
            Printer::new(&one, &["t", "r"]).print(b"a"),
            Printer::new(&one, &["t", "r"]).print(b"b"),
            Printer::new(&one, &["t", "s"]).print(b"a"),
            Printer::new(&one, &["tr", ""]).print(b"a"),
            Printer::new(&one, &["t", "r", ""]).print(b"a"),
            Printer::new(&one, &["t", "r"]).print(b"a").of_type(1),
            Printer::new(&other, &["t", "r"]).print(b"a"),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(all[0], Printer::new(&one, &["t", "r"]).print(b"a"));
        let epoch = Epoch::of(&one);
        assert!(all[..6].iter().all(|print| print.is_of(epoch)) && !all[6].is_of(epoch));
        assert_eq!(Print::from_bytes(all[0].as_bytes()), Some(all[0]));
        assert_eq!(Print::from_bytes(&all[0].as_bytes()[1..]), None);
    }
}
