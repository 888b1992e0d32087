//! The program as people start and stop it.

use pileus_testkit::{
    client::Client,
    server::{Start, TOKEN},
};
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

fn start(directory: &Path) -> Start {
    Start::new(env!("CARGO_BIN_EXE_pileus"), directory.join("data"))
}

/// Without a token of the operator's own: one is generated.
fn generated(directory: &Path) -> Start {
    Start { env: vec![("PILEUS_BOOTSTRAP_TOKEN".into(), String::new())], ..start(directory) }
}

/// Runs the command to its end; its exit code and what it wrote to standard error.
fn ends(start: &Start) -> (Option<i32>, String) {
    let output = start.command().output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The words of a text that look like tokens.
fn tokens(text: &str) -> Vec<String> {
    let mut found: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|w| w.starts_with("pul-"))
        .map(str::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_prints_the_token_once_and_a_later_one_none() {
    let directory = tempfile::tempdir().unwrap();
    let start = generated(directory.path());
    let server = start.run();
    let url = server.url.clone();
    let file = start.data_dir.join("admin-token");
    let token = fs::read_to_string(&file).unwrap().trim().to_owned();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&start.data_dir).unwrap().permissions().mode() & 0o777, 0o700);
    let admin = Client::new(&url).with_token(&token);
    let me = admin.get("/api/user").await.expect(200).json();
    assert_eq!(me["githubLogin"], "admin");
    assert_eq!(me["organizations"][0]["githubLogin"], "pulumi");
    let (code, said) = server.stop();
    assert_eq!(code, Some(0));
    assert_eq!(tokens(&said), std::slice::from_ref(&token), "{said}");
    assert!(said.contains("/api/orgs/pulumi/auditlogs?startTime="), "{said}");
    // Later: no token, and what the first start would read is ignored, which is said.
    let later =
        Start { env: vec![("PILEUS_BOOTSTRAP_ORGANIZATION".into(), "other".into())], ..generated(directory.path()) };
    let mut later = later;
    later.env.push(("PILEUS_BOOTSTRAP_TOKEN".into(), TOKEN.into()));
    let server = later.run();
    let admin = Client::new(&server.url).with_token(&token);
    // Revoking it removes the file.
    let id = admin.get("/api/user/tokens").await.expect(200).json()["tokens"][0]["id"].as_str().unwrap().to_owned();
    let _ = admin.delete(&format!("/api/user/tokens/{id}")).await.expect(204);
    assert!(!file.exists());
    let _ = Client::new(&server.url).with_token(TOKEN).get("/api/user").await.error(401);
    let (code, said) = server.stop();
    assert_eq!(code, Some(0));
    assert!(tokens(&said).is_empty(), "{said}");
    assert!(said.contains("PILEUS_BOOTSTRAP_ORGANIZATION") && said.contains("ignored"), "{said}");
}

#[test]
fn a_data_directory_in_use_is_one_clear_line() {
    let directory = tempfile::tempdir().unwrap();
    let start = start(directory.path());
    let server = start.run();
    let (code, said) = ends(&start);
    assert_eq!(code, Some(1));
    assert_eq!(said.trim().lines().count(), 1, "{said}");
    assert!(said.contains("in use"), "{said}");
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn a_newer_schema_is_refused_and_nothing_changes() {
    let directory = tempfile::tempdir().unwrap();
    let start = start(directory.path());
    assert_eq!(start.run().stop().0, Some(0));
    let database = fs::read_dir(&start.data_dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.extension().is_some_and(|e| e == "db"));
    let database = database.unwrap();
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection
        .execute("INSERT INTO schema_version (version, name, checksum, applied_at) VALUES (9999, 'later', 'x', 0)", [])
        .unwrap();
    drop(connection);
    let before = fs::read(&database).unwrap();
    let (code, said) = ends(&start);
    assert_eq!(code, Some(1));
    assert!(said.contains("newer"), "{said}");
    assert_eq!(fs::read(&database).unwrap(), before);
}

#[test]
fn a_bad_configuration_names_file_and_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pileus.toml");
    fs::write(&file, "listen = \"127.0.0.1:0\"\nno-such-key = 1\n").unwrap();
    let (code, said) = ends(&start(directory.path()));
    assert_eq!(code, Some(1));
    assert!(said.contains("pileus.toml") && said.contains(":2") && said.contains("no-such-key"), "{said}");
    fs::remove_file(&file).unwrap();
    let bad = Start { env: vec![("PILEUS_LISTEN".into(), "house".into())], ..start(directory.path()) };
    let bad = Start { args: Vec::new(), ..bad };
    // The flag has precedence, so the variable is only looked at where no flag is given.
    let mut command = bad.command();
    command.args(["--public-url", "not a url"]);
    let output = command.output().unwrap();
    assert_ne!(output.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_variable_only_warns_and_secrets_stay_out_of_logs_and_files() {
    let directory = tempfile::tempdir().unwrap();
    let start = Start {
        env: vec![("PILEUS_NO_SUCH".into(), "1".into()), ("PILEUS_LOG_FORMAT".into(), "json".into())],
        ..start(directory.path())
    };
    let server = start.run();
    let admin = server.admin();
    let made =
        admin.post("/api/orgs/pulumi/tokens", json!({"name": "ci", "description": "d", "expires": 0, "admin": true}));
    let secret = made.await.expect(200).json()["tokenValue"].as_str().unwrap().to_owned();
    let machine = admin.with_token(&secret);
    let _ = machine.get("/api/orgs/pulumi/teams").await.expect(200);
    let _ = machine.get("/api/orgs/pulumi/auditlogs?startTime=-1").await.error(400);
    let _ = admin.with_token(format!("{secret}0")).get("/api/user").await.error(401);
    let metrics = admin.get("/metrics").await.expect(200).text();
    assert_eq!(server.stop().0, Some(0));
    let log = fs::read_to_string(start.data_dir.with_extension("log")).unwrap();
    assert!(log.contains("PILEUS_NO_SUCH"), "{log}");
    for planted in [secret.as_str(), TOKEN] {
        assert!(!log.contains(planted) && !metrics.contains(planted));
        for entry in fs::read_dir(&start.data_dir).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(planted.len()).any(|w| w == planted.as_bytes()), "{} holds a token", path.display());
        }
    }
}

#[test]
fn the_thin_clients_print_json_and_tables() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path()).run();
    let pileus = |args: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_pileus"))
            .env_clear()
            .env("PILEUS_URL", &server.url)
            .env("PILEUS_TOKEN", TOKEN)
            .current_dir(directory.path())
            .args(args)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, out, err) = pileus(&["user", "create", "bob", "--name", "Bob", "--email", "bob@example.com"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let (code, out, _) = pileus(&["user", "list", "--output", "json"]);
    assert_eq!(code, Some(0));
    assert!(serde_json::from_str::<serde_json::Value>(&out).unwrap().to_string().contains("bob@example.com"));
    let (code, out, _) = pileus(&["org", "list"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("pulumi"), "{out}");
    let (code, _, err) = pileus(&["user", "show", "nobody"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("[404]"), "{err}");
    assert_eq!(server.stop().0, Some(0));
}
