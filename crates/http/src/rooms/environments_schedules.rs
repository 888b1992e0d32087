//! Schedules of environments on the wire. No rule and no SQL.

use pileus_contract::{ops, wire};
use pileus_model::{Result, Timestamp};
use pileus_service::{
    Cx,
    environments::schedules::{self as service, Schedule, Wanted},
};
use serde_json::json;

/// What the contract calls a schedule that rotates.
const KIND: &str = "environment_rotation";

fn wanted(body: wire::CreateEnvironmentScheduleRequest) -> Wanted {
    let path = body.secret_rotation_request.map(|request| request.environment_path);
    Wanted { cron: body.schedule_cron, once: body.schedule_once, path }
}

/// A time that the CLI reads; an empty text is none to it.
fn time(at: Option<Timestamp>) -> String {
    at.map(Timestamp::rfc3339_millis).unwrap_or_default()
}

fn schedule(row: Schedule) -> wire::ScheduledAction {
    let definition = [("environmentPath".to_owned(), json!(row.path))];
    wire::ScheduledAction {
        id: row.id.to_string(),
        org_id: row.org.to_string(),
        kind: KIND.into(),
        paused: row.paused,
        created: time(Some(row.created_at)),
        modified: time(Some(row.modified_at)),
        last_executed: time(row.last_executed_at),
        next_execution: time(row.due_at),
        definition: definition.into_iter().collect(),
        schedule_cron: row.cron,
        schedule_once: row.once.map(Timestamp::rfc3339_millis),
    }
}

/// `ListEnvironmentSchedule`
pub async fn list(cx: Cx, args: ops::ListEnvironmentScheduleArgs) -> Result<wire::ListScheduledActionsResponse> {
    let found = service::list(&cx, &args.project_name, &args.env_name).await?;
    Ok(wire::ListScheduledActionsResponse { schedules: found.into_iter().map(schedule).collect() })
}

/// `CreateEnvironmentSchedule`
pub async fn create(cx: Cx, args: ops::CreateEnvironmentScheduleArgs) -> Result<wire::ScheduledAction> {
    service::create(&cx, &args.project_name, &args.env_name, wanted(args.body)).await.map(schedule)
}

/// `ReadEnvironmentSchedule`
pub async fn read(cx: Cx, args: ops::ReadEnvironmentScheduleArgs) -> Result<wire::ScheduledAction> {
    service::read(&cx, &args.project_name, &args.env_name, &args.schedule_id).await.map(schedule)
}

/// `UpdateEnvironmentSchedule`
pub async fn update(cx: Cx, args: ops::UpdateEnvironmentScheduleArgs) -> Result<wire::ScheduledAction> {
    let (project, env, id) = (&args.project_name, &args.env_name, &args.schedule_id);
    service::update(&cx, project, env, id, wanted(args.body)).await.map(schedule)
}

/// `DeleteEnvironmentSchedule`
pub async fn delete(cx: Cx, args: ops::DeleteEnvironmentScheduleArgs) -> Result<()> {
    service::delete(&cx, &args.project_name, &args.env_name, &args.schedule_id).await
}

/// `PauseEnvironmentSchedule`
pub async fn pause(cx: Cx, args: ops::PauseEnvironmentScheduleArgs) -> Result<()> {
    service::pause(&cx, &args.project_name, &args.env_name, &args.schedule_id).await.map(|_| ())
}

/// `ResumeEnvironmentSchedule`
pub async fn resume(cx: Cx, args: ops::ResumeEnvironmentScheduleArgs) -> Result<()> {
    service::resume(&cx, &args.project_name, &args.env_name, &args.schedule_id).await.map(|_| ())
}

/// `ListEnvironmentScheduleHistory`
pub async fn history(
    cx: Cx,
    args: ops::ListEnvironmentScheduleHistoryArgs,
) -> Result<wire::ListScheduledActionHistoryResponse> {
    let (project, env, id) = (&args.project_name, &args.env_name, &args.schedule_id);
    let runs = service::history(&cx, project, env, id).await?;
    let events = runs.into_iter().map(|row| wire::ScheduledActionHistoryEvent {
        id: row.id.to_string(),
        scheduled_action_id: args.schedule_id.clone(),
        executed: time(Some(row.created_at)),
        version: row.schedule.map_or(0, |(_, version)| version),
        result: row.status,
    });
    Ok(wire::ListScheduledActionHistoryResponse { schedule_history_events: events.collect() })
}
