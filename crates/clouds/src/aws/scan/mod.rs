//! A scan of one place: the catalogue's types natively, the others by Cloud Control.
//!
//! This room knows how a scan goes on and ends. It must never know a protocol or a type.

mod cloud_control;
mod item;
mod line;
mod native;
mod read;
mod sight;
pub(crate) mod table;

use super::{
    client::Session,
    data::{Call, Service, catalogue},
};
use crate::value::Value;
use crate::{BoxFuture, CloudError, Mode, Place, ScanOptions, Sink, TypeOutcome, first};
use line::Line;
pub(crate) use native::next;
use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};
use tokio::sync::Semaphore;

/// How often a scan tells how much was asked.
const TELL: Duration = Duration::from_secs(1);

/// A scan of one place under way.
pub(crate) struct Run<'a> {
    pub(crate) session: Session<'a>,
    pub(crate) place: &'a Place,
    pub(crate) options: &'a ScanOptions,
    pub(crate) sink: &'a dyn Sink,
    reads: Semaphore,
}

impl<'a> Run<'a> {
    /// A scan that has not begun.
    pub(crate) fn new(session: Session<'a>, place: &'a Place, options: &'a ScanOptions, sink: &'a dyn Sink) -> Self {
        Self { session, place, options, sink, reads: Semaphore::new(options.read_concurrency.max(1)) }
    }

    /// Scans, until done or canceled.
    pub(crate) async fn go(&self, mode: Mode) -> Result<(), CloudError> {
        let stopped = async {
            self.sink.stopped().await;
            Err(CloudError::Canceled)
        };
        let ways: [BoxFuture<'_, _>; 3] = [Box::pin(stopped), Box::pin(self.telling()), Box::pin(self.both(mode))];
        let ended = first(ways).await;
        self.tell();
        ended.unwrap_or(Err(CloudError::Canceled))
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

    /// Tells again and again; does not return.
    async fn telling(&self) -> Result<(), CloudError> {
        loop {
            self.tell();
            tokio::time::sleep(TELL).await;
        }
    }

    /// Tells how much was asked.
    fn tell(&self) {
        let total = &self.session.total;
        self.sink.asked(total.calls.load(Ordering::Relaxed), total.throttles.load(Ordering::Relaxed));
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
                // Rare, and large: boxed, as in `Session::asked`.
                let identity = Box::pin(super::who::identity(&self.session));
                if let Err(error @ CloudError::Credentials { .. }) = identity.await {
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

    /// Reports a type. What became of it is logged by whoever gets the report.
    async fn report(&self, line: Line) -> Result<(), CloudError> {
        Ok(self.sink.report(line.report(self.place.name())).await?)
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
