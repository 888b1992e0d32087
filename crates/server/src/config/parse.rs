//! From the text of one setting to its value, with errors that say what is allowed.

use ipnet::IpNet;
use pileus_egress::Allow;
use pileus_model::Secret;
use pileus_service::insights::scans::clouds::Mode;
use std::{net::SocketAddr, path::PathBuf};
use tracing_subscriber::EnvFilter;
use url::Url;

/// Which database.
#[derive(Debug, Clone)]
pub enum Database {
    /// The embedded one, in the data directory.
    Sqlite,
    /// A PostgreSQL at this URL, which may hold a password.
    Postgres(Secret<String>),
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

/// An address and a port.
///
/// # Errors
/// What is allowed.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is not an address and a port such as 127.0.0.1:8080 or [::]:8080"))
}

/// A path.
///
/// # Errors
/// If it is empty.
pub fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("a path must not be empty".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// `sqlite` or a URL of PostgreSQL. The error does not repeat the text, which may hold a password.
///
/// # Errors
/// What is allowed.
pub fn database(text: &str) -> Result<Database, String> {
    if text == "sqlite" {
        return Ok(Database::Sqlite);
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => {
            Ok(Database::Postgres(Secret::new(text.to_owned())))
        }
        _ => Err("must be \"sqlite\" or a URL such as postgres://user:password@host/name".to_owned()),
    }
}

/// An http or https URL without user, query and fragment; without the slash at its end.
///
/// # Errors
/// What is allowed.
pub fn public_url(text: &str) -> Result<String, String> {
    let bad = || format!("{text:?} is not a URL such as https://pileus.example.com");
    let url = Url::parse(text).map_err(|_| bad())?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !plain {
        return Err(bad());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// An http or https URL of nothing but scheme, host and port; empty for none.
///
/// # Errors
/// What is allowed.
pub fn endpoint(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match public_url(text) {
        Ok(url) if url.matches('/').count() == 2 => Ok(Some(url)),
        _ => Err(format!("{text:?} is not a scheme, a host and a port such as http://127.0.0.1:5000")),
    }
}

/// How scans list.
///
/// # Errors
/// What is allowed.
pub fn listing(text: &str) -> Result<Mode, String> {
    match text {
        "native" => Ok(Mode::Native),
        "cloud-control" => Ok(Mode::CloudControl),
        "both" => Ok(Mode::Both),
        _ => Err(format!("{text:?} is none of native, cloud-control, both")),
    }
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Answers requests.
    Serve,
    /// Runs scans.
    Work,
}

/// `serve` or `work`.
///
/// # Errors
/// What is allowed.
pub fn role(text: &str) -> Result<Role, String> {
    match text {
        "serve" => Ok(Role::Serve),
        "work" => Ok(Role::Work),
        _ => Err(format!("{text:?} is none of serve, work")),
    }
}

/// A CIDR or a single address.
///
/// # Errors
/// What is allowed.
pub fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| format!("{text:?} is not an address or a CIDR such as 10.0.0.0/8 or fd00::/8"))
}

/// An entry of the list of places that outgoing requests may reach.
///
/// # Errors
/// What is allowed.
pub fn allowed(text: &str) -> Result<Allow, String> {
    text.parse::<Allow>().map_err(|error| error.to_string())
}

/// `auto`, `json` or `text`.
///
/// # Errors
/// What is allowed.
pub fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "auto" => Ok(LogFormat::Auto),
        "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        _ => Err(format!("{text:?} is not \"auto\", \"json\" or \"text\"")),
    }
}

/// A filter of log lines.
///
/// # Errors
/// What is allowed.
pub fn log_filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::builder().parse(text).map_err(|error| format!("{text:?} is not a log filter: {error}"))
}

/// A whole number within bounds.
///
/// # Errors
/// What is allowed.
pub fn number(text: &str, least: u64, most: u64) -> Result<u64, String> {
    match text.parse() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => Err(format!("{text:?} is not a whole number from {least} to {most}")),
    }
}
