//! A transaction of SQLite, as the rooms see it.

use crate::db::{Engine, Flow, Last, Params, Row, Sql, Tx, Value, error};
use pileus_model::{Error, Result};
use rusqlite::{
    Connection, ToSql, params_from_iter,
    types::{ToSqlOutput, ValueRef},
};

/// A transaction that runs on this connection.
pub(super) struct SqliteTx<'c> {
    connection: &'c Connection,
    failed: Option<Error>,
    fatal: bool,
}

impl<'c> SqliteTx<'c> {
    pub fn new(connection: &'c Connection) -> Self {
        Self { connection, failed: None, fatal: false }
    }
    /// The first statement that failed, if any: as on PostgreSQL, it has ended the transaction.
    pub fn failure(&mut self) -> Option<Error> {
        self.failed.take()
    }
    /// Whether the file failed, and not only a statement.
    pub const fn is_fatal(&self) -> bool {
        self.fatal
    }

    fn note(&mut self, error: &rusqlite::Error) -> Error {
        self.fatal |= error::sqlite_is_fatal(error);
        let error = error::sqlite(error);
        self.failed.get_or_insert_with(|| error.clone());
        error
    }

    fn guard(&self) -> Result<()> {
        self.failed.clone().map_or(Ok(()), Err)
    }
}

impl Tx for SqliteTx<'_> {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn execute(&mut self, sql: Sql, params: Params<'_>) -> Result<u64> {
        self.guard()?;
        let done = self
            .connection
            .prepare_cached(sql.sqlite)
            .and_then(|mut statement| statement.execute(params_from_iter(params)));
        match done {
            Ok(rows) => Ok(rows as u64),
            Err(error) => Err(self.note(&error)),
        }
    }

    fn query(&mut self, sql: Sql, params: Params<'_>, each: &mut dyn FnMut(&dyn Row) -> Result<Flow>) -> Result<()> {
        self.guard()?;
        let failed = match self.connection.prepare_cached(sql.sqlite) {
            Ok(mut statement) => walk(&mut statement, params, each),
            Err(error) => Err(Failure::Engine(error)),
        };
        match failed {
            Ok(()) => Ok(()),
            Err(Failure::Callback(error)) => Err(error),
            Err(Failure::Engine(error)) => Err(self.note(&error)),
        }
    }

    fn execute_each(&mut self, sql: Sql, width: usize, params: Params<'_>) -> Result<Vec<u64>> {
        self.guard()?;
        let run = || {
            let mut statement = self.connection.prepare_cached(sql.sqlite)?;
            let rows = params.chunks(width.max(1));
            rows.map(|row| Ok(statement.execute(params_from_iter(row))? as u64)).collect::<rusqlite::Result<Vec<u64>>>()
        };
        run().map_err(|error| self.note(&error))
    }

    fn query_each(
        &mut self,
        sql: Sql,
        width: usize,
        params: Params<'_>,
        each: &mut dyn FnMut(usize, &dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.guard()?;
        let mut run = || {
            let mut statement = self.connection.prepare_cached(sql.sqlite)?;
            for (number, row) in params.chunks(width.max(1)).enumerate() {
                walk(&mut statement, row, &mut |row| each(number, row).map(|()| Flow::Next))?;
            }
            Ok(())
        };
        match run() {
            Ok(()) => Ok(()),
            Err(Failure::Callback(error)) => Err(error),
            Err(Failure::Engine(error)) => Err(self.note(&error)),
        }
    }
}

impl Last for SqliteTx<'_> {
    fn execute_last(&mut self, sql: Sql, params: Params<'_>) -> Result<u64> {
        self.execute(sql, params)
    }
}

/// Who made a query end early.
enum Failure {
    Engine(rusqlite::Error),
    Callback(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

fn walk(
    statement: &mut rusqlite::Statement<'_>,
    params: Params<'_>,
    each: &mut dyn FnMut(&dyn Row) -> Result<Flow>,
) -> Result<(), Failure> {
    let mut rows = statement.query(params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        if each(&SqliteRow(row)).map_err(Failure::Callback)? == Flow::Stop {
            break;
        }
    }
    Ok(())
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Null => ValueRef::Null,
            Self::Int(v) => ValueRef::Integer(v),
            Self::Bool(v) => ValueRef::Integer(i64::from(v)),
            Self::Text(v) => ValueRef::Text(v.as_bytes()),
            Self::Bytes(v) => ValueRef::Blob(v),
        }))
    }
}

/// A row, while the statement stands on it.
struct SqliteRow<'r, 's>(&'r rusqlite::Row<'s>);

impl SqliteRow<'_, '_> {
    #[inline]
    fn get(&self, column: usize) -> Result<ValueRef<'_>> {
        self.0.get_ref(column).map_err(missing)
    }
}

#[cold]
#[expect(clippy::needless_pass_by_value, reason = "an argument of map_err")]
fn missing(error: rusqlite::Error) -> Error {
    Error::internal(format!("sqlite: {error}"))
}

#[cold]
fn wrong(column: usize, expected: &str, found: ValueRef<'_>) -> Error {
    Error::internal(format!("column {column} holds {} where {expected} was asked for", found.data_type()))
}

#[cold]
fn not_utf8(column: usize) -> Error {
    Error::internal(format!("column {column} is not UTF-8"))
}

impl Row for SqliteRow<'_, '_> {
    fn is_null(&self, column: usize) -> Result<bool> {
        Ok(matches!(self.get(column)?, ValueRef::Null))
    }
    fn int(&self, column: usize) -> Result<i64> {
        match self.get(column)? {
            ValueRef::Integer(v) => Ok(v),
            other => Err(wrong(column, "a whole number", other)),
        }
    }
    fn bool(&self, column: usize) -> Result<bool> {
        match self.get(column)? {
            ValueRef::Integer(v) => Ok(v != 0),
            other => Err(wrong(column, "a truth value", other)),
        }
    }
    fn text(&self, column: usize) -> Result<&str> {
        match self.get(column)? {
            ValueRef::Text(v) => std::str::from_utf8(v).map_err(|_| not_utf8(column)),
            other => Err(wrong(column, "text", other)),
        }
    }
    fn bytes(&self, column: usize) -> Result<&[u8]> {
        match self.get(column)? {
            ValueRef::Blob(v) => Ok(v),
            other => Err(wrong(column, "bytes", other)),
        }
    }
    fn bytes_or_null(&self, column: usize) -> Result<Option<&[u8]>> {
        match self.get(column)? {
            ValueRef::Blob(v) => Ok(Some(v)),
            ValueRef::Null => Ok(None),
            other => Err(wrong(column, "bytes", other)),
        }
    }
}
