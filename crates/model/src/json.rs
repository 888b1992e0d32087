//! What JSON writes as it is.

/// Whether a text needs no escape between its quotes (RFC 8259, section 7), as nearly all need none.
pub fn is_bare(text: &str) -> bool {
    // All of it, without a branch for each byte.
    !text.bytes().fold(false, |found, b| found | (b < 0x20) | (b == b'"') | (b == b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_an_escape() {
        for text in ["", "a b", "/", "'", "\u{7f}", "é\u{2028}"] {
            assert!(is_bare(text), "{text:?}");
        }
        for text in ["\"", "a\\", "\n", "a\0b", "\u{1f}"] {
            assert!(!is_bare(text), "{text:?}");
        }
    }
}
