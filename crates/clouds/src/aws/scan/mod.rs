//! A scan of one place: the catalogue's types natively, the others by Cloud Control.
//!
//! This room knows how a scan goes on and ends. It must never know a protocol or a type.

mod cloud_control;
mod item;
mod line;
mod native;
mod read;
pub(crate) mod table;

use super::{
    client::Session,
    data::{Call, Service, catalogue},
};
use crate::{CloudError, Mode, Place, ScanOptions, Sink, TypeOutcome};
use line::Line;
pub(crate) use native::next;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::sync::Semaphore;

/// How often a scan asks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

/// A scan of one place under way.
pub(crate) struct Run<'a> {
    pub(crate) session: Session<'a>,
    pub(crate) place: &'a Place,
    pub(crate) options: &'a ScanOptions,
    pub(crate) sink: &'a dyn Sink,
    reads: Semaphore,
    done: AtomicU64,
    total: u64,
}

impl<'a> Run<'a> {
    /// A scan that reports on so many types.
    pub(crate) fn new(
        session: Session<'a>,
        place: &'a Place,
        options: &'a ScanOptions,
        sink: &'a dyn Sink,
        total: usize,
    ) -> Self {
        Self {
            session,
            place,
            options,
            sink,
            reads: Semaphore::new(options.read_concurrency.max(1)),
            done: AtomicU64::new(0),
            total: u64::try_from(total).unwrap_or(u64::MAX),
        }
    }

    /// Scans, until done or canceled.
    pub(crate) async fn go(&self, mode: Mode) -> Result<(), CloudError> {
        tokio::select! {
            biased;
            () = self.canceled() => Err(CloudError::Canceled),
            ended = self.both(mode) => ended,
        }
    }

    async fn both(&self, mode: Mode) -> Result<(), CloudError> {
        if mode != Mode::CloudControl {
            self.native().await?;
        }
        if mode != Mode::Native {
            self.cloud_control(mode).await?;
        }
        Ok(())
    }

    async fn canceled(&self) {
        while !self.sink.canceled() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether this type was asked for.
    fn wanted(&self, token: &str) -> bool {
        self.options.types.is_empty() || self.options.types.iter().any(|t| t == token)
    }

    /// Asks, no more at once than reads are allowed.
    async fn read_call(
        &self,
        (service, call): (&Service, &Call),
        ask: &super::protocol::Ask,
        line: &Line,
    ) -> Result<Value, CloudError> {
        let _permit = self.reads.acquire().await.map_err(|_| CloudError::Canceled)?;
        self.session.call(service, call, ask, &line.tally).await
    }

    /// What an error means for a type; the error itself where it ends the scan. Credentials that one service does not accept end it only
    /// if they are refused everywhere.
    async fn settle(&self, error: CloudError) -> Result<TypeOutcome, CloudError> {
        Ok(match error {
            CloudError::Canceled | CloudError::Sink(_) => return Err(error),
            CloudError::Setting(message) => TypeOutcome::Failed { code: "setting".into(), message },
            CloudError::Credentials { code, message } => {
                if let Err(error @ CloudError::Credentials { .. }) = super::who::identity(&self.session).await {
                    return Err(error);
                }
                TypeOutcome::Failed { code, message }
            }
            CloudError::Denied { action, message } => TypeOutcome::Denied { action, message },
            CloudError::Throttled => TypeOutcome::Throttled,
            CloudError::Unsupported(_) => TypeOutcome::Unsupported,
            CloudError::Answer { code, message, .. } => TypeOutcome::Failed { code, message },
            CloudError::Broken { code, message } => TypeOutcome::Failed { code: code.into(), message },
        })
    }

    /// Reports a type, and logs it unless all went well.
    async fn report(&self, line: Line) -> Result<(), CloudError> {
        let report = line.report(self.place.name());
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let (token, total, calls) = (&report.type_token, self.total, report.calls);
        let place = self.place.name();
        match &report.outcome {
            TypeOutcome::Listed(n) if *n > 0 => {
                self.sink.log(format!("{place}: {token}: {n} found, {calls} calls ({done} of {total} types)"));
            }
            TypeOutcome::Denied { action, .. } => self.sink.log(format!("{place}: {token}: {action} is denied")),
            TypeOutcome::Throttled => self.sink.log(format!("{place}: {token}: throttled again and again")),
            TypeOutcome::Failed { code, message } => self.sink.log(format!("{place}: {token}: {message} ({code})")),
            _ if done.is_multiple_of(100) => self.sink.log(format!("{place}: {done} of {total} types")),
            _ => {}
        }
        Ok(self.sink.report(report).await?)
    }
}

/// The types that a place and a mode have, each once, sorted.
pub(crate) fn types(place: &Place, mode: Mode) -> Result<BTreeSet<String>, CloudError> {
    let mut all = BTreeSet::new();
    let global = *place == Place::Global;
    if mode != Mode::CloudControl {
        for file in catalogue()?.iter().filter(|f| f.service.global.is_some() == global) {
            all.extend(file.types.iter().filter(|t| !t.internal).map(|t| t.token.clone()));
        }
    }
    if mode != Mode::Native {
        all.extend(table::of(place, mode)?.map(|row| row.token.clone()));
    }
    Ok(all)
}
