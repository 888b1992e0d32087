//! Discovered resources on the wire. Knows no rule and no SQL.

use super::insights_wire::time;
use pileus_contract::{ops, wire};
use pileus_model::{Result, insights::resource_urn};
use pileus_service::{
    Cx,
    insights::resources::{self, Bucket, EdgeRow, Found, Referring, Reported, ResourceRow, Which, Window},
};

/// What every reference that was inferred is called, as in the Context API.
const INFERRED: &str = "inferred_reference";
/// What a reference is called that a client reported.
const REPORTED: &str = "dependency";

/// `UpsertResources`
pub async fn upsert(cx: Cx, args: ops::UpsertResourcesArgs) -> Result<()> {
    let reported = args.body.resources.into_iter().map(|resource| Reported {
        type_token: resource.type_,
        id: resource.id,
        inputs: resource.inputs,
        state: resource.state,
        dependencies: resource.dependencies.unwrap_or_default().into_iter().map(|on| (on.type_, on.id)).collect(),
    });
    resources::upsert(&cx, &args.account_name, reported.collect()).await
}

/// `ReadResource`
pub async fn get(cx: Cx, args: ops::ReadResourceArgs) -> Result<wire::InsightsResourceWithVersion> {
    let which = args.as_of.map_or(Which::Newest, Which::At);
    resources::get(&cx, &args.account_name, &args.resource_type_and_id, which).await.map(resource)
}

/// `ReadResource_versions`
pub async fn get_version(cx: Cx, args: ops::ReadResourceVersionsArgs) -> Result<wire::InsightsResourceWithVersion> {
    let which = Which::Number(args.resource_version);
    resources::get(&cx, &args.account_name, &args.resource_type_and_id, which).await.map(resource)
}

/// `ListResourceVersions`
pub async fn versions(
    cx: Cx,
    args: ops::ListResourceVersionsArgs,
) -> Result<wire::ListInsightsResourceVersionsResponse> {
    let token = args.continuation_token.as_deref();
    let (found, next_token) =
        resources::versions(&cx, &args.account_name, &args.resource_type_and_id, token, args.count).await?;
    let version = |(version, at)| wire::ListInsightsResourceVersion { version, created: time(at) };
    Ok(wire::ListInsightsResourceVersionsResponse {
        versions: Some(found.into_iter().map(version).collect()),
        next_token,
    })
}

/// `ListResourceVersionEdges`
pub async fn edges(
    cx: Cx,
    args: ops::ListResourceVersionEdgesArgs,
) -> Result<wire::ListInsightsResourceVersionEdgesResponse> {
    let token = args.continuation_token.as_deref();
    let found =
        resources::edges(&cx, &args.account_name, &args.resource_type_and_id, Which::Newest, token, args.count).await?;
    Ok(edges_of(found))
}

/// `ListResourceVersionEdges_versions`
pub async fn edges_of_version(
    cx: Cx,
    args: ops::ListResourceVersionEdgesVersionsArgs,
) -> Result<wire::ListInsightsResourceVersionEdgesResponse> {
    let (token, which) = (args.continuation_token.as_deref(), Which::Number(args.resource_version));
    let found = resources::edges(&cx, &args.account_name, &args.resource_type_and_id, which, token, args.count).await?;
    Ok(edges_of(found))
}

fn edges_of(
    (source, edges, next_token): (ResourceRow, Vec<EdgeRow>, Option<String>),
) -> wire::ListInsightsResourceVersionEdgesResponse {
    let edge = |edge: EdgeRow| wire::InsightsResourceVersionEdge {
        source_urn: urn(&source),
        source_version: edge.version,
        dest_urn: urn(&edge.other),
        edge_type: if edge.path.starts_with('/') { INFERRED } else { REPORTED }.to_owned(),
        property_path: Some(edge.path).filter(|path| path.starts_with('/')),
        handle: Some(edge.handle),
    };
    let edges = edges.into_iter().map(edge).collect();
    wire::ListInsightsResourceVersionEdgesResponse { edges, next_token }
}

/// `ReadResourceWithReferences`
pub async fn references(
    cx: Cx,
    args: ops::ReadResourceWithReferencesArgs,
) -> Result<wire::InsightsResourceWithReferences> {
    resources::references(&cx, &args.account_name, &args.resource_type_and_id).await.map(referring)
}

