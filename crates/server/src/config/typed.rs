//! The configuration as the start needs it: typed values.

use super::parse::{self, Database, LogFormat, Role};
use super::{Loaded, Value, keys};
use crate::{config::keys::Key, failure::Failure};
use ipnet::IpNet;
use pileus_egress::Allow;
use pileus_service::insights::scans::{clouds::Mode, retention::Keep};
use std::{net::SocketAddr, path::PathBuf};

/// The configuration of `pileus serve`.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The data directory.
    pub data_dir: PathBuf,
    /// Which database.
    pub database: Database,
    /// Where clients reach the installation, without a trailing slash; unless said, it follows from the address.
    pub public_url: Option<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether this node answers requests.
    pub serves: bool,
    /// Whether this node runs scans.
    pub works: bool,
    /// How it does.
    pub scans: Scans,
    /// The form of the log.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
    /// Places that are not public but that outgoing requests may reach.
    pub egress_allow: Vec<Allow>,
    /// Where requests to AWS go instead.
    pub aws_endpoint: Option<String>,
    /// How scans of AWS list.
    pub aws_listing: Mode,
    /// Where requests to Google go instead.
    pub gcp_endpoint: Option<String>,
    /// The limits.
    pub limits: Limits,
}

/// How scans are run and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scans {
    /// Scans that this node runs at once.
    pub at_once: usize,
    /// Seconds without a sign of life after which another node's scans are taken over.
    pub silence: i64,
    /// How long they are kept.
    pub keep: Keep,
}

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests per second and token.
    pub requests_per_second: u32,
    /// Requests per second and address to operations that need no credentials.
    pub public_requests_per_second: u32,
    /// Failed logins per minute and address, in the long run.
    pub failed_logins_per_minute: u32,
    /// Failed logins of one address before that rate begins to count.
    pub failed_logins_at_once: u32,
    /// Exports that one caller may run at once.
    pub exports_per_caller: usize,
    /// Exports that one organisation may have running at once.
    pub exports_per_organization: usize,
    /// Longest request body in bytes, before and after decompression.
    pub body_bytes: usize,
    /// Seconds that an ordinary request may take.
    pub request_seconds: u64,
    /// Most connections at once.
    pub connections: usize,
    /// Threads that read from SQLite.
    pub sqlite_readers: usize,
    /// Most pages of 4 KiB that the SQLite file may have; none for as many as the disk holds.
    pub sqlite_pages: Option<u32>,
    /// Connections to PostgreSQL.
    pub postgres_connections: usize,
}

impl Config {
    /// The typed values of what was loaded.
    ///
    /// # Errors
    /// None in practice: every value was checked where it was read, and the defaults are tested.
    pub fn new(loaded: &Loaded) -> Result<Self, Failure> {
        let public_url = text(loaded, &keys::PUBLIC_URL);
        let roles = list(loaded, &keys::ROLES, parse::role)?;
        if roles.is_empty() {
            return Err(Failure::new("roles: a node must serve, work or both"));
        }
        Ok(Self {
            listen: parsed(&keys::LISTEN, parse::address(text(loaded, &keys::LISTEN)))?,
            data_dir: parsed(&keys::DATA_DIR, parse::path(text(loaded, &keys::DATA_DIR)))?,
            database: parsed(&keys::DATABASE, parse::database(text(loaded, &keys::DATABASE)))?,
            public_url: match public_url {
                "" => None,
                url => Some(parsed(&keys::PUBLIC_URL, parse::public_url(url))?),
            },
            trusted_proxies: list(loaded, &keys::TRUSTED_PROXIES, parse::network)?,
            serves: roles.contains(&Role::Serve),
            works: roles.contains(&Role::Work),
            scans: Scans {
                at_once: number(loaded, &keys::SCANS_AT_ONCE)?,
                silence: number(loaded, &keys::SCANS_SILENCE)?,
                keep: Keep {
                    days: number(loaded, &keys::SCANS_KEEP_DAYS)?,
                    newest: number(loaded, &keys::SCANS_KEEP_NEWEST)?,
                },
            },
            log_format: parsed(&keys::LOG_FORMAT, parse::log_format(text(loaded, &keys::LOG_FORMAT)))?,
            log_filter: text(loaded, &keys::LOG_FILTER).to_owned(),
            egress_allow: list(loaded, &keys::EGRESS_ALLOW, parse::allowed)?,
            aws_endpoint: parsed(&keys::AWS_ENDPOINT, parse::endpoint(text(loaded, &keys::AWS_ENDPOINT)))?,
            aws_listing: parsed(&keys::AWS_LISTING, parse::listing(text(loaded, &keys::AWS_LISTING)))?,
            gcp_endpoint: parsed(&keys::GCP_ENDPOINT, parse::endpoint(text(loaded, &keys::GCP_ENDPOINT)))?,
            limits: Limits {
                requests_per_second: number(loaded, &keys::REQUESTS_PER_SECOND)?,
                public_requests_per_second: number(loaded, &keys::PUBLIC_REQUESTS_PER_SECOND)?,
                failed_logins_per_minute: number(loaded, &keys::FAILED_LOGINS_PER_MINUTE)?,
                failed_logins_at_once: number(loaded, &keys::FAILED_LOGINS_AT_ONCE)?,
                exports_per_caller: number(loaded, &keys::EXPORTS_PER_CALLER)?,
                exports_per_organization: number(loaded, &keys::EXPORTS_PER_ORGANIZATION)?,
                body_bytes: number(loaded, &keys::BODY_BYTES)?,
                request_seconds: number(loaded, &keys::REQUEST_SECONDS)?,
                connections: number(loaded, &keys::CONNECTIONS)?,
                sqlite_readers: number(loaded, &keys::SQLITE_READERS)?,
                sqlite_pages: Some(number(loaded, &keys::SQLITE_PAGES)?).filter(|pages| *pages > 0),
                postgres_connections: number(loaded, &keys::POSTGRES_CONNECTIONS)?,
            },
        })
    }
}

/// Names the setting in an error.
fn parsed<T>(key: &Key, value: Result<T, String>) -> Result<T, Failure> {
    value.map_err(|problem| Failure::new(format!("{}: {problem}", key.name)))
}

/// A text.
fn text<'a>(loaded: &'a Loaded, key: &'static Key) -> &'a str {
    match loaded.value(key) {
        Some(Value::Text(text)) => text,
        _ => "",
    }
}

/// A number, in the type that its user wants.
fn number<T: TryFrom<u64>>(loaded: &Loaded, key: &'static Key) -> Result<T, Failure> {
    let number = match loaded.value(key) {
        Some(Value::Integer(number)) => *number,
        _ => 0,
    };
    parsed(key, T::try_from(number).map_err(|_| format!("{number} is too large")))
}

/// The items of a list.
fn list<T>(loaded: &Loaded, key: &'static Key, parse: fn(&str) -> Result<T, String>) -> Result<Vec<T>, Failure> {
    match loaded.value(key) {
        Some(Value::List(items)) => items.iter().map(|item| parsed(key, parse(item))).collect(),
        _ => Ok(Vec::new()),
    }
}
