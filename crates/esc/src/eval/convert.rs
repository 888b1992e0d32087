//! Between values under evaluation and exported ones.

use super::Evaluator;
use super::arena::{Exp, Repr, Text, Val, Value};
use crate::json::Json;
use crate::schema::{self, SchemaRef, Type, always};
use crate::sorted::Sorted;
use crate::value::{Repr as Exported, Value as ExportedValue};
use std::collections::BTreeMap;
use std::rc::Rc;

impl Evaluator<'_> {
    /// A value that came from outside: a provider, the context, a JSON text.
    pub(super) fn unexport(&mut self, value: &ExportedValue, def: Exp) -> Val {
        self.unexport_within(value, def, self.options.limits.value_depth)
    }

    fn unexport_within(&mut self, value: &ExportedValue, def: Exp, depth: u32) -> Val {
        if depth == 0 || !self.spend(1) {
            if !self.exhausted {
                let node = self.node(def);
                self.error(&node, format!("the value has more than {} levels", self.options.limits.value_depth));
            }
            return self.unknown(def, always());
        }
        let (repr, schema): (Repr, SchemaRef) = match &value.repr {
            Exported::Null => (Repr::Null, schema::null()),
            Exported::Bool(value) => (Repr::Bool(*value), schema::constant(Type::Boolean, Json::Bool(*value))),
            Exported::Number(text) => {
                (Repr::Number(text.clone()), schema::constant(Type::Number, Json::Number(text.to_string())))
            }
            Exported::String(text) => {
                (Repr::Text(Text::Str(text.clone())), schema::constant(Type::String, Json::from(&**text)))
            }
            Exported::Array(items) => {
                let items: Vec<Val> = items.iter().map(|item| self.unexport_within(item, def, depth - 1)).collect();
                let schemas = items.iter().map(|item| self.arena[*item].schema.clone()).collect();
                (Repr::Array(Rc::from(items)), schema::tuple(schemas))
            }
            Exported::Object(fields) => {
                let fields: Sorted<Val> =
                    fields.iter().map(|(k, v)| (k.clone(), self.unexport_within(v, def, depth - 1))).collect();
                let schemas = fields.map(|v| self.arena[*v].schema.clone());
                (Repr::Object(Rc::new(fields)), schema::record(schemas))
            }
        };
        let secret = value.secret || self.arena[def].secret;
        self.add_checked(Value { secret, unknown: value.unknown, ..Value::known(def, schema, repr) })
    }

    /// The plain JSON of a value, in clear; unknowns as `[unknown]`. None if a bound is hit.
    pub(super) fn plain(&mut self, v: Val) -> Option<Json> {
        if !self.spend(1) {
            return None;
        }
        if self.arena[v].unknown {
            return Some(Json::from("[unknown]"));
        }
        Some(match self.arena[v].repr.clone() {
            Repr::Null => Json::Null,
            Repr::Bool(value) => Json::Bool(value),
            Repr::Number(text) => Json::Number(text.to_string()),
            Repr::Text(text) => Json::from(&*text.text()),
            Repr::Array(items) => {
                Json::Array(items.iter().map(|item| self.plain(*item)).collect::<Option<Vec<Json>>>()?)
            }
            Repr::Object(_) => {
                let mut out = BTreeMap::new();
                for (key, property) in self.properties(v) {
                    out.insert(key.to_string(), self.plain(property)?);
                }
                Json::Object(out)
            }
        })
    }
}
