//! The database goes away and comes back: 503 meanwhile, and recovery without help.

use pileus_store::StoreConfig;
use pileus_testkit::{
    app::{Options, TestApp},
    postgres::{Cluster, Durability},
};
use serde_json::json;

/// Asks until the answer has this status; a thousand times at most.
async fn until(t: &TestApp, path: &str, status: u16) {
    let mut last = 0;
    for _ in 0..1_000 {
        last = t.admin.get(path).await.status;
        if last == status {
            return;
        }
    }
    panic!("{path} answers {last} and never {status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_gone_and_back() {
    let Some(cluster) = Cluster::start(Durability::None) else { return };
    let database = cluster.fresh_database();
    let directory = tempfile::tempdir().unwrap();
    let t = TestApp::start_on(
        StoreConfig::postgres(database.clone()),
        database,
        directory,
        Options { real_clock: true, ..Options::default() },
    )
    .await;
    let team = |name: &str| json!({"name": name, "displayName": "x", "description": ""});
    let _ = t.admin.post("/api/orgs/pulumi/teams/pulumi", team("before")).await.expect(201);
    let _ = t.admin.get("/readyz").await.expect(200);
    cluster.stop();
    let _ = t.admin.post("/api/orgs/pulumi/teams/pulumi", team("during")).await.error(503);
    let _ = t.admin.get("/api/orgs/pulumi/teams").await.error(503);
    assert!(t.admin.get("/readyz").await.expect(503).text().contains("database"));
    let _ = t.admin.get("/api/status").await.expect(200);
    cluster.restart();
    until(&t, "/readyz", 200).await;
    let _ = t.admin.post("/api/orgs/pulumi/teams/pulumi", team("after")).await.expect(201);
    let teams = t.admin.get("/api/orgs/pulumi/teams").await.expect(200).json();
    let names: Vec<&str> = teams["teams"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["after", "before"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_without_room_and_with_room_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pileus.db");
    let config = StoreConfig::Sqlite { path, readers: 2, max_pages: Some(200) };
    let t = TestApp::start_on(config, String::new(), directory, Options::default()).await;
    let mut acknowledged = 0;
    let full = loop {
        let name = format!("team-{acknowledged}");
        let body = json!({"name": name, "displayName": "x", "description": "d".repeat(300)});
        let answer = t.admin.post("/api/orgs/pulumi/teams/pulumi", body).await;
        if answer.status != 201 {
            break answer;
        }
        acknowledged += 1;
        assert!(acknowledged < 10_000, "the database never fills up");
    };
    assert!(full.error(503).contains("room"));
    // Reads go on, and nothing is half done.
    let teams = t.admin.get("/api/orgs/pulumi/teams").await.expect(200).json();
    assert_eq!(teams["teams"].as_array().unwrap().len(), acknowledged);
    let log = t.events(t.log("pulumi").await).await;
    assert_eq!(log.iter().filter(|e| e.event.event.id() == "team-created").count(), acknowledged);
}
