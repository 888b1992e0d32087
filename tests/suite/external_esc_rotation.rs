//! Rotations and their schedules with the unmodified CLI, and that no rotated value is anywhere in clear.

use crate::external_support::{Ran, World, pulumi};
use pileus_testkit::{
    client::{Answer, Client},
    server::{Start, TOKEN},
};
use serde_json::json;
use std::path::Path;

const ENV: &str = "pulumi/web/rotated";
const TEXT: &str = "# kept\nvalues:\n  db:\n    password:\n      fn::rotate::password:\n        inputs:\n          length: 24 # long\n  \"api-key\":\n    fn::rotate::password:\n      inputs: {special: false}\n";

fn cli(world: &World, program: &Path, args: &[&str]) -> Ran {
    let mut command = world.command(program);
    command
        .env("PULUMI_ACCESS_TOKEN", TOKEN)
        .env("PULUMI_BACKEND_URL", world.url())
        .env("PULUMI_SKIP_UPDATE_CHECK", "1");
    command.arg("env").args(args);
    Ran::of(command)
}

both_worlds! {
    fn the_cli_rotates(world: &World) {
        let Some(program) = pulumi("rotations with the CLI") else { return };
        let run = |args: &[&str]| cli(world, &program, args);
        let _ = run(&["init", ENV]).ok();
        let file = world.file("rotated.yaml", TEXT);
        let _ = run(&["edit", ENV, "--file", &file]).ok();
        let said = run(&["rotate", ENV]).ok();
        assert!(said.contains("rotated.") && said.contains("New revision '3' was created."), "{said}");
        let first = run(&["open", ENV]).json();
        assert_eq!(first["db"]["password"]["current"].as_str().unwrap().chars().count(), 24);
        assert!(first["db"]["password"].get("previous").is_none());
        // One of them, named as a path whose first key needs quotes.
        let said = run(&["rotate", ENV, "[\"api-key\"]"]).ok();
        assert!(said.contains("New revision '4' was created."), "{said}");
        let second = run(&["open", ENV]).json();
        assert_eq!(second["api-key"]["previous"], first["api-key"]["current"]);
        assert_eq!(second["db"], first["db"]);
        let both = run(&["rotate", ENV, "db.password", "[\"api-key\"]"]).ok();
        assert!(both.contains("New revision '5'"), "{both}");
        // The text is what it was, with a state; secrets stay hidden unless asked for.
        let shown = run(&["get", ENV, "--definition"]).ok();
        assert!(shown.starts_with("# kept") && shown.contains("length: 24 # long") && shown.contains("ciphertext"), "{shown}");
        // A check asks no rotator: it knows that there is something, and not what.
        let shown = run(&["get", ENV, "db.password"]).ok();
        assert!(shown.contains("unknown") && !shown.contains(first["db"]["password"]["current"].as_str().unwrap()), "{shown}");
        assert!(run(&["version", "history", ENV]).ok().contains("revision 5"));
        assert!(run(&["rotate", ENV, "nosuch"]).fails().contains("nothing that can be rotated at \"nosuch\""));
        assert!(run(&["rotate", "pulumi/web/rotated@3"]).fails().contains("specific versions"));
        let file = world.file("failing.yaml", "values:\n  pw:\n    fn::rotate::password:\n      inputs: {length: 8, minLower: 9}\n");
        let _ = run(&["edit", ENV, "--file", &file]).ok();
        let said = run(&["rotate", ENV]).ok();
        assert!(said.contains("Error rotating") && said.contains("Failed secrets") && said.contains("Path: pw, error:"), "{said}");
        let file = world.file("unknown.yaml", "values:\n  pw:\n    fn::rotate::nosuch:\n      inputs: {}\n");
        // It says so and ends well, but there is no new revision.
        let refused = run(&["edit", ENV, "--file", &file]);
        assert!(format!("{}{}", refused.stdout, refused.stderr).contains("unknown rotator \"nosuch\""), "{refused:?}");
        assert!(!run(&["version", "history", ENV]).ok().contains("revision 7"));
    }

    fn the_cli_schedules(world: &World) {
        let Some(program) = pulumi("schedules with the CLI") else { return };
        let run = |args: &[&str]| cli(world, &program, args);
        let _ = run(&["init", ENV]).ok();
        let file = world.file("rotated.yaml", TEXT);
        let _ = run(&["edit", ENV, "--file", &file]).ok();
        assert!(run(&["schedule", "new", ENV, "--cron", "0 * * * *"]).fails().contains("once per day"));
        let made = run(&["schedule", "new", ENV, "--cron", "0 3 * * *"]).ok();
        let id = made.split_whitespace().nth(2).unwrap().to_owned();
        assert!(made.starts_with("Created schedule ") && made.contains(ENV), "{made}");
        assert!(run(&["schedule", "new", ENV, "--cron", "0 3 * * *"]).fails().contains("already has a schedule"));
        let listed = run(&["schedule", "ls", ENV, "--output", "json"]).json();
        let one = &listed["schedules"][0];
        assert_eq!((&one["id"], &one["kind"], &one["schedule"]), (&json!(id), &json!("environment_rotation"), &json!("0 3 * * *")));
        assert_eq!(one["lastExecuted"], "never");
        let next = run(&["schedule", "get", ENV, &id, "--utc"]).ok();
        assert!(next.contains("Next execution: 20") && next.contains("T03:0"), "{next}");
        let edited = run(&["schedule", "edit", ENV, &id, "--once", "2099-01-01T00:00:00Z"]).ok();
        assert!(edited.starts_with("Updated schedule"), "{edited}");
        assert_eq!(run(&["schedule", "get", ENV, &id, "--utc", "--output", "json"]).json()["schedule"], "2099-01-01T00:00:00Z");
        assert_eq!(run(&["schedule", "history", ENV, &id, "--output", "json"]).json(), json!({"events": []}));
        let _ = run(&["schedule", "rm", ENV, &id, "--yes"]).ok();
        assert_eq!(run(&["schedule", "ls", ENV, "--output", "json"]).json(), json!({"schedules": []}));
        let _ = run(&["schedule", "get", ENV, &id]).fails();
    }
}

