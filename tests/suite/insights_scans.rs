//! Scans from the creation of an account to what clients read, with several nodes, lost nodes and a clock that is moved. The cloud is
//! in the test's process; everything else is real.

#[expect(clippy::single_component_path_imports, reason = "fake_cloud.rs names them by way of its parent")]
use pileus_clouds;
#[expect(clippy::single_component_path_imports, reason = "fake_cloud.rs names them by way of its parent")]
use pileus_service;

#[path = "fake_cloud.rs"]
pub mod fake_cloud;

use super::insights_accounts::{environment, with_yaml};
use fake_cloud::{FakeCloud, OnlyAws, thing};
use pileus_clouds::{Found, TypeOutcome};
use pileus_service::insights::scans::{
    clouds::Environments,
    engine::{Engine, EngineConfig},
};
use pileus_testkit::{app::TestApp, client::Answer};
use serde_json::{Value, json};
use std::sync::{Arc, atomic::Ordering};

const BASE: &str = "/api/preview/insights/pulumi/accounts";
const ACCOUNT: &str = "123456789012";
const BUCKET: &str = "aws:s3/bucket:Bucket";
const ROLE: &str = "aws:iam/role:Role";

fn engine(t: &TestApp, cloud: &Arc<FakeCloud>, node: &str) -> Engine {
    let scanners = Arc::new(OnlyAws(Arc::clone(cloud)));
    Engine::new(Arc::clone(&t.app), Arc::new(Environments), scanners, EngineConfig::new(node))
}

/// Rounds until there is nothing more to do.
async fn work(engine: &Engine) {
    while engine.tick().await.unwrap() > 0 {
        engine.idle().await;
    }
}

async fn create(t: &TestApp, name: &str, schedule: &str) {
    let body = json!({"provider": "aws", "environment": "insights/creds", "scanSchedule": schedule});
    let _ = t.admin.post(&format!("{BASE}/{name}"), body).await.expect(204);
}

async fn get(t: &TestApp, path: &str) -> Value {
    t.admin.get(&format!("{BASE}/{path}")).await.expect(200).json()
}

/// Events of one type: who acted, and what was said.
async fn said(t: &TestApp, event: &str) -> Vec<(String, String)> {
    let all = t.events(t.log("pulumi").await).await.into_iter().map(|e| e.event);
    all.filter(|e| e.event.id() == event).map(|e| (e.actor.login, e.description)).collect()
}

