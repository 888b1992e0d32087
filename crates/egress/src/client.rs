//! The client itself: checks the URL, sends, and reads no more than it may.

use crate::{
    EgressError, HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    address::refusal,
    allow::{AllowList, NameVerdict},
    link::{Asking, Body, Failed, Opener},
    pool::{Place, Pool},
    resolve::{Guard, Names, SystemNames},
    tls::{Chains, Thumbprint},
};
use bytes::Bytes;
use http::{header, uri::PathAndQuery};
use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use url::{Host, Position, Url};

/// Who we are.
const USER_AGENT: &str = concat!("pileus/", env!("CARGO_PKG_VERSION"));

/// What the operator configures.
#[derive(Debug, Clone)]
pub struct EgressConfig {
    /// Places that may be connected to although they are not public.
    pub allow: AllowList,
    /// Time for a whole request, from resolving the name to the last byte (10 s).
    pub timeout: Duration,
    /// Time for connecting, TLS included (5 s).
    pub connect_timeout: Duration,
    /// Longest answer, in bytes (1 MiB).
    pub max_bytes: usize,
    /// Certificate authorities (DER) that are trusted besides the system's.
    pub certificates: Vec<Vec<u8>>,
    /// Connections kept open per host when they are idle (2).
    pub idle_per_host: usize,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            allow: AllowList::default(),
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            max_bytes: 1 << 20,
            certificates: Vec::new(),
            idle_per_host: 2,
        }
    }
}

/// A request. Redirects are never followed, and the answer is read whole.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: String,
    /// Headers besides `Host` and `User-Agent`.
    pub headers: HeaderMap,
    /// The body, if any.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// A plain GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: Method::GET, url: url.into(), headers: HeaderMap::new(), body: None }
    }
    /// A POST of a form that is already encoded.
    pub fn form(url: impl Into<String>, body: String) -> Self {
        let request =
            Self { method: Method::POST, url: url.into(), headers: HeaderMap::new(), body: Some(body.into_bytes()) };
        request.header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
    }
    /// With this header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, at most `max_bytes` long.
    pub body: Bytes,
    /// The certificates by which the server proved itself, leaf first, without the trusted root; empty over plain http.
    pub chain: Vec<Thumbprint>,
}

/// A question to an [`Origin`].
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query, encoded as they are sent.
    pub path: String,
    /// Headers besides `Host` and `User-Agent`.
    pub headers: HeaderMap,
    /// The body; none if it is empty.
    pub body: Bytes,
    /// The longest time for it, if that is less than what is configured.
    pub within: Duration,
}

impl Call {
    fn written(self) -> Result<Asking, EgressError> {
        if !self.path.starts_with('/') {
            return Err(EgressError::Url("its path does not begin with a slash".into()));
        }
        let path = PathAndQuery::try_from(self.path).map_err(|e| EgressError::Url(e.to_string()))?;
        Ok(question(self.method, path, self.headers, self.body))
    }
}

/// The one client for outgoing requests. What it trusts is read at its first use, so that a server which never asks anybody
/// does not hold the system's certificates in memory.
#[derive(Debug)]
pub struct Egress {
    hands: Arc<Hands>,
}

/// A place that was checked as [`Egress::check`] does, for whoever asks there often. The addresses of its name are checked
/// whenever a connection is opened, as ever.
#[derive(Debug, Clone)]
pub struct Origin {
    hands: Arc<Hands>,
    place: Arc<Place>,
}

/// What is needed to ask.
struct Hands {
    config: EgressConfig,
    guard: Guard,
    chains: Arc<Chains>,
    opener: OnceLock<Result<Opener, String>>,
    pool: Arc<Pool>,
}

impl fmt::Debug for Hands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hands").field("config", &self.config).field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl Hands {
    fn opener(&self) -> Result<&Opener, EgressError> {
        let opener = self.opener.get_or_init(|| Opener::new(&self.config, self.guard.clone(), &self.chains));
        opener.as_ref().map_err(|why| EgressError::Connect(why.clone()))
    }

    /// Asks within this time, or what is configured.
    async fn ask(&self, place: &Place, request: Asking, within: Duration) -> Result<Response, EgressError> {
        let within = within.min(self.config.timeout);
        tokio::time::timeout(within, self.asked(place, request)).await.unwrap_or(Err(EgressError::Timeout))
    }

    async fn asked(&self, place: &Place, mut request: Asking) -> Result<Response, EgressError> {
        let headers = request.headers_mut();
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
        headers.entry(header::HOST).or_insert_with(|| place.header.clone());
        loop {
            let waiting = place.take();
            let used = waiting.is_some();
            let mut link = match waiting {
                Some(link) => link,
                // Rare, and long.
                None => Box::pin(self.opener()?.open(place)).await?,
            };
            match link.ask(request, self.config.max_bytes).await {
                Ok((parts, body)) => {
                    let (status, headers, chain) = (parts.status, parts.headers, link.chain.clone());
                    self.pool.put(place, link);
                    return Ok(Response { status, headers, body, chain });
                }
                // It was closed while it waited.
                Err(Failed::Unsent(again, _)) if used => request = again,
                Err(Failed::Unsent(_, error) | Failed::Broken(error)) => return Err(error),
            }
        }
    }
}

/// A question as it is sent.
fn question(method: Method, path: PathAndQuery, headers: HeaderMap, body: Bytes) -> Asking {
    let mut request = Box::new(http::Request::new(Body::from(body)));
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, path.into(), headers);
    request
}

