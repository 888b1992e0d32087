//! A transaction of PostgreSQL, as the rooms see it. It runs on a thread that may block.

use super::values::PostgresRow;
use crate::db::{Engine, Flow, Last, Params, Row, Sql, Tx, error};
use deadpool_postgres::Object;
use futures_util::{
    TryStreamExt,
    future::{join, join3, try_join_all},
};
use pileus_model::{Error, Result};
use std::{pin::pin, time::Duration};
use tokio::runtime::Handle;
use tokio_postgres::RowStream;

/// How long a statement may take, as seen from here. The server gives up earlier, if it still can.
const DEADLINE: Duration = Duration::from_secs(40);

/// Statements that are under way to the server at once.
const TOGETHER: usize = 256;

/// Where the transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was sent.
    Idle,
    /// It has begun.
    Open,
    /// It was committed with its last statement.
    Committed,
}

/// A transaction on this connection. It begins with its first statement, in the same round trip.
pub(super) struct PostgresTx<'c> {
    client: &'c Object,
    runtime: &'c Handle,
    begin: &'static str,
    state: State,
    failed: Option<Error>,
    retryable: bool,
    broken: bool,
}

impl<'c> PostgresTx<'c> {
    /// One snapshot that can't write.
    pub fn read(client: &'c Object, runtime: &'c Handle) -> Self {
        Self::new(client, runtime, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }
    /// A transaction that writes.
    pub fn write(client: &'c Object, runtime: &'c Handle) -> Self {
        Self::new(client, runtime, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    }
    fn new(client: &'c Object, runtime: &'c Handle, begin: &'static str) -> Self {
        Self { client, runtime, begin, state: State::Idle, failed: None, retryable: false, broken: false }
    }
    /// Whether the database asked to try again.
    pub const fn is_retryable(&self) -> bool {
        self.retryable
    }
    /// Whether the connection must not be used again.
    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Commits, or rolls back if the closure or one of its statements failed.
    pub fn end(&mut self, done: Result<()>) -> Result<()> {
        let outcome = match self.failed.take() {
            Some(failure) => done.and(Err(failure)),
            None => done,
        };
        match (outcome, self.state) {
            (Ok(()), State::Open) => self.finish("COMMIT"),
            (Err(error), State::Open) => {
                // What went wrong first is what counts; a failed rollback has marked the connection as broken.
                let _ = self.finish("ROLLBACK");
                Err(error)
            }
            (outcome, _) => outcome,
        }
    }

    fn finish(&mut self, sql: &'static str) -> Result<()> {
        let ended = self.runtime.block_on(tokio::time::timeout(DEADLINE, self.client.batch_execute(sql)));
        match ended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                self.broken = true;
                Err(self.note(&error))
            }
            Err(_) => Err(self.late()),
        }
    }

    fn note(&mut self, error: &tokio_postgres::Error) -> Error {
        self.retryable |= error::postgres_is_retryable(error);
        self.broken |= error.is_closed() || self.client.is_closed();
        let error = error::postgres(error);
        self.failed.get_or_insert_with(|| error.clone());
        error
    }

    fn late(&mut self) -> Error {
        self.broken = true;
        let error = error::away("no answer within 40 s");
        self.failed.get_or_insert_with(|| error.clone());
        error
    }

    fn guard(&self) -> Result<()> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Gives the outcome of a statement its meaning. Whatever was tried, the transaction has begun.
    fn settle<T>(&mut self, outcome: Result<Result<T, Failure>, tokio::time::error::Elapsed>) -> Result<T> {
        if self.state == State::Idle {
            self.state = State::Open;
        }
        match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Failure::Callback(error))) => Err(error),
            Ok(Err(Failure::Engine(error))) => Err(self.note(&error)),
            Err(_) => Err(self.late()),
        }
    }
}

