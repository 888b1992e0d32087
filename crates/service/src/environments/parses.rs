//! What was parsed lately, so that a definition that is opened again and again is not parsed each time.
//!
//! A revision never changes, and what parsing gives depends on nothing but its text and the name that it is shown under. What
//! is kept is what the database holds: secrets stand in it sealed, never in clear, and nothing of an evaluation is kept. It is
//! of use to nobody who has not just read the same text under the same revision: whether there still is such a revision, which
//! one is meant and who may have it is asked of the database each time. This room knows texts; it must never know any of that.

use pileus_esc::{Limits, Parsed};
use pileus_model::ids::{EnvironmentId, OrgId};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// Most bytes of memory that all of it takes together, as far as they can be counted.
const BYTES: usize = 32 << 20;
/// Bytes of an entry besides its texts and what was parsed.
const ENTRY: usize = 256;

/// A revision of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Revision {
    pub org: OrgId,
    pub environment: EnvironmentId,
    pub number: i64,
}

/// What was parsed lately.
pub struct Parses {
    kept: Mutex<Kept>,
    bytes: usize,
}

/// Two generations: what is asked for belongs to the younger one; when that is full it becomes the older one, and what was the
/// older one is forgotten.
#[derive(Default)]
struct Kept {
    young: HashMap<Shown, Arc<Entry>>,
    old: HashMap<Shown, Arc<Entry>>,
    /// Of the younger generation.
    bytes: usize,
}

/// A revision under the name that it is shown under, which stands in every place within it.
type Shown = (Revision, String);

struct Entry {
    text: String,
    parsed: Arc<Parsed>,
    bytes: usize,
}

impl Default for Parses {
    fn default() -> Self {
        Self::within(BYTES)
    }
}

impl fmt::Debug for Parses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parses").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Parses {
    /// Of at most so many bytes.
    fn within(bytes: usize) -> Self {
        Self { kept: Mutex::default(), bytes }
    }
    /// What parsing this text of this revision under this name gives.
    fn of(&self, revision: Revision, name: &str, text: &str) -> Arc<Parsed> {
        let shown = (revision, name.to_owned());
        if let Some(entry) = self.find(&shown).filter(|entry| entry.text == text) {
            return Arc::clone(&entry.parsed);
        }
        let parsed = Arc::new(pileus_esc::parse(name, text, &Limits::default()));
        let bytes = ENTRY + 2 * name.len() + text.len() + parsed.extent();
        // One that is very large would drive out all others.
        if bytes <= self.bytes / 8 {
            self.keep(shown, Arc::new(Entry { text: text.to_owned(), parsed: Arc::clone(&parsed), bytes }));
        }
        parsed
    }
    fn find(&self, shown: &Shown) -> Option<Arc<Entry>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = kept.young.get(shown) {
            return Some(Arc::clone(entry));
        }
        let (shown, entry) = kept.old.remove_entry(shown)?;
        let found = Arc::clone(&entry);
        let forgotten = kept.insert(shown, entry, self.bytes / 2);
        drop(kept);
        drop(forgotten);
        Some(found)
    }
    fn keep(&self, shown: Shown, entry: Arc<Entry>) {
        let forgotten = self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(shown, entry, self.bytes / 2);
        drop(forgotten);
    }
}

impl Kept {
    /// Adds to the younger generation, of at most so many bytes. What is forgotten because of it is not dropped here: that takes
    /// a moment.
    fn insert(&mut self, shown: Shown, entry: Arc<Entry>, most: usize) -> HashMap<Shown, Arc<Entry>> {
        let mut forgotten = HashMap::new();
        if self.bytes + entry.bytes > most {
            forgotten = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            self.bytes = 0;
        }
        self.bytes += entry.bytes;
        if let Some(replaced) = self.young.insert(shown, entry) {
            self.bytes -= replaced.bytes;
        }
        forgotten
    }
}

