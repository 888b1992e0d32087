//! Values under evaluation to results, with or without their traces.

use super::Evaluator;
use super::arena::{Repr, Val};
use crate::value::{Repr as Exported, Trace, Value};
use std::sync::Arc;

impl Evaluator<'_> {
    /// The result that a value is. Each value is exported once; `environment` names those that stand nowhere.
    pub(super) fn export(&mut self, v: Val, environment: &Arc<str>) -> Arc<Value> {
        let at = v.0 as usize;
        if let Some(Some(done)) = self.exported.get(at) {
            return done.clone();
        }
        if !self.spend(1) {
            return Arc::new(Value { unknown: true, ..Value::new(Exported::Null) });
        }
        let repr = match self.arena[v].repr.clone() {
            Repr::Null => Exported::Null,
            Repr::Bool(value) => Exported::Bool(value),
            Repr::Number(text) => Exported::Number(text),
            Repr::Text(text) => Exported::String(text.text()),
            Repr::Array(items) => Exported::Array(items.iter().map(|item| self.export(*item, environment)).collect()),
            Repr::Object(_) => {
                let properties = self.properties(v).into_iter();
                Exported::Object(properties.map(|(key, property)| (key, self.export(property, environment))).collect())
            }
        };
        let trace = self.options.traces.then(|| {
            let base = self.arena[v].base.map(|base| self.export(base, &Arc::from("<import>")));
            Trace { def: self.arena[self.arena[v].def].node.origin.range_or(environment), base }
        });
        let value = &self.arena[v];
        let exported = Arc::new(Value { repr, secret: value.secret, unknown: value.unknown, trace });
        if self.exported.len() <= at {
            self.exported.resize(self.arena.values().max(at + 1), None);
        }
        self.exported[at] = Some(exported.clone());
        exported
    }
}
