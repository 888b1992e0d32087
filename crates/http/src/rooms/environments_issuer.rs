//! Pileus as an issuer of identity tokens: the documents that whoever trusts them fetches. No rule and no SQL.

use crate::Reply;
use http::{HeaderValue, header};
use pileus_contract::ops;
use pileus_model::Result;
use pileus_service::{
    Cx,
    environments::{self as service, Issuer},
};

/// The documents may be kept for so long; a new key is shown for much longer before it signs.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

fn described(cx: &Cx, issuer: Issuer) -> Result<Reply> {
    let document = service::configuration(&cx.app, issuer);
    Ok(Reply::json(200, &document)?.with_header(header::CACHE_CONTROL, CACHE))
}

async fn listed(cx: &Cx, issuer: Issuer) -> Result<Reply> {
    let keys = service::public_keys(&cx.app, issuer).await?;
    Ok(Reply::json(200, &keys)?.with_header(header::CACHE_CONTROL, CACHE))
}

/// `GetIssuerConfiguration`
pub async fn configuration(cx: Cx, _: ops::GetIssuerConfigurationArgs) -> Result<Reply> {
    described(&cx, Issuer::V1)
}

/// `GetIssuerKeys`
pub async fn keys(cx: Cx, _: ops::GetIssuerKeysArgs) -> Result<Reply> {
    listed(&cx, Issuer::V1).await
}

/// `GetIssuerConfigurationV2`
pub async fn configuration_v2(cx: Cx, _: ops::GetIssuerConfigurationV2Args) -> Result<Reply> {
    described(&cx, Issuer::V2)
}

/// `GetIssuerKeysV2`
pub async fn keys_v2(cx: Cx, _: ops::GetIssuerKeysV2Args) -> Result<Reply> {
    listed(&cx, Issuer::V2).await
}
