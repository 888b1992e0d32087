//! Where connections live: on the runtime on which the store was opened, whichever asks for them first. One that lived on another would
//! be closed with it under the hands of whoever has it from the pool.
//!
//! This room knows runtimes. It must never know statements.

use deadpool_postgres::{ConfigConnectImpl, Connect};
use futures_util::future::BoxFuture;
use std::future::pending;
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_postgres::{Client, Config, Error, NoTls};

/// Connects on this runtime.
pub(super) struct On(pub Handle);

impl Connect for On {
    fn connect(&self, config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        let config = config.clone();
        let connecting = self.0.spawn(async move { ConfigConnectImpl { tls: NoTls }.connect(&config).await });
        Box::pin(async move {
            match connecting.await {
                Ok(connected) => connected,
                // That runtime ends, and the process with it: the pool's own limit tells whoever waits.
                Err(_) => pending().await,
            }
        })
    }
}
