//! What a start prints for people: where the server is, and on the first start how to use it.

use std::{fmt::Write as _, path::Path};

/// What the first start has to say.
#[derive(Debug)]
pub struct First<'a> {
    /// The organisation.
    pub organization: &'a str,
    /// Its admin.
    pub user: &'a str,
    /// His token, where it was generated: shown this once.
    pub token: Option<&'a str>,
    /// Where that token was also written, if it could be.
    pub token_file: Option<&'a Path>,
}

/// A time after everything that will be recorded for long (2100-01-01T00:00:00Z): `startTime` is the end of the range in
/// this form of the operations, and a line that is pasted later should show what happened until then.
const LATE: &str = "4102444800";

/// The line of every start.
pub fn listening(url: &str) -> String {
    format!("Pileus {} listens on {url}\n", env!("CARGO_PKG_VERSION"))
}

/// What a later start says of variables that only the first start reads.
pub fn ignored(said: &[&str]) -> String {
    match said {
        [] => String::new(),
        [one] => format!("{one} is ignored: this installation is already set up\n"),
        several => format!("{} are ignored: this installation is already set up\n", several.join(", ")),
    }
}

/// What the first start prints further.
pub fn first(url: &str, first: &First<'_>) -> String {
    let mut out = String::new();
    let organization = first.organization;
    let _ = writeln!(out, "\n  organization  {organization}\n  admin         {}", first.user);
    let token = match first.token {
        Some(token) => {
            let _ = writeln!(out, "  access token  {token}");
            let file =
                first.token_file.map(|path| format!("; it also stands in {}", path.display())).unwrap_or_default();
            let _ = writeln!(out, "\nThe token is shown only now{file}.");
            token
        }
        None => {
            let _ = writeln!(out, "  access token  the one given in PILEUS_BOOTSTRAP_TOKEN");
            "$PILEUS_BOOTSTRAP_TOKEN"
        }
    };
    let _ = write!(
        out,
        r#"
The audit log as JSON:

  curl \
    -H "Accept: application/vnd.pulumi+8" \
    -H "Content-Type: application/json" \
    -H "Authorization: token {token}" \
    --compressed \
    "{url}/api/orgs/{organization}/auditlogs?startTime={LATE}"

The audit log as CEF (or, with format=csv, as CSV):

  curl \
    -H "Accept: application/vnd.pulumi+8" \
    -H "Authorization: token {token}" \
    --compressed \
    "{url}/api/orgs/{organization}/auditlogs/export?startTime={LATE}&format=cef"

With the pulumi CLI:

  PULUMI_ACCESS_TOKEN={token} pulumi login {url}
  pulumi org audit-log list --org {organization}

"#
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_printed_only_if_it_was_generated() {
        let mut what = First {
            organization: "acme",
            user: "root",
            token: Some("pul-1"),
            token_file: Some(Path::new("d/admin-token")),
        };
        let text = first("http://127.0.0.1:1", &what);
        assert!(
            text.contains("access token  pul-1\n")
                && text.contains("token pul-1\" \\\n")
                && text.contains("d/admin-token")
        );
        assert!(text.contains("\"http://127.0.0.1:1/api/orgs/acme/auditlogs/export?startTime=4102444800&format=cef\""));
        what.token = None;
        let text = first("http://127.0.0.1:1", &what);
        assert!(text.contains("token $PILEUS_BOOTSTRAP_TOKEN\"") && !text.contains("admin-token"));
    }
}
