//! The audit log: what is remembered so that equal events are recorded once, reading, exporting.
//!
//! Recording itself is the store's: a change and its event commit together (house law 6).

mod export;
mod query;
mod read;
mod recorder;

pub use export::{Export, ExportFormat, ExportRequest, export};
pub use query::{Dialect, LogQuery};
pub use read::{Listed, Page, list, list_site};
pub use recorder::{Recorder, denied, flush};
