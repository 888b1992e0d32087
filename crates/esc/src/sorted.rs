//! A small map by name: entries in one block, in order.
//!
//! This room knows how names are found and merged. It must never know what they name. Environments are made of many small
//! objects that are built once and read often; for them a block costs a fraction of a tree.

use std::cmp::Ordering;
use std::sync::Arc;

/// Entries by name, in the order of the names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sorted<V> {
    entries: Vec<(Arc<str>, V)>,
}

impl<V> Default for Sorted<V> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<V> Sorted<V> {
    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&V> {
        let at = self.entries.binary_search_by(|(key, _)| (**key).cmp(name)).ok()?;
        Some(&self.entries[at].1)
    }

    /// The entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &V)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// The names in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.entries.iter().map(|(key, _)| key)
    }

    /// What is named, in the order of the names.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The same names, with what is made of each.
    #[must_use]
    pub fn map<W>(&self, mut each: impl FnMut(&V) -> W) -> Sorted<W> {
        Sorted { entries: self.entries.iter().map(|(key, value)| (key.clone(), each(value))).collect() }
    }

    /// Entries that are in order already, each name once.
    pub(crate) fn in_order(entries: Vec<(Arc<str>, V)>) -> Self {
        debug_assert!(entries.is_sorted_by(|(a, _), (b, _)| a < b));
        Self { entries }
    }

    /// Every entry whose name is among these, which are in order: which of them it is, and what is named.
    pub(crate) fn among(&self, names: &[&str], mut each: impl FnMut(usize, &V)) {
        // Whichever are fewer are looked up among the others, each behind the one before.
        let mut from = 0;
        if names.len() <= self.len() {
            for (i, name) in names.iter().enumerate() {
                match self.entries[from..].binary_search_by(|(key, _)| (**key).cmp(name)) {
                    Ok(at) => {
                        each(i, &self.entries[from + at].1);
                        from += at + 1;
                    }
                    Err(at) => from += at,
                }
            }
            return;
        }
        for (key, value) in &self.entries {
            match names[from..].binary_search(&&**key) {
                Ok(at) => {
                    each(from + at, value);
                    from += at + 1;
                }
                Err(at) => from += at,
            }
        }
    }

    /// The entries of both; where both have a name, what `merge` makes of the two.
    #[must_use]
    pub fn merged(&self, top: &Self, merge: impl Fn(&V, &V) -> V) -> Self
    where
        V: Clone,
    {
        let mut entries = Vec::with_capacity(self.len().max(top.len()));
        let (mut below, mut above) = (self.entries.iter().peekable(), top.entries.iter().peekable());
        loop {
            let order = match (below.peek(), above.peek()) {
                (None, None) => return Self { entries },
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) => a.cmp(b),
            };
            entries.extend(match order {
                Ordering::Less => below.next().cloned(),
                Ordering::Greater => above.next().cloned(),
                Ordering::Equal => below.next().zip(above.next()).map(|((key, a), (_, b))| (key.clone(), merge(a, b))),
            });
        }
    }
}

/// Of entries with the same name the first is kept.
impl<V> FromIterator<(Arc<str>, V)> for Sorted<V> {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, V)>>(entries: I) -> Self {
        let mut entries: Vec<(Arc<str>, V)> = entries.into_iter().collect();
        if !entries.is_sorted_by(|(a, _), (b, _)| a < b) {
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            entries.dedup_by(|(later, _), (first, _)| later == first);
        }
        Self { entries }
    }
}

/// Finds names that come again.
#[derive(Default)]
pub(crate) struct Seen<'k> {
    few: Vec<&'k str>,
    many: std::collections::HashSet<&'k str>,
}

/// Up to so many names are compared one by one.
const FEW: usize = 16;

impl<'k> Seen<'k> {
    /// Notes a name; false if it was noted before.
    pub fn insert(&mut self, name: &'k str) -> bool {
        if self.few.len() < FEW {
            let new = !self.few.contains(&name);
            if new {
                self.few.push(name);
            }
            return new;
        }
        if self.many.is_empty() {
            self.many.extend(&self.few);
        }
        self.many.insert(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Sorted<usize> {
        names.iter().enumerate().map(|(i, name)| (Arc::from(*name), i)).collect()
    }

    #[test]
    fn names_are_found_in_any_order_of_making() {
        let sorted = of(&["b", "a", "c", "a"]);
        assert_eq!(sorted.keys().map(|k| &**k).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!((sorted.get("a"), sorted.get("c"), sorted.get("d")), (Some(&1), Some(&2), None));
    }

    #[test]
    fn merging_keeps_the_order() {
        let merged = of(&["a", "c", "d"]).merged(&of(&["b", "c", "e"]), |a, b| 10 * a + b);
        let all: Vec<(&str, usize)> = merged.iter().map(|(k, v)| (&**k, *v)).collect();
        assert_eq!(all, [("a", 0), ("b", 0), ("c", 11), ("d", 2), ("e", 2)]);
    }

    #[test]
    fn names_are_found_among_fewer_and_among_more() {
        let sorted = of(&["b", "d", "f", "h"]);
        for (names, expected) in [
            (vec![], vec![]),
            (vec!["d"], vec![(0, 1)]),
            (vec!["a", "b", "c"], vec![(1, 0)]),
            (vec!["a", "b", "c", "d", "e", "f", "g", "h", "i"], vec![(1, 0), (3, 1), (5, 2), (7, 3)]),
            (vec!["0", "1", "2", "3", "i"], vec![]),
        ] {
            let mut found = Vec::new();
            sorted.among(&names, |i, value| found.push((i, *value)));
            assert_eq!(found, expected, "{names:?}");
        }
    }

    #[test]
    fn a_name_that_comes_again_is_found_among_few_and_many() {
        let names: Vec<String> = (0..40).map(|i| i.to_string()).collect();
        let mut seen = Seen::default();
        assert!(names.iter().all(|name| seen.insert(name)));
        assert!(names.iter().all(|name| !seen.insert(name)));
    }
}
