//! The one thread that writes: it takes what has queued, runs it in one transaction, commits once and only then
//! answers all.

use super::{tx::SqliteTx, write_connection};
use crate::{
    audit,
    db::{
        error,
        store::{Tools, WriteJob},
    },
};
use pileus_model::{Error, Result, Timestamp};
use rusqlite::Connection;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

/// The most closures that share a commit.
const BATCH: usize = 256;
/// The most closures that wait; more wait in their callers.
const QUEUE: usize = 1024;
/// How long a reader waits for the batch in flight.
const SETTLE: Duration = Duration::from_secs(5);

enum Message {
    Write(Queued),
    Close(oneshot::Sender<()>),
}

struct Queued {
    job: WriteJob,
    answer: oneshot::Sender<Result<()>>,
}

/// The way to the writer thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    in_flight: watch::Receiver<Option<Timestamp>>,
}

impl Writer {
    pub fn start(connection: Connection, path: PathBuf, max_pages: Option<u32>, tools: Arc<Tools>) -> Result<Self> {
        let (queue, incoming) = mpsc::channel(QUEUE);
        let (publish, in_flight) = watch::channel(None);
        let worker = Worker { connection: Some(connection), path, max_pages, tools, in_flight: publish };
        std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || worker.work(incoming))
            .map_err(|e| Error::internal(format!("no thread for the writer: {e}")))?;
        Ok(Self { queue, in_flight })
    }

    /// Queues the closure and waits until its batch is on the disk.
    pub async fn run(&self, job: WriteJob) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Message::Write(Queued { job, answer })).await.map_err(|_| error::closed())?;
        answered.await.map_err(|_| error::closed())?
    }

    /// Waits until no batch is in flight that began before this time: an event's time is never earlier than the
    /// beginning of its batch.
    pub async fn settle(&self, before: Timestamp) -> Result<()> {
        let mut in_flight = self.in_flight.clone();
        let settled = in_flight.wait_for(|began| began.is_none_or(|began| began >= before));
        match tokio::time::timeout(SETTLE, settled).await {
            Ok(_) => Ok(()),
            Err(_) => Err(error::busy("the batch in flight did not end within 5 s")),
        }
    }

    /// Lets the thread finish what is queued and waits for its end.
    pub async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.queue.send(Message::Close(answer)).await.is_ok() {
            // An error means that the thread is gone, which is what is wanted.
            let _ = answered.await;
        }
    }
}

struct Worker {
    /// None after a failure from which the connection could not be brought back.
    connection: Option<Connection>,
    path: PathBuf,
    max_pages: Option<u32>,
    tools: Arc<Tools>,
    in_flight: watch::Sender<Option<Timestamp>>,
}

impl Worker {
    fn work(mut self, mut incoming: mpsc::Receiver<Message>) {
        let mut closing = Vec::new();
        let mut messages = Vec::with_capacity(BATCH);
        while incoming.blocking_recv_many(&mut messages, BATCH) > 0 {
            let mut batch = Vec::with_capacity(messages.len());
            for message in messages.drain(..) {
                match message {
                    Message::Write(queued) => batch.push(queued),
                    Message::Close(answer) => {
                        incoming.close();
                        closing.push(answer);
                    }
                }
            }
            if !batch.is_empty() {
                self.serve(batch);
            }
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.pragma(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))
        {
            tracing::warn!(%error, "the write-ahead log was not moved into the file; the next start does it");
        }
        for answer in closing {
            // Whoever asked has stopped waiting.
            let _ = answer.send(());
        }
    }

    /// Runs a batch and answers all of it.
    fn serve(&mut self, mut batch: Vec<Queued>) {
        metrics::histogram!("pileus_store_batch_closures").record(batch.len() as f64);
        self.in_flight.send_replace(Some(self.tools.clock.now()));
        let done = self.transaction(&mut batch);
        self.in_flight.send_replace(None);
        match done {
            Ok(results) => {
                for (queued, result) in batch.into_iter().zip(results) {
                    // A caller that has gone away does not undo what it asked for.
                    let _ = queued.answer.send(result);
                }
            }
            Err(error) => {
                tracing::error!(%error, closures = batch.len(), "a batch of changes was rolled back");
                metrics::counter!("pileus_store_batches_failed_total").increment(1);
                for queued in batch {
                    let _ = queued.answer.send(Err(error.clone()));
                }
            }
        }
    }

    /// All of the batch in one transaction. An error means that nothing of it is kept.
    fn transaction(&mut self, batch: &mut [Queued]) -> Result<Vec<Result<()>>> {
        if self.connection.is_none() {
            self.connection = Some(write_connection(&self.path, self.max_pages)?);
        }
        let Some(connection) = &self.connection else { return Err(error::closed()) };
        let done = attempt(connection, batch, &self.tools);
        if done.is_err() && !connection.is_autocommit() {
            // If it can't be rolled back here, closing the connection does it.
            if step(connection, "ROLLBACK").is_err() || !connection.is_autocommit() {
                self.connection = None;
            }
        }
        done
    }
}

fn attempt(connection: &Connection, batch: &mut [Queued], tools: &Tools) -> Result<Vec<Result<()>>> {
    step(connection, "BEGIN IMMEDIATE")?;
    let mut results = Vec::with_capacity(batch.len());
    for queued in batch {
        results.push(one(connection, &mut queued.job, tools)?);
    }
    step(connection, "COMMIT")?;
    let kept = results.iter().filter(|result| result.is_ok()).count();
    if kept > 0 {
        tools.committed(kept);
    }
    Ok(results)
}

/// One closure in its savepoint. The outer error ends the batch, the inner one is the closure's own.
fn one(connection: &Connection, job: &mut WriteJob, tools: &Tools) -> Result<Result<()>> {
    step(connection, "SAVEPOINT closure")?;
    let mut tx = SqliteTx::new(connection);
    let done = catch_unwind(AssertUnwindSafe(|| {
        let events = job(&mut tx)?;
        audit::append(&mut tx, events, &*tools.clock, &*tools.entropy)
    }))
    .unwrap_or_else(|panic| Err(error::panicked(&*panic)));
    let failure = tx.failure();
    if tx.is_fatal() || connection.is_autocommit() {
        let why = failure.or(done.err());
        return Err(why.unwrap_or_else(|| Error::internal("a closure ended the transaction of its batch")));
    }
    let outcome = match failure {
        Some(error) => done.and(Err(error)),
        None => done,
    };
    if outcome.is_err() {
        step(connection, "ROLLBACK TO closure")?;
    }
    step(connection, "RELEASE closure")?;
    Ok(outcome)
}

fn step(connection: &Connection, sql: &'static str) -> Result<()> {
    let done = connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    done.map(|_| ()).map_err(|e| error::sqlite(&e))
}
