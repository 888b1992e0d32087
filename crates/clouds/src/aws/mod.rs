//! AWS: who the credentials are, which regions are open, and what is there.
//!
//! This room knows AWS. What is listed, and how, is data (`data/README.md`); no type has code of its own. It must never know where
//! credentials come from or where findings go.

mod credentials;

pub use credentials::{Credentials, Identity};

use crate::{CloudError, Mode, Place, ScanOptions, Sink};
use pileus_egress::EgressConfig;
use pileus_model::clock::Clock;
use std::sync::Arc;

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
}

impl Default for AwsConfig {
    fn default() -> Self {
        Self { endpoint: None, egress: EgressConfig::default(), cloud_control_rate: 20.0, native_rate: 50.0 }
    }
}

/// Everything that is known of AWS, and the one client for it.
#[derive(Debug)]
pub struct Aws {}

impl Aws {
    /// With this configuration. No connection is made.
    ///
    /// # Errors
    /// [`CloudError::Setting`] for an endpoint that is no `http` or `https` address.
    pub fn new(config: AwsConfig, clock: Arc<dyn Clock>) -> Result<Self, CloudError> {
        let _ = (config, clock);
        Ok(Self {})
    }

    /// Who these credentials are (`GetCallerIdentity`; needs no permission). Asked in `region`, whose partition is that of the identity;
    /// without one in the first region of the commercial partition.
    ///
    /// # Errors
    /// [`CloudError::Credentials`] where the cloud does not accept them, [`CloudError::Setting`] for an unknown region.
    pub async fn identity(&self, credentials: &Credentials, region: Option<&str>) -> Result<Identity, CloudError> {
        let _ = (credentials, region);
        Err(CloudError::Unsupported("aws".into()))
    }

    /// The regions that are enabled for the account, sorted: by `DescribeRegions`, else by `account:ListRegions`, else the four that are
    /// documented (`us-east-1`, `us-east-2`, `us-west-2`, `eu-west-1`; in another partition all of its regions).
    ///
    /// # Errors
    /// [`CloudError::Credentials`], and where nobody answers at all. A denial is not an error.
    pub async fn regions(&self, credentials: &Credentials, region: Option<&str>) -> Result<Vec<String>, CloudError> {
        let _ = (credentials, region);
        Err(CloudError::Unsupported("aws".into()))
    }

    /// Whether a region may be scanned: it is in the partition table or has the form of one.
    ///
    /// # Errors
    /// [`CloudError::Setting`] that says so.
    pub fn check_region(region: &str) -> Result<(), CloudError> {
        let _ = region;
        Ok(())
    }

    /// The types that a scan of this place reports on, sorted.
    pub fn types(&self, place: &Place, mode: Mode) -> Vec<String> {
        let _ = (place, mode);
        Vec::new()
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
        let _ = (credentials, place, mode, options, sink);
        Err(CloudError::Unsupported("aws".into()))
    }

    /// The smallest IAM policy by which these types (tokens; all if empty) can be scanned.
    pub fn policy(types: &[String]) -> serde_json::Value {
        let _ = types;
        serde_json::Value::Null
    }
}
