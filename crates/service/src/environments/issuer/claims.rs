//! What identity tokens say: of the environment whose definition asks for them, and of whoever opened it.
//!
//! Two kinds: those that login providers exchange at a cloud (v1), and those for an audience of one's own (v2). This room
//! knows the claims. It must never know keys.

use super::Issuer;
use crate::{
    App,
    environments::{
        context::{Who, short},
        providers::Place,
    },
};
use pileus_model::{Error, Result};
use std::collections::BTreeMap;

/// What tokens of the second kind call their claims after.
const OWN: &str = "https://pulumi.com/";

/// What a token says, but for its times and its id.
#[derive(Debug, Clone)]
pub(in crate::environments) struct Claims {
    pub(super) issuer: Issuer,
    /// The environment that declares the call, for the record.
    pub(super) environment: String,
    said: BTreeMap<String, String>,
}

impl Claims {
    /// Of a token for a cloud. `vendor` begins the audience: `aws`, `azure`, `gcp`.
    ///
    /// # Errors
    /// `Invalid` for an attribute that a subject cannot have.
    pub fn vendor(who: &Who, place: &Place, vendor: &str, attributes: &[String]) -> Result<Self> {
        let subject = subject(who, place, attributes)?;
        let org = &who.org.name;
        // Environments of the project `default` are older than projects, and so are the policies that trust them.
        let audience = match place.current.strip_prefix("default/") {
            Some(_) => org.clone(),
            None => format!("{vendor}:{org}"),
        };
        let mut claims = Self::new(&who.app, Issuer::V1, place, audience, subject);
        claims.say("current_env", &place.current);
        claims.say("root_env", &place.root);
        claims.say("trigger_user", who.login());
        Ok(claims)
    }

    /// Of a token for an audience of one's own; none where the definition is not stored, since the subject is its id.
    pub fn custom(who: &Who, place: &Place, audience: &str) -> Option<Self> {
        let current = place.current_id?;
        let subject = format!("pulumi:org:{}:env:{current}", who.org.id);
        let mut claims = Self::new(&who.app, Issuer::V2, place, audience.to_owned(), subject);
        let own = |name: &str| format!("{OWN}{name}");
        claims.say(&own("org"), &who.org.name);
        claims.say(&own("org_id"), &who.org.id.to_string());
        claims.say(&own("current_env"), &place.current);
        claims.say(&own("current_env_id"), &current.to_string());
        claims.say(&own("root_env"), &place.root);
        if let Some(root) = place.root_id {
            claims.say(&own("root_env_id"), &root.to_string());
        }
        claims.say(&own("actor"), who.login());
        Some(claims)
    }

    fn new(app: &App, issuer: Issuer, place: &Place, audience: String, subject: String) -> Self {
        let said = [("iss", issuer.url(app)), ("aud", audience), ("sub", subject)];
        let said = said.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { issuer, environment: place.current.clone(), said }
    }
    fn say(&mut self, name: &str, value: &str) {
        self.said.insert(name.to_owned(), value.to_owned());
    }
    /// All of them.
    pub fn shown(&self) -> &BTreeMap<String, String> {
        &self.said
    }
    pub(super) fn of(&self, name: &str) -> &str {
        self.said.get(name).map_or("", String::as_str)
    }
}

fn subject(who: &Who, place: &Place, attributes: &[String]) -> Result<String> {
    let org = &who.org.name;
    if attributes.is_empty() {
        return Ok(format!("pulumi:environments:org:{org}:env:{}", short(&place.current)));
    }
    let mut subject = format!("pulumi:environments:pulumi.organization.login:{org}");
    for attribute in attributes {
        let value = match attribute.as_str() {
            "currentEnvironment.name" => Some(short(&place.current)),
            "rootEnvironment.name" => Some(short(&place.root)),
            other => who.attribute(other),
        };
        let value = value.ok_or_else(|| {
            Error::invalid(format!(
                "subjectAttributes: \"{attribute}\" is none of currentEnvironment.name, pulumi.organization.login, \
                 pulumi.token.team, pulumi.token.type, pulumi.user.login, rootEnvironment.name"
            ))
        })?;
        subject.push_str(&format!(":{attribute}:{value}"));
    }
    Ok(subject)
}
