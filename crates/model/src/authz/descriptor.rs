//! From a role's descriptor (the contract's `PermissionDescriptor` tree) to a [`Policy`].
//!
//! This room knows the descriptors' names and shapes. What it does not know it refuses, with the path of the place: a
//! role that says something which we would not enforce must not come to exist.

use super::{Condition, Expression, ObjectKind, Permission, Policy};
use crate::{Error, Result};
use serde_json::{Map, Value};

/// How deep descriptors and conditions may be nested.
pub const MAX_DEPTH: usize = 32;
/// How many nodes and permissions a descriptor may have.
pub const MAX_ENTRIES: usize = 2000;
/// How many bytes a descriptor may have, serialised.
pub const MAX_BYTES: usize = 1_000_000;
/// How many characters an identity, a tag's key or a text may have.
pub const MAX_TEXT: usize = 512;

/// Compiles a role's descriptor: `PermissionDescriptorAllow`, `…Group`, `…Condition` and `…IfThenElse`, with conditions of
/// `PermissionExpressionEqual`, `…And`, `…Or` and `…Not` on a named object or a tag.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`] for anything else, naming the place as a JSON path.
pub fn parse_descriptor(json: &Value) -> Result<Policy> {
    if serialised_len(json) > MAX_BYTES {
        return Err(Error::invalid(format!("the descriptor is too large: at most {MAX_BYTES} bytes")));
    }
    let mut parser = Parser { entries: 0, path: vec!["$".to_owned()] };
    parser.descriptor(json)
}

/// Where the parser is and how much it has seen.
struct Parser {
    entries: usize,
    path: Vec<String>,
}

impl Parser {
    fn fail<T>(&self, problem: impl std::fmt::Display) -> Result<T> {
        Err(Error::invalid(format!("{}: {problem}", self.path.concat())))
    }

    /// Goes one step down.
    fn at<T>(&mut self, step: String, inside: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.path.push(step);
        let result = inside(self);
        self.path.pop();
        result
    }

    /// Counts one node or permission.
    fn count(&mut self) -> Result<()> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return self.fail(format_args!("too many entries: at most {MAX_ENTRIES} nodes and permissions in all"));
        }
        Ok(())
    }

    /// The node as an object, with its `__type`.
    fn node<'a>(&mut self, json: &'a Value, nested: usize) -> Result<(&'a Map<String, Value>, &'a str)> {
        self.count()?;
        if nested > MAX_DEPTH {
            return self.fail(format_args!("nested too deep: at most {MAX_DEPTH} levels"));
        }
        let Some(object) = json.as_object() else {
            return self.fail("must be an object");
        };
        match object.get("__type") {
            Some(Value::String(kind)) => Ok((object, kind)),
            Some(_) => self.at(".__type".into(), |p| p.fail("must be a string")),
            None => self.fail("\"__type\" is missing"),
        }
    }

    /// A field that must be there.
    fn field<'a, T>(
        &mut self,
        object: &'a Map<String, Value>,
        name: &str,
        inside: impl FnOnce(&mut Self, &'a Value) -> Result<T>,
    ) -> Result<T> {
        match object.get(name) {
            Some(value) if !value.is_null() => self.at(format!(".{name}"), |p| inside(p, value)),
            _ => self.fail(format_args!("\"{name}\" is missing")),
        }
    }

    fn list<'a>(&self, value: &'a Value) -> Result<&'a [Value]> {
        match value.as_array() {
            Some(list) => Ok(list),
            None => self.fail("must be a list"),
        }
    }

    fn text(&self, value: &Value) -> Result<String> {
        let Some(text) = value.as_str() else {
            return self.fail("must be a string");
        };
        if text.chars().count() > MAX_TEXT {
            return self.fail(format_args!("is too long: at most {MAX_TEXT} characters"));
        }
        Ok(text.to_owned())
    }

    fn nested(&self) -> usize {
        self.path.iter().filter(|step| !step.starts_with('[')).count()
    }

    fn unsupported<T>(&mut self, kind: &str, allowed: &str) -> Result<T> {
        let kind: String = kind.chars().take(80).collect();
        self.at(".__type".into(), |p| p.fail(format_args!("\"{kind}\" is not supported here; allowed are {allowed}")))
    }
}

/// Descriptors.
impl Parser {
    fn descriptor(&mut self, json: &Value) -> Result<Policy> {
        let (object, kind) = self.node(json, self.nested())?;
        match kind {
            "PermissionDescriptorAllow" => self.allow(object),
            "PermissionDescriptorGroup" => self.field(object, "entries", |p, value| {
                let entries = p.list(value)?.iter().enumerate();
                let parts = entries.map(|(i, entry)| p.at(format!("[{i}]"), |p| p.descriptor(entry)));
                parts.collect::<Result<Vec<_>>>().map(Policy::Group)
            }),
            "PermissionDescriptorCondition" => Ok(Policy::If {
                condition: self.field(object, "condition", Self::condition)?,
                then: Box::new(self.field(object, "subNode", Self::descriptor)?),
                otherwise: Box::new(Policy::nothing()),
            }),
            "PermissionDescriptorIfThenElse" => Ok(Policy::If {
                condition: self.field(object, "condition", Self::condition)?,
                then: Box::new(self.field(object, "subNodeForTrue", Self::descriptor)?),
                otherwise: Box::new(self.field(object, "subNodeForFalse", Self::descriptor)?),
            }),
            other => self.unsupported(
                other,
                "PermissionDescriptorAllow, PermissionDescriptorGroup, PermissionDescriptorCondition and \
                 PermissionDescriptorIfThenElse",
            ),
        }
    }

