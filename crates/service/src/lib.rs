//! The verbs: what people and machines may do, and what is recorded of it.
//!
//! A function here takes a [`Cx`] (who asks, for which organisation, by which request), applies the rules and runs
//! closures in the store. It knows neither HTTP nor SQL nor wire types.

mod app;
mod cx;
#[cfg(test)]
mod testing;

pub mod audit;
pub mod auth;
pub mod background;
pub mod environments;
pub mod insights;
pub mod install;
pub mod keys;
pub mod members;
pub mod oidc;
pub mod organizations;
pub mod roles;
pub mod teams;
pub mod tokens;
pub mod users;

pub use app::{App, Settings};
pub use cx::Cx;
