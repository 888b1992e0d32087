//! `pileus keys …`

use super::table::{Column, Form};
use super::{Api, Outcome};
use crate::{cli::KeysCommand, failure::Failure};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// What is shown of a server.
const COLUMNS: &[Column] = &[
    Column { head: "SERVER", field: "name", form: Form::Plain },
    Column { head: "SEALS WITH", field: "seals", form: Form::Plain },
    Column { head: "ALSO HOLDS", field: "also", form: Form::Plain },
    Column { head: "LAST SEEN", field: "lastSeen", form: Form::Plain },
];
/// Where the master key is.
const KEYS: [&str; 3] = ["api", "admin", "keys"];
/// How often is asked whether the change is finished.
const PERIOD: Duration = Duration::from_secs(2);
/// How many digits of a fingerprint are shown.
const DIGITS: usize = 16;

/// Runs the command.
///
/// # Errors
/// The server's refusal.
pub async fn run(api: &Api, command: KeysCommand) -> Result<Outcome, Failure> {
    match command {
        // Answered before a server is asked.
        KeysCommand::Generate => Ok(Outcome::Done(String::new())),
        KeysCommand::Show => {
            let known = api.call(Method::GET, &KEYS, &[], None).await?;
            let servers = known["servers"].as_array().into_iter().flatten().map(row).collect();
            Ok(Outcome::List("servers", servers, COLUMNS))
        }
        KeysCommand::Rotate => rotate(api).await,
    }
}

fn short(fingerprint: &Value) -> String {
    fingerprint.as_str().unwrap_or_default().chars().take(DIGITS).collect()
}

fn row(server: &Value) -> Value {
    let held: Vec<String> = server["held"].as_array().into_iter().flatten().map(short).collect();
    let (seals, also) = held.split_first().map(|(first, others)| (first.clone(), others.join(" "))).unwrap_or_default();
    json!({"name": server["name"], "seals": seals, "also": also, "lastSeen": server["lastSeen"]})
}

/// Begins the change, and waits until it is finished.
async fn rotate(api: &Api) -> Result<Outcome, Failure> {
    let mut known = api.call(Method::POST, &["api", "admin", "keys", "rotate"], &[], None).await?;
    let mut said = None;
    while known.get("retiring").is_some_and(Value::is_string) {
        let remaining = known["remaining"].as_i64();
        if said != remaining {
            said = remaining;
            eprintln!("{} left to be sealed anew", remaining.unwrap_or_default());
        }
        tokio::time::sleep(PERIOD).await;
        known = api.call(Method::GET, &KEYS, &[], None).await?;
    }
    Ok(Outcome::Done(format!(
        "The master key {} seals now, and the old one opens nothing any more. Let PILEUS_MASTER_KEY (or the file master-key) \
         be the new one on every server, without PILEUS_MASTER_KEY_NEW (or master-key.new).",
        short(&known["active"])
    )))
}
