//! Environments on the wire: lists, definitions as YAML, settings, referrers.
//!
//! Knows the headers of definitions and the forms of lists. No rule and no SQL.

use super::environments_open::failed;
use crate::Reply;
use http::{HeaderName, HeaderValue, header};
use pileus_contract::{ops, wire};
use pileus_model::{Error, Result, Timestamp};
use pileus_service::{
    Cx,
    environments::{self as service, Definition, Listed, Referrer},
};
use std::collections::BTreeMap;

/// The revision of a definition, as the CLI reads it.
const REVISION: HeaderName = HeaderName::from_static("pulumi-esc-revision");
const YAML: HeaderValue = HeaderValue::from_static("application/x-yaml");

pub(super) fn user(login: String, name: String) -> wire::UserInfo {
    wire::UserInfo { name, github_login: login, avatar_url: String::new(), email: None }
}

fn listed(listed: Listed) -> wire::OrgEnvironment {
    let row = listed.row;
    wire::OrgEnvironment {
        id: row.id.to_string(),
        organization: listed.organization,
        project: Some(row.project),
        name: row.name,
        created: row.created_at.rfc3339_millis(),
        modified: row.modified_at.rfc3339_millis(),
        owned_by: user(row.owner_login, row.owner_name),
        tags: listed.tags.into_iter().collect(),
        deleted_at: listed.deleted_at.map(Timestamp::rfc3339_millis),
        links: None,
        referrer_metadata: wire::EnvironmentReferrerMetadata::default(),
        settings: wire::EnvironmentSettings { deletion_protected: row.protected },
    }
}

pub(super) fn page((environments, next_token): (Vec<Listed>, Option<String>)) -> wire::ListEnvironmentsResponse {
    wire::ListEnvironmentsResponse { environments: environments.into_iter().map(listed).collect(), next_token }
}

/// A definition as a reply.
pub(super) fn definition(found: Definition) -> Result<Reply> {
    revision(Reply::bytes(200, YAML, found.text), found.revision, &found.etag)
}

fn revision(reply: Reply, revision: i64, etag: &str) -> Result<Reply> {
    let etag = HeaderValue::from_str(etag).map_err(|e| Error::internal(e.to_string()))?;
    Ok(reply.with_header(header::ETAG, etag).with_header(REVISION, HeaderValue::from(revision)))
}

/// `ListEnvironments`
pub async fn list(cx: Cx, args: ops::ListEnvironmentsEscArgs) -> Result<wire::ListEnvironmentsResponse> {
    let (organization, token) = (args.organization.as_deref(), args.continuation_token.as_deref());
    Ok(page(service::list_of_caller(&cx, organization, token, args.max_results).await?))
}

/// `ListOrgEnvironments`
pub async fn list_of_organization(
    cx: Cx,
    args: ops::ListOrgEnvironmentsEscArgs,
) -> Result<wire::ListEnvironmentsResponse> {
    Ok(page(service::list(&cx, args.continuation_token.as_deref(), args.max_results).await?))
}

/// `CreateEnvironment`
pub async fn create(cx: Cx, args: ops::CreateEnvironmentEscEnvironmentsArgs) -> Result<()> {
    service::create(&cx, &args.body.project, &args.body.name).await
}

/// `ReadEnvironment`
pub async fn read(cx: Cx, args: ops::ReadEnvironmentEscEnvironmentsArgs) -> Result<Reply> {
    definition(service::read(&cx, &args.project_name, &args.env_name, None).await?)
}

/// `HeadEnvironment`
pub async fn head(cx: Cx, args: ops::HeadEnvironmentEscEnvironmentsArgs) -> Result<Reply> {
    let found = service::head(&cx, &args.project_name, &args.env_name).await?;
    revision(Reply::empty(200), found.revision, &found.etag)
}

/// `UpdateEnvironment`
pub async fn update(cx: Cx, args: ops::UpdateEnvironmentEscEnvironmentsArgs) -> Result<Reply> {
    let if_match = args.e_tag.or(args.if_match);
    let updated = service::update(&cx, &args.project_name, &args.env_name, args.body, if_match).await?;
    let Some((number, etag)) = updated.revision else {
        return Ok(failed("the definition is not valid", &updated.diagnostics));
    };
    let body = match updated.diagnostics.as_slice() {
        [] => "{}".to_owned(),
        some => format!("{{\"diagnostics\":[{}]}}", some.join(",")),
    };
    revision(Reply::bytes(200, crate::JSON, body), number, &etag)
}

/// `DeleteEnvironment`
pub async fn delete(cx: Cx, args: ops::DeleteEnvironmentEscEnvironmentsArgs) -> Result<()> {
    service::delete(&cx, &args.project_name, &args.env_name).await
}

/// `DecryptEnvironment`
pub async fn decrypt(cx: Cx, args: ops::DecryptEnvironmentEscEnvironmentsArgs) -> Result<Reply> {
    definition(service::decrypt(&cx, &args.project_name, &args.env_name, None).await?)
}

