//! The audit log as CEF (ArcSight's Common Event Format, `CEF:0`), in the original's shape: `audit.md` §2.3.
//!
//! One event is one line: a syslog time in UTC and the host, the header, and the extension's keys in byte order. Every key
//! is always there, empty where nothing is known. Escaping: `audit.md` §6. What the shape leaves open is decided so:
//! * the day has two digits (`Feb 04`), as the documented form `MMM dd hh:mm:ss` says;
//! * the name (the description) loses its control characters to spaces, since the header has no escape for them; if it is
//!   longer than 512 characters, it is cut to 511 and `…`, and `msg` holds the full text;
//! * an IPv6 address is no `src` (the dictionary's type is IPv4): it stands in `c6a2`, and `src` is left out.

use crate::text::{self, SecondText};
use pileus_model::{audit::ExportRow, ids::OrgId};
use std::net::IpAddr;

/// How many characters (Unicode scalar values) the header's name may have.
pub const MAX_NAME: usize = 512;

/// Writes one export. Rows are appended to the caller's buffer; a row costs no allocation once that is large enough.
#[derive(Debug, Clone)]
pub struct Cef {
    /// ` host CEF:0|Pulumi|Pulumi Service|1.0|`
    device: Vec<u8>,
    /// ` dvchost=host`
    host: Vec<u8>,
    /// ` orgID=…`
    org: Vec<u8>,
    time: SecondText<15>,
}

impl Cef {
    /// A writer for this organisation's log (none: the site's own), on this host.
    pub fn new(host: &str, org: Option<OrgId>) -> Self {
        let host: String = host.chars().map(|c| if c.is_whitespace() || c.is_control() { '-' } else { c }).collect();
        let mut dvchost = b" dvchost=".to_vec();
        value(&mut dvchost, &host);
        let mut org_id = b" orgID=".to_vec();
        text::push_id(&mut org_id, org.as_ref().map(OrgId::as_bytes));
        Self {
            device: format!(" {host} CEF:0|Pulumi|Pulumi Service|1.0|").into_bytes(),
            host: dvchost,
            org: org_id,
            time: SecondText::new(),
        }
    }

    /// Appends one event's line.
    pub fn row(&mut self, row: &ExportRow<'_>, out: &mut Vec<u8>) {
        let spec = row.event.spec();
        out.extend_from_slice(self.time.of(row.at, text::syslog));
        out.extend_from_slice(&self.device);
        header(out, spec.display_name);
        out.push(b'|');
        let cut = cut(row.description);
        match cut {
            None => header(out, row.description),
            Some(start) => {
                header(out, start);
                out.extend_from_slice("…".as_bytes());
            }
        }
        out.extend_from_slice(b"|0|authenticationFailure=");
        text::push_bool(out, spec.authentication_failure);
        if let Some(ip @ IpAddr::V6(_)) = row.ip {
            out.extend_from_slice(b" c6a2=");
            text::push_ip(out, ip);
            out.extend_from_slice(b" c6a2Label=Source IPv6 Address");
        }
        out.extend_from_slice(&self.host);
        if cut.is_some() {
            out.extend_from_slice(b" msg=");
            value(out, row.description);
        }
        out.extend_from_slice(&self.org);
        out.extend_from_slice(b" requireOrgAdmin=");
        text::push_bool(out, spec.requires_org_admin);
        out.extend_from_slice(b" requireStackAdmin=");
        text::push_bool(out, spec.requires_stack_admin);
        actor(row, out);
    }
}

/// The keys from `rt` on, and the line's end.
fn actor(row: &ExportRow<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b" rt=");
    text::push_i64(out, row.at.as_millis());
    match row.ip {
        Some(ip @ IpAddr::V4(_)) => {
            out.extend_from_slice(b" src=");
            text::push_ip(out, ip);
        }
        Some(IpAddr::V6(_)) => {}
        None => out.extend_from_slice(b" src="),
    }
    out.extend_from_slice(b" suser=");
    value(out, row.actor_login);
    out.extend_from_slice(b" tokenID=");
    text::push_id(out, row.token_id.as_ref());
    out.extend_from_slice(b" tokenName=");
    value(out, row.token_name);
    out.extend_from_slice(b" userID=");
    text::push_id(out, row.user_id.as_ref());
    out.push(b'\n');
}

/// What is left of a name that is too long; `None` where it fits. The sign that it was cut takes one character.
fn cut(name: &str) -> Option<&str> {
    if name.len() <= MAX_NAME {
        return None;
    }
    let mut starts = name.char_indices().map(|(at, _)| at);
    let end = starts.nth(MAX_NAME - 1)?;
    starts.next()?;
    Some(&name[..end])
}

/// A field of the header: `\` and `|` are escaped, control characters become spaces.
fn header(out: &mut Vec<u8>, text: &str) {
    // 0xC2 begins the control characters U+0080 to U+009F, and some others.
    let special = |found, byte: &u8| found | (*byte < 0x20) | matches!(*byte, 0x7f | 0xc2 | b'\\' | b'|');
    if !text.as_bytes().iter().fold(false, special) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let mut utf8 = [0; 4];
    for c in text.chars() {
        match c {
            '\\' => out.extend_from_slice(b"\\\\"),
            '|' => out.extend_from_slice(b"\\|"),
            c if c.is_control() => out.push(b' '),
            c => out.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes()),
        }
    }
}

/// A value of the extension: `\` and `=` are escaped, LF and CR become `\n` and `\r`; `|` stays.
fn value(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'=' | b'\n' | b'\r')) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(match rest[at] {
            b'\n' => b'n',
            b'\r' => b'r',
            other => other,
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
#[path = "cef_tests.rs"]
mod tests;
