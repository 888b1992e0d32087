//! Bytes in, bytes out: the written forms of what others know.
//!
//! This room knows how CSV, CEF, gzip and continuation tokens are written and read. It must never know where the bytes
//! come from or go to: no HTTP, no SQL, no IO, no clock.

pub mod cef;
pub mod csv;
pub mod cursor;
pub mod envelope;
pub mod gzip;
pub mod table;
mod text;

#[cfg(test)]
mod fixtures;

pub use cef::Cef;
pub use csv::{Cells, Columns, Csv};
pub use cursor::{Cursor, NameCursor};
pub use gzip::{GzipEncoder, inflate};
