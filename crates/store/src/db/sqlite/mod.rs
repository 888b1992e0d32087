//! SQLite: one writer thread that commits in groups, and a few connections that read.
//!
//! It knows the file. It must never know what the rooms do with it.

mod reader;
mod tx;
mod writer;

use super::{
    error, migrate,
    store::{Health, ReadJob, Tools, WriteJob},
};
use pileus_model::{Error, Result, Timestamp};
use reader::Readers;
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use writer::Writer;

/// How long a statement waits for another process that has the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 256;
/// The write-ahead log is moved into the file when it has this many pages (32 MiB).
const CHECKPOINT_PAGES: i64 = 8000;
/// Bytes that the write-ahead log keeps on the disk after it was moved.
const LOG_BYTES: i64 = 32 << 20;
/// The page cache of the writing connection, in KiB. What a scan writes goes into a dozen trees; with less, pages of one transaction
/// are written and read more than once. It is taken as it is needed.
const WRITE_CACHE: i64 = 14 * 1024;
/// The page cache of a reading connection, in KiB.
const READ_CACHE: i64 = 2 * 1024;

/// An open file.
#[derive(Debug)]
pub(super) struct Sqlite {
    writer: Writer,
    readers: Readers,
}

impl Sqlite {
    /// Opens or creates the file and brings its schema up to date. Tells whether it was created.
    pub async fn open(
        path: PathBuf,
        readers: usize,
        max_pages: Option<u32>,
        tools: Arc<Tools>,
    ) -> Result<(Self, bool)> {
        let opening = tokio::task::spawn_blocking(move || {
            // A file of a newer schema is left as it is: look before anything is set.
            migrate::sqlite_check(&connect(&path)?)?;
            let mut connection = write_connection(&path, max_pages)?;
            let fresh = migrate::sqlite(&mut connection, &*tools.clock)?;
            let readers = Readers::open(&path, readers)?;
            let writer = Writer::start(connection, path, max_pages, tools)?;
            Ok((Self { writer, readers }, fresh))
        });
        opening.await.map_err(|panic| Error::internal(panic.to_string()))?
    }

    pub async fn read(&self, job: ReadJob) -> Result<()> {
        self.readers.run(job).await
    }

    pub async fn write(&self, job: WriteJob) -> Result<()> {
        self.writer.run(job).await
    }

    pub async fn settle(&self, before: Timestamp) -> Result<()> {
        self.writer.settle(before).await
    }

    pub async fn ping(&self) -> Result<Health> {
        self.readers.run(Box::new(|tx| tx.query("SELECT 1".into(), &[], &mut |_| Ok(super::Flow::Stop)))).await?;
        self.writer.run(Box::new(|_| Ok(Vec::new()))).await?;
        Ok(Health { clock_ahead_micros: 0 })
    }

    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Opens the file with what every connection needs.
fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| error::sqlite(&e))?;
    let set = || -> rusqlite::Result<()> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Without this promise SQLite compiles a cached statement anew whenever a parameter differs that might have changed
        // its plan: a quarter of the cost of a request.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.pragma_update(None, "mmap_size", 0)
    };
    set().map_err(|e| error::sqlite(&e))?;
    Ok(connection)
}

/// The connection that writes. What it has committed survives a power cut.
fn write_connection(path: &Path, max_pages: Option<u32>) -> Result<Connection> {
    let connection = connect(path)?;
    let set = || -> rusqlite::Result<()> {
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
        connection.pragma_update(None, "cache_size", -WRITE_CACHE)?;
        if let Some(pages) = max_pages {
            connection.pragma_update(None, "max_page_count", pages)?;
        }
        Ok(())
    };
    set().map_err(|e| error::sqlite(&e))?;
    Ok(connection)
}

/// A connection that reads and can't write.
fn read_connection(path: &Path) -> Result<Connection> {
    let connection = connect(path)?;
    let set = || -> rusqlite::Result<()> {
        connection.pragma_update(None, "cache_size", -READ_CACHE)?;
        connection.pragma_update(None, "query_only", true)
    };
    set().map_err(|e| error::sqlite(&e))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn cached_statements_are_not_compiled_anew() {
        let directory = tempfile::tempdir().unwrap();
        let connection = connect(&directory.path().join("x.db")).unwrap();
        assert!(connection.db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG).unwrap());
    }
}
