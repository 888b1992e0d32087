//! The client itself: checks the URL, sends, and reads no more than it may.

use crate::{
    EgressError, HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    address::refusal,
    allow::{AllowList, NameVerdict},
    resolve::{Guard, Names, SystemNames},
    tls::{self, Chains, Thumbprint},
};
use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use url::{Host, Url};

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
        request.header(reqwest::header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
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
    pub body: Vec<u8>,
    /// The certificates by which the server proved itself, leaf first, without the trusted root; empty over plain http.
    pub chain: Vec<Thumbprint>,
}

/// The one client for outgoing requests. It is built at its first use, so that a server which never asks anybody does not
/// hold the system's certificates in memory.
#[derive(Debug)]
pub struct Egress {
    config: EgressConfig,
    guard: Guard,
    chains: Arc<Chains>,
    client: OnceLock<Result<reqwest::Client, String>>,
}

impl Egress {
    /// A client with this configuration.
    pub fn new(config: EgressConfig) -> Self {
        Self::with_names(config, Arc::new(SystemNames))
    }

    pub(crate) fn with_names(config: EgressConfig, names: Arc<dyn Names>) -> Self {
        let guard = Guard { allow: Arc::new(config.allow.clone()), names };
        Self { config, guard, chains: Arc::default(), client: OnceLock::new() }
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
        let response = self.request(Request::get(url).header(reqwest::header::ACCEPT, accept)).await?;
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
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut builder = self.client()?.request(request.method, url).headers(request.headers);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let response = builder.send().await.map_err(convert)?;
        self.recheck(&host, response.remote_addr())?;
        let leaf = response.extensions().get::<reqwest::tls::TlsInfo>().and_then(|t| t.peer_certificate());
        let chain = leaf.map(|leaf| self.chains.of(leaf)).unwrap_or_default();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.read(response).await?;
        Ok(Response { status, headers, body, chain })
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
            Some(Host::Domain(name)) => match self.config.allow.name(name, port) {
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
        if self.config.allow.socket(ip, port) {
            return Ok(true);
        }
        match refusal(ip) {
            Some(why) => Err(EgressError::Refused { host: ip.to_string(), address: Some(ip), why: why.to_owned() }),
            None => Ok(false),
        }
    }

    /// The address that was really connected to, once more: no answer of a refused place is ever read.
    fn recheck(&self, host: &str, remote: Option<std::net::SocketAddr>) -> Result<(), EgressError> {
        let Some(remote) = remote else {
            return Err(EgressError::Broken("the address of the other end is not known".into()));
        };
        let allow = &self.config.allow;
        match refusal(remote.ip()) {
            Some(why) if !allow.named(host) && !allow.socket(remote.ip(), remote.port()) => {
                Err(EgressError::Refused { host: host.to_owned(), address: Some(remote.ip()), why: why.to_owned() })
            }
            _ => Ok(()),
        }
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Vec<u8>, EgressError> {
        let limit = self.config.max_bytes;
        let announced = response.content_length().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        if announced > limit {
            return Err(EgressError::TooLarge { limit });
        }
        let mut body = Vec::with_capacity(announced);
        while let Some(chunk) = response.chunk().await.map_err(convert)? {
            if body.len() + chunk.len() > limit {
                return Err(EgressError::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn client(&self) -> Result<&reqwest::Client, EgressError> {
        self.client.get_or_init(|| self.build()).as_ref().map_err(|why| EgressError::Connect(why.clone()))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where the client is built")]
    fn build(&self) -> Result<reqwest::Client, String> {
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(&self.config.certificates, Arc::clone(&self.chains))?)
            .tls_info(true)
            .dns_resolver(Arc::new(self.guard.clone()))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            .timeout(self.config.timeout)
            .connect_timeout(self.config.connect_timeout)
            .pool_max_idle_per_host(self.config.idle_per_host)
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("pileus/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| e.to_string())
    }
}

/// The client's error as ours: what the resolver said, if it was the resolver, else the innermost cause.
fn convert(error: reqwest::Error) -> EgressError {
    if error.is_timeout() {
        return EgressError::Timeout;
    }
    let mut cause: &(dyn std::error::Error + 'static) = &error;
    while let Some(next) = cause.source() {
        if let Some(ours) = next.downcast_ref::<EgressError>() {
            return ours.clone();
        }
        cause = next;
    }
    if error.is_connect() { EgressError::Connect(cause.to_string()) } else { EgressError::Broken(cause.to_string()) }
}

#[cfg(test)]
mod tests;