impl Tx for PostgresTx<'_> {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn execute(&mut self, sql: Sql, params: Params<'_>) -> Result<u64> {
        self.guard()?;
        let (client, begin, idle) = (self.client, self.begin, self.state == State::Idle);
        let work = async {
            let statement = client.prepare_cached(sql.postgres).await?;
            let run = client.execute_raw(&statement, params.iter().copied());
            if idle {
                let (begun, done) = join(client.batch_execute(begin), run).await;
                begun?;
                return Ok(done?);
            }
            Ok::<_, Failure>(run.await?)
        };
        let outcome = self.runtime.block_on(async { tokio::time::timeout(DEADLINE, work).await });
        self.settle(outcome)
    }

    fn query(&mut self, sql: Sql, params: Params<'_>, each: &mut dyn FnMut(&dyn Row) -> Result<Flow>) -> Result<()> {
        self.guard()?;
        let (client, begin, idle) = (self.client, self.begin, self.state == State::Idle);
        let work = async {
            let statement = client.prepare_cached(sql.postgres).await?;
            let run = client.query_raw(&statement, params.iter().copied());
            let rows = if idle {
                let (begun, rows) = join(client.batch_execute(begin), run).await;
                begun?;
                rows?
            } else {
                run.await?
            };
            walk(rows, each).await
        };
        let outcome = self.runtime.block_on(async { tokio::time::timeout(DEADLINE, work).await });
        self.settle(outcome)
    }

    fn execute_each(&mut self, sql: Sql, width: usize, params: Params<'_>) -> Result<Vec<u64>> {
        self.guard()?;
        let (client, begin, idle) = (self.client, self.begin, self.state == State::Idle);
        let work = async {
            let statement = client.prepare_cached(sql.postgres).await?;
            if idle {
                client.batch_execute(begin).await?;
            }
            let mut changed = Vec::with_capacity(params.len() / width.max(1));
            for some in params.chunks(width.max(1) * TOGETHER) {
                let runs = some.chunks(width.max(1)).map(|row| client.execute_raw(&statement, row.iter().copied()));
                changed.extend(try_join_all(runs).await?);
            }
            Ok::<_, Failure>(changed)
        };
        let outcome = self.runtime.block_on(async { tokio::time::timeout(DEADLINE, work).await });
        self.settle(outcome)
    }

    fn query_each(
        &mut self,
        sql: Sql,
        width: usize,
        params: Params<'_>,
        each: &mut dyn FnMut(usize, &dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.guard()?;
        let (client, begin, idle) = (self.client, self.begin, self.state == State::Idle);
        let work = async {
            let statement = client.prepare_cached(sql.postgres).await?;
            if idle {
                client.batch_execute(begin).await?;
            }
            let mut number = 0;
            for some in params.chunks(width.max(1) * TOGETHER) {
                let runs = some.chunks(width.max(1)).map(|row| async {
                    client.query_raw(&statement, row.iter().copied()).await?.try_collect::<Vec<_>>().await
                });
                for rows in try_join_all(runs).await? {
                    for row in rows {
                        each(number, &PostgresRow(&row)).map_err(Failure::Callback)?;
                    }
                    number += 1;
                }
            }
            Ok::<_, Failure>(())
        };
        let outcome = self.runtime.block_on(async { tokio::time::timeout(DEADLINE, work).await });
        self.settle(outcome)
    }
}

impl Last for PostgresTx<'_> {
    /// Sends the commit along with the statement, without waiting between the two.
    fn execute_last(&mut self, sql: Sql, params: Params<'_>) -> Result<u64> {
        self.guard()?;
        let (client, begin, idle) = (self.client, self.begin, self.state == State::Idle);
        let work = async {
            let statement = client.prepare_cached(sql.postgres).await?;
            let begin = async { if idle { client.batch_execute(begin).await } else { Ok(()) } };
            let run = client.execute_raw(&statement, params.iter().copied());
            // If the statement fails, the server answers this commit with a rollback.
            let (begun, done, committed) = join3(begin, run, client.batch_execute("COMMIT")).await;
            begun?;
            let rows = done?;
            committed?;
            Ok::<_, Failure>(rows)
        };
        let outcome = self.runtime.block_on(async { tokio::time::timeout(DEADLINE, work).await });
        let rows = self.settle(outcome)?;
        self.state = State::Committed;
        Ok(rows)
    }
}

/// Who made a query end early.
enum Failure {
    Engine(tokio_postgres::Error),
    Callback(Error),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Engine(error)
    }
}

async fn walk(rows: RowStream, each: &mut dyn FnMut(&dyn Row) -> Result<Flow>) -> Result<(), Failure> {
    let mut rows = pin!(rows);
    while let Some(row) = rows.try_next().await? {
        if each(&PostgresRow(&row)).map_err(Failure::Callback)? == Flow::Stop {
            break;
        }
    }
    Ok(())
}
