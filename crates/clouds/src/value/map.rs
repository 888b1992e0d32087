//! Objects: their members in the order of their names' bytes.

use super::{Key, Value};

/// An object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map(Vec<(Key, Value)>);

impl Map {
    /// One without members.
    pub const fn new() -> Self {
        Self(Vec::new())
    }
    /// One with these members, which must be in order, each name once.
    pub(crate) fn of_sorted(members: Vec<(Key, Value)>) -> Self {
        debug_assert!(members.is_sorted_by(|(a, _), (b, _)| **a < **b));
        Self(members)
    }
    fn at(&self, name: &str) -> Result<usize, usize> {
        // Names mostly come in order.
        match self.0.last() {
            Some((last, _)) if **last >= *name => self.0.binary_search_by(|(key, _)| (**key).cmp(name)),
            _ => Err(self.0.len()),
        }
    }
    /// The member of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.at(name).ok().map(|at| &self.0[at].1)
    }
    /// The same, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.at(name).ok().map(|at| &mut self.0[at].1)
    }
    /// Sets a member; what it was before.
    pub fn insert(&mut self, key: impl Into<Key>, value: Value) -> Option<Value> {
        let key = key.into();
        match self.at(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }
    /// Takes a member away.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.at(name).ok().map(|at| self.0.remove(at).1)
    }
    /// Takes all members away.
    pub fn clear(&mut self) {
        self.0.clear();
    }
    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }
    /// Their values in order.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value)
    }
    /// The same, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.0.iter_mut().map(|(_, value)| value)
    }
    /// The members in order, with values that can be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Key, &mut Value)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }
}

impl IntoIterator for Map {
    type Item = (Key, Value);
    type IntoIter = std::vec::IntoIter<(Key, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Into<Key>> Extend<(K, Value)> for Map {
    fn extend<I: IntoIterator<Item = (K, Value)>>(&mut self, members: I) {
        for (key, value) in members {
            self.insert(key, value);
        }
    }
}

impl<K: Into<Key>> FromIterator<(K, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(members: I) -> Self {
        let mut map = Self::new();
        map.extend(members);
        map
    }
}
