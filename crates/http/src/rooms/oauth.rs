//! The token endpoint on the wire: converts, calls `pileus_service::oidc`, converts back. Knows no rule and no SQL.

use pileus_contract::{ops, wire};
use pileus_model::Result;
use pileus_service::{
    Cx,
    oidc::{self, ExchangeRequest},
};

/// `Token`
pub async fn token(cx: Cx, args: ops::TokenArgs) -> Result<wire::TokenExchangeGrantResponse> {
    let request = ExchangeRequest {
        grant_type: args.body.grant_type,
        audience: args.body.audience,
        requested_token_type: args.body.requested_token_type,
        scope: args.body.scope,
        subject_token_type: args.body.subject_token_type,
        subject_token: args.body.subject_token,
        expiration: args.body.expiration,
    };
    let made = oidc::exchange(&cx, request).await?;
    Ok(wire::TokenExchangeGrantResponse {
        access_token: made.token.expose().to_owned(),
        issued_token_type: made.issued_token_type,
        token_type: "Bearer".to_owned(),
        expires_in: made.expires_in,
        scope: made.scope,
        refresh_token: None,
    })
}
