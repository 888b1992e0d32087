//! The way in of a body: read and inflated, each within its bound.
//!
//! This room knows encodings and limits. It must never know what the body means.

use crate::text;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use pileus_contract::RawBody;
use pileus_model::{Error, Result};
use std::{collections::HashSet, time::Duration};

/// What went wrong while a body arrived; said to nobody but the log.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// A request's body.
pub type Incoming = UnsyncBoxBody<Bytes, BodyError>;

/// What is still taken of a body that is too long, so that the client gets to read the answer.
const DRAINED: usize = 16 << 20;
/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Reads a body of at most `limit` bytes, before and after inflation, that arrives within `deadline`.
///
/// # Errors
/// `TooLarge`, or `Invalid` where it does not arrive or its encoding is unknown or broken.
pub(crate) async fn read(body: Incoming, headers: &HeaderMap, limit: usize, deadline: Duration) -> Result<Bytes> {
    let encoded = encoding(headers)?;
    let late = || Error::invalid(format!("the body did not arrive within {} s", deadline.as_secs()));
    let raw = tokio::time::timeout(deadline, collect(body, limit)).await.map_err(|_| late())??;
    if !encoded || raw.is_empty() {
        return Ok(raw);
    }
    let inflated = tokio::task::spawn_blocking(move || inflate(&raw, limit));
    inflated.await.map_err(|e| Error::internal(format!("inflating failed: {e}")))?
}

/// Whether the body is compressed.
fn encoding(headers: &HeaderMap) -> Result<bool> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(false) };
    match value.to_str().map(|v| v.trim().to_ascii_lowercase()).as_deref() {
        Ok("" | "identity") => Ok(false),
        Ok("gzip" | "x-gzip") => Ok(true),
        _ => Err(Error::invalid("the Content-Encoding is not supported: only gzip is")),
    }
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(part) = next(&mut body).await? {
        if first.len() + all.len() + part.len() > limit {
            drain(body).await;
            return Err(too_large(limit));
        }
        if first.is_empty() && all.is_empty() {
            first = part;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&part);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

async fn next(body: &mut Incoming) -> Result<Option<Bytes>> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| Error::invalid("the body broke off").with_detail(e.to_string()))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

async fn drain(mut body: Incoming) {
    let all = async {
        let mut taken = 0;
        while let Ok(Some(part)) = next(&mut body).await {
            taken += part.len();
            if taken > DRAINED {
                break;
            }
        }
    };
    // What is not taken in time is not missed: the answer is known.
    let _ = tokio::time::timeout(DRAIN_TIME, all).await;
}

fn inflate(raw: &[u8], limit: usize) -> Result<Bytes> {
    pileus_codec::gzip::inflate(raw, limit).map(Bytes::from)
}

fn too_large(limit: usize) -> Error {
    Error::too_large(format!("the body is too large: at most {limit} bytes are accepted"))
}

/// A form, or JSON where the content type does not say that it is a form.
///
/// # Errors
/// `Invalid` where it is neither, or a form has a field twice (RFC 6749 §3.2 forbids it).
pub(crate) fn form_or_json(body: &[u8], headers: &HeaderMap) -> Result<RawBody> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return RawBody::from_json(body);
    }
    let body = std::str::from_utf8(body).map_err(|_| Error::invalid("the form is not valid: it must be UTF-8"))?;
    let fields = text::pairs("form", body)?;
    let mut seen = HashSet::new();
    match fields.iter().find(|(name, _)| !seen.insert(name)) {
        Some((name, _)) => Err(Error::invalid(format!("the form has the field \"{name}\" twice"))),
        None => Ok(RawBody::Form(fields)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use futures_util::{StreamExt, stream};
    use http::HeaderValue;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use pileus_model::ErrorKind;

    const SECOND: Duration = Duration::from_secs(1);

    fn body(parts: &[&[u8]]) -> Incoming {
        let parts: Vec<_> = parts.iter().map(|p| Ok(Frame::data(Bytes::copy_from_slice(p)))).collect();
        StreamBody::new(stream::iter(parts)).boxed_unsync()
    }

    fn encoded(encoding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static(encoding))])
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = pileus_codec::gzip::GzipEncoder::new();
        encoder.write(text).unwrap();
        encoder.finish().unwrap().concat()
    }

    #[tokio::test]
    async fn a_body_arrives_in_parts() {
        let none = HeaderMap::new();
        assert_eq!(read(body(&[]), &none, 10, SECOND).await.unwrap(), "");
        assert_eq!(read(body(&[b"12", b"", b"345"]), &none, 5, SECOND).await.unwrap(), "12345");
        let error = read(body(&[b"12", b"345"]), &none, 4, SECOND).await.unwrap_err();
        assert_eq!(error, Error::too_large("the body is too large: at most 4 bytes are accepted"));
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive() {
        let never = StreamBody::new(stream::pending::<Result<Frame<Bytes>, BodyError>>()).boxed_unsync();
        let error = read(never, &HeaderMap::new(), 10, Duration::from_millis(10)).await.unwrap_err();
        assert_eq!(error.message(), "the body did not arrive within 0 s");
        let broken = stream::once(async { Err::<Frame<Bytes>, BodyError>("reset".into()) }).boxed();
        let error = read(StreamBody::new(broken).boxed_unsync(), &HeaderMap::new(), 10, SECOND).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, "the body broke off"));
    }

    #[tokio::test]
    async fn gzip_is_inflated_within_the_limit() {
        let small = gzip(b"{}");
        assert_eq!(read(body(&[&small]), &encoded("gzip"), 100, SECOND).await.unwrap(), "{}");
        assert_eq!(read(body(&[&small]), &encoded(" GZIP"), 100, SECOND).await.unwrap(), "{}");
        let bomb = gzip(&vec![b' '; 1 << 20]);
        let limit = bomb.len() + 1;
        assert!(limit < 1 << 16);
        let error = read(body(&[&bomb]), &encoded("gzip"), limit, SECOND).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        let error = read(body(&[b"{}"]), &encoded("gzip"), 100, SECOND).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }

    #[tokio::test]
    async fn other_encodings_are_refused() {
        for encoding in ["br", "deflate", "gzip, gzip"] {
            let error = read(body(&[b"{}"]), &encoded(encoding), 100, SECOND).await.unwrap_err();
            assert_eq!(error.message(), "the Content-Encoding is not supported: only gzip is", "{encoding}");
        }
        assert_eq!(read(body(&[b"{}"]), &encoded("identity"), 100, SECOND).await.unwrap(), "{}");
    }

    #[test]
    fn forms() {
        let form = |kind| HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
        let kind = form("Application/x-www-form-urlencoded; charset=utf-8");
        let RawBody::Form(fields) = form_or_json(b"scope=a+b&scopes=%26", &kind).unwrap() else { panic!("not a form") };
        assert_eq!(fields, [("scope", "a b"), ("scopes", "&")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert!(form_or_json(b"a=1&a=2", &kind).is_err());
        assert!(matches!(form_or_json(b"{}", &form("application/json")).unwrap(), RawBody::Json(_)));
        assert!(matches!(form_or_json(b"{}", &HeaderMap::new()).unwrap(), RawBody::Json(_)));
    }
}
