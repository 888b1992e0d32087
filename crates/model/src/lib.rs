//! The nouns of Pileus: typed ids, time, secrets, callers, permissions, audit events and errors.
//!
//! This room knows what the things are called and which values they can take. It must never know
//! HTTP, SQL, wire names or a cloud, does no IO and has nothing asynchronous in it.

pub mod audit;
pub mod authz;
pub mod caller;
pub mod clock;
pub mod cron;
pub mod entropy;
pub mod error;
pub mod ids;
pub mod insights;
pub mod json;
pub mod names;
pub mod secret;
pub mod time;
pub mod token;

pub use error::{Error, ErrorKind, Result};
pub use secret::Secret;
pub use time::Timestamp;
