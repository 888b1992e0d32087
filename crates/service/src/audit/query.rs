//! What a client asks of the log, in either dialect, and what that means as a filter.

use crate::Cx;
use pileus_codec::cursor::Cursor;
use pileus_model::{
    Error, Result, Timestamp,
    audit::{EventFilter, EventType, IpRange, LogId, TimeRange},
    ids::{OrgId, TokenId},
};
use pileus_store::Tx;
use std::fmt::Write as _;

/// The two dialects of the contract: in V1 `startTime` is an upper bound, in V2 a lower one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `/auditlogs`, the older one.
    V1,
    /// `/auditlogs/v2`.
    V2,
}

/// A query as it came. Lists may hold comma-separated values.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// Which dialect.
    pub dialect: Dialect,
    /// V1: exclusive upper bound; V2: inclusive lower bound. Unix seconds.
    pub start_time: Option<i64>,
    /// Exclusive upper bound. Unix seconds.
    pub end_time: Option<i64>,
    /// Where to go on.
    pub continuation: Option<String>,
    /// Events on a page, 1–1000; 100 if absent.
    pub page_size: Option<i64>,
    /// Logins.
    pub users: Vec<String>,
    /// Event types, by identifier or display name.
    pub events: Vec<String>,
    /// Target identifiers.
    pub targets: Vec<String>,
    /// Token ids, or names of organisation and team tokens.
    pub tokens: Vec<String>,
    /// Addresses or networks.
    pub ips: Vec<String>,
}

/// A query that was understood, as far as that needs no database.
#[derive(Debug, Clone)]
pub(super) struct Understood {
    pub filter: EventFilter,
    /// Token names that the store has to look up.
    pub token_names: Vec<String>,
    pub cursor: Option<Cursor>,
    pub page_size: usize,
}

/// Values of one parameter at most.
const MAX_VALUES: usize = 100;
/// The last second of the year 9999, where RFC 3339 ends.
const LAST_SECOND: i64 = 253_402_300_799;

impl LogQuery {
    /// Checks everything that can be checked without the database.
    pub(super) fn understand(&self) -> Result<Understood> {
        let (range, from_end) = self.range()?;
        let mut filter = EventFilter { range, ..EventFilter::default() };
        filter.users = values("userFilter", &self.users)?.iter().map(|u| u.to_lowercase()).collect();
        for text in values("eventFilter", &self.events)? {
            let event = EventType::find(text).ok_or_else(|| {
                Error::invalid(format!("eventFilter {text:?} is not an event type; auditlogs/event-types lists them"))
            })?;
            filter.events.push(event);
        }
        filter.targets = values("target", &self.targets)?.into_iter().map(str::to_owned).collect();
        filter.ips = values("ip", &self.ips)?.into_iter().map(IpRange::parse).collect::<Result<_>>()?;
        let mut token_names = Vec::new();
        for text in values("token", &self.tokens)? {
            match text.parse::<TokenId>() {
                Ok(id) => filter.tokens.push(id),
                Err(_) => token_names.push(text.to_owned()),
            }
        }
        let page_size = match self.page_size {
            None => 100,
            Some(n) => usize::try_from(n)
                .ok()
                .filter(|n| (1..=1000).contains(n))
                .ok_or_else(|| Error::invalid(format!("pageSize {n} must be from 1 to 1000")))?,
        };
        let cursor =
            self.continuation.as_deref().filter(|t| !t.is_empty()).map(Cursor::parse).transpose()?.or(from_end);
        Ok(Understood { filter, token_names, cursor, page_size })
    }

