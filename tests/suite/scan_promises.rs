//! What scans promise, from outside, on both engines: several nodes with wrong clocks, deletion and pauses while scans run, roles.

use super::{
    insights_accounts::environment,
    insights_scans::fake_cloud::{FakeCloud, OnlyAws, thing},
};
use pileus_egress::{Egress, EgressConfig};
use pileus_model::clock::Clock;
use pileus_service::{
    App,
    insights::{
        resources,
        scans::{
            clouds::Environments,
            engine::{Engine, EngineConfig},
        },
    },
    keys::Keys,
};
use pileus_store::{Store, StoreConfig};
use pileus_testkit::{
    app::TestApp,
    clock::TestClock,
    entropy::SeededEntropy,
    server::{Server, Start, TOKEN},
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

const BASE: &str = "/api/preview/insights/pulumi/accounts";
const ACCOUNT: &str = "123456789012";
const BUCKET: &str = "aws:s3/bucket:Bucket";
const QUEUE: &str = "aws:sqs/queue:Queue";

fn engine(app: &Arc<App>, cloud: &Arc<FakeCloud>, node: &str) -> Engine {
    let scanners = Arc::new(OnlyAws(Arc::clone(cloud)));
    Engine::new(Arc::clone(app), Arc::new(Environments), scanners, EngineConfig::new(node))
}

/// Another node on the same database: with a pool of its own where that is possible, and with a clock of its own.
async fn node(t: &TestApp, seed: u64, clock: &Arc<TestClock>) -> Arc<App> {
    let (as_clock, entropy): (Arc<dyn Clock>, _) = (Arc::<TestClock>::clone(clock), Arc::new(SeededEntropy::new(seed)));
    let store = match t.database.as_str() {
        "" => t.app.store.clone(),
        database => {
            let config = StoreConfig::postgres(database.to_owned());
            Store::open(config, Arc::clone(&as_clock), entropy.clone()).await.unwrap().0
        }
    };
    let app = App::new(store, as_clock, entropy, Egress::new(EgressConfig::default()), t.app.settings.clone());
    Arc::new(app.with_keys(Keys::parse(&"5e".repeat(32)).unwrap()))
}

async fn create(t: &TestApp, name: &str, schedule: &str) {
    let body = json!({"provider": "aws", "environment": "insights/creds", "scanSchedule": schedule});
    let _ = t.admin.post(&format!("{BASE}/{name}"), body).await.expect(204);
}

/// A round of three nodes at the same time; how many runs they took.
async fn ticks(engines: &[Engine]) -> usize {
    let [a, b, c] = engines else { panic!("three nodes") };
    let (a, b, c) = tokio::join!(a.tick(), b.tick(), c.tick());
    a.unwrap() + b.unwrap() + c.unwrap()
}

async fn get(t: &TestApp, path: &str) -> Value {
    t.admin.get(&format!("{BASE}/{path}")).await.expect(200).json()
}

both! {
    async fn nodes_with_wrong_clocks_never_run_a_scan_twice(t: TestApp) {
        environment(&t.admin, "creds", ACCOUNT, "right").await;
        let cloud = Arc::new(FakeCloud::default());
        for place in ["eu-west-1", "global", "us-east-1"] {
            for kind in [BUCKET, QUEUE] {
                cloud.put(place, kind, (0..30).map(|n| thing(kind, &format!("{place}-{n}"), json!({"n": n}))).collect());
            }
        }
        // One is a day behind, one an hour ahead, one right.
        let clocks = [-86_400, 3600, 0].map(|skew| {
            let clock = TestClock::default();
            clock.advance_seconds(skew);
            Arc::new(clock)
        });
        let mut engines = Vec::new();
        for (n, clock) in (0_u64..).zip(&clocks) {
            engines.push(engine(&node(&t, 100 + n, clock).await, &cloud, &format!("node-{n}")));
        }
        for n in 0..10 {
            create(&t, &format!("a{n}"), "none").await;
            let _ = t.admin.post(&format!("{BASE}/a{n}/scan"), json!({})).await.expect(204);
        }
        // All hang for a while, so that every node sees the others' runs in many rounds.
        cloud.holds.store(true, Ordering::SeqCst);
        for _ in 0..8 {
            let _ = ticks(&engines).await;
            clocks.iter().for_each(|clock| clock.advance_seconds(1));
        }
        assert_eq!(engines.iter().map(Engine::busy).sum::<usize>(), 24, "each as many as it may");
        cloud.holds.store(false, Ordering::SeqCst);
        cloud.go.add_permits(1000);
        for _ in 0..20 {
            let [a, b, c] = &engines[..] else { panic!("three nodes") };
            tokio::join!(a.idle(), b.idle(), c.idle());
            if ticks(&engines).await == 0 {
                break;
            }
        }
        assert_eq!(cloud.begun.load(Ordering::SeqCst), 30, "each scan was begun once");
        for n in 0..10 {
            let scans = get(&t, &format!("a{n}/scans")).await;
            let scans = scans["scanStatuses"].as_array().unwrap();
            assert_eq!(scans.len(), 3);
            assert!(scans.iter().all(|scan| scan["status"] == "succeeded"), "{scans:?}");
            assert_eq!(get(&t, &format!("a{n}")).await["scanStatus"]["resourceCount"], 180);
        }
    }

    async fn an_account_that_is_deleted_while_it_is_scanned(t: TestApp) {
        environment(&t.admin, "creds", ACCOUNT, "right").await;
        let cloud = Arc::new(FakeCloud::default());
        cloud.put("global", BUCKET, vec![thing(BUCKET, "b", json!({}))]);
        cloud.put("global", QUEUE, vec![thing(QUEUE, "q", json!({}))]);
        create(&t, "prod", "daily").await;
        let one = engine(&t.app, &cloud, "one");
        cloud.holds.store(true, Ordering::SeqCst);
        assert_eq!(one.tick().await.unwrap(), 3);
        cloud.waiting().await;
        let _ = t.admin.delete(&format!("{BASE}/prod")).await.expect(204);
        cloud.holds.store(false, Ordering::SeqCst);
        cloud.go.add_permits(10);
        one.idle().await;
        assert_eq!(one.tick().await.unwrap(), 0, "nothing is left to be done, and no schedule either");
        while resources::sweep(&t.app).await.unwrap() > 0 {}
        // Its name is free, and whoever takes it finds nothing of the old one.
        create(&t, "prod", "none").await;
        assert_eq!(get(&t, "prod/scans").await["scanStatuses"], json!([]));
        let found = t.admin.get(&format!("{BASE}/prod%2Fglobal/resources/aws:s3%252Fbucket:Bucket::b")).await;
        let _ = found.error(404);
        let _ = t.admin.post(&format!("{BASE}/prod/scan/pause"), json!({})).await.expect(204);
    }

    async fn a_pause_stops_schedules_and_nothing_else(t: TestApp) {
        environment(&t.admin, "creds", ACCOUNT, "right").await;
        let cloud = Arc::new(FakeCloud::default());
        cloud.put("global", BUCKET, vec![thing(BUCKET, "b", json!({}))]);
        create(&t, "prod", "daily").await;
        let one = engine(&t.app, &cloud, "one");
        cloud.holds.store(true, Ordering::SeqCst);
        assert_eq!(one.tick().await.unwrap(), 3);
        cloud.waiting().await;
        let _ = t.admin.post(&format!("{BASE}/prod/scan/pause"), json!({})).await.expect(204);
        cloud.holds.store(false, Ordering::SeqCst);
        cloud.go.add_permits(10);
        one.idle().await;
        assert_eq!(get(&t, "prod").await["scanStatus"]["status"], "succeeded", "what runs goes on");
        t.clock.advance_seconds(3 * 86_400);
        assert_eq!(one.tick().await.unwrap(), 0);
        let _ = t.admin.post(&format!("{BASE}/prod/scan"), json!({})).await.expect(204);
        assert_eq!(one.tick().await.unwrap(), 3, "by hand it is scanned");
        one.idle().await;
        let _ = t.admin.post(&format!("{BASE}/prod/scan/resume"), json!({})).await.expect(204);
        assert_eq!(one.tick().await.unwrap(), 0, "what was missed is not made up");
        t.clock.advance_seconds(86_400);
        assert_eq!(one.tick().await.unwrap(), 3);
        one.idle().await;
    }

    async fn no_more_than_may_at_once(t: TestApp) {
        environment(&t.admin, "creds", ACCOUNT, "right").await;
        let cloud = Arc::new(FakeCloud::default());
        create(&t, "a", "none").await;
        let _ = t.admin.post(&format!("{BASE}/a/scan"), json!({})).await.expect(204);
        cloud.put("global", BUCKET, Vec::new());
        cloud.put("eu-west-1", BUCKET, Vec::new());
        cloud.put("us-east-1", BUCKET, Vec::new());
        cloud.holds.store(true, Ordering::SeqCst);
        let scanners = Arc::new(OnlyAws(Arc::clone(&cloud)));
        let config = EngineConfig { at_once: 2, ..EngineConfig::new("one") };
        let one = Engine::new(Arc::clone(&t.app), Arc::new(Environments), scanners, config);
        assert_eq!((one.tick().await.unwrap(), one.tick().await.unwrap(), one.busy()), (2, 0, 2));
        cloud.go.add_permits(3);
        one.idle().await;
        assert_eq!(one.tick().await.unwrap(), 1);
        one.idle().await;
    }
}

/// Returns when this holds; asked again and again, at most for a while.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never: {what}");
}

