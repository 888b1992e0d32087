//! The store as `service` holds it: opens an engine, runs closures in transactions, says how it is.
//!
//! It knows that there are two engines and nothing of their words. Closures are erased here, so that the engines are
//! compiled once and not once per call.

use super::{Recorded, Tx, postgres::Postgres, sqlite::Sqlite};
use pileus_model::{
    Error, Result, Secret, Timestamp,
    audit::{LogId, NewEvent},
    clock::Clock,
    entropy::Entropy,
};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Where the data is.
#[derive(Debug, Clone)]
pub enum StoreConfig {
    /// A file of SQLite.
    Sqlite {
        /// The database's file; its folder must exist.
        path: PathBuf,
        /// How many reads may run at once.
        readers: usize,
        /// How many pages of 4 KiB the file may have, for tests of a full disk; `None`: as many as fit.
        max_pages: Option<u32>,
    },
    /// A database of PostgreSQL 15 or newer.
    Postgres {
        /// `postgres://user:password@host/database?…`
        url: Secret<String>,
        /// How many connections may be open at once.
        pool: usize,
    },
}

impl StoreConfig {
    /// This file, with the usual four readers.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite { path: path.into(), readers: 4, max_pages: None }
    }
    /// This database, with the usual sixteen connections.
    pub fn postgres(url: impl Into<String>) -> Self {
        Self::Postgres { url: Secret::new(url.into()), pool: 16 }
    }
}

/// What opening found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The schema was created just now, by us: there is nothing in it yet.
    pub fresh: bool,
}

/// What a look at the database told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// How far this node's clock is ahead of the database's, in microseconds (negative: behind). 0 on SQLite, which
    /// has no clock of its own.
    pub clock_ahead_micros: i64,
}

/// What has been written since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Commits that reached the disk.
    pub commits: u64,
    /// Closures whose changes they held.
    pub closures: u64,
}

/// A reading closure, erased.
pub(super) type ReadJob = Box<dyn FnMut(&mut dyn Tx) -> Result<()> + Send>;
/// A writing closure, erased: it keeps its value and gives the events.
pub(super) type WriteJob = Box<dyn FnMut(&mut dyn Tx) -> Result<Vec<NewEvent>> + Send>;

/// What the engines need to record events, and what they count.
#[derive(Debug)]
pub(super) struct Tools {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for the events' ids.
    pub entropy: Arc<dyn Entropy>,
    /// Commits.
    commits: AtomicU64,
    /// Closures.
    closures: AtomicU64,
}

impl Tools {
    /// A commit of this many closures reached the disk.
    pub fn committed(&self, closures: usize) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.closures.fetch_add(closures as u64, Ordering::Relaxed);
        metrics::counter!("pileus_store_commits_total").increment(1);
        metrics::counter!("pileus_store_closures_total").increment(closures as u64);
    }
}

/// The store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Arc<Kind>,
    tools: Arc<Tools>,
}

#[derive(Debug)]
enum Kind {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Store {
    /// Opens the database and brings its schema up to date. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// `Invalid` where the configuration can't be used or the data was written by a newer version (nothing is changed
    /// then), `Unavailable` where the database can't be reached.
    pub async fn open(config: StoreConfig, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<(Self, Opened)> {
        let tools = Arc::new(Tools { clock, entropy, commits: AtomicU64::new(0), closures: AtomicU64::new(0) });
        let (engine, fresh) = match config {
            StoreConfig::Sqlite { path, readers, max_pages } => {
                let (sqlite, fresh) = Sqlite::open(path, readers, max_pages, Arc::clone(&tools)).await?;
                (Kind::Sqlite(sqlite), fresh)
            }
            StoreConfig::Postgres { url, pool } => {
                let (postgres, fresh) = Postgres::open(&url, pool, Arc::clone(&tools)).await?;
                (Kind::Postgres(postgres), fresh)
            }
        };
        Ok((Self { engine: Arc::new(engine), tools }, Opened { fresh }))
    }

    /// Which engine it is.
    pub fn engine(&self) -> super::Engine {
        match &*self.engine {
            Kind::Sqlite(_) => super::Engine::Sqlite,
            Kind::Postgres(_) => super::Engine::Postgres,
        }
    }

    /// Runs a closure that reads, in one snapshot. It can't write. It is short (≤ 2,000 rows) and pure but for `tx`.
    ///
    /// # Errors
    /// The closure's, or `Unavailable` where the database can't.
    pub async fn read<T, F>(&self, mut f: F) -> Result<T>
    where
        F: FnMut(&mut dyn Tx) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let slot = Slot::new();
        let fill = slot.clone();
        self.read_erased(Box::new(move |tx| {
            fill.set(f(tx)?);
            Ok(())
        }))
        .await?;
        slot.take()
    }