/// `EncryptEnvironmentSecrets`
pub async fn encrypt_secrets(
    cx: Cx,
    args: ops::EncryptEnvironmentSecretsArgs,
) -> Result<wire::EncryptEnvironmentSecretsResponse> {
    let texts = &args.body.plaintexts;
    let ciphertexts = service::encrypt_secrets(&cx, &args.project_name, &args.env_name, texts).await?;
    Ok(wire::EncryptEnvironmentSecretsResponse { ciphertexts })
}

/// `DecryptEnvironmentSecrets`
pub async fn decrypt_secrets(
    cx: Cx,
    args: ops::DecryptEnvironmentSecretsArgs,
) -> Result<wire::DecryptEnvironmentSecretsResponse> {
    let texts = &args.body.ciphertexts;
    let plaintexts = service::decrypt_secrets(&cx, &args.project_name, &args.env_name, texts).await?;
    Ok(wire::DecryptEnvironmentSecretsResponse { plaintexts })
}

/// `GetEnvironmentMetadata`
pub async fn metadata(
    cx: Cx,
    args: ops::GetEnvironmentMetadataEscEnvironmentsArgs,
) -> Result<wire::EnvironmentMetadata> {
    let row = service::metadata(&cx, &args.project_name, &args.env_name).await?;
    let owned_by = user(row.owner_login, row.owner_name);
    Ok(wire::EnvironmentMetadata { id: row.id.to_string(), owned_by, ..Default::default() })
}

/// `GetEnvironmentSettings`
pub async fn settings(cx: Cx, args: ops::GetEnvironmentSettingsArgs) -> Result<wire::EnvironmentSettings> {
    let deletion_protected = service::settings(&cx, &args.project_name, &args.env_name).await?;
    Ok(wire::EnvironmentSettings { deletion_protected })
}

/// `PatchEnvironmentSettings`
pub async fn set_settings(cx: Cx, args: ops::PatchEnvironmentSettingsArgs) -> Result<()> {
    service::set_protected(&cx, &args.project_name, &args.env_name, args.body.deletion_protected).await
}

fn referrer(referrer: Referrer) -> wire::EnvironmentReferrer {
    let mut shown = wire::EnvironmentReferrer::default();
    match referrer {
        Referrer::Environment { project, name, revision } => {
            shown.environment = Some(wire::EnvironmentImportReferrer { project, name, revision });
        }
        Referrer::Account { name } => {
            shown.insights_account = Some(wire::EnvironmentInsightsAccountReferrer { account_name: name });
        }
    }
    shown
}

/// The page that begins at `token`, a position among all referrers.
fn referrers_page(
    all: BTreeMap<String, Vec<Referrer>>,
    token: Option<&str>,
    count: Option<i64>,
) -> Result<wire::ListEnvironmentReferrersResponse> {
    let count = match count {
        None => 500,
        Some(count @ 1..=500) => usize::try_from(count).unwrap_or(500),
        Some(_) => return Err(Error::invalid("count must be between 1 and 500")),
    };
    let from: usize = match token.map(str::parse) {
        None => 0,
        Some(Ok(from)) => from,
        Some(Err(_)) => return Err(Error::invalid("continuationToken is not one that an earlier page ended with")),
    };
    let total: usize = all.values().map(Vec::len).sum();
    let mut referrers = BTreeMap::<String, Vec<wire::EnvironmentReferrer>>::new();
    let flat = all.into_iter().flat_map(|(key, list)| list.into_iter().map(move |one| (key.clone(), one)));
    for (key, one) in flat.skip(from).take(count) {
        referrers.entry(key).or_default().push(referrer(one));
    }
    let next = from.saturating_add(count);
    Ok(wire::ListEnvironmentReferrersResponse {
        referrers,
        continuation_token: (next < total).then(|| next.to_string()),
    })
}

/// `ListEnvironmentReferrers`
pub async fn referrers(
    cx: Cx,
    args: ops::ListEnvironmentReferrersEscEnvironmentsArgs,
) -> Result<wire::ListEnvironmentReferrersResponse> {
    let all = args.all_revisions == Some(true);
    let found = service::referrers(&cx, &args.project_name, &args.env_name, None, all).await?;
    referrers_page(found, args.continuation_token.as_deref(), args.count)
}

/// `ListEnvironmentReferrers` of a version
pub async fn referrers_of_version(
    cx: Cx,
    args: ops::ListEnvironmentReferrersEscEnvironmentsVersionsArgs,
) -> Result<wire::ListEnvironmentReferrersResponse> {
    let all = args.all_revisions == Some(true);
    let found = service::referrers(&cx, &args.project_name, &args.env_name, Some(&args.version), all).await?;
    referrers_page(found, args.continuation_token.as_deref(), args.count)
}
