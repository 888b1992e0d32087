//! The scanner against AWSs written by others: moto, which checks signatures and permissions, and ministack, which has Cloud Control. What
//! is found is what boto3 lists, with its properties and tags.
//!
//! Needs a Python with both (`PILEUS_TEST_PYTHON`); without one it says that it was skipped. What is made and how boto3 lists it is in the
//! folder `moto`, a row for each type.
#![expect(clippy::unwrap_used, reason = "tests")]

mod house;
mod same;
mod scans;

use house::House;
use pileus_clouds::{CloudError, Mode, RedactionKey, ScanOptions, TypeOutcome};
use pileus_model::Secret;
use scans::{Kept, aws, credentials, place};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Services that moto does not have and does not refuse either: it never answers.
const SILENT: [&str; 3] = ["aws:apprunner/", "aws:redshiftserverless/", "aws:ecrpublic/"];
/// Types of which moto's list holds what nobody made and boto3 is not asked for.
const UNWITNESSED: &[&str] = &[];
/// Types of which something is found, and the services that they belong to: neither gets fewer unnoticed.
const TYPES: usize = 247;
const SERVICES: usize = 63;

/// The types that are scanned: all in one region, elsewhere those that moto knows.
fn types(house: &House, name: &str) -> Vec<String> {
    let (mut types, known) = (aws(house).types(&place(name), Mode::Native), house.expected().remove(name).unwrap());
    types.retain(|token| !SILENT.iter().any(|silent| token.starts_with(silent)));
    types.retain(|token| name == "us-east-1" || known.contains_key(token));
    types
}

async fn scan(house: &House, whose: &str, name: &str) -> Kept {
    let kept = Kept::default();
    let redaction = RedactionKey::new([9; 32]);
    let options =
        ScanOptions { read_timeout: Duration::from_secs(60), types: types(house, name), ..ScanOptions::new(redaction) };
    aws(house).scan(&credentials(house, whose), &place(name), Mode::Native, &options, &kept).await.unwrap();
    kept
}

