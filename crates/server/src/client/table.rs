//! Aligned columns for people.

use pileus_model::Timestamp;
use serde_json::Value;

/// A column: its heading, the field, and how it is written.
#[derive(Debug)]
pub struct Column {
    /// The heading.
    pub head: &'static str,
    /// The field of the reply.
    pub field: &'static str,
    /// How the field is written.
    pub form: Form,
}

/// How a field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// `yes` or `no`.
    YesNo,
    /// Unix seconds as RFC 3339; 0 is nothing.
    Seconds,
}

/// A table with a heading; columns are two spaces apart, what is absent or empty is `-`, lines end without blanks.
pub fn render(columns: &[Column], rows: &[Value]) -> String {
    let mut lines = vec![columns.iter().map(|c| c.head.to_owned()).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| columns.iter().map(|c| cell(row.get(c.field), c.form)).collect()));
    let widths: Vec<usize> = (0..columns.len())
        .map(|i| lines.iter().filter_map(|line| line.get(i)).map(|c| c.chars().count()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            text.push_str(&format!("{cell:width$}  "));
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

/// One cell. Control characters become spaces, so that a name can't draw on the terminal.
fn cell(value: Option<&Value>, form: Form) -> String {
    let text = match (form, value) {
        (_, None | Some(Value::Null)) if form != Form::YesNo => String::new(),
        (Form::YesNo, value) => if value.and_then(Value::as_bool).unwrap_or(false) { "yes" } else { "no" }.to_owned(),
        (Form::Seconds, Some(value)) => match value.as_i64() {
            Some(seconds) if seconds != 0 => {
                Timestamp::from_seconds(seconds).map(Timestamp::rfc3339).unwrap_or_default()
            }
            _ => String::new(),
        },
        (Form::Plain, Some(Value::String(text))) => {
            text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
        }
        (_, Some(value)) => value.to_string(),
        (_, None) => String::new(),
    };
    if text.trim().is_empty() { "-".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: &[Column] = &[
        Column { head: "LOGIN", field: "login", form: Form::Plain },
        Column { head: "ADMIN", field: "admin", form: Form::YesNo },
        Column { head: "USED", field: "used", form: Form::Seconds },
    ];

    #[test]
    fn columns_are_aligned_and_gaps_are_dashes() {
        let rows = [
            json!({"login": "a", "admin": true, "used": 1_618_185_105}),
            json!({"login": "größer", "used": 0}),
            json!({"login": "a\u{1b}[31m", "admin": false}),
        ];
        let expected = "\
LOGIN   ADMIN  USED
a       yes    2021-04-11T23:51:45Z
größer  no     -
a [31m  no     -
";
        assert_eq!(render(COLUMNS, &rows), expected);
        assert_eq!(render(COLUMNS, &[]), "LOGIN  ADMIN  USED\n");
    }
}
