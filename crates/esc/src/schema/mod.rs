//! The subset of JSON Schema that environments infer and providers declare.
//!
//! This room knows schemas: how they are made, merged, read, written. It must never know values under evaluation: who is
//! valid is the evaluator's question.

mod compile;
mod decimal;
mod meta;
mod parse;
mod pattern;
mod write;

pub use compile::Scopes;
pub use decimal::Decimal;
pub use meta::json_schema;

use crate::json::Json;
use crate::sorted::Sorted;
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// A shared schema.
pub type SchemaRef = Arc<Schema>;

/// Which values are of a schema.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// All, none, or those that the rest says.
    pub bound: Bound,
    /// The type, empty for any.
    pub ty: Type,
    /// The only value.
    pub constant: Option<Json>,
    /// The first elements of an array.
    pub prefix_items: Vec<SchemaRef>,
    /// The other elements of an array; absent = anything.
    pub items: Option<SchemaRef>,
    /// The properties of an object.
    pub properties: Sorted<SchemaRef>,
    /// The other properties of an object; absent = anything.
    pub additional: Option<SchemaRef>,
    /// The properties that must be there.
    pub required: Vec<Arc<str>>,
    /// At least one of these.
    pub any_of: Vec<SchemaRef>,
    /// Exactly one of these.
    pub one_of: Vec<SchemaRef>,
    /// Whether what is of this schema is evaluated for rotations only. Set by compiling, from the parent's list.
    pub within_rotation: bool,
    /// What few schemas have.
    pub rest: Option<Box<Rest>>,
}

/// All, none, or some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    /// Those that the schema says.
    #[default]
    Some,
    /// All values.
    Always,
    /// No value.
    Never,
}

/// The type of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Type {
    /// Any.
    #[default]
    Any,
    /// `null`
    Null,
    /// `boolean`
    Boolean,
    /// `number`
    Number,
    /// `string`
    String,
    /// `array`
    Array,
    /// `object`
    Object,
    /// A name that no value has.
    Other(String),
}

/// The keywords that few schemas have. Numbers are kept as they were written.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    /// `$defs`
    pub defs: BTreeMap<String, SchemaRef>,
    /// `$ref`
    pub reference: String,
    /// Where the name in `$ref` is looked up: set by compiling.
    pub scope: Option<usize>,
    /// `enum`
    pub enumeration: Vec<Json>,
    /// The limits that are set, by keyword.
    pub limits: BTreeMap<Limit, String>,
    /// `pattern`
    pub pattern: String,
    /// The compiled pattern.
    pub regex: Option<Regex>,
    /// `dependentRequired`
    pub dependent_required: BTreeMap<String, Vec<String>>,
    /// `rotateOnly`: properties that are evaluated for rotations only.
    pub rotate_only: Vec<String>,
    /// Keywords that are kept and not enforced (`title`, `default`, `secret` …).
    pub notes: BTreeMap<String, Json>,
}

/// The keywords that limit numbers, lengths and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the keywords of JSON Schema")]
pub enum Limit {
    MultipleOf,
    Maximum,
    ExclusiveMaximum,
    Minimum,
    ExclusiveMinimum,
    MaxLength,
    MinLength,
    MaxItems,
    MinItems,
    MaxProperties,
    MinProperties,
}

impl Limit {
    /// Every limit and its keyword.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::MultipleOf, "multipleOf"),
        (Self::Maximum, "maximum"),
        (Self::ExclusiveMaximum, "exclusiveMaximum"),
        (Self::Minimum, "minimum"),
        (Self::ExclusiveMinimum, "exclusiveMinimum"),
        (Self::MaxLength, "maxLength"),
        (Self::MinLength, "minLength"),
        (Self::MaxItems, "maxItems"),
        (Self::MinItems, "minItems"),
        (Self::MaxProperties, "maxProperties"),
        (Self::MinProperties, "minProperties"),
    ];

    /// Whether the limit counts, and so must be a whole number.
    #[must_use]
    pub fn counts(self) -> bool {
        self >= Self::MaxLength
    }
}

impl Type {
    /// The name, empty for any.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Any => "",
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
            Self::Other(name) => name,
        }
    }
}

/// Anything.
#[must_use]
pub fn always() -> SchemaRef {
    static ALWAYS: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(Schema { bound: Bound::Always, ..Schema::default() }));
    ALWAYS.clone()
}

/// Nothing.
#[must_use]
pub fn never() -> SchemaRef {
    static NEVER: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema { bound: Bound::Never, ..Schema::default() }));
    NEVER.clone()
}

