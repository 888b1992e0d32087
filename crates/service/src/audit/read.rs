//! Pages of the log, newest first. The position in the log is the sequence; pages lose and repeat nothing.

use super::query::{LogQuery, Understood};
use crate::Cx;
use pileus_codec::cursor::Cursor;
use pileus_model::{
    Result, Timestamp,
    audit::{EventFilter, EventType, ExportRow, LogId, Target, catalogue},
    ids::{OrgId, TokenId},
};
use pileus_store::{Flow, Recorded, Tx, audit::Driver};
use std::net::IpAddr;

/// A read of the log by the same caller with the same filter is recorded once in this time, in seconds.
const READ_WINDOW: i64 = 15 * 60;
/// Rows looked at for one page; then it is answered short, with a token to go on.
const MAX_LOOKED_AT: usize = 50_000;
/// Rows that one step of a filtered scan looks at.
const STEP: usize = 2_000;

/// An event as a page shows it: what goes over the wire, and nothing else is read.
#[derive(Debug, Clone)]
pub struct Listed {
    /// When.
    pub at: Timestamp,
    /// The type.
    pub event: EventType,
    /// One sentence.
    pub description: String,
    /// The actor's login.
    pub login: String,
    /// The actor's display name.
    pub name: String,
    /// Whether the actor was no person.
    pub machine: bool,
    /// Where the request came from, if known.
    pub ip: Option<IpAddr>,
    /// The token that authenticated, if any.
    pub token: Option<TokenId>,
    /// That token's name.
    pub token_name: String,
    /// The position in the log.
    seq: i64,
}

impl From<&ExportRow<'_>> for Listed {
    fn from(row: &ExportRow<'_>) -> Self {
        Self {
            at: row.at,
            event: row.event,
            description: row.description.to_owned(),
            login: row.actor_login.to_owned(),
            name: row.actor_name.to_owned(),
            machine: row.user_id.is_none(),
            ip: row.ip,
            token: row.token_id.map(TokenId::from_bytes),
            token_name: row.token_name.to_owned(),
            seq: row.seq,
        }
    }
}

/// One page.
#[derive(Debug)]
pub struct Page {
    /// The events, newest first.
    pub events: Vec<Listed>,
    /// Where to go on; none on the last page.
    pub continuation: Option<String>,
}

/// A page of the organisation's log. The reading is recorded first.
///
/// # Errors
/// `Invalid` for a query that makes no sense, `NotFound` for a user who is not known here.
pub async fn list(cx: &Cx, query: &LogQuery) -> Result<Page> {
    let org = cx.org()?;
    read(cx, query, org.log, Some(org.id), &org.name).await
}

/// A page of the site's own log.
///
/// # Errors
/// As [`list`].
pub async fn list_site(cx: &Cx, query: &LogQuery) -> Result<Page> {
    read(cx, query, LogId::SITE, None, "site").await
}

async fn read(cx: &Cx, query: &LogQuery, log: LogId, org: Option<OrgId>, name: &str) -> Result<Page> {
    let understood = query.understand()?;
    let settle = understood.filter.range.before;
    if let Some(before) = settle {
        cx.app.store.settle(log, before).await?;
    }
    record(cx, &understood, log, org, name).await?;
    cx.app
        .store
        .read(move |tx| {
            let filter = understood.resolve(tx, log, org)?;
            page(tx, log, &filter, &understood)
        })
        .await
}

/// Records the reading, unless this caller's equal one was recorded within the window. A query that is refused (for an
/// unknown user) reveals nothing and is not recorded.
async fn record(cx: &Cx, understood: &Understood, log: LogId, org: Option<OrgId>, name: &str) -> Result<()> {
    let reader = understood.reader(cx)?;
    let now = cx.now();
    let recorder = &cx.app.recorder;
    if recorder.read_lately(log, &reader, now, READ_WINDOW) {
        return Ok(());
    }
    let checked = understood.clone();
    cx.app.store.read(move |tx| checked.resolve(tx, log, org).map(drop)).await?;
    let description = match understood.describe() {
        filter if filter.is_empty() => format!("Read audit log \"{name}\""),
        filter => format!("Read audit log \"{name}\" ({filter})"),
    };
    let event = cx.event_in(log, catalogue::AUDIT_LOG_READ, Target::new("audit-log", name), description);
    let key = reader.clone();
    let renewed = cx
        .app
        .store
        .write(move |tx| {
            if pileus_store::audit::read_mark(tx, log, &key, now, READ_WINDOW * pileus_model::time::SECOND)? {
                return Ok(Recorded::new(true, event.clone()));
            }
            Ok(Recorded::unaudited(false, "an equal reading was recorded within the window"))
        })
        .await?;
    if renewed {
        recorder.remember_read(log, reader, now);
    }
    Ok(())
}

/// The half-open range of positions that a query covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// Inclusive.
    pub from: i64,
    /// Exclusive.
    pub below: i64,
}

