//! The one place where the engines' errors become ours.
//!
//! It knows the engines' codes. It must never know what a statement was for.

use pileus_model::Error;
use rusqlite::{ErrorCode, ffi};
use tokio_postgres::error::SqlState;

/// What a caller is told when the disk is full.
const NO_ROOM: &str = "the database has no room; try again later";
/// What a caller is told when the database can't be reached or answers too late.
const AWAY: &str = "the database is not available; try again later";
/// What a caller is told when others hold what is needed.
const BUSY: &str = "the database is busy; try again later";

/// A unique key forbids it.
fn exists() -> Error {
    Error::conflict("already exists")
}

/// A foreign key forbids it.
fn referenced() -> Error {
    Error::conflict("it refers to something that does not exist, or something refers to it")
}

/// The database is away, for this reason.
pub(super) fn away(detail: impl std::fmt::Display) -> Error {
    Error::unavailable(AWAY).with_detail(detail.to_string())
}

/// The server is shutting down, so nothing is written any more.
pub(super) fn closed() -> Error {
    Error::unavailable("the server is stopping; try again later")
}

/// Others held what was needed for too long.
pub(super) fn busy(detail: impl std::fmt::Display) -> Error {
    Error::unavailable(BUSY).with_detail(detail.to_string())
}

/// A closure panicked: nothing of it is kept.
pub(super) fn panicked(payload: &(dyn std::any::Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::internal(format!("a closure of the store panicked: {text}"))
}

/// An error of SQLite.
pub(super) fn sqlite(error: &rusqlite::Error) -> Error {
    let Some(code) = error.sqlite_error() else {
        return Error::internal(format!("sqlite: {error}"));
    };
    let answer = match (code.code, code.extended_code) {
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID) => {
            exists()
        }
        (_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => referenced(),
        (ErrorCode::DiskFull, _) => Error::unavailable(NO_ROOM),
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Error::unavailable(BUSY),
        (
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed,
            _,
        ) => Error::unavailable(AWAY),
        _ => return Error::internal(format!("sqlite: {error}")),
    };
    answer.with_detail(format!("sqlite: {error} ({})", code.extended_code))
}

/// Whether an error of SQLite concerns the file and not the statement: then nothing of the batch can be trusted to
/// reach the disk.
pub(super) fn sqlite_is_fatal(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
                | ErrorCode::ReadOnly
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
        )
    )
}

/// An error of PostgreSQL.
pub(super) fn postgres(error: &tokio_postgres::Error) -> Error {
    let Some(db) = error.as_db_error() else {
        return if is_connection(error) {
            away(format!("postgres: {}", chain(error)))
        } else {
            Error::internal(format!("postgres: {}", chain(error)))
        };
    };
    let code = db.code();
    let answer = match code.code().get(..2).unwrap_or_default() {
        _ if *code == SqlState::UNIQUE_VIOLATION => exists(),
        _ if *code == SqlState::FOREIGN_KEY_VIOLATION => referenced(),
        _ if *code == SqlState::DISK_FULL => Error::unavailable(NO_ROOM),
        _ if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::QUERY_CANCELED => Error::unavailable(BUSY),
        _ if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
            Error::unavailable("the database is read-only at the moment; try again later")
        }
        _ if *code == SqlState::TOO_MANY_CONNECTIONS => Error::unavailable(BUSY),
        "40" => Error::unavailable(BUSY),
        // Connection, resources, operator intervention, system.
        "08" | "53" | "57" | "58" => Error::unavailable(AWAY),
        _ => return Error::internal(format!("postgres: {} {}", code.code(), db.message())),
    };
    answer.with_detail(format!("postgres: {} {}", code.code(), db.message()))
}

/// Whether the connection failed, and not a value of ours that does not fit its parameter or column.
fn is_connection(error: &tokio_postgres::Error) -> bool {
    let io = std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
    io || error.is_closed() || error.to_string().starts_with("timeout")
}

/// The error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Whether the transaction may simply be tried again: serialisation failure or deadlock.
pub(super) fn postgres_is_retryable(error: &tokio_postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED)
}
