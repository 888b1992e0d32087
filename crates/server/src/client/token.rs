//! `pileus token …`

use super::table::{Column, Form};
use super::{Api, Outcome};
use crate::{cli::TokenCommand, failure::Failure};
use pileus_model::{
    Timestamp,
    clock::{Clock as _, SystemClock},
};
use reqwest::Method;
use serde_json::json;

/// What is shown of a token.
const COLUMNS: &[Column] = &[
    Column { head: "ID", field: "id", form: Form::Plain },
    Column { head: "DESCRIPTION", field: "description", form: Form::Plain },
    Column { head: "CREATED", field: "created", form: Form::Plain },
    Column { head: "LAST USED", field: "lastUsed", form: Form::Seconds },
    Column { head: "EXPIRES", field: "expires", form: Form::Seconds },
];

/// Where the caller's own tokens are.
const TOKENS: [&str; 3] = ["api", "user", "tokens"];

/// Runs the command.
///
/// # Errors
/// A bad time (usage), or the server's refusal.
pub async fn run(api: &Api, command: TokenCommand) -> Result<Outcome, Failure> {
    match command {
        TokenCommand::List => {
            let tokens = api.list(&TOKENS, "tokens", "maxResults", &[("filter", "all")]).await?;
            Ok(Outcome::List("tokens", tokens, COLUMNS))
        }
        TokenCommand::Create { description, expires } => {
            let expires = expires.map_or(Ok(0), |when| expiry(&when, SystemClock.now()))?;
            let body = json!({ "description": description, "expires": expires });
            Ok(Outcome::Text(api.call(Method::POST, &TOKENS, &[], Some(body)).await?, "tokenValue"))
        }
        TokenCommand::Delete { id } => {
            api.call(Method::DELETE, &["api", "user", "tokens", &id], &[], None).await?;
            Ok(Outcome::Done(format!("Deleted token {id}")))
        }
    }
}

/// The Unix seconds of `30d`, `12h` or a number of seconds as it is.
fn expiry(when: &str, now: Timestamp) -> Result<i64, Failure> {
    let bad = || Failure::usage(format!("--expires: {when:?} is not a time such as 30d, 12h or 1767225600"));
    let (digits, unit) = match when.strip_suffix(['d', 'h']) {
        Some(digits) if when.ends_with('d') => (digits, 86_400),
        Some(digits) => (digits, 3600),
        None => (when, 0),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    let number: i64 = digits.parse().map_err(|_| bad())?;
    if unit == 0 {
        return Ok(number);
    }
    number.checked_mul(unit).and_then(|seconds| seconds.checked_add(now.as_seconds())).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries() {
        let now = Timestamp::from_micros(1_000_000_000_000);
        let of = |when| expiry(when, now).ok();
        assert_eq!([of("2d"), of("12h"), of("1767225600")], [Some(1_172_800), Some(1_043_200), Some(1_767_225_600)]);
        for bad in ["", "d", "1w", "-1d", "1 d", "99999999999999999999", "9223372036854775807d"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
