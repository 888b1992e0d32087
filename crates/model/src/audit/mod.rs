//! Audit events: what is recorded of an action, and how records are asked for.

mod event;
mod filter;
mod kinds;
mod row;

/// The event types by name, generated from `contract/events.tsv` by `cargo xtask gen`.
pub mod catalogue;

#[cfg(test)]
mod catalogue_tests;

pub use event::{Actor, ActorKind, AuditEvent, LogId, NewEvent, Outcome, RequestInfo, Target};
pub use filter::{EventFilter, IpRange, TimeRange, ip_bytes, ip_from_bytes};
pub use kinds::{EventSpec, EventType};
pub use row::ExportRow;
