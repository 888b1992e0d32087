//! One question and its answer: signed, in its turn, asked again where that may help.
//!
//! This room knows how to get an answer. It must never know what is asked for.

use super::{Shared, pace::Pace, retry, sign::Signer};
use crate::{
    CloudError,
    aws::{
        Credentials,
        data::{Call, Protocol, Service, Where},
        partition::Partition,
        protocol::{self, Ask, Kind, Refusal, Wire},
    },
    value::Value,
};
use pileus_egress::{Call as Sent, EgressError, HeaderMap, Origin, Response};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
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
    /// Where each service answers, by its name: looked up once.
    targets: Mutex<HashMap<String, Arc<Target>>>,
}

/// Reads a successful answer: its status and its body.
pub(crate) type Reader<'r, T> = &'r (dyn Fn(u16, &[u8]) -> Result<T, String> + Sync);

/// One attempt that failed.
enum Failure {
    Refused { refusal: Refusal, date: Option<i64>, told: Option<Duration> },
    Egress(EgressError),
    Malformed(String),
}

/// Where a service's questions go.
#[derive(Debug)]
struct Target {
    region: String,
    origin: Origin,
    /// `None` where nobody signs.
    signer: Option<Signer>,
    pace: Arc<Pace>,
}

impl<'a> Session<'a> {
    /// That has asked nothing yet.
    pub(crate) fn new(
        shared: &'a Shared,
        credentials: &'a Credentials,
        partition: &'static Partition,
        place: Where,
        timeout: Duration,
    ) -> Self {
        let (total, targets) = (Tally::default(), Mutex::default());
        Self { shared, credentials, partition, place, timeout, total, targets }
    }

    /// The account is known now. What was looked up without it is forgotten: paces are the account's.
    pub(crate) fn belongs_to(&mut self, account: String) {
        self.place.account = account;
        self.targets = Mutex::default();
    }

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
        self.asked((service, call), ask, tally, &|status, body| protocol::read(service, call, status, body)).await
    }

    /// As [`Session::call`]; what is answered is read by this reader, which says what is wrong with it.
    pub(crate) async fn asked<T>(
        &self,
        (service, call): (&Service, &Call),
        ask: &Ask,
        tally: &Tally,
        reader: Reader<'_, T>,
    ) -> Result<T, CloudError> {
        let target = self.target(service, call)?;
        let pace = &target.pace;
        let wire = ask.write(service, call);
        let (mut failed, mut throttled, mut corrected) = (0, 0, false);
        loop {
            // Boxed, so that whatever asks stays small: there is much of it at a time, and small things are allocated fastest.
            let once = Box::pin(self.once(&target, (service, call), &wire, tally, reader));
            let failure = match once.await? {
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
    fn target(&self, service: &Service, call: &Call) -> Result<Arc<Target>, CloudError> {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = targets.get(&service.name) {
            return Ok(Arc::clone(target));
        }
        let target = Arc::new(self.looked_up(service, call)?);
        targets.insert(service.name.clone(), Arc::clone(&target));
        Ok(target)
    }

    fn looked_up(&self, service: &Service, call: &Call) -> Result<Target, CloudError> {
        let partition = self.partition;
        let region = match &service.global {
            Some(regions) => regions.get(&partition.name).ok_or_else(|| {
                CloudError::Unsupported(format!("{} in the partition {}", service.name, partition.name))
            })?,
            None => &self.place.region,
        };
        let base = match (&self.shared.config.endpoint, service.hosts.get(&partition.name)) {
            (Some(endpoint), _) => endpoint.trim_end_matches('/').to_owned(),
            (None, Some(host)) => {
                format!("https://{}", host.replace("{region}", region).replace("{suffix}", &partition.suffix))
            }
            (None, None) => format!("https://{}.{region}.{}", service.endpoint, partition.suffix),
        };
        let origin = self.shared.egress.origin(&base).map_err(|error| refused(error, call, service))?;
        let ceiling = match service.name.as_str() {
            "cloudcontrol" => self.shared.config.cloud_control_rate,
            _ => self.shared.config.native_rate,
        };
        let account = if self.place.account.is_empty() { &self.credentials.access_key_id } else { &self.place.account };
        let pace = self.shared.paces.of(account, region, &service.name, ceiling);
        let hash = matches!(service.protocol, Protocol::RestJson | Protocol::RestXml);
        let signer = Signer::new(self.credentials, (region, service.signing()), origin.host().clone(), hash);
        Ok(Target { region: region.clone(), origin, signer, pace })
    }

    /// One attempt. The outer error ends everything, the inner may pass.
    async fn once<T>(
        &self,
        target: &Target,
        (service, call): (&Service, &Call),
        wire: &Wire,
        tally: &Tally,
        reader: Reader<'_, T>,
    ) -> Result<Result<T, Failure>, CloudError> {
        target.pace.turn().await;
        let sent = self.signed(target, call, wire)?;
        tally.calls.fetch_add(1, Ordering::Relaxed);
        self.total.calls.fetch_add(1, Ordering::Relaxed);
        let response = match target.origin.ask(sent).await {
            Err(error @ EgressError::Refused { .. }) => return Err(refused(error, call, service)),
            Err(error) => return Ok(Err(Failure::Egress(error))),
            Ok(response) => response,
        };
        Ok(read(service, &response, reader))
    }

    /// A question as it is sent now.
    fn signed(&self, target: &Target, call: &Call, wire: &Wire) -> Result<Sent, CloudError> {
        // Room for what is signed and for what every request has.
        let mut headers = HeaderMap::with_capacity(call.sent.len() + 8);
        headers.extend(call.sent.iter().cloned());
        if let Some(signer) = &target.signer {
            let now = self.shared.clock.now().as_seconds() + self.shared.skew.load(Ordering::Relaxed);
            signer.sign(wire, now, &mut headers)?;
        }
        let Wire { method, path, body } = wire.clone();
        Ok(Sent { method, path, headers, body, within: self.timeout })
    }

    /// Takes the other side's clock, if it differs enough to be the reason.
    fn correct(&self, failure: &Failure) -> bool {
        let Failure::Refused { date: Some(date), .. } = failure else { return false };
        let skew = date - self.shared.clock.now().as_seconds();
        let before = self.shared.skew.swap(skew, Ordering::Relaxed);
        (skew - before).abs() > 30
    }
}

/// Where a question may not be sent at all.
fn refused(error: EgressError, call: &Call, service: &Service) -> CloudError {
    match error {
        EgressError::Refused { host, why, .. } => {
            CloudError::Setting(format!("connections to {host} are refused: {why}"))
        }
        error => Failure::Egress(error).error(call, service),
    }
}

fn read<T>(service: &Service, response: &Response, reader: Reader<'_, T>) -> Result<T, Failure> {
    let status = response.status.as_u16();
    let header = |name: &str| response.headers.get(name).and_then(|v| v.to_str().ok());
    if (200..300).contains(&status) {
        // S3 may answer 200 and put the error into the body.
        if service.name == "s3" && response.body.windows(7).take(200).any(|w| w == b"<Error>") {
            let refusal = protocol::refusal(status, None, &response.body);
            return Err(Failure::Refused { refusal, date: None, told: None });
        }
        return reader(status, &response.body).map_err(Failure::Malformed);
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
