//! The audit log on the wire: pages as JSON, exports as one gzip member. Knows no filter and no format.

use crate::Reply;
use http::{HeaderMap, HeaderValue, header};
use pileus_codec::csv::Columns;
use pileus_contract::{ops, wire};
use pileus_model::{Error, Result, audit::EventType};
use pileus_service::{
    Cx,
    audit::{self, Dialect, Export, ExportFormat, ExportRequest, Listed, LogQuery, Page},
};

/// The parameters that all lists and exports share, from the arguments of any of them.
macro_rules! query {
    ($dialect:expr, $args:ident) => {
        LogQuery {
            dialect: $dialect,
            start_time: $args.start_time,
            end_time: $args.end_time,
            continuation: $args.continuation_token,
            page_size: None,
            users: both($args.user_filter, $args.user),
            events: both($args.event_filter, $args.event_type),
            targets: $args.target,
            tokens: $args.token,
            ips: $args.ip,
        }
    };
}

/// The contract's parameter and the name under which the CLI sends it (API-QUIRKS, "The CLI's filters").
fn both(mut contract: Vec<String>, cli: Vec<String>) -> Vec<String> {
    contract.extend(cli);
    contract
}

/// `ListAuditLogEventsHandlerV1`
pub async fn list_v1(cx: Cx, args: ops::ListAuditLogEventsHandlerV1Args) -> Result<wire::ResponseAuditLogs> {
    let query = LogQuery { page_size: args.page_size, ..query!(Dialect::V1, args) };
    Ok(page(audit::list(&cx, &query).await?, |event| event.spec().display_name))
}

/// `ListAuditLogEventsHandlerV2`
pub async fn list_v2(cx: Cx, args: ops::ListAuditLogEventsHandlerV2Args) -> Result<wire::ResponseAuditLogs> {
    let query = LogQuery { page_size: args.page_size, ..query!(Dialect::V2, args) };
    Ok(page(audit::list(&cx, &query).await?, EventType::id))
}

/// `ListSiteAuditLogEvents`
pub async fn list_site(cx: Cx, args: ops::ListSiteAuditLogEventsArgs) -> Result<wire::ResponseAuditLogs> {
    let query = LogQuery { page_size: args.page_size, ..query!(Dialect::V2, args) };
    Ok(page(audit::list_site(&cx, &query).await?, EventType::id))
}

/// `ExportAuditLogEventsHandlerV1`
pub async fn export_v1(cx: Cx, args: ops::ExportAuditLogEventsHandlerV1Args) -> Result<Reply> {
    let format =
        ExportFormat::parse(args.format.as_deref(), args.columns.as_deref(), args.cells.as_deref(), Columns::V1)?;
    let request = ExportRequest { format, query: query!(Dialect::V1, args) };
    file(audit::export(&cx, &request).await?)
}

/// `ExportAuditLogEventsHandlerV2`
pub async fn export_v2(cx: Cx, args: ops::ExportAuditLogEventsHandlerV2Args) -> Result<Reply> {
    let format =
        ExportFormat::parse(args.format.as_deref(), args.columns.as_deref(), args.cells.as_deref(), Columns::V2)?;
    let request = ExportRequest { format, query: query!(Dialect::V2, args) };
    file(audit::export(&cx, &request).await?)
}

/// `GetAuditLogsReaderKind`: the value with which the original's console offers its filters.
pub async fn reader_kind(_cx: Cx, _args: ops::GetAuditLogsReaderKindArgs) -> Result<&'static str> {
    Ok("DynamoDB")
}

/// `ListAuditLogEventTypes`
pub async fn event_types(
    _cx: Cx,
    _args: ops::ListAuditLogEventTypesArgs,
) -> Result<wire::ListAuditLogEventTypesResponse> {
    let event_types = EventType::all().map(EventType::spec).map(|spec| wire::AuditLogEventTypeCatalogEntry {
        event: spec.id.to_owned(),
        display_name: spec.display_name.to_owned(),
        description: spec.description.to_owned(),
        requires_org_admin: spec.requires_org_admin,
        requires_stack_admin: spec.requires_stack_admin,
        authentication_failure: spec.authentication_failure,
        deprecated: spec.replaced_by.is_some(),
        replaced_by: spec.replaced_by.map(str::to_owned),
    });
    Ok(wire::ListAuditLogEventTypesResponse { event_types: event_types.collect() })
}

fn page(page: Page, name: fn(EventType) -> &'static str) -> wire::ResponseAuditLogs {
    wire::ResponseAuditLogs {
        audit_log_events: page.events.into_iter().map(|event| event_on_the_wire(event, name)).collect(),
        continuation_token: page.continuation,
    }
}

/// False flags and empty texts of the optional fields are left out (audit.md §1.4).
fn event_on_the_wire(event: Listed, name: fn(EventType) -> &'static str) -> wire::AuditLogEvent {
    let spec = event.event.spec();
    // A machine's own name: its token's, or what it called itself.
    let own_name = if event.token_name.is_empty() { &event.name } else { &event.token_name };
    wire::AuditLogEvent {
        timestamp: event.at.as_seconds(),
        source_ip: event.ip.map_or_else(String::new, |ip| ip.to_string()),
        event: name(event.event).to_owned(),
        description: event.description,
        actor_name: (event.machine && !own_name.is_empty()).then(|| own_name.clone()),
        actor_urn: None,
        token_id: event.token.map(|id| id.to_string()),
        token_name: Some(event.token_name).filter(|n| !n.is_empty()),
        user: wire::UserInfo { name: event.name, github_login: event.login, avatar_url: String::new(), email: None },
        req_org_admin: spec.requires_org_admin.then_some(true),
        req_stack_admin: spec.requires_stack_admin.then_some(true),
        auth_failure: spec.authentication_failure.then_some(true),
    }
}

/// The file's name is made of harmless characters only, so RFC 6266's plain form suffices.
fn file<S>(export: Export<S>) -> Result<Reply>
where
    S: futures_util::Stream<Item = Result<bytes::Bytes>> + Send + 'static,
{
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{}\"", export.file_name))
        .map_err(|e| Error::internal(format!("file name: {e}")))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(Reply::stream(HeaderValue::from_static("text/plain; charset=utf-8"), headers, export.body))
}
