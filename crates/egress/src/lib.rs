//! Outgoing requests: the one client of the whole product, and the one place that decides where it may connect to.
//!
//! This room knows addresses, names, TLS and HTTP as a client. It must never know what a request is for: organisations,
//! issuers and clouds are its callers' business. Its promise: the address that is connected to is the address that was
//! checked, since the check sits in the resolver that the connection uses (and, for addresses written in the URL itself,
//! on the parsed URL), and redirects, proxies and cookies do not exist.

mod address;
mod allow;
mod client;
mod error;
mod link;
mod pool;
mod resolve;
mod tls;

pub use address::refusal;
pub use allow::{Allow, AllowList, AllowParseError};
pub use bytes::Bytes;
pub use client::{Call, Egress, EgressConfig, Origin, Request, Response};
pub use error::EgressError;
pub use http::{
    Method, StatusCode,
    header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue},
};
pub use tls::Thumbprint;
