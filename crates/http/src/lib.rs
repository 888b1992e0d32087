//! The only floor that knows HTTP: routing, one dispatcher, and a room for each tag of the contract.
//!
//! A request is answered by [`Service::handle`], whose order is the same for every operation; what differs stands in the
//! operation's declaration. Handlers in `rooms` convert, call the service and convert back. This floor must never know SQL,
//! and never decides what a role permits.

mod builder;
mod config;
mod dispatch;
mod errors;
mod finish;
mod fold;
mod gate;
mod generated;
mod intake;
mod limits;
mod origin;
mod probe;
mod reply;
mod rooms;
mod routes;
mod serve;
mod stall;
mod text;
mod watch;

#[cfg(test)]
mod tests;

pub use builder::{Builder, Outcome};
pub use config::{HttpConfig, MetricsText, Rates};
pub use dispatch::Service;
pub use intake::{BodyError, Incoming};
pub use reply::{Body, IntoReply, JSON, Reply};
pub use serve::serve;

use pileus_model::Result;
use pileus_service::App;
use std::sync::Arc;

/// The whole API over these parts.
///
/// # Errors
/// `Internal` where declarations and handlers do not fit together: a bug that every start finds.
pub fn serve_router(app: Arc<App>, config: HttpConfig) -> Result<Service> {
    let mut builder = Builder::default();
    generated::register(&mut builder);
    let routes = routes::Routes::new(pileus_contract::OPERATIONS, builder.finish()?)?;
    Ok(Service::new(app, config, routes))
}
