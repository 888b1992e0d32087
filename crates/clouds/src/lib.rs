//! The clouds: how to ask each of them what is there, and what became of every question.
//!
//! The only floor that knows AWS (and, later, Azure, GCP, OCI and Kubernetes): hosts, signatures, protocols, paging, throttling, and what of
//! an answer must not be kept. It must never know accounts, schedules, environments, SQL or wire names: it is given credentials and a place
//! to put things, and everything that leaves it is already redacted.

pub mod aws;
mod print;
pub mod redact;
mod report;
mod value;

pub use print::{Epoch, Print, Prints};
pub use redact::RedactionKey;
pub use report::{BoxFuture, CloudError, Found, Mode, Place, ScanOptions, Sink, TypeOutcome, TypeReport, first};
pub use value::{Map, Number, Value};
