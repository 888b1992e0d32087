//! What a policy says, and what it makes of a request: pure rules.

use super::jwt::Claims;
use pileus_model::{Error, Result, token::TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Policies of one issuer.
pub const MAX_POLICIES: usize = 100;
/// Rules of one policy.
const MAX_RULES: usize = 50;
/// Patterns of one rule.
const MAX_PATTERNS: usize = 100;
/// Longest name of a claim and longest pattern, in bytes.
const MAX_TEXT: usize = 1024;

/// What happens to a token that a policy fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It is granted.
    Allow,
    /// It is refused, whatever another policy says.
    Deny,
}

impl Decision {
    /// As the contract writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// One policy: which identity tokens get (or do not get) which access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// What happens.
    pub decision: Decision,
    /// The kind of access token that it is about: `organization`, `team` or `personal`.
    pub kind: String,
    /// The team, for a team's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The user, for a personal token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The role of an organisation's token, by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `admin` and `standard`, for an organisation's token.
    pub permissions: Vec<String>,
    /// The claims that a token must have: each one with one of these patterns, in which `*` stands for any text.
    pub rules: BTreeMap<String, Patterns>,
}

/// What a claim must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Patterns {
    /// This.
    One(String),
    /// One of these.
    Any(Vec<String>),
}

impl Patterns {
    /// From JSON: a text, a number, a truth value, or a list of them.
    ///
    /// # Errors
    /// `Invalid` for anything else and for empty lists and texts.
    pub fn parse(claim: &str, value: &Value) -> Result<Self> {
        let wrong = || {
            Error::invalid(format!(
                "rules.{claim} must be a text of 1 to {MAX_TEXT} bytes or a list of 1 to {MAX_PATTERNS} of them"
            ))
        };
        let pattern = |v: &Value| scalar(v).filter(|t| (1..=MAX_TEXT).contains(&t.len())).ok_or_else(wrong);
        match value {
            Value::Array(list) if (1..=MAX_PATTERNS).contains(&list.len()) => {
                list.iter().map(pattern).collect::<Result<_>>().map(Self::Any)
            }
            Value::Array(_) => Err(wrong()),
            other => pattern(other).map(Self::One),
        }
    }
    /// As JSON, in the form in which they were written.
    pub fn to_json(&self) -> Value {
        match self {
            Self::One(one) => Value::from(one.as_str()),
            Self::Any(any) => Value::from(any.as_slice()),
        }
    }
    fn iter(&self) -> impl Iterator<Item = &str> {
        let all = match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Any(any) => any.as_slice(),
        };
        all.iter().map(String::as_str)
    }
    /// Whether the claim is one of these; a list is if one of its elements is.
    fn fit(&self, claim: &Value) -> bool {
        let one = |value: &Value| scalar(value).is_some_and(|text| self.iter().any(|p| glob(p, &text)));
        match claim {
            Value::Array(list) => list.iter().any(one),
            other => one(other),
        }
    }
}

/// The text of a claim that is neither a list nor an object nor null.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Whether the pattern, in which `*` stands for any text, also none and also `/` and `:`, covers the whole text.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').map_or(("", rest), |(middle, last)| (middle, last));
    for part in middle.split('*').filter(|p| !p.is_empty()) {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.len() >= last.len() && left.ends_with(last)
}

/// The access token that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The organisation's; with admin rights or not.
    Organization {
        /// With admin rights.
        admin: bool,
    },
    /// This team's.
    Team(String),
    /// This user's.
    Personal(String),
}

impl Wanted {
    pub(super) const fn kind(&self) -> TokenKind {
        match self {
            Self::Organization { .. } => TokenKind::Organization,
            Self::Team(_) => TokenKind::Team,
            Self::Personal(_) => TokenKind::Personal,
        }
    }
}

