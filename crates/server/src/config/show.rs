//! `pileus config show`: the effective configuration as a file that could be used, with the source of each value.

use super::keys::{self, Key};
use super::{Loaded, Setting, Value};
use std::fmt::Write as _;
use url::Url;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// The effective configuration as TOML, with comments that name the sources. Secrets are masked.
pub fn show(loaded: &Loaded) -> String {
    let mut out = String::from("# The effective configuration; flags override variables, which override the file.\n");
    let mut table = "";
    for setting in loaded.settings() {
        let (prefix, name) = setting.key.name.rsplit_once('.').unwrap_or(("", setting.key.name));
        if prefix != table {
            table = prefix;
            let _ = writeln!(out, "\n[{table}]");
        }
        out.push_str(&line(loaded, setting, name));
    }
    out
}

/// The line of one setting.
fn line(loaded: &Loaded, setting: &Setting, name: &str) -> String {
    if let Value::Text(text) = &setting.value
        && text.is_empty()
    {
        let follows = if std::ptr::eq(setting.key, &keys::PUBLIC_URL) { derived_url(loaded) } else { String::new() };
        return format!("# {name} = {}  # {}: {}\n", quote(&follows), setting.source, setting.key.default_note);
    }
    format!("{name} = {}  # {}\n", written(setting.key, &setting.value), setting.source)
}

/// What the public URL is if nobody says.
fn derived_url(loaded: &Loaded) -> String {
    match loaded.value(&keys::LISTEN) {
        Some(Value::Text(address)) => format!("http://{address}"),
        _ => String::new(),
    }
}

/// A value in TOML.
fn written(key: &Key, value: &Value) -> String {
    match value {
        Value::Text(text) if key.secret => quote(&mask(text)),
        Value::Text(text) => quote(text),
        Value::Integer(number) => number.to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(|item| quote(item)).collect::<Vec<_>>().join(", ")),
    }
}

/// A TOML string.
fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The same URL with its password, and every query value that may be one, replaced. What is no URL is replaced whole,
/// unless it is a plain word such as `sqlite`.
pub fn mask(text: &str) -> String {
    if text.chars().all(|c| c.is_ascii_lowercase()) {
        return text.to_owned();
    }
    let Ok(mut url) = Url::parse(text) else { return MASK.to_owned() };
    if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
        return MASK.to_owned();
    }
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        url.query_pairs_mut().clear().extend_pairs(pairs.iter().map(|(name, value)| {
            let secret = name.to_ascii_lowercase().contains("pass");
            (name.as_str(), if secret { MASK } else { value.as_str() })
        }));
    }
    url.into()
}