/// Rotated values, in whatever else could hold them: files of the server, its log, its metrics, replies that are no opening.
#[tokio::test(flavor = "multi_thread")]
async fn no_rotated_value_is_anywhere_in_clear() {
    let directory = tempfile::tempdir().unwrap();
    let mut start = Start::new(env!("CARGO_BIN_EXE_pileus"), directory.path().join("data"));
    start.env.push(("PILEUS_LOG_FILTER".into(), "debug".into()));
    let server = start.run();
    let (admin, x) = (server.admin(), "/api/esc/environments/pulumi/web/rotated");
    let made = json!({"project": "web", "name": "rotated"});
    let _ = admin.post("/api/esc/environments/pulumi", made).await.expect(200);
    let request = admin.request("PATCH", x).body(TEXT);
    let _ = Answer::of("an update".into(), request).await.expect(200);
    let mut texts = Vec::new();
    for _ in 0..2 {
        texts.push(admin.post(&format!("{x}/rotate"), json!({"Paths": null})).await.expect(200).body);
    }
    let values = rotated(&admin, x).await;
    assert_eq!(values.len(), 4);
    for path in ["", "/rotate/history", "/versions", "/check", "/schedules"] {
        let method = if path == "/check" { "POST" } else { "GET" };
        texts.push(admin.send(method, &format!("{x}{path}"), None).await.expect(200).body);
    }
    texts.push(admin.post(&format!("{x}/rotate"), json!({"paths": ["nosuch"]})).await.expect(400).body);
    texts.push(admin.get("/api/orgs/pulumi/auditlogs/v2").await.expect(200).body);
    texts.push(admin.get("/metrics").await.body);
    texts.push(std::fs::read(start.data_dir.with_extension("log")).unwrap());
    for file in std::fs::read_dir(&start.data_dir).unwrap() {
        texts.push(std::fs::read(file.unwrap().path()).unwrap());
    }
    for text in &texts {
        for value in &values {
            let found = text.windows(value.len()).any(|window| window == value.as_bytes());
            assert!(!found, "{}", String::from_utf8_lossy(&text[..text.len().min(2000)]));
        }
    }
    let _ = server.stop();
}

/// The values as they open.
async fn rotated(admin: &Client, x: &str) -> Vec<String> {
    let session = admin.send("POST", &format!("{x}/open"), None).await.expect(200).json();
    let mut values = Vec::new();
    for path in ["db.password.current", "db.password.previous", "[\"api-key\"].current", "[\"api-key\"].previous"] {
        let path = format!("{x}/open/{}?property={}", session["id"].as_str().unwrap(), path.replace('"', "%22"));
        values.push(admin.get(&path).await.expect(200).json()["value"].as_str().unwrap().to_owned());
    }
    values
}
