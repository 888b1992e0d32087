//! What an evaluated environment is good for: its result on the wire, variables, files, configuration.
//!
//! This room knows the reserved top-level properties. It must never know who reads them.

use crate::eval::{Exprs, Room};
use crate::json::{Json, TooLong, quote};
use crate::limits::Limits;
use crate::schema::SchemaRef;
use crate::value::{Properties, Repr, Value, write_properties};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The result of evaluating a document.
#[derive(Debug)]
pub struct Environment {
    /// The expressions of `values`, if they were asked for.
    pub exprs: Option<Exprs>,
    /// The values, those of imports merged in.
    pub properties: Properties,
    /// Their schema.
    pub schema: SchemaRef,
    /// The values of `${context…}`.
    pub context: Properties,
    /// Their schema.
    pub context_schema: SchemaRef,
    /// How much the text may hold.
    pub(crate) limits: Limits,
}

impl Environment {
    /// The result on the wire: `{exprs, properties, schema, executionContext}`, each left out when empty.
    ///
    /// # Errors
    /// The text would be longer than `limit` bytes.
    pub fn to_text(&self, limit: usize) -> Result<String, TooLong> {
        // A value, its schema and where it comes from take some 350 bytes.
        let mut out = String::with_capacity(limit.min(1024 + 384 * self.properties.len()));
        out.push('{');
        let field = |out: &mut String, name: &str| {
            if out.len() > 1 {
                out.push(',');
            }
            quote(name, out);
            out.push(':');
        };
        let Limits { steps, output_schemas: schemas, output_bytes: bytes, .. } = self.limits;
        let mut room = Room { steps, schemas, bytes: bytes.min(limit) };
        if let Some(exprs) = self.exprs.as_ref().filter(|exprs| !exprs.is_empty()) {
            field(&mut out, "exprs");
            exprs.write(&mut out, &mut room);
        }
        if !self.properties.is_empty() {
            field(&mut out, "properties");
            write_properties(&self.properties, &mut out, limit)?;
        }
        field(&mut out, "schema");
        self.schema.write(&mut out, &mut room.schemas);
        field(&mut out, "executionContext");
        out.push('{');
        if !self.context.is_empty() {
            out.push_str("\"properties\":");
            write_properties(&self.context, &mut out, limit)?;
            out.push(',');
        }
        out.push_str("\"schema\":");
        self.context_schema.write(&mut out, &mut room.schemas);
        out.push_str("}}");
        if room.schemas == 0 || out.len() > limit { Err(TooLong) } else { Ok(out) }
    }

    /// The values as plain JSON. With `redact`, secrets are `[secret]`; what is unknown is `[unknown]`.
    #[must_use]
    pub fn to_json(&self, redact: bool) -> Json {
        Json::Object(self.properties.iter().map(|(k, v)| (k.to_string(), v.to_json(redact))).collect())
    }

    /// `environmentVariables`: the scalars in it, as strings.
    #[must_use]
    pub fn environment_variables(&self) -> BTreeMap<Arc<str>, Value> {
        self.scalars("environmentVariables")
    }

    /// `files`: the scalars in it, as strings. Each is the content of a file whose path becomes the variable of its name.
    #[must_use]
    pub fn files(&self) -> BTreeMap<Arc<str>, Value> {
        self.scalars("files")
    }

    /// `pulumiConfig`: stack configuration by key (`[namespace:]name`).
    #[must_use]
    pub fn pulumi_config(&self) -> Properties {
        self.object("pulumiConfig")
    }

    /// `policyConfig`: policy configuration by `[pack:]policy`.
    #[must_use]
    pub fn policy_config(&self) -> Properties {
        self.object("policyConfig")
    }

    fn object(&self, name: &str) -> Properties {
        self.properties.get(name).and_then(|value| value.properties()).cloned().unwrap_or_default()
    }

    fn scalars(&self, name: &str) -> BTreeMap<Arc<str>, Value> {
        let scalar = |value: &Value| Value {
            secret: value.secret,
            unknown: value.unknown,
            ..Value::new(Repr::String(Arc::from(value.to_text(false))))
        };
        let fields = self.object(name).into_iter().filter(|(_, value)| !value.is_collection());
        fields.map(|(key, value)| (key, scalar(&value))).collect()
    }
}
