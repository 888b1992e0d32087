//! Tables as CSV: RFC 4180 with LF. It knows cells and nothing of what they mean.

/// Appends a line of these cells. A cell that a spreadsheet would take for a formula gets a `'` before it (OWASP, CSV injection).
pub fn line<'a>(out: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a str>) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let quoted = formula || cell.contains(['"', ',', '\n', '\r']) || cell.starts_with(' ');
        if !quoted {
            out.extend_from_slice(cell.as_bytes());
            continue;
        }
        out.push(b'"');
        if formula {
            out.push(b'\'');
        }
        for byte in cell.bytes() {
            if byte == b'"' {
                out.push(b'"');
            }
            out.push(byte);
        }
        out.push(b'"');
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        let mut out = Vec::new();
        line(&mut out, ["a", "b c", "", "say \"x\"", "1,2", "=1+1", "l\nm", " s"]);
        assert_eq!(out, b"a,b c,,\"say \"\"x\"\"\",\"1,2\",\"'=1+1\",\"l\nm\",\" s\"\n");
    }
}
