//! Values on their way to PostgreSQL, and its rows.

use crate::db::{Row, Value};
use bytes::{BufMut, BytesMut};
use pileus_model::{Error, Result};
use std::error::Error as StdError;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match (*self, ty) {
            (Self::Null, _) => return Ok(IsNull::Yes),
            (Self::Int(v), &Type::INT8) => out.put_i64(v),
            (Self::Int(v), &Type::INT4) => out.put_i32(v.try_into()?),
            (Self::Int(v), &Type::INT2) => out.put_i16(v.try_into()?),
            (Self::Bool(v), &Type::BOOL) => out.put_u8(u8::from(v)),
            (
                Self::Text(v),
                &Type::TEXT | &Type::VARCHAR | &Type::BPCHAR | &Type::NAME | &Type::JSON | &Type::UNKNOWN,
            ) => {
                out.put_slice(v.as_bytes());
            }
            (Self::Bytes(v), &Type::BYTEA) => out.put_slice(v),
            // The value itself may be a secret.
            (Self::Int(_), ty) => {
                return Err(format!("a whole number does not fit a parameter of the type {ty}").into());
            }
            (Self::Bool(_), ty) => {
                return Err(format!("a truth value does not fit a parameter of the type {ty}").into());
            }
            (Self::Text(_), ty) => return Err(format!("a text does not fit a parameter of the type {ty}").into()),
            (Self::Bytes(_), ty) => return Err(format!("bytes do not fit a parameter of the type {ty}").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A column as it came over the wire.
struct Raw<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(Some(raw)))
    }
    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(None))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A row, owned by the stream for as long as the callback runs.
pub(super) struct PostgresRow<'r>(pub &'r tokio_postgres::Row);

impl PostgresRow<'_> {
    fn raw(&self, column: usize) -> Result<(&Type, Option<&[u8]>)> {
        let missing = || Error::internal(format!("there is no column {column}"));
        let ty = self.0.columns().get(column).ok_or_else(missing)?.type_();
        let Raw(raw) = self.0.try_get(column).map_err(|e| Error::internal(format!("column {column}: {e}")))?;
        Ok((ty, raw))
    }
    fn present(&self, column: usize) -> Result<(&Type, &[u8])> {
        match self.raw(column)? {
            (ty, Some(raw)) => Ok((ty, raw)),
            (ty, None) => Err(wrong(column, "a value", &format!("NULL ({ty})"))),
        }
    }
}

#[cold]
fn wrong(column: usize, expected: &str, found: &str) -> Error {
    Error::internal(format!("column {column} holds {found} where {expected} was asked for"))
}

impl Row for PostgresRow<'_> {
    fn is_null(&self, column: usize) -> Result<bool> {
        Ok(self.raw(column)?.1.is_none())
    }
    fn int(&self, column: usize) -> Result<i64> {
        let (ty, raw) = self.present(column)?;
        let size = || wrong(column, "a whole number", ty.name());
        match *ty {
            Type::INT8 => raw.try_into().map(i64::from_be_bytes).map_err(|_| size()),
            Type::INT4 => raw.try_into().map(|b| i64::from(i32::from_be_bytes(b))).map_err(|_| size()),
            Type::INT2 => raw.try_into().map(|b| i64::from(i16::from_be_bytes(b))).map_err(|_| size()),
            _ => Err(size()),
        }
    }
    fn bool(&self, column: usize) -> Result<bool> {
        match self.present(column)? {
            (&Type::BOOL, [value]) => Ok(*value != 0),
            (ty, _) => Err(wrong(column, "a truth value", ty.name())),
        }
    }
    fn text(&self, column: usize) -> Result<&str> {
        match self.present(column)? {
            (&Type::TEXT | &Type::VARCHAR | &Type::BPCHAR | &Type::NAME | &Type::JSON, raw) => {
                std::str::from_utf8(raw).map_err(|_| Error::internal(format!("column {column} is not UTF-8")))
            }
            (ty, _) => Err(wrong(column, "text", ty.name())),
        }
    }
    fn bytes(&self, column: usize) -> Result<&[u8]> {
        match self.present(column)? {
            (&Type::BYTEA, raw) => Ok(raw),
            (ty, _) => Err(wrong(column, "bytes", ty.name())),
        }
    }
    fn bytes_or_null(&self, column: usize) -> Result<Option<&[u8]>> {
        match self.raw(column)? {
            (&Type::BYTEA, raw) => Ok(raw),
            (ty, _) => Err(wrong(column, "bytes", ty.name())),
        }
    }
}
