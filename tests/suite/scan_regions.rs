//! The children of an account that has chosen no regions follow those that are enabled, with the real scanner and an AWS of our own.

use super::{insights_accounts::environment, scan_fake_aws::FakeAws};
use pileus_clouds::{
    Mode,
    aws::{Aws, AwsConfig},
};
use pileus_service::insights::scans::{
    clouds::{Clouds, Environments},
    engine::{Engine, EngineConfig},
};
use pileus_testkit::app::TestApp;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

const BASE: &str = "/api/preview/insights/pulumi/accounts";
/// One of what the cloud lists in every region.
const CLUSTER: &str = "resources/aws:memorydb%252Fcluster:Cluster::n12.example.com";

fn engine(t: &TestApp, cloud: &FakeAws) -> Engine {
    let config = AwsConfig { endpoint: Some(cloud.url.clone()), ..AwsConfig::default() };
    let aws = Aws::new(config, Arc::clone(&t.app.clock)).unwrap();
    let scanners = Arc::new(Clouds::new(Arc::clone(&t.app), Arc::new(aws), Mode::Native));
    Engine::new(Arc::clone(&t.app), Arc::new(Environments), scanners, EngineConfig::new("one"))
}

/// Scans the whole account, and all that comes of it.
async fn scan(t: &TestApp, engine: &Engine) {
    t.clock.advance_seconds(60);
    let _ = t.admin.post(&format!("{BASE}/prod/scan"), json!({})).await.expect(204);
    while engine.tick().await.unwrap() > 0 || engine.busy() > 0 {
        engine.idle().await;
    }
}

/// The scans of each child: how they ended, the newest first.
async fn ended(t: &TestApp) -> BTreeMap<String, Vec<String>> {
    let list = t.admin.get(&format!("{BASE}?parent=prod&count=100")).await.expect(200).json();
    let mut all = BTreeMap::new();
    for child in list["accounts"].as_array().unwrap() {
        let name = child["name"].as_str().unwrap();
        let scans = t.admin.get(&format!("{BASE}/{}/scans", name.replace('/', "%2F"))).await.expect(200).json();
        let states = scans["scanStatuses"].as_array().unwrap().iter().map(|s| s["status"].as_str().unwrap().to_owned());
        all.insert(name.strip_prefix("prod/").unwrap().to_owned(), states.collect());
    }
    all
}

fn all(entries: &[(&str, usize)]) -> BTreeMap<String, Vec<String>> {
    entries.iter().map(|(place, scans)| ((*place).to_owned(), vec!["succeeded".to_owned(); *scans])).collect()
}

async fn updates(t: &TestApp) -> Vec<String> {
    let events = t.events(t.log("pulumi").await).await.into_iter().map(|event| event.event);
    events
        .filter(|e| e.event.id() == "cloud-account-updated" && e.actor.login == "pileus")
        .map(|e| e.description)
        .collect()
}

async fn unseen(t: &TestApp, place: &str) -> bool {
    let org = {
        let log = t.app.store.read(|tx| pileus_store::organizations::by_name(tx, "pulumi")).await;
        log.unwrap().unwrap().org.id
    };
    let name = format!("prod/{place}");
    let read = t.app.store.read(move |tx| {
        let leaf = pileus_store::insights::accounts::by_name(tx, org, &name)?.unwrap().account.id;
        let key = pileus_model::insights::resource_key("aws:memorydb/cluster:Cluster", "n12.example.com");
        Ok(pileus_store::insights::resources::find(tx, org, leaf, &key)?.unwrap())
    });
    let row = read.await.unwrap();
    assert_eq!(row.gone_at, None);
    row.unseen_since.is_some()
}

