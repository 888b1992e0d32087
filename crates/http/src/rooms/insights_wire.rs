//! Scans as clients read them, in two styles, which accounts have too: clients that name the product's own media type get a time that there is
//! not as the zero time or null, as Go reads it; the others get no null and no empty status (`docs/API-QUIRKS.md`).

use pileus_contract::wire;
use pileus_model::{Error, Result, Timestamp};
use pileus_service::insights::{Job, Step, scans::Run};
use serde::Serialize;
use serde_json::Value;

/// The zero time of Go.
pub(super) const ZERO: &str = "0001-01-01T00:00:00Z";

/// Which of the two styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// For clients that name the product's own media type: `application/vnd.pulumi+9`.
    Own,
    /// For all others.
    Plain,
}

impl Style {
    /// What this `Accept` asks for.
    pub fn of(accept: Option<&str>) -> Self {
        let own = accept.is_some_and(|accept| accept.to_ascii_lowercase().contains("application/vnd.pulumi"));
        if own { Self::Own } else { Self::Plain }
    }
}

/// Any wire struct as JSON that can still be changed.
pub(super) fn value(of: &impl Serialize) -> Result<Value> {
    serde_json::to_value(of).map_err(|e| Error::internal(format!("a reply is not JSON: {e}")))
}

/// A time as these operations write it.
pub(super) fn time(at: Timestamp) -> String {
    at.rfc3339_millis()
}

/// A user, as far as others see him.
pub(super) fn user(login: String, name: String) -> wire::UserInfo {
    wire::UserInfo { name, github_login: login, avatar_url: String::new(), email: None }
}

/// A run with all its fields. A run that is not over has the zero time as its end; [`run`] makes null of it where it must.
fn status(run: &Run, style: Style) -> wire::ScanStatus {
    let Run { scan, jobs } = run;
    wire::ScanStatus {
        id: scan.id.to_string(),
        org_id: scan.org.to_string(),
        user_id: scan.user.map(|user| user.to_string()).unwrap_or_default(),
        status: scan.state.clone(),
        started_at: time(scan.started_at),
        finished_at: scan.finished_at.map_or_else(|| ZERO.to_owned(), time),
        last_updated_at: time(scan.updated_at),
        job_timeout: if style == Style::Own { ZERO.to_owned() } else { time(scan.timeout_at) },
        jobs: (!jobs.is_empty()).then(|| jobs.iter().map(job).collect()),
        account_name: Some(scan.account_name.clone()),
        resource_count: scan.progress.resources,
    }
}

fn job(job: &Job) -> wire::JobRun {
    let step = |step: &Step| wire::StepRun {
        name: step.name.clone(),
        status: step.status.clone(),
        started: step.started_at.map(time),
        last_updated: step.updated_at.map(time),
    };
    wire::JobRun {
        status: job.status.clone(),
        started: job.started_at.map(time),
        last_updated: job.updated_at.map(time),
        timeout: job.timeout,
        steps: job.steps.iter().map(step).collect(),
        worker: job.worker.clone(),
    }
}

/// A run, as `ScanStatus`; a `WorkflowRun` has fewer fields of the same names.
pub(super) fn run(run: &Run, style: Style) -> Result<Value> {
    let mut shown = value(&status(run, style))?;
    if style == Style::Own && run.scan.finished_at.is_none() {
        shown["finishedAt"] = Value::Null;
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles() {
        for own in
            ["application/vnd.pulumi+6", "application/vnd.pulumi+9", "application/json, Application/VND.pulumi+8"]
        {
            assert_eq!(Style::of(Some(own)), Style::Own, "{own}");
        }
        for plain in [None, Some("*/*"), Some("application/json")] {
            assert_eq!(Style::of(plain), Style::Plain);
        }
    }
}
