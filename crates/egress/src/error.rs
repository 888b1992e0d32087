//! What can go wrong on the way out. The texts are meant for the caller of the product: they name the address and the reason.

use std::{fmt, net::IpAddr};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EgressError {
    /// The URL cannot be used: not http or https, no host, or credentials in it.
    Url(String),
    /// The place may not be connected to.
    Refused {
        /// The host as the URL names it.
        host: String,
        /// The address, where one is to blame.
        address: Option<IpAddr>,
        /// Why, as a noun phrase or a clause.
        why: String,
    },
    /// Nobody answered there: name unknown, connection refused, TLS failure.
    Connect(String),
    /// It took longer than the configured time.
    Timeout,
    /// The answer is longer than the configured number of bytes.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer is a redirect, and redirects are not followed.
    Redirect(u16),
    /// The answer is not a success.
    Status(u16),
    /// The answer is not JSON.
    Json(String),
    /// The connection broke.
    Broken(String),
}

impl fmt::Display for EgressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(why) => write!(f, "the URL cannot be used: {why}"),
            Self::Refused { host, address: Some(address), why } if *host == address.to_string() => {
                write!(f, "connections to {host} are refused: it is {why}")
            }
            Self::Refused { host, address: Some(address), why } => {
                write!(f, "connections to {host} are refused: its address {address} is {why}")
            }
            Self::Refused { host, address: None, why } => write!(f, "connections to {host} are refused: {why}"),
            Self::Connect(why) => write!(f, "no connection: {why}"),
            Self::Timeout => f.write_str("it took too long"),
            Self::TooLarge { limit } => write!(f, "the answer is longer than {limit} bytes"),
            Self::Redirect(status) => write!(f, "it answered {status}, a redirect, and redirects are not followed"),
            Self::Status(status) => write!(f, "it answered {status}"),
            Self::Json(why) => write!(f, "the answer is not JSON: {why}"),
            Self::Broken(why) => write!(f, "the connection broke: {why}"),
        }
    }
}

impl std::error::Error for EgressError {}
