//! One question and its answer: signed, in its turn, asked again where that may help.
//!
//! This room knows how to get an answer. It must never know what is asked for.

use super::{Shared, Signer, pace::Pace, retry};
use crate::value::Value;
use crate::{
    CloudError,
    aws::{
        Credentials,
        data::{Call, Protocol, Service, Where},
        partition::Partition,
        protocol::{self, Ask, Kind, Refusal, Wire},
    },
};
use pileus_egress::{EgressError, HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// What a type costs.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) calls: AtomicU64,
    pub(crate) throttles: AtomicU64,
}

/// Credentials in one place.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) credentials: &'a Credentials,
    pub(crate) partition: &'static Partition,
    pub(crate) place: Where,
    pub(crate) timeout: Duration,
    /// All that was asked.
    pub(crate) total: Tally,
}

/// One attempt that failed.
enum Failure {
    Refused { refusal: Refusal, date: Option<i64>, told: Option<Duration> },
    Egress(EgressError),
    Malformed(String),
}

/// Where a question goes.
struct Target<'a> {
    service: &'a Service,
    region: &'a str,
    base: String,
}

impl Session<'_> {
    /// Asks, and asks again while that may help.
    ///
    /// # Errors
    /// All but [`CloudError::Canceled`] and [`CloudError::Sink`].
    pub(crate) async fn call(
        &self,
        service: &Service,
        call: &Call,
        ask: &Ask,
        tally: &Tally,
    ) -> Result<Value, CloudError> {
        let target = self.target(service)?;
        let ceiling = match service.name.as_str() {
            "cloudcontrol" => self.shared.config.cloud_control_rate,
            _ => self.shared.config.native_rate,
        };
        let account = if self.place.account.is_empty() { &self.credentials.access_key_id } else { &self.place.account };
        let pace = self.shared.paces.of(account, target.region, &service.name, ceiling);
        let wire = ask.write(service, call);
        let (mut failed, mut throttled, mut corrected) = (0, 0, false);
        loop {
            let failure = match self.once(&target, call, &wire, &pace, tally).await? {
                Ok(value) => {
                    pace.faster();
                    return Ok(value);
                }
                Err(failure) => failure,
            };
            let kind = failure.kind();
            match kind {
                Kind::Throttled => {
                    tally.throttles.fetch_add(1, Ordering::Relaxed);
                    self.total.throttles.fetch_add(1, Ordering::Relaxed);
                    pace.slower();
                    throttled += 1;
                }
                Kind::Skewed if !corrected => {
                    corrected = true;
                    if self.correct(&failure) {
                        continue;
                    }
                    failed += 1;
                }
                Kind::Passing => failed += 1,
                _ => return Err(failure.error(call, service)),
            }
            if throttled >= retry::THROTTLED || failed >= retry::PASSING {
                return Err(failure.error(call, service));
            }
            let asked = format!("{}{}{}{}", target.region, service.name, call.op, wire.path);
            let wait = retry::wait(self.shared.config.backoff, failed + throttled, &asked, failure.told());
            tokio::time::sleep(wait).await;
        }
    }

    /// Where a service answers here.
    fn target<'s>(&'s self, service: &'s Service) -> Result<Target<'s>, CloudError> {
        let partition = self.partition;
        let region = match &service.global {
            Some(regions) => regions.get(&partition.name).map(String::as_str).ok_or_else(|| {
                CloudError::Unsupported(format!("{} in the partition {}", service.name, partition.name))
            })?,
            None => &self.place.region,
        };
        if let Some(endpoint) = &self.shared.config.endpoint {
            return Ok(Target { service, region, base: endpoint.trim_end_matches('/').to_owned() });
        }
        let host = match service.hosts.get(&partition.name) {
            Some(host) => host.replace("{region}", region).replace("{suffix}", &partition.suffix),
            None => format!("{}.{region}.{}", service.endpoint, partition.suffix),
        };
        Ok(Target { service, region, base: format!("https://{host}") })
    }

    /// One attempt. The outer error ends everything, the inner may pass.
    async fn once(
        &self,
        target: &Target<'_>,
        call: &Call,
        wire: &Wire,
        pace: &Pace,
        tally: &Tally,
    ) -> Result<Result<Value, Failure>, CloudError> {
        pace.turn().await;
        let url = format!("{}{}", target.base, wire.path);
        let skew = self.shared.skew.load(Ordering::Relaxed);
        let now = self.shared.clock.now().as_seconds() + skew;
        let service = target.service;
        let hash = matches!(service.protocol, Protocol::RestJson | Protocol::RestXml);
        let (credentials, region) = (self.credentials, target.region);
        let signer = Signer { credentials, region, service: service.signing(), now, hash };
        let signed = if credentials.is_none() { Vec::new() } else { signer.headers(&url, wire)? };
        let headers = header_map(wire.headers.iter().cloned().chain(signed))?;
        let method = Method::from_bytes(wire.method.as_bytes()).map_err(|e| CloudError::Setting(e.to_string()))?;
        let body = (!wire.body.is_empty()).then(|| wire.body.clone());
        tally.calls.fetch_add(1, Ordering::Relaxed);
        self.total.calls.fetch_add(1, Ordering::Relaxed);
        let sent = self.shared.egress.request(Request { method, url, headers, body });
        let response = match tokio::time::timeout(self.timeout, sent).await {
            Err(_) => return Ok(Err(Failure::Egress(EgressError::Timeout))),
            Ok(Err(EgressError::Refused { host, why, .. })) => {
                return Err(CloudError::Setting(format!("connections to {host} are refused: {why}")));
            }
            Ok(Err(error)) => return Ok(Err(Failure::Egress(error))),
            Ok(Ok(response)) => response,
        };
        Ok(read(service, call, &response))
    }

    /// Takes the other side's clock, if it differs enough to be the reason.
    fn correct(&self, failure: &Failure) -> bool {
        let Failure::Refused { date: Some(date), .. } = failure else { return false };
        let skew = date - self.shared.clock.now().as_seconds();
        let before = self.shared.skew.swap(skew, Ordering::Relaxed);
        (skew - before).abs() > 30
    }
}

