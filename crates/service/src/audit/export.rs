//! Exports: the whole range in one gzip member, streamed.
//!
//! A chunk of rows is read, encoded and compressed only when the client has taken the one before, so a slow client holds
//! neither a reader thread nor a snapshot. The sequence makes that safe: what lies below it never changes.

use super::{
    query::LogQuery,
    read::{Span, drivers, residual, span},
    recorder::lock,
};
use crate::{App, Cx};
use bytes::Bytes;
use futures_util::{Stream, stream};
use pileus_codec::{
    cef::Cef,
    csv::{Cells, Columns, Csv},
    gzip::GzipEncoder,
};
use pileus_model::{
    Error, Result,
    audit::{EventFilter, ExportRow, LogId, Target, catalogue},
    caller::OrgRef,
    ids::OrgId,
};
use pileus_store::{
    Flow, Recorded,
    audit::{Driver, scan_export, scan_lean},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// Rows that one step reads (DESIGN, "The store is synchronous": at most 2,000).
const CHUNK: usize = 2_000;

/// What is exported, in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values.
    Csv {
        /// Which columns.
        columns: Columns,
        /// How user-controlled cells are written.
        cells: Cells,
    },
    /// Common Event Format.
    Cef,
}

/// An export as it was asked for.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    /// Which events.
    pub query: LogQuery,
    /// In which form.
    pub format: ExportFormat,
}

impl ExportFormat {
    /// The format that the parameters `format` (`csv`, the default, or `cef`), `columns` (`standard`, the default, or `all`) and `cells`
    /// (`raw`, the default, or `safe`) name.
    ///
    /// # Errors
    /// `Invalid`, saying what is allowed.
    pub fn parse(format: Option<&str>, columns: Option<&str>, cells: Option<&str>, default: Columns) -> Result<Self> {
        let columns = match columns.unwrap_or("standard") {
            "standard" => default,
            "all" => Columns::All,
            other => return Err(Error::invalid(format!("columns {other:?} must be standard or all"))),
        };
        let cells = match cells.unwrap_or("raw") {
            "raw" => Cells::Exact,
            "safe" => Cells::Safe,
            other => return Err(Error::invalid(format!("cells {other:?} must be raw or safe"))),
        };
        match format.filter(|f| !f.is_empty()).unwrap_or("csv") {
            "csv" => Ok(Self::Csv { columns, cells }),
            "cef" => Ok(Self::Cef),
            other => Err(Error::invalid(format!("format {other:?} must be csv or cef"))),
        }
    }
    const fn extension(self) -> &'static str {
        match self {
            Self::Csv { .. } => "csv",
            Self::Cef => "cef",
        }
    }
}

/// How many exports run, by caller and by organisation.
#[derive(Debug, Default)]
pub(super) struct Slots(Mutex<HashMap<String, usize>>);

/// A place among the running exports; given back when dropped.
#[derive(Debug)]
struct Slot {
    app: Arc<App>,
    keys: [String; 2],
}

impl Slot {
    fn take(app: &Arc<App>, caller: &str, log: LogId) -> Result<Self> {
        let keys = [format!("caller {caller}"), format!("log {}", log.0)];
        let limits = [app.settings.exports_per_caller, app.settings.exports_per_organization];
        let mut running = lock(&app.recorder.slots.0);
        for (key, limit) in keys.iter().zip(limits) {
            if running.get(key).copied().unwrap_or(0) >= limit {
                return Err(Error::rate_limited(
                    5,
                    format!("{limit} exports are already running; wait for one to end"),
                ));
            }
        }
        for key in &keys {
            *running.entry(key.clone()).or_insert(0) += 1;
        }
        Ok(Self { app: Arc::clone(app), keys })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut running = lock(&self.app.recorder.slots.0);
        for key in &self.keys {
            if let Some(count) = running.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    running.remove(key);
                }
            }
        }
    }
}

/// An export that is ready to be sent.
pub struct Export<S> {
    /// A name for the file, of letters, digits, `-`, `_` and `.` only.
    pub file_name: String,
    /// One gzip member, piece by piece.
    pub body: S,
}

/// Exports the organisation's log. The export is recorded before the first byte leaves.
///
/// # Errors
/// As [`super::list`]; `RateLimited` if too many exports run.
pub async fn export(
    cx: &Cx,
    request: &ExportRequest,
) -> Result<Export<impl Stream<Item = Result<Bytes>> + Send + 'static>> {
    let OrgRef { id: org, log, name, .. } = cx.org()?.clone();
    let understood = request.query.understand()?;
    let slot = Slot::take(&cx.app, &cx.caller()?.token.to_string(), log)?;
    if let Some(before) = understood.filter.range.before {
        cx.app.store.settle(log, before).await?;
    }
    let words = understood.describe();
    let cursor = understood.cursor;
    let (filter, range) = cx
        .app
        .store
        .read(move |tx| {
            let filter = understood.resolve(tx, log, Some(org))?;
            let span = span(tx, log, &filter, cursor)?;
            Ok((filter, span))
        })
        .await?;
    let extension = request.format.extension();
    let filtered = if words.is_empty() { String::new() } else { format!(" ({words})") };
    let event = cx.event_in(
        log,
        catalogue::AUDIT_LOG_EXPORTED,
        Target::new("audit-log", &name),
        format!("Exported audit log \"{name}\" as {}{filtered}", extension.to_uppercase()),
    );
    cx.app.store.write(move |_| Ok(Recorded::new((), event.clone()))).await?;
    let (year, month, day, ..) = cx.now().civil();
    let file_name = format!("audit-log-{name}-{year:04}-{month:02}-{day:02}.{extension}");
    let writer = Writer::new(request.format, &cx.app.settings.host_name, org);
    let source = Source { app: Arc::clone(&cx.app), log, filter: Arc::new(filter), writer };
    Ok(Export {
        file_name,
        body: body(Progress { source, range, gzip: Some(GzipEncoder::new()), started: false, _slot: slot }),
    })
}

