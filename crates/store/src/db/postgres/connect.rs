//! Where connections live: on the runtime on which the store was opened, whichever asks for them first. One that lived on another would
//! be closed with it under the hands of whoever has it from the pool.
//!
//! This room knows runtimes. It must never know statements.

use deadpool_postgres::Connect;
use futures_util::future::BoxFuture;
use std::future::pending;
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_postgres::{Client, Config, Error, NoTls};

/// Connects on this runtime.
pub(super) struct On(pub Handle);

impl Connect for On {
    fn connect(&self, config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        let (runtime, config) = (self.0.clone(), config.clone());
        let connecting = self.0.spawn(async move {
            let (client, connection) = config.connect(NoTls).await?;
            let driven = runtime.spawn(async move {
                if let Err(error) = connection.await {
                    tracing::warn!(%error, "a connection to the database ended");
                }
            });
            Ok((client, driven))
        });
        // That runtime ends, and the process with it: the pool's own limit tells whoever waits.
        Box::pin(async move {
            match connecting.await {
                Ok(connected) => connected,
                Err(_) => pending().await,
            }
        })
    }
}
