//! The one dispatcher: what happens to every request, in this order.
//!
//! Request id, source address, route, credentials and organisation, rate, access; only then the body, its decoding, the
//! handler under its deadline, and the reply. It knows declarations; it must never know what an operation means.

use crate::{
    Body, HttpConfig, Reply, errors, finish,
    gate::{self, ORGANIZATION, PathParams, param},
    intake::{self, BodyError, Incoming},
    limits::Limiter,
    origin, probe,
    routes::{Endpoint, Found, Route, Routes},
    text,
    watch::Watch,
};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header, request::Parts};
use http_body_util::BodyExt;
use pileus_contract::{BodyKind, Operation, RateClass, RawArgs, RawBody};
use pileus_model::{
    Error, ErrorKind, Result,
    audit::RequestInfo,
    ids::{RequestId, TokenId},
};
use pileus_service::{
    App, Cx,
    auth::{self, Authenticated},
};
use std::{
    borrow::Cow,
    future::Future,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
};

/// The whole API as one service. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

pub(crate) struct Inner {
    pub app: Arc<App>,
    pub config: HttpConfig,
    routes: Routes,
    per_token: Limiter<(TokenId, RateClass)>,
    public: Limiter<IpAddr>,
    failed_logins: Limiter<IpAddr>,
}

/// What is known of a request before its operation is.
pub(crate) struct Call {
    pub id: RequestId,
    pub head: Parts,
    /// The address at the other end of the connection.
    pub peer: IpAddr,
    /// The address that the request comes from, behind trusted proxies.
    pub source: IpAddr,
}

