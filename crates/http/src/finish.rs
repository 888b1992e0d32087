//! The way out of a reply: the headers that every reply has, compression, what `HEAD` leaves away.
//!
//! This room knows replies as such. It must never know what is in them.

use crate::{Body, Reply, watch::Watch};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use pileus_codec::gzip::GzipEncoder;
use pileus_model::{Result, ids::RequestId};

/// The header that names the request in replies, logs and audit events.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-pulumi-request-id");
/// JSON of up to so many bytes is not worth compressing.
const COMPRESS_FROM: usize = 1024;

/// What of the request shapes every reply to it.
pub(crate) struct Outgoing {
    id: RequestId,
    head_only: bool,
    gzip: bool,
}

impl Outgoing {
    /// For replies to this request.
    pub fn of(id: RequestId, head: &Parts) -> Self {
        Self { id, head_only: head.method == Method::HEAD, gzip: accepts_gzip(&head.headers) }
    }
    /// The reply as it leaves.
    pub fn finish(&self, mut reply: Reply, watch: Watch) -> Response<Body> {
        if self.gzip && is_worth_compressing(&reply) {
            // What cannot be compressed leaves as it is.
            compress(&mut reply).unwrap_or_else(|error| watch.failed(&error));
        }
        if self.head_only {
            keep_head(&mut reply);
        }
        if reply.status == StatusCode::NO_CONTENT {
            reply.body = Body::empty();
        }
        if let Ok(id) = HeaderValue::from_str(&self.id.to_string()) {
            reply.headers.insert(REQUEST_ID, id);
        }
        reply.headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        reply.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        reply.body.guard(watch.finish(reply.status));
        let mut response = Response::new(reply.body);
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }
}

/// Whether the client takes gzip: the coding is named, or `*` is, with a weight other than 0.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    let mut any = false;
    for coding in codings.flat_map(|line| line.split(',')) {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        let wanted = weight.is_ok_and(|q| q > 0.0);
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => return wanted,
            "*" => any = wanted,
            _ => {}
        }
    }
    any
}

fn is_worth_compressing(reply: &Reply) -> bool {
    let is_json =
        reply.headers.get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"application/json"));
    let is_long = reply.body.as_bytes().is_some_and(|b| b.len() > COMPRESS_FROM);
    is_json && is_long && !reply.headers.contains_key(header::CONTENT_ENCODING)
}

/// Compresses the body, quickly rather than well: replies are made once and read once.
fn compress(reply: &mut Reply) -> Result<()> {
    let Some(bytes) = reply.body.as_bytes() else { return Ok(()) };
    let mut encoder = GzipEncoder::new();
    encoder.write(bytes)?;
    reply.body = Body::full(Bytes::from(encoder.finish()?.concat()));
    reply.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    reply.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    Ok(())
}

/// Leaves the body away and says how long it would have been, where that is known.
fn keep_head(reply: &mut Reply) {
    if let Some(bytes) = reply.body.as_bytes().filter(|b| !b.is_empty()) {
        reply.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
    reply.body = Body::empty();
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn accepts(lines: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap());
        }
        accepts_gzip(&headers)
    }

    #[test]
    fn who_takes_gzip() {
        assert!(accepts(&["gzip"]));
        assert!(accepts(&["br;q=1.0, GZIP;q=0.5"]));
        assert!(accepts(&["br", "gzip"]));
        assert!(accepts(&["*"]));
        assert!(!accepts(&[]));
        assert!(!accepts(&["br, deflate"]));
        assert!(!accepts(&["gzip;q=0, *"]));
        assert!(!accepts(&["*;q=0"]));
        assert!(!accepts(&["gzip;q=many"]));
    }

    #[test]
    fn head_keeps_the_length() {
        let mut reply = Reply::bytes(200, crate::reply::JSON, "12345");
        keep_head(&mut reply);
        assert_eq!(reply.headers()[header::CONTENT_LENGTH], "5");
        assert!(reply.body.as_bytes().unwrap().is_empty());
    }
}
