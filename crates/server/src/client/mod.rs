//! Thin clients of the public API: what `pileus user`, `pileus org` and `pileus token` do.
//!
//! This room knows paths and fields of the served description. It must never know the store or the service: a rule
//! that the server does not enforce is no rule.

mod api;
pub mod keys;
pub mod org;
mod table;
pub mod token;
pub mod user;

pub use api::Api;

use crate::{
    cli::{ClientOptions, Output},
    failure::Failure,
    output,
};
use serde_json::Value;
use table::{Column, render};

/// Runs a client command and prints what it gives.
///
/// # Errors
/// No token, no server, or the server's refusal: `[404] user not found`.
pub fn run<F>(options: &ClientOptions, command: F) -> Result<(), Failure>
where
    F: AsyncFnOnce(&Api) -> Result<Outcome, Failure>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("no runtime: {error}")))?;
    let outcome = runtime.block_on(async {
        let api = Api::new(&options.url, options.token.clone())?;
        command(&api).await
    })?;
    let mut text = match options.output {
        Output::Json => outcome.json(),
        Output::Table => outcome.table(),
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    output::print(&text)
}

/// What a client command gives.
#[derive(Debug)]
pub enum Outcome {
    /// Several things, under this field in JSON.
    List(&'static str, Vec<Value>, &'static [Column]),
    /// One thing.
    One(Value, &'static [Column]),
    /// One text that the caller must not miss, from this field of the reply.
    Text(Value, &'static str),
    /// Nothing but that it is done; in JSON an empty object.
    Done(String),
}

impl Outcome {
    /// As JSON, pretty.
    fn json(&self) -> String {
        let value = match self {
            Self::List(field, items, _) => serde_json::json!({ *field: items }),
            Self::One(value, _) | Self::Text(value, _) => value.clone(),
            Self::Done(_) => serde_json::json!({}),
        };
        format!("{value:#}")
    }
    /// For people.
    fn table(&self) -> String {
        match self {
            Self::List(_, items, columns) => render(columns, items),
            Self::One(value, columns) => render(columns, std::slice::from_ref(value)),
            Self::Text(value, field) => value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned(),
            Self::Done(text) => text.clone(),
        }
    }
}
