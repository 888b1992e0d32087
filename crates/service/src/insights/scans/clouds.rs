//! The scanners that this version has, and who opens environments for them.
//!
//! This room knows how an order becomes a cloud's own words. It must never know how a cloud answers.

use super::{
    options::said,
    scanner::{Opened, Opener, Order, Scanner, Scanners},
};
use crate::{
    App,
    environments::{self, Opener as For},
    insights::{accounts::configured_regions, redaction_key},
};
use pileus_clouds::{BoxFuture, CloudError, Place, ScanOptions, Sink, aws::Credentials};
pub use pileus_clouds::{
    Mode,
    aws::{Aws, AwsConfig},
};
use pileus_model::{Error, Result, insights::GLOBAL};
use pileus_store::{Tx, insights::accounts, organizations};
use std::sync::Arc;

/// Opens environments as Pileus itself, what they import within the rights of the account's owner; each opening is recorded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Environments;

impl Opener for Environments {
    fn open<'a>(&'a self, app: &'a Arc<App>, order: &'a Order) -> BoxFuture<'a, Result<Opened>> {
        Box::pin(async move {
            let (org, account) = (order.org, order.account.clone());
            let read =
                move |tx: &mut dyn Tx| Ok((organizations::by_id(tx, org)?, accounts::by_name(tx, org, &account)?));
            let (found, account) = app.store.read(read).await?;
            let org = found.ok_or_else(|| Error::not_found("organization not found"))?.org;
            let owner = account.and_then(|listed| listed.account.owner);
            let purpose = format!("scan of account \"{}\"", order.account);
            let opened =
                environments::open_for(For::System { app, org: &org, owner }, &order.environment, &purpose).await?;
            Ok(Opened { environment: opened.reference(), variables: opened.environment_variables })
        })
    }
}

/// The scanner of AWS.
#[derive(Debug)]
pub struct AwsScanner {
    app: Arc<App>,
    aws: Arc<Aws>,
    mode: Mode,
}

/// The scanners of this version.
#[derive(Debug)]
pub struct Clouds {
    aws: Arc<AwsScanner>,
}

impl Clouds {
    /// With this client of AWS, listing in this way.
    pub fn new(app: Arc<App>, aws: Arc<Aws>, mode: Mode) -> Self {
        Self { aws: Arc::new(AwsScanner { app, aws, mode }) }
    }
}

impl Scanners for Clouds {
    fn of(&self, provider: &str) -> Option<Arc<dyn Scanner>> {
        (provider == "aws").then(|| Arc::clone(&self.aws) as Arc<dyn Scanner>)
    }
}

fn place(order: &Order) -> Place {
    if order.place == GLOBAL { Place::Global } else { Place::Region(order.place.clone()) }
}

/// A variable that is there and not empty.
fn variable<'a>(opened: &'a Opened, name: &str) -> Option<&'a str> {
    opened.variables.get(name).map(|value| value.expose().as_str()).filter(|value| !value.is_empty())
}

/// The region in whose partition the account is: the place's own, else what the environment says, else the first that was chosen.
fn region(order: &Order, opened: &Opened) -> Option<String> {
    if order.place != GLOBAL {
        return Some(order.place.clone());
    }
    let said = variable(opened, "AWS_REGION").or_else(|| variable(opened, "AWS_DEFAULT_REGION")).map(str::to_owned);
    said.or_else(|| configured_regions(&order.config).into_iter().next())
}

impl Scanner for AwsScanner {
    fn identity<'a>(&'a self, order: &'a Order, opened: &'a Opened) -> BoxFuture<'a, Result<String, CloudError>> {
        Box::pin(async move {
            let credentials = Credentials::from_variables(|name| variable(opened, name))?;
            let region = region(order, opened);
            let asked = self.aws.identity(&credentials, region.as_deref()).await;
            // A region that is not enabled accepts no credentials at all; whether they are good is known where all regions are at home.
            let Err(CloudError::Credentials { .. }) = &asked else { return asked.map(|identity| identity.account) };
            let home = region.as_deref().map(Aws::home).transpose()?.filter(|home| Some(home) != region.as_ref());
            let Some(home) = home else { return asked.map(|identity| identity.account) };
            Ok(self.aws.identity(&credentials, Some(&home)).await?.account)
        })
    }
    fn places<'a>(
        &'a self,
        order: &'a Order,
        opened: &'a Opened,
    ) -> BoxFuture<'a, Result<Option<Vec<String>>, CloudError>> {
        Box::pin(async move {
            if !configured_regions(&order.config).is_empty() {
                return Ok(None);
            }
            let credentials = Credentials::from_variables(|name| variable(opened, name))?;
            let region = region(order, opened);
            self.aws.enabled_regions(&credentials, region.as_deref()).await
        })
    }
    fn types(&self, order: &Order) -> Vec<String> {
        self.aws.types(&place(order), self.mode)
    }
    fn scan<'a>(
        &'a self,
        order: &'a Order,
        opened: &'a Opened,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), CloudError>> {
        Box::pin(async move {
            let credentials = Credentials::from_variables(|name| variable(opened, name))?;
            let mut options = ScanOptions::new(redaction_key(&self.app)?);
            options.list_concurrency = said(order.options.list_concurrency).unwrap_or(options.list_concurrency);
            options.read_concurrency = said(order.options.read_concurrency).unwrap_or(options.read_concurrency);
            options.read_timeout = order.options.read_timeout().unwrap_or(options.read_timeout);
            options.home = region(order, opened);
            if !order.done.is_empty() {
                options.types = self.types(order).into_iter().filter(|kind| !order.done.contains(kind)).collect();
            }
            self.aws.scan(&credentials, &place(order), self.mode, &options, sink).await
        })
    }
}
