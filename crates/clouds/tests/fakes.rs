//! The scanner against AWSs written by others: moto, which checks signatures and permissions, and ministack, which has Cloud Control. What
//! is found is what boto3 lists.
//!
//! Needs a Python with both (`PILEUS_TEST_PYTHON`); without one it says that it was skipped.
#![expect(clippy::unwrap_used, reason = "tests")]

use pileus_clouds::{
    BoxFuture, CloudError, Found, Mode, Place, RedactionKey, ScanOptions, Sink, TypeOutcome, TypeReport,
    aws::{Aws, AwsConfig, Credentials},
};
use pileus_model::{Secret, clock::SystemClock};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

/// A fake with things in it.
struct House {
    child: Child,
    said: Value,
}

impl House {
    fn open(fake: &str, argument: &str) -> Option<Self> {
        let Some(python) = std::env::var_os("PILEUS_TEST_PYTHON") else {
            return skipped(fake, "PILEUS_TEST_PYTHON is not set");
        };
        let import = format!("import boto3, {fake}");
        if !Command::new(&python).args(["-c", &import]).stderr(Stdio::null()).status().unwrap().success() {
            return skipped(fake, "the Python of PILEUS_TEST_PYTHON lacks it");
        }
        let script = format!("{}/tests/{fake}_house.py", env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(python);
        let mut child = command.args([&script, argument]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.find_map(|line| serde_json::from_str::<Value>(&line.unwrap()).ok().filter(Value::is_object));
        Some(Self { child, said: said.unwrap() })
    }

    fn aws(&self) -> Aws {
        let endpoint = self.said["url"].as_str().map(str::to_owned);
        let config =
            AwsConfig { endpoint, native_rate: 500.0, backoff: Duration::from_millis(5), ..AwsConfig::default() };
        Aws::new(config, Arc::new(SystemClock)).unwrap()
    }

    fn credentials(&self, whose: &str) -> Credentials {
        let text = |n: usize| self.said[whose][n].as_str().unwrap().to_owned();
        Credentials { access_key_id: text(0), secret_access_key: Secret::new(text(1)), session_token: None }
    }

    fn expected(&self, place: &str) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> =
            serde_json::from_value(self.said["expected"][place].clone()).unwrap();
        all.values_mut().for_each(|ids| ids.sort());
        all
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn skipped<T>(fake: &str, why: &str) -> Option<T> {
    eprintln!("skipped: AWS against {fake}: {why}");
    if let Some(list) = std::env::var_os("PILEUS_SKIPPED")
        && let Ok(mut file) = std::fs::OpenOptions::new().append(true).open(list)
    {
        let _ = writeln!(file, "AWS against {fake}: {why}");
    }
    None
}

#[derive(Default)]
struct Kept {
    found: Mutex<Vec<Found>>,
    reports: Mutex<Vec<TypeReport>>,
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
    fn canceled(&self) -> bool {
        false
    }
}

impl Kept {
    fn ids(&self, token: &str) -> Vec<String> {
        let found = self.found.lock().unwrap();
        let mut ids: Vec<String> = found.iter().filter(|f| f.type_token == token).map(|f| f.id.clone()).collect();
        ids.sort();
        ids
    }
    fn denied(&self) -> Vec<String> {
        let reports = self.reports.lock().unwrap();
        let denied = reports.iter().filter_map(|r| match &r.outcome {
            TypeOutcome::Denied { action, .. } => Some(action.clone()),
            _ => None,
        });
        let mut denied: Vec<String> = denied.collect();
        denied.sort();
        denied
    }
}

/// Services that moto does not have and does not refuse either: it never answers.
const SILENT: [&str; 3] = ["aws:apprunner/", "aws:redshiftserverless/", "aws:ecrpublic/"];

/// The types that are scanned.
fn types(house: &House, name: &str) -> Vec<String> {
    let mut types = house.aws().types(&place(name), Mode::Native);
    types.retain(|token| !SILENT.iter().any(|silent| token.starts_with(silent)));
    types
}

fn place(name: &str) -> Place {
    if name == "global" { Place::Global } else { Place::Region(name.to_owned()) }
}

async fn scan(house: &House, whose: &str, name: &str) -> Kept {
    let kept = Kept::default();
    let redaction = RedactionKey::new([9; 32]);
    let options =
        ScanOptions { read_timeout: Duration::from_secs(10), types: types(house, name), ..ScanOptions::new(redaction) };
    house.aws().scan(&house.credentials(whose), &place(name), Mode::Native, &options, &kept).await.unwrap();
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_is_what_boto3_lists() {
    let Some(house) = House::open("moto", "sqs:ListQueues,ecs:DescribeClusters") else { return };
    let who = house.aws().identity(&house.credentials("all"), Some("eu-west-1")).await.unwrap();
    assert_eq!((who.account.as_str(), who.arn.as_str()), ("123456789012", "arn:aws:iam::123456789012:user/all"));
    assert!(house.aws().regions(&house.credentials("all"), None).await.unwrap().len() > 15);
    for name in ["us-east-1", "eu-west-1", "global"] {
        let kept = scan(&house, "all", name).await;
        if std::env::var_os("PILEUS_TEST_SHOW").is_some() {
            for report in kept.reports.lock().unwrap().iter() {
                eprintln!(
                    "{name} {} {:?} {} calls {} us",
                    report.type_token, report.outcome, report.calls, report.micros
                );
            }
        }
        for (token, ids) in house.expected(name) {
            assert_eq!(
                kept.ids(&token),
                ids,
                "{name} {token} {:?}",
                kept.reports.lock().unwrap().iter().find(|r| r.type_token == token)
            );
        }
        assert_eq!(kept.denied(), Vec::<String>::new(), "{name}");
        let types = types(&house, name);
        let mut reported: Vec<String> = kept.reports.lock().unwrap().iter().map(|r| r.type_token.clone()).collect();
        reported.sort();
        assert_eq!(reported, types);
        let all = format!("{:?}", kept.found.lock().unwrap());
        assert!(!all.contains("PLANTED-SECRET") && !all.contains("UExBTlRFRC1TRUNSRVQ"), "{name}");
    }
    wrong_secret(&house).await;
    two_actions_missing(&house).await;
}

async fn wrong_secret(house: &House) {
    let mut credentials = house.credentials("all");
    credentials.secret_access_key = Secret::new("wrong".into());
    let ended = house.aws().identity(&credentials, None).await;
    assert!(matches!(ended, Err(CloudError::Credentials { .. })), "{ended:?}");
}

async fn two_actions_missing(house: &House) {
    let kept = scan(house, "some", "us-east-1").await;
    let mut denied = kept.denied();
    denied.dedup();
    assert_eq!(denied, ["ecs:DescribeClusters", "sqs:ListQueues"]);
    let expected = house.expected("us-east-1");
    for (token, ids) in expected.iter().filter(|(t, _)| !t.contains("sqs") && !t.contains("ecs")) {
        assert_eq!(kept.ids(token), *ids, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cloud_control_finds_what_boto3_lists() {
    let Some(house) = House::open("ministack", "") else { return };
    let (expected, kept) = (house.expected("us-east-1"), Kept::default());
    let redaction = RedactionKey::new([9; 32]);
    let options = ScanOptions { types: expected.keys().cloned().collect(), ..ScanOptions::new(redaction) };
    let (credentials, here) = (house.credentials("all"), place("us-east-1"));
    house.aws().scan(&credentials, &here, Mode::CloudControl, &options, &kept).await.unwrap();
    for (token, ids) in expected {
        assert_eq!(ids.len(), 3, "{token}");
        assert_eq!(kept.ids(&token), ids, "{token} {:?}", kept.reports.lock().unwrap());
    }
    let found = kept.found.lock().unwrap();
    let parameter = found.iter().find(|f| f.type_token == "aws-native:ssm:Parameter").unwrap();
    assert_eq!(parameter.properties["Type"], "String");
}
