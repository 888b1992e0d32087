//! Environments with a real server: what the unmodified CLI does with them, and that no secret is anywhere in clear.

use crate::external_support::{Ran, World, pulumi};
use pileus_testkit::{
    client::{Answer, Client},
    server::{Start, TOKEN},
};
use serde_json::json;
use std::{os::unix::fs::PermissionsExt, path::Path};

const PLANTED: &str = "planted-secret-4711";

fn cli(world: &World, program: &Path, args: &[&str]) -> Ran {
    let mut command = world.command(program);
    command
        .env("PULUMI_ACCESS_TOKEN", TOKEN)
        .env("PULUMI_BACKEND_URL", world.url())
        .env("PULUMI_SKIP_UPDATE_CHECK", "1");
    command.arg("env").args(args);
    Ran::of(command)
}

#[test]
fn the_cli_from_init_to_rm() {
    let Some(program) = pulumi("environments with the CLI") else { return };
    let world = World::start();
    let run = |args: &[&str]| cli(&world, &program, args);
    const ENV: &str = "pulumi/web/prod";
    let _ = run(&["init", ENV]).ok();
    assert_eq!(run(&["ls"]).ok().trim(), ENV);
    let _ = run(&["set", ENV, "a.b", "42"]).ok();
    let _ = run(&["set", ENV, "--secret", "pw", PLANTED]).ok();
    let shown = run(&["get", ENV]).ok();
    assert!(shown.contains("[secret]") && !shown.contains(PLANTED), "{shown}");
    assert!(run(&["get", ENV, "pw", "--show-secrets"]).ok().contains(PLANTED));
    let text = "# kept\nvalues:\n  region: eu-west-1\n  pw:\n    fn::secret: hidden\n  environmentVariables:\n    REGION: ${region}\n    PW: ${pw}\n";
    let file = world.file("definition.yaml", text);
    assert!(run(&["edit", ENV, "--file", &file]).ok().contains("revision 4"));
    assert_eq!(run(&["open", ENV]).json()["pw"], "hidden");
    assert_eq!(run(&["open", ENV, "region"]).ok().trim(), "\"eu-west-1\"");
    assert!(run(&["open", ENV, "--format", "dotenv"]).ok().contains("PW=\"hidden\""));
    assert!(run(&["open", ENV, "--format", "shell"]).ok().contains("export REGION=\"eu-west-1\""));
    assert_eq!(run(&["run", ENV, "--", "sh", "-c", "echo $REGION $PW"]).ok().trim(), "eu-west-1 [secret]");
    assert!(run(&["version", "history", ENV]).ok().contains("revision 4 (tag: latest)"));
    let _ = run(&["version", "tag", "pulumi/web/prod@live", "@3"]).ok();
    assert_eq!(run(&["open", "pulumi/web/prod@live"]).json()["pw"], PLANTED);
    assert!(run(&["version", "rollback", "pulumi/web/prod@2"]).ok().contains("revision 5"));
    assert!(run(&["diff", "pulumi/web/prod@2", "pulumi/web/prod@3"]).ok().contains("+  \"pw\": \"[secret]\""));
    let _ = run(&["tag", ENV, "team", "ops"]).ok();
    assert!(run(&["tag", "ls", ENV]).ok().contains("Value: ops"));
    let _ = run(&["version", "retract", "pulumi/web/prod@3", "--reason", "wrong"]).ok();
    assert!(run(&["open", "pulumi/web/prod@3"]).fails().contains("retracted"));
    let _ = run(&["settings", "set", ENV, "deletion-protected", "true"]).ok();
    assert!(run(&["rm", ENV, "--yes"]).fails().contains("deletion protection"));
    let _ = run(&["settings", "set", ENV, "deletion-protected", "false"]).ok();
    let _ = run(&["rm", ENV, "--yes"]).ok();
    assert_eq!(run(&["ls"]).ok().trim(), "");
}

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