/// What parsing one text gives, found out when it is first asked for.
#[derive(Clone, Default)]
pub(super) struct Reading {
    once: Arc<OnceLock<Arc<Parsed>>>,
    kept: Option<(Arc<Parses>, Revision)>,
}

impl Reading {
    /// Of what is stored as this revision. Of another text, [`Reading::default`].
    pub fn of(parses: &Arc<Parses>, revision: Revision) -> Self {
        Self { once: Arc::default(), kept: Some((Arc::clone(parses), revision)) }
    }
    /// What parsing the text under its own name gives. Name and text are the same each time.
    pub fn get(&self, name: &str, text: &str) -> &Arc<Parsed> {
        self.once.get_or_init(|| self.under(name, text))
    }
    /// What parsing it under another name gives.
    pub fn under(&self, name: &str, text: &str) -> Arc<Parsed> {
        match &self.kept {
            Some((parses, revision)) => parses.of(*revision, name, text),
            None => Arc::new(pileus_esc::parse(name, text, &Limits::default())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(org: u8, environment: u8, number: i64) -> Revision {
        let (org, environment) = (OrgId::from_bytes([org; 16]), EnvironmentId::from_bytes([environment; 16]));
        Revision { org, environment, number }
    }

    fn bytes(parses: &Parses) -> usize {
        let kept = parses.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.young.values().chain(kept.old.values()).map(|entry| entry.bytes).sum()
    }

    #[test]
    fn only_the_same_text_of_the_same_revision_under_the_same_name_is_not_parsed_again() {
        let parses = Parses::default();
        let (text, first) = ("values: {a: 1}", revision(1, 1, 1));
        let parsed = parses.of(first, "p/e", text);
        assert!(Arc::ptr_eq(&parsed, &parses.of(first, "p/e", text)));
        let others = [
            (first, "p/e", "values: {a: 2}"),
            (first, "p/renamed", text),
            (revision(1, 1, 2), "p/e", text),
            (revision(1, 2, 1), "p/e", text),
            (revision(2, 1, 1), "p/e", text),
        ];
        for (revision, name, text) in others {
            assert!(!Arc::ptr_eq(&parsed, &parses.of(revision, name, text)), "{revision:?} {name} {text}");
        }
        let changed = parses.of(first, "p/e", "values: {b: 1}");
        let keys = |parsed: &Parsed| {
            parsed.environment.iter().flat_map(|e| &e.values).map(|e| e.key.text.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(keys(&changed), ["b"], "what is kept of another text is of no use");
    }

    #[test]
    fn a_text_is_parsed_once_for_all_who_read_it_together() {
        let reading = Reading::of(&Arc::new(Parses::within(0)), revision(1, 1, 1));
        let again = reading.clone();
        assert!(Arc::ptr_eq(reading.get("p/e", "values: {}"), again.get("p/e", "values: {}")));
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let parses = Parses::within(100_000);
        for number in 0..1_000 {
            parses.of(revision(1, 1, number), "p/e", "values: {a: [1, 2, 3]}");
            assert!(bytes(&parses) <= 100_000);
        }
        assert!(bytes(&parses) > 25_000, "{}", bytes(&parses));
        let large = format!("values: {{a: [{}]}}", ["x"; 1_000].join(","));
        let parsed = parses.of(revision(1, 2, 1), "p/e", &large);
        assert!(!Arc::ptr_eq(&parsed, &parses.of(revision(1, 2, 1), "p/e", &large)), "too large to be kept");
    }

    #[test]
    fn what_is_asked_for_again_and_again_stays() {
        let parses = Parses::within(100_000);
        let asked = parses.of(revision(1, 2, 1), "p/e", "values: {}");
        for number in 0..1_000 {
            parses.of(revision(1, 1, number), "p/e", "values: {a: [1, 2, 3]}");
            assert!(Arc::ptr_eq(&asked, &parses.of(revision(1, 2, 1), "p/e", "values: {}")), "{number}");
        }
    }
}
