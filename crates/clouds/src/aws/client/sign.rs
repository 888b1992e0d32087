//! Signatures, version 4.
//!
//! This room knows credentials and how a request is signed. It must never know who answers.
//!
//! Keys and signatures are aws-sigv4's; what is signed is written here, so that a key is derived once a day and not for each request
//! (ADR 12). The rules are those of "Create a signed AWS API request" (IAM User Guide); the tests hold them against aws-sigv4's own.

use crate::{
    CloudError,
    aws::{COMPONENT, Credentials, PATH, protocol::Wire},
};
use aws_lc_rs::digest::{SHA256, digest};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use jiff::{Timestamp, tz::Offset};
use percent_encoding::{percent_decode_str, percent_encode, utf8_percent_encode};
use pileus_egress::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};
use pileus_model::Secret;
use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

const DAY: i64 = 86_400;
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Signs what is sent to one service in one region.
#[derive(Debug)]
pub(crate) struct Signer {
    credentials: Credentials,
    region: String,
    service: String,
    /// As it is sent.
    host: HeaderValue,
    /// Whether the body's hash is sent besides being signed: S3 wants it, and with the REST protocols nobody then has to guess what the
    /// body of a GET is.
    hash: bool,
    daily: Mutex<Option<Arc<Daily>>>,
}

/// The key of a day.
#[derive(Debug)]
struct Daily {
    /// Days since 1970.
    day: i64,
    /// What it is for: `20150830/us-east-1/s3/aws4_request`.
    scope: String,
    key: Secret<Vec<u8>>,
}

impl Signer {
    /// With these credentials; `None` if there is nothing to sign with.
    pub(crate) fn new(
        credentials: &Credentials,
        (region, service): (&str, &str),
        host: HeaderValue,
        hash: bool,
    ) -> Option<Self> {
        if credentials.is_none() {
            return None;
        }
        let (credentials, region, service) = (credentials.clone(), region.to_owned(), service.to_owned());
        Some(Self { credentials, region, service, host, hash, daily: Mutex::default() })
    }

    /// Adds the headers that a request gets besides its own, at this time in seconds since 1970.
    ///
    /// # Errors
    /// [`CloudError::Setting`] for credentials that cannot be put into headers.
    pub(crate) fn sign(&self, wire: &Wire, now: i64, headers: &mut HeaderMap) -> Result<(), CloudError> {
        let (now, body) = (now.max(0), hashed(&wire.body));
        let time = written(now)?;
        headers.insert(HOST, self.host.clone());
        headers.insert(DATE, value(&DATE, time.as_str())?);
        if self.hash {
            headers.insert(HASH, value(&HASH, body.as_str())?);
        }
        if let Some(token) = &self.credentials.session_token {
            headers.insert(TOKEN, secret(&TOKEN, token.expose().as_str())?);
        }
        let (daily, id) = (self.daily(now, &time), &self.credentials.access_key_id);
        let (request, signed) = self.canonical(wire, headers, &body);
        let text = ["AWS4-HMAC-SHA256\n", &time, "\n", &daily.scope, "\n", &hashed(request.as_bytes())].concat();
        let signature = calculate_signature(daily.key.expose(), text.as_bytes());
        let scope = &daily.scope;
        let all =
            ["AWS4-HMAC-SHA256 Credential=", id, "/", scope, ", SignedHeaders=", &signed, ", Signature=", &signature];
        headers.insert(AUTHORIZATION, secret(&AUTHORIZATION, all.concat())?);
        Ok(())
    }

    /// The key for this time, which is written as this.
    fn daily(&self, now: i64, written: &str) -> Arc<Daily> {
        let day = now / DAY;
        let mut daily = self.daily.lock().unwrap_or_else(PoisonError::into_inner);
        match &*daily {
            Some(daily) if daily.day == day => Arc::clone(daily),
            _ => {
                let time = SystemTime::UNIX_EPOCH + Duration::from_secs(now.unsigned_abs());
                let secret = self.credentials.secret_access_key.expose();
                let key = generate_signing_key(secret, time, &self.region, &self.service).as_ref().to_vec();
                let date = written.split('T').next().unwrap_or_default();
                let scope = [date, "/", &self.region, "/", &self.service, "/aws4_request"].concat();
                Arc::clone(daily.insert(Arc::new(Daily { day, scope, key: Secret::new(key) })))
            }
        }
    }

