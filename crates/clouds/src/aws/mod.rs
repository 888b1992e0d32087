//! AWS: who the credentials are, which regions are open, and what is there.
//!
//! This room knows AWS. What is listed, and how, is data (`data/README.md`); no type has code of its own. It must never know where
//! credentials come from or where findings go.

mod asked;
mod client;
mod credentials;
mod data;
mod partition;
mod policy;
mod protocol;
mod scan;
mod stored;
mod who;

pub use credentials::{Credentials, Identity};
pub use stored::{Parameter, SecretValue, WebIdentity};

use crate::{CloudError, Mode, Place, ScanOptions, Sink, TypeOutcome, TypeReport};
use client::{Paces, Session, Shared};
use data::Where;
use partition::Partition;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use pileus_egress::{Allow, Egress, EgressConfig};
use pileus_model::clock::Clock;
use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

/// What is percent-encoded in a name or a value, and in a path: all but what is unreserved (RFC 3986, section 2.3).
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &COMPONENT.remove(b'/');
/// Longest answer, in bytes.
const LONGEST_ANSWER: usize = 32 << 20;
/// Longest time for a request that belongs to no scan.
const QUESTION: Duration = Duration::from_secs(15);

/// What the operator configures.
#[derive(Debug, Clone)]
pub struct AwsConfig {
    /// Where all requests go instead of to AWS (`clouds.aws.endpoint`, `PILEUS_CLOUDS_AWS_ENDPOINT`): scheme, host and port. It is then
    /// allowed, wherever it is. Never from an account or an environment.
    pub endpoint: Option<String>,
    /// Where connections may go, and by which authorities.
    pub egress: EgressConfig,
    /// Most Cloud Control requests per second, account and region (20).
    pub cloud_control_rate: f64,
    /// Most requests per second, account, region and service, for every other API (50).
    pub native_rate: f64,
    /// The first wait before something is asked again; it doubles (200 ms).
    pub backoff: Duration,
}

impl Default for AwsConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            egress: EgressConfig::default(),
            cloud_control_rate: 20.0,
            native_rate: 50.0,
            backoff: Duration::from_millis(200),
        }
    }
}

/// Everything that is known of AWS, and the one client for it.
#[derive(Debug)]
pub struct Aws {
    shared: Shared,
}

impl Aws {
    /// With this configuration. No connection is made.
    ///
    /// # Errors
    /// [`CloudError::Setting`] for an endpoint that is no `http` or `https` address.
    pub fn new(config: AwsConfig, clock: Arc<dyn Clock>) -> Result<Self, CloudError> {
        let mut egress = config.egress.clone();
        egress.max_bytes = egress.max_bytes.max(LONGEST_ANSWER);
        egress.timeout = egress.timeout.max(Duration::from_secs(300));
        egress.idle_per_host = egress.idle_per_host.max(256);
        if let Some(endpoint) = &config.endpoint {
            egress.allow = egress.allow.with(allowed(endpoint)?);
        }
        let egress = Egress::new(egress);
        let (paces, skew) = (Paces::default(), AtomicI64::new(0));
        Ok(Self { shared: Shared { config, egress, clock, paces, skew } })
    }

    /// Who these credentials are (`GetCallerIdentity`; needs no permission). Asked in `region`, whose partition is that of the identity;
    /// without one in the first region of the commercial partition.
    ///
    /// # Errors
    /// [`CloudError::Credentials`] where the cloud does not accept them, [`CloudError::Setting`] for an unknown region.
    pub async fn identity(&self, credentials: &Credentials, region: Option<&str>) -> Result<Identity, CloudError> {
        let session = self.session(credentials, region, QUESTION)?;
        who::identity(&session).await
    }

    /// The regions that are enabled for the account, sorted: by `DescribeRegions`, else by `account:ListRegions`, else the four that are
    /// documented (`us-east-1`, `us-east-2`, `us-west-2`, `eu-west-1`; in another partition all of its regions).
    ///
    /// # Errors
    /// [`CloudError::Credentials`], and where nobody answers at all. A denial is not an error.
    pub async fn regions(&self, credentials: &Credentials, region: Option<&str>) -> Result<Vec<String>, CloudError> {
        let session = self.session(credentials, region, QUESTION)?;
        who::regions(&session).await
    }

    /// The regions that are enabled for the account, sorted, where the cloud says which; `None` where it does not.
    ///
    /// # Errors
    /// [`CloudError::Credentials`], [`CloudError::Setting`].
    pub async fn enabled_regions(
        &self,
        credentials: &Credentials,
        region: Option<&str>,
    ) -> Result<Option<Vec<String>>, CloudError> {
        who::enabled(&self.session(credentials, region, QUESTION)?).await
    }

