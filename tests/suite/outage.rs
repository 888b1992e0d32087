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

/// A file system of a few megabytes, gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where this process may not mount one.
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
            .arg(directory.path())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then_some(Self(directory))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_disk_without_room_and_with_room_again() {
    let Some(disk) = SmallDisk::mount() else {
        return crate::support::skipped("a really full disk: this user may not mount a tmpfs");
    };
    let filler = disk.0.path().join("filler");
    std::fs::write(&filler, vec![0u8; 3 << 20]).unwrap();
    let log = tempfile::tempdir().unwrap();
    let data = log.path().join("data");
    std::os::unix::fs::symlink(disk.0.path().join("data"), &data).unwrap();
    std::fs::create_dir(disk.0.path().join("data")).unwrap();
    let server = pileus_testkit::server::Start::new(env!("CARGO_BIN_EXE_pileus"), &data).run();
    let admin = server.admin();
    let team = |name: String| json!({"name": name, "displayName": "x", "description": "d".repeat(300)});
    let mut acknowledged = 0;
    loop {
        let answer = admin.post("/api/orgs/pulumi/teams/pulumi", team(format!("team-{acknowledged}"))).await;
        if answer.status != 201 {
            let _ = answer.error(503);
            break;
        }
        acknowledged += 1;
        assert!(acknowledged < 20_000, "the disk never fills up");
    }
    assert!(acknowledged > 10, "{acknowledged} changes filled the disk");
    let teams = |answer: &pileus_testkit::client::Answer| answer.json()["teams"].as_array().unwrap().len();
    assert_eq!(teams(&admin.get("/api/orgs/pulumi/teams").await.expect(200)), acknowledged);
    std::fs::remove_file(&filler).unwrap();
    let _ = admin.post("/api/orgs/pulumi/teams/pulumi", team("after".into())).await.expect(201);
    assert_eq!(teams(&admin.get("/api/orgs/pulumi/teams").await.expect(200)), acknowledged + 1);
    assert_eq!(server.stop().0, Some(0));
}
