//! Rows for the tests: a plain one, and arbitrary ones with nasty texts.

use pileus_model::{
    Timestamp,
    audit::{EventType, ExportRow, catalogue},
};
use proptest::prelude::*;
use std::net::IpAddr;

/// A plain row.
pub fn row() -> ExportRow<'static> {
    ExportRow {
        seq: 7,
        at: Timestamp::from_micros(1_676_386_381_000_250),
        id: [0; 16],
        event: catalogue::USER_LOGIN,
        actor_kind: "user",
        actor_login: "user1",
        actor_name: "First Last",
        user_id: None,
        token_id: None,
        token_name: "",
        ip: Some(IpAddr::from([192, 168, 10, 11])),
        user_agent: "agent/1",
        cli_command: "",
        request_id: None,
        operation: "Login",
        target_kind: "user",
        target: "user1",
        outcome: "success",
        description: "did it",
        count: 1,
    }
}

/// The owned parts of an arbitrary row.
#[derive(Debug, Clone)]
pub struct Texts {
    event: EventType,
    micros: i64,
    ip: Option<IpAddr>,
    token: Option<[u8; 16]>,
    user: Option<[u8; 16]>,
    texts: [String; 6],
}

impl Texts {
    /// The row.
    pub fn row(&self) -> ExportRow<'_> {
        let [name, login, description, token_name, user_agent, target] = &self.texts;
        ExportRow {
            at: Timestamp::from_micros(self.micros),
            event: self.event,
            actor_name: name,
            actor_login: login,
            description,
            token_name,
            user_agent,
            target,
            ip: self.ip,
            token_id: self.token,
            user_id: self.user,
            ..row()
        }
    }
}

/// What breaks formats, among ordinary letters.
const PARTS: [&str; 25] = [
    "\"",
    ",",
    "\n",
    "\r",
    "\r\n",
    "|",
    "=",
    "\\",
    "\\n",
    "\t",
    " ",
    "  ",
    "'",
    "@",
    "-",
    "+",
    "a",
    "key=value",
    " suser=mallory",
    "é",
    "🦀",
    "\u{202e}שלום",
    "\u{feff}",
    "…",
    "\\.",
];

/// Texts of such parts, some long, and some of any characters. No other control characters than LF, CR and TAB: names
/// and descriptions cannot hold them.
fn text() -> impl Strategy<Value = String> {
    let parts =
        |len| proptest::collection::vec(0..PARTS.len(), len).prop_map(|all| all.iter().map(|i| PARTS[*i]).collect());
    let any = proptest::collection::vec(any::<char>(), 0..40)
        .prop_map(|all| all.into_iter().filter(|c| !c.is_control()).collect());
    prop_oneof![8 => parts(0..12), 1 => parts(80..400), 1 => any]
}

/// Arbitrary rows.
pub fn texts() -> impl Strategy<Value = Texts> {
    let events: Vec<EventType> = EventType::all().collect();
    (
        proptest::sample::select(events),
        0..4_102_444_800_000_000_i64,
        any::<Option<IpAddr>>(),
        any::<Option<[u8; 16]>>(),
        any::<Option<[u8; 16]>>(),
        [text(), text(), text(), text(), text(), text()],
    )
        .prop_map(|(event, micros, ip, token, user, texts)| Texts { event, micros, ip, token, user, texts })
}