/// `ListResourcesWithReferences`
pub async fn references_of_many(
    cx: Cx,
    args: ops::ListResourcesWithReferencesArgs,
) -> Result<wire::ListResourcesWithReferencesResponse> {
    let asked = args.body.resource_identifiers.into_iter();
    let asked = asked.map(|one| (one.account, format!("{}::{}", one.type_, one.id), one.version)).collect();
    let found = resources::references_of_many(&cx, asked, args.body.depth).await?;
    Ok(found.into_iter().map(referring).collect())
}

/// `ListResourceStackEdges`: there are no stacks in this version.
pub async fn stack_edges(
    cx: Cx,
    args: ops::ListResourceStackEdgesArgs,
) -> Result<wire::ListInsightsResourceStackEdgesResponse> {
    resources::exists(&cx, &args.account_name, &args.resource_type_and_id).await?;
    Ok(wire::ListInsightsResourceStackEdgesResponse { edges: Vec::new() })
}

/// `GetUsageSummaryInsightsScans`
pub async fn scans_summary(
    cx: Cx,
    args: ops::GetUsageSummaryInsightsScansArgs,
) -> Result<wire::GetResourceCountSummaryResponse> {
    let window = Window::parse(cx.now(), &args.granularity, args.lookback_days, args.lookback_start)?;
    resources::scans_summary(&cx, window).await.map(summary)
}

/// `GetUsageSummaryDiscoveredResourceHours`
pub async fn resources_summary(
    cx: Cx,
    args: ops::GetUsageSummaryDiscoveredResourceHoursArgs,
) -> Result<wire::GetResourceCountSummaryResponse> {
    let window = Window::parse(cx.now(), &args.granularity, args.lookback_days, args.lookback_start)?;
    resources::resources_summary(&cx, window).await.map(summary)
}

fn summary(buckets: Vec<Bucket>) -> wire::GetResourceCountSummaryResponse {
    let bucket = |bucket: Bucket| wire::ResourceCountSummary {
        year: bucket.year,
        month: bucket.month,
        day: bucket.day,
        week_number: bucket.week,
        hour: bucket.hour,
        resources: bucket.count,
        resource_hours: bucket.hours,
        tags: None,
    };
    wire::GetResourceCountSummaryResponse { summary: buckets.into_iter().map(bucket).collect(), tag_keys: None }
}

fn urn(of: &ResourceRow) -> String {
    resource_urn(&of.account_name, &of.type_token, &of.id)
}

fn resource(found: Found) -> wire::InsightsResourceWithVersion {
    let Found { resource, version } = found;
    wire::InsightsResourceWithVersion {
        account: resource.account_name,
        type_: resource.type_token,
        id: resource.id,
        version: version.version,
        modified: time(version.created_at),
        state: serde_json::from_str(&version.state).ok(),
        policy_state: None,
        not_seen_since: resource.unseen_since.map(time),
    }
}

fn referring(of: Referring) -> wire::InsightsResourceWithReferences {
    wire::InsightsResourceWithReferences {
        urn: urn(&of.found.resource),
        indexed_resource: indexed(&of.found.resource),
        resource: resource(of.found),
        from: of.from.into_iter().map(referring).collect(),
        to: of.to.into_iter().map(referring).collect(),
    }
}

/// The resource as search shows it.
fn indexed(of: &ResourceRow) -> wire::ResourceResult {
    let mut parts = of.type_token.split(':');
    let (package, module) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (project, stack) = of.account_name.split_once('/').unwrap_or((&of.account_name, &of.account_name));
    wire::ResourceResult {
        account: Some(of.account_name.clone()),
        created: Some(time(of.first_seen_at)),
        id: Some(of.id.clone()),
        managed: Some("discovered".into()),
        modified: Some(time(of.modified_at)),
        module: module.to_owned(),
        name: Some(of.name.clone().unwrap_or_else(|| of.id.clone())),
        package: package.to_owned(),
        project: Some(project.to_owned()),
        stack: Some(stack.to_owned()),
        type_: Some(of.type_token.clone()),
        urn: Some(urn(of)),
        ..wire::ResourceResult::default()
    }
}