    /// Runs a closure that may change something, and records its events as the last thing of its transaction: all of
    /// it happens, or nothing. Returns after it is on the disk. The closure may run twice; it is short and pure but
    /// for `tx`. A statement that failed makes the whole closure fail, also if the closure overlooks it.
    ///
    /// # Errors
    /// The closure's, `Conflict` where a key forbids it, `Unavailable` where the database can't.
    pub async fn write<T, F>(&self, mut f: F) -> Result<T>
    where
        F: FnMut(&mut dyn Tx) -> Result<Recorded<T>> + Send + 'static,
        T: Send + 'static,
    {
        let slot = Slot::new();
        let fill = slot.clone();
        self.write_erased(Box::new(move |tx| {
            let Recorded { value, events } = f(tx)?;
            fill.set(value);
            Ok(events)
        }))
        .await?;
        slot.take()
    }

    /// Waits until no writer can still commit an event of this log that is earlier than `before`: what a reader calls
    /// before it reads a range that ended in the past, so that the range never changes after it was read. A time in the
    /// future counts as now.
    ///
    /// # Errors
    /// `Unavailable` after 5 seconds.
    pub async fn settle(&self, log: LogId, before: Timestamp) -> Result<()> {
        let before = before.min(self.tools.clock.now());
        match &*self.engine {
            Kind::Sqlite(sqlite) => sqlite.settle(before).await,
            Kind::Postgres(postgres) => postgres.settle(log).await,
        }
    }

    /// Whether the database answers and takes writes in principle.
    ///
    /// # Errors
    /// `Unavailable` if not.
    pub async fn ping(&self) -> Result<Health> {
        match &*self.engine {
            Kind::Sqlite(sqlite) => sqlite.ping().await,
            Kind::Postgres(postgres) => postgres.ping().await,
        }
    }

    /// What has been written since the store was opened.
    pub fn written(&self) -> Written {
        Written {
            commits: self.tools.commits.load(Ordering::Relaxed),
            closures: self.tools.closures.load(Ordering::Relaxed),
        }
    }

    /// Finishes what is queued, moves the write-ahead log into the file and lets go of the database. Later calls are
    /// `Unavailable`.
    pub async fn close(&self) {
        match &*self.engine {
            Kind::Sqlite(sqlite) => sqlite.close().await,
            Kind::Postgres(postgres) => postgres.close(),
        }
    }

    async fn read_erased(&self, job: ReadJob) -> Result<()> {
        match &*self.engine {
            Kind::Sqlite(sqlite) => sqlite.read(job).await,
            Kind::Postgres(postgres) => postgres.read(job).await,
        }
    }

    async fn write_erased(&self, job: WriteJob) -> Result<()> {
        match &*self.engine {
            Kind::Sqlite(sqlite) => sqlite.write(job).await,
            Kind::Postgres(postgres) => postgres.write(job).await,
        }
    }
}

/// Where an erased closure leaves its value.
#[derive(Debug)]
struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Slot<T> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }
    fn set(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }
    fn take(&self) -> Result<T> {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or_else(|| Error::internal("a closure succeeded without a value"))
    }
}
