//! Revisions of environments and their tags on the wire. No rule and no SQL.

use super::environments::definition;
use crate::Reply;
use pileus_contract::{ops, wire};
use pileus_model::{Error, Result};
use pileus_service::{
    Cx,
    environments::{self as service, Revision, RevisionTag},
};

/// How many entries a page has if nobody says.
const PAGE: i64 = 100;

fn page_size(count: Option<i64>) -> Result<i64> {
    match count {
        None | Some(0) => Ok(PAGE),
        Some(count @ 1..=1000) => Ok(count),
        Some(_) => Err(Error::invalid("count must be between 1 and 1000")),
    }
}

fn revision(found: Revision) -> wire::EnvironmentRevision {
    let row = found.row;
    wire::EnvironmentRevision {
        number: row.number,
        created: row.created_at.rfc3339_millis(),
        creator_login: Some(row.creator_login),
        creator_name: Some(row.creator_name),
        tags: Some(found.tags),
        retracted: row.retracted.map(|how| wire::EnvironmentRevisionRetracted {
            replacement: how.replacement,
            at: how.at.rfc3339_millis(),
            by_login: Some(how.login),
            by_name: Some(how.name),
            reason: Some(how.reason),
        }),
        source_change_request: None,
    }
}

fn tag(tag: RevisionTag) -> wire::EnvironmentRevisionTag {
    wire::EnvironmentRevisionTag {
        name: tag.name,
        revision: tag.number,
        created: tag.created_at.rfc3339_millis(),
        modified: tag.modified_at.rfc3339_millis(),
        editor_login: Some(tag.editor_login),
        editor_name: Some(tag.editor_name),
    }
}

/// A revision that a body names. SDKs without a notion of absence send 0, which no revision has.
fn named(revision: Option<i64>) -> Option<i64> {
    revision.filter(|number| *number != 0)
}

/// A page of tags; the token is the last name, empty at the end.
fn tags_page(found: Vec<RevisionTag>, count: i64) -> wire::ListEnvironmentRevisionTagsResponse {
    let full = i64::try_from(found.len()).is_ok_and(|length| length == count);
    let next_token = found.last().filter(|_| full).map(|tag| tag.name.clone()).unwrap_or_default();
    wire::ListEnvironmentRevisionTagsResponse { tags: found.into_iter().map(tag).collect(), next_token }
}

/// `ListEnvironmentRevisions`
pub async fn list(
    cx: Cx,
    args: ops::ListEnvironmentRevisionsEscEnvironmentsArgs,
) -> Result<Vec<wire::EnvironmentRevision>> {
    let (before, count) = (args.before.unwrap_or(0), page_size(args.count)?);
    let found = service::revisions(&cx, &args.project_name, &args.env_name, before, count).await?;
    Ok(found.into_iter().map(revision).collect())
}

/// `ReadEnvironment` at a version
pub async fn read(cx: Cx, args: ops::ReadEnvironmentEscEnvironmentsVersionsArgs) -> Result<Reply> {
    definition(service::read(&cx, &args.project_name, &args.env_name, Some(&args.version)).await?)
}

/// `DecryptEnvironment` at a version
pub async fn decrypt(cx: Cx, args: ops::DecryptEnvironmentEscEnvironmentsVersionsArgs) -> Result<Reply> {
    definition(service::decrypt(&cx, &args.project_name, &args.env_name, Some(&args.version)).await?)
}

/// `RetractEnvironmentRevision`
pub async fn retract(cx: Cx, args: ops::RetractEnvironmentRevisionEscEnvironmentsArgs) -> Result<()> {
    let (replacement, reason) = (named(args.body.replacement), args.body.reason.unwrap_or_default());
    service::retract(&cx, &args.project_name, &args.env_name, &args.version, replacement, &reason).await
}

/// `ListRevisionTags`
pub async fn tags(
    cx: Cx,
    args: ops::ListRevisionTagsEscEnvironmentsVersionsArgs,
) -> Result<wire::ListEnvironmentRevisionTagsResponse> {
    let (after, count) = (args.after.unwrap_or_default(), page_size(args.count)?);
    let found = service::revision_tags(&cx, &args.project_name, &args.env_name, None, (&after, count)).await?;
    Ok(tags_page(found, count))
}

/// `ListRevisionTags` of a version
pub async fn tags_of(
    cx: Cx,
    args: ops::ListRevisionTagsEscEnvironmentsVersions2Args,
) -> Result<wire::ListEnvironmentRevisionTagsResponse> {
    let (after, count) = (args.after.unwrap_or_default(), page_size(args.count)?);
    let version = Some(args.version.as_str());
    let found = service::revision_tags(&cx, &args.project_name, &args.env_name, version, (&after, count)).await?;
    Ok(tags_page(found, count))
}

/// `CreateRevisionTag`
pub async fn create_tag(cx: Cx, args: ops::CreateRevisionTagEscEnvironmentsVersionsTagsArgs) -> Result<()> {
    let body = args.body;
    service::create_revision_tag(&cx, &args.project_name, &args.env_name, &body.name, named(body.revision)).await
}

/// `ReadRevisionTag`
pub async fn read_tag(cx: Cx, args: ops::ReadRevisionTagEscEnvironmentsArgs) -> Result<wire::EnvironmentRevisionTag> {
    service::read_revision_tag(&cx, &args.project_name, &args.env_name, &args.tag_name).await.map(tag)
}

/// `UpdateRevisionTag`
pub async fn update_tag(cx: Cx, args: ops::UpdateRevisionTagEscEnvironmentsArgs) -> Result<()> {
    service::move_revision_tag(&cx, &args.project_name, &args.env_name, &args.tag_name, args.body.revision).await
}

/// `DeleteRevisionTag`
pub async fn delete_tag(cx: Cx, args: ops::DeleteRevisionTagEscEnvironmentsArgs) -> Result<()> {
    service::delete_revision_tag(&cx, &args.project_name, &args.env_name, &args.tag_name).await
}