async fn roles_of(server: &Server) -> String {
    let metrics = server.admin().get("/metrics").await.expect(200).text();
    let mut lines: Vec<&str> = metrics.lines().filter(|line| line.starts_with("pileus_role{")).collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn with_roles(directory: &std::path::Path, database: &str, roles: &str) -> Start {
    let start = Start::new(env!("CARGO_BIN_EXE_pileus"), directory.join(roles));
    let env = vec![("PILEUS_ROLES".into(), roles.into()), ("PILEUS_MASTER_KEY".into(), "5e".repeat(32))];
    Start { database: Some(database.to_owned()), env, ..start }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_serves_and_another_works() {
    let Some(database) = pileus_testkit::postgres::fresh_database() else { return };
    let directory = tempfile::tempdir().unwrap();
    let cloud = super::scan_fake_aws::FakeAws::start().await;
    let endpoint = |start: Start| {
        let mut start = start;
        start.env.push(("PILEUS_CLOUDS_AWS_ENDPOINT".into(), cloud.url.clone()));
        start.env.push(("PILEUS_CLOUDS_AWS_LISTING".into(), "native".into()));
        start
    };
    let serves = endpoint(with_roles(directory.path(), &database, "serve")).run();
    let admin = serves.admin();
    environment(&admin, "creds", ACCOUNT, "right").await;
    let body = json!({"provider": "aws", "environment": "insights/creds", "scanSchedule": "none",
        "providerConfig": {"regions": ["eu-west-1"]}});
    let _ = admin.post(&format!("{BASE}/prod"), body).await.expect(204);
    let _ = admin.post(&format!("{BASE}/prod%2Fglobal/scan"), json!({})).await.expect(200);
    assert_eq!(roles_of(&serves).await, "pileus_role{role=\"serve\"} 1\npileus_role{role=\"work\"} 0");
    let scan = admin.get(&format!("{BASE}/prod%2Fglobal/scan")).await.expect(200).json();
    assert_eq!((&scan["status"], &scan["jobs"][0]["status"]), (&json!("running"), &json!("not-started")));

    let works = endpoint(with_roles(directory.path(), &database, "work")).run();
    assert_eq!(roles_of(&works).await, "pileus_role{role=\"serve\"} 0\npileus_role{role=\"work\"} 1");
    let refused = works.admin().with_token(TOKEN).get("/api/user").await.error(503);
    assert_eq!(refused, "this node answers no requests: its only role is work");
    until("the other node has scanned", async || {
        admin.get(&format!("{BASE}/prod%2Fglobal/scan")).await.expect(200).json()["status"] == "succeeded"
    })
    .await;
    assert_eq!((works.stop().0, serves.stop().0), (Some(0), Some(0)));
}
