//! `pileus org …`

use super::table::{Column, Form};
use super::{Api, Outcome};
use crate::{cli::OrgCommand, failure::Failure};
use reqwest::Method;
use serde_json::{Map, Value};

/// What is shown of an organisation.
const COLUMNS: &[Column] = &[
    Column { head: "NAME", field: "name", form: Form::Plain },
    Column { head: "DISPLAY NAME", field: "displayName", form: Form::Plain },
    Column { head: "MEMBERS", field: "memberCount", form: Form::Plain },
    Column { head: "CREATED", field: "created", form: Form::Plain },
];

/// Where the organisations are.
const ORGANIZATIONS: [&str; 3] = ["api", "admin", "organizations"];

/// Runs the command.
///
/// # Errors
/// The server's refusal.
pub async fn run(api: &Api, command: OrgCommand) -> Result<Outcome, Failure> {
    match command {
        OrgCommand::List => {
            let organizations = api.list(&ORGANIZATIONS, "organizations", "pageSize", &[]).await?;
            Ok(Outcome::List("organizations", organizations, COLUMNS))
        }
        OrgCommand::Create { name, display_name, admin } => {
            let fields = [("name", Some(name)), ("displayName", display_name), ("admin", admin)];
            let body: Map<String, Value> = fields
                .into_iter()
                .filter_map(|(field, text)| text.map(|text| (field.to_owned(), text.into())))
                .collect();
            Ok(Outcome::One(api.call(Method::POST, &ORGANIZATIONS, &[], Some(body.into())).await?, COLUMNS))
        }
    }
}
