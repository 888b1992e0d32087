//! Whether all values of one schema are of another: what can be said of an unknown value.

use super::Evaluator;
use super::validate::{DEPTH, Diagnostics, Location};
use crate::schema::{Schema, SchemaRef, Type};

impl Evaluator<'_> {
    /// Whether `accept` takes what `x` is.
    pub(super) fn subsumes(
        &mut self,
        out: &mut Diagnostics,
        x: &SchemaRef,
        accept: &SchemaRef,
        at: &Location,
        depth: usize,
    ) -> bool {
        if accept.is_always() {
            return true;
        }
        if accept.is_never() {
            return false;
        }
        if x.is_always() {
            return true;
        }
        if x.is_never() {
            return false;
        }
        if depth >= DEPTH || !self.spend(1) {
            return self.fail(out, at, "the schema is nested too deeply");
        }
        let mut ok = true;
        if let Some(referred) = self.scopes.resolve(accept) {
            ok &= self.subsumes(out, x, &referred, at, depth + 1);
        }
        if let Some(referred) = self.scopes.resolve(x) {
            ok &= self.subsumes(out, &referred, accept, at, depth + 1);
        }
        // Of an unknown, any branch may come to be: oneOf is no stricter than anyOf.
        for branches in [&x.any_of, &x.one_of] {
            ok &= self.any_subsumes(out, branches.iter().map(|branch| (branch, accept)), at, depth);
        }
        if x.ty != Type::Any {
            ok &= self.check_type(out, x.ty.name(), accept, at);
        }
        for branches in [&accept.any_of, &accept.one_of] {
            ok &= self.any_subsumes(out, branches.iter().map(|branch| (x, branch)), at, depth);
        }
        match x.ty {
            Type::Array => ok & self.subsumes_array(out, x, accept, at, depth),
            Type::Object => ok & self.subsumes_object(out, x, accept, at, depth),
            _ => ok,
        }
    }

    /// Whether one of the pairs matches, if there are any.
    fn any_subsumes<'s>(
        &mut self,
        out: &mut Diagnostics,
        pairs: impl Iterator<Item = (&'s SchemaRef, &'s SchemaRef)>,
        at: &Location,
        depth: usize,
    ) -> bool {
        let mut failures = Diagnostics::new();
        let mut matched = None;
        for (x, accept) in pairs {
            let ok = self.subsumes(&mut failures, x, accept, at, depth + 1);
            matched = Some(matched.unwrap_or(false) || ok);
        }
        if matched != Some(false) {
            return true;
        }
        self.keep(out, failures);
        self.fail(out, at, "at least one subschema must match")
    }

    /// Absent schemas take anything.
    fn subsumes_maybe(
        &mut self,
        out: &mut Diagnostics,
        x: Option<&SchemaRef>,
        accept: Option<&SchemaRef>,
        at: &Location,
        depth: usize,
    ) -> bool {
        match (x, accept) {
            (_, None) => true,
            (_, Some(accept)) if accept.is_always() => true,
            (_, Some(accept)) if accept.is_never() => false,
            (None, _) => true,
            (Some(x), Some(accept)) => self.subsumes(out, x, accept, at, depth + 1),
        }
    }

    fn subsumes_array(
        &mut self,
        out: &mut Diagnostics,
        x: &Schema,
        accept: &Schema,
        at: &Location,
        depth: usize,
    ) -> bool {
        let (own, other) = (&x.prefix_items, &accept.prefix_items);
        let mut ok = true;
        for i in 0..own.len().max(other.len()) {
            let at = self.at_index(at, i);
            let x = own.get(i).or(x.items.as_ref());
            let accept = other.get(i).or(accept.items.as_ref());
            ok &= self.subsumes_maybe(out, x, accept, &at, depth);
        }
        if let Some(items) = x.items.as_ref().filter(|items| !items.is_never()) {
            ok &= self.subsumes_maybe(out, Some(items), accept.items.as_ref(), at, depth);
        }
        ok
    }

    fn subsumes_object(
        &mut self,
        out: &mut Diagnostics,
        x: &Schema,
        accept: &Schema,
        at: &Location,
        depth: usize,
    ) -> bool {
        let mut ok = true;
        for (name, property) in x.properties.iter() {
            let at = self.at_property(at, name);
            let accept = accept.properties.get(name).or(accept.additional.as_ref());
            ok &= self.subsumes_maybe(out, Some(property), accept, &at, depth);
        }
        match &x.additional {
            None => ok & self.requires(out, x, accept, at),
            Some(additional) if additional.is_never() => ok,
            Some(additional) => ok & self.subsumes_maybe(out, Some(additional), accept.additional.as_ref(), at, depth),
        }
    }

    /// Whether what must be there is there for certain.
    fn requires(&mut self, out: &mut Diagnostics, x: &Schema, accept: &Schema, at: &Location) -> bool {
        let certain = |name: &str| x.required.iter().any(|required| **required == *name);
        let mut wanted: Vec<&str> = accept.required.iter().map(|name| &**name).collect();
        for (key, names) in accept.rest.iter().flat_map(|rest| &rest.dependent_required) {
            if certain(key) {
                wanted.extend(names.iter().map(String::as_str));
            }
        }
        let mut ok = true;
        for name in wanted.into_iter().filter(|name| !certain(name)) {
            let at = self.at_property(at, name);
            ok = self.fail(out, &at, "missing required property");
        }
        ok
    }
}
