//! Values on their way into a statement, and rows on their way out.

use pileus_model::{Result, Timestamp};

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// BOOLEAN.
    Bool(bool),
    /// TEXT.
    Text(&'a str),
    /// BYTEA / BLOB.
    Bytes(&'a [u8]),
}

/// The parameters of a statement: `&[org.as_bytes().into(), "ops".into(), 5i64.into()]`.
pub type Params<'a> = &'a [Value<'a>];

impl From<i64> for Value<'_> {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}
impl From<bool> for Value<'_> {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}
impl From<Timestamp> for Value<'_> {
    fn from(v: Timestamp) -> Self {
        Self::Int(v.as_micros())
    }
}
impl<'a> From<&'a str> for Value<'a> {
    fn from(v: &'a str) -> Self {
        Self::Text(v)
    }
}
impl<'a> From<&'a String> for Value<'a> {
    fn from(v: &'a String) -> Self {
        Self::Text(v)
    }
}
impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(v: &'a [u8]) -> Self {
        Self::Bytes(v)
    }
}
impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(v: &'a [u8; N]) -> Self {
        Self::Bytes(v)
    }
}
impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}

/// A row, borrowed from the engine while the callback runs. Columns are counted from 0.
/// A column of another type than asked for is `Internal`: the statement and its reader stand side by side.
pub trait Row {
    /// Whether the column is NULL.
    ///
    /// # Errors
    /// `Internal` if there is no such column.
    fn is_null(&self, column: usize) -> Result<bool>;
    /// A BIGINT.
    ///
    /// # Errors
    /// `Internal` if it is none.
    fn int(&self, column: usize) -> Result<i64>;
    /// A BOOLEAN.
    ///
    /// # Errors
    /// `Internal` if it is none.
    fn bool(&self, column: usize) -> Result<bool>;
    /// A TEXT.
    ///
    /// # Errors
    /// `Internal` if it is none.
    fn text(&self, column: usize) -> Result<&str>;
    /// A BYTEA / BLOB.
    ///
    /// # Errors
    /// `Internal` if it is none.
    fn bytes(&self, column: usize) -> Result<&[u8]>;
    /// A BYTEA / BLOB, or `None` if it is NULL.
    ///
    /// # Errors
    /// `Internal` if it is neither.
    fn bytes_or_null(&self, column: usize) -> Result<Option<&[u8]>>;
}

impl dyn Row + '_ {
    /// A time.
    ///
    /// # Errors
    /// `Internal` if it is none.
    pub fn time(&self, column: usize) -> Result<Timestamp> {
        self.int(column).map(Timestamp::from_micros)
    }
    /// 16 bytes, for a typed id: `TeamId::from_bytes(row.id(0)?)`.
    ///
    /// # Errors
    /// `Internal` if they are not 16.
    pub fn id(&self, column: usize) -> Result<[u8; 16]> {
        self.bytes(column)?
            .try_into()
            .map_err(|_| pileus_model::Error::internal(format!("column {column} is not a 16-byte id")))
    }
    /// `convert`, unless the column is NULL.
    ///
    /// # Errors
    /// What `convert` returns.
    pub fn opt<'r, T>(
        &'r self,
        column: usize,
        convert: impl FnOnce(&'r Self, usize) -> Result<T>,
    ) -> Result<Option<T>> {
        if self.is_null(column)? { Ok(None) } else { convert(self, column).map(Some) }
    }
}