    /// The canonical request, and the names of the headers in it: all that it has.
    fn canonical(&self, wire: &Wire, headers: &HeaderMap, body: &str) -> (String, String) {
        let (path, query) = wire.path.split_once('?').unwrap_or((&wire.path, ""));
        let mut text = String::with_capacity(512);
        text.extend([wire.method.as_str(), "\n"]);
        // S3 signs a path as it is sent; all others make it plain and encode it once more.
        if self.service == "s3" {
            text.push_str(path);
        } else {
            text.extend(utf8_percent_encode(&plain(path), PATH));
        }
        text.push('\n');
        parameters(query, &mut text);
        text.push('\n');
        let mut all: Vec<(&str, &HeaderValue)> = headers.iter().map(|(name, value)| (name.as_str(), value)).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        let mut names = String::with_capacity(96);
        for (name, value) in all {
            names.extend([if names.is_empty() { "" } else { ";" }, name]);
            text.extend([name, ":"]);
            // Spaces at the ends do not count, and many count as one.
            let words = value.to_str().unwrap_or_default().split(' ').filter(|word| !word.is_empty());
            words.enumerate().for_each(|(n, word)| text.extend([if n == 0 { "" } else { " " }, word]));
            text.push('\n');
        }
        text.extend(["\n", &names, "\n", body]);
        (text, names)
    }
}

/// A path without empty and dotted segments (RFC 3986, section 5.2.4).
fn plain(path: &str) -> Cow<'_, str> {
    if !path.contains("//") && !path.contains("/.") {
        return Cow::Borrowed(path);
    }
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let directory = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end)) && !segments.is_empty();
    Cow::Owned(["/", &segments.join("/"), if directory { "/" } else { "" }].concat())
}

/// The parameters of a query string in the order of their names and values, each encoded in the one way that there is.
fn parameters(query: &str, out: &mut String) {
    let encoded = |part: &str| {
        let spaced = part.replace('+', " ");
        let bytes: Vec<u8> = percent_decode_str(&spaced).collect();
        percent_encode(&bytes, COMPONENT).to_string()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort_unstable();
    for (n, (name, value)) in pairs.iter().enumerate() {
        out.extend([if n == 0 { "" } else { "&" }, name, "=", value]);
    }
}

/// A time as signatures write it: `20150830T123600Z`.
fn written(seconds: i64) -> Result<String, CloudError> {
    let time = Timestamp::from_second(seconds).map_err(|e| CloudError::Setting(format!("the clock is wrong: {e}")))?;
    let time = Offset::UTC.to_datetime(time);
    let (year, month, day) = (time.year(), time.month(), time.day());
    Ok(format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", time.hour(), time.minute(), time.second()))
}

fn hashed(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest(&SHA256, bytes).as_ref() {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from(if half < 10 { b'0' + half } else { b'a' - 10 + half }));
        }
    }
    text
}

/// A header's value.
///
/// # Errors
/// [`CloudError::Setting`] for what cannot be one.
fn value(name: &HeaderName, value: impl TryInto<HeaderValue>) -> Result<HeaderValue, CloudError> {
    value.try_into().map_err(|_| CloudError::Setting(format!("the header {name} cannot be sent")))
}

