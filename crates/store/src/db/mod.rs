//! The seam: what a room of the store may say to an engine, and how a closure of the service runs in a transaction.

mod error;
mod migrate;
mod postgres;
mod sqlite;
mod store;
mod value;

pub use store::{Health, Opened, Store, StoreConfig, Written};
pub use value::{Params, Row, Value};

use pileus_model::{Result, audit::NewEvent};

/// The two engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Embedded SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// One statement. A plain `&'static str` serves both engines; where it can't, both texts stand side by side.
/// Parameters are `$1`, `$2` … in the order of their first use (SQLite numbers them by appearance).
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    /// What SQLite is given.
    pub sqlite: &'static str,
    /// What PostgreSQL is given.
    pub postgres: &'static str,
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }
}

/// Whether a query goes on after this row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Give the next row.
    Next,
    /// Enough.
    Stop,
}

/// A transaction, as the rooms of the store see it.
pub trait Tx {
    /// Which engine it is, for the few texts that differ by more than words.
    fn engine(&self) -> Engine;
    /// Runs a statement and tells how many rows it changed.
    ///
    /// # Errors
    /// `Conflict` where a unique or foreign key forbids it, `Unavailable` where the database can't.
    fn execute(&mut self, sql: Sql, params: Params<'_>) -> Result<u64>;
    /// Runs a query and hands over its rows one by one, borrowed.
    ///
    /// # Errors
    /// What the callback returns, or `Unavailable`.
    fn query(&mut self, sql: Sql, params: Params<'_>, each: &mut dyn FnMut(&dyn Row) -> Result<Flow>) -> Result<()>;
    /// Runs a statement once for every `width` of these parameters, in order, and tells how many rows each changed. Many
    /// small statements cost much less so: PostgreSQL is not waited for between them.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    fn execute_each(&mut self, sql: Sql, width: usize, params: Params<'_>) -> Result<Vec<u64>>;
    /// Runs a query once for every `width` of these parameters and hands over the rows, each with the number of its query.
    /// The statement must bound their number.
    ///
    /// # Errors
    /// As [`Tx::query`].
    fn query_each(
        &mut self,
        sql: Sql,
        width: usize,
        params: Params<'_>,
        each: &mut dyn FnMut(usize, &dyn Row) -> Result<()>,
    ) -> Result<()>;
}

/// A transaction that can be told which statement is its last.
pub(crate) trait Last: Tx {
    /// As [`Tx::execute`]; nothing follows but the commit, which may be sent along.
    fn execute_last(&mut self, sql: Sql, params: Params<'_>) -> Result<u64>;
}

/// Conveniences over [`Tx`].
pub trait TxExt {
    /// Runs a statement.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    fn run(&mut self, sql: impl Into<Sql>, params: Params<'_>) -> Result<u64>;
    /// The first row, converted; `None` if there is none (law 7).
    ///
    /// # Errors
    /// As [`Tx::query`].
    fn one<T>(
        &mut self,
        sql: impl Into<Sql>,
        params: Params<'_>,
        convert: impl FnMut(&dyn Row) -> Result<T>,
    ) -> Result<Option<T>>;
    /// All rows, converted. The statement must bound their number.
    ///
    /// # Errors
    /// As [`Tx::query`].
    fn all<T>(
        &mut self,
        sql: impl Into<Sql>,
        params: Params<'_>,
        convert: impl FnMut(&dyn Row) -> Result<T>,
    ) -> Result<Vec<T>>;
}

impl TxExt for dyn Tx + '_ {
    fn run(&mut self, sql: impl Into<Sql>, params: Params<'_>) -> Result<u64> {
        self.execute(sql.into(), params)
    }
    fn one<T>(
        &mut self,
        sql: impl Into<Sql>,
        params: Params<'_>,
        mut convert: impl FnMut(&dyn Row) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.query(sql.into(), params, &mut |row| {
            found = Some(convert(row)?);
            Ok(Flow::Stop)
        })?;
        Ok(found)
    }
    fn all<T>(
        &mut self,
        sql: impl Into<Sql>,
        params: Params<'_>,
        mut convert: impl FnMut(&dyn Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.query(sql.into(), params, &mut |row| {
            rows.push(convert(row)?);
            Ok(Flow::Next)
        })?;
        Ok(rows)
    }
}

/// The value of a change together with its audit events: the only thing that a write closure can return (law 6).
#[derive(Debug)]
pub struct Recorded<T> {
    pub(crate) value: T,
    pub(crate) events: Vec<NewEvent>,
}

impl<T> Recorded<T> {
    /// A change and its event.
    pub fn new(value: T, event: NewEvent) -> Self {
        Self { value, events: vec![event] }
    }
    /// A change and its events, at least one. They get their positions in this order within each log.
    pub fn with_all(value: T, events: Vec<NewEvent>) -> Self {
        debug_assert!(!events.is_empty(), "a change without an event must say why");
        Self { value, events }
    }
    /// A change that leaves no event, and why that is right. `why` is for the reader.
    pub fn unaudited(value: T, why: &'static str) -> Self {
        debug_assert!(!why.is_empty());
        Self { value, events: Vec::new() }
    }
}
