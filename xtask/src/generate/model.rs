//! The contract in memory: operations, their policies, and types after references are resolved.
//!
//! This room knows the shapes only. It must never read or write a file.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Everything that the generator works from.
#[derive(Debug)]
pub struct Contract {
    /// All operations, sorted by id.
    pub operations: Vec<Operation>,
    /// The objects that served operations use, by name.
    pub records: BTreeMap<String, Record>,
    /// The catalogue of event types, sorted by id.
    pub events: Vec<Event>,
}

impl Contract {
    /// The served operations with their policies, sorted by id.
    pub fn served(&self) -> impl Iterator<Item = (&Operation, &Policy)> {
        self.operations.iter().filter_map(|o| o.policy.as_ref().map(|p| (o, p)))
    }
}

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// The operationId.
    pub id: String,
    /// The method, upper case.
    pub method: String,
    /// The path with its `{parameters}`.
    pub path: String,
    /// The tags, the broad one first.
    pub tags: Vec<String>,
    /// Path and query parameters.
    pub parameters: Vec<Parameter>,
    /// The type of the body, if it takes one.
    pub body: Option<Type>,
    /// The first success that the contract names, and its content.
    pub success: Success,
    /// Other statuses that come with a body of their own.
    pub others: Vec<(u16, Type)>,
    /// Whether it is ours rather than the contract's.
    pub own: bool,
    /// The policy, if it is served.
    pub policy: Option<Policy>,
    /// Why it answers 404 instead of 501, if it does.
    pub absent: Option<String>,
    /// The operation that serves it, where it is only another address of that one.
    pub alias: Option<String>,
}

impl Operation {
    /// The tag that it is listed under: the finest.
    pub fn tag(&self) -> &str {
        self.tags.last().map_or("Miscellaneous", String::as_str)
    }
    /// Whether it only reads.
    pub fn reads(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }
    /// The status of its success.
    pub fn status(&self) -> u16 {
        self.policy.as_ref().and_then(|p| p.status).unwrap_or(self.success.status)
    }
}

/// The success of an operation.
#[derive(Debug)]
pub struct Success {
    /// The status.
    pub status: u16,
    /// Content type and type of the body; none without a body.
    pub content: Option<(String, Type)>,
    /// Content types of text that a caller may ask for instead.
    pub texts: Vec<String>,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header; `crates/http` hands on only those that it knows as arguments.
    Header,
}

/// A parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Where.
    pub place: Place,
    /// The name on the wire.
    pub name: String,
    /// Whether it must be there.
    pub required: bool,
    /// Its type.
    pub kind: Type,
}

/// A type.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// Any JSON value.
    Any,
    /// An object whose fields are not known here.
    Object,
    /// A text.
    Text {
        /// The values it can take; empty: any.
        one_of: Vec<String>,
        /// A format of OpenAPI, for the description only.
        format: Option<String>,
    },
    /// An integer.
    Integer {
        /// The values it can take; empty: any in the range.
        one_of: Vec<i64>,
        /// The smallest.
        min: i64,
        /// The greatest.
        max: i64,
        /// Whether the limits were declared, rather than those of the machine.
        limited: bool,
    },
    /// A number.
    Number,
    /// A truth value.
    Boolean,
    /// A list.
    List(Box<Type>),
    /// An object as a map.
    Map(Box<Type>),
    /// A named object.
    Record(String),
}

/// A named object, inheritance flattened.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its fields in the contract's order.
    pub fields: Vec<Field>,
}

/// A field of an object.
#[derive(Debug, Clone)]
pub struct Field {
    /// The name on the wire.
    pub name: String,
    /// Whether it must be there.
    pub required: bool,
    /// Its type.
    pub kind: Type,
}

/// One entry of `served.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// `room::function` in `crates/http/src/rooms`.
    pub serve: String,
    /// Who may.
    pub access: String,
    /// On which object the permission is checked.
    pub object: Option<String>,
    /// The events that it leaves.
    pub audit: Option<OneOrMany>,
    /// Why it leaves none although it changes something.
    pub why_unaudited: Option<String>,
    /// The event of a refusal.
    pub denied: Option<String>,
    /// The rate class.
    pub rate: Option<String>,
    /// The status of its success, where it is not the contract's.
    pub status: Option<u16>,
    /// Required fields that may be absent, each with the client that omits it.
    #[serde(default)]
    pub relax: BTreeMap<String, String>,
    /// How the body is written.
    pub body: Option<String>,
    /// One line in our words.
    pub summary: String,
}

impl Policy {
    /// The events that it leaves.
    pub fn events(&self) -> Vec<&str> {
        match &self.audit {
            None => Vec::new(),
            Some(OneOrMany::One(one)) if one == "none" => Vec::new(),
            Some(OneOrMany::One(one)) => vec![one],
            Some(OneOrMany::Many(many)) => many.iter().map(String::as_str).collect(),
        }
    }
    /// The event of a refusal.
    pub fn denied(&self) -> &str {
        self.denied.as_deref().unwrap_or("auth-failure-organization-role")
    }
    /// The rate class.
    pub fn rate(&self) -> &str {
        self.rate.as_deref().unwrap_or("default")
    }
    /// How the body is written.
    pub fn body(&self) -> &str {
        self.body.as_deref().unwrap_or("json")
    }
    /// Whether anybody may call it without credentials.
    pub fn is_public(&self) -> bool {
        self.access == "public"
    }
}

/// One text or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// A type of event in the audit log.
#[derive(Debug)]
pub struct Event {
    /// The identifier.
    pub id: String,
    /// The display name.
    pub display_name: String,
    /// What it means.
    pub description: String,
    /// The action needs the organisation's admin role.
    pub requires_org_admin: bool,
    /// The action needs admin permission on the stack.
    pub requires_stack_admin: bool,
    /// It is a failed authentication or authorisation.
    pub authentication_failure: bool,
    /// What took its place, if it is deprecated.
    pub replaced_by: Option<String>,
    /// It is ours.
    pub own: bool,
}
