//! Environments with a real server: the master key is needed.

use pileus_testkit::{client::Answer, server::Start};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

const PLANTED: &str = "planted-secret-4711";

#[tokio::test(flavor = "multi_thread")]
async fn the_master_key_is_needed() {
    let directory = tempfile::tempdir().unwrap();
    let mut start = Start::new(env!("CARGO_BIN_EXE_pileus"), directory.path().join("data"));
    let server = start.run();
    let (admin, base) = (server.admin(), "/api/esc/environments/pulumi");
    let _ = admin.post(base, json!({"project": "web", "name": "prod"})).await.expect(200);
    let text = format!("values:\n  a:\n    fn::secret: {PLANTED}\n");
    let request = admin.request("PATCH", &format!("{base}/web/prod")).body(text);
    let _ = Answer::of("an update".into(), request).await.expect(200);
    let opened = admin.send("POST", &format!("{base}/web/prod/open"), None).await.expect(200).json();
    let path = format!("{base}/web/prod/open/{}?property=a", opened["id"].as_str().unwrap());
    assert_eq!(admin.get(&path).await.expect(200).json()["value"], PLANTED);
    assert!(admin.get(&format!("{base}/web/prod/decrypt")).await.expect(200).text().contains(PLANTED));
    let _ = server.stop();
    let file = start.data_dir.join("master-key");
    let key = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // Without the key, or with another one, the server does not start; with it, from the environment, it does.
    std::fs::remove_file(&file).unwrap();
    let fails = |start: &Start| {
        let output = start.command().output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(fails(&start).contains("master key that is not here"));
    start.env.push(("PILEUS_MASTER_KEY".into(), "00".repeat(32)));
    assert!(fails(&start).contains("another master key"));
    start.env.pop();
    start.env.push(("PILEUS_MASTER_KEY".into(), key.trim().into()));
    let server = start.run();
    let _ = server.admin().get(&path).await.expect(200);
    let _ = server.stop();
}
