//! Coverage statements: for each type in each place of a scan, what became of it. Part of the product, not of a log.
//!
//! This room knows how a statement reads. It must never know how a cloud is asked.

use crate::Cx;
use pileus_clouds::{TypeOutcome, TypeReport};
use pileus_codec::table;
use pileus_model::{Error, Result, ids::ScanId, insights::Account};
use pileus_store::insights::{coverage as store, scans};
use std::{borrow::Cow, collections::BTreeMap};

pub use pileus_store::insights::coverage::Coverage;

/// Longest text of the cloud that is kept, in characters.
const MAX_MESSAGE: usize = 1000;
/// Lines that are read at once.
const CHUNK: i64 = 2000;
/// The columns of a statement, in CSV and (as keys) in JSON.
pub const COLUMNS: [&str; 9] =
    ["place", "type", "outcome", "listed", "action", "code", "message", "calls", "durationMicros"];

/// A report as it is kept.
pub(crate) fn row(report: TypeReport) -> Coverage {
    let mut row = Coverage {
        place: report.place,
        type_token: report.type_token,
        outcome: report.outcome.name().into(),
        listed: None,
        action: None,
        code: None,
        message: None,
        calls: i64::try_from(report.calls).unwrap_or(i64::MAX),
        micros: i64::try_from(report.micros).unwrap_or(i64::MAX),
        settled: false,
    };
    let text = |text: &str| Some(text.chars().filter(|c| *c != '\0').take(MAX_MESSAGE).collect());
    match &report.outcome {
        TypeOutcome::Listed(count) => row.listed = Some(i64::try_from(*count).unwrap_or(i64::MAX)),
        TypeOutcome::Denied { action, message } => (row.action, row.message) = (text(action), text(message)),
        TypeOutcome::Failed { code, message } => (row.code, row.message) = (text(code), text(message)),
        TypeOutcome::Skipped { why } => row.message = text(why),
        TypeOutcome::Throttled | TypeOutcome::Unsupported | TypeOutcome::NeedsParent => {}
    }
    row
}

/// The statement of a scan, in the order of place and type.
///
/// # Errors
/// `NotFound`.
pub async fn read(cx: &Cx, account: &Account, scan: ScanId) -> Result<Vec<Coverage>> {
    let (org, account) = (cx.org()?.id, account.id);
    let found = cx.app.store.read(move |tx| scans::find(tx, org, account, scan)).await?;
    if found.is_none() {
        return Err(Error::not_found("scan not found"));
    }
    let mut rows: Vec<Coverage> = Vec::new();
    loop {
        let last = rows.last().map_or_else(Default::default, |row| (row.place.clone(), row.type_token.clone()));
        let more = cx.app.store.read(move |tx| store::page(tx, scan, (&last.0, &last.1), CHUNK)).await?;
        let full = more.len() == usize::try_from(CHUNK).unwrap_or(usize::MAX);
        rows.extend(more);
        if !full {
            return Ok(rows);
        }
    }
}

/// The permissions that a scan was missing, in their order.
///
/// # Errors
/// `NotFound`.
pub async fn denied_actions(cx: &Cx, account: &Account, scan: ScanId) -> Result<Vec<String>> {
    let (org, account) = (cx.org()?.id, account.id);
    let read = cx.app.store.read(move |tx| {
        let Some(scan) = scans::find(tx, org, account, scan)? else { return Ok(None) };
        store::denied_actions(tx, scan.id).map(Some)
    });
    read.await?.ok_or_else(|| Error::not_found("scan not found"))
}

/// Numbers of types by outcome.
pub(crate) type Outcomes = BTreeMap<Cow<'static, str>, u64>;

/// How many lines there are of each outcome.
pub(crate) fn summary(rows: &[Coverage]) -> Outcomes {
    let mut counts = Outcomes::new();
    for row in rows {
        *counts.entry(row.outcome.clone()).or_default() += 1;
    }
    counts
}

/// The statement as CSV (RFC 4180 with LF, a header first). What a cloud said can't be taken for a formula.
pub fn csv(rows: &[Coverage]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 * (rows.len() + 1));
    table::line(&mut out, COLUMNS);
    for row in rows {
        let maybe = |text: &Option<String>| text.clone().unwrap_or_default();
        let cells = [
            row.place.clone(),
            row.type_token.clone(),
            row.outcome.to_string(),
            row.listed.map(|listed| listed.to_string()).unwrap_or_default(),
            maybe(&row.action),
            maybe(&row.code),
            maybe(&row.message),
            row.calls.to_string(),
            row.micros.to_string(),
        ];
        table::line(&mut out, cells.iter().map(String::as_str));
    }
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn report(type_token: &str, outcome: TypeOutcome) -> TypeReport {
        TypeReport {
            type_token: type_token.into(),
            place: "us-east-1".into(),
            outcome,
            calls: 2,
            throttles: 1,
            micros: 1500,
        }
    }

    #[test]
    fn statement_as_csv() {
        let denied = TypeOutcome::Denied { action: "s3:ListAllMyBuckets".into(), message: "=not \"you\", no\n".into() };
        let rows =
            [row(report("aws:s3/bucket:Bucket", denied)), row(report("aws:sqs/queue:Queue", TypeOutcome::Listed(3)))];
        let text = String::from_utf8(csv(&rows)).unwrap();
        assert_eq!(
            text,
            "place,type,outcome,listed,action,code,message,calls,durationMicros\n\
             us-east-1,aws:s3/bucket:Bucket,denied,,s3:ListAllMyBuckets,,\"'=not \"\"you\"\", no\n\",2,1500\n\
             us-east-1,aws:sqs/queue:Queue,listed,3,,,,2,1500\n"
        );
        assert_eq!(summary(&rows), Outcomes::from([("denied".into(), 1), ("listed".into(), 1)]));
    }

    #[test]
    fn every_outcome_has_its_word() {
        let failed = TypeOutcome::Failed { code: "InternalError".into(), message: "m".repeat(5000) };
        let failed = row(report("t", failed));
        assert_eq!((failed.outcome.as_ref(), failed.code.as_deref()), ("failed", Some("InternalError")));
        assert_eq!(failed.message.unwrap().len(), MAX_MESSAGE);
        let skipped = row(report("t", TypeOutcome::Skipped { why: "w\0".into() }));
        assert_eq!((skipped.outcome.as_ref(), skipped.message.as_deref()), ("skipped", Some("w")));
        let words = [TypeOutcome::Throttled, TypeOutcome::Unsupported, TypeOutcome::NeedsParent]
            .map(|o| row(report("t", o)).outcome);
        assert_eq!(words, ["throttled", "unsupported", "needs-parent"]);
    }
}