    fn allow(&mut self, object: &Map<String, Value>) -> Result<Policy> {
        match object.get("constraints") {
            None | Some(Value::Null) => {}
            Some(Value::Object(constraints)) if constraints.values().all(says_nothing) => {}
            Some(_) => {
                return self.at(".constraints".into(), |p| p.fail("constraints are not supported: leave them out"));
            }
        }
        self.field(object, "permissions", |p, value| {
            let names = p.list(value)?.iter().enumerate();
            let permissions = names.map(|(i, name)| p.at(format!("[{i}]"), |p| p.permission(name)));
            permissions.collect::<Result<Vec<_>>>().map(Policy::Allow)
        })
    }

    fn permission(&mut self, value: &Value) -> Result<Permission> {
        self.count()?;
        let name = self.text(value)?;
        match Permission::parse(&name) {
            Some(permission) => Ok(permission),
            None => self.fail(format_args!("\"{name}\" is not a permission")),
        }
    }
}

/// Conditions.
impl Parser {
    fn condition(&mut self, json: &Value) -> Result<Condition> {
        let (object, kind) = self.node(json, self.nested())?;
        match kind {
            "PermissionExpressionEqual" => {
                let left = self.field(object, "left", Self::operand)?;
                let right = self.field(object, "right", Self::operand)?;
                if !comparable(&left, &right) {
                    return self.fail(
                        "the two sides can never be the same: compare an object with a literal of its kind, or a tag \
                         with a string",
                    );
                }
                Ok(Condition::Equal(left, right))
            }
            "PermissionExpressionAnd" => {
                let (left, right) = self.both(object)?;
                Ok(Condition::And(left, right))
            }
            "PermissionExpressionOr" => {
                let (left, right) = self.both(object)?;
                Ok(Condition::Or(left, right))
            }
            "PermissionExpressionNot" => Ok(Condition::Not(Box::new(self.field(object, "node", Self::condition)?))),
            other => self.unsupported(
                other,
                "PermissionExpressionEqual, PermissionExpressionAnd, PermissionExpressionOr and PermissionExpressionNot",
            ),
        }
    }

    fn both(&mut self, object: &Map<String, Value>) -> Result<(Box<Condition>, Box<Condition>)> {
        let left = self.field(object, "left", Self::condition)?;
        let right = self.field(object, "right", Self::condition)?;
        Ok((Box::new(left), Box::new(right)))
    }

    fn operand(&mut self, json: &Value) -> Result<Expression> {
        let (object, kind) = self.node(json, self.nested())?;
        if let Some(kind) = kind.strip_prefix("PermissionExpression").and_then(object_kind) {
            return Ok(Expression::Context(kind));
        }
        if let Some(kind) = kind.strip_prefix("PermissionLiteralExpression").and_then(object_kind) {
            let identity = self.field(object, "identity", |p, value| p.text(value))?;
            return Ok(Expression::Identity(kind, identity));
        }
        match kind {
            "PermissionExpressionTag" => {
                let context = self.field(object, "context", Self::context)?;
                let key = self.field(object, "key", |p, value| p.text(value))?;
                Ok(Expression::Tag(context, key))
            }
            "PermissionLiteralExpressionString" => {
                self.field(object, "value", |p, value| p.text(value)).map(Expression::Text)
            }
            other => self.unsupported(
                other,
                "the Environment, Stack, InsightsAccount and Team forms of PermissionExpression and \
                 PermissionLiteralExpression, PermissionExpressionTag and PermissionLiteralExpressionString",
            ),
        }
    }

    fn context(&mut self, json: &Value) -> Result<ObjectKind> {
        let (_, kind) = self.node(json, self.nested())?;
        match kind.strip_prefix("PermissionExpression").and_then(object_kind) {
            Some(kind) => Ok(kind),
            None => self.unsupported(
                kind,
                "PermissionExpressionEnvironment, PermissionExpressionStack, PermissionExpressionInsightsAccount and \
                 PermissionExpressionTeam",
            ),
        }
    }
}

/// The kind of object that the ending of an expression's name stands for.
fn object_kind(name: &str) -> Option<ObjectKind> {
    match name {
        "Environment" => Some(ObjectKind::Environment),
        "Stack" => Some(ObjectKind::Stack),
        "InsightsAccount" => Some(ObjectKind::Account),
        "Team" => Some(ObjectKind::Team),
        _ => None,
    }
}

/// A constraint's zero is the contract's way to say that there is none.
fn says_nothing(constraint: &Value) -> bool {
    constraint.is_null() || constraint.as_i64() == Some(0)
}

/// Whether the two can be the same at all. Two different kinds of object, or an object and a text, cannot.
fn comparable(left: &Expression, right: &Expression) -> bool {
    let object = |e: &Expression| match e {
        Expression::Context(kind) | Expression::Identity(kind, _) => Some(*kind),
        Expression::Tag(..) | Expression::Text(_) => None,
    };
    let tag = |e: &Expression| match e {
        Expression::Tag(kind, _) => Some(*kind),
        _ => None,
    };
    if let (Some(a), Some(b)) = (tag(left), tag(right)) {
        return a == b;
    }
    object(left) == object(right)
}

/// How many bytes it has, serialised, without serialising it into memory.
fn serialised_len(json: &Value) -> usize {
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, json) {
        Ok(()) => counter.0,
        Err(_) => usize::MAX,
    }
}
