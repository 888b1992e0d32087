//! Expressions to their form on the wire, for editors: ranges, schemas, what refers to what.

use super::Evaluator;
use super::arena::{Call, Exp, Key, Kind, Val};
use crate::ast::{Accessor, Call as AstCall, ExprKind as AstKind, Literal, Part, Step};
use crate::diag::Range;
use crate::json::Json;
use crate::schema::{self, SchemaRef, always};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The argument's schema and the argument itself.
type Argument = (SchemaRef, Json);

impl Evaluator<'_> {
    /// The properties of the root expression, as they are written there.
    pub(super) fn export_exprs(&mut self, root: Exp, environment: &Arc<str>) -> BTreeMap<String, Json> {
        match &*self.arena[root].kind.clone() {
            Kind::Object(fields) => {
                fields.iter().map(|(key, x)| (key.to_string(), self.export_expr(*x, environment))).collect()
            }
            _ => BTreeMap::new(),
        }
    }

    fn schema_json(&mut self, x: Exp) -> Json {
        let schema = self.arena[x].schema.clone();
        schema.to_json_within(&mut self.schema_budget)
    }

    fn range(&self, x: Exp, environment: &Arc<str>) -> Json {
        self.arena[x].node.origin.range_or(environment).to_json()
    }

    fn export_expr(&mut self, x: Exp, environment: &Arc<str>) -> Json {
        if !self.spend(1) {
            return Json::object(vec![("range", self.range(x, environment))]);
        }
        let kind = self.arena[x].kind.clone();
        if let Kind::Access(receiver, key) = &*kind {
            return self.export_access(x, *receiver, key, environment);
        }
        let node = self.node(x);
        let mut out = vec![("range", self.range(x, environment)), ("schema", self.schema_json(x))];
        if let Some(base) = self.arena[x].base {
            out.push(("base", self.export_expr(self.arena[base].def, environment)));
        }
        match &*kind {
            Kind::Missing | Kind::Access(..) => {}
            Kind::Literal => match &node.kind {
                AstKind::Bool(value) => out.push(("literal", Json::Bool(*value))),
                AstKind::Number(text) => out.push(("literal", Json::Number(text.clone()))),
                AstKind::String(text) => out.push(("literal", Json::from(&**text))),
                _ => {}
            },
            Kind::Interpolate => {
                if let AstKind::Interpolate(parts) = &node.kind {
                    out.push(("interpolate", self.export_parts(x, parts, environment)));
                }
            }
            Kind::Symbol => {
                if let AstKind::Symbol(access) = &node.kind {
                    out.push(("symbol", self.export_accessors(x, 0, &access.accessors, environment)));
                }
            }
            Kind::Array(items) => {
                out.push(("list", Json::Array(items.iter().map(|x| self.export_expr(*x, environment)).collect())));
            }
            Kind::Object(fields) => {
                let mut ranges = BTreeMap::new();
                if let AstKind::Object(properties) = &node.kind {
                    for key in properties.iter().filter_map(|property| property.key.as_ref()) {
                        ranges.insert(key.text.to_string(), key.origin.range_or(environment).to_json());
                    }
                }
                out.push(("keyRanges", Json::Object(ranges)));
                let fields = fields.iter().map(|(k, x)| (k.to_string(), self.export_expr(*x, environment)));
                out.push(("object", Json::Object(fields.collect())));
            }
            Kind::Call(call) => {
                if let AstKind::Call(syntax) = &node.kind {
                    out.push(("builtin", self.export_call(call, syntax, environment)));
                }
            }
        }
        Json::object(out)
    }

    fn export_parts(&self, x: Exp, parts: &[Part], environment: &Arc<str>) -> Json {
        let mut reference = 0;
        let mut out = Vec::new();
        for part in parts {
            let mut fields = Vec::new();
            if !part.text.is_empty() {
                fields.push(("text", Json::from(part.text.as_str())));
            }
            if let Some(access) = &part.access {
                fields.push(("value", self.export_accessors(x, reference, &access.accessors, environment)));
                reference += 1;
            }
            out.push(Json::object(fields));
        }
        Json::Array(out)
    }

    fn export_accessors(&self, x: Exp, reference: usize, accessors: &[Accessor], environment: &Arc<str>) -> Json {
        let found = |at: usize| self.arena[x].resolved.get(reference).and_then(|slots| *slots.get(at)?);
        let each = |(at, accessor): (usize, &Accessor)| {
            let value = match found(at) {
                Some(def) => self.range(def, environment),
                None => Range::nowhere(&Arc::from("")).to_json(),
            };
            let mut fields = accessor_fields(&accessor.step, accessor.range.as_ref(), environment);
            fields.push(("value", value));
            Json::object(fields)
        };
        Json::Array(accessors.iter().enumerate().map(each).collect())
    }

    /// A property of something unknown: the receiver that is known, and the way from there.
    fn export_access(&mut self, x: Exp, receiver: Val, key: &Key, environment: &Arc<str>) -> Json {
        let accessor = Json::object(accessor_fields(&Step::Name(key.to_string()), None, environment));
        let def = self.arena[receiver].def;
        if matches!(&*self.arena[def].kind, Kind::Access(..)) {
            let mut below = self.export_expr(def, environment);
            if let Json::Object(fields) = &mut below
                && let Some(Json::Object(access)) = fields.get_mut("access")
                && let Some(Json::Array(accessors)) = access.get_mut("accessors")
            {
                accessors.push(accessor);
            }
            return below;
        }
        let access =
            Json::object(vec![("receiver", self.range(def, environment)), ("accessors", Json::Array(vec![accessor]))]);
        let mut out = vec![("range", self.range(x, environment)), ("schema", self.schema_json(x)), ("access", access)];
        if let Some(base) = self.arena[x].base {
            out.push(("base", self.export_expr(self.arena[base].def, environment)));
        }
        Json::object(out)
    }

    fn export_call(&mut self, call: &Call, syntax: &AstCall, environment: &Arc<str>) -> Json {
        let (schema, argument) = self.export_argument(call, syntax, environment);
        Json::object(vec![
            ("name", Json::from(&*syntax.name.text)),
            ("nameRange", name_range(&syntax.name, environment)),
            ("argSchema", schema.to_json_within(&mut self.schema_budget)),
            ("arg", argument),
        ])
    }

    fn export_argument(&mut self, call: &Call, syntax: &AstCall, environment: &Arc<str>) -> Argument {
        let range = syntax.argument.origin.range_or(environment).to_json();
        let nowhere = Range::nowhere(&Arc::from("")).to_json();
        let one = |this: &mut Self, schema: SchemaRef, x: Exp| (schema, this.export_expr(x, environment));
        match call {
            Call::Concat(x) => one(self, schema::array(schema::array(always())), *x),
            Call::FromBase64(x) | Call::ToBase64(x) => one(self, schema::string(), *x),
            Call::Final(x)
            | Call::FromJson(x)
            | Call::ToJson(x)
            | Call::ToYaml(x)
            | Call::ToString(x)
            | Call::Plaintext(x) => one(self, always(), *x),
            Call::Join(delimiter, values) => {
                let items = vec![schema::string(), schema::array(schema::string())];
                (schema::tuple(items), self.list(range, &[*delimiter, *values], environment))
            }
            Call::Split(delimiter, text) => {
                let items = vec![schema::string(), schema::string()];
                (schema::tuple(items), self.list(range, &[*delimiter, *text], environment))
            }
            Call::Ciphertext(x) => (always(), self.fields(range, &[("ciphertext", *x)], environment)),
            Call::Validate { schema, value } => (
                record(&[("schema", schema::json_schema()), ("value", always())]),
                self.fields(range, &[("schema", *schema), ("value", *value)], environment),
            ),
            Call::Open { provider, inputs, schema } => {
                let accept = schema.borrow().clone();
                if &*syntax.name.text != "fn::open" {
                    return one(self, accept, *inputs);
                }
                let fields = [("provider", *provider), ("inputs", *inputs)];
                let schema = record(&[("provider", schema::string()), ("inputs", accept)]);
                (schema, self.fields(nowhere, &fields, environment))
            }
            Call::Rotate { provider, inputs, state, schemas } => {
                let (accept_inputs, accept_state) = schemas.borrow().clone();
                let mut fields = vec![("inputs", *inputs), ("state", *state)];
                let mut accept = vec![("inputs", accept_inputs), ("state", accept_state)];
                if &*syntax.name.text == "fn::rotate" {
                    fields.push(("provider", *provider));
                    accept.push(("provider", schema::string()));
                }
                (record(&accept), self.fields(nowhere, &fields, environment))
            }
        }
    }

    fn list(&mut self, range: Json, items: &[Exp], environment: &Arc<str>) -> Json {
        let items = items.iter().map(|x| self.export_expr(*x, environment)).collect();
        Json::object(vec![("range", range), ("list", Json::Array(items))])
    }

    fn fields(&mut self, range: Json, fields: &[(&str, Exp)], environment: &Arc<str>) -> Json {
        let fields = fields.iter().map(|(k, x)| (*k, self.export_expr(*x, environment))).collect();
        Json::object(vec![("range", range), ("object", Json::object(fields))])
    }
}

fn record(fields: &[(&str, SchemaRef)]) -> SchemaRef {
    schema::record(fields.iter().map(|(k, v)| (Arc::from(*k), v.clone())).collect())
}

fn name_range(name: &Literal, environment: &Arc<str>) -> Json {
    name.origin.range_or(environment).to_json()
}

fn accessor_fields(step: &Step, range: Option<&Range>, environment: &Arc<str>) -> Vec<(&'static str, Json)> {
    let range = range.map_or_else(|| Range::nowhere(environment).to_json(), Range::to_json);
    let place = match step {
        Step::Name(key) | Step::Key(key) => ("key", Json::from(key.as_str())),
        Step::Index(index) => ("index", Json::Number(index.to_string())),
    };
    vec![place, ("range", range)]
}
