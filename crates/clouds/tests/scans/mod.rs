//! The scanner on a house: clients, places, and a sink that keeps everything.

use super::house::House;
use pileus_clouds::{
    BoxFuture, Found, Place, Sink, TypeOutcome, TypeReport,
    aws::{Aws, AwsConfig, Credentials},
};
use pileus_model::{Secret, clock::SystemClock};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// A client of it.
pub fn aws(house: &House) -> Aws {
    let endpoint = Some(house.url().to_owned());
    let config = AwsConfig { endpoint, native_rate: 500.0, backoff: Duration::from_millis(5), ..AwsConfig::default() };
    Aws::new(config, Arc::new(SystemClock)).unwrap()
}

/// The credentials of one of its users.
pub fn credentials(house: &House, whose: &str) -> Credentials {
    let (access_key_id, secret) = house.key(whose);
    Credentials { access_key_id, secret_access_key: Secret::new(secret), session_token: None }
}

/// The place of this name.
pub fn place(name: &str) -> Place {
    if name == "global" { Place::Global } else { Place::Region(name.to_owned()) }
}

/// What a scan found.
#[derive(Default)]
pub struct Kept {
    pub found: Mutex<Vec<Found>>,
    pub reports: Mutex<Vec<TypeReport>>,
}

impl Sink for Kept {
    fn found<'a>(&'a self, _: &'a str, batch: Vec<Found>) -> BoxFuture<'a, pileus_model::Result<()>> {
        self.found.lock().unwrap().extend(batch);
        Box::pin(async { Ok(()) })
    }
    fn report(&self, report: TypeReport) -> BoxFuture<'_, pileus_model::Result<()>> {
        self.reports.lock().unwrap().push(report);
        Box::pin(async { Ok(()) })
    }
    fn log(&self, _: String) {}
}

impl Kept {
    /// What became of a type, if it was reported.
    pub fn outcome(&self, token: &str) -> Option<TypeOutcome> {
        self.reports.lock().unwrap().iter().find(|r| r.type_token == token).map(|r| r.outcome.clone())
    }

    /// Types that were denied, and the missing action.
    pub fn denied(&self) -> Vec<(String, String)> {
        let reports = self.reports.lock().unwrap();
        let denied = reports.iter().filter_map(|r| match &r.outcome {
            TypeOutcome::Denied { action, .. } => Some((r.type_token.clone(), action.clone())),
            _ => None,
        });
        let mut denied: Vec<_> = denied.collect();
        denied.sort();
        denied
    }
}