/// Rows to bytes.
#[derive(Debug, Clone)]
enum Writer {
    Csv(Csv),
    Cef(Cef),
}

impl Writer {
    fn new(format: ExportFormat, host: &str, org: OrgId) -> Self {
        match format {
            ExportFormat::Csv { columns, cells } => Self::Csv(Csv::new(columns, cells)),
            ExportFormat::Cef => Self::Cef(Cef::new(host, Some(org))),
        }
    }
    /// Whether it writes what a lean scan leaves empty.
    fn needs_everything(&self) -> bool {
        matches!(self, Self::Csv(csv) if csv.columns() == Columns::All)
    }
    fn header(&self, out: &mut Vec<u8>) {
        if let Self::Csv(csv) = self {
            csv.header(out);
        }
    }
    fn row(&mut self, row: &ExportRow<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Csv(csv) => csv.row(row, out),
            Self::Cef(cef) => cef.row(row, out),
        }
    }
}

/// Where rows come from.
#[derive(Debug, Clone)]
struct Source {
    app: Arc<App>,
    log: LogId,
    filter: Arc<EventFilter>,
    writer: Writer,
}

impl Source {
    /// The next rows as bytes, and the position below which the rows after them lie; `None` where there are none.
    async fn chunk(&self, range: Span) -> Result<(Vec<u8>, Option<i64>)> {
        let mut this = self.clone();
        self.app
            .store
            .read(move |tx| {
                let mut out = Vec::with_capacity(CHUNK * 160);
                let mut below = range.below;
                let mut seen = 0;
                let drivers = drivers(&this.filter);
                let check = residual(&this.filter) || drivers.len() != 1;
                let driver = match drivers.as_slice() {
                    [driver] => *driver,
                    _ => Driver::All,
                };
                let scan = if this.writer.needs_everything() { scan_export } else { scan_lean };
                scan(tx, this.log, driver, range.below, range.from, CHUNK, &mut |row| {
                    seen += 1;
                    below = row.seq;
                    if !check || this.filter.matches(row) {
                        this.writer.row(row, &mut out);
                    }
                    Ok(Flow::Next)
                })?;
                Ok((out, (seen == CHUNK).then_some(below)))
            })
            .await
    }
}

struct Progress {
    source: Source,
    range: Span,
    /// None once the member is finished.
    gzip: Option<GzipEncoder>,
    started: bool,
    _slot: Slot,
}

/// The gzip member, piece by piece; each piece is made when it is asked for.
fn body(progress: Progress) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    stream::try_unfold(progress, |mut progress| async move {
        loop {
            let Some(gzip) = progress.gzip.take() else { return Ok(None) };
            let cpu = Arc::clone(&progress.source.app.recorder.export_cpu);
            let _turn = cpu.acquire_owned().await.map_err(|e| Error::internal(e.to_string()))?;
            let first = !progress.started;
            progress.started = true;
            let mut plain = Vec::new();
            if first {
                progress.source.writer.header(&mut plain);
            }
            let (rows, next) = progress.source.chunk(progress.range).await?;
            plain.extend_from_slice(&rows);
            let (gzip, piece) = compress(gzip, plain, first, next.is_none()).await?;
            progress.gzip = gzip;
            if let Some(below) = next {
                progress.range.below = below;
            }
            if !piece.is_empty() {
                return Ok(Some((piece, progress)));
            }
        }
    })
}

/// Compresses off the threads that answer requests. Gives the encoder back unless the member ended. The first piece is
/// brought out at once, so that the client sees that the export runs.
async fn compress(
    mut gzip: GzipEncoder,
    plain: Vec<u8>,
    first: bool,
    end: bool,
) -> Result<(Option<GzipEncoder>, Bytes)> {
    tokio::task::spawn_blocking(move || {
        gzip.write(&plain)?;
        if first && !end {
            gzip.flush()?;
        }
        let mut piece = Vec::new();
        while let Some(chunk) = gzip.chunk() {
            piece.extend_from_slice(&chunk);
        }
        if !end {
            return Ok((Some(gzip), piece.into()));
        }
        for chunk in gzip.finish()? {
            piece.extend_from_slice(&chunk);
        }
        Ok((None, piece.into()))
    })
    .await
    .map_err(|e| Error::internal(e.to_string()))?
}
