//! The documented lines byte for byte, and a parser of our own that follows the standard and nothing else.

use super::*;
use crate::fixtures::{row, texts};
use pileus_model::{Timestamp, audit::catalogue};
use proptest::prelude::*;

fn id(text: &str) -> Option<[u8; 16]> {
    text.parse::<OrgId>().ok().map(|id| *id.as_bytes())
}

fn writer() -> Cef {
    Cef::new("api.pulumi.com", id("bbdf1c46-4a7b-497c-8b3d-0acf8a55e505").map(OrgId::from_bytes))
}

fn write(row: &ExportRow<'_>) -> String {
    let mut out = Vec::new();
    writer().row(row, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// A line, taken apart by `audit.md` §6.
#[derive(Debug, PartialEq)]
struct Line {
    prefix: String,
    header: Vec<String>,
    keys: Vec<(String, String)>,
}

fn parse(line: &str) -> Option<Line> {
    let line = line.strip_suffix('\n')?;
    if line.contains(['\n', '\r']) {
        return None;
    }
    let start = line.find("CEF:")?;
    let (header, extension) = split_header(&line[start..])?;
    Some(Line { prefix: line[..start].to_owned(), header, keys: extension_keys(extension)? })
}

/// The seven fields before the extension, unescaped, and the extension.
fn split_header(text: &str) -> Option<(Vec<String>, &str)> {
    let mut fields = vec![String::new()];
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                let (_, escaped) = chars.next()?;
                if !matches!(escaped, '\\' | '|') {
                    return None;
                }
                fields.last_mut()?.push(escaped);
            }
            '|' if fields.len() == 7 => return Some((fields, &text[at + 1..])),
            '|' => fields.push(String::new()),
            c => fields.last_mut()?.push(c),
        }
    }
    None
}

/// A key is the word before an unescaped `=`; its value goes to the space before the next key.
fn extension_keys(text: &str) -> Option<Vec<(String, String)>> {
    let bytes = text.as_bytes();
    let equals: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at] == b'=' && bytes[..*at].iter().rev().take_while(|b| **b == b'\\').count() % 2 == 0)
        .collect();
    let start_of = |equal: usize| text[..equal].rfind(' ').map_or(0, |space| space + 1);
    let mut keys = Vec::new();
    for (i, equal) in equals.iter().enumerate() {
        let end = equals.get(i + 1).map_or(text.len(), |next| start_of(*next) - 1);
        let key = &text[start_of(*equal)..*equal];
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric()) {
            return None;
        }
        keys.push((key.to_owned(), unescape(&text[equal + 1..end])?));
    }
    Some(keys)
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                c @ ('\\' | '=') => c,
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

impl Line {
    fn key(&self, name: &str) -> Option<&str> {
        self.keys.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[test]
fn the_documented_lines() {
    let login = |millis: i64, description, actor_login, user| ExportRow {
        at: Timestamp::from_micros(millis * 1000),
        event: catalogue::USER_LOGIN,
        description,
        actor_login,
        user_id: id(user),
        ip: Some(IpAddr::from([99, 159, 29, 103])),
        ..row()
    };
    let rows = [
        login(
            1_676_386_381_000,
            "User \"tushar-pulumi-corp\" logged into the Pulumi Console.",
            "tushar-pulumi-corp",
            "b557a719-8291-4cd3-93e4-fa5405c0ce49",
        ),
        login(
            1_676_386_307_000,
            "User \"shaht\" logged into the Pulumi Console.",
            "shaht",
            "fb4716e8-dd2b-4133-93d7-f2d0edd3b8fb",
        ),
    ];
    let mut out = Vec::new();
    let mut cef = writer();
    for row in &rows {
        cef.row(row, &mut out);
    }
    assert_eq!(String::from_utf8_lossy(&out), include_str!("../testdata/documented.cef"));
}

#[test]
fn the_day_has_two_digits() {
    let line = write(&ExportRow { at: Timestamp::from_micros(1_675_522_381_000_000), ..row() });
    assert!(line.starts_with("Feb 04 14:53:01 api.pulumi.com CEF:0|Pulumi|Pulumi Service|1.0|"), "{line}");
}

#[test]
fn an_ipv6_address_has_its_own_key() {
    let ip = Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]));
    let line = write(&ExportRow { ip, ..row() });
    assert!(line.contains("|0|authenticationFailure=false c6a2=2001:db8::1 c6a2Label=Source IPv6 Address dvchost="));
    assert!(!line.contains(" src="));
    let unknown = write(&ExportRow { ip: None, ..row() });
    assert!(unknown.contains(" src= suser=user1 ") && !unknown.contains("c6a2"));
}

