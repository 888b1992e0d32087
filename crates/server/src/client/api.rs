//! One request to the server and its reply, or one line that says why not.

use crate::failure::Failure;
use pileus_model::Secret;
use reqwest::{Client, Method, redirect::Policy};
use serde_json::Value;
use std::{path::Path, time::Duration};
use url::Url;

/// The token of the first start, where `pileus serve` with its defaults leaves it.
const ADMIN_TOKEN: &str = "pileus-data/admin-token";
/// The longest that one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many items are asked for at once.
const PAGE: &str = "1000";

/// The server and the token.
#[derive(Debug)]
pub struct Api {
    client: Client,
    base: Url,
    token: Secret<String>,
}

impl Api {
    /// The server at this URL, with this token or that of the first start.
    ///
    /// # Errors
    /// A bad URL (usage), or no token.
    #[expect(
        clippy::disallowed_methods,
        reason = "the operator's own command must reach the loopback, which egress refuses"
    )]
    pub fn new(url: &str, token: Option<String>) -> Result<Self, Failure> {
        let bad = || Failure::usage(format!("{url:?} is not a URL such as http://127.0.0.1:8080"));
        let base = Url::parse(url).map_err(|_| bad())?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(bad());
        }
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .user_agent(concat!("pileus/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| Failure::new(format!("no HTTP client: {error}")))?;
        let token = Secret::new(find_token(token, Path::new(ADMIN_TOKEN))?);
        Ok(Self { client, base, token })
    }

    /// `GET`, `POST` …; the path's segments are escaped. An empty reply is `null`.
    ///
    /// # Errors
    /// `[status] message`, or why there was no reply.
    pub async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Value, Failure> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self
            .client
            .request(method, url)
            .header("authorization", format!("token {}", self.token.expose()))
            .header("accept", "application/vnd.pulumi+8");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let reply = request.send().await.map_err(|error| self.unreachable(error))?;
        let status = reply.status();
        let bytes = reply.bytes().await.map_err(|error| self.unreachable(error))?;
        if !status.is_success() {
            return Err(Failure::new(format!("[{}] {}", status.as_u16(), refusal(status, &bytes))));
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|error| Failure::new(format!("the reply is not JSON: {error}")))
    }

    /// All pages of a list; `field` holds the items, `size` names the parameter of the page size.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub async fn list(
        &self,
        path: &[&str],
        field: &str,
        size: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.push((size, PAGE));
            if let Some(token) = &token {
                query.push(("continuationToken", token));
            }
            let mut page = self.call(Method::GET, path, &query, None).await?;
            if let Some(Value::Array(more)) = page.get_mut(field).map(Value::take) {
                items.extend(more);
            }
            let next =
                page.get("continuationToken").and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
            if next.is_none() || next == token {
                return Ok(items);
            }
            token = next;
        }
    }

    /// Why there was no reply, with the innermost reason.
    fn unreachable(&self, error: reqwest::Error) -> Failure {
        let timed_out = error.is_timeout();
        let mut reason: &dyn std::error::Error = &error;
        while let Some(inner) = reason.source() {
            reason = inner;
        }
        let server = self.base.as_str().trim_end_matches('/');
        if timed_out {
            return Failure::new(format!("{server} does not answer within {} seconds", TIMEOUT.as_secs()));
        }
        Failure::new(format!("{server} can't be reached: {reason}"))
    }
}

/// Whether the URL names this machine, where no proxy may stand between.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The token that was given, else that of the first start.
fn find_token(given: Option<String>, file: &Path) -> Result<String, Failure> {
    if let Some(token) = given.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()) {
        return Ok(token);
    }
    std::fs::read_to_string(file)
        .map(|token| token.trim().to_owned())
        .map_err(|_| Failure::new(format!("no access token: set PILEUS_TOKEN (./{} can't be read)", file.display())))
}

/// What a refusing reply says: the contract's `message`, else the beginning of its text.
fn refusal(status: reqwest::StatusCode, bytes: &[u8]) -> String {
    let message =
        serde_json::from_slice::<Value>(bytes).ok().and_then(|body| body.get("message")?.as_str().map(str::to_owned));
    let text = message.unwrap_or_else(|| String::from_utf8_lossy(bytes).chars().take(200).collect());
    if text.trim().is_empty() {
        return status.canonical_reason().unwrap_or("no message").to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use reqwest::StatusCode;

    #[test]
    fn a_refusal_is_one_plain_line() {
        assert_eq!(refusal(StatusCode::NOT_FOUND, br#"{"code":404,"message":"user not found"}"#), "user not found");
        assert_eq!(refusal(StatusCode::BAD_GATEWAY, b"<html>gone</html>"), "<html>gone</html>");
        assert_eq!(refusal(StatusCode::BAD_GATEWAY, b""), "Bad Gateway");
    }

    #[test]
    fn the_given_token_wins_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("admin-token");
        assert!(find_token(None, &file).unwrap_err().to_string().contains("PILEUS_TOKEN"));
        std::fs::write(&file, "pul-file\n").unwrap();
        assert_eq!(find_token(None, &file).unwrap(), "pul-file");
        assert_eq!(find_token(Some(" \n".to_owned()), &file).unwrap(), "pul-file");
        assert_eq!(find_token(Some("pul-given\n".to_owned()), &file).unwrap(), "pul-given");
    }

    #[test]
    fn only_web_urls_are_taken() {
        for url in ["ftp://x", "127.0.0.1:8080", "mailto:a@b", ""] {
            assert_eq!(Api::new(url, Some("pul-x".to_owned())).unwrap_err().code(), 2, "{url}");
        }
        assert!(
            is_loopback(&Url::parse("http://localhost:1").unwrap())
                && is_loopback(&Url::parse("http://[::1]:1").unwrap())
        );
        assert!(!is_loopback(&Url::parse("http://localhost.example.com").unwrap()));
    }
}
