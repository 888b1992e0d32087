//! A room for each tag of the contract: wire to domain, one call into the service, domain to wire.

pub mod account;
pub mod admin;
pub mod audit_logs;
pub mod members;
pub mod meta;
pub mod oauth;
pub mod oidc;
pub mod organizations;
pub mod roles;
pub mod teams;
pub mod tokens;
