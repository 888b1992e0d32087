//! Tags of environments on the wire. No rule and no SQL.

use pileus_contract::{ops, wire};
use pileus_model::{Error, Result};
use pileus_service::{
    Cx,
    environments::{self as service, NewTag, Tag},
};
use std::collections::BTreeMap;

/// How many tags a page has if nobody says.
const PAGE: i64 = 100;
/// What the CLI takes for the end of the list.
const END: &str = "0";

fn tag(tag: Tag) -> wire::EnvironmentTag {
    wire::EnvironmentTag {
        id: tag.id.to_string(),
        name: tag.name,
        value: tag.value,
        created: tag.created_at.rfc3339_millis(),
        modified: tag.modified_at.rfc3339_millis(),
        editor_login: tag.editor_login,
        editor_name: tag.editor_name,
    }
}

/// `ListAllEnvironmentTags`
pub async fn all(cx: Cx, _: ops::ListAllEnvironmentTagsEscArgs) -> Result<BTreeMap<String, Vec<String>>> {
    let all = service::all_tags(&cx).await?;
    Ok(all.into_iter().map(|(name, values)| (name, values.into_iter().collect())).collect())
}

/// `ListEnvironmentTags`
pub async fn list(
    cx: Cx,
    args: ops::ListEnvironmentTagsEscEnvironmentsArgs,
) -> Result<wire::ListEnvironmentTagsResponse> {
    let count = match args.count {
        None | Some(0) => PAGE,
        Some(count @ 1..=1000) => count,
        Some(_) => return Err(Error::invalid("count must be between 1 and 1000")),
    };
    let found = service::list_tags(&cx, &args.project_name, &args.env_name, args.after.unwrap_or(0), count).await?;
    let full = i64::try_from(found.len()).is_ok_and(|length| length == count);
    let next_token = found.last().filter(|_| full).map_or_else(|| END.to_owned(), |last| last.seq.to_string());
    let tags = found.into_iter().map(|found| (found.name.clone(), tag(found))).collect();
    Ok(wire::ListEnvironmentTagsResponse { tags, next_token })
}

/// `GetEnvironmentTag`
pub async fn get(cx: Cx, args: ops::GetEnvironmentTagEscEnvironmentsArgs) -> Result<wire::EnvironmentTag> {
    service::get_tag(&cx, &args.project_name, &args.env_name, &args.tag_name).await.map(tag)
}

/// `CreateEnvironmentTag`
pub async fn create(cx: Cx, args: ops::CreateEnvironmentTagEscEnvironmentsArgs) -> Result<wire::EnvironmentTag> {
    let new = NewTag { name: args.body.name, value: args.body.value };
    service::create_tag(&cx, &args.project_name, &args.env_name, new).await.map(tag)
}

/// `UpdateEnvironmentTag`
pub async fn update(cx: Cx, args: ops::UpdateEnvironmentTagEscEnvironmentsArgs) -> Result<wire::EnvironmentTag> {
    let (current, new) = (args.body.current_tag.value, args.body.new_tag);
    let change = (new.name, new.value);
    service::update_tag(&cx, &args.project_name, &args.env_name, &args.tag_name, &current, change).await.map(tag)
}

/// `DeleteEnvironmentTag`
pub async fn delete(cx: Cx, args: ops::DeleteEnvironmentTagEscEnvironmentsArgs) -> Result<()> {
    service::delete_tag(&cx, &args.project_name, &args.env_name, &args.tag_name).await
}