#[test]
fn forgery_stays_text() -> Result<(), &'static str> {
    let line = write(&ExportRow {
        description: "a|b\\c suser=mallory\nFeb 14 00:00:00 x CEF:0|\u{85}",
        actor_login: "a|b",
        token_name: "x= suser=mallory\r\n\\n",
        ..row()
    });
    assert!(line.contains("|a\\|b\\\\c suser=mallory Feb 14 00:00:00 x CEF:0\\| |0|authenticationFailure="), "{line}");
    assert!(line.contains(" suser=a|b tokenID= tokenName=x\\= suser\\=mallory\\r\\n\\\\n userID=\n"), "{line}");
    let parsed = parse(&line).ok_or("not CEF")?;
    assert_eq!(parsed.key("tokenName"), Some("x= suser=mallory\r\n\\n"));
    Ok(())
}

#[test]
fn a_long_name_is_cut_and_kept_in_msg() -> Result<(), &'static str> {
    for (letter, count, is_cut) in [("é", 512, false), ("é", 513, true), ("|", 512, false), ("🦀", 2000, true)] {
        let text = letter.repeat(count);
        let line = write(&ExportRow { description: &text, ..row() });
        let parsed = parse(&line).ok_or("not CEF")?;
        assert_eq!(parsed.header[5].chars().count(), 512);
        assert_eq!(parsed.header[5].ends_with('…'), is_cut, "{letter} {count}");
        assert_eq!(parsed.key("msg"), is_cut.then_some(text.as_str()));
        assert!(!is_cut || line.contains(" dvchost=api.pulumi.com msg="));
    }
    Ok(())
}

#[test]
fn the_sites_log_has_no_organisation_and_a_host_no_spaces() {
    let mut out = Vec::new();
    Cef::new("my host\n", None).row(&row(), &mut out);
    let line = String::from_utf8_lossy(&out);
    assert!(line.starts_with("Feb 14 14:53:01 my-host- CEF:0|"), "{line}");
    assert!(line.contains(" dvchost=my-host- orgID= requireOrgAdmin=false "), "{line}");
}

const KEYS: [&str; 14] = [
    "authenticationFailure",
    "c6a2",
    "c6a2Label",
    "dvchost",
    "msg",
    "orgID",
    "requireOrgAdmin",
    "requireStackAdmin",
    "rt",
    "src",
    "suser",
    "tokenID",
    "tokenName",
    "userID",
];

proptest! {
    #[test]
    fn every_line_comes_back(texts in texts()) {
        let row = texts.row();
        let line = parse(&write(&row));
        prop_assert!(line.is_some());
        let Some(line) = line else { return Ok(()) };

        let v6 = matches!(row.ip, Some(IpAddr::V6(_)));
        let long = row.description.chars().count() > MAX_NAME;
        let expected: Vec<&str> = KEYS.into_iter()
            .filter(|key| match *key { "c6a2" | "c6a2Label" => v6, "src" => !v6, "msg" => long, _ => true })
            .collect();
        let keys: Vec<&str> = line.keys.iter().map(|(key, _)| key.as_str()).collect();
        prop_assert_eq!(keys, expected);

        let spec = row.event.spec();
        prop_assert_eq!(&line.header[..5], &["CEF:0", "Pulumi", "Pulumi Service", "1.0", spec.display_name]);
        prop_assert_eq!(&line.header[6], "0");
        if long {
            prop_assert_eq!(line.key("msg"), Some(row.description));
        } else {
            let name: String = row.description.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            prop_assert_eq!(&line.header[5], &name);
        }
        prop_assert_eq!(line.key("suser"), Some(row.actor_login));
        prop_assert_eq!(line.key("tokenName"), Some(row.token_name));
        prop_assert_eq!(line.key("rt").map(str::to_owned), Some(row.at.as_millis().to_string()));
        let ip = row.ip.map(|ip| ip.to_string()).unwrap_or_default();
        prop_assert_eq!(line.key(if v6 { "c6a2" } else { "src" }), Some(ip.as_str()));
    }
}
