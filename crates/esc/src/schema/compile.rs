//! Makes a schema ready to validate with: references get their scope, patterns are compiled, limits checked.

use super::{Decimal, Limit, Rest, Schema, SchemaRef};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The `$defs` of compiled schemas. A reference names one of these, so that recursive schemas need no cycles in memory.
#[derive(Debug, Default)]
pub struct Scopes(Vec<BTreeMap<String, SchemaRef>>);

impl Scopes {
    /// Compiles a schema.
    ///
    /// # Errors
    /// A reference to nowhere, a limit that is no number, a pattern that is none.
    pub fn compile(&mut self, schema: &SchemaRef) -> Result<SchemaRef, String> {
        let Some(defs) = schema.rest.as_ref().map(|rest| &rest.defs).filter(|defs| !defs.is_empty()) else {
            return Compiler { scope: usize::MAX, defs: &BTreeMap::new() }.schema(schema);
        };
        let scope = self.0.len();
        let compiler = Compiler { scope, defs };
        let compiled: Result<BTreeMap<String, SchemaRef>, String> =
            defs.iter().map(|(name, schema)| Ok((name.clone(), compiler.schema(schema)?))).collect();
        let schema = compiler.schema(schema)?;
        self.0.push(compiled?);
        Ok(schema)
    }

    /// The schema that a compiled schema's `$ref` names.
    #[must_use]
    pub fn resolve(&self, schema: &Schema) -> Option<SchemaRef> {
        let rest = schema.rest.as_ref()?;
        let scope = rest.scope.and_then(|at| self.0.get(at))?;
        scope.get(&definition(&rest.reference).ok()?).cloned()
    }
}

struct Compiler<'d> {
    scope: usize,
    defs: &'d BTreeMap<String, SchemaRef>,
}

impl Compiler<'_> {
    fn schema(&self, schema: &SchemaRef) -> Result<SchemaRef, String> {
        let list = |schemas: &[SchemaRef]| schemas.iter().map(|s| self.schema(s)).collect::<Result<Vec<_>, _>>();
        let maybe = |schema: &Option<SchemaRef>| schema.as_ref().map(|s| self.schema(s)).transpose();
        let rest = schema.rest.as_ref().map(|rest| self.rest(rest)).transpose()?;
        let mut properties = Vec::with_capacity(schema.properties.len());
        for (name, property) in schema.properties.iter() {
            let mut property = self.schema(property)?;
            if rest.as_ref().is_some_and(|rest| rest.rotate_only.iter().any(|only| **only == **name)) {
                property = within_rotation(&property);
            }
            properties.push((name.clone(), property));
        }
        Ok(Arc::new(Schema {
            bound: schema.bound,
            ty: schema.ty.clone(),
            constant: schema.constant.clone(),
            prefix_items: list(&schema.prefix_items)?,
            items: maybe(&schema.items)?,
            properties: properties.into_iter().collect(),
            additional: maybe(&schema.additional)?,
            required: schema.required.clone(),
            any_of: list(&schema.any_of)?,
            one_of: list(&schema.one_of)?,
            within_rotation: schema.within_rotation,
            rest,
        }))
    }

    fn rest(&self, rest: &Rest) -> Result<Box<Rest>, String> {
        let mut out = rest.clone();
        if !rest.reference.is_empty() {
            if !self.defs.contains_key(&definition(&rest.reference)?) {
                return Err(format!("unknown subschema {}", rest.reference));
            }
            out.scope = Some(self.scope);
        }
        for (limit, text) in &rest.limits {
            check_limit(*limit, text)?;
        }
        if !rest.pattern.is_empty() {
            out.regex = Some(super::pattern::compile(&rest.pattern)?);
        }
        Ok(Box::new(out))
    }
}

/// The name in `#/$defs/NAME`.
fn definition(reference: &str) -> Result<String, String> {
    let name = reference.strip_prefix("#/$defs/").filter(|name| !name.contains('/'));
    let name = name.ok_or("only fragment references of the form #/$defs/ref are supported")?;
    unescape(name).ok_or_else(|| format!("invalid URL escape in {}", crate::gotext::quote(name)))
}

/// Resolves percent signs.
fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |b: Option<u8>| char::from(b?).to_digit(16);
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

fn check_limit(limit: Limit, text: &str) -> Result<(), String> {
    if limit.counts() {
        return match text.parse::<u64>() {
            Ok(_) if !text.starts_with('+') => Ok(()),
            Err(error) if *error.kind() == std::num::IntErrorKind::PosOverflow => {
                Err(format!("strconv.ParseUint: parsing \"{text}\": value out of range"))
            }
            _ => Err(format!("strconv.ParseUint: parsing \"{text}\": invalid syntax")),
        };
    }
    Decimal::parse(text).map(|_| ()).ok_or_else(|| format!("the number {text} is out of range"))
}

/// Marks a schema and all within as evaluated for rotations only.
fn within_rotation(schema: &SchemaRef) -> SchemaRef {
    if schema.within_rotation {
        return schema.clone();
    }
    let list = |schemas: &[SchemaRef]| schemas.iter().map(within_rotation).collect();
    let mut rest = schema.rest.clone();
    if !schema.properties.is_empty() {
        rest.get_or_insert_default().rotate_only = schema.properties.keys().map(|k| k.to_string()).collect();
    }
    Arc::new(Schema {
        bound: schema.bound,
        ty: schema.ty.clone(),
        constant: schema.constant.clone(),
        prefix_items: list(&schema.prefix_items),
        items: schema.items.as_ref().map(within_rotation),
        properties: schema.properties.iter().map(|(k, v)| (k.clone(), within_rotation(v))).collect(),
        additional: schema.additional.as_ref().map(within_rotation),
        required: schema.required.clone(),
        any_of: list(&schema.any_of),
        one_of: list(&schema.one_of),
        within_rotation: true,
        rest,
    })
}
