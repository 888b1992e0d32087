//! What is seen of a request from outside: metrics by operation, a line in the log.
//!
//! This room knows paths, operations and statuses. It must never see a query, a body or credentials.

use http::{Method, StatusCode, Uri, request::Parts};
use pileus_model::{Error, ErrorKind, ids::RequestId};
use std::net::IpAddr;
use tokio::time::Instant;

/// Requests by operation and class of status.
const REQUESTS: &str = "pileus_http_requests_total";
/// Seconds until the reply's head, by operation.
const SECONDS: &str = "pileus_http_request_seconds";
/// Requests that are being answered, streams among them until their end.
const IN_FLIGHT: &str = "pileus_http_requests_in_flight";

/// What metrics name a request that led to no operation.
const NO_OPERATION: &str = "none";

/// Watches one request.
pub(crate) struct Watch {
    started: Instant,
    operation: &'static str,
    method: Method,
    uri: Uri,
    source: IpAddr,
    id: RequestId,
    in_flight: InFlight,
}

/// Counts as a request in flight until it is dropped.
pub(crate) struct InFlight(());

impl InFlight {
    fn new() -> Self {
        metrics::gauge!(IN_FLIGHT).increment(1.0);
        Self(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!(IN_FLIGHT).decrement(1.0);
    }
}

impl Watch {
    /// Begins to watch.
    pub fn start(head: &Parts, source: IpAddr, id: RequestId) -> Self {
        Self {
            started: Instant::now(),
            operation: NO_OPERATION,
            method: head.method.clone(),
            uri: head.uri.clone(),
            source,
            id,
            in_flight: InFlight::new(),
        }
    }
    /// The request leads to this operation.
    pub const fn operation(&mut self, id: &'static str) {
        self.operation = id;
    }
    /// It failed. What only the log should show is shown here and nowhere else.
    pub fn failed(&self, error: &Error) {
        let (id, operation, detail) = (self.id, self.operation, error.detail().unwrap_or_default());
        match error.kind() {
            ErrorKind::Internal => tracing::error!(request = %id, operation, detail, "internal error"),
            ErrorKind::Unavailable => tracing::warn!(request = %id, operation, detail, "{}", error.message()),
            _ => {}
        }
    }
    /// The reply is ready. What is returned counts as in flight until it is dropped.
    pub fn finish(self, status: StatusCode) -> InFlight {
        let took = self.started.elapsed();
        metrics::counter!(REQUESTS, "operation" => self.operation, "status" => class(status)).increment(1);
        metrics::histogram!(SECONDS, "operation" => self.operation).record(took.as_secs_f64());
        tracing::debug!(
            request = %self.id,
            source = %self.source,
            method = %self.method,
            path = self.uri.path(),
            operation = self.operation,
            status = status.as_u16(),
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
        self.in_flight
    }
}

const fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
