//! Whose credentials these are: the question to a cloud before anything is written.
//!
//! This room knows what to ask. It must never know where the credentials come from or what is done with the answer.

pub use pileus_clouds::{
    BoxFuture, CloudError,
    aws::{Credentials, Identity},
};

use pileus_clouds::aws::Aws;
use std::fmt;

/// The clouds, as far as accounts are concerned: one trait object, so that a test can put something else in their place.
pub trait CloudIdentity: fmt::Debug + Send + Sync {
    /// Who these credentials of AWS are; asked in this region, or in the first of the commercial partition.
    ///
    /// # Errors
    /// What the cloud answered.
    fn identify<'a>(
        &'a self,
        credentials: &'a Credentials,
        region: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Identity, CloudError>>;
    /// The regions of AWS that are enabled for them.
    ///
    /// # Errors
    /// What the cloud answered.
    fn regions<'a>(
        &'a self,
        credentials: &'a Credentials,
        region: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<String>, CloudError>>;
}

impl CloudIdentity for Aws {
    fn identify<'a>(
        &'a self,
        credentials: &'a Credentials,
        region: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Identity, CloudError>> {
        Box::pin(self.identity(credentials, region))
    }
    fn regions<'a>(
        &'a self,
        credentials: &'a Credentials,
        region: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<String>, CloudError>> {
        Box::pin(Aws::regions(self, credentials, region))
    }
}

/// No cloud can be asked; says so.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoClouds;

impl CloudIdentity for NoClouds {
    fn identify<'a>(&'a self, _: &'a Credentials, _: Option<&'a str>) -> BoxFuture<'a, Result<Identity, CloudError>> {
        Box::pin(async { Err(unconfigured()) })
    }
    fn regions<'a>(&'a self, _: &'a Credentials, _: Option<&'a str>) -> BoxFuture<'a, Result<Vec<String>, CloudError>> {
        Box::pin(async { Err(unconfigured()) })
    }
}

fn unconfigured() -> CloudError {
    CloudError::Setting("this process was started without a way to ask clouds".into())
}
