//! Schemas to JSON.

use super::{Bound, Limit, Rest, Schema, SchemaRef};
use crate::json::Json;
use std::collections::BTreeMap;

impl Schema {
    /// The schema as JSON. Limits are numbers, and empty keywords are left out, except the type.
    #[must_use]
    pub fn to_json(&self) -> Json {
        self.to_json_within(&mut u64::MAX.clone())
    }

    /// The schema as JSON, as long as there is a budget of schemas within it; none is left where it did not suffice, and
    /// the rest is `true`. Schemas share parts: what is small in memory may be large as text.
    #[must_use]
    pub fn to_json_within(&self, budget: &mut u64) -> Json {
        if *budget == 0 {
            return Json::Bool(true);
        }
        *budget -= 1;
        match self.bound {
            Bound::Always => return Json::Bool(true),
            Bound::Never => return Json::Bool(false),
            Bound::Some => {}
        }
        let mut out = BTreeMap::new();
        let mut put = |keyword: &str, value: Json| {
            out.insert(keyword.to_owned(), value);
        };
        put("type", Json::from(self.ty.name()));
        if let Some(value) = &self.constant {
            put("const", value.clone());
        }
        for (keyword, schemas) in
            [("anyOf", &self.any_of), ("oneOf", &self.one_of), ("prefixItems", &self.prefix_items)]
        {
            if !schemas.is_empty() {
                put(keyword, Json::Array(schemas.iter().map(|s| s.to_json_within(budget)).collect()));
            }
        }
        if let Some(items) = &self.items {
            put("items", items.to_json_within(budget));
        }
        if let Some(additional) = &self.additional {
            put("additionalProperties", additional.to_json_within(budget));
        }
        if !self.properties.is_empty() {
            put("properties", schemas(self.properties.iter().map(|(k, v)| (&**k, v)), budget));
        }
        if !self.required.is_empty() {
            put("required", texts(self.required.iter().map(|name| &**name)));
        }
        if let Some(rest) = &self.rest {
            seldom(rest, &mut put, budget);
        }
        Json::Object(out)
    }
}

fn seldom(rest: &Rest, put: &mut dyn FnMut(&str, Json), budget: &mut u64) {
    if !rest.defs.is_empty() {
        put("$defs", schemas(rest.defs.iter().map(|(k, v)| (k.as_str(), v)), budget));
    }
    if !rest.reference.is_empty() {
        put("$ref", Json::from(rest.reference.as_str()));
    }
    if !rest.enumeration.is_empty() {
        put("enum", Json::Array(rest.enumeration.clone()));
    }
    for (limit, keyword) in Limit::ALL {
        if let Some(number) = rest.limits.get(&limit) {
            put(keyword, Json::Number(number.clone()));
        }
    }
    if !rest.pattern.is_empty() {
        put("pattern", Json::from(rest.pattern.as_str()));
    }
    if !rest.dependent_required.is_empty() {
        let names = rest.dependent_required.iter();
        put(
            "dependentRequired",
            Json::Object(names.map(|(k, v)| (k.clone(), texts(v.iter().map(|s| &**s)))).collect()),
        );
    }
    if !rest.rotate_only.is_empty() {
        put("rotateOnly", texts(rest.rotate_only.iter().map(|s| &**s)));
    }
    for (keyword, value) in &rest.notes {
        put(keyword, value.clone());
    }
}

fn texts<'t>(names: impl Iterator<Item = &'t str>) -> Json {
    Json::Array(names.map(Json::from).collect())
}

fn schemas<'s>(entries: impl Iterator<Item = (&'s str, &'s SchemaRef)>, budget: &mut u64) -> Json {
    Json::Object(entries.map(|(name, schema)| (name.to_owned(), schema.to_json_within(budget))).collect())
}
