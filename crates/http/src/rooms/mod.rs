//! A room for each tag of the contract: wire to domain, one call into the service, domain to wire.

pub mod account;
pub mod admin;
pub mod audit_logs;
pub mod environments;
pub mod environments_copies;
pub mod environments_issuer;
pub mod environments_open;
pub mod environments_providers;
pub mod environments_rotation;
pub mod environments_schedules;
pub mod environments_tags;
pub mod environments_versions;
pub mod insights;
pub mod insights_access;
pub mod insights_resources;
pub mod insights_scans;
mod insights_shown;
mod insights_wire;
pub mod keys;
pub mod members;
pub mod meta;
pub mod oauth;
pub mod oidc;
pub mod organizations;
pub mod roles;
pub mod teams;
pub mod tokens;
