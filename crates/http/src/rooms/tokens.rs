//! The tokens of organisations and teams on the wire: converts, calls `pileus_service::tokens`, converts back. Knows no
//! rule and no SQL.

use pileus_contract::{ops, wire};
use pileus_model::Result;
use pileus_service::{
    Cx,
    tokens::{self, Created, ListQuery, NewOrganizationToken, NewTeamToken, Token, TokenPage},
};

/// `ListOrgTokens`
pub async fn list_org(cx: Cx, args: ops::ListOrgTokensArgs) -> Result<wire::ListAccessTokensResponse> {
    let query = ListQuery { filter: args.filter, max_results: args.max_results, continuation: args.continuation_token };
    tokens::list_of_organization(&cx, &query).await.map(page)
}

/// `CreateOrgToken`
pub async fn create_org(cx: Cx, args: ops::CreateOrgTokenArgs) -> Result<wire::CreateAccessTokenResponse> {
    let new = NewOrganizationToken {
        name: args.body.name,
        description: args.body.description,
        expires: args.body.expires.unwrap_or(0),
        admin: args.body.admin,
        role: args.body.role_id,
        reason: args.reason,
    };
    tokens::create_for_organization(&cx, new).await.map(created)
}

/// `DeleteOrgToken`
pub async fn delete_org(cx: Cx, args: ops::DeleteOrgTokenArgs) -> Result<()> {
    tokens::delete_of_organization(&cx, &args.token_id).await
}

/// `ListTeamTokens`
pub async fn list_team(cx: Cx, args: ops::ListTeamTokensArgs) -> Result<wire::ListAccessTokensResponse> {
    let query = ListQuery { filter: args.filter, max_results: args.max_results, continuation: args.continuation_token };
    tokens::list_of_team(&cx, &args.team_name, &query).await.map(page)
}

/// `CreateTeamToken`
pub async fn create_team(cx: Cx, args: ops::CreateTeamTokenArgs) -> Result<wire::CreateAccessTokenResponse> {
    let new = NewTeamToken {
        name: args.body.name,
        description: args.body.description,
        expires: args.body.expires.unwrap_or(0),
        reason: args.reason,
    };
    tokens::create_for_team(&cx, &args.team_name, new).await.map(created)
}

/// `DeleteTeamToken`
pub async fn delete_team(cx: Cx, args: ops::DeleteTeamTokenArgs) -> Result<()> {
    tokens::delete_of_team(&cx, &args.team_name, &args.token_id, args.reason.as_deref()).await
}

/// A page of tokens as the contract shows it.
pub(super) fn page(page: TokenPage) -> wire::ListAccessTokensResponse {
    wire::ListAccessTokensResponse {
        tokens: page.tokens.into_iter().map(access_token).collect(),
        continuation_token: page.next,
    }
}

/// A new token with its value, as the contract shows it once.
pub(super) fn created(created: Created) -> wire::CreateAccessTokenResponse {
    wire::CreateAccessTokenResponse { id: created.id.to_string(), token_value: created.value.expose().to_owned() }
}

/// A token as the contract shows it.
pub(super) fn access_token(token: Token) -> wire::AccessToken {
    let Token { row, role } = token;
    wire::AccessToken {
        id: row.id.to_string(),
        name: row.name,
        description: row.description,
        created: row.created_at.rfc3339(),
        created_by: row.created_by,
        last_used: row.last_used_at.as_seconds(),
        expires: row.expires_at.as_seconds(),
        admin: row.admin,
        role: role.map(|role| wire::AccessTokenRole {
            id: role.id.to_string(),
            name: role.name,
            default_identifier: role.counts_as.as_str().to_owned(),
        }),
        type_: Some(row.kind.as_str().to_owned()),
    }
}
