//! Replies: what a handler may return, and the one form that leaves the house.
//!
//! This room knows statuses, headers and bodies. It must never know an operation, a caller or a rule.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use pileus_model::{Error, Result};
use serde::Serialize;
use std::{
    any::{Any, TypeId},
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// The content type of every JSON reply, errors among them.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A reply: status, headers, body.
#[derive(Debug)]
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

impl Reply {
    /// A reply without a body. It gets the operation's declared status where `status` is called later.
    pub fn empty(status: u16) -> Self {
        Self { status: status_code(status), headers: HeaderMap::new(), body: Body::empty() }
    }
    /// A value as JSON.
    ///
    /// # Errors
    /// `Internal` if the value cannot be written as JSON (a bug).
    pub fn json(status: u16, value: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_vec(value).map_err(|e| Error::internal(format!("a reply is not JSON: {e}")))?;
        Ok(Self::bytes(status, JSON, text))
    }
    /// These bytes, of this content type.
    pub fn bytes(status: u16, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        let mut reply = Self::empty(status);
        reply.headers.insert(header::CONTENT_TYPE, content_type);
        reply.body = Body::full(body.into());
        reply
    }
    /// A stream with status 200, written with back-pressure: the next part is asked for when the connection can take
    /// it. An error inside the stream cuts the connection, so that the client notices; a client that goes away drops
    /// the stream.
    pub fn stream(
        content_type: HeaderValue,
        headers: HeaderMap,
        stream: impl Stream<Item = Result<Bytes>> + Send + 'static,
    ) -> Self {
        let mut reply = Self { status: StatusCode::OK, headers, body: Body::stream(stream.boxed()) };
        reply.headers.insert(header::CONTENT_TYPE, content_type);
        reply
    }
    /// The same with this header.
    #[must_use]
    pub fn with_header(mut self, name: http::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
    /// Its status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }
    /// Its headers so far; the dispatcher adds those that every reply has.
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

/// What a handler may return beside an error: a wire struct (JSON with the declared status), `()` (the declared status
/// and no body) or a [`Reply`].
pub trait IntoReply: Send + 'static {
    /// As a reply; `status` is the declared one.
    ///
    /// # Errors
    /// `Internal` if the value cannot be written as JSON (a bug).
    fn into_reply(self, status: u16) -> Result<Reply>;
}

impl<T: Serialize + Any + Send> IntoReply for T {
    fn into_reply(self, status: u16) -> Result<Reply> {
        if TypeId::of::<T>() == TypeId::of::<()>() {
            return Ok(Reply::empty(status));
        }
        Reply::json(status, &self)
    }
}

impl IntoReply for Reply {
    fn into_reply(self, _: u16) -> Result<Reply> {
        Ok(self)
    }
}

/// The body of a reply.
pub struct Body {
    content: Content,
    /// Dropped when the body has been written or given up.
    guard: Option<Box<dyn Any + Send>>,
}

enum Content {
    Full(Bytes),
    Stream(BoxStream<'static, Result<Bytes>>),
}

impl Body {
    /// No body.
    pub const fn empty() -> Self {
        Self::full(Bytes::new())
    }
    /// These bytes.
    pub const fn full(bytes: Bytes) -> Self {
        Self { content: Content::Full(bytes), guard: None }
    }
    fn stream(stream: BoxStream<'static, Result<Bytes>>) -> Self {
        Self { content: Content::Stream(stream), guard: None }
    }
    /// The bytes, where they are all there.
    pub(crate) const fn as_bytes(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Full(bytes) => Some(bytes),
            Content::Stream(_) => None,
        }
    }
    /// Keeps this until the body has been written or given up.
    pub(crate) fn guard(&mut self, guard: impl Any + Send) {
        self.guard = Some(Box::new(guard));
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Content::Full(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Content::Stream(_) => f.write_str("Body(stream)"),
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        match &mut self.content {
            Content::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Stream(stream) => stream.poll_next_unpin(cx).map(|part| {
                part.map(|part| {
                    part.map(Frame::data).inspect_err(|e| tracing::error!(error = %e, "a streamed reply was cut"))
                })
            }),
        }
    }
    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Full(bytes) if bytes.is_empty())
    }
    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Stream(_) => SizeHint::default(),
        }
    }
}

/// The status with this number; 500 for what is none.
pub(crate) fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Team {
        name: &'static str,
    }

    #[test]
    fn a_struct_is_json_with_the_declared_status() -> Result<()> {
        let reply = Team { name: "ops" }.into_reply(201)?;
        assert_eq!(reply.status(), StatusCode::CREATED);
        assert_eq!(reply.headers()[header::CONTENT_TYPE], "application/json");
        assert_eq!(reply.body.as_bytes().map(|b| &b[..]), Some(&br#"{"name":"ops"}"#[..]));
        Ok(())
    }

    #[test]
    fn unit_has_no_body() -> Result<()> {
        let reply = ().into_reply(204)?;
        assert_eq!(reply.status(), StatusCode::NO_CONTENT);
        assert!(reply.headers().is_empty());
        assert!(reply.body.is_end_stream());
        Ok(())
    }

    #[test]
    fn a_reply_stays_what_it_is() -> Result<()> {
        let reply = Reply::empty(418).into_reply(200)?;
        assert_eq!(reply.status().as_u16(), 418);
        Ok(())
    }
}
