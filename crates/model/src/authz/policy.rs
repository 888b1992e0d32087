//! The policy that a role descriptor compiles to, and its evaluation.
//!
//! Evaluation is three-valued: a condition about an environment says nothing of a team, so neither of its branches
//! applies there. What is not granted is refused.

use super::Permission;
use crate::ids::UserId;

/// The kinds of object that a condition can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// The organisation itself.
    Organization,
    /// A team.
    Team,
    /// A stack.
    Stack,
    /// An ESC environment.
    Environment,
    /// An Insights account.
    Account,
}

/// The object that a request acts on.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its identity, as role descriptors write it: a team's name, `project/environment`, …
    pub identity: &'a str,
    /// Its tags.
    pub tags: &'a [(String, String)],
}

/// The tag under which an object's owner stands among its tags when permissions are checked. No real tag is called so.
pub const OWNER: &str = "\0owner";

/// The beginning of the tags under which teams stand among an object's tags when permissions are checked, each with the number
/// of its permission there. No real tag is called so.
pub const TEAM_PREFIX: &str = "\0team:";

/// The beginning of the tags under which the seconds stand for which a team may keep an environment open at most, where it
/// is limited. No real tag is called so.
pub const OPEN_PREFIX: &str = "\0open:";

impl Object<'_> {
    /// The organisation itself.
    pub const ORGANIZATION: Object<'static> = Object { kind: ObjectKind::Organization, identity: "", tags: &[] };
}

/// What a role permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// Everything (the organisation's admin).
    Everything,
    /// These permissions, on any object.
    Allow(Vec<Permission>),
    /// What any of these permits. Empty: nothing.
    Group(Vec<Policy>),
    /// One or the other.
    If {
        /// Decides which.
        condition: Condition,
        /// Where it holds.
        then: Box<Policy>,
        /// Where it does not hold.
        otherwise: Box<Policy>,
    },
}

/// A condition on the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Both sides are the same.
    Equal(Expression, Expression),
    /// Both hold.
    And(Box<Condition>, Box<Condition>),
    /// One of them holds.
    Or(Box<Condition>, Box<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// The object of this kind that the request acts on.
    Context(ObjectKind),
    /// The object of this kind with this identity.
    Identity(ObjectKind, String),
    /// The value of this tag of the object of this kind.
    Tag(ObjectKind, String),
    /// A text.
    Text(String),
}

