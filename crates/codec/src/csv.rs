//! The audit log as CSV: RFC 4180 with LF, quoted where Go's `encoding/csv` would quote, since that is what the
//! original writes and what the CLI reads.
//!
//! Columns: `audit.md` §2.2. Times are RFC 3339 in UTC with whole seconds, events carry their display names.

use crate::text::{self, SecondText};
use pileus_model::audit::ExportRow;

/// Which columns are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// The nine documented ones.
    V1,
    /// The eleven of the newer export: `TokenID,TokenName` after `SourceIP`.
    V2,
    /// Those of [`Columns::V2`], then ours.
    All,
}

/// How user-controlled cells are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cells {
    /// As they are.
    #[default]
    Exact,
    /// With a `'` before what a spreadsheet would take for a formula: a cell that begins with `=`, `+`, `-`, `@`, TAB or
    /// CR (OWASP, CSV injection). It changes the text, so it must be asked for.
    Safe,
}

const HEADER_V1: &[u8] =
    b"Timestamp,Name,Login,Event,Description,SourceIP,RequireOrgAdmin,RequireStackAdmin,AuthenticationFailure\n";
const HEADER_V2: &[u8] = b"Timestamp,Name,Login,Event,Description,SourceIP,TokenID,TokenName,RequireOrgAdmin,\
RequireStackAdmin,AuthenticationFailure\n";
const HEADER_ALL: &[u8] = b"Timestamp,Name,Login,Event,Description,SourceIP,TokenID,TokenName,RequireOrgAdmin,\
RequireStackAdmin,AuthenticationFailure,EventID,Sequence,Time,EventType,ActorKind,UserID,UserAgent,CLICommand,RequestID,\
Operation,TargetKind,Target,Outcome,Count\n";

/// Writes one export. Rows are appended to the caller's buffer; a row costs no allocation once that is large enough.
#[derive(Debug, Clone)]
pub struct Csv {
    columns: Columns,
    cells: Cells,
    time: SecondText<19>,
}

impl Csv {
    /// A writer of these columns.
    pub const fn new(columns: Columns, cells: Cells) -> Self {
        Self { columns, cells, time: SecondText::new() }
    }

    /// Which columns it writes.
    pub const fn columns(&self) -> Columns {
        self.columns
    }

    /// Appends the header line. It comes first, also when there are no rows.
    pub fn header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.columns {
            Columns::V1 => HEADER_V1,
            Columns::V2 => HEADER_V2,
            Columns::All => HEADER_ALL,
        });
    }

    /// Appends one row.
    pub fn row(&mut self, row: &ExportRow<'_>, out: &mut Vec<u8>) {
        let spec = row.event.spec();
        let second = self.time.of(row.at, text::rfc3339);
        out.extend_from_slice(second);
        out.extend_from_slice(b"Z,");
        self.theirs(out, row.actor_name);
        self.theirs(out, row.actor_login);
        cell(out, spec.display_name);
        self.theirs(out, row.description);
        if let Some(ip) = row.ip {
            text::push_ip(out, ip);
        }
        out.push(b',');
        if self.columns != Columns::V1 {
            text::push_id(out, row.token_id.as_ref());
            out.push(b',');
            self.theirs(out, row.token_name);
        }
        text::push_bool(out, spec.requires_org_admin);
        out.push(b',');
        text::push_bool(out, spec.requires_stack_admin);
        out.push(b',');
        text::push_bool(out, spec.authentication_failure);
        if self.columns == Columns::All {
            self.ours(row, out);
        }
        out.push(b'\n');
    }

    /// The columns that only we have.
    fn ours(&mut self, row: &ExportRow<'_>, out: &mut Vec<u8>) {
        out.push(b',');
        text::push_id(out, Some(&row.id));
        out.push(b',');
        text::push_i64(out, row.seq);
        out.push(b',');
        out.extend_from_slice(self.time.of(row.at, text::rfc3339));
        out.push(b'.');
        out.extend_from_slice(&text::micros(row.at));
        out.extend_from_slice(b"Z,");
        cell(out, row.event.id());
        cell(out, row.actor_kind);
        text::push_id(out, row.user_id.as_ref());
        out.push(b',');
        self.theirs(out, row.user_agent);
        self.theirs(out, row.cli_command);
        text::push_id(out, row.request_id.as_ref());
        out.push(b',');
        cell(out, row.operation);
        cell(out, row.target_kind);
        self.theirs(out, row.target);
        cell(out, row.outcome);
        text::push_i64(out, row.count);
    }

    /// A cell that users control, and the comma after it.
    fn theirs(&self, out: &mut Vec<u8>, text: &str) {
        let formula = matches!(text.as_bytes().first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r'));
        if formula && self.cells == Cells::Safe {
            quoted(out, "'", text, has_special(text.as_bytes()));
            out.push(b',');
        } else {
            cell(out, text);
        }
    }
}

