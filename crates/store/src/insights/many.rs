//! Many rows in one statement. SQLite runs a small statement for each, which costs it next to nothing; PostgreSQL takes them all as
//! one JSON list, since each statement of its own costs both sides more than what it does.
//!
//! This room knows how rows travel. It must never know what is in them.

use crate::{Engine, Params, Row, Sql, Tx, Value};
use pileus_model::{Result, json::is_bare};
use std::fmt::Write as _;

/// Rows that travel to PostgreSQL together: a connection keeps the largest message that it has sent as its buffer.
const TOGETHER: usize = 100;

/// The rows as a JSON list of lists. Bytes are hexadecimal in it.
fn list(width: usize, params: Params<'_>) -> String {
    let mut text = String::with_capacity(64 * params.len() + 2);
    text.push('[');
    for (number, row) in params.chunks(width.max(1)).enumerate() {
        text.push_str(if number == 0 { "[" } else { ",[" });
        for (column, value) in row.iter().enumerate() {
            if column > 0 {
                text.push(',');
            }
            json(value, &mut text);
        }
        text.push(']');
    }
    text.push(']');
    text
}

fn json(value: &Value<'_>, out: &mut String) {
    // Writing into a text cannot fail.
    let _ = match value {
        Value::Null => out.write_str("null"),
        Value::Int(number) => write!(out, "{number}"),
        Value::Bool(truth) => write!(out, "{truth}"),
        Value::Text(text) => {
            if is_bare(text) {
                write!(out, "\"{text}\"")
            } else {
                write!(out, "{}", serde_json::Value::from(*text))
            }
        }
        Value::Bytes(bytes) => {
            out.push('"');
            for byte in *bytes {
                for digit in [byte >> 4, byte & 15] {
                    out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
                }
            }
            out.write_str("\"")
        }
    };
}

/// Runs a statement for every `width` of these parameters: SQLite's takes one row, PostgreSQL's the list of all as `$1`.
///
/// # Errors
/// As [`Tx::execute`].
pub(super) fn execute(tx: &mut dyn Tx, sql: Sql, width: usize, params: Params<'_>) -> Result<()> {
    if tx.engine() == Engine::Sqlite {
        return tx.execute_each(sql, width, params).map(|_| ());
    }
    for some in params.chunks(width.max(1) * TOGETHER) {
        tx.execute(sql, &[(&list(width, some)).into()])?;
    }
    Ok(())
}

/// Runs a query for every `width` of these parameters and hands over the rows, each with the number of its parameters. PostgreSQL's
/// query takes the list of all as `$1` and gives that number, from 1, as its last column, which is this one.
///
/// # Errors
/// As [`Tx::query`].
pub(super) fn query(
    tx: &mut dyn Tx,
    sql: Sql,
    (width, number): (usize, usize),
    params: Params<'_>,
    each: &mut dyn FnMut(usize, &dyn Row) -> Result<()>,
) -> Result<()> {
    if tx.engine() == Engine::Sqlite {
        return tx.query_each(sql, width, params, each);
    }
    for (part, some) in params.chunks(width.max(1) * TOGETHER).enumerate() {
        tx.query(sql, &[(&list(width, some)).into()], &mut |row| {
            let within = usize::try_from(row.int(number)? - 1).unwrap_or(0);
            each(part * TOGETHER + within, row)?;
            Ok(crate::Flow::Next)
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let params = [Value::Null, 5.into(), true.into(), "a\"\n\\é".into(), (&[0_u8, 255]).into(), "b".into()];
        assert_eq!(list(3, &params), r#"[[null,5,true],["a\"\n\\é","00ff","b"]]"#);
        assert_eq!(list(3, &[]), "[]");
    }
}
