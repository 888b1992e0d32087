//! Lines and columns of a text, in the three measures that are asked for: characters, display cells, bytes.

use crate::diag::Pos;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

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
    text.graphemes(true).map(cluster_width).sum()
}

/// The cells of one cluster, as upstream's library counts them: those of its first character decide, and a selector of
/// presentation where that is a pictograph.
fn cluster_width(cluster: &str) -> usize {
    let mut chars = cluster.chars();
    let Some(first) = chars.next() else { return 0 };
    let base = char_width(first);
    match first {
        '\u{1f1e6}'..='\u{1f1ff}' => return 2,
        '\u{1100}'..='\u{115f}' | '\u{a960}'..='\u{a97c}' => return 2,
        _ if base == 2 && cluster.contains('\u{fe0e}') => return 1,
        _ if base == 2 && cluster.contains('\u{200d}') => return 2,
        c if !c.is_ascii() && cluster.contains('\u{fe0f}') && format!("{c}\u{fe0f}").width() == 2 => return 2,
        _ => {}
    }
    base + chars.map(char_width).sum::<usize>()
}

fn char_width(c: char) -> usize {
    match c {
        '\u{2028}' | '\u{2029}' | '\u{1f3fb}'..='\u{1f3ff}' => 0,
        '\u{2e3a}' => 3,
        '\u{2e3b}' => 4,
        c if c.is_control() => 0,
        c => c.width().unwrap_or(0),
    }
}
