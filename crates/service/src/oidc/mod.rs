//! OIDC issuers, and tokens for those whom they vouch for, so that CI systems log in without a stored secret.
//!
//! An issuer is registered with its URL; its keys are fetched from there (through `egress`) or given. A new issuer grants
//! nothing: only its policies do, and they name the audience. This room knows identity tokens, policies and the exchange;
//! it must never know HTTP, nor believe anything of a token before its signature was verified.

mod discovery;
mod exchange;
mod failures;
mod grants;
mod issuers;
mod jwk;
mod jwt;
mod policies;
mod reject;
mod rules;

#[cfg(test)]
mod tests;

pub use exchange::{ExchangeRequest, Exchanged, exchange};
pub(crate) use failures::flush;
pub use issuers::{Issuer, IssuerChange, NewIssuer, delete, get, list, regenerate_thumbprints, register, update};
pub use policies::{AuthPolicy, NewDefinition, policy, update_policy};
pub use rules::{Decision, Definition, Patterns};

use pileus_model::{Error, Result};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Longest life of a token made for an identity token, in seconds.
pub const MAX_EXPIRATION: i64 = 24 * 60 * 60;
/// The life of a token where none was asked for, in seconds.
pub const DEFAULT_EXPIRATION: i64 = 2 * 60 * 60;

/// What is remembered between requests: fetched keys, and refusals that were recorded. All of it may be forgotten.
#[derive(Debug, Default)]
pub struct Oidc {
    keys: discovery::Cache,
    failures: failures::Failures,
}

/// A poisoned lock only means that another thread panicked; what it guards here is a memory that may be forgotten.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something stored as JSON.
fn stored<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::internal(format!("the stored {what} cannot be read: {e}")))
}

/// As JSON, to be stored.
fn to_store<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::internal(format!("cannot be written as JSON: {e}")))
}