impl Service {
    /// The service over these parts.
    pub(crate) fn new(app: Arc<App>, config: HttpConfig, routes: Routes) -> Self {
        const SECOND: i64 = 1_000_000;
        let rates = &config.rates;
        Self(Arc::new(Inner {
            per_token: Limiter::new(rates.per_token, SECOND, rates.per_token),
            public: Limiter::new(rates.public_per_address, SECOND, rates.public_per_address),
            failed_logins: Limiter::new(rates.failed_logins_per_minute, 60 * SECOND, rates.failed_logins_burst),
            app,
            config,
            routes,
        }))
    }
    /// What it was configured with.
    pub fn config(&self) -> &HttpConfig {
        &self.0.config
    }
    /// Answers one request that came over a connection from `peer`. Never fails, and never panics where a handler does.
    pub async fn handle<B>(&self, request: Request<B>, peer: SocketAddr) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    {
        let (head, body) = request.into_parts();
        let body = (!body.is_end_stream()).then(|| body.map_err(Into::into).boxed_unsync());
        self.0.handle(head, body, peer.ip()).await
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Inner {
    async fn handle(&self, head: Parts, body: Option<Incoming>, peer: IpAddr) -> Response<Body> {
        let id = RequestId::new(&*self.app.clock, &*self.app.entropy);
        let source = origin::source(peer, &head.headers, &self.config.trusted_proxies);
        let outgoing = finish::Outgoing::of(id, &head);
        let mut watch = Watch::start(&head, source, id);
        let call = Call { id, head, peer: peer.to_canonical(), source };
        let outcome = AssertUnwindSafe(self.answer(call, body, &mut watch)).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|_| Err(Error::internal("a handler panicked")));
        let reply = outcome.unwrap_or_else(|error| {
            watch.failed(&error);
            errors::reply(&error)
        });
        outgoing.finish(reply, watch)
    }

    async fn answer(&self, call: Call, body: Option<Incoming>, watch: &mut Watch) -> Result<Reply> {
        if let Some(reply) = probe::metrics(self, &call).await {
            return reply;
        }
        if !self.config.serves {
            return Err(Error::unavailable("this node answers no requests: its only role is work"));
        }
        let (route, params) = match self.routes.find(&call.head.method, call.head.uri.path())? {
            Found::Operation(route, params) => (route, params),
            Found::OtherMethods(allow) => return Ok(other_methods(allow)),
            Found::Nothing => return Err(Error::not_found("no operation has this path")),
        };
        watch.operation(route.operation.id);
        let endpoint = route.endpoint.as_ref().ok_or_else(|| not_served(route.operation))?;
        let cx = self.in_time(self.enter(&call, route, endpoint, &params)).await?;
        let organization = cx.org.is_some().then(|| gate::for_denial(&cx));
        let result = match self.in_time(endpoint.gate.admit(&cx, &params)).await {
            Ok(()) => self.run(&call, body, endpoint, cx, params.clone()).await,
            Err(refused) => Err(refused),
        };
        if let (Some(cx), Err(error)) = (&organization, &result) {
            endpoint.gate.record_refusal(cx, &params, error);
        }
        if endpoint.served.rate == RateClass::Login && result.as_ref().is_err_and(is_failed_login) {
            self.failed_logins.punish(network(call.source), self.app.clock.now());
        }
        result
    }

    /// The caller and his organisation, within his rate.
    async fn enter(&self, call: &Call, route: &Route, endpoint: &Endpoint, params: &PathParams) -> Result<Cx> {
        let request = call.request_info(Cow::Borrowed(route.operation.id));
        let (source, now) = (network(call.source), self.app.clock.now());
        let mut cx = Cx { app: Arc::clone(&self.app), request, caller: None, org: None };
        if endpoint.served.rate == RateClass::Login {
            self.failed_logins.peek(&source, now).map_err(too_many_logins)?;
        }
        if endpoint.gate.is_public() {
            self.public
                .take(source, now)
                .map_err(|wait| Error::rate_limited(wait, "too many requests from this address"))?;
            return Ok(cx);
        }
        let name = param(params, ORGANIZATION);
        let authenticated = self.login(call, name, &cx.request).await?;
        let key = (authenticated.caller.token, endpoint.served.rate);
        self.per_token.take(key, now).map_err(|wait| Error::rate_limited(wait, "too many requests with this token"))?;
        if name.is_some() && authenticated.access.is_none() {
            return Err(Error::not_found("organization not found"));
        }
        cx.caller = Some(authenticated.caller);
        cx.org = authenticated.access;
        Ok(cx)
    }

    /// Authenticates, unless too many logins from the same address have failed lately.
    pub async fn login(&self, call: &Call, organization: Option<&str>, request: &RequestInfo) -> Result<Authenticated> {
        let presented = gate::presented(&call.head.headers)?;
        let source = network(call.source);
        self.failed_logins.peek(&source, self.app.clock.now()).map_err(too_many_logins)?;
        let result = auth::authenticate_and_access(&self.app, presented.expose(), organization, request).await;
        if result.as_ref().is_err_and(is_failed_login) {
            self.failed_logins.punish(source, self.app.clock.now());
        }
        result
    }

    /// Reads and decodes what the operation takes, and runs its handler under the deadline.
    async fn run(
        &self,
        call: &Call,
        body: Option<Incoming>,
        endpoint: &Endpoint,
        cx: Cx,
        params: PathParams,
    ) -> Result<Reply> {
        let args = self.args(call, body, endpoint, params).await?;
        let running = (endpoint.handler)(cx, args, endpoint.served.status)?;
        let running = if call.changes() { detached(running) } else { running };
        if endpoint.served.rate == RateClass::Export { running.await } else { self.in_time(running).await }
    }

    /// What this comes to, if it does so before the deadline.
    async fn in_time<T>(&self, running: impl Future<Output = Result<T>>) -> Result<T> {
        let late = |_| Error::unavailable(format!("this took longer than {} s", self.config.deadline.as_secs()));
        tokio::time::timeout(self.config.deadline, running).await.map_err(late)?
    }

    async fn args(
        &self,
        call: &Call,
        body: Option<Incoming>,
        endpoint: &Endpoint,
        path: PathParams,
    ) -> Result<RawArgs> {
        let query = text::pairs("query", call.head.uri.query().unwrap_or_default())?;
        let headers = &call.head.headers;
        let body = match (endpoint.served.body, body) {
            (BodyKind::None, _) | (_, None) => RawBody::None,
            (kind, Some(body)) => {
                let bytes = intake::read(body, headers, self.config.body_limit, self.config.deadline).await?;
                match kind {
                    BodyKind::FormOrJson => intake::form_or_json(&bytes, headers)?,
                    BodyKind::Text => RawBody::from_text(&bytes)?,
                    _ => RawBody::from_json(&bytes)?,
                }
            }
        };
        let path = path.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(RawArgs { path, query, headers: argument_headers(headers), body })
    }
}

impl Call {
    /// What is recorded of this request.
    pub fn request_info(&self, operation: Cow<'static, str>) -> RequestInfo {
        let user_agent = origin::user_agent(&self.head.headers);
        RequestInfo {
            id: Some(self.id),
            operation,
            source_ip: Some(self.source),
            cli_command: origin::cli_command(&user_agent),
            user_agent,
        }
    }
    /// Whether the method may change something.
    fn changes(&self) -> bool {
        !matches!(self.head.method, Method::GET | Method::HEAD)
    }
}

/// The headers that handlers may take as arguments.
const ARGUMENTS: [&str; 3] = ["accept", "etag", "if-match"];

/// Those of them that the request has; several of one name are one, with commas between.
fn argument_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in ARGUMENTS {
        let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        if !values.is_empty() {
            found.push((name.to_owned(), values.join(", ")));
        }
    }
    found
}

/// Runs to its end even if the client goes away or the deadline passes, so that no change is left in its middle.
fn detached(running: BoxFuture<'static, Result<Reply>>) -> BoxFuture<'static, Result<Reply>> {
    let task = tokio::spawn(running);
    async move { task.await.unwrap_or_else(|e| Err(Error::internal(format!("a handler ended badly: {e}")))) }.boxed()
}

fn is_failed_login(error: &Error) -> bool {
    error.kind() == ErrorKind::Unauthenticated
}

fn too_many_logins(wait: u64) -> Error {
    Error::rate_limited(wait, "too many failed logins from this address")
}

fn other_methods(allow: &HeaderValue) -> Reply {
    errors::plain(405, &format!("this path has other methods: {}", allow.to_str().unwrap_or_default()))
        .with_header(header::ALLOW, allow.clone())
}

fn not_served(operation: &Operation) -> Error {
    if operation.absent {
        return Error::not_found(format!(
            "nothing here: operation {} is not served by this installation",
            operation.id
        ));
    }
    Error::new(ErrorKind::NotServed, format!("operation {} is not served by this installation", operation.id))
}

/// What counts as one address: a version 6 network of 64 bits, since that is what one host has.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn one_host_is_one_address() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("203.0.113.7"), "203.0.113.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
