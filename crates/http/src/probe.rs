//! `/metrics`: for the machine itself, or with a site admin's token.
//!
//! It is no operation of the contract, since what it shows is meant for Prometheus and not for clients.

use crate::{
    Reply,
    dispatch::{Call, Inner},
    errors,
};
use http::{HeaderValue, Method, header};
use pileus_model::{Error, Result};
use std::borrow::Cow;

const PATH: &str = "/metrics";
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");
const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// The reply to a request for the metrics; `None` if this is none, or there are none.
pub(crate) async fn metrics(inner: &Inner, call: &Call) -> Option<Result<Reply>> {
    let text = inner.config.metrics.as_ref().filter(|_| call.head.uri.path() == PATH)?;
    if !matches!(call.head.method, Method::GET | Method::HEAD) {
        return Some(Ok(
            errors::plain(405, "this path has other methods: GET, HEAD").with_header(header::ALLOW, METHODS)
        ));
    }
    Some(admit(inner, call).await.map(|()| Reply::bytes(200, PROMETHEUS, text())))
}

/// The real peer counts, and a proxy on this machine asks for somebody else.
async fn admit(inner: &Inner, call: &Call) -> Result<()> {
    if call.peer.is_loopback() && call.source.is_loopback() && !call.head.headers.contains_key("x-forwarded-for") {
        return Ok(());
    }
    let request = call.request_info(Cow::Borrowed("GetMetrics"));
    if inner.login(call, None, &request).await?.caller.is_site_admin() {
        return Ok(());
    }
    Err(Error::forbidden("this needs a personal access token of a site admin"))
}
