//! The one table from kinds of failure to statuses, and the form of every error.
//!
//! This room knows statuses and what may be shown of a failure. It must never know where the failure came from.

use crate::reply::{Reply, status_code};
use http::{HeaderValue, header};
use pileus_model::{Error, ErrorKind};

/// The status of each kind of failure.
pub const fn status(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::Invalid => 400,
        ErrorKind::Unauthenticated => 401,
        ErrorKind::Forbidden => 403,
        ErrorKind::NotFound => 404,
        ErrorKind::Conflict => 409,
        ErrorKind::TooLarge => 413,
        ErrorKind::RateLimited { .. } => 429,
        ErrorKind::Internal => 500,
        ErrorKind::NotServed => 501,
        ErrorKind::Unavailable => 503,
    }
}

/// The error as a reply: `{"code":404,"message":"…"}`. Its detail is not in it.
pub fn reply(error: &Error) -> Reply {
    let mut reply = plain(status(error.kind()), error.message());
    match error.kind() {
        ErrorKind::Unauthenticated => {
            reply.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("token"));
        }
        ErrorKind::RateLimited { retry_after } => {
            reply.headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after.max(1)));
        }
        _ => {}
    }
    reply
}

/// An error of this status with this message.
pub fn plain(status: u16, message: &str) -> Reply {
    let body = serde_json::json!({ "code": status, "message": message }).to_string();
    Reply::bytes(status_code(status).as_u16(), crate::reply::JSON, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(reply: &Reply) -> &str {
        reply.body.as_bytes().and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }

    #[test]
    fn every_kind_has_its_status_and_the_same_body() {
        let table = [
            (Error::invalid("m"), 400),
            (Error::unauthenticated("m"), 401),
            (Error::forbidden("m"), 403),
            (Error::not_found("m"), 404),
            (Error::conflict("m"), 409),
            (Error::too_large("m"), 413),
            (Error::rate_limited(7, "m"), 429),
            (Error::new(ErrorKind::NotServed, "m"), 501),
            (Error::unavailable("m"), 503),
        ];
        for (error, code) in table {
            let reply = reply(&error);
            assert_eq!(reply.status().as_u16(), code);
            assert_eq!(reply.headers()[header::CONTENT_TYPE], "application/json");
            assert_eq!(body(&reply), format!(r#"{{"code":{code},"message":"m"}}"#));
        }
    }

    #[test]
    fn internal_detail_is_not_shown() {
        let reply = reply(&Error::internal("the table is on fire"));
        assert_eq!(body(&reply), r#"{"code":500,"message":"internal error"}"#);
    }

    #[test]
    fn what_to_do_next_is_in_the_headers() {
        assert_eq!(reply(&Error::rate_limited(7, "m")).headers()[header::RETRY_AFTER], "7");
        assert_eq!(reply(&Error::rate_limited(0, "m")).headers()[header::RETRY_AFTER], "1");
        assert_eq!(reply(&Error::unauthenticated("m")).headers()[header::WWW_AUTHENTICATE], "token");
    }
}