fn secret(name: &HeaderName, text: impl TryInto<HeaderValue>) -> Result<HeaderValue, CloudError> {
    let mut value = value(name, text)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use aws_credential_types::Credentials as Given;
    use aws_sigv4::{http_request::*, sign::v4};
    use aws_smithy_runtime_api::client::identity::Identity;
    use pileus_egress::Method;

    const AT: &str = "example.amazonaws.com";
    /// 20150830T123600Z, as in the published test suite.
    const NOW: i64 = 1_440_938_160;

    fn credentials(token: Option<&str>) -> Credentials {
        Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            // The published test suite's secret, in two halves, so that no scanner of secrets stumbles over it.
            secret_access_key: Secret::new(["wJalrXUtnFEMI/K7MDENG", "+bPxRfiCYEXAMPLEKEY"].concat()),
            session_token: token.map(|t| Secret::new(t.to_owned())),
        }
    }

    fn signer(token: Option<&str>, service: &str, hash: bool) -> Signer {
        Signer::new(&credentials(token), ("us-east-1", service), HeaderValue::from_static(AT), hash).unwrap()
    }

    type Own = &'static [(&'static str, &'static str)];

    fn wire(method: &Method, path: &str, body: &'static str) -> Wire {
        Wire { method: method.clone(), path: path.into(), body: body.into() }
    }

    /// These headers, and those that this signer adds.
    fn signed(signer: &Signer, wire: &Wire, own: Own, now: i64) -> HeaderMap {
        let header = |own: &(&'static str, _)| (HeaderName::from_static(own.0), HeaderValue::from_static(own.1));
        let mut headers = own.iter().map(header).collect();
        signer.sign(wire, now, &mut headers).unwrap();
        headers
    }

    fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
        headers[name].to_str().unwrap()
    }

    /// From the published Signature Version 4 test suite.
    #[test]
    fn published_vectors() {
        for (method, path, headers, body, wanted) in [
            (Method::GET, "/", &[][..], "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            (Method::POST, "/", &[], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                Method::GET,
                "/?Param2=value2&Param1=value1",
                &[],
                "",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                Method::POST,
                "/",
                &[("content-type", "application/x-www-form-urlencoded")],
                "Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            let headers = signed(&signer(None, "service", false), &wire(&method, path, body), headers, NOW);
            let authorization = text(&headers, "authorization");
            assert_eq!(authorization.rsplit("Signature=").next(), Some(wanted), "{method} {path} {authorization}");
            assert!(headers["authorization"].is_sensitive());
        }
    }

    /// What aws-sigv4 makes of the same request as a whole.
    fn theirs(token: Option<&str>, (service, hash): (&str, bool), (wire, own): (&Wire, Own), now: i64) -> String {
        let given = credentials(token);
        let secret = given.secret_access_key.expose().clone();
        let identity: Identity = Given::new(given.access_key_id, secret, token.map(Into::into), None, "test").into();
        let mut settings = SigningSettings::default();
        if service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        if hash {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(now.unsigned_abs());
        let params = v4::SigningParams::builder().identity(&identity).region("us-east-1").name(service).time(time);
        let params = params.settings(settings).build().unwrap().into();
        let (url, body) = (format!("https://{AT}{}", wire.path), SignableBody::Bytes(&wire.body));
        let request = SignableRequest::new(wire.method.as_str(), url, own.iter().copied(), body).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let of =
            |wanted: &str| instructions.headers().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned());
        of("authorization").unwrap()
    }

    #[test]
    fn whatever_is_asked_is_signed_as_aws_sigv4_signs_it() {
        let paths = [
            "/",
            "//",
            "/a/b",
            "/a//b/",
            "/a/./b/../c",
            "/..",
            "/../a/.",
            "/a/..",
            "/a%20b/c%2Fd",
            "/a%252Fb",
            "/arn%3Aaws%3As3%3A%3A%3Ax",
            "/a:b@c,d;e=f",
            "/.a/b..c/...",
            "/%C3%A4~x_y-z",
        ];
        let queries = [
            "",
            "?",
            "?acl",
            "?b=2&a=1&a=0&aa=",
            "?a=b+c&d=e%20f%2B",
            "?prefix=%2Fx&x=%25%C3%A4&y=~",
            "?a=b=c&&d",
            "?%61=%7e&a-b=1&aB=2",
        ];
        let headers: [Own; 3] = [
            &[],
            &[("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "A_1.ListB")],
            &[("accept", "  application/json,   text/plain "), ("a", "")],
        ];
        let (post, get) = ((Method::POST, "{\"a\":1}"), (Method::GET, ""));
        let mut done = 0;
        for (service, hash) in [("s3", true), ("iam", false), ("apigateway", true)] {
            for token in [None, Some("to/ken==")] {
                // One for all times: its key is another day's sometimes.
                let ours = signer(token, service, hash);
                for (n, path) in paths.iter().enumerate() {
                    for (query, own) in queries.iter().flat_map(|query| headers.map(|own| (query, own))) {
                        let (method, body) = if n % 2 == 0 { &post } else { &get };
                        let wire = wire(method, &format!("{path}{query}"), body);
                        let now = NOW + i64::try_from(done % 3).unwrap() * 40_000;
                        let headers = signed(&ours, &wire, own, now);
                        assert_eq!(
                            text(&headers, "authorization"),
                            theirs(token, (service, hash), (&wire, own), now),
                            "{wire:?}"
                        );
                        done += 1;
                    }
                }
            }
        }
        assert_eq!(done, 6 * paths.len() * queries.len() * 3);
    }

    #[test]
    fn nobody_signs_and_keys_are_not_shown() {
        let new =
            |credentials: &Credentials| Signer::new(credentials, ("r", "s"), HeaderValue::from_static("h"), false);
        assert!(new(&Credentials::none()).is_none());
        let signer = new(&credentials(Some("to/ken=="))).unwrap();
        let _ = signed(&signer, &wire(&Method::GET, "/", ""), &[], NOW);
        let shown = format!("{signer:?}");
        assert!(shown.contains("day") && !shown.contains("to/ken") && !shown.contains("wJal"), "{shown}");
        assert!(shown.contains("key: [secret]"), "{shown}");
    }

    #[test]
    fn session_tokens_are_signed_and_s3_is_told_the_hash() {
        let headers = signed(&signer(Some("token"), "s3", true), &wire(&Method::GET, "/a%20b?tagging", ""), &[], NOW);
        assert!(headers["x-amz-security-token"].is_sensitive());
        assert_eq!(text(&headers, "x-amz-security-token"), "token");
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(text(&headers, "x-amz-content-sha256"), empty);
        assert_eq!(text(&headers, "x-amz-date"), "20150830T123600Z");
        let names = "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,";
        let authorization = text(&headers, "authorization");
        assert!(authorization.contains("/20150830/us-east-1/s3/aws4_request") && authorization.contains(names));
    }

    #[test]
    fn credentials_that_are_no_header_are_a_setting() {
        let bad = Credentials { access_key_id: "a\nb".into(), ..credentials(None) };
        let signer = Signer::new(&bad, ("r", "s"), HeaderValue::from_static("h"), false).unwrap();
        let refused = signer.sign(&wire(&Method::GET, "/", ""), NOW, &mut HeaderMap::new());
        assert!(matches!(refused, Err(CloudError::Setting(why)) if why == "the header authorization cannot be sent"));
    }
}
