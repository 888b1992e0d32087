//! Pileus as an issuer of identity tokens: the two documents that clouds fetch. No rule and no SQL.

use crate::Reply;
use http::{HeaderValue, header};
use pileus_contract::ops;
use pileus_model::Result;
use pileus_service::{Cx, environments as service};

/// Clouds may keep the documents for so long.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// `GetIssuerConfiguration`
pub async fn configuration(cx: Cx, _: ops::GetIssuerConfigurationArgs) -> Result<Reply> {
    let document = service::configuration(&cx.app);
    Ok(Reply::json(200, &document)?.with_header(header::CACHE_CONTROL, CACHE))
}

/// `GetIssuerKeys`
pub async fn keys(cx: Cx, _: ops::GetIssuerKeysArgs) -> Result<Reply> {
    let keys = service::public_keys(&cx.app).await?;
    Ok(Reply::json(200, &keys)?.with_header(header::CACHE_CONTROL, CACHE))
}
