//! What environments can open: the providers and their schemas. No rule and no SQL.

use crate::Reply;
use pileus_contract::{ops, wire};
use pileus_model::{Error, Result};
use pileus_service::{Cx, environments as service};
use serde_json::json;

fn names() -> wire::ListProvidersResponse {
    wire::ListProvidersResponse { providers: service::providers().map(|provider| provider.name.to_owned()).collect() }
}

/// `{name, description, inputs, outputs}`; the schemas are written as they are kept.
fn described(name: &str) -> Result<Reply> {
    let found = service::provider(name).ok_or_else(|| Error::not_found(format!("provider \"{name}\" not found")))?;
    let service::Provider { name, description, inputs, outputs } = found;
    Reply::json(200, &json!({"name": name, "description": description, "inputs": inputs, "outputs": outputs}))
}

/// `ListProviders_esc`. Every organisation has all of them.
pub async fn list(_: Cx, _: ops::ListProvidersEscArgs) -> Result<wire::ListProvidersResponse> {
    Ok(names())
}

/// `GetProviderSchema_esc`
pub async fn schema(_: Cx, args: ops::GetProviderSchemaEscArgs) -> Result<Reply> {
    described(&args.provider_name)
}

/// `ListProviders_preview_environments`
pub async fn list_preview(_: Cx, _: ops::ListProvidersPreviewEnvironmentsArgs) -> Result<wire::ListProvidersResponse> {
    Ok(names())
}

/// `GetProviderSchema_preview_environments`
pub async fn schema_preview(_: Cx, args: ops::GetProviderSchemaPreviewEnvironmentsArgs) -> Result<Reply> {
    described(&args.provider_name)
}
