//! Many rows in one statement. SQLite runs a small statement for each, which costs it next to nothing; PostgreSQL takes them all as
//! one JSON list, since each statement of its own costs both sides more than what it does.
//!
//! This room knows how rows travel. It must never know what is in them.

use crate::{Engine, Params, Row, Sql, Tx, Value};
use pileus_model::{Result, json::is_bare};
use std::fmt::Write as _;

/// So many bytes travel to PostgreSQL together, and the row with which they become so many: a connection keeps the largest message that
/// it has sent as its buffer.
const TOGETHER: usize = 128 << 10;

/// The rows as a JSON list of lists, as many as travel together; the parameters of the others. Bytes are hexadecimal in it.
fn list<'p, 'v>(width: usize, params: &'p [Value<'v>]) -> (String, &'p [Value<'v>]) {
    let mut text = String::with_capacity((64 * params.len() + 2).min(TOGETHER));
    text.push('[');
    let mut rest = params;
    while !rest.is_empty() && text.len() < TOGETHER {
        let (row, others) = rest.split_at(width.clamp(1, rest.len()));
        text.push_str(if rest.len() == params.len() { "[" } else { ",[" });
        for (column, value) in row.iter().enumerate() {
            if column > 0 {
                text.push(',');
            }
            json(value, &mut text);
        }
        text.push(']');
        rest = others;
    }
    text.push(']');
    (text, rest)
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
    let mut params = params;
    while !params.is_empty() {
        let (text, rest) = list(width, params);
        tx.execute(sql, &[(&text).into()])?;
        params = rest;
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
    let mut left = params;
    while !left.is_empty() {
        let before = (params.len() - left.len()) / width.max(1);
        let (text, rest) = list(width, left);
        tx.query(sql, &[(&text).into()], &mut |row| {
            let within = usize::try_from(row.int(number)? - 1).unwrap_or(0);
            each(before + within, row)?;
            Ok(crate::Flow::Next)
        })?;
        left = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let params = [Value::Null, 5.into(), true.into(), "a\"\n\\é".into(), (&[0_u8, 255]).into(), "b".into()];
        assert_eq!(list(3, &params).0, r#"[[null,5,true],["a\"\n\\é","00ff","b"]]"#);
        assert_eq!(list(3, &[]).0, "[]");
    }

    #[test]
    fn as_many_as_travel_together() {
        let long = "x".repeat(TOGETHER / 2);
        let params: Vec<Value<'_>> = (0..5).flat_map(|n| [n.into(), (&long).into()]).collect();
        let (mut rest, mut rows) = (&params[..], Vec::new());
        while !rest.is_empty() {
            let (text, others) = list(2, rest);
            rows.push((text.matches("],[").count() + 1, text.starts_with(&format!("[[{},", rows.len() * 2))));
            rest = others;
        }
        assert_eq!(rows, [(2, true), (2, true), (1, true)]);
    }
}