fn header_map(pairs: impl Iterator<Item = (String, String)>) -> Result<HeaderMap, CloudError> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let wrong = |_| CloudError::Setting(format!("the header {name} cannot be sent"));
        let mut value = HeaderValue::from_str(&value).map_err(|_| wrong(()))?;
        value.set_sensitive(name == "authorization" || name == "x-amz-security-token");
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(()))?, value);
    }
    Ok(headers)
}

fn read(service: &Service, call: &Call, response: &Response) -> Result<Value, Failure> {
    let status = response.status.as_u16();
    let header = |name: &str| response.headers.get(name).and_then(|v| v.to_str().ok());
    if (200..300).contains(&status) {
        // S3 may answer 200 and put the error into the body.
        if service.name == "s3" && response.body.windows(7).take(200).any(|w| w == b"<Error>") {
            let refusal = protocol::refusal(status, None, &response.body);
            return Err(Failure::Refused { refusal, date: None, told: None });
        }
        return protocol::read(service, call, status, &response.body).map_err(Failure::Malformed);
    }
    let refusal = protocol::refusal(status, header("x-amzn-errortype"), &response.body);
    let date = header("date").and_then(http_date);
    let told = header("retry-after").and_then(|v| v.parse().ok()).map(Duration::from_secs);
    Err(Failure::Refused { refusal, date, told })
}

fn http_date(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(jiff::Timestamp::as_second)
}

impl Failure {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused { refusal, .. } => protocol::kind(refusal.status, &refusal.code, &refusal.message),
            Self::Egress(EgressError::TooLarge { .. } | EgressError::Url(_)) => Kind::Other,
            Self::Egress(_) | Self::Malformed(_) => Kind::Passing,
        }
    }

    const fn told(&self) -> Option<Duration> {
        if let Self::Refused { told, .. } = self { *told } else { None }
    }

    fn error(self, call: &Call, service: &Service) -> CloudError {
        let kind = self.kind();
        match self {
            Self::Malformed(why) => CloudError::Broken {
                code: "malformed",
                message: format!("the answer of {} cannot be read: {why}", call.op),
            },
            Self::Egress(EgressError::Connect(why))
                if why.contains("cannot be resolved") || why.contains("no address") =>
            {
                CloudError::Unsupported(format!("{} ({why})", service.name))
            }
            Self::Egress(error) => {
                let code = match error {
                    EgressError::Timeout => "timeout",
                    EgressError::TooLarge { .. } => "too-large",
                    _ => "connection",
                };
                CloudError::Broken { code, message: error.to_string() }
            }
            // What the catalogue expects is the catalogue's business, whatever the code means elsewhere.
            Self::Refused { refusal: Refusal { status, code, message }, .. }
                if call.absent.contains(&code) || call.gone.contains(&code) =>
            {
                CloudError::Answer { status, code, message }
            }
            Self::Refused { refusal: Refusal { status, code, message }, .. } => match kind {
                Kind::Throttled => CloudError::Throttled,
                Kind::Credentials | Kind::Skewed => CloudError::Credentials { code, message },
                Kind::Denied => {
                    let named = protocol::denied_action(&message).map(str::to_owned);
                    let action = named.or_else(|| call.action.first().cloned()).unwrap_or_default();
                    CloudError::Denied { action, message }
                }
                Kind::Unsupported => CloudError::Unsupported(format!("{} ({code}: {message})", call.op)),
                Kind::Passing | Kind::Other => CloudError::Answer { status, code, message },
            },
        }
    }
}
