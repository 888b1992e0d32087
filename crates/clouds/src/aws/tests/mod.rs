//! The scanner against a server that answers what the test says, well or badly.
#![expect(clippy::unwrap_used, reason = "tests")]

mod cloud_control;
mod fake;
mod faults;
mod rows;
mod sight;
mod types_doc;

use super::*;
use crate::{BoxFuture, Found, Print, RedactionKey};
use fake::{Fake, Reply, Seen};
use pileus_model::Timestamp;
use std::{collections::HashSet, sync::Mutex};
use tokio::sync::watch;

/// Always the same time.
#[derive(Debug)]
struct Fixed;
impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_767_225_600_000_000)
    }
}

/// What a scan put there.
#[derive(Default)]
struct Kept {
    found: Mutex<Vec<Found>>,
    reports: Mutex<Vec<TypeReport>>,
    log: Mutex<Vec<String>>,
    /// What is known by its print, and what of it was recognised: type and print.
    known: HashSet<Print>,
    same: Mutex<Vec<(String, Print)>>,
    stop: watch::Sender<bool>,
}

impl Sink for Kept {
    fn found<'a>(&'a self, _: &'a str, batch: Vec<Found>) -> BoxFuture<'a, pileus_model::Result<()>> {
        self.found.lock().unwrap().extend(batch);
        Box::pin(async { Ok(()) })
    }
    fn knows(&self, print: &Print) -> bool {
        self.known.contains(print)
    }
    fn same<'a>(&'a self, _: &'a str, kind: &'a str, prints: Vec<Print>) -> BoxFuture<'a, pileus_model::Result<()>> {
        self.same.lock().unwrap().extend(prints.into_iter().map(|print| (kind.to_owned(), print)));
        Box::pin(async { Ok(()) })
    }
    fn report(&self, report: TypeReport) -> BoxFuture<'_, pileus_model::Result<()>> {
        self.reports.lock().unwrap().push(report);
        Box::pin(async { Ok(()) })
    }
    fn log(&self, line: String) {
        self.log.lock().unwrap().push(line);
    }
    fn stopped(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { drop(self.stop.subscribe().wait_for(|stop| *stop).await) })
    }
}

impl Kept {
    fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.found.lock().unwrap().iter().map(|f| f.id.clone()).collect();
        ids.sort();
        ids
    }
    fn outcome(&self, token: &str) -> TypeOutcome {
        self.reports.lock().unwrap().iter().find(|r| r.type_token == token).unwrap().outcome.clone()
    }
}

fn credentials() -> Credentials {
    Credentials::from_variables(|name| Some(if name == "AWS_SESSION_TOKEN" { "" } else { "testing" })).unwrap()
}

fn aws(fake: &Fake) -> Aws {
    let config = AwsConfig {
        endpoint: Some(fake.url.clone()),
        backoff: Duration::from_millis(1),
        native_rate: 10_000.0,
        cloud_control_rate: 10_000.0,
        ..AwsConfig::default()
    };
    Aws::new(config, Arc::new(Fixed)).unwrap()
}

fn options(types: &[&str]) -> ScanOptions {
    let types = types.iter().map(|t| (*t).to_owned()).collect();
    ScanOptions { types, read_timeout: Duration::from_secs(5), ..ScanOptions::new(RedactionKey::new([1; 32])) }
}

async fn scan(fake: &Fake, mode: Mode, types: &[&str]) -> (Kept, Result<(), CloudError>) {
    let kept = Kept::default();
    let place = Place::Region("us-east-1".into());
    let ended = aws(fake).scan(&credentials(), &place, mode, &options(types), &kept).await;
    (kept, ended)
}

/// The answer to "who am I"; what comes after is the test's.
fn identity(seen: &Seen) -> Option<Reply> {
    seen.body.contains("Action=GetCallerIdentity").then(|| {
        Reply::ok(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/u</Arn>\
             <UserId>AID</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
        )
    })
}

#[tokio::test]
async fn identity_and_regions() {
    let fake = Fake::start(|seen, _| {
        identity(seen).unwrap_or_else(|| {
            Reply::ok("<R><regionInfo><item><regionName>eu-west-1</regionName></item><item><regionName>ap-east-1</regionName></item></regionInfo></R>")
        })
    })
    .await;
    let who = aws(&fake).identity(&credentials(), Some("cn-north-1")).await.unwrap();
    assert_eq!((who.account.as_str(), who.partition.as_str()), ("123456789012", "aws-cn"));
    assert_eq!(aws(&fake).regions(&credentials(), None).await.unwrap(), ["ap-east-1", "eu-west-1"]);
}

#[tokio::test]
async fn regions_where_nothing_may_be_asked() {
    let fake = Fake::start(|_, _| Reply::error(403, "AccessDenied", "no")).await;
    let regions = aws(&fake).regions(&credentials(), None).await.unwrap();
    assert_eq!(regions, ["eu-west-1", "us-east-1", "us-east-2", "us-west-2"]);
}

#[tokio::test]
async fn wrong_credentials_end_it() {
    let fake = Fake::start(|_, _| Reply::error(403, "InvalidClientTokenId", "The security token is invalid.")).await;
    let (kept, ended) = scan(&fake, Mode::Native, &["aws:ec2/vpc:Vpc"]).await;
    assert!(matches!(ended, Err(CloudError::Credentials { .. })), "{ended:?}");
    assert!(kept.reports.lock().unwrap().is_empty());
}

#[test]
fn missing_variables_are_named() {
    let wrong = Credentials::from_variables(|name| (name == "AWS_ACCESS_KEY_ID").then_some(" ")).unwrap_err();
    let text = "the environment has no environmentVariables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    assert_eq!(wrong.to_string(), text);
}

#[test]
fn endpoints_are_addresses() {
    for good in ["http://127.0.0.1:5000", "https://aws.corp.example", "http://localhost:4566/", "http://[::1]:9"] {
        assert!(allowed(good).is_ok(), "{good}");
    }
    for bad in ["127.0.0.1:5000", "ftp://a", "http://", "http://a/b", "http://u@a", "http://a?b"] {
        assert!(allowed(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn places_that_are_none() {
    let fake = Fake::start(|_, _| Reply::Cut).await;
    let place = Place::Region("us-east-1.evil.example/".into());
    let ended = aws(&fake).scan(&credentials(), &place, Mode::Native, &options(&[]), &Kept::default()).await;
    assert!(matches!(ended, Err(CloudError::Setting(_))));
    assert_eq!(fake.count(), 0);
}
