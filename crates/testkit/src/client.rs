//! A small client for tests: says what it sent when an answer is not the one expected.

use serde_json::Value;

/// A client of one server with one token.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    token: Option<String>,
    http: reqwest::Client,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as it came, not inflated.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of the server at `base` (`http://127.0.0.1:1234`), without a token.
    pub fn new(base: impl Into<String>) -> Self {
        Self { base: base.into(), token: None, http: http() }
    }
    /// The same client with a token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }
    /// The token.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }
    /// The server.
    pub fn base(&self) -> &str {
        &self.base
    }
    /// A request, to be completed by the caller; the token is already there.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.header("Authorization", format!("token {token}")),
            None => request,
        }
    }
    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }
    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }
    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body)).await
    }
    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body)).await
    }
    /// Any request.
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(body) = &body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let asked = format!("{method} {path} {}", body.map(|b| b.to_string()).unwrap_or_default());
        Answer::of(asked, request).await
    }
}

impl Answer {
    /// Sends the request and takes the whole answer.
    pub async fn of(asked: String, request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap_or_else(|e| panic!("{asked}: {e}"));
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await.unwrap_or_else(|e| panic!("{asked}: body: {e}")).to_vec();
        Self { asked, status, headers, body }
    }
    /// Fails unless the status is this one.
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} answered {}", self.asked, self.text());
        self
    }
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{}: {e}: {}", self.asked, self.text()))
    }
    /// Fails unless the answer is this status with the contract's error body; gives the message.
    #[track_caller]
    pub fn error(self, status: u16) -> String {
        let answer = self.expect(status);
        let body = answer.json();
        assert_eq!(body["code"], status, "{}: {body}", answer.asked);
        body["message"].as_str().unwrap_or_else(|| panic!("{}: no message: {body}", answer.asked)).to_owned()
    }
    /// A header, empty if absent.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    }
}

/// Bodies come as they were sent: nothing is inflated, no redirect is followed, no proxy is used.
#[expect(clippy::disallowed_methods, reason = "the tests' own client, which talks to the server under test only")]
fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
