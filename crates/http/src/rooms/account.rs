//! The caller's own account on the wire: who he is, his default organisation, his tokens. Knows no rule and no SQL.

use super::tokens::{created, page};
use pileus_contract::{ops, wire};
use pileus_model::{
    Result,
    caller::{BuiltinRole, OrgRef, UserRef},
};
use pileus_service::{
    Cx, organizations,
    tokens::{self, ListQuery},
    users::{self, Current, Membership},
};

/// `GetCurrentUser`
pub async fn current(cx: Cx, _args: ops::GetCurrentUserArgs) -> Result<wire::User> {
    Ok(match users::current(&cx).await? {
        Current::Person(person, memberships) => user(&person, &memberships),
        Current::Machine { org, role, team, token } => {
            let (id, team) = team.map_or((org.id.to_string(), String::new()), |(id, name)| (id.to_string(), name));
            wire::User {
                id,
                github_login: org.name.clone(),
                name: org.display_name.clone(),
                organizations: vec![summary(&org, role)],
                token_info: Some(wire::TokenInfo { name: token, organization: org.name.clone(), team }),
                ..wire::User::default()
            }
        }
    })
}

/// `GetDefaultOrganization`: the empty text for someone who is in no organisation, as the reply's schema has it.
pub async fn default_organization(
    cx: Cx,
    _args: ops::GetDefaultOrganizationArgs,
) -> Result<wire::AppGetDefaultOrganizationResponse> {
    let org = organizations::default_of_caller(&cx).await?;
    let git_hub_login = org.map(|org| org.name).unwrap_or_default();
    Ok(wire::AppGetDefaultOrganizationResponse { git_hub_login, messages: Vec::new() })
}

/// `UpdateDefaultOrganization`
pub async fn set_default_organization(cx: Cx, _args: ops::UpdateDefaultOrganizationArgs) -> Result<()> {
    organizations::set_default(&cx).await
}

/// `ListPersonalTokens`
pub async fn list_tokens(cx: Cx, args: ops::ListPersonalTokensArgs) -> Result<wire::ListAccessTokensResponse> {
    let query = ListQuery { filter: args.filter, max_results: args.max_results, continuation: args.continuation_token };
    tokens::list(&cx, &query).await.map(page)
}

/// `CreatePersonalToken`
pub async fn create_token(cx: Cx, args: ops::CreatePersonalTokenArgs) -> Result<wire::CreateAccessTokenResponse> {
    let (description, expires) = (args.body.description, args.body.expires.unwrap_or(0));
    tokens::create(&cx, description, expires, args.reason.as_deref()).await.map(created)
}

/// `DeletePersonalToken`
pub async fn delete_token(cx: Cx, args: ops::DeletePersonalTokenArgs) -> Result<()> {
    tokens::delete(&cx, &args.token_id).await
}

/// A person as the contract shows him, with these organisations.
pub(super) fn user(user: &UserRef, memberships: &[Membership]) -> wire::User {
    wire::User {
        id: user.id.to_string(),
        github_login: user.login.clone(),
        name: user.name.clone(),
        email: user.email.clone(),
        organizations: memberships.iter().map(|m| summary(&m.org, m.role)).collect(),
        site_admin: Some(user.site_admin),
        ..wire::User::default()
    }
}

/// An organisation as one of a user's.
fn summary(org: &OrgRef, role: BuiltinRole) -> wire::OrganizationSummaryWithRole {
    wire::OrganizationSummaryWithRole {
        name: org.display_name.clone(),
        github_login: org.name.clone(),
        role: role.as_str().to_owned(),
        ..wire::OrganizationSummaryWithRole::default()
    }
}
