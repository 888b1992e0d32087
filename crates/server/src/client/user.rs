//! `pileus user …`

use super::table::{Column, Form};
use super::{Api, Outcome};
use crate::{cli::UserCommand, failure::Failure};
use reqwest::Method;
use serde_json::{Map, Value, json};

/// What is shown of a user.
const COLUMNS: &[Column] = &[
    Column { head: "LOGIN", field: "githubLogin", form: Form::Plain },
    Column { head: "NAME", field: "name", form: Form::Plain },
    Column { head: "EMAIL", field: "email", form: Form::Plain },
    Column { head: "SITE ADMIN", field: "siteAdmin", form: Form::YesNo },
    Column { head: "DISABLED", field: "disabled", form: Form::YesNo },
    Column { head: "CREATED", field: "created", form: Form::Plain },
];

/// What is shown of a user who was just created; the reply says no more.
const CREATED: &[Column] = &[
    Column { head: "LOGIN", field: "githubLogin", form: Form::Plain },
    Column { head: "NAME", field: "name", form: Form::Plain },
    Column { head: "EMAIL", field: "email", form: Form::Plain },
];

/// Where the users are.
const USERS: [&str; 3] = ["api", "admin", "users"];

/// Runs the command.
///
/// # Errors
/// The server's refusal.
pub async fn run(api: &Api, command: UserCommand) -> Result<Outcome, Failure> {
    match command {
        UserCommand::List => Ok(Outcome::List("users", api.list(&USERS, "users", "pageSize", &[]).await?, COLUMNS)),
        UserCommand::Create { login, name, email } => {
            let body = json!({
                "login": login,
                "name": name.unwrap_or_else(|| login.clone()),
                "email": email.unwrap_or_default(),
            });
            Ok(Outcome::One(api.call(Method::POST, &USERS, &[], Some(body)).await?, CREATED))
        }
        UserCommand::Show { login } => Ok(Outcome::One(api.call(Method::GET, &one(&login), &[], None).await?, COLUMNS)),
        UserCommand::Update { login, name, disabled, site_admin } => {
            let changes = [
                ("name", name.map(Value::from)),
                ("disabled", disabled.map(Value::from)),
                ("siteAdmin", site_admin.map(Value::from)),
            ];
            let body: Map<String, Value> =
                changes.into_iter().filter_map(|(field, value)| value.map(|value| (field.to_owned(), value))).collect();
            Ok(Outcome::One(api.call(Method::PATCH, &one(&login), &[], Some(body.into())).await?, COLUMNS))
        }
        UserCommand::Delete { login } => {
            api.call(Method::DELETE, &one(&login), &[], None).await?;
            Ok(Outcome::Done(format!("Deleted user {login}")))
        }
        UserCommand::Token { login, description } => {
            let body = json!({ "description": description });
            let path = ["api", "admin", "users", &login, "tokens"];
            Ok(Outcome::Text(api.call(Method::POST, &path, &[], Some(body)).await?, "tokenValue"))
        }
    }
}

/// The path of one user.
fn one(login: &str) -> [&str; 4] {
    ["api", "admin", "users", login]
}
