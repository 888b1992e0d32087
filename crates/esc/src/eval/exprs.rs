//! Expressions to their form on the wire, for editors: ranges, schemas, what refers to what.

use super::arena::{Arena, Call, Exp, Key, Kind, Val};
use crate::ast::{Accessor, Call as AstCall, ExprKind as AstKind, Part, Step};
use crate::diag::Range;
use crate::json::{Fields, Json, quote, write_list};
use crate::schema::{self, SchemaRef, always};
use std::sync::Arc;

/// The name of what has no place.
type Name = Arc<str>;

/// The expressions of a document after evaluation. They are written when somebody asks: few do.
pub struct Exprs {
    arena: Arena,
    root: Exp,
    name: Name,
}

impl std::fmt::Debug for Exprs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the expressions of {}", self.name)
    }
}

/// How much of the text may still be written.
pub(crate) struct Room {
    /// Expressions.
    pub steps: u64,
    /// Schemas.
    pub schemas: u64,
    /// Bytes.
    pub bytes: usize,
}

impl Exprs {
    pub(super) fn new(arena: Arena, root: Exp, name: Name) -> Self {
        Self { arena, root, name }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.arena[self.root].kind {
            Kind::Object(fields) => fields.is_empty(),
            _ => true,
        }
    }

    /// Appends the properties of the root expression, as they are written there. Where the room does not suffice, none of
    /// it is left.
    pub(crate) fn write(&self, out: &mut String, room: &mut Room) {
        let mut writer = Writer { arena: &self.arena, room };
        let mut object = Fields::begin(out);
        if let Kind::Object(fields) = &self.arena[self.root].kind {
            for (key, x) in fields.iter() {
                writer.write_expr(object.field(key), *x, &self.name);
            }
        }
        object.end();
    }
}

struct Writer<'a> {
    arena: &'a Arena,
    room: &'a mut Room,
}

impl Writer<'_> {
    fn write_range(&self, out: &mut String, x: Exp, name: &Name) {
        write_range(out, self.arena[x].node.origin.range.as_ref(), name);
    }

    /// What every expression begins with: its range, its schema, what it overrides.
    fn write_head(&mut self, fields: &mut Fields<'_>, x: Exp, name: &Name) {
        self.write_range(fields.field("range"), x, name);
        let schema = self.arena[x].schema.clone();
        schema.write(fields.field("schema"), &mut self.room.schemas);
        if let Some(base) = self.arena[x].base {
            let def = self.arena[base].def;
            self.write_expr(fields.field("base"), def, name);
        }
    }

    fn write_expr(&mut self, out: &mut String, x: Exp, name: &Name) {
        // What is too long is cut off here, and refused as a whole when the result is written.
        self.room.steps = self.room.steps.saturating_sub(1);
        if self.room.steps == 0 || out.len() > self.room.bytes {
            self.room.schemas = 0;
            out.push_str("{}");
            return;
        }
        let kind = self.arena[x].kind.clone();
        if let Kind::Access(receiver, key) = &kind {
            return self.write_access(out, x, *receiver, key, name);
        }
        let node = self.arena[x].node.clone();
        let mut fields = Fields::begin(out);
        self.write_head(&mut fields, x, name);
        match (&kind, &node.kind) {
            (Kind::Literal, AstKind::Bool(value)) => Json::Bool(*value).write(fields.field("literal")),
            (Kind::Literal, AstKind::Number(text)) => Json::Number(text.clone()).write(fields.field("literal")),
            (Kind::Literal, AstKind::String(text)) => quote(text, fields.field("literal")),
            (Kind::Interpolate, AstKind::Interpolate(parts)) => {
                self.write_parts(fields.field("interpolate"), x, parts, name);
            }
            (Kind::Symbol, AstKind::Symbol(access)) => {
                self.write_accessors(fields.field("symbol"), x, 0, &access.accessors, name);
            }
            (Kind::Array(items), _) => {
                write_list(fields.field("list"), items.iter(), |out, x| self.write_expr(out, *x, name));
            }
            (Kind::Object(properties), syntax) => {
                let mut ranges = Fields::begin(fields.field("keyRanges"));
                if let AstKind::Object(properties) = syntax {
                    for key in properties.iter().filter_map(|property| property.key.as_ref()) {
                        write_range(ranges.field(&key.text), key.origin.range.as_ref(), name);
                    }
                }
                ranges.end();
                let mut object = Fields::begin(fields.field("object"));
                for (key, x) in properties.iter() {
                    self.write_expr(object.field(key), *x, name);
                }
                object.end();
            }
            (Kind::Call(call), AstKind::Call(syntax)) => self.write_call(fields.field("builtin"), call, syntax, name),
            _ => {}
        }
        fields.end();
    }

    fn write_parts(&self, out: &mut String, x: Exp, parts: &[Part], name: &Name) {
        let mut reference = 0;
        write_list(out, parts, |out, part| {
            let mut fields = Fields::begin(out);
            if !part.text.is_empty() {
                quote(&part.text, fields.field("text"));
            }
            if let Some(access) = &part.access {
                self.write_accessors(fields.field("value"), x, reference, &access.accessors, name);
                reference += access.accessors.len();
            }
            fields.end();
        });
    }

    fn write_accessors(&self, out: &mut String, x: Exp, reference: usize, accessors: &[Accessor], name: &Name) {
        let found = |at: usize| *self.arena[x].resolved.get(reference + at)?;
        write_list(out, accessors.iter().enumerate(), |out, (at, accessor)| {
            let mut fields = Fields::begin(out);
            write_accessor(&mut fields, &accessor.step, accessor.range.as_ref(), name);
            match found(at) {
                Some(def) => self.write_range(fields.field("value"), def, name),
                None => write_range(fields.field("value"), None, &Arc::from("")),
            }
            fields.end();
        });
    }

    /// A property of something unknown: the receiver that is known, and the way from there.
    fn write_access(&mut self, out: &mut String, x: Exp, receiver: Val, key: &Key, name: &Name) {
        let mut keys = vec![key.clone()];
        let (mut outermost, mut def) = (x, self.arena[receiver].def);
        while let Kind::Access(receiver, key) = &self.arena[def].kind {
            keys.push(key.clone());
            (outermost, def) = (def, self.arena[*receiver].def);
        }
        let mut fields = Fields::begin(out);
        self.write_head(&mut fields, outermost, name);
        let mut access = Fields::begin(fields.field("access"));
        self.write_range(access.field("receiver"), def, name);
        write_list(access.field("accessors"), keys.iter().rev(), |out, key| {
            let mut fields = Fields::begin(out);
            write_accessor(&mut fields, &Step::Name(key.to_string()), None, name);
            fields.end();
        });
        access.end();
        fields.end();
    }

    fn write_call(&mut self, out: &mut String, call: &Call, syntax: &AstCall, name: &Name) {
        let mut fields = Fields::begin(out);
        quote(&syntax.name.text, fields.field("name"));
        write_range(fields.field("nameRange"), syntax.name.origin.range.as_ref(), name);
        let schema = argument_schema(call, syntax);
        schema.write(fields.field("argSchema"), &mut self.room.schemas);
        self.write_argument(fields.field("arg"), call, syntax, name);
        fields.end();
    }

    fn write_argument(&mut self, out: &mut String, call: &Call, syntax: &AstCall, name: &Name) {
        let range = syntax.argument.origin.range_or(name);
        let nowhere = Range::nowhere(&Arc::from(""));
        match call {
            Call::Concat(x)
            | Call::FromBase64(x)
            | Call::ToBase64(x)
            | Call::Final(x)
            | Call::FromJson(x)
            | Call::ToJson(x)
            | Call::ToYaml(x)
            | Call::ToString(x)
            | Call::Plaintext(x) => self.write_expr(out, *x, name),
            Call::Join(one, other) | Call::Split(one, other) => {
                let mut fields = Fields::begin(out);
                range.write(fields.field("range"));
                write_list(fields.field("list"), [one, other], |out, x| self.write_expr(out, *x, name));
                fields.end();
            }
            Call::Ciphertext(x) => self.write_fields(out, &range, &[("ciphertext", *x)], name),
            Call::Validate { schema, value } => {
                self.write_fields(out, &range, &[("schema", *schema), ("value", *value)], name);
            }
            Call::Open { provider, inputs, .. } if is_long(syntax) => {
                self.write_fields(out, &nowhere, &[("provider", *provider), ("inputs", *inputs)], name);
            }
            Call::Open { inputs, .. } => self.write_expr(out, *inputs, name),
            Call::Rotate { provider, inputs, state, .. } => {
                let fields = [("inputs", *inputs), ("state", *state), ("provider", *provider)];
                let count = if is_long(syntax) { 3 } else { 2 };
                self.write_fields(out, &nowhere, &fields[..count], name);
            }
        }
    }

    fn write_fields(&mut self, out: &mut String, range: &Range, parts: &[(&str, Exp)], name: &Name) {
        let mut fields = Fields::begin(out);
        range.write(fields.field("range"));
        let mut object = Fields::begin(fields.field("object"));
        for (key, x) in parts {
            self.write_expr(object.field(key), *x, name);
        }
        object.end();
        fields.end();
    }
}

