//! What becomes of environments on the wire: copied, restored, given to others. No rule and no SQL.

use super::environments::{page, user};
use pileus_contract::{ops, wire};
use pileus_model::Result;
use pileus_service::{
    Cx,
    environments::{self as service, NewCopy},
};
use serde_json::{Value, json};

/// The project of the older addresses.
const DEFAULT_PROJECT: &str = "default";

/// `CloneEnvironment`
pub async fn clone(cx: Cx, args: ops::CloneEnvironmentArgs) -> Result<()> {
    let body = args.body;
    let wanted = NewCopy {
        project: body.project,
        name: body.name,
        // SDKs without a notion of absence send 0, which no revision has.
        version: body.version.filter(|number| *number != 0),
        history: body.preserve_history == Some(true),
        access: body.preserve_access == Some(true),
        tags: body.preserve_environment_tags == Some(true),
        revision_tags: body.preserve_revision_tags == Some(true),
    };
    service::copy(&cx, &args.project_name, &args.env_name, wanted).await
}

/// `CreateEnvironment` at the older address: in the project `default`.
pub async fn create_default(cx: Cx, args: ops::CreateEnvironmentPreviewEnvironmentsArgs) -> Result<()> {
    service::create(&cx, DEFAULT_PROJECT, &args.env_name).await
}

/// `CreateRevisionTag` at the older address, whose name stands in the path.
pub async fn create_tag_default(cx: Cx, args: ops::CreateRevisionTagPreviewEnvironmentsVersionsTagsArgs) -> Result<()> {
    let revision = args.body.revision.filter(|number| *number != 0);
    service::create_revision_tag(&cx, DEFAULT_PROJECT, &args.env_name, &args.tag_name, revision).await
}

/// `ListDeletedEnvironments`
pub async fn deleted(cx: Cx, args: ops::ListDeletedEnvironmentsArgs) -> Result<wire::ListEnvironmentsResponse> {
    Ok(page(service::list_deleted(&cx, args.continuation_token.as_deref()).await?))
}

/// `RestoreEnvironment`
pub async fn restore(cx: Cx, args: ops::RestoreEnvironmentArgs) -> Result<()> {
    let body = args.body;
    service::restore(&cx, &body.project, &body.name, &body.deletion_timestamp).await
}

/// `ReassignEnvironmentOwnership`
pub async fn reassign(cx: Cx, args: ops::ReassignEnvironmentOwnershipArgs) -> Result<wire::UserInfo> {
    let login = &args.body.github_login;
    let (login, name) = service::reassign(&cx, &args.project_name, &args.env_name, login).await?;
    Ok(user(login, name))
}

/// `GetContextSchema`
pub async fn context_schema(_: Cx, _: ops::GetContextSchemaArgs) -> Result<Value> {
    Ok(json!({"schema": service::context_schema()}))
}