    /// The region of a partition in which what belongs to no region is asked for; that of the partition of this region. It is open to
    /// every account.
    ///
    /// # Errors
    /// [`CloudError::Setting`] for an unknown region.
    pub fn home(region: &str) -> Result<String, CloudError> {
        Ok(partition::of(region)?.global.clone())
    }

    /// Whether a region may be scanned: it is in the partition table or has the form of one.
    ///
    /// # Errors
    /// [`CloudError::Setting`] that says so.
    pub fn check_region(region: &str) -> Result<(), CloudError> {
        partition::of(region).map(drop)
    }

    /// The types that a scan of this place reports on, sorted.
    pub fn types(&self, place: &Place, mode: Mode) -> Vec<String> {
        scan::types(place, mode).map(|all| all.into_iter().collect()).unwrap_or_default()
    }

    /// Scans one place. Reports exactly one outcome for each of [`Aws::types`] (those of `options.types`, if it names any), in no
    /// particular order; partial failures are outcomes and not errors.
    ///
    /// # Errors
    /// [`CloudError::Credentials`] where the credentials are not accepted (any more), [`CloudError::Canceled`] within a second after the
    /// sink says so, [`CloudError::Sink`], [`CloudError::Setting`] for an unknown region.
    pub async fn scan(
        &self,
        credentials: &Credentials,
        place: &Place,
        mode: Mode,
        options: &ScanOptions,
        sink: &dyn Sink,
    ) -> Result<(), CloudError> {
        let region = match place {
            Place::Region(region) => region.clone(),
            Place::Global => partition::of(options.home.as_deref().unwrap_or("us-east-1"))?.global.clone(),
        };
        let mut session = self.session(credentials, Some(&region), options.read_timeout)?;
        match who::identity(&session).await {
            Ok(identity) => session.belongs_to(identity.account),
            Err(error @ CloudError::Credentials { .. }) => {
                return self.closed(session, place, mode, options, sink, error).await;
            }
            Err(error) => return Err(error),
        }
        scan::Run::new(session, place, options, sink).go(mode).await
    }

    /// The smallest IAM policies by which these types (tokens; all if empty) can be scanned: one, or as many as the quota for the length
    /// of a managed policy makes necessary.
    ///
    /// # Errors
    /// [`CloudError::Setting`] that names the types that are not known.
    pub fn policies(types: &[String]) -> Result<Vec<serde_json::Value>, CloudError> {
        policy::policies(types)
    }

    /// A region in which the credentials are not accepted: if they are elsewhere, it is not enabled.
    async fn closed(
        &self,
        session: Session<'_>,
        place: &Place,
        mode: Mode,
        options: &ScanOptions,
        sink: &dyn Sink,
        error: CloudError,
    ) -> Result<(), CloudError> {
        let (partition, region): (&Partition, &str) = (session.partition, &session.place.region);
        if partition.global == region || self.identity(session.credentials, Some(&partition.global)).await.is_err() {
            return Err(error);
        }
        sink.log(format!("{region}: the region is not enabled for the account"));
        for token in
            scan::types(place, mode)?.into_iter().filter(|t| options.types.is_empty() || options.types.contains(t))
        {
            let outcome = TypeOutcome::Skipped { why: "the region is not enabled for the account".into() };
            let place = region.to_owned();
            sink.report(TypeReport { type_token: token, place, outcome, calls: 0, throttles: 0, micros: 0 }).await?;
        }
        Ok(())
    }

    fn session<'a>(
        &'a self,
        credentials: &'a Credentials,
        region: Option<&str>,
        timeout: Duration,
    ) -> Result<Session<'a>, CloudError> {
        let region = region.unwrap_or("us-east-1");
        let partition = partition::of(region)?;
        let place = Where {
            account: String::new(),
            region: region.to_owned(),
            partition: partition.name.clone(),
            suffix: partition.suffix.clone(),
        };
        Ok(Session::new(&self.shared, credentials, partition, place, timeout))
    }
}

/// The operator's endpoint as something that may be connected to.
fn allowed(endpoint: &str) -> Result<Allow, CloudError> {
    let wrong = || {
        CloudError::Setting(format!(
            "clouds.aws.endpoint \"{endpoint}\" is not an address: it must be like \"http://127.0.0.1:5000\""
        ))
    };
    let (scheme, rest) = endpoint.split_once("://").ok_or_else(wrong)?;
    let port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return Err(wrong()),
    };
    let authority = rest.trim_end_matches('/');
    if authority.is_empty() || authority.contains(['/', '?', '#', '@']) {
        return Err(wrong());
    }
    let has_port = authority.rsplit_once(':').is_some_and(|(_, p)| p.bytes().all(|b| b.is_ascii_digit()));
    let with_port = if has_port { authority.to_owned() } else { format!("{authority}:{port}") };
    with_port.parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
