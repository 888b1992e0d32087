//! What is known of an account's resources while a scan runs, so that one that is unchanged costs one comparison and no write.
//!
//! Some 100 bytes a resource, whatever it is.

use pileus_clouds::{Epoch, Print, Prints};
use pileus_store::insights::{ingest::Key, known::Known};
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
    key: Key,
    hash: u128,
    kind: u32,
    unseen: bool,
    gone: bool,
    seen: bool,
    /// It has a print of this epoch, or gets one with what is written of it.
    printed: bool,
}

/// The known resources of one leaf.
#[derive(Debug, Default)]
pub(crate) struct Index {
    epoch: Epoch,
    entries: Vec<Entry>,
    /// Where in `entries` each resource is.
    places: HashMap<Key, u32>,
    /// The same by prints, with the hash of the state that each stands for.
    prints: Prints<(u32, u128)>,
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
    /// One that knows nothing yet, and prints of this epoch only.
    pub fn new(epoch: Epoch) -> Self {
        Self { epoch, ..Self::default() }
    }
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
    fn at(&mut self, place: u32) -> Option<&mut Entry> {
        self.entries.get_mut(usize::try_from(place).ok()?)
    }
    /// Puts it where the one of its key is, which it gives back.
    fn put(&mut self, entry: Entry) -> (u32, Option<Entry>) {
        let next = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(entry.key).or_insert(next);
        let before = self.at(place).map(|known| std::mem::replace(known, entry));
        if before.is_none() {
            self.entries.push(entry);
        }
        (place, before)
    }
    /// Remembers one that the store knows; the same one again changes nothing.
    pub fn add(&mut self, known: &Known<'_>) {
        let kind = self.kind(known.type_token);
        let (key, hash, unseen, gone) = (known.key, half(known.hash), known.unseen, known.gone);
        let print = Print::from_bytes(known.print).filter(|print| print.is_of(self.epoch));
        let entry = Entry { key, hash, kind, unseen, gone, seen: false, printed: print.is_some() };
        let (place, before) = self.put(entry);
        if let Some(print) = print {
            self.prints.insert(print, (place, hash));
        }
        if let Some(before) = before.filter(|before| !before.gone)
            && let Some(count) = self.missing_count(before.kind)
        {
            *count -= 1;
        }
        if let Some(count) = self.missing_count(kind).filter(|_| !gone) {
            *count += 1;
        }
    }
    /// Whether a resource is known by this print, there, and as it was when it got it.
    pub fn knows(&self, print: &Print) -> bool {
        self.of_print(print).is_some()
    }
    fn of_print(&self, print: &Print) -> Option<u32> {
        let (place, hash) = *self.prints.get(print)?;
        let entry = self.entries.get(usize::try_from(place).ok()?)?;
        (entry.hash == hash && !entry.gone).then_some(place)
    }
    /// Something of this print was found: its key, whether a mark is to be taken away, and whether it is the first time in this scan.
    /// `None` if something else was found of it meanwhile.
    pub fn recall(&mut self, print: &Print) -> Option<(Key, Verdict, bool)> {
        let place = self.of_print(print)?;
        let entry = self.at(place)?;
        let (key, hash, kind) = (entry.key, entry.hash, entry.kind);
        self.see(place, kind, hash).map(|(verdict, first)| (key, verdict, first))
    }
    /// Whether a resource that is as it was needs a print of this epoch; it is asked for once.
    pub fn wants_print(&mut self, key: &Key) -> bool {
        let entry = self.places.get(key).copied().and_then(|place| self.at(place));
        entry.is_some_and(|entry| !std::mem::replace(&mut entry.printed, true))
    }
    /// Something was found: what is to be done, and whether it is the first time in this scan. Remembers it.
    pub fn find(&mut self, key: Key, type_token: &str, hash: &[u8]) -> (Verdict, bool) {
        let (kind, hash) = (self.kind(type_token), half(hash));
        let known = self.places.get(&key).copied().and_then(|place| self.see(place, kind, hash));
        known.unwrap_or_else(|| {
            self.put(Entry { key, hash, kind, unseen: false, gone: false, seen: true, printed: true });
            (Verdict::Write, true)
        })
    }
    /// One that is known was found in this state.
    fn see(&mut self, place: u32, kind: u32, hash: u128) -> Option<(Verdict, bool)> {
        let entry = self.at(place)?;
        let verdict = match (entry.hash == hash && !entry.gone, entry.unseen) {
            (true, false) => Verdict::Same,
            (true, true) => Verdict::Marked,
            (false, _) => Verdict::Write,
        };
        let first = !entry.seen;
        let (was_missing, of) = (first && !entry.gone, entry.kind);
        *entry = Entry { hash, kind, unseen: false, gone: false, seen: true, ..*entry };
        if let Some(count) = self.missing_count(of).filter(|_| was_missing) {
            *count = count.saturating_sub(1);
        }
        Some((verdict, first))
    }
    /// Those that are there but were not seen, with their types; and whether they are marked already.
    pub fn missing(&self) -> impl Iterator<Item = (Key, &str, bool)> {
        let missing = self.entries.iter().filter(|entry| !entry.seen && !entry.gone);
        missing.filter_map(|entry| {
            let kind = self.kinds.get(usize::try_from(entry.kind).ok()?)?;
            Some((entry.key, kind.token.as_str(), entry.unseen))
        })
    }
    /// Those of one type that are there but were not seen. Costs nothing where all were.
    pub fn missing_of(&self, type_token: &str) -> Vec<Key> {
        let kind = self.numbers.get(type_token).copied();
        let counted = kind.and_then(|kind| self.kinds.get(usize::try_from(kind).ok()?));
        if counted.is_none_or(|counted| counted.missing == 0) {
            return Vec::new();
        }
        let missing = self.entries.iter().filter(|e| Some(e.kind) == kind && !e.seen && !e.gone);
        missing.map(|e| e.key).collect()
    }
    /// Whether it was seen in this scan.
    pub fn is_seen(&self, key: &Key) -> bool {
        let entry = self.places.get(key).and_then(|place| self.entries.get(usize::try_from(*place).ok()?));
        entry.is_some_and(|entry| entry.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pileus_clouds::RedactionKey;

    fn known(key: u8, hash: &[u8; 32], unseen: bool, gone: bool) -> Known<'_> {
        Known { key: [key; 16], hash, type_token: "t", unseen, gone, print: &[] }
    }

    #[test]
    fn prints() {
        let (one, two, epoch) = ([1; 32], [2; 32], Epoch::of(&RedactionKey::new([1; 32])));
        let other = Epoch::of(&RedactionKey::new([2; 32]));
        let print = |epoch: Epoch, n: u8| {
            let mut bytes = [n; 20];
            bytes[..4].copy_from_slice(epoch.as_bytes());
            Print::from_bytes(&bytes)
        };
        let all: Vec<Print> = (1..=5).filter_map(|n| print(if n == 3 { other } else { epoch }, n)).collect();
        let mut index = Index::new(epoch);
        for (n, unseen, gone) in
            [(1, false, false), (2, true, false), (3, false, false), (4, false, true), (5, false, false)]
        {
            index.add(&Known { print: all[usize::from(n) - 1].as_bytes(), ..known(n, &one, unseen, gone) });
        }
        index.add(&known(6, &one, false, false));
        assert_eq!(all.iter().map(|print| index.knows(print)).collect::<Vec<_>>(), [true, true, false, false, true]);
        assert_eq!(index.recall(&all[0]), Some(([1; 16], Verdict::Same, true)));
        assert_eq!(index.recall(&all[0]), Some(([1; 16], Verdict::Same, false)));
        assert_eq!(index.recall(&all[1]), Some(([2; 16], Verdict::Marked, true)));
        assert_eq!(index.recall(&all[1]), Some(([2; 16], Verdict::Same, false)));
        assert_eq!((index.recall(&all[2]), index.recall(&all[3])), (None, None), "of another epoch, and gone");
        // What was found in another state is not what the print stands for, until it is found as it was.
        assert_eq!(index.find([5; 16], "t", &two), (Verdict::Write, true));
        assert_eq!(index.recall(&all[4]), None);
        assert_eq!(index.find([5; 16], "t", &one), (Verdict::Write, false));
        assert_eq!(index.recall(&all[4]), Some(([5; 16], Verdict::Same, false)));
        // One of another epoch, and one without: they are given prints once.
        for key in [[3; 16], [6; 16]] {
            assert_eq!(index.find(key, "t", &one), (Verdict::Same, true));
            assert_eq!((index.wants_print(&key), index.wants_print(&key)), (true, false));
        }
        assert!([[1; 16], [5; 16], [9; 16]].iter().all(|key| !index.wants_print(key)));
        assert_eq!(index.missing_of("t"), Vec::<Key>::new());
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
