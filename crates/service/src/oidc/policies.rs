//! The policy of an issuer: reading and replacing it.

use super::{
    grants,
    rules::{self, Decision, Definition, MAX_POLICIES, Patterns},
    stored, to_store,
};
use crate::{Cx, roles::grantable};
use pileus_model::{
    Error, ErrorKind, Result, Timestamp,
    audit::{Target, catalogue},
    ids::{IssuerId, PolicyId, RoleId},
};
use pileus_store::{
    Recorded, Tx, members,
    oidc::{self as store, PolicyRow},
    organizations, teams,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The policy of an issuer.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthPolicy {
    /// Its id.
    pub id: PolicyId,
    /// Counts its changes, from 1.
    pub version: i64,
    /// What it says.
    pub policies: Vec<Definition>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

/// One policy as somebody writes it.
#[derive(Debug, Clone, Default)]
pub struct NewDefinition {
    /// `allow` or `deny`.
    pub decision: String,
    /// `organization`, `team` or `personal`.
    pub token_type: String,
    /// For `team`.
    pub team_name: Option<String>,
    /// For `personal`.
    pub user_login: Option<String>,
    /// For `organization`: a role's id.
    pub role_id: Option<String>,
    /// For `organization`: `admin`, `standard`.
    pub permissions: Vec<String>,
    /// Claims and what they must be.
    pub rules: BTreeMap<String, Value>,
}

pub(super) fn definitions(row: &PolicyRow) -> Result<Vec<Definition>> {
    stored("policy", &row.policies)
}

fn policy_of_row(row: &PolicyRow) -> Result<AuthPolicy> {
    Ok(AuthPolicy {
        id: row.id,
        version: row.version,
        policies: definitions(row)?,
        created_at: row.created_at,
        modified_at: row.modified_at,
    })
}

/// The policy of an issuer.
///
/// # Errors
/// `NotFound`; `Invalid` for what is no id.
pub async fn policy(cx: &Cx, issuer: &str) -> Result<AuthPolicy> {
    let org = cx.org()?.id;
    let issuer: IssuerId = issuer.parse().map_err(|_| Error::invalid("the issuer's id is not valid"))?;
    let row = cx.app.store.read(move |tx| store::policy_of(tx, org, issuer)).await?;
    policy_of_row(&row.ok_or_else(|| Error::not_found("OIDC issuer not found"))?)
}

/// Replaces what a policy says.
///
/// # Errors
/// `NotFound`; `Invalid`, saying what is wrong with which policy; `Forbidden` where it would grant what the caller may not
/// do himself.
pub async fn update_policy(cx: &Cx, id: &str, policies: Vec<NewDefinition>) -> Result<AuthPolicy> {
    let org = cx.org()?.id;
    let absent = || Error::not_found("authorization policy not found");
    let id: PolicyId = id.parse().map_err(|_| absent())?;
    if policies.is_empty() {
        return Err(Error::invalid("policies must not be empty"));
    }
    if policies.len() > MAX_POLICIES {
        return Err(Error::invalid(format!("policies may hold up to {MAX_POLICIES} entries")));
    }
    let parsed: Vec<Definition> = numbered(policies, parse)?;
    let (app, cx, now) = (cx.app.clone(), cx.clone(), cx.now());
    let row = app
        .store
        .write(move |tx| {
            organizations::lock(tx, org)?;
            let mut row = store::find_policy(tx, org, id)?.ok_or_else(absent)?;
            let issuer = store::find(tx, org, row.issuer)?.ok_or_else(absent)?;
            let definitions = numbered(parsed.clone(), |d| resolve(tx, &cx, d))?;
            grants::check(tx, &cx, &definitions)?;
            row.policies = to_store(&definitions)?;
            row.version += 1;
            row.modified_at = now;
            store::update_policy(tx, org, &row)?;
            let event = cx.event(
                catalogue::AUTHORIZATION_POLICY_UPDATED,
                Target::new("oidc-issuer", &issuer.url),
                format!(
                    "Updated the authorization policy of OIDC issuer \"{}\" to version {}",
                    issuer.url, row.version
                ),
            )?;
            Ok(Recorded::new(row, event))
        })
        .await?;
    policy_of_row(&row)
}

/// Converts each one; an error says which it was.
fn numbered<A, B>(items: Vec<A>, mut convert: impl FnMut(A) -> Result<B>) -> Result<Vec<B>> {
    let one =
        |(at, item)| convert(item).map_err(|e: Error| Error::new(e.kind(), format!("policies[{at}]: {}", e.message())));
    items.into_iter().enumerate().map(one).collect()
}

fn parse(new: NewDefinition) -> Result<Definition> {
    let decision = match new.decision.as_str() {
        "allow" => Decision::Allow,
        "deny" => Decision::Deny,
        _ => return Err(Error::invalid("decision must be \"allow\" or \"deny\"")),
    };
    let given = |text: Option<String>| text.filter(|t| !t.is_empty());
    let rules = new.rules.iter().map(|(claim, value)| Ok((claim.clone(), Patterns::parse(claim, value)?)));
    let definition = Definition {
        decision,
        kind: new.token_type,
        team: given(new.team_name),
        user: given(new.user_login),
        role: given(new.role_id),
        permissions: new.permissions,
        rules: rules.collect::<Result<_>>()?,
    };
    rules::check(&definition)?;
    Ok(definition)
}

/// Sees that what a policy names exists, and writes names as they are.
fn resolve(tx: &mut dyn Tx, cx: &Cx, mut definition: Definition) -> Result<Definition> {
    let access = cx.access()?;
    let org = access.org.id;
    if let Some(name) = &definition.team {
        let team = teams::find(tx, org, name)?;
        definition.team = Some(team.ok_or_else(|| Error::invalid(format!("there is no team \"{name}\"")))?.name);
    }
    if let Some(login) = &definition.user {
        let member = members::by_login(tx, org, login)?;
        let member = member.ok_or_else(|| Error::invalid(format!("the organization has no member \"{login}\"")))?;
        definition.user = Some(member.user.login);
    }
    if let Some(role) = &definition.role {
        let none = || Error::invalid(format!("there is no role \"{role}\""));
        let id: RoleId = role.parse().map_err(|_| none())?;
        let granted =
            grantable(tx, access, id).map_err(|e| if e.kind() == ErrorKind::NotFound { none() } else { e })?;
        definition.role = Some(granted.id.to_string());
    }
    Ok(definition)
}