/// What differs between a scan of a place and what boto3 lists there.
fn differences(name: &str, kept: &Kept, expected: &BTreeMap<String, BTreeMap<String, Value>>) -> Vec<String> {
    let mut wrong = Vec::new();
    let found = kept.found.lock().unwrap();
    for (token, wanted) in expected {
        let mut got = BTreeMap::new();
        for f in found.iter().filter(|f| f.type_token == *token) {
            if got.insert(f.id.clone(), Value::from(f.properties.clone())).is_some() {
                wrong.push(format!("{name} {token}: {} is found twice", f.id));
            }
        }
        let ids = |all: BTreeSet<&String>| all.into_iter().take(5).cloned().collect::<Vec<_>>();
        let missing = ids(wanted.keys().filter(|id| !got.contains_key(*id)).collect());
        let more = ids(got.keys().filter(|id| !wanted.contains_key(*id)).collect());
        if !missing.is_empty() || !more.is_empty() {
            let outcome = kept.outcome(token);
            wrong.push(format!(
                "{name} {token}: {} of {}: lacks {missing:?}, has {more:?}: {outcome:?}",
                got.len(),
                wanted.len()
            ));
        }
        for (id, properties) in wanted {
            let Some(got) = got.get(id) else { continue };
            let differs = same::differences(got, properties);
            if !differs.is_empty() {
                wrong.push(format!("{name} {token} {id}: {}", differs.join("; ")));
                break;
            }
        }
    }
    for f in
        found.iter().filter(|f| !expected.contains_key(&f.type_token) && !UNWITNESSED.contains(&f.type_token.as_str()))
    {
        wrong.push(format!("{name} {} {}: nobody says whether it is there", f.type_token, f.id));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_is_what_boto3_lists() {
    let Some(mut opened) = House::open("moto", &["sqs:ListQueues,ecs:DescribeClusters"]) else { return };
    let (house, services_of) = (&opened, opened.services());
    let who = aws(house).identity(&credentials(house, "all"), Some("eu-west-1")).await.unwrap();
    assert_eq!((who.account.as_str(), who.arn.as_str()), ("123456789012", "arn:aws:iam::123456789012:user/all"));
    assert!(aws(house).regions(&credentials(house, "all"), None).await.unwrap().len() > 15);
    let (mut wrong, mut seen, mut services) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    let mut scans = BTreeMap::new();
    for (name, expected) in house.expected() {
        let kept = scan(house, "all", &name).await;
        show(&name, &kept);
        wrong.extend(differences(&name, &kept, &expected));
        wrong.extend(kept.denied().into_iter().map(|(token, action)| format!("{name} {token}: {action} is denied")));
        let mut reported: Vec<String> = kept.reports.lock().unwrap().iter().map(|r| r.type_token.clone()).collect();
        reported.sort();
        assert_eq!(reported, types(house, &name));
        wrong.extend(leaks(&kept).into_iter().map(|what| format!("{name} {what} holds a secret")));
        for (token, _) in expected.iter().filter(|(_, ids)| !ids.is_empty()) {
            services.extend(services_of.get(token).cloned());
            seen.insert(token.clone());
        }
        scans.insert(name, kept);
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    eprintln!("{} types of {} services are what boto3 lists", seen.len(), services.len());
    assert!(seen.len() >= TYPES && services.len() >= SERVICES, "{} types of {} services", seen.len(), services.len());
    wrong_secret(house).await;
    two_actions_missing(house, &scans["eu-west-1"]).await;
    no_cloud_control(house).await;
    what_comes_and_goes(&mut opened).await;
}

/// What holds the planted secret, in clear or encoded.
fn leaks(kept: &Kept) -> Vec<String> {
    let found = kept.found.lock().unwrap();
    let leaking = found
        .iter()
        .filter(|f| ["PLANTED-SECRET", "UExBTlRFRC1TRUNSRVQ"].iter().any(|s| f.properties.to_string().contains(s)));
    leaking.map(|f| format!("{} {}", f.type_token, f.id)).collect()
}

/// What became of each type, where somebody wants to see it.
fn show(name: &str, kept: &Kept) {
    if std::env::var_os("PILEUS_TEST_SHOW").is_some() {
        for report in kept.reports.lock().unwrap().iter() {
            eprintln!("{name} {} {:?} {} calls {} us", report.type_token, report.outcome, report.calls, report.micros);
        }
    }
}

async fn wrong_secret(house: &House) {
    let mut credentials = credentials(house, "all");
    credentials.secret_access_key = Secret::new("wrong".into());
    let ended = aws(house).identity(&credentials, None).await;
    assert!(matches!(ended, Err(CloudError::Credentials { .. })), "{ended:?}");
}

async fn two_actions_missing(house: &House, all: &Kept) {
    let some = scan(house, "some", "eu-west-1").await;
    // A cluster is found nevertheless, and without what could not be read; what is listed below it could not be.
    let wanted = [
        ("aws:ecs/cluster:Cluster", "ecs:DescribeClusters"),
        ("aws:ecs/service:Service", "ecs:DescribeClusters"),
        ("aws:sqs/queue:Queue", "sqs:ListQueues"),
    ];
    assert_eq!(some.denied(), wanted.map(|(t, a)| (t.to_owned(), a.to_owned())));
    let denied = |token: &str| wanted.iter().any(|(t, _)| *t == token);
    for report in all.reports.lock().unwrap().iter().filter(|r| !denied(&r.type_token)) {
        let outcome = some.outcome(&report.type_token).unwrap();
        let listed = matches!((&outcome, &report.outcome), (TypeOutcome::Listed(a), TypeOutcome::Listed(b)) if a == b);
        let same = std::mem::discriminant(&outcome) == std::mem::discriminant(&report.outcome);
        let complete = matches!(report.outcome, TypeOutcome::Listed(_));
        assert!(listed || (same && !complete), "{} {outcome:?} {:?}", report.type_token, report.outcome);
    }
}

/// One question tells that there is no Cloud Control here; no type is asked for.
async fn no_cloud_control(house: &House) {
    let (kept, options) = (Kept::default(), ScanOptions::new(RedactionKey::new([9; 32])));
    let (credentials, here) = (credentials(house, "all"), place("eu-west-1"));
    aws(house).scan(&credentials, &here, Mode::CloudControl, &options, &kept).await.unwrap();
    let reports = kept.reports.lock().unwrap();
    assert!(reports.len() > 1000, "{} types", reports.len());
    let other = reports.iter().find(|r| {
        !matches!(r.outcome, TypeOutcome::Unsupported | TypeOutcome::NeedsParent | TypeOutcome::Skipped { .. })
    });
    assert!(other.is_none(), "{other:?}");
    let calls: u64 = reports.iter().map(|r| r.calls).sum();
    assert!(calls <= 10, "{calls} calls");
}

async fn what_comes_and_goes(house: &mut House) {
    let name = "eu-west-1";
    let ids = |kept: Kept| {
        let found = kept.found.into_inner().unwrap();
        found.into_iter().filter(|f| f.type_token == "aws:sns/topic:Topic").map(|f| f.id).collect::<BTreeSet<_>>()
    };
    let before = ids(scan(house, "all", name).await);
    let made = house.order("sns", name, "create_topic", json!({"Name": "late"}));
    let arn = made["done"]["TopicArn"].as_str().unwrap().to_owned();
    let between = ids(scan(house, "all", name).await);
    assert!(between.contains(&arn) && between.len() == before.len() + 1);
    let _ = house.order("sns", name, "delete_topic", json!({"TopicArn": arn}));
    assert_eq!(ids(scan(house, "all", name).await), before);
}

async fn by_cloud_control(house: &House, types: Vec<String>) -> Kept {
    let kept = Kept::default();
    let options = ScanOptions { types, ..ScanOptions::new(RedactionKey::new([9; 32])) };
    let (credentials, here) = (credentials(house, "all"), place("us-east-1"));
    aws(house).scan(&credentials, &here, Mode::CloudControl, &options, &kept).await.unwrap();
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn cloud_control_finds_what_boto3_lists() {
    let Some(mut house) = House::open("ministack", &[]) else { return };
    let mut expected = house.expected().remove("us-east-1").unwrap();
    assert!(expected.values().all(|of| of.len() == 3) && expected.len() >= 6, "{expected:?}");
    let types: Vec<String> = expected.keys().cloned().collect();
    let kept = by_cloud_control(&house, types.clone()).await;
    let wrong = differences("us-east-1", &kept, &expected);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What is deleted is found no longer; everything else is.
    let args = json!({"TypeName": "AWS::SSM::Parameter", "Identifier": "/cc/1"});
    let _ = house.order("cloudcontrol", "us-east-1", "delete_resource", args);
    let gone = expected.get_mut("aws-native:ssm:Parameter").unwrap().remove("/cc/1");
    assert!(gone.is_some());
    let kept = by_cloud_control(&house, types).await;
    let wrong = differences("us-east-1", &kept, &expected);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
