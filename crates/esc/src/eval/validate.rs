//! Whether a known value is of a schema, and which part of it is not.

use super::Evaluator;
use super::arena::{Exp, Key, Kind, Repr, Val};
use crate::ast::ExprRef;
use crate::diag::Diagnostic;
use crate::gotext::quote;
use crate::json::Json;
use crate::path::{join_index, join_key};
use crate::schema::{Decimal, Limit, Schema, SchemaRef};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What a failure is blamed on: an expression, and the path below it where that says more.
#[derive(Clone)]
pub(super) struct Location {
    pub x: Exp,
    pub path: Rc<str>,
    /// Whether the path stands before the message.
    pub prefix: bool,
}

/// Diagnostics of a branch, kept or dropped with it.
pub(super) type Diagnostics = Vec<Diagnostic>;

/// Whether a number keeps to a bound.
type Holds = fn(&Decimal, &Decimal) -> bool;

/// Levels of schemas within schemas, so that one that names itself ends.
pub(super) const DEPTH: usize = 200;

impl Evaluator<'_> {
    pub(super) fn fail(&self, out: &mut Diagnostics, at: &Location, summary: &str) -> bool {
        if out.len() >= self.options.limits.diagnostics {
            return false;
        }
        let node: &ExprRef = &self.arena[at.x].node;
        let summary = if at.prefix { format!("{}: {summary}", at.path) } else { summary.to_owned() };
        out.push(Diagnostic::error(&node.origin, summary));
        false
    }

    /// Keeps the failures of branches, as long as there are not too many.
    pub(super) fn keep(&self, out: &mut Diagnostics, failures: Diagnostics) {
        let room = self.options.limits.diagnostics.saturating_sub(out.len());
        out.extend(failures.into_iter().take(room));
    }

    /// The place of an element: the literal's own element, or a path below the expression.
    pub(super) fn at_index(&self, at: &Location, index: usize) -> Location {
        match &self.arena[at.x].kind {
            Kind::Array(items) if index < items.len() => {
                Location { x: items[index], path: Rc::from(join_index("", index)), prefix: false }
            }
            _ => Location { x: at.x, path: Rc::from(join_index(&at.path, index)), prefix: true },
        }
    }

    /// The place of a property.
    pub(super) fn at_property(&self, at: &Location, key: &str) -> Location {
        match &self.arena[at.x].kind {
            Kind::Object(fields) if fields.get(key).is_some() => {
                let x = fields.get(key).copied().unwrap_or(at.x);
                Location { x, path: Rc::from(join_key("", key)), prefix: false }
            }
            _ => Location { x: at.x, path: Rc::from(join_key(&at.path, key)), prefix: true },
        }
    }

    /// Checks a value, blaming the expression that defines it.
    pub(super) fn validate_value(&mut self, out: &mut Diagnostics, v: Val, accept: &SchemaRef, depth: usize) -> bool {
        let at = self.location(self.arena[v].def);
        self.validate(out, v, accept, &at, depth)
    }

    fn validate(&mut self, out: &mut Diagnostics, v: Val, accept: &SchemaRef, at: &Location, depth: usize) -> bool {
        if accept.is_always() {
            return true;
        }
        if accept.is_never() {
            return false;
        }
        if depth >= DEPTH || !self.spend(1) {
            return self.fail(out, at, "the schema is nested too deeply");
        }
        if self.arena[v].unknown {
            let schema = self.arena[v].schema.clone();
            return self.subsumes(out, &schema, accept, at, depth + 1);
        }
        let mut ok = true;
        if let Some(referred) = self.scopes.resolve(accept) {
            ok &= self.validate(out, v, &referred, at, depth + 1);
        }
        ok &= self.validate_any_of(out, v, accept, at, depth);
        ok &= self.validate_one_of(out, v, accept, at, depth);
        ok &= self.validate_constant(out, v, accept, at);
        ok & self.validate_type(out, v, accept, at, depth)
    }

    fn validate_any_of(&mut self, out: &mut Diagnostics, v: Val, accept: &Schema, at: &Location, depth: usize) -> bool {
        if accept.any_of.is_empty() {
            return true;
        }
        let mut failures = Diagnostics::new();
        let mut matched = false;
        for branch in &accept.any_of {
            matched |= self.validate(&mut failures, v, branch, at, depth + 1);
        }
        if matched {
            return true;
        }
        self.keep(out, failures);
        self.fail(out, at, "at least one subschema must match")
    }

    fn validate_one_of(&mut self, out: &mut Diagnostics, v: Val, accept: &Schema, at: &Location, depth: usize) -> bool {
        if accept.one_of.is_empty() {
            return true;
        }
        let mut failures = Diagnostics::new();
        let mut matched = false;
        for branch in &accept.one_of {
            if self.validate(&mut failures, v, branch, at, depth + 1) {
                if matched {
                    return self.fail(out, at, "exactly one subschema may match");
                }
                matched = true;
            }
        }
        if matched {
            return true;
        }
        self.keep(out, failures);
        self.fail(out, at, "exactly one subschema must match")
    }

    fn validate_constant(&mut self, out: &mut Diagnostics, v: Val, accept: &Schema, at: &Location) -> bool {
        let mut ok = true;
        if let Some(constant) = &accept.constant
            && !self.equals(v, constant)
        {
            ok = self.fail(out, at, &format!("expected {}", constant.to_text()));
        }
        let choices = accept.rest.as_ref().map_or(&[][..], |rest| &rest.enumeration);
        if choices.is_empty() || choices.iter().any(|choice| self.equals(v, choice)) {
            return ok;
        }
        match choices {
            [only] => self.fail(out, at, &format!("expected {}", only.to_text())),
            _ => self.fail(out, at, &format!("expected one of {}", Json::Array(choices.to_vec()).to_text())),
        }
    }

    /// Whether a value equals plain JSON; numbers by their texts.
    fn equals(&self, v: Val, json: &Json) -> bool {
        let value = &self.arena[v];
        match (&value.repr, json) {
            (Repr::Null, Json::Null) => true,
            (Repr::Bool(a), Json::Bool(b)) => a == b,
            (Repr::Number(a), Json::Number(b)) => **a == **b,
            (Repr::Text(a), Json::String(b)) => a.bytes() == b.as_bytes(),
            (Repr::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.equals(*a, b)),
            (Repr::Object(a), Json::Object(b)) => {
                a.len() == b.len() && b.iter().all(|(k, b)| a.get(k.as_str()).is_some_and(|a| self.equals(*a, b)))
            }
            _ => false,
        }
    }

    fn validate_type(&mut self, out: &mut Diagnostics, v: Val, accept: &Schema, at: &Location, depth: usize) -> bool {
        let repr = self.arena[v].repr.clone();
        let actual = match &repr {
            Repr::Null => "null",
            Repr::Bool(_) => "boolean",
            Repr::Number(_) => "number",
            Repr::Text(_) => "string",
            Repr::Array(_) => "array",
            Repr::Object(_) => "object",
        };
        if !self.check_type(out, actual, accept, at) {
            return false;
        }
        match repr {
            Repr::Null | Repr::Bool(_) => true,
            Repr::Number(text) => self.validate_number(out, &text, accept, at),
            Repr::Text(text) => {
                self.validate_string(out, &crate::gotext::lossy(text.bytes()), text.bytes().len(), accept, at)
            }
            Repr::Array(items) => self.validate_array(out, &items, accept, at, depth),
            Repr::Object(_) => self.validate_object(out, v, accept, at, depth),
        }
    }

    pub(super) fn check_type(&self, out: &mut Diagnostics, actual: &str, accept: &Schema, at: &Location) -> bool {
        let expected = accept.ty.name();
        if expected.is_empty() || expected == actual {
            return true;
        }
        self.fail(out, at, &format!("expected {expected}, got {actual}"))
    }

    fn validate_number(&mut self, out: &mut Diagnostics, text: &str, accept: &Schema, at: &Location) -> bool {
        if accept.rest.is_none() {
            return true;
        }
        let Some(number) = Decimal::parse(text) else {
            return self.fail(out, at, &format!("the number {text} cannot be compared"));
        };
        let mut ok = true;
        let tests: [(Limit, &str, Holds); 5] = [
            (Limit::MultipleOf, "expected a multiple of ", Decimal::is_multiple_of),
            (Limit::Minimum, "expected a number greater than or equal to ", |n, m| n >= m),
            (Limit::ExclusiveMinimum, "expected a number greater than ", |n, m| n > m),
            // Without a space before the number, as clients know it.
            (Limit::Maximum, "expected a number less than or equal to", |n, m| n <= m),
            (Limit::ExclusiveMaximum, "expected a number less than ", |n, m| n < m),
        ];
        for (limit, summary, holds) in tests {
            if let Some(text) = accept.limit(limit)
                && let Some(bound) = Decimal::parse(text)
                && !holds(&number, &bound)
            {
                ok = self.fail(out, at, &format!("{summary}{text}"));
            }
        }
        ok
    }

    /// Checks a count against two limits.
    fn validate_count(
        &self,
        out: &mut Diagnostics,
        count: usize,
        accept: &Schema,
        at: &Location,
        (least, most): (Limit, Limit),
        (prefix, suffix): (&str, &str),
    ) -> bool {
        let bound = |limit| accept.limit(limit).and_then(|text| Some((text, text.parse::<u64>().ok()?)));
        let mut ok = true;
        if let Some((text, bound)) = bound(least)
            && (count as u64) < bound
        {
            ok = self.fail(out, at, &format!("expected {prefix} at least {}{text}{suffix}", length(prefix)));
        }
        if let Some((text, bound)) = bound(most)
            && count as u64 > bound
        {
            ok = self.fail(out, at, &format!("expected {prefix} at most {}{text}{suffix}", length(prefix)));
        }
        ok
    }

    fn validate_string(
        &mut self,
        out: &mut Diagnostics,
        text: &str,
        bytes: usize,
        accept: &Schema,
        at: &Location,
    ) -> bool {
        let Some(rest) = &accept.rest else { return true };
        let limits = (Limit::MinLength, Limit::MaxLength);
        let mut ok = self.validate_count(out, bytes, accept, at, limits, ("a string of", ""));
        if let Some(regex) = &rest.regex
            && !regex.is_match(text)
        {
            ok = self.fail(out, at, &format!("string must match the pattern {}", quote(&rest.pattern)));
        }
        ok
    }

    fn validate_array(
        &mut self,
        out: &mut Diagnostics,
        items: &[Val],
        accept: &Schema,
        at: &Location,
        depth: usize,
    ) -> bool {
        let limits = (Limit::MinItems, Limit::MaxItems);
        let mut ok = self.validate_count(out, items.len(), accept, at, limits, ("an array with", " items"));
        for (i, item) in items.iter().enumerate() {
            if let Some(expected) = accept.prefix_items.get(i).or(accept.items.as_ref()) {
                ok &= self.validate_value(out, *item, expected, depth + 1);
            }
        }
        ok
    }

    fn validate_object(&mut self, out: &mut Diagnostics, v: Val, accept: &Schema, at: &Location, depth: usize) -> bool {
        let keys = self.keys(v);
        let limits = (Limit::MinProperties, Limit::MaxProperties);
        let mut ok = self.validate_count(out, keys.len(), accept, at, limits, ("an object with", " properties"));
        let node = self.node(self.arena[v].def);
        for key in &keys {
            let Some(expected) = accept.properties.get(key).or(accept.additional.as_ref()) else { continue };
            if let Some(property) = self.property(v, &node, key) {
                ok &= self.validate_value(out, property, expected, depth + 1);
            }
        }
        let missing = missing(&keys, accept);
        if missing.is_empty() {
            return ok;
        }
        self.fail(out, at, &format!("missing required properties: {}", missing.join(", ")))
    }
}

/// The word that lengths have and counts have not.
fn length(prefix: &str) -> &'static str {
    if prefix == "a string of" { "length " } else { "" }
}

/// The properties that must be there, or must because of others, and are not.
fn missing(keys: &[Key], accept: &Schema) -> Vec<String> {
    let present: BTreeSet<&str> = keys.iter().map(|key| &**key).collect();
    let absent = |name: &&str| !present.contains(name);
    let mut missing: Vec<String> =
        accept.required.iter().map(|name| &**name).filter(absent).map(str::to_owned).collect();
    for (key, names) in accept.rest.iter().flat_map(|rest| &rest.dependent_required) {
        if present.contains(key.as_str()) {
            missing.extend(names.iter().map(String::as_str).filter(absent).map(str::to_owned));
        }
    }
    missing
}
