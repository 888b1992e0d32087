//! The one integration-test binary. The same behaviour runs on SQLite and on a real PostgreSQL; independent clients,
//! the house laws and the crash test stand beside it.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[macro_use]
mod support;

mod access_names;
mod access_sets;
mod access_teams;
mod audit_export;
mod audit_read;
mod audit_record;
mod coverage;
mod crash;
mod discovery;
mod discovery_faults;
mod discovery_proxy;
mod environments;
mod environments_again;
mod environments_copies;
mod environments_leaks;
mod environments_real;
mod environments_traps;
mod external_cli;
mod external_cli_insights;
mod external_cli_org;
mod external_esc_cli;
mod external_esc_rotation;
mod external_esc_sdk;
mod external_formats;
mod external_providers;
mod external_schema;
mod external_sdk;
mod external_seeds;
mod external_seeds_insights;
mod external_support;
mod insights_accounts;
mod insights_scans;
mod keys;
mod laws;
mod matrix;
mod oidc;
mod outage;
mod process;
mod provider_pulumiservice;
mod providers;
mod rotation;
mod scan_fake_aws;
mod scan_kills;
mod scan_promises;
mod scan_regions;
mod schedules;
mod wire;
