//! Environments with a real server: no secret is anywhere in clear, and the master key is needed.

use pileus_testkit::{
    client::{Answer, Client},
    server::Start,
};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

const PLANTED: &str = "planted-secret-4711";

/// Everything that could hold a secret: the files of the server, what it logged, its metrics, its errors.
async fn search(start: &Start, admin: &Client, base: &str) {
    let mut texts = Vec::new();
    for path in ["nosuch", "web/prod/versions/99", "web/prod/open/nosuch", "web/prod/versions/tags/nosuch"] {
        texts.push(admin.get(&format!("{base}/{path}")).await.body);
    }
    let wrong = format!("values:\n  a:\n    fn::secret: {PLANTED}\n  b: ${{nothing}}\n");
    let request = admin.request("PATCH", &format!("{base}/web/prod")).body(wrong);
    texts.push(Answer::of("a wrong update".into(), request).await.expect(400).body);
    texts.push(admin.get("/metrics").await.body);
    texts.push(std::fs::read(start.data_dir.with_extension("log")).unwrap());
    for file in std::fs::read_dir(&start.data_dir).unwrap() {
        texts.push(std::fs::read(file.unwrap().path()).unwrap());
    }
    for text in texts {
        let found = text.windows(PLANTED.len()).any(|window| window == PLANTED.as_bytes());
        assert!(!found, "{}", String::from_utf8_lossy(&text[..text.len().min(2000)]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_anywhere_in_clear_and_the_master_key_is_needed() {
    let directory = tempfile::tempdir().unwrap();
    let mut start = Start::new(env!("CARGO_BIN_EXE_pileus"), directory.path().join("data"));
    start.env.push(("PILEUS_LOG_FILTER".into(), "debug".into()));
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
    search(&start, &admin, base).await;
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
