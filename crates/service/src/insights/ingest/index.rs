//! What is known of an account's resources while a scan runs, so that one that is unchanged costs one comparison and no write.
//!
//! 50 bytes a resource, whatever it is.

use pileus_store::insights::ingest::{Key, Known};
use std::collections::HashMap;

/// What the index says to something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As it was: nothing to write.
    Same,
    /// As it was, but marked as not seen: take the mark away.
    Marked,
    /// New, changed, or back again.
    Write,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u128,
    kind: u32,
    unseen: bool,
    gone: bool,
    seen: bool,
}

/// The known resources of one leaf.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: HashMap<Key, Entry>,
    kinds: Vec<Kind>,
    numbers: HashMap<String, u32>,
}

/// A type, and how many of its resources are there but were not seen yet.
#[derive(Debug)]
struct Kind {
    token: String,
    missing: u32,
}

/// The first half of a hash: two states of one resource don't share it by accident.
fn half(hash: &[u8]) -> u128 {
    hash.iter().take(16).fold(0, |all, byte| all << 8 | u128::from(*byte))
}

impl Index {
    fn kind(&mut self, type_token: &str) -> u32 {
        if let Some(number) = self.numbers.get(type_token) {
            return *number;
        }
        let number = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        self.kinds.push(Kind { token: type_token.to_owned(), missing: 0 });
        self.numbers.insert(type_token.to_owned(), number);
        number
    }
    fn missing_count(&mut self, kind: u32) -> Option<&mut u32> {
        Some(&mut self.kinds.get_mut(usize::try_from(kind).ok()?)?.missing)
    }
    /// Remembers one that the store knows; the same one again changes nothing.
    pub fn add(&mut self, known: &Known<'_>) {
        let kind = self.kind(known.type_token);
        let (unseen, gone) = (known.unseen, known.gone);
        let before = self.entries.insert(known.key, Entry { hash: half(known.hash), kind, unseen, gone, seen: false });
        if let Some(before) = before.filter(|before| !before.gone)
            && let Some(count) = self.missing_count(before.kind)
        {
            *count -= 1;
        }
        if let Some(count) = self.missing_count(kind).filter(|_| !gone) {
            *count += 1;
        }
    }
    /// Something was found: what is to be done, and whether it is the first time in this scan. Remembers it.
    pub fn find(&mut self, key: Key, type_token: &str, hash: &[u8]) -> (Verdict, bool) {
        let kind = self.kind(type_token);
        let now = Entry { hash: half(hash), kind, unseen: false, gone: false, seen: true };
        let Some(entry) = self.entries.get_mut(&key) else {
            self.entries.insert(key, now);
            return (Verdict::Write, true);
        };
        let verdict = match (entry.hash == now.hash && !entry.gone, entry.unseen) {
            (true, false) => Verdict::Same,
            (true, true) => Verdict::Marked,
            (false, _) => Verdict::Write,
        };
        let first = !entry.seen;
        let (was_missing, of) = (first && !entry.gone, entry.kind);
        *entry = now;
        if let Some(count) = self.missing_count(of).filter(|_| was_missing) {
            *count = count.saturating_sub(1);
        }
        (verdict, first)
    }
    /// Those that are there but were not seen, with their types; and whether they are marked already.
    pub fn missing(&self) -> impl Iterator<Item = (Key, &str, bool)> {
        let missing = self.entries.iter().filter(|(_, entry)| !entry.seen && !entry.gone);
        missing.filter_map(|(key, entry)| {
            let kind = self.kinds.get(usize::try_from(entry.kind).ok()?)?;
            Some((*key, kind.token.as_str(), entry.unseen))
        })
    }
    /// Those of one type that are there but were not seen. Costs nothing where all were.
    pub fn missing_of(&self, type_token: &str) -> Vec<Key> {
        let kind = self.numbers.get(type_token).copied();
        let counted = kind.and_then(|kind| self.kinds.get(usize::try_from(kind).ok()?));
        if counted.is_none_or(|counted| counted.missing == 0) {
            return Vec::new();
        }
        let missing = self.entries.iter().filter(|(_, e)| Some(e.kind) == kind && !e.seen && !e.gone);
        missing.map(|(key, _)| *key).collect()
    }
    /// Whether it was seen in this scan.
    pub fn is_seen(&self, key: &Key) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(key: u8, hash: &[u8; 32], unseen: bool, gone: bool) -> Known<'_> {
        Known { key: [key; 16], hash, type_token: "t", unseen, gone }
    }

    #[test]
    fn verdicts() {
        let (one, two) = ([1; 32], [2; 32]);
        let mut index = Index::default();
        for known in [
            known(1, &one, false, false),
            known(2, &one, true, false),
            known(3, &one, false, true),
            known(4, &one, false, false),
            known(4, &one, false, false),
        ] {
            index.add(&known);
        }
        assert_eq!(index.find([1; 16], "t", &one), (Verdict::Same, true));
        assert_eq!(index.find([1; 16], "t", &one), (Verdict::Same, false));
        assert_eq!(index.find([1; 16], "t", &two), (Verdict::Write, false));
        assert_eq!(index.find([2; 16], "t", &one), (Verdict::Marked, true));
        assert_eq!(index.find([3; 16], "t", &one), (Verdict::Write, true), "it is back");
        assert_eq!(index.find([9; 16], "u", &one), (Verdict::Write, true));
        assert_eq!(index.missing().collect::<Vec<_>>(), [([4; 16], "t", false)]);
        assert_eq!(
            (index.missing_of("t"), index.missing_of("u"), index.missing_of("v")),
            (vec![[4; 16]], vec![], vec![])
        );
        assert!(index.is_seen(&[1; 16]) && !index.is_seen(&[4; 16]) && !index.is_seen(&[7; 16]));
        let _ = index.find([4; 16], "t", &two);
        assert!(index.missing_of("t").is_empty());
    }
}
