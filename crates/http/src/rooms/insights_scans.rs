//! Scans on the wire: started, watched, ended; their logs, statements and settings. Knows no rule and no SQL.

use super::insights_wire::{self as present, Style, ZERO, time};
use crate::Reply;
use http::{HeaderValue, header};
use pileus_contract::{ops, wire};
use pileus_model::{Error, Result, ids::ScanId};
use pileus_service::{
    Cx,
    insights::{
        Line,
        accounts::{find, find_root},
        coverage, policies,
        scans::{self, Options},
        schedule::{self, Settings},
    },
};
use serde_json::{Value, json};

/// Of a child, this is its parent's.
const SCHEDULED: &str = "scheduled scans are managed on";

/// `ScanAccount`: a parent's reply has no body.
pub async fn start(cx: Cx, args: ops::ScanAccountArgs) -> Result<Reply> {
    let account = find(&cx, &args.account_name).await?;
    let body = args.body;
    let options = Options {
        agent_pool: body.agent_pool_id,
        list_concurrency: body.list_concurrency,
        read_concurrency: body.read_concurrency,
        batch_size: body.batch_size,
        read_timeout: body.read_timeout,
    };
    match scans::start(&cx, &account, options).await? {
        Some(run) => Reply::json(200, &present::run(&run, Style::of(args.accept.as_deref()))?),
        None => Ok(Reply::empty(204)),
    }
}

/// `ReadScanStatus`
pub async fn status(cx: Cx, args: ops::ReadScanStatusArgs) -> Result<Reply> {
    let account = find(&cx, &args.account_name).await?;
    let Some(status) = scans::status(&cx, &account).await? else { return Err(Error::not_found("no scan found")) };
    let mut shown = present::run(&status.run, Style::of(args.accept.as_deref()))?;
    if let Some(next) = status.next {
        shown["nextScan"] = time(next).into();
    }
    Reply::json(200, &shown)
}

/// `CancelScan`
pub async fn cancel(cx: Cx, args: ops::CancelScanArgs) -> Result<()> {
    let account = find(&cx, &args.account_name).await?;
    scans::cancel(&cx, &account).await
}

/// `PauseScheduledScans`
pub async fn pause(cx: Cx, args: ops::PauseScheduledScansArgs) -> Result<()> {
    let account = find_root(&cx, &args.account_name, SCHEDULED).await?;
    schedule::pause(&cx, &account).await
}

/// `ResumeScheduledScans`
pub async fn resume(cx: Cx, args: ops::ResumeScheduledScansArgs) -> Result<()> {
    let account = find_root(&cx, &args.account_name, SCHEDULED).await?;
    schedule::resume(&cx, &account).await
}

/// `ReadScheduledScanSettings`
pub async fn settings(
    cx: Cx,
    args: ops::ReadScheduledScanSettingsArgs,
) -> Result<wire::ScheduledInsightsScanSettingsResponse> {
    let account = find(&cx, &args.account_name).await?;
    let said = schedule::settings(&cx, &account).await?.filter(|settings| *settings != Settings::default());
    let Settings { paused, cron, options } =
        said.ok_or_else(|| Error::not_found("the account has no scheduled scan"))?;
    Ok(wire::ScheduledInsightsScanSettingsResponse {
        list_concurrency: options.list_concurrency,
        read_concurrency: options.read_concurrency,
        batch_size: options.batch_size,
        read_timeout: options.read_timeout,
        schedule_cron: cron.unwrap_or_default(),
        paused,
    })
}

/// `UpdateScheduledScanSettings`
pub async fn set_settings(cx: Cx, args: ops::UpdateScheduledScanSettingsArgs) -> Result<()> {
    let account = find_root(&cx, &args.account_name, SCHEDULED).await?;
    let body = args.body;
    let options = Options {
        agent_pool: None,
        list_concurrency: body.list_concurrency,
        read_concurrency: body.read_concurrency,
        batch_size: body.batch_size,
        read_timeout: body.read_timeout,
    };
    schedule::set_settings(&cx, &account, Settings { paused: body.paused, cron: body.schedule_cron, options }).await
}

fn scan_id(text: &str) -> Result<ScanId> {
    text.parse().map_err(|_| Error::not_found("scan not found"))
}