impl Origin {
    /// The header `Host` of what is asked there.
    pub fn host(&self) -> &HeaderValue {
        &self.place.header
    }
    /// Sends a request and reads the answer, whatever its status.
    ///
    /// # Errors
    /// As [`Egress::request`].
    pub fn ask(&self, call: Call) -> impl Future<Output = Result<Response, EgressError>> + Send + use<'_> {
        let (within, asking) = (call.within, call.written());
        async move { self.hands.ask(&self.place, asking?, within).await }
    }
}

impl Egress {
    /// A client with this configuration.
    pub fn new(config: EgressConfig) -> Self {
        Self::with_names(config, Arc::new(SystemNames))
    }

    pub(crate) fn with_names(config: EgressConfig, names: Arc<dyn Names>) -> Self {
        let guard = Guard { allow: Arc::new(config.allow.clone()), names };
        let pool = Arc::new(Pool::new(config.idle_per_host));
        Self { hands: Arc::new(Hands { config, guard, chains: Arc::default(), opener: OnceLock::new(), pool }) }
    }

    /// Fetches a JSON document: any 2xx answer whose body parses.
    ///
    /// # Errors
    /// As [`Egress::request`], and for other statuses and bodies.
    pub async fn get_json(&self, url: &str) -> Result<serde_json::Value, EgressError> {
        self.get_json_with_chain(url).await.map(|(value, _)| value)
    }

    /// [`Egress::get_json`], with the certificates by which the server proved itself (see [`Response::chain`]).
    ///
    /// # Errors
    /// As [`Egress::get_json`].
    pub async fn get_json_with_chain(&self, url: &str) -> Result<(serde_json::Value, Vec<Thumbprint>), EgressError> {
        let accept = HeaderValue::from_static("application/json");
        let response = self.request(Request::get(url).header(header::ACCEPT, accept)).await?;
        if response.status.is_redirection() {
            return Err(EgressError::Redirect(response.status.as_u16()));
        }
        if !response.status.is_success() {
            return Err(EgressError::Status(response.status.as_u16()));
        }
        let value = serde_json::from_slice(&response.body).map_err(|e| EgressError::Json(e.to_string()))?;
        Ok((value, response.chain))
    }

    /// Sends a request and reads the answer, whatever its status.
    ///
    /// # Errors
    /// Where the place is refused, nobody answers in time, or the answer is too long.
    pub async fn request(&self, request: Request) -> Result<Response, EgressError> {
        let url = self.check(&request.url)?;
        let place = self.hands.pool.place(&url)?;
        let path = PathAndQuery::try_from(&url[Position::BeforePath..Position::AfterQuery]);
        let path = path.map_err(|e| EgressError::Url(e.to_string()))?;
        let asked = question(request.method, path, request.headers, request.body.unwrap_or_default().into());
        self.hands.ask(&place, asked, self.hands.config.timeout).await
    }

    /// The place of this URL (scheme, host and port), checked once for all that is asked there.
    ///
    /// # Errors
    /// As [`Egress::check`], and for a URL with more than that.
    pub fn origin(&self, url: &str) -> Result<Origin, EgressError> {
        let url = self.check(url)?;
        if !matches!(&url[Position::BeforePath..], "" | "/") {
            return Err(EgressError::Url("it has more than a scheme, a host and a port".into()));
        }
        Ok(Origin { hands: Arc::clone(&self.hands), place: self.hands.pool.place(&url)? })
    }

    /// Whether a request to this URL would be tried at all: its form, its scheme and what it names. Says nothing of the
    /// addresses that a name resolves to.
    ///
    /// # Errors
    /// [`EgressError::Url`] or [`EgressError::Refused`].
    pub fn check(&self, url: &str) -> Result<Url, EgressError> {
        let parsed = Url::parse(url).map_err(|e| EgressError::Url(e.to_string()))?;
        let tls = match parsed.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(EgressError::Url(format!("the scheme \"{other}\" is neither https nor http"))),
        };
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(EgressError::Url("it must not hold credentials".into()));
        }
        let port = parsed.port_or_known_default().unwrap_or(0);
        let refuse =
            |host: String, address, why: &str| Err(EgressError::Refused { host, address, why: why.to_owned() });
        let explicit = match parsed.host() {
            None => return Err(EgressError::Url("it names no host".into())),
            Some(Host::Domain(name)) => match self.hands.config.allow.name(name, port) {
                NameVerdict::OtherPort => {
                    return refuse(name.to_owned(), None, &format!("it is not allowed on port {port}"));
                }
                verdict => verdict == NameVerdict::Named,
            },
            Some(Host::Ipv4(ip)) => self.check_literal(IpAddr::V4(ip), port)?,
            Some(Host::Ipv6(ip)) => self.check_literal(IpAddr::V6(ip), port)?,
        };
        if !tls && !explicit {
            let host = parsed.host_str().unwrap_or_default().to_owned();
            return refuse(host, None, "plain http is only for hosts that the configuration allows by name or address");
        }
        Ok(parsed)
    }

    /// An address in the URL itself; tells whether the configuration allows it explicitly.
    fn check_literal(&self, ip: IpAddr, port: u16) -> Result<bool, EgressError> {
        if self.hands.config.allow.socket(ip, port) {
            return Ok(true);
        }
        match refusal(ip) {
            Some(why) => Err(EgressError::Refused { host: ip.to_string(), address: Some(ip), why: why.to_owned() }),
            None => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests;