impl Definition {
    /// Whether it is about this kind of access token, and about this team or user.
    fn concerns(&self, wanted: &Wanted) -> bool {
        self.kind == wanted.kind().as_str()
            && match wanted {
                Wanted::Organization { .. } => true,
                Wanted::Team(name) => self.team.as_deref() == Some(name),
                Wanted::Personal(login) => self.user.as_deref().is_some_and(|u| u.eq_ignore_ascii_case(login)),
            }
    }
    fn fits(&self, claims: &Claims) -> bool {
        !self.rules.is_empty() && self.rules.iter().all(|(name, p)| claims.get(name).is_some_and(|claim| p.fit(claim)))
    }
    /// Whether it grants admin rights.
    pub fn grants_admin(&self) -> bool {
        self.permissions.iter().any(|p| p == "admin")
    }
}

/// What the policies make of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict<'a> {
    /// This one allows it.
    Allowed(&'a Definition),
    /// One denies it.
    Denied,
    /// None allows it.
    Nothing,
}

/// A denial anywhere in the list wins; else the first policy that allows what is wanted.
pub(super) fn judge<'a>(policies: &'a [Definition], wanted: &Wanted, claims: &Claims) -> Verdict<'a> {
    let mut fitting = policies.iter().filter(|p| p.concerns(wanted) && p.fits(claims));
    let admin = *wanted == Wanted::Organization { admin: true };
    let mut allowed = None;
    if fitting.any(|p| {
        if p.decision == Decision::Allow && allowed.is_none() && (!admin || p.grants_admin()) {
            allowed = Some(p);
        }
        p.decision == Decision::Deny
    }) {
        return Verdict::Denied;
    }
    allowed.map_or(Verdict::Nothing, Verdict::Allowed)
}

/// Checks the form of a policy: everything that needs no look into the store.
///
/// # Errors
/// `Invalid`, saying what is wrong and what is allowed.
pub(super) fn check(policy: &Definition) -> Result<()> {
    let team = policy.kind == TokenKind::Team.as_str();
    let personal = policy.kind == TokenKind::Personal.as_str();
    let organization = policy.kind == TokenKind::Organization.as_str();
    let invalid = |text: &str| Err(Error::invalid(text));
    match policy.kind.as_str() {
        "runner" => return invalid("tokenType \"runner\" is not served: there are no deployment runners here"),
        _ if !team && !personal && !organization => {
            return invalid("tokenType must be \"organization\", \"team\" or \"personal\"");
        }
        _ => {}
    }
    if policy.team.is_some() != team {
        return invalid("teamName is required for tokenType \"team\" and only allowed there");
    }
    if policy.user.is_some() != personal {
        return invalid("userLogin is required for tokenType \"personal\" and only allowed there");
    }
    if policy.role.is_some() && !organization {
        return invalid("roleID is only allowed for tokenType \"organization\"");
    }
    if policy.permissions.iter().any(|p| p != "admin" && p != "standard") {
        return invalid("authorizedPermissions may hold \"admin\" and \"standard\"");
    }
    if policy.grants_admin() && (!organization || policy.role.is_some()) {
        return invalid(
            "authorizedPermissions may hold \"admin\" only for tokenType \"organization\" without a roleID",
        );
    }
    check_rules(policy)
}

fn check_rules(policy: &Definition) -> Result<()> {
    if policy.rules.is_empty() {
        return Err(Error::invalid("rules must not be empty: without any, every token of the issuer would fit"));
    }
    if policy.rules.len() > MAX_RULES || policy.rules.keys().any(|name| name.is_empty() || name.len() > MAX_TEXT) {
        return Err(Error::invalid(format!("rules may name up to {MAX_RULES} claims of 1 to {MAX_TEXT} bytes")));
    }
    let Some(audience) = policy.rules.get("aud") else {
        return Err(Error::invalid("rules must hold \"aud\": tokens that were issued for others must not be accepted"));
    };
    let anything = |pattern: &str| pattern.chars().all(|c| c == '*');
    if policy.decision == Decision::Allow && audience.iter().any(anything) {
        return Err(Error::invalid(
            "rules.aud must name an audience: \"*\" would accept tokens that were issued for others",
        ));
    }
    Ok(())
}
