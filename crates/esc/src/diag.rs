//! Where something stands in a text, and what is to be said about it.
//!
//! This room knows positions, ranges and diagnostics. It must never know why a diagnostic is issued.

use crate::json::{Json, quote};
use std::sync::Arc;

/// A position in a document. A position of all zeros stands for "no source".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos {
    /// The line, from 1.
    pub line: usize,
    /// The column in display cells, from 1.
    pub column: usize,
    /// The byte offset, from 0.
    pub byte: usize,
}

/// A range in a document: the name of the environment, and where it begins and ends (exclusive).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The name of the environment whose text it is.
    pub environment: Arc<str>,
    /// The first position.
    pub begin: Pos,
    /// The position after the last.
    pub end: Pos,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The result is incomplete.
    Error,
    /// The result stands, but is probably not what was meant.
    Warning,
}

/// Something to be said about a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, on one line.
    pub summary: String,
    /// Where it is wrong, if that can be said.
    pub range: Option<Range>,
    /// The path in the document (`values.a["b-c"][0]`), empty if there is none.
    pub path: String,
}

impl Diagnostic {
    /// An error at a place.
    #[must_use]
    pub fn error(origin: &Origin, summary: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            summary: summary.into(),
            range: origin.range.clone(),
            path: origin.path.to_string(),
        }
    }

    /// A warning at a place.
    #[must_use]
    pub fn warning(origin: &Origin, summary: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(origin, summary) }
    }

    /// An error that belongs to no place.
    #[must_use]
    pub fn nowhere(summary: impl Into<String>) -> Self {
        Self::error(&Origin::default(), summary)
    }

    /// Whether it is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The form on the wire: `{range?, summary, severity, path?}`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut fields = vec![
            ("summary", Json::String(self.summary.clone())),
            ("severity", Json::from(if self.is_error() { "error" } else { "warning" })),
        ];
        if let Some(range) = &self.range {
            fields.push(("range", range.to_json()));
        }
        if !self.path.is_empty() {
            fields.push(("path", Json::String(self.path.clone())));
        }
        Json::object(fields)
    }
}

/// Whether one of them is an error.
#[must_use]
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}

/// Where a piece of syntax comes from. Synthetic syntax has no range and an empty path.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The range in the text.
    pub range: Option<Range>,
    /// The path in the document.
    pub path: Arc<str>,
}

impl Default for Origin {
    fn default() -> Self {
        Self { range: None, path: Arc::from("") }
    }
}

impl Origin {
    /// The range, or a range of zeros in the named environment.
    #[must_use]
    pub fn range_or(&self, environment: &Arc<str>) -> Range {
        self.range.clone().unwrap_or_else(|| Range::nowhere(environment))
    }
}

impl Range {
    /// A range of zeros in an environment.
    #[must_use]
    pub fn nowhere(environment: &Arc<str>) -> Self {
        Self { environment: environment.clone(), begin: Pos::default(), end: Pos::default() }
    }

    /// Appends `{environment, begin, end}`.
    pub fn write(&self, out: &mut String) {
        out.push_str("{\"environment\":");
        quote(&self.environment, out);
        out.push_str(",\"begin\":");
        self.begin.write(out);
        out.push_str(",\"end\":");
        self.end.write(out);
        out.push('}');
    }

    /// `{environment, begin, end}`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::object(vec![
            ("environment", Json::from(&*self.environment)),
            ("begin", self.begin.to_json()),
            ("end", self.end.to_json()),
        ])
    }
}

impl Pos {
    /// Appends `{line, column, byte}`.
    pub fn write(self, out: &mut String) {
        for (name, number) in [("{\"line\":", self.line), (",\"column\":", self.column), (",\"byte\":", self.byte)] {
            out.push_str(name);
            push_number(out, number);
        }
        out.push('}');
    }

    /// `{line, column, byte}`.
    #[must_use]
    pub fn to_json(self) -> Json {
        Json::object(vec![
            ("line", Json::from(self.line)),
            ("column", Json::from(self.column)),
            ("byte", Json::from(self.byte)),
        ])
    }
}

/// Appends a number. Ranges are most of a result, so this is not left to the formatter.
fn push_number(out: &mut String, mut number: usize) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend(digits[at..].iter().map(|digit| char::from(*digit)));
}
