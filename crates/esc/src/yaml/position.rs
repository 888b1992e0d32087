//! Lines and columns of a text, in the three measures that are asked for: characters, display cells, bytes.

use crate::diag::Pos;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// The lines of a text.
pub(super) struct Lines<'t> {
    lines: Vec<Line<'t>>,
    size: usize,
}

struct Line<'t> {
    offset: usize,
    text: &'t str,
    ascii: bool,
}

impl<'t> Lines<'t> {
    pub fn new(text: &'t str) -> Self {
        let mut offset = 0;
        let mut lines = Vec::new();
        for line in text.split('\n') {
            lines.push(Line { offset, text: line, ascii: line.is_ascii() });
            offset += line.len() + 1;
        }
        Self { lines, size: text.len() }
    }

    /// The position of a line and column, both from 1, as callers are told. The last line has no bytes of its own, and a
    /// column counts as display cells, although the reader counted characters: so upstream's clients expect it.
    pub fn pos(&self, line: usize, column: usize) -> Pos {
        if line >= self.lines.len() {
            return Pos { line, column, byte: 0 };
        }
        let Some(l) = line.checked_sub(1).and_then(|i| self.lines.get(i)) else {
            return Pos { line, column, byte: 0 };
        };
        if l.ascii {
            return Pos { line, column, byte: l.offset + column - 1 };
        }
        let (mut byte, mut cell) = (l.offset, 1);
        for cluster in l.text.graphemes(true) {
            if cell >= column {
                break;
            }
            byte += cluster.len();
            cell += width(cluster);
        }
        Pos { line, column, byte }
    }

    /// The byte of a line and a column in characters, both from 0.
    pub fn byte(&self, line: u64, column: u64) -> usize {
        let Some(l) = usize::try_from(line).ok().and_then(|i| self.lines.get(i)) else {
            return self.size;
        };
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if l.ascii {
            return (l.offset + column.min(l.text.len() + 1)).min(self.size);
        }
        let within = l.text.char_indices().nth(column).map_or(l.text.len(), |(at, _)| at);
        (l.offset + within).min(self.size)
    }
}

/// The display cells of a text.
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.bytes().filter(|b| !b.is_ascii_control()).count();
    }
    text.graphemes(true).map(|cluster| if cluster.chars().all(char::is_control) { 0 } else { cluster.width() }).sum()
}
