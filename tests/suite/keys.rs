//! Another master key while servers run: killed in the middle, with several servers under load, and with files only.

use pileus_testkit::{
    client::{Answer, Client},
    postgres,
    server::{Server, Start, TOKEN},
};
use serde_json::{Value, json};
use std::{
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

const BASE: &str = "/api/esc/environments/pulumi";

fn key(byte: &str) -> String {
    byte.repeat(32)
}

fn start(directory: &Path, name: &str, database: Option<&str>, keys: &[(&str, &str)]) -> Start {
    let mut start = Start::new(env!("CARGO_BIN_EXE_pileus"), directory.join(name));
    start.database = database.map(str::to_owned);
    start.env.extend(keys.iter().map(|(variable, byte)| ((*variable).to_owned(), key(byte))));
    start
}

const OLD: &[(&str, &str)] = &[("PILEUS_MASTER_KEY", "5e")];
const BOTH: &[(&str, &str)] = &[("PILEUS_MASTER_KEY", "5e"), ("PILEUS_MASTER_KEY_NEW", "a7")];
const NEW: &[(&str, &str)] = &[("PILEUS_MASTER_KEY", "a7")];

/// Environments with a secret each; the session that each was opened in.
async fn filled(admin: &Client, count: usize) -> Vec<String> {
    let mut sessions = Vec::new();
    for n in 0..count {
        let _ = admin.post(BASE, json!({"project": "p", "name": format!("e{n}")})).await.expect(200);
        let text = format!("values: {{a: {{fn::secret: hidden-{n}}}}}\n");
        let request = admin.request("PATCH", &format!("{BASE}/p/e{n}")).body(text);
        let _ = Answer::of("an update".into(), request).await.expect(200);
        sessions.push(opened(admin, n).await);
    }
    sessions
}

async fn opened(admin: &Client, n: usize) -> String {
    let opened = admin.send("POST", &format!("{BASE}/p/e{n}/open"), None).await.expect(200).json();
    opened["id"].as_str().unwrap().to_owned()
}

/// The first and the last of them, both as they were opened and as they open now.
async fn all_open(admin: &Client, sessions: &[String]) {
    for n in [0, sessions.len() - 1] {
        let read = |session: String| async move {
            let path = format!("{BASE}/p/e{n}/open/{session}?property=a");
            admin.get(&path).await.expect(200).json()["value"].clone()
        };
        assert_eq!(read(sessions[n].clone()).await, format!("hidden-{n}"));
        assert_eq!(read(opened(admin, n).await).await, format!("hidden-{n}"));
    }
}

/// Asks until the change is finished; a bounded number of times.
async fn finished(admin: &Client) -> Value {
    for _ in 0..50_000 {
        let known = admin.get("/api/admin/keys").await.expect(200).json();
        if known.get("retiring").is_none() {
            return known;
        }
    }
    panic!("the change of the master key does not end");
}

async fn killed_in_the_middle(database: Option<String>) {
    let directory = tempfile::tempdir().unwrap();
    let at = |keys| start(directory.path(), "one", database.as_deref(), keys);
    let server = at(BOTH).run();
    let sessions = filled(&server.admin(), 250).await;
    let before = server.admin().get("/api/admin/keys").await.expect(200).json();
    let admin = server.admin();
    let rotating = tokio::spawn(async move {
        let _ = admin.request("POST", "/api/admin/keys/rotate").send().await;
    });
    // Whatever it is at, as soon as the new key seals.
    for _ in 0..50_000 {
        let known = server.admin().get("/api/admin/keys").await.expect(200).json();
        if known["active"] != before["active"] {
            break;
        }
    }
    server.kill();
    rotating.abort();
    let server = at(BOTH).run();
    let known = finished(&server.admin()).await;
    assert_eq!(known["remaining"], 0);
    assert_ne!(known["active"], before["active"]);
    all_open(&server.admin(), &sessions).await;
    let _ = server.stop();
    let refused = at(OLD).command().output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another master key"));
    let server = at(NEW).run();
    all_open(&server.admin(), &sessions).await;
    let _ = server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_killed_goes_on_sqlite() {
    killed_in_the_middle(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_killed_goes_on_postgres() {
    let Some(database) = postgres::fresh_database() else { return };
    killed_in_the_middle(Some(database)).await;
}

/// Opens and makes environments until it is told to stop; how often that went well.
async fn load(clients: [Client; 2], stop: Arc<AtomicBool>, done: Arc<AtomicUsize>) {
    let mut n = 0;
    while !stop.load(Ordering::SeqCst) {
        let client = &clients[n % 2];
        let session = opened(client, 0).await;
        // What one server opens the other reads.
        let path = format!("{BASE}/p/e0/open/{session}?property=a");
        assert_eq!(clients[(n + 1) % 2].get(&path).await.expect(200).json()["value"], "hidden-0");
        let _ = client.post(BASE, json!({"project": "load", "name": format!("n{n}")})).await.expect(200);
        n += 1;
        done.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_change_it_without_a_refusal() {
    let Some(database) = postgres::fresh_database() else { return };
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str, keys| start(directory.path(), name, Some(&database), keys).run();
    let (one, two) = (at("one", OLD), at("two", OLD));
    let sessions = filled(&one.admin(), 20).await;
    let refused = one.admin().post("/api/admin/keys/rotate", json!({})).await.error(400);
    assert!(refused.contains("PILEUS_MASTER_KEY_NEW"), "{refused}");
    // One after the other gets the new key besides the old one.
    let _ = one.stop();
    let one = at("one", BOTH);
    let refused = one.admin().post("/api/admin/keys/rotate", json!({})).await.error(409);
    assert!(refused.contains("does not have the new master key"), "{refused}");
    let _ = two.stop();
    let two = at("two", BOTH);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let working = tokio::spawn(load([one.admin(), two.admin()], Arc::clone(&stop), Arc::clone(&done)));
    let begun = one.admin().post("/api/admin/keys/rotate", json!({})).await.expect(200).json();
    assert_eq!(begun["servers"].as_array().unwrap().len(), 2, "{begun}");
    let known = finished(&two.admin()).await;
    assert_eq!(known["servers"][0]["held"][0], known["active"]);
    assert_eq!(known["servers"][1]["held"][0], known["active"]);
    stop.store(true, Ordering::SeqCst);
    working.await.unwrap();
    assert!(done.load(Ordering::SeqCst) > 0);
    let (one, two) = {
        let stopped: [_; 2] = [one.stop(), two.stop()];
        assert!(stopped.iter().all(|(code, _)| *code == Some(0)));
        (at("one", NEW), at("two", NEW))
    };
    all_open(&one.admin(), &sessions).await;
    all_open(&two.admin(), &sessions).await;
    // Nothing is left that only the old key opens: every environment that was made meanwhile decrypts.
    for n in 0..done.load(Ordering::SeqCst) {
        let _ = two.admin().get(&format!("{BASE}/load/n{n}/decrypt")).await.expect(200);
        let texts = json!({"plaintexts": ["x"]});
        let _ = two.admin().post(&format!("{BASE}/load/n{n}/encrypt-secrets"), texts).await.expect(200);
    }
}

fn pileus(server: &Server, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pileus"));
    command.env_clear().env("PILEUS_URL", &server.url).env("PILEUS_TOKEN", TOKEN).args(args);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_beside_the_old_one_is_enough() {
    let directory = tempfile::tempdir().unwrap();
    let start = start(directory.path(), "one", None, &[]);
    let server = start.run();
    let sessions = filled(&server.admin(), 3).await;
    let refused = pileus(&server, &["keys", "rotate"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no new master key is here"));
    let (old, new) = (start.data_dir.join("master-key"), start.data_dir.join("master-key.new"));
    let fresh = said(&pileus(&server, &["keys", "generate"]));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).unwrap();
    std::io::Write::write_all(&mut file, fresh.as_bytes()).unwrap();
    let done = said(&pileus(&server, &["keys", "rotate"]));
    assert!(done.contains("seals now") && !done.contains(fresh.trim()), "{done}");
    let shown = said(&pileus(&server, &["keys", "show"]));
    assert!(shown.starts_with("SERVER") && !shown.contains(fresh.trim()), "{shown}");
    all_open(&server.admin(), &sessions).await;
    let _ = server.stop();
    // It starts with both files, with the new one only, and with the new one in the old one's place.
    let _ = start.run().stop();
    std::fs::remove_file(&old).unwrap();
    let _ = start.run().stop();
    std::fs::rename(&new, &old).unwrap();
    let server = start.run();
    all_open(&server.admin(), &sessions).await;
    let log = std::fs::read_to_string(start.data_dir.with_extension("log")).unwrap();
    assert!(!log.contains(fresh.trim()));
    let _ = server.stop();
}
