//! The connections that read: each read is one snapshot, on a thread that may block.

use super::{read_connection, tx::SqliteTx};
use crate::db::{error, store::ReadJob};
use pileus_model::{Error, Result};
use rusqlite::Connection;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A few connections, handed to one read at a time.
#[derive(Debug)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    count: u32,
}

impl Readers {
    pub fn open(path: &Path, count: usize) -> Result<Self> {
        let count = count.clamp(1, 64);
        let idle = (0..count).map(|_| read_connection(path)).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            idle: Arc::new(Mutex::new(idle)),
            permits: Arc::new(Semaphore::new(count)),
            count: u32::try_from(count).unwrap_or(64),
        })
    }

    /// Runs the closure as soon as a connection is free.
    pub async fn run(&self, mut job: ReadJob) -> Result<()> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| error::closed())?;
        let lease = Lease::take(Arc::clone(&self.idle), permit)?;
        let task = tokio::task::spawn_blocking(move || lease.run(&mut job));
        task.await.map_err(|panic| Error::internal(panic.to_string()))?
    }

    /// Waits for the reads that run and closes the connections.
    pub async fn close(&self) {
        if let Ok(all) = self.permits.acquire_many(self.count).await {
            self.permits.close();
            drop(all);
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A connection that goes back to the others when the read is over.
struct Lease {
    connection: Option<Connection>,
    home: Arc<Mutex<Vec<Connection>>>,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    fn take(home: Arc<Mutex<Vec<Connection>>>, permit: OwnedSemaphorePermit) -> Result<Self> {
        let connection = home.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if connection.is_none() {
            return Err(error::closed());
        }
        Ok(Self { connection, home, _permit: permit })
    }

    fn run(&self, job: &mut ReadJob) -> Result<()> {
        let connection = self.connection.as_ref().ok_or_else(error::closed)?;
        let step = |sql| -> Result<()> {
            let done = connection.prepare_cached(sql).and_then(|mut s| s.execute([]));
            done.map(|_| ()).map_err(|e| error::sqlite(&e))
        };
        if !connection.is_autocommit() {
            step("ROLLBACK")?;
        }
        step("BEGIN")?;
        let mut tx = SqliteTx::new(connection);
        let done = catch_unwind(AssertUnwindSafe(|| job(&mut tx))).unwrap_or_else(|p| Err(error::panicked(&*p)));
        let failure = tx.failure();
        let ended = if connection.is_autocommit() { Ok(()) } else { step("ROLLBACK") };
        match (done, failure) {
            (Err(error), _) | (Ok(()), Some(error)) => Err(error),
            (Ok(()), None) => ended,
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.home.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}
