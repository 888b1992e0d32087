//! One connection: opened where it may be, asked one question at a time.
//!
//! This room knows sockets, TLS and HTTP/1. It must never know which of them waits for whom.

use crate::{
    EgressConfig, EgressError,
    address::refusal,
    allow::AllowList,
    pool::Place,
    resolve::Guard,
    tls::{self, Chains, Thumbprint},
};
use bytes::Bytes;
use http::{Request, Response, response::Parts};
use http_body::Body as _;
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::pki_types::ServerName;
use std::{
    future::{Future as _, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tower_service::Service as _;

/// A question's body.
pub(crate) type Body = Full<Bytes>;
/// A question. It is large, and handed on through several futures, each of which would have room for it.
pub(crate) type Asking = Box<Request<Body>>;
/// How often the other end is asked whether it is still there while nothing comes, and for how long it may be silent then.
const ALIVE: Duration = Duration::from_secs(15);
const SILENT: Duration = Duration::from_secs(30);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens connections.
pub(crate) struct Opener {
    http: HttpConnector<Guard>,
    tls: TlsConnector,
    chains: Arc<Chains>,
    allow: Arc<AllowList>,
    within: Duration,
}

impl Opener {
    /// As it is configured.
    #[expect(clippy::disallowed_methods, reason = "the one place where connections are opened")]
    pub(crate) fn new(config: &EgressConfig, guard: Guard, chains: &Arc<Chains>) -> Result<Self, String> {
        let tls = tls::config(&config.certificates, Arc::clone(chains))?;
        let allow = Arc::clone(&guard.allow);
        let mut http = HttpConnector::new_with_resolver(guard);
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(config.connect_timeout));
        http.set_keepalive(Some(ALIVE));
        http.set_keepalive_interval(Some(ALIVE));
        http.set_keepalive_retries(Some(3));
        #[cfg(target_os = "linux")]
        http.set_tcp_user_timeout(Some(SILENT));
        let (chains, within) = (Arc::clone(chains), config.connect_timeout);
        Ok(Self { http, tls: TlsConnector::from(Arc::new(tls)), chains, allow, within })
    }

    /// A connection to a place whose URL was checked.
    pub(crate) async fn open(&self, place: &Place) -> Result<Box<Link>, EgressError> {
        tokio::time::timeout(self.within, self.opened(place)).await.unwrap_or(Err(EgressError::Timeout))
    }

    async fn opened(&self, place: &Place) -> Result<Box<Link>, EgressError> {
        let connected = self.http.clone().call(place.uri.clone()).await;
        let tcp = connected.map_err(|e| told(&e, EgressError::Connect))?.into_inner();
        self.recheck(&place.host, tcp.peer_addr().ok())?;
        let mut chain = Vec::new();
        let stream: Box<dyn Stream> = if place.tls {
            let name = place.host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let name = ServerName::try_from(name).map_err(|e| EgressError::Connect(e.to_string()))?;
            let tls = self.tls.connect(name, tcp).await.map_err(|e| told(&e, EgressError::Connect))?;
            let leaf = tls.get_ref().1.peer_certificates().and_then(|sent| sent.first());
            chain = leaf.map(|leaf| self.chains.of(leaf)).unwrap_or_default();
            Box::new(tls)
        } else {
            Box::new(tcp)
        };
        let hands = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = hands.map_err(|e| told(&e, EgressError::Connect))?;
        Ok(Box::new(Link { sender, connection: Some(connection), chain }))
    }

    /// The address that was really connected to, once more, before a byte is sent to it.
    pub(crate) fn recheck(&self, host: &str, remote: Option<SocketAddr>) -> Result<(), EgressError> {
        let Some(remote) = remote else {
            return Err(EgressError::Broken("the address of the other end is not known".into()));
        };
        match refusal(remote.ip()) {
            Some(why) if !self.allow.named(host) && !self.allow.socket(remote.ip(), remote.port()) => {
                Err(EgressError::Refused { host: host.to_owned(), address: Some(remote.ip()), why: why.to_owned() })
            }
            _ => Ok(()),
        }
    }
}

/// A connection. It only lives while somebody asks: whoever does drives it.
pub(crate) struct Link {
    sender: SendRequest<Body>,
    /// `None` once it has ended.
    connection: Option<http1::Connection<TokioIo<Box<dyn Stream>>, Body>>,
    /// The certificates by which the server proved itself.
    pub(crate) chain: Vec<Thumbprint>,
}

/// Why there is no answer.
pub(crate) enum Failed {
    /// The connection was closed before the question was sent: it may be put to another.
    Unsent(Asking, EgressError),
    /// Anything else.
    Broken(EgressError),
}

impl Link {
    fn drive(&mut self, cx: &mut Context<'_>) {
        // How it ended is told to whoever waits for the answer or the body; what was not sent comes back when it is dropped.
        if self.connection.as_mut().is_some_and(|connection| Pin::new(connection).poll(cx).is_ready()) {
            self.connection = None;
        }
    }

    /// Asks, and reads the answer whole if it is no longer than `limit`.
    pub(crate) async fn ask(&mut self, request: Asking, limit: usize) -> Result<(Parts, Bytes), Failed> {
        let (parts, body) = self.answer(request).await?.into_parts();
        let body = self.read(body, limit).await.map_err(Failed::Broken)?;
        Ok((parts, body))
    }

    async fn answer(&mut self, request: Asking) -> Result<Response<Incoming>, Failed> {
        let mut sent = pin!(self.sender.try_send_request(*request));
        let answered = poll_fn(|cx| {
            self.drive(cx);
            sent.as_mut().poll(cx)
        });
        answered.await.map_err(|mut error| {
            let unsent = error.take_message();
            let why = told(&error.into_error(), EgressError::Broken);
            unsent.map_or(Failed::Broken(why.clone()), |request| Failed::Unsent(Box::new(request), why))
        })
    }

    /// A body that comes in one piece, as short ones do, is not copied.
    async fn read(&mut self, mut body: Incoming, limit: usize) -> Result<Bytes, EgressError> {
        let announced = body.size_hint().exact().map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
        if announced > limit {
            return Err(EgressError::TooLarge { limit });
        }
        let (mut first, mut whole) = (Bytes::new(), Vec::new());
        while !body.is_end_stream() {
            let frame = poll_fn(|cx| {
                // The body says first that it wants more: the connection then has it ready at once if it is there.
                match Pin::new(&mut body).poll_frame(cx) {
                    Poll::Pending => {
                        self.drive(cx);
                        Pin::new(&mut body).poll_frame(cx)
                    }
                    ready => ready,
                }
            });
            let Some(frame) = frame.await else { break };
            let Ok(chunk) = frame.map_err(|e| told(&e, EgressError::Broken))?.into_data() else { continue };
            if first.len() + whole.len() + chunk.len() > limit {
                return Err(EgressError::TooLarge { limit });
            }
            if first.is_empty() && whole.is_empty() {
                first = chunk;
                continue;
            }
            if whole.is_empty() {
                whole.reserve_exact(announced.max(first.len() + chunk.len()));
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(if whole.is_empty() { first } else { whole.into() })
    }

    /// Whether it may be asked again. Nobody is woken by it any more.
    pub(crate) fn rest(&mut self) -> bool {
        if !self.sender.is_ready() {
            self.drive(&mut Context::from_waker(Waker::noop()));
        }
        self.connection.is_some() && self.sender.is_ready()
    }
}

/// The client's error as ours: what the resolver said, if it was the resolver, else the innermost cause.
fn told(error: &(dyn std::error::Error + 'static), otherwise: fn(String) -> EgressError) -> EgressError {
    let mut cause = error;
    loop {
        if let Some(ours) = cause.downcast_ref::<EgressError>() {
            return ours.clone();
        }
        if cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::TimedOut) {
            return EgressError::Timeout;
        }
        match cause.source() {
            Some(next) => cause = next,
            None => return otherwise(cause.to_string()),
        }
    }
}