/// Whether the provider stands in the argument, not in the name.
fn is_long(syntax: &AstCall) -> bool {
    matches!(&*syntax.name.text, "fn::open" | "fn::rotate")
}

fn argument_schema(call: &Call, syntax: &AstCall) -> SchemaRef {
    match call {
        Call::Concat(_) => schema::array(schema::array(always())),
        Call::FromBase64(_) | Call::ToBase64(_) => schema::string(),
        Call::Join(..) => schema::tuple(vec![schema::string(), schema::array(schema::string())]),
        Call::Split(..) => schema::tuple(vec![schema::string(), schema::string()]),
        Call::Validate { .. } => record(&[("schema", schema::json_schema()), ("value", always())]),
        Call::Open { schema, .. } => {
            let accept = schema.borrow().clone();
            if is_long(syntax) { record(&[("provider", schema::string()), ("inputs", accept)]) } else { accept }
        }
        Call::Rotate { schemas, .. } => {
            let (inputs, state) = schemas.borrow().clone();
            let fields = [("inputs", inputs), ("state", state), ("provider", schema::string())];
            record(if is_long(syntax) { &fields } else { &fields[..2] })
        }
        _ => always(),
    }
}

fn record(fields: &[(&str, SchemaRef)]) -> SchemaRef {
    schema::record(fields.iter().map(|(k, v)| (Arc::from(*k), v.clone())).collect())
}

fn write_range(out: &mut String, range: Option<&Range>, name: &Name) {
    match range {
        Some(range) => range.write(out),
        None => Range::nowhere(name).write(out),
    }
}

fn write_accessor(fields: &mut Fields<'_>, step: &Step, range: Option<&Range>, name: &Name) {
    match step {
        Step::Name(key) | Step::Key(key) => quote(key, fields.field("key")),
        Step::Index(index) => fields.field("index").push_str(&index.to_string()),
    }
    write_range(fields.field("range"), range, name);
}