both! {
    async fn what_is_imported_later_is_within_the_owner_s_rights(t: TestApp) {
        environment(&t.admin, "creds", ACCOUNT, "right").await;
        with_yaml(&t.admin, "vault", "values: {}\n").await;
        let cloud = Arc::new(FakeCloud::default());
        create(&t, "prod", "none").await;
        let _ = t.member("bob", "member").await;
        let _ = t.admin.post(&format!("{BASE}/prod/ownership"), json!({"githubLogin": "bob", "name": "", "avatarUrl": ""})).await.expect(200);
        let yaml = "imports: [insights/vault]\nvalues: {environmentVariables: {AWS_ACCESS_KEY_ID: AKIA123456789012, AWS_SECRET_ACCESS_KEY: right}}\n";
        let path = "/api/esc/environments/pulumi/insights/creds";
        let request = || t.admin.request("PATCH", path).header("Content-Type", "application/x-yaml").body(yaml.to_owned());
        let _ = Answer::of("PATCH".into(), request()).await.expect(200);
        let _ = t.admin.post(&format!("{BASE}/prod/scan"), json!({})).await;
        let one = engine(&t, &cloud, "one");
        work(&one).await;
        assert_eq!(get(&t, "prod").await["scanStatus"]["status"], "failed");
        let denied = said(&t, "environment-unauthorized-open").await;
        assert!(!denied.is_empty() && denied.iter().all(|(_, what)| what.contains("imports \"insights/vault\"")), "{denied:?}");
        // Once somebody owns the account who may open it, scans succeed again.
        let _ = t.admin.post(&format!("{BASE}/prod/ownership"), json!({"githubLogin": "admin", "name": "", "avatarUrl": ""})).await.expect(200);
        let _ = t.admin.post(&format!("{BASE}/prod/scan"), json!({})).await;
        work(&one).await;
        assert_eq!(get(&t, "prod").await["scanStatus"]["status"], "succeeded");
    }

    async fn from_creation_to_coverage(t: TestApp) {
        environment(&t.admin, "creds", ACCOUNT, "right").await;
        let cloud = Arc::new(FakeCloud::default());
        cloud.put("us-east-1", BUCKET, (0..250).map(|n| thing(BUCKET, &format!("b{n}"), json!({"n": n}))).collect());
        let denied = TypeOutcome::Denied { action: "s3:ListAllMyBuckets".into(), message: "not you".into() };
        cloud.put_as("eu-west-1", BUCKET, denied, Vec::new());
        cloud.put("global", ROLE, vec![thing(ROLE, "app", json!({}))]);
        create(&t, "prod", "daily").await;
        work(&engine(&t, &cloud, "one")).await;

        let account = get(&t, "prod").await;
        assert_eq!(account["scanStatus"]["status"], "succeeded", "{account}");
        assert_eq!(account["scanStatus"]["resourceCount"], 251);
        let child = get(&t, "prod%2Fus-east-1").await;
        assert_eq!(child["scanStatus"]["resourceCount"], 250, "{child}");
        let status = get(&t, "prod%2Fus-east-1/scan").await;
        assert!(status["nextScan"].as_str().unwrap().starts_with("2026-11-23T00:0"), "{status}");
        let steps = status["jobs"][0]["steps"].as_array().unwrap();
        let names: Vec<_> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["Setup", "Open environment", "List types", "Scan account"]);

        let scans = get(&t, "prod/scans").await;
        assert_eq!(scans["scanStatuses"].as_array().unwrap().len(), 3);
        let scans = get(&t, "prod%2Feu-west-1/scans").await;
        let scan = scans["scanStatuses"][0]["id"].as_str().unwrap();
        let coverage = get(&t, &format!("prod%2Feu-west-1/scans/{scan}/coverage")).await;
        assert_eq!(coverage["deniedActions"], json!(["s3:ListAllMyBuckets"]));
        let csv = t.admin.get(&format!("{BASE}/prod%2Feu-west-1/scans/{scan}/coverage?format=csv")).await.expect(200).text();
        assert!(csv.ends_with("\neu-west-1,aws:s3/bucket:Bucket,denied,,s3:ListAllMyBuckets,,not you,1,40000\n"), "{csv}");

        let (mut lines, mut token) = (Vec::new(), String::new());
        loop {
            let page = get(&t, &format!("prod%2Feu-west-1/scans/{scan}/logs?count=4{token}")).await;
            lines.extend(page["lines"].as_array().unwrap().clone());
            let Some(next) = page["nextToken"].as_str() else { break };
            token = format!("&continuationToken={next}");
        }
        assert_eq!(lines.first().unwrap()["header"], "Setup");
        assert_eq!(lines.last().unwrap()["line"], "Succeeded\n");
        let step = get(&t, &format!("prod%2Feu-west-1/scans/{scan}/logs?job=0&step=1")).await;
        assert_eq!((&step["name"], &step["nextOffset"]), (&json!("Open environment"), &json!(0)));

        let started = said(&t, "cloud-account-scan-started").await;
        assert_eq!(started.len(), 3);
        assert!(started.iter().all(|(login, text)| login == "pileus" && text.ends_with("as its first")), "{started:?}");
        let opened = said(&t, "environment-open").await;
        assert_eq!(opened.iter().filter(|(login, _)| login == "pileus").count(), 3, "{opened:?}");
    }

    async fn an_environment_that_is_gone_fails_the_next_scan(t: TestApp) {
        environment(&t.admin, "creds", ACCOUNT, "right").await;
        let cloud = Arc::new(FakeCloud::default());
        cloud.put("global", ROLE, vec![thing(ROLE, "app", json!({}))]);
        create(&t, "prod", "none").await;
        let one = engine(&t, &cloud, "one");
        let _ = t.admin.post(&format!("{BASE}/prod/scan"), json!({})).await.expect(204);
        work(&one).await;
        let _ = t.admin.delete("/api/esc/environments/pulumi/insights/creds").await;
        let run = t.admin.post(&format!("{BASE}/prod%2Fglobal/scan"), json!({})).await.expect(200).json();
        assert_eq!(run["status"], "running");
        work(&one).await;
        let id = run["id"].as_str().unwrap();
        assert_eq!(get(&t, &format!("prod%2Fglobal/scans/{id}")).await["status"], "failed");
        let log = get(&t, &format!("prod%2Fglobal/scans/{id}/logs?job=0&step=1")).await.to_string();
        assert!(log.contains("could not be opened"), "{log}");
        let kept = t.admin.get(&format!("{BASE}/prod%2Fglobal/resources/aws:iam%252Frole:Role::app")).await;
        assert_eq!(kept.expect(200).json()["version"], 1);
    }

    async fn two_nodes_start_everything_once(t: TestApp) {
        environment(&t.admin, "creds", ACCOUNT, "right").await;
        let cloud = Arc::new(FakeCloud::default());
        for n in 0..12 {
            create(&t, &format!("a{n}"), "daily").await;
        }
        let (one, two) = (engine(&t, &cloud, "one"), engine(&t, &cloud, "two"));
        for round in 1..=2 {
            // A day and the spread: each of them is due once.
            for _ in 0..40 {
                let (a, b) = tokio::join!(one.tick(), two.tick());
                tokio::join!(one.idle(), two.idle());
                if a.unwrap() + b.unwrap() == 0 {
                    break;
                }
            }
            assert_eq!(cloud.begun.load(Ordering::SeqCst), 36 * round);
            t.clock.advance_seconds(86_400);
        }
        assert_eq!(said(&t, "cloud-account-scan-started").await.len(), 72);
    }

    async fn nodes_that_die_lose_and_double_nothing(t: TestApp) {
        environment(&t.admin, "creds", ACCOUNT, "right").await;
        let cloud = Arc::new(FakeCloud::default());
        for place in ["eu-west-1", "global", "us-east-1"] {
            for kind in [BUCKET, ROLE] {
                cloud.put(place, kind, (0..150).map(|n| thing(kind, &format!("{place}-{n}"), json!({"n": n}))).collect());
            }
        }
        create(&t, "prod", "none").await;
        let _ = t.admin.post(&format!("{BASE}/prod/scan"), json!({})).await.expect(204);
        cloud.holds.store(true, Ordering::SeqCst);
        let one = engine(&t, &cloud, "one");
        assert_eq!(one.tick().await.unwrap(), 3);
        for _ in 0..3 {
            cloud.waiting().await;
        }
        drop(one);
        cloud.holds.store(false, Ordering::SeqCst);
        let two = engine(&t, &cloud, "two");
        for _ in 0..3 {
            let _ = two.tick().await.unwrap();
            t.clock.advance_seconds(31);
        }
        work(&two).await;
        two.idle().await;
        let scans = get(&t, "prod/scans").await;
        let states: Vec<_> = scans["scanStatuses"].as_array().unwrap().iter().map(|s| s["status"].clone()).collect();
        assert_eq!(states, ["succeeded"; 3]);
        assert_eq!(get(&t, "prod").await["scanStatus"]["resourceCount"], 900);
        for kind in ["s3%252Fbucket:Bucket", "iam%252Frole:Role"] {
            let path = format!("prod%2Fglobal/resources/aws:{kind}::global-7");
            assert_eq!(get(&t, &path).await["version"], 1);
        }
        // The next scan finds all of it unchanged, and a lost node has not made anything gone.
        let _ = t.admin.post(&format!("{BASE}/prod/scan"), json!({})).await.expect(204);
        work(&two).await;
        assert_eq!(get(&t, "prod").await["scanStatus"]["resourceCount"], 900);
    }

    async fn cancel_over_http(t: TestApp) {
        environment(&t.admin, "creds", ACCOUNT, "right").await;
        let cloud = Arc::new(FakeCloud::default());
        let arn = "arn:aws:iam::123456789012:role/app";
        cloud.put("global", ROLE, vec![Found { arn: Some(arn.into()), ..thing(ROLE, "app", json!({}))}]);
        cloud.holds.store(true, Ordering::SeqCst);
        create(&t, "prod", "none").await;
        let run = t.admin.post(&format!("{BASE}/prod%2Fglobal/scan"), json!({})).await.expect(200).json();
        let again = t.admin.post(&format!("{BASE}/prod%2Fglobal/scan"), json!({})).await.expect(400).json();
        assert_eq!(again["message"], "scan already in progress");
        let one = engine(&t, &cloud, "one");
        assert_eq!(one.tick().await.unwrap(), 1);
        cloud.waiting().await;
        let _ = t.admin.post(&format!("{BASE}/prod%2Fglobal/scan/cancel"), json!({})).await.expect(204);
        one.idle().await;
        let ended = get(&t, &format!("prod%2Fglobal/scans/{}", run["id"].as_str().unwrap())).await;
        assert_eq!(ended["status"], "failed");
        let _ = t.admin.post(&format!("{BASE}/prod%2Fglobal/scan/cancel"), json!({})).await.expect(404);
        assert_eq!(said(&t, "cloud-account-scan-canceled").await.len(), 1);
    }
}