/// A cell and the comma after it.
fn cell(out: &mut Vec<u8>, text: &str) {
    quoted(out, "", text, needs_quotes(text));
    out.push(b',');
}

fn quoted(out: &mut Vec<u8>, before: &str, text: &str, quotes: bool) {
    if !quotes {
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(before.as_bytes());
    for part in text.as_bytes().split_inclusive(|byte| *byte == b'"') {
        out.extend_from_slice(part);
        if part.last() == Some(&b'"') {
            out.push(b'"');
        }
    }
    out.push(b'"');
}

/// Go's rule (`encoding/csv`, `Writer`): a cell with a quote, comma, CR or LF, one that begins with white space, and the
/// lone `\.` that ends a PostgreSQL COPY. An empty cell is not quoted.
fn needs_quotes(text: &str) -> bool {
    has_special(text.as_bytes()) || text.starts_with(char::is_whitespace) || text == r"\."
}

fn has_special(text: &[u8]) -> bool {
    // Without an early end, so that it is done many bytes at a time.
    text.iter().fold(false, |found, byte| found | matches!(byte, b'"' | b',' | b'\r' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Texts, row, texts};
    use pileus_model::{
        Timestamp,
        audit::{EventType, catalogue},
    };
    use proptest::prelude::*;

    fn write(columns: Columns, cells: Cells, rows: &[ExportRow<'_>]) -> String {
        let mut out = Vec::new();
        let mut csv = Csv::new(columns, cells);
        csv.header(&mut out);
        for row in rows {
            csv.row(row, &mut out);
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    fn read(text: &str) -> Vec<Vec<String>> {
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(false).from_reader(text.as_bytes());
        reader.records().map_while(Result::ok).map(|r| r.iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn the_documented_rows() {
        let member = |seconds: i64, description: &'static str| ExportRow {
            at: Timestamp::from_micros(seconds * 1_000_000 + 17),
            event: catalogue::MEMBER_ROLE_CHANGED,
            description,
            ..row()
        };
        let rows = [
            member(1_618_185_105, "Changed organization role for \"user2\" to admin"),
            member(1_618_182_576, "Changed organization role for \"user2\" to admin"),
            member(1_618_182_565, "Changed organization role for \"user3\" to admin"),
            ExportRow {
                at: Timestamp::from_micros(1_618_175_392_000_000),
                event: catalogue::SECRET_DECRYPTED,
                description: "Decrypted secret value for stack \"demo-aws-ts-webserver/dev-user1\" \
                              (cipher text suffix: \"tbpiX4c=\")",
                ..row()
            },
        ];
        assert_eq!(write(Columns::V1, Cells::Exact, &rows), include_str!("../testdata/documented.csv"));
    }

    #[test]
    fn the_other_columns() {
        let row = ExportRow { token_id: Some([0x11; 16]), token_name: "ci", ..row() };
        assert_eq!(
            write(Columns::V2, Cells::Exact, &[row]),
            "Timestamp,Name,Login,Event,Description,SourceIP,TokenID,TokenName,RequireOrgAdmin,RequireStackAdmin,\
             AuthenticationFailure\n\
             2023-02-14T14:53:01Z,First Last,user1,User Login,did it,192.168.10.11,\
             11111111-1111-1111-1111-111111111111,ci,false,false,false\n"
        );
        let all = read(&write(Columns::All, Cells::Exact, &[row]));
        assert_eq!(
            all[0][11..].join(" "),
            "EventID Sequence Time EventType ActorKind UserID UserAgent CLICommand \
             RequestID Operation TargetKind Target Outcome Count"
        );
        assert_eq!(
            all[1][11..],
            [
                "00000000-0000-0000-0000-000000000000",
                "7",
                "2023-02-14T14:53:01.000250Z",
                "user-login",
                "user",
                "",
                "agent/1",
                "",
                "",
                "Login",
                "user",
                "user1",
                "success",
                "1",
            ]
        );
    }

    #[test]
    fn quotes_as_go_does() {
        for (text, expected) in [
            ("", ""),
            ("a b", "a b"),
            (" a", "\" a\""),
            ("\ta", "\"\ta\""),
            ("\u{a0}a", "\"\u{a0}a\""),
            ("a ", "a "),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("\"", "\"\"\"\""),
            ("a\nb", "\"a\nb\""),
            ("a\rb", "\"a\rb\""),
            (r"\.", "\"\\.\""),
            (r"\.a", r"\.a"),
            ("#a", "#a"),
            ("=1+1", "=1+1"),
        ] {
            let mut out = Vec::new();
            cell(&mut out, text);
            assert_eq!(String::from_utf8_lossy(&out), format!("{expected},"), "{text:?}");
        }
    }

    #[test]
    fn safe_cells_are_no_formulas() {
        for (text, expected) in [
            ("=cmd()", "'=cmd()"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@a", "'@a"),
            ("\ta", "'\ta"),
            ("\ra", "\"'\ra\""),
            ("=a,\"b\"", "\"'=a,\"\"b\"\"\""),
            ("a=b", "a=b"),
            ("'=a", "'=a"),
            ("", ""),
        ] {
            let mut out = Vec::new();
            Csv::new(Columns::V1, Cells::Safe).theirs(&mut out, text);
            assert_eq!(String::from_utf8_lossy(&out), format!("{expected},"), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(all in proptest::collection::vec(texts(), 0..4)) {
            for columns in [Columns::V1, Columns::V2, Columns::All] {
                let rows: Vec<_> = all.iter().map(Texts::row).collect();
                let read = read(&write(columns, Cells::Exact, &rows));
                prop_assert_eq!(read.len(), rows.len() + 1);
                for (cells, row) in read[1..].iter().zip(&rows) {
                    prop_assert_eq!(&cells[..5], &[
                        row.at.rfc3339(), row.actor_name.to_owned(), row.actor_login.to_owned(),
                        row.event.spec().display_name.to_owned(), row.description.to_owned(),
                    ]);
                    prop_assert_eq!(&cells[5], &row.ip.map(|ip| ip.to_string()).unwrap_or_default());
                    if columns != Columns::V1 {
                        prop_assert_eq!(&cells[7], row.token_name);
                    }
                    if columns == Columns::All {
                        prop_assert_eq!(EventType::parse(&cells[14]), Some(row.event));
                        prop_assert_eq!((&*cells[17], &*cells[22]), (row.user_agent, row.target));
                    }
                }
            }
        }

        #[test]
        fn safe_cells_differ_by_the_apostrophe_only(texts in texts()) {
            let row = texts.row();
            let read = read(&write(Columns::All, Cells::Safe, &[row]));
            for (cell, text) in [(1, row.actor_name), (2, row.actor_login), (4, row.description), (7, row.token_name)] {
                let cell = &read[1][cell];
                prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']));
                prop_assert!(cell == text || cell.strip_prefix('\'') == Some(text));
            }
        }
    }
}
