//! Insights: accounts, schedules, scans and what they found.
//!
//! These rooms know the rows. They must never know who may see them, when a scan is due or what absence proves.

pub mod absent;
pub mod accounts;
pub mod coverage;
pub mod handles;
pub mod ingest;
pub mod known;
pub mod leases;
pub mod lines;
mod many;
pub mod regions;
pub mod resources;
pub mod retention;
pub mod scans;
pub mod schedules;
pub mod tags;
pub mod teams;
pub mod trash;