both! {
    async fn children_follow_the_regions_that_are_enabled(t: TestApp) {
        let cloud = FakeAws::start().await;
        environment(&t.admin, "creds", "123456789012", "right").await;
        let body = json!({"provider": "aws", "environment": "insights/creds", "scanSchedule": "none"});
        let _ = t.admin.post(&format!("{BASE}/prod"), body).await.expect(204);
        let _ = t.admin.send("PUT", &format!("{BASE}/prod/tags"), Some(json!({"tags": {"team": "ops"}}))).await.expect(204);
        let engine = engine(&t, &cloud);
        scan(&t, &engine).await;
        assert_eq!(ended(&t).await, all(&[("eu-west-1", 1), ("global", 1), ("us-east-1", 1)]));
        assert!(updates(&t).await.is_empty());

        // One is enabled, one is disabled.
        cloud.open(&["ap-southeast-2", "us-east-1"]);
        scan(&t, &engine).await;
        assert_eq!(ended(&t).await, all(&[("ap-southeast-2", 1), ("eu-west-1", 2), ("global", 2), ("us-east-1", 2)]));
        assert_eq!(
            updates(&t).await,
            ["Updated account \"prod\" after its regions; new: ap-southeast-2; closed: eu-west-1"]
        );
        let child = t.admin.get(&format!("{BASE}/prod%2Fap-southeast-2")).await.expect(200).json();
        assert_eq!((&child["providerEnvRef"], &child["scanStatus"]["resourceCount"]), (&json!("insights/creds"), &json!(240)));
        let tags = t.admin.get(&format!("{BASE}/prod%2Fap-southeast-2/tags")).await.expect(200).json();
        assert_eq!(tags["tags"]["team"]["value"], "ops");
        // What is in a disabled region is neither gone nor seen.
        assert!(unseen(&t, "eu-west-1").await && !unseen(&t, "us-east-1").await);
        let _ = t.admin.get(&format!("{BASE}/prod%2Feu-west-1/{CLUSTER}")).await.expect(200);
        let scans: Value = t.admin.get(&format!("{BASE}/prod%2Feu-west-1/scans")).await.expect(200).json();
        let id = scans["scanStatuses"][0]["id"].as_str().unwrap();
        let coverage = t.admin.get(&format!("{BASE}/prod%2Feu-west-1/scans/{id}/coverage")).await.expect(200).json();
        let types = coverage["types"].as_array().unwrap();
        let why = "the region is not enabled for the account";
        let other = types.iter().find(|row| row["outcome"] != "skipped" || row["message"] != why);
        assert_eq!(other, None);

        // From then on it is left out.
        scan(&t, &engine).await;
        assert_eq!(ended(&t).await, all(&[("ap-southeast-2", 2), ("eu-west-1", 2), ("global", 3), ("us-east-1", 3)]));
        assert_eq!(updates(&t).await.len(), 1);

        // Enabled again: scanned with the scan that notices.
        cloud.open(&["ap-southeast-2", "eu-west-1", "us-east-1"]);
        scan(&t, &engine).await;
        assert_eq!(ended(&t).await, all(&[("ap-southeast-2", 3), ("eu-west-1", 3), ("global", 4), ("us-east-1", 4)]));
        assert!(!unseen(&t, "eu-west-1").await);
        assert_eq!(updates(&t).await.last().unwrap(), "Updated account \"prod\" after its regions; open again: eu-west-1");

        // Chosen regions are not followed, and a place that was deleted by hand does not come back.
        let _ = t.admin.delete(&format!("{BASE}/prod%2Fap-southeast-2")).await.expect(204);
        scan(&t, &engine).await;
        assert_eq!(ended(&t).await, all(&[("eu-west-1", 4), ("global", 5), ("us-east-1", 5)]));
        let chosen = json!({"providerConfig": {"regions": ["eu-west-1"]}});
        let _ = t.admin.patch(&format!("{BASE}/prod"), chosen).await.expect(204);
        scan(&t, &engine).await;
        assert_eq!(ended(&t).await, all(&[("eu-west-1", 5), ("global", 6)]));
        assert_eq!(updates(&t).await.len(), 2);
    }
}