/// What an expression is for one object.
#[derive(PartialEq)]
enum Value<'a> {
    Identity(ObjectKind, &'a str),
    Text(&'a str),
    NoSuchTag,
}

impl Expression {
    fn value<'a>(&'a self, object: &Object<'a>) -> Option<Value<'a>> {
        match self {
            Self::Context(kind) if *kind == object.kind => Some(Value::Identity(*kind, object.identity)),
            Self::Tag(kind, key) if *kind == object.kind => {
                let tag = object.tags.iter().find(|(k, _)| k == key);
                Some(tag.map_or(Value::NoSuchTag, |(_, v)| Value::Text(v)))
            }
            Self::Context(_) | Self::Tag(..) => None,
            Self::Identity(kind, identity) => Some(Value::Identity(*kind, identity)),
            Self::Text(text) => Some(Value::Text(text)),
        }
    }
}

impl Condition {
    /// Whether it holds; `None` where it says nothing of this kind of object.
    pub fn holds(&self, object: &Object<'_>) -> Option<bool> {
        match self {
            Self::Equal(a, b) => {
                let (a, b) = (a.value(object)?, b.value(object)?);
                Some(a == b && a != Value::NoSuchTag)
            }
            Self::And(a, b) => match (a.holds(object), b.holds(object)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Or(a, b) => match (a.holds(object), b.holds(object)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Self::Not(a) => a.holds(object).map(|held| !held),
        }
    }
}

/// The team and the seconds of a tag that limits how long an environment stays open.
fn limit((key, value): &(String, String)) -> Option<(&str, i64)> {
    Some((key.strip_prefix(OPEN_PREFIX)?, value.parse().ok()?))
}

impl Policy {
    /// A policy that permits nothing.
    pub const fn nothing() -> Self {
        Self::Group(Vec::new())
    }
    /// These permissions, if the object is the one of this kind with this identity.
    pub fn on(kind: ObjectKind, identity: impl Into<String>, permissions: Vec<Permission>) -> Self {
        Self::If {
            condition: Condition::Equal(Expression::Context(kind), Expression::Identity(kind, identity.into())),
            then: Box::new(Self::Allow(permissions)),
            otherwise: Box::new(Self::nothing()),
        }
    }
    /// These permissions on every object of this kind whose [`OWNER`] this is.
    pub fn on_own(kind: ObjectKind, owner: UserId, permissions: Vec<Permission>) -> Self {
        let owned = Condition::Equal(Expression::Tag(kind, OWNER.into()), Expression::Text(owner.to_string()));
        Self::If { condition: owned, then: Box::new(Self::Allow(permissions)), otherwise: Box::new(Self::nothing()) }
    }
    /// These permissions on every object of this kind on which this team was given the permission with this number.
    pub fn on_team(kind: ObjectKind, team: &str, number: i64, permissions: Vec<Permission>) -> Self {
        let tag = Expression::Tag(kind, format!("{TEAM_PREFIX}{team}"));
        let given = Condition::Equal(tag, Expression::Text(number.to_string()));
        Self::If { condition: given, then: Box::new(Self::Allow(permissions)), otherwise: Box::new(Self::nothing()) }
    }
    /// Whether it permits this on that object.
    pub fn allows(&self, permission: Permission, object: &Object<'_>) -> bool {
        match self {
            Self::Everything => true,
            Self::Allow(permissions) => permissions.contains(&permission),
            Self::Group(parts) => parts.iter().any(|p| p.allows(permission, object)),
            Self::If { condition, then, otherwise } => match condition.holds(object) {
                Some(true) => then.allows(permission, object),
                Some(false) => otherwise.allows(permission, object),
                None => false,
            },
        }
    }
    /// For how many seconds this environment may stay open for whoever has this policy, if he may do this with it only by way of
    /// teams that are limited there: the longest of their times. `None`: no limit.
    pub fn longest_open(&self, permission: Permission, object: &Object<'_>) -> Option<i64> {
        let limits: Vec<(&str, i64)> = object.tags.iter().filter_map(limit).collect();
        let team = |key: &str| key.strip_prefix(TEAM_PREFIX).map(str::to_owned);
        let allows_with = |limited: Option<&str>| {
            let stays = |key: &str| match team(key) {
                Some(team) => limited == Some(&*team) || limits.iter().all(|(other, _)| *other != team),
                None => true,
            };
            let tags: Vec<(String, String)> = object.tags.iter().filter(|(key, _)| stays(key)).cloned().collect();
            self.allows(permission, &Object { tags: &tags, ..*object })
        };
        if limits.is_empty() || allows_with(None) {
            return None;
        }
        limits.iter().filter(|(team, _)| allows_with(Some(team))).map(|(_, seconds)| *seconds).max()
    }
    /// Whether whoever has this policy may grant the other one: he holds each of its permissions himself, without
    /// condition. Nobody can give what he does not have.
    pub fn covers(&self, other: &Self) -> bool {
        match other {
            Self::Everything => self.is_everything(),
            Self::Allow(permissions) => permissions.iter().all(|p| self.holds_unconditionally(*p)),
            Self::Group(parts) => parts.iter().all(|p| self.covers(p)),
            Self::If { then, otherwise, .. } => self.covers(then) && self.covers(otherwise),
        }
    }
    fn is_everything(&self) -> bool {
        match self {
            Self::Everything => true,
            Self::Group(parts) => parts.iter().any(Self::is_everything),
            _ => false,
        }
    }
    fn holds_unconditionally(&self, permission: Permission) -> bool {
        match self {
            Self::Everything => true,
            Self::Allow(permissions) => permissions.contains(&permission),
            Self::Group(parts) => parts.iter().any(|p| p.holds_unconditionally(permission)),
            Self::If { .. } => false,
        }
    }
}
