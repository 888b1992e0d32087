//! Signatures, version 4.
//!
//! This room knows credentials and how a request is signed. It must never know who answers.

use crate::{CloudError, aws::Credentials, aws::protocol::Wire};
use aws_credential_types::Credentials as Given;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use pileus_egress::{HeaderMap, HeaderName, HeaderValue};
use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// Credentials as the signer takes them, made once for all that is signed with them. They are wiped when dropped.
pub(crate) struct Keys(Identity);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// Of these credentials; `None` if there is nothing to sign with.
    pub(crate) fn of(credentials: &Credentials) -> Option<Self> {
        if credentials.is_none() {
            return None;
        }
        let token = credentials.session_token.as_ref().map(|t| t.expose().clone());
        let secret = credentials.secret_access_key.expose().clone();
        Some(Self(Given::new(&credentials.access_key_id, secret, token, None, "environment").into()))
    }
}

/// What a signature is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signer<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    /// Seconds since 1970.
    pub(crate) now: i64,
    /// Whether the body's hash is sent besides being signed: S3 wants it, and with the REST protocols nobody then has to guess what the
    /// body of a GET is.
    pub(crate) hash: bool,
}

impl Signer<'_> {
    /// Adds the headers that a request gets besides its own.
    ///
    /// # Errors
    /// [`CloudError::Setting`] for credentials that cannot be put into headers.
    pub(crate) fn sign(&self, url: &str, wire: &Wire, headers: &mut HeaderMap) -> Result<(), CloudError> {
        let wrong = |why: String| CloudError::Setting(format!("the request cannot be signed: {why}"));
        let seconds = Duration::from_secs(u64::try_from(self.now).unwrap_or(0));
        let params = v4::SigningParams::builder()
            .identity(&self.keys.0)
            .region(self.region)
            .name(self.service)
            .time(SystemTime::UNIX_EPOCH + seconds)
            .settings(self.settings())
            .build()
            .map_err(|e| wrong(e.to_string()))?
            .into();
        let own = wire.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let request = SignableRequest::new(wire.method, url, own, SignableBody::Bytes(&wire.body));
        let request = request.map_err(|e| wrong(e.to_string()))?;
        let signed = sign(request, &params).map_err(|e| wrong(e.to_string()))?;
        let (instructions, _) = signed.into_parts();
        instructions.headers().try_for_each(|(name, value)| insert(headers, name, value))
    }

    /// S3 signs the path as it is, once encoded; all others encode twice.
    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self.service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        if self.hash {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        settings
    }
}

/// Adds a header; what must not be shown is marked.
///
/// # Errors
/// [`CloudError::Setting`] for what cannot be a header.
pub(super) fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), CloudError> {
    let wrong = || CloudError::Setting(format!("the header {name} cannot be sent"));
    let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
    value.set_sensitive(name == "authorization" || name == "x-amz-security-token");
    headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use pileus_model::Secret;

    fn credentials(token: Option<&str>) -> Credentials {
        Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            // The published test suite's secret, in two halves, so that no scanner of secrets stumbles over it.
            secret_access_key: Secret::new(["wJalrXUtnFEMI/K7MDENG", "+bPxRfiCYEXAMPLEKEY"].concat()),
            session_token: token.map(|t| Secret::new(t.to_owned())),
        }
    }

    fn authorization(service: &str, method: &'static str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let keys = Keys::of(&credentials(None)).unwrap();
        // 20150830T123600Z, as in the suite.
        let signer = Signer { keys: &keys, region: "us-east-1", service, now: 1_440_938_160, hash: false };
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let wire = Wire { method, path: path.into(), headers, body: body.as_bytes().to_vec() };
        let mut signed = HeaderMap::new();
        signer.sign(&format!("https://example.amazonaws.com{path}"), &wire, &mut signed).unwrap();
        assert!(signed["authorization"].is_sensitive());
        signed["authorization"].to_str().unwrap().to_owned()
    }

    fn signature(authorization: &str) -> &str {
        authorization.rsplit("Signature=").next().unwrap()
    }

    /// From the published Signature Version 4 test suite.
    #[test]
    fn published_vectors() {
        for (method, path, headers, body, wanted) in [
            ("GET", "/", &[][..], "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("POST", "/", &[], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "GET",
                "/?Param2=value2&Param1=value1",
                &[],
                "",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "POST",
                "/",
                &[("content-type", "application/x-www-form-urlencoded")],
                "Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            let authorization = authorization("service", method, path, headers, body);
            assert_eq!(signature(&authorization), wanted, "{method} {path} {authorization}");
        }
    }

    #[test]
    fn nobody_signs_and_keys_are_not_shown() {
        assert!(Keys::of(&Credentials::none()).is_none());
        assert_eq!(format!("{:?}", Keys::of(&credentials(Some("token")))), "Some(Keys)");
    }

    #[test]
    fn session_tokens_are_signed_and_s3_is_told_the_hash() {
        let keys = Keys::of(&credentials(Some("token"))).unwrap();
        let signer = Signer { keys: &keys, region: "eu-west-1", service: "s3", now: 1_440_938_160, hash: true };
        let wire = Wire { method: "GET", path: "/a%20b?tagging".into(), headers: vec![], body: vec![] };
        let mut headers = HeaderMap::new();
        signer.sign("https://s3.eu-west-1.amazonaws.com/a%20b?tagging", &wire, &mut headers).unwrap();
        assert!(headers["x-amz-security-token"].is_sensitive());
        let of = |name: &str| headers[name].to_str().unwrap();
        assert_eq!(of("x-amz-security-token"), "token");
        assert_eq!(of("x-amz-content-sha256"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert!(of("authorization").contains("/20150830/eu-west-1/s3/aws4_request"));
        assert!(of("authorization").contains("x-amz-security-token"));
    }
}