/// Times and position as positions: within a log both rise together.
pub(super) fn span(tx: &mut dyn Tx, log: LogId, filter: &EventFilter, cursor: Option<Cursor>) -> Result<Span> {
    let (last, _) = pileus_store::audit::last(tx, log)?;
    let mut at = |time: Option<Timestamp>, otherwise: i64| -> Result<i64> {
        time.map_or(Ok(otherwise), |t| pileus_store::audit::seq_at(tx, log, t))
    };
    let from = at(filter.range.from, 1)?;
    let below = at(filter.range.before, last + 1)?;
    let below = match cursor {
        None => below,
        Some(Cursor::Before(seq)) => below.min(seq),
        Some(Cursor::OlderThan(time)) => below.min(at(Some(time), below)?),
    };
    Ok(Span { from, below: below.min(last + 1) })
}

/// The indexes that lead through the filtered events: one value, or several of the only part that filters.
/// Whatever else the filter says is checked row by row.
pub(super) fn drivers(filter: &EventFilter) -> Vec<Driver<'_>> {
    let parts: [Vec<Driver<'_>>; 5] = [
        filter.tokens.iter().map(|t| Driver::Token(*t)).collect(),
        filter.targets.iter().map(|t| Driver::Target(t)).collect(),
        filter.ips.iter().filter(|r| r.is_single()).map(|r| Driver::Ip { first: r.first, last: r.last }).collect(),
        filter.users.iter().map(|u| Driver::Actor(u)).collect(),
        filter.events.iter().map(|e| Driver::Event(e.id())).collect(),
    ];
    let networks = filter.ips.iter().any(|r| !r.is_single());
    let given = parts.iter().filter(|p| !p.is_empty()).count();
    if given == 1 && !networks {
        return parts.into_iter().find(|p| !p.is_empty()).unwrap_or_default();
    }
    // The ips as a whole must be single addresses to lead; a mixture is checked row by row.
    let single = parts.into_iter().enumerate().find(|(i, p)| p.len() == 1 && !(*i == 2 && networks));
    single.map_or_else(|| vec![Driver::All], |(_, p)| p)
}

/// Whether rows that these drivers lead to still have to be checked.
pub(super) fn residual(filter: &EventFilter) -> bool {
    let given = [
        filter.tokens.is_empty(),
        filter.targets.is_empty(),
        filter.ips.is_empty(),
        filter.users.is_empty(),
        filter.events.is_empty(),
    ];
    let given = given.iter().filter(|empty| !**empty).count();
    given > 1 || filter.ips.iter().any(|r| !r.is_single())
}

fn page(tx: &mut dyn Tx, log: LogId, filter: &EventFilter, understood: &Understood) -> Result<Page> {
    let span = span(tx, log, filter, understood.cursor)?;
    let drivers = drivers(filter);
    let mut events = Vec::new();
    let stopped = match drivers.as_slice() {
        [driver] if residual(filter) => checked(tx, log, *driver, span, filter, understood.page_size + 1, &mut events)?,
        _ => merged(tx, log, &drivers, span, understood.page_size + 1, &mut events)?,
    };
    let continuation = if events.len() > understood.page_size {
        events.truncate(understood.page_size);
        events.last().map(|e| Cursor::after(e.seq))
    } else {
        stopped.map(Cursor::after)
    };
    Ok(Page { events, continuation })
}

/// The newest events of several indexes together: the newest of each, merged.
fn merged(
    tx: &mut dyn Tx,
    log: LogId,
    drivers: &[Driver<'_>],
    span: Span,
    wanted: usize,
    events: &mut Vec<Listed>,
) -> Result<Option<i64>> {
    for driver in drivers {
        pileus_store::audit::scan_lean(tx, log, *driver, span.below, span.from, wanted, &mut |row| {
            events.push(row.into());
            Ok(Flow::Next)
        })?;
    }
    if drivers.len() > 1 {
        events.sort_by_key(|e| std::cmp::Reverse(e.seq));
        events.dedup_by_key(|e| e.seq);
        events.truncate(wanted);
    }
    Ok(None)
}

/// The events of one index that also match the rest of the filter. Gives up after [`MAX_LOOKED_AT`] rows and tells the
/// position of the last one that it looked at.
fn checked(
    tx: &mut dyn Tx,
    log: LogId,
    driver: Driver<'_>,
    span: Span,
    filter: &EventFilter,
    wanted: usize,
    events: &mut Vec<Listed>,
) -> Result<Option<i64>> {
    let mut below = span.below;
    let mut looked_at = 0;
    while looked_at < MAX_LOOKED_AT {
        let mut seen = 0;
        pileus_store::audit::scan_lean(tx, log, driver, below, span.from, STEP, &mut |row| {
            seen += 1;
            below = row.seq;
            if filter.matches(row) {
                events.push(row.into());
            }
            Ok(if events.len() == wanted { Flow::Stop } else { Flow::Next })
        })?;
        looked_at += seen;
        if events.len() == wanted || seen < STEP {
            return Ok(None);
        }
    }
    Ok(Some(below))
}