/// Any string.
#[must_use]
pub fn string() -> SchemaRef {
    static STRING: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(typed(Type::String)));
    STRING.clone()
}

/// Null.
#[must_use]
pub fn null() -> SchemaRef {
    static NULL: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(typed(Type::Null)));
    NULL.clone()
}

/// Any value of a type.
#[must_use]
pub fn typed(ty: Type) -> Schema {
    Schema { ty, ..Schema::default() }
}

/// Exactly this value.
#[must_use]
pub fn constant(ty: Type, value: Json) -> SchemaRef {
    Arc::new(Schema { constant: Some(value), ..typed(ty) })
}

/// Any array.
#[must_use]
pub fn some_array() -> SchemaRef {
    static ARRAY: LazyLock<SchemaRef> = LazyLock::new(|| array(always()));
    ARRAY.clone()
}

/// Any object.
#[must_use]
pub fn some_object() -> SchemaRef {
    static OBJECT: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(Schema { additional: Some(always()), ..typed(Type::Object) }));
    OBJECT.clone()
}

/// An array of any length.
#[must_use]
pub fn array(items: SchemaRef) -> SchemaRef {
    Arc::new(Schema { items: Some(items), ..typed(Type::Array) })
}

/// An array of exactly these elements.
#[must_use]
pub fn tuple(items: Vec<SchemaRef>) -> SchemaRef {
    Arc::new(Schema { prefix_items: items, items: Some(never()), ..typed(Type::Array) })
}

/// An object that has these properties, and may have others.
#[must_use]
pub fn record(properties: Sorted<SchemaRef>) -> SchemaRef {
    let required = properties.keys().cloned().collect();
    Arc::new(Schema { properties, required, ..typed(Type::Object) })
}

/// Exactly one of these.
#[must_use]
pub fn one_of(schemas: Vec<SchemaRef>) -> SchemaRef {
    Arc::new(Schema { one_of: schemas, ..Schema::default() })
}

impl Schema {
    /// Whether it takes everything.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.bound == Bound::Always
    }

    /// Whether it takes nothing.
    #[must_use]
    pub fn is_never(&self) -> bool {
        self.bound == Bound::Never
    }

    /// The schema of an element.
    #[must_use]
    pub fn item(&self, index: usize) -> SchemaRef {
        let own = match self.ty {
            Type::Array => self.prefix_items.get(index).or(self.items.as_ref()).cloned(),
            _ => None,
        };
        self.branches(own, |branch| branch.item(index))
    }

    /// The schema of a property.
    #[must_use]
    pub fn property(&self, name: &str) -> SchemaRef {
        let own = match self.ty {
            Type::Object => self.properties.get(name).or(self.additional.as_ref()).cloned(),
            _ => None,
        };
        self.branches(own, |branch| branch.property(name))
    }

    /// One of the branches' schemas, or the schema's own; those that take nothing are left out.
    fn branches(&self, own: Option<SchemaRef>, pick: impl Fn(&Schema) -> SchemaRef) -> SchemaRef {
        if self.any_of.is_empty() && self.one_of.is_empty() {
            return own.unwrap_or_else(never);
        }
        let branches = self.any_of.iter().chain(&self.one_of).map(|branch| pick(branch)).chain(own);
        let mut left: Vec<SchemaRef> = branches.filter(|schema| !schema.is_never()).collect();
        match left.len() {
            0 => never(),
            1 => left.pop().unwrap_or_else(never),
            _ => {
                let within_rotation = left.iter().all(|schema| schema.within_rotation);
                Arc::new(Schema { one_of: left, within_rotation, ..Schema::default() })
            }
        }
    }

    /// The text of a limit.
    #[must_use]
    pub fn limit(&self, limit: Limit) -> Option<&str> {
        self.rest.as_ref()?.limits.get(&limit).map(String::as_str)
    }
}

/// The schema of an object merged over another; of any other pair, the upper one.
#[must_use]
pub fn merged(base: &SchemaRef, top: &SchemaRef) -> SchemaRef {
    if top.ty != Type::Object || base.ty != Type::Object {
        return top.clone();
    }
    let properties = base.properties.merged(&top.properties, merged);
    let additional = match (&base.additional, &top.additional) {
        (None, top) => top.clone(),
        (Some(base), None) => Some(base.clone()),
        (Some(_), Some(_)) => Some(always()),
    };
    let required = properties.keys().cloned().collect();
    Arc::new(Schema { properties, required, additional, ..typed(Type::Object) })
}
