//! Who makes a request, and what he is in the organisation that the request names.

use crate::{
    audit::{Actor, ActorKind, LogId},
    authz::Policy,
    ids::{OrgId, TeamId, TokenId, UserId},
    time::Timestamp,
    token::TokenKind,
};

/// A user, as callers and audit events need him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRef {
    /// His id.
    pub id: UserId,
    /// His login.
    pub login: String,
    /// His display name.
    pub name: String,
    /// His e-mail address; may be empty.
    pub email: String,
    /// May use the site's own operations.
    pub site_admin: bool,
}

/// An organisation, as callers and audit events need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgRef {
    /// Its id.
    pub id: OrgId,
    /// Its name in paths.
    pub name: String,
    /// Its display name.
    pub display_name: String,
    /// Its log.
    pub log: LogId,
}

/// Whom the presented token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A person.
    User(UserRef),
    /// An organisation, by one of its tokens.
    Organization(OrgRef),
    /// A team of an organisation, by one of its tokens.
    Team {
        /// The organisation.
        org: OrgRef,
        /// The team.
        team: TeamId,
        /// The team's name.
        name: String,
    },
}

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Whom the token stands for.
    pub principal: Principal,
    /// The token.
    pub token: TokenId,
    /// The token's kind.
    pub token_kind: TokenKind,
    /// Its name (its description, for personal tokens).
    pub token_name: String,
    /// The only organisation that a personal token reaches, if it was made for one (by an identity token); such a caller
    /// may not make himself a token without that limit.
    pub only_org: Option<OrgId>,
    /// When it was last used before this request, as far as the store knows; the epoch if never.
    pub last_used: Timestamp,
}

impl Caller {
    /// The user, if the caller is one.
    pub const fn user(&self) -> Option<&UserRef> {
        match &self.principal {
            Principal::User(user) => Some(user),
            _ => None,
        }
    }
    /// Whether the caller may use the site's own operations.
    pub fn is_site_admin(&self) -> bool {
        self.user().is_some_and(|u| u.site_admin)
    }
    /// The login under which the caller's actions are recorded.
    pub fn login(&self) -> &str {
        match &self.principal {
            Principal::User(user) => &user.login,
            Principal::Organization(org) | Principal::Team { org, .. } => &org.name,
        }
    }
    /// The caller as the actor of an event.
    pub fn actor(&self) -> Actor {
        let (kind, user, name) = match &self.principal {
            Principal::User(user) => (ActorKind::User, Some(user.id), &user.name),
            Principal::Organization(org) => (ActorKind::OrganizationToken, None, &org.display_name),
            Principal::Team { org, .. } => (ActorKind::TeamToken, None, &org.display_name),
        };
        Actor {
            kind,
            user,
            login: self.login().to_owned(),
            name: name.clone(),
            token: Some(self.token),
            token_name: self.token_name.clone(),
        }
    }
}

/// A built-in role of a member (contract, `OrganizationMember.role`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BuiltinRole {
    /// `member`
    Member,
    /// `admin`
    Admin,
    /// `billing-manager`
    BillingManager,
}

impl BuiltinRole {
    /// As the contract and the store write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::BillingManager => "billing-manager",
        }
    }
    /// The role written so, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Member, Self::Admin, Self::BillingManager].into_iter().find(|r| r.as_str() == text)
    }
}

/// What the caller is in the organisation that the request names, loaded once per request.
#[derive(Debug, Clone)]
pub struct OrgAccess {
    /// The organisation.
    pub org: OrgRef,
    /// The built-in role (a custom role counts as `member` on the wire).
    pub role: BuiltinRole,
    /// What it permits: the role's, the settings', the teams' and what the caller made himself, together.
    pub policy: Policy,
}
