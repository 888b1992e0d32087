//! What a scan needs of the floors beside it: somebody who opens the environment, and somebody who asks the cloud.
//!
//! This room knows the words between them. It must never know a cloud or an environment's language.

use super::Options;
use crate::App;
use pileus_clouds::{BoxFuture, CloudError, Sink};
use pileus_model::{Result, Secret, ids::OrgId};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// What is to be scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The organisation.
    pub org: OrgId,
    /// The account's whole name.
    pub account: String,
    /// The provider: `aws` …
    pub provider: String,
    /// A region, or `global`; empty where the provider knows none.
    pub place: String,
    /// The provider's configuration (JSON).
    pub config: String,
    /// The environment: `project/name[@version]`.
    pub environment: String,
    /// The cloud's own id of the account, if it is fixed.
    pub cloud_account: Option<String>,
    /// How to go about it.
    pub options: Options,
    /// Types that are done already, where a scan goes on: they are left out.
    pub done: BTreeSet<String>,
}

/// An opened environment: what may be in it for a scan.
#[derive(Debug, Clone, Default)]
pub struct Opened {
    /// `project/name@revision`.
    pub environment: String,
    /// Its `environmentVariables`.
    pub variables: BTreeMap<String, Secret<String>>,
}

/// Who opens environments. The opening is recorded before anything is given.
pub trait Opener: Send + Sync + fmt::Debug {
    /// Opens the environment of an order for a scan.
    ///
    /// # Errors
    /// What is to stand in the scan's log: the environment is gone, its version too, or it can't be evaluated.
    fn open<'a>(&'a self, app: &'a Arc<App>, order: &'a Order) -> BoxFuture<'a, Result<Opened>>;
}

/// Who asks a cloud.
pub trait Scanner: Send + Sync + fmt::Debug {
    /// The cloud's own id of the account that the credentials belong to.
    ///
    /// # Errors
    /// Why that could not be learnt.
    fn identity<'a>(&'a self, order: &'a Order, opened: &'a Opened) -> BoxFuture<'a, Result<String, CloudError>>;
    /// The places of the account that are open now, where the cloud says which and nobody has chosen some; `None` where not.
    ///
    /// # Errors
    /// Why that could not be learnt; the scan goes on without.
    fn places<'a>(&'a self, _: &'a Order, _: &'a Opened) -> BoxFuture<'a, Result<Option<Vec<String>>, CloudError>> {
        Box::pin(async { Ok(None) })
    }
    /// The types that are going to be listed, each once, those that are done already among them.
    fn types(&self, order: &Order) -> Vec<String>;
    /// Lists them all but those that are done, into the sink.
    ///
    /// # Errors
    /// Only what ends the whole scan; what became of a type stands in its report.
    fn scan<'a>(
        &'a self,
        order: &'a Order,
        opened: &'a Opened,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), CloudError>>;
}

/// The scanners that there are.
pub trait Scanners: Send + Sync + fmt::Debug {
    /// The one for this provider, if this version has one.
    fn of(&self, provider: &str) -> Option<Arc<dyn Scanner>>;
}
