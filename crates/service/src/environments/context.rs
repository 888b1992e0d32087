//! Who evaluates a definition: a caller within his permissions, or Pileus itself for a scan.

use super::names::DEFAULT_PROJECT;
use crate::{App, Cx};
use pileus_esc::{host::ExecContext, value::Value};
use pileus_model::{
    Error, Result,
    audit::{Actor, ActorKind, EventType, NewEvent, Outcome, RequestInfo, Target},
    caller::{OrgAccess, OrgRef, Principal},
    token::TokenKind,
};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// Who evaluates, in which organisation.
#[derive(Clone)]
pub(super) struct Who {
    pub app: Arc<App>,
    pub org: OrgRef,
    /// What the caller may do; none for Pileus itself, which may open what an account names.
    pub access: Option<OrgAccess>,
    pub actor: Actor,
    pub request: RequestInfo,
    token: [String; 3],
}

impl Who {
    /// The caller of this request.
    ///
    /// # Errors
    /// `NotFound` outside of an organisation.
    pub fn caller(cx: &Cx) -> Result<Self> {
        let access = cx.access()?.clone();
        let caller = cx.caller()?;
        let kind = match caller.token_kind {
            TokenKind::Personal => "personal",
            TokenKind::Organization => "organization",
            TokenKind::Team => "team",
        };
        let team = match &caller.principal {
            Principal::Team { name, .. } => name.clone(),
            _ => String::new(),
        };
        let name = if caller.token_kind == TokenKind::Personal { String::new() } else { caller.token_name.clone() };
        Ok(Self {
            app: Arc::clone(&cx.app),
            org: access.org.clone(),
            access: Some(access),
            actor: cx.actor(),
            request: cx.request.clone(),
            token: [kind.to_owned(), team, name],
        })
    }
    /// Pileus itself.
    pub fn system(app: &Arc<App>, org: &OrgRef, operation: &str) -> Self {
        Self {
            app: Arc::clone(app),
            org: org.clone(),
            access: None,
            actor: Actor::system(),
            request: RequestInfo { operation: operation.to_owned().into(), ..RequestInfo::default() },
            token: Default::default(),
        }
    }
    /// Pileus itself, for somebody who set a time for it: within what he may do now.
    pub fn on_schedule(app: &Arc<App>, access: OrgAccess, operation: &str) -> Self {
        let system = Self::system(app, &access.org, operation);
        Self { access: Some(access), ..system }
    }
    /// An event in the organisation's log.
    pub fn event(&self, event: EventType, target: Target, description: String) -> NewEvent {
        NewEvent {
            log: self.org.log,
            event,
            actor: self.actor.clone(),
            request: self.request.clone(),
            target,
            outcome: Outcome::Success,
            description,
            count: 1,
        }
    }
    /// The login that `${context.pulumi.user.login}` is: the organisation's for its tokens.
    pub fn login(&self) -> &str {
        if self.actor.kind == ActorKind::System { &self.org.name } else { &self.actor.login }
    }
    /// An attribute that the subject of an identity token can name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        match name {
            "pulumi.organization.login" => Some(&self.org.name),
            "pulumi.user.login" => Some(self.login()),
            "pulumi.token.type" => Some(&self.token[0]),
            "pulumi.token.team" => Some(&self.token[1]),
            _ => None,
        }
    }
    /// The values of `${context.pulumi…}`.
    ///
    /// # Errors
    /// `Internal` (a bug).
    pub fn values(&self, seconds: i64) -> Result<ExecContext> {
        let [kind, team, name] = &self.token;
        let login = |login: &str| Value::object([("login", Value::string(login))]);
        let token = Value::object([
            ("name", Value::string(name)),
            ("team", Value::string(team)),
            ("type", Value::string(kind)),
        ]);
        let pulumi = Value::object([
            ("openDuration", Value::string(&go_duration(seconds))),
            ("organization", login(&self.org.name)),
            ("token", token),
            ("user", login(self.login())),
        ]);
        ExecContext::new(BTreeMap::from([("pulumi".to_owned(), pulumi)])).map_err(Error::internal)
    }
}

/// The schema of `${context}`, which is the same for everybody.
pub fn schema() -> serde_json::Value {
    let text = || json!({"type": "string"});
    let object = |fields: &[(&str, serde_json::Value)]| {
        let properties: serde_json::Map<_, _> = fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        let required: Vec<&str> = fields.iter().map(|(k, _)| *k).collect();
        json!({"type": "object", "properties": properties, "required": required})
    };
    let login = || object(&[("login", text())]);
    let token = object(&[("name", text()), ("team", text()), ("type", text())]);
    let pulumi = object(&[("openDuration", text()), ("organization", login()), ("token", token), ("user", login())]);
    let named = || object(&[("name", text())]);
    object(&[("currentEnvironment", named()), ("pulumi", pulumi), ("rootEnvironment", named())])
}

/// An environment's name as the vendors' tokens write it: without the project `default`.
pub(super) fn short(reference: &str) -> &str {
    reference.strip_prefix(DEFAULT_PROJECT).and_then(|rest| rest.strip_prefix('/')).unwrap_or(reference)
}

/// As Go writes a duration of whole seconds: `2h0m0s`.
pub(crate) fn go_duration(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

/// Reads a duration as Go writes it: decimal numbers with units `ns us µs ms s m h`; in whole seconds, rounded up.
///
/// # Errors
/// `Invalid`, saying what is allowed.
pub(crate) fn parse_duration(text: &str) -> Result<i64> {
    let invalid = || Error::invalid(format!("invalid duration {text:?}: write it like 2h0m0s, 90s or 1.5h"));
    let mut nanos = 0f64;
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
        let number: f64 = rest[..end].parse().map_err(|_| invalid())?;
        let units = [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];
        let unit = units.iter().find(|(unit, _)| {
            rest[end..].strip_prefix(unit).is_some_and(|after| !after.starts_with(|c: char| c.is_alphabetic()))
        });
        let (unit, size) = unit.ok_or_else(invalid)?;
        nanos += number * size;
        rest = &rest[end + unit.len()..];
    }
    let seconds = (nanos / 1e9).ceil();
    if !(1.0..=1e9).contains(&seconds) {
        return Err(invalid());
    }
    #[expect(clippy::cast_possible_truncation, reason = "within 1 and 1e9")]
    Ok(seconds as i64)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [("2h0m0s", 7200), ("90s", 90), ("1.5h", 5400), ("1ms", 1), ("1m1ns", 61)] {
            assert_eq!(parse_duration(text).unwrap(), seconds, "{text}");
        }
        for bad in ["", "1", "h", "-1s", "0s", "1x", "1..2s", "9999999999h"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert_eq!(
            schema()["properties"]["pulumi"]["properties"]["token"]["required"],
            json!(["name", "team", "type"])
        );
        assert_eq!([7200, 90, 5].map(go_duration), ["2h0m0s", "1m30s", "5s"]);
        assert_eq!([short("default/a"), short("p/a"), short("default")], ["a", "p/a", "default"]);
    }
}
