//! Schemas to JSON.

use super::{Bound, Limit, Rest, Schema, SchemaRef};
use crate::json::{Fields, Json, quote, write_list};

impl Schema {
    /// The schema as JSON. Limits are numbers, and empty keywords are left out, except the type.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut text = String::new();
        self.write(&mut text, &mut u64::MAX.clone());
        Json::parse(&text, usize::MAX).unwrap_or(Json::Bool(true))
    }

    /// Appends the schema as JSON, as long as there is a budget of schemas within it; none is left where it did not
    /// suffice, and the rest is `true`. Schemas share parts: what is small in memory may be large as text.
    pub fn write(&self, out: &mut String, budget: &mut u64) {
        if *budget == 0 || self.bound == Bound::Always {
            out.push_str("true");
            return;
        }
        *budget -= 1;
        if self.bound == Bound::Never {
            out.push_str("false");
            return;
        }
        let mut fields = Fields::begin(out);
        quote(self.ty.name(), fields.field("type"));
        if let Some(value) = &self.constant {
            value.write(fields.field("const"));
        }
        for (keyword, schemas) in
            [("anyOf", &self.any_of), ("oneOf", &self.one_of), ("prefixItems", &self.prefix_items)]
        {
            if !schemas.is_empty() {
                write_list(fields.field(keyword), schemas, |out, schema| schema.write(out, budget));
            }
        }
        for (keyword, schema) in [("items", &self.items), ("additionalProperties", &self.additional)] {
            if let Some(schema) = schema {
                schema.write(fields.field(keyword), budget);
            }
        }
        if !self.properties.is_empty() {
            let properties = self.properties.iter().map(|(k, v)| (&**k, v));
            write_schemas(fields.field("properties"), properties, budget);
        }
        if !self.required.is_empty() {
            write_list(fields.field("required"), &self.required, |out, name| quote(name, out));
        }
        if let Some(rest) = &self.rest {
            write_rest(rest, &mut fields, budget);
        }
        fields.end();
    }
}

fn write_rest(rest: &Rest, fields: &mut Fields<'_>, budget: &mut u64) {
    let quoted = |out: &mut String, text: &String| quote(text, out);
    if !rest.defs.is_empty() {
        write_schemas(fields.field("$defs"), rest.defs.iter().map(|(k, v)| (k.as_str(), v)), budget);
    }
    if !rest.reference.is_empty() {
        quote(&rest.reference, fields.field("$ref"));
    }
    if !rest.enumeration.is_empty() {
        write_list(fields.field("enum"), &rest.enumeration, |out, value| value.write(out));
    }
    for (limit, keyword) in Limit::ALL {
        if let Some(number) = rest.limits.get(&limit) {
            Json::Number(number.clone()).write(fields.field(keyword));
        }
    }
    if !rest.pattern.is_empty() {
        quote(&rest.pattern, fields.field("pattern"));
    }
    if !rest.dependent_required.is_empty() {
        let mut inner = Fields::begin(fields.field("dependentRequired"));
        for (name, names) in &rest.dependent_required {
            write_list(inner.field(name), names, quoted);
        }
        inner.end();
    }
    if !rest.rotate_only.is_empty() {
        write_list(fields.field("rotateOnly"), &rest.rotate_only, quoted);
    }
    for (keyword, value) in &rest.notes {
        value.write(fields.field(keyword));
    }
}

fn write_schemas<'s>(out: &mut String, entries: impl Iterator<Item = (&'s str, &'s SchemaRef)>, budget: &mut u64) {
    let mut fields = Fields::begin(out);
    for (name, schema) in entries {
        schema.write(fields.field(name), budget);
    }
    fields.end();
}