    /// The range of times, and the position if `endTime` holds one: a known client sends our token back as `endTime`
    /// (API-QUIRKS, "Continuation tokens as endTime").
    fn range(&self) -> Result<(TimeRange, Option<Cursor>)> {
        let start = time("startTime", self.start_time)?;
        let position = match self.end_time {
            Some(number) if number > LAST_SECOND => Cursor::parse(&number.to_string()).ok(),
            _ => None,
        };
        let end = if position.is_some() { None } else { time("endTime", self.end_time)? };
        match self.dialect {
            Dialect::V1 => {
                let before = match (start, end) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
                Ok((TimeRange { from: None, before }, position))
            }
            Dialect::V2 => {
                if let (Some(from), Some(before)) = (start, end)
                    && from > before
                {
                    return Err(Error::invalid(format!(
                        "startTime {} is later than endTime {}",
                        from.as_seconds(),
                        before.as_seconds()
                    )));
                }
                Ok((TimeRange { from: start, before: end }, position))
            }
        }
    }
}

/// The values of a repeatable, comma-separated parameter.
fn values<'a>(name: &str, given: &'a [String]) -> Result<Vec<&'a str>> {
    let found: Vec<&str> = given.iter().flat_map(|v| v.split(',')).map(str::trim).filter(|v| !v.is_empty()).collect();
    if found.len() > MAX_VALUES {
        return Err(Error::invalid(format!("{name} has {} values; at most {MAX_VALUES} are allowed", found.len())));
    }
    Ok(found)
}

fn time(name: &str, seconds: Option<i64>) -> Result<Option<Timestamp>> {
    let Some(seconds) = seconds else { return Ok(None) };
    if !(0..=LAST_SECOND).contains(&seconds) {
        return Err(Error::invalid(format!(
            "{name} {seconds} is not a time: Unix seconds from 0 to {LAST_SECOND} are allowed"
        )));
    }
    Timestamp::from_seconds(seconds).map(Some).ok_or_else(|| Error::invalid(format!("{name} is out of range")))
}

impl Understood {
    /// Finishes what needs the database: every user must be known here, token names become ids.
    pub(super) fn resolve(&self, tx: &mut dyn Tx, log: LogId, org: Option<OrgId>) -> Result<EventFilter> {
        let mut filter = self.filter.clone();
        for user in &filter.users {
            let member = match org {
                Some(org) => pileus_store::members::by_login(tx, org, user)?.is_some(),
                None => pileus_store::users::by_login(tx, user)?.is_some(),
            };
            if !member && !pileus_store::audit::actor_known(tx, log, user)? {
                return Err(Error::not_found("user not found"));
            }
        }
        for name in &self.token_names {
            let found = match org {
                Some(org) => pileus_store::tokens::ids_by_name(tx, org, name)?,
                None => Vec::new(),
            };
            if found.is_empty() {
                return Err(Error::invalid(format!(
                    "token {name:?} is neither a token's id nor the name of an organization or team token"
                )));
            }
            filter.tokens.extend(found);
        }
        Ok(filter)
    }

    /// Whose reading this is and of what, times, page size and position apart: equal ones are recorded once.
    pub(super) fn reader(&self, cx: &Cx) -> Result<String> {
        use sha2::{Digest, Sha256};
        let caller = cx.caller()?;
        let text = format!("{}\n{}", caller.token, self.describe());
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(text.as_bytes()) {
            let _ = write!(hex, "{byte:02x}");
        }
        Ok(hex)
    }

    /// The filter in words, for the event's description; empty if there is none.
    pub(super) fn describe(&self) -> String {
        let f = &self.filter;
        let mut parts = Vec::new();
        let mut add = |name: &str, mut values: Vec<String>| {
            values.sort();
            if !values.is_empty() {
                parts.push(format!("{name} {}", values.join(", ")));
            }
        };
        add("user", f.users.clone());
        add("event", f.events.iter().map(ToString::to_string).collect());
        add("target", f.targets.clone());
        add("token", f.tokens.iter().map(ToString::to_string).chain(self.token_names.iter().cloned()).collect());
        add("ip", f.ips.iter().map(describe_range).collect());
        parts.join("; ")
    }
}

fn describe_range(range: &IpRange) -> String {
    use pileus_model::audit::ip_from_bytes;
    if range.is_single() {
        return ip_from_bytes(range.first).to_string();
    }
    format!("{} to {}", ip_from_bytes(range.first), ip_from_bytes(range.last))
}
