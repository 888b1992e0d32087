//! What tests stand on: a clock that they move, randomness that repeats, a real PostgreSQL, and a whole Pileus.
//!
//! It knows every floor and is used by tests only. Without the feature `app` it knows only the nouns, so that the
//! store's own tests can stand on it.

#![cfg_attr(feature = "app", expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on ends"))]

pub mod clock;
#[cfg(feature = "app")]
pub mod clouds;
pub mod entropy;
pub mod postgres;

#[cfg(feature = "app")]
pub mod app;
#[cfg(feature = "app")]
pub mod client;
#[cfg(feature = "app")]
pub mod server;
