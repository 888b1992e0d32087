//! Values over values: properties, merging, copying, and what is to be found within.

use super::Evaluator;
use super::arena::{Expr, Key, Kind, Repr, State, Val, Value};
use crate::ast::ExprRef;
use crate::gotext::quote;
use crate::schema::{self, merged};
use crate::sorted::Sorted;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// What is looked for within a value.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Unknown,
    Secret,
    /// Unknown, but not only because nothing is rotated.
    Observable,
}

/// A value as text.
pub(super) struct Stringified {
    pub bytes: Vec<u8>,
    pub unknown: bool,
    pub secret: bool,
}

impl Evaluator<'_> {
    /// The keys of an object, those of what it is merged over included.
    pub(super) fn keys(&self, v: Val) -> Vec<Key> {
        let Repr::Object(own) = &self.arena[v].repr else { return Vec::new() };
        if let Some(sealed) = &self.arena[v].sealed {
            return sealed.to_vec();
        }
        let below = self.arena[v].base.map(|base| self.keys(base)).unwrap_or_default();
        if below.is_empty() {
            return own.keys().cloned().collect();
        }
        let all: BTreeSet<Key> = own.keys().cloned().chain(below).collect();
        all.into_iter().collect()
    }

    /// A property, the value's own or that of what it is merged over; of something unknown, an unknown one.
    pub(super) fn property(&mut self, v: Val, node: &ExprRef, key: &Key) -> Option<Val> {
        let mut at = Some(v);
        while let Some(v) = at {
            let value = &self.arena[v];
            if let Repr::Object(own) = &value.repr {
                if let Some(found) = own.get(key) {
                    return Some(*found);
                }
                at = value.base;
                continue;
            }
            if !value.unknown {
                return None;
            }
            let (schema, below) = (value.schema.property(key), value.base);
            let base = below.and_then(|below| self.property(below, node, key));
            let mut expr = Expr::new(node.clone(), Kind::Access(v, key.clone()), schema.clone(), base);
            expr.state = State::Done;
            let def = self.arena.add_expr(expr);
            let height = base.map_or(0, |base| self.arena[base].height + 1);
            return Some(self.arena.add_value(Value { base, height, ..Value::unknown(def, schema) }));
        }
        None
    }

    /// The properties of an object, those of what it is merged over included.
    pub(super) fn properties(&mut self, v: Val) -> Vec<(Key, Val)> {
        if let Some(known) = self.known_properties(v) {
            return known;
        }
        let node = self.node(self.arena[v].def);
        let keys = self.keys(v);
        keys.into_iter().filter_map(|key| self.property(v, &node, &key).map(|found| (key, found))).collect()
    }

    /// The same at little cost, where nothing in it is unknown or shows fewer keys than it has.
    fn known_properties(&self, v: Val) -> Option<Vec<(Key, Val)>> {
        let mut levels: Vec<&Sorted<Val>> = Vec::with_capacity(1);
        let mut at = Some(v);
        while let Some(v) = at {
            let value = &self.arena[v];
            if value.unknown || value.sealed.is_some() {
                return None;
            }
            let Repr::Object(own) = &value.repr else { break };
            levels.push(own);
            at = value.base;
        }
        let mut all: Vec<(&Key, Val)> = Vec::new();
        for level in levels.iter().rev() {
            all = over(&all, level);
        }
        Some(all.into_iter().map(|(key, value)| (key.clone(), value)).collect())
    }

    /// The properties of what is below with these names, which are in order; none where that has to be asked one by one.
    pub(super) fn below(&self, below: Val, names: &[&str]) -> Option<Vec<Option<Val>>> {
        let mut found = vec![None; names.len()];
        let mut at = Some(below);
        while let Some(v) = at {
            let value = &self.arena[v];
            let Repr::Object(level) = &value.repr else {
                return (!value.unknown).then_some(found);
            };
            level.among(names, |i, property| {
                found[i].get_or_insert(*property);
            });
            at = value.base;
        }
        Some(found)
    }

    /// Whether two values are the same, or the same property of the same unknown.
    fn same(&self, a: Val, b: Val) -> bool {
        if a == b {
            return true;
        }
        let (left, right) = (&self.arena[a], &self.arena[b]);
        if !left.unknown || !right.unknown {
            return false;
        }
        match (&self.arena[left.def].kind, &self.arena[right.def].kind) {
            (Kind::Access(a, x), Kind::Access(b, y)) => x == y && self.same(*a, *b),
            _ => false,
        }
    }

    /// Merges a value over a base: objects key by key, of every other pair the upper one stays.
    pub(super) fn merge(&mut self, v: Val, base: Option<Val>) {
        let Some(base) = base else { return };
        if self.same(v, base) || !self.spend(1) {
            return;
        }
        match self.arena[v].base {
            Some(below) => self.merge(below, Some(base)),
            None => self.arena[v].base = Some(base),
        }
        let Some(below) = self.arena[v].base else { return };
        self.arena[v].height = self.arena[v].height.max(self.arena[below].height + 1);
        if let Repr::Object(own) = &self.arena[v].repr {
            let own = own.clone();
            let names: Vec<&str> = own.keys().map(|key| &**key).collect();
            match self.below(below, &names) {
                Some(under) => own.values().zip(under).for_each(|(property, under)| self.merge(*property, under)),
                None => self.merge_each(&own, below),
            }
        }
        self.arena[v].schema = merged(&self.arena[below].schema, &self.arena[v].schema);
    }

    fn merge_each(&mut self, own: &Sorted<Val>, below: Val) {
        for (key, property) in own.iter() {
            let node = self.arena[self.arena[*property].def].node.clone();
            let under = self.property(below, &node, key);
            self.merge(*property, under);
        }
    }

    /// Fixes the keys that a value and all within show: what upstream has looked into once gets no further keys from what it
    /// is merged over, although references still find them there.
    pub(super) fn seal(&mut self, v: Val) {
        if !self.spend(1) {
            return;
        }
        match self.arena[v].repr.clone() {
            Repr::Array(items) => items.iter().for_each(|item| self.seal(*item)),
            Repr::Object(_) => {
                let keys = self.keys(v);
                let node = self.node(self.arena[v].def);
                for key in &keys {
                    if let Some(property) = self.property(v, &node, key) {
                        self.seal(property);
                    }
                }
                self.arena[v].sealed = (!keys.is_empty()).then(|| Rc::from(keys));
            }
            _ => {}
        }
    }

    /// A copy that can be merged without changing the original. What was the same value stays so in the copy.
    pub(super) fn copy(&mut self, v: Val) -> Val {
        let value = &self.arena[v];
        if value.base.is_none() && !matches!(value.repr, Repr::Array(_) | Repr::Object(_)) {
            let copy = Value { rotate_only: false, ..value.clone() };
            return self.arena.add_value(copy);
        }
        self.copy_within(v, &mut HashMap::new())
    }

    fn copy_within(&mut self, v: Val, copies: &mut HashMap<Val, Val>) -> Val {
        if let Some(copy) = copies.get(&v) {
            return *copy;
        }
        let original = self.arena[v].clone();
        if !self.spend(1) {
            return self.arena.add_value(Value::unknown(original.def, original.schema));
        }
        let repr = match &original.repr {
            Repr::Array(items) => Repr::Array(items.iter().map(|item| self.copy_within(*item, copies)).collect()),
            Repr::Object(fields) => Repr::Object(Rc::new(fields.map(|v| self.copy_within(*v, copies)))),
            scalar => scalar.clone(),
        };
        let base = original.base.map(|base| self.copy_within(base, copies));
        let copy = self.arena.add_value(Value { base, repr, rotate_only: false, sealed: None, ..original });
        copies.insert(v, copy);
        copy
    }

    /// Whether a value has a mark, or something in it.
    pub(super) fn contains(&mut self, v: Val, mark: Mark, rotating: bool) -> bool {
        let value = &self.arena[v];
        match mark {
            Mark::Secret if value.secret => return true,
            Mark::Unknown if value.unknown => return true,
            Mark::Observable if value.unknown => return rotating || !value.rotate_only,
            _ => {}
        }
        if !self.spend(1) {
            return true;
        }
        match self.arena[v].repr.clone() {
            Repr::Array(items) => items.iter().any(|item| self.contains(*item, mark, rotating)),
            Repr::Object(_) => self.keys(v).iter().any(|key| {
                let node = self.arena[self.arena[v].def].node.clone();
                self.property(v, &node, key).is_some_and(|property| self.contains(property, mark, rotating))
            }),
            _ => false,
        }
    }

    /// Marks a value unknown or secret if one of its parts is.
    pub(super) fn combine(&mut self, value: &mut Value, parts: &[Val]) {
        for part in parts {
            value.unknown |= self.contains(*part, Mark::Unknown, false);
            value.secret |= self.contains(*part, Mark::Secret, false);
        }
    }

    /// The text form of a value. Of an object, only the properties that it has itself.
    pub(super) fn stringify(&mut self, v: Val) -> Stringified {
        let value = self.arena[v].clone();
        let mut out = Stringified { bytes: Vec::new(), unknown: value.unknown, secret: value.secret };
        if value.unknown || !self.spend(1) {
            return out;
        }
        match &value.repr {
            Repr::Null => {}
            Repr::Bool(value) => out.bytes = value.to_string().into_bytes(),
            Repr::Number(text) => out.bytes = text.as_bytes().to_vec(),
            Repr::Text(text) => out.bytes = text.bytes().to_vec(),
            Repr::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.join_quoted(&mut out, None, *item, i > 0);
                }
            }
            Repr::Object(fields) => {
                for (i, (key, item)) in fields.iter().enumerate() {
                    self.join_quoted(&mut out, Some(key), *item, i > 0);
                }
            }
        }
        if !self.spend_text(out.bytes.len()) {
            out.unknown = true;
        }
        out
    }

    fn join_quoted(&mut self, out: &mut Stringified, key: Option<&Key>, item: Val, comma: bool) {
        let inner = self.stringify(item);
        out.unknown |= inner.unknown;
        out.secret |= inner.secret;
        if comma {
            out.bytes.push(b',');
        }
        if let Some(key) = key {
            out.bytes.extend_from_slice(quote(key).as_bytes());
            out.bytes.push(b'=');
        }
        out.bytes.extend_from_slice(quote(&crate::gotext::lossy(&inner.bytes)).as_bytes());
    }

    /// Adds a collection, unless it is nested too deeply.
    pub(super) fn add_checked(&mut self, mut value: Value) -> Val {
        let deepest = |items: &mut dyn Iterator<Item = &Val>| items.map(|v| self.arena[*v].height + 1).max();
        let height = match &value.repr {
            Repr::Array(items) => deepest(&mut items.iter()),
            Repr::Object(fields) => deepest(&mut fields.values()),
            _ => None,
        };
        value.height = value.height.max(height.unwrap_or(0));
        if value.height > self.options.limits.value_depth {
            let summary = format!("the value has more than {} levels", self.options.limits.value_depth);
            let node = self.arena[value.def].node.clone();
            self.error(&node, summary);
            value = Value::unknown(value.def, schema::always());
        }
        self.arena.add_value(value)
    }
}

/// The entries of an object over those below it, both in order.
fn over<'k>(below: &[(&'k Key, Val)], own: &'k Sorted<Val>) -> Vec<(&'k Key, Val)> {
    let mut all = Vec::with_capacity(below.len() + own.len());
    let mut rest = below.iter().peekable();
    for (key, value) in own.iter() {
        while let Some(lower) = rest.next_if(|(lower, _)| *lower < key) {
            all.push(*lower);
        }
        let _hidden = rest.next_if(|(lower, _)| *lower == key);
        all.push((key, *value));
    }
    all.extend(rest);
    all
}