/// `ListScanStatus`
pub async fn list(cx: Cx, args: ops::ListScanStatusArgs) -> Result<Reply> {
    let size = args.page_size.unwrap_or(100);
    if !(1..=1000).contains(&size) {
        return Err(Error::invalid("Invalid query params: pageSize must be in the range [1, 1000]"));
    }
    let bad = |_| Error::invalid("Invalid query params: continuationToken is not one that an earlier page ended with");
    let before = args.continuation_token.map(|token| token.parse::<ScanId>().map_err(bad)).transpose()?;
    let account = find(&cx, &args.account_name).await?;
    let style = Style::of(args.accept.as_deref());
    let runs = scans::list(&cx, &account, before, size).await?;
    let next = runs.last().filter(|_| i64::try_from(runs.len()) == Ok(size)).map(|run| run.scan.id.to_string());
    let statuses = runs.iter().map(|run| present::run(run, style)).collect::<Result<Vec<_>>>()?;
    let mut reply = json!({"scanStatuses": statuses});
    if let Some(next) = next {
        reply["continuationToken"] = next.into();
    }
    Reply::json(200, &reply)
}

/// `GetScan`
pub async fn get(cx: Cx, args: ops::GetScanArgs) -> Result<Reply> {
    let account = find(&cx, &args.account_name).await?;
    let run = scans::find(&cx, &account, scan_id(&args.scan_id)?).await?;
    Reply::json(200, &present::run(&run, Style::of(args.accept.as_deref()))?)
}

/// `GetScanLogs`: of one step where a job is named, else page by page.
pub async fn logs(cx: Cx, args: ops::GetScanLogsArgs) -> Result<Value> {
    let account = find(&cx, &args.account_name).await?;
    let scan = scan_id(&args.scan_id)?;
    if let Some(job) = args.job {
        let step = scans::step_log(&cx, &account, scan, job, args.step.unwrap_or(0), args.offset.unwrap_or(0)).await?;
        let line = |line: &Line| json!({"timestamp": time(line.at), "line": format!("{}\n", line.line)});
        let lines: Vec<Value> = step.lines.iter().filter(|line| !line.header).map(line).collect();
        return Ok(json!({"__type": "DeploymentLogsStep", "name": step.name, "lines": lines,
            "nextOffset": step.next.unwrap_or(0)}));
    }
    let bad = |_| Error::invalid("continuationToken is not one that an earlier page ended with");
    let from = args.continuation_token.map_or(Ok(0), |token| token.parse().map_err(bad))?;
    let page = scans::log(&cx, &account, scan, from, args.count.unwrap_or(100)).await?;
    let line = |line: &Line| match line.header {
        true => json!({"header": line.line, "timestamp": ZERO}),
        false => json!({"timestamp": time(line.at), "line": format!("{}\n", line.line)}),
    };
    let mut reply = json!({"__type": "DeploymentLogs", "lines": page.lines.iter().map(line).collect::<Vec<_>>()});
    if let Some(next) = page.next {
        reply["nextToken"] = next.to_string().into();
    }
    Ok(reply)
}

/// `GetScanCoverage`
pub async fn coverage(cx: Cx, args: ops::GetScanCoverageArgs) -> Result<Reply> {
    let account = find(&cx, &args.account_name).await?;
    let scan = scan_id(&args.scan_id)?;
    let run = scans::find(&cx, &account, scan).await?;
    let rows = coverage::read(&cx, &account, scan).await?;
    if args.format.as_deref() == Some("csv") {
        let csv = HeaderValue::from_static("text/csv; charset=utf-8");
        let name = HeaderValue::from_static("attachment; filename=\"coverage.csv\"");
        return Ok(Reply::bytes(200, csv, coverage::csv(&rows)).with_header(header::CONTENT_DISPOSITION, name));
    }
    let types = rows.into_iter().map(|row| wire::TypeCoverage {
        place: row.place,
        type_: row.type_token,
        outcome: row.outcome.into_owned(),
        listed: row.listed,
        action: row.action,
        code: row.code,
        message: row.message,
        calls: row.calls,
        duration_micros: row.micros,
    });
    let types = types.collect();
    let denied_actions = coverage::denied_actions(&cx, &account, scan).await?;
    let (scan_id, account_name, status) = (scan.to_string(), run.scan.account_name, run.scan.state);
    Reply::json(200, &wire::ScanCoverage { scan_id, account_name, status, types, denied_actions })
}

/// `GetAwsScanPolicy`
pub async fn aws_policy(cx: Cx, args: ops::GetAwsScanPolicyArgs) -> Result<Value> {
    cx.access()?;
    policies::aws(&args.types)
}
