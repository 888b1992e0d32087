//! The real pulumi CLI: logging in and out, and the audit log with every flag.

use crate::external_support::{Cli, World, pulumi};
use pileus_testkit::server::TOKEN;
use serde_json::json;

/// How many teams are made: with them the log has more than one page.
const TEAMS: usize = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logging_in_and_out() {
    let Some(program) = pulumi("logging in with the real CLI") else { return };
    let world = World::start();
    let cli = Cli::new(&program, &world, TOKEN).login();
    let stored = cli.without_variable();
    assert_eq!(stored.run(&["whoami"]).ok(), "admin\n");
    let verbose = stored.run(&["whoami", "-v"]).ok();
    assert!(verbose.contains("User: admin\nOrganizations: pulumi\n"), "{verbose}");
    assert!(verbose.contains("Token type: personal"), "{verbose}");
    let said = stored.run(&["whoami", "--json"]).json();
    assert_eq!((&said["user"], &said["organizations"]), (&json!("admin"), &json!(["pulumi"])));
    assert_eq!(stored.run(&["org", "get-default"]).ok(), "pulumi\n");
    let _ = stored.run(&["org", "set-default", "pulumi"]).ok();
    assert_eq!(stored.run(&["logout"]).ok(), format!("Logged out of {}\n", world.url()));
    let refused = stored.run(&["whoami"]).fails();
    assert!(refused.contains("PULUMI_ACCESS_TOKEN must be set"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_machines_and_tokens_that_do_not_work() {
    let Some(program) = pulumi("machine tokens with the real CLI") else { return };
    let world = World::start();
    let admin = world.server.admin();
    let body = json!({"name": "ci", "description": "", "admin": false, "expires": 0});
    let made = admin.post("/api/orgs/pulumi/tokens", body).await.expect(200).json();
    let (id, value) = (made["id"].as_str().unwrap(), made["tokenValue"].as_str().unwrap());
    let machine = Cli::new(&program, &world, value).login();
    let verbose = machine.run(&["whoami", "-v"]).ok();
    assert!(verbose.contains("Token type: organization: pulumi\nToken name: ci"), "{verbose}");
    let _ = admin.delete(&format!("/api/orgs/pulumi/tokens/{id}")).await.expect(204);
    let refused = machine.run(&["org", "member", "list", "--org", "pulumi"]).fails();
    assert!(!refused.is_empty(), "{refused}");
    let stranger = Cli::new(&program, &world, "pul-ffffffffffffffffffffffffffffffffffffffff");
    let refused = stranger.run(&["login", world.url()]).fails();
    assert!(refused.contains("No credentials provided or are invalid"), "{refused}");
}

/// A log of more than one page, by two people.
async fn fill(world: &World) {
    let admin = world.server.admin();
    let _ = admin.post("/api/admin/users", json!({"login": "alice", "name": "Alice", "email": ""})).await.expect(201);
    let _ = admin.post("/api/orgs/pulumi/members/alice", json!({"role": "admin"})).await.expect(200);
    let made = admin.post("/api/admin/users/alice/tokens", json!({"description": "hers"})).await.json();
    let alice = admin.with_token(made["tokenValue"].as_str().unwrap());
    for n in 0..TEAMS {
        let body = json!({"name": format!("team-{n}"), "displayName": "", "description": ""});
        let _ = alice.post("/api/orgs/pulumi/teams/pulumi", body).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listing_the_audit_log_with_every_flag() {
    let Some(program) = pulumi("listing the audit log with the real CLI") else { return };
    let world = World::start();
    fill(&world).await;
    let cli = Cli::new(&program, &world, TOKEN).login();
    let list = |args: &[&str]| cli.run(&[&["org", "audit-log", "list", "--org", "pulumi"], args].concat());
    let created = list(&["--event-type", "team-created", "--all", "--output", "json"]).json();
    let events = created["events"].as_array().unwrap();
    assert_eq!((events.len(), &created["count"]), (TEAMS, &json!(TEAMS)));
    // Newest first, each once, whatever page it was on.
    let described = events.iter().map(|e| e["description"].as_str().unwrap());
    assert!(described.eq((0..TEAMS).rev().map(|n| format!("Created team \"team-{n}\""))), "{created}");
    let first = &events[0];
    assert_eq!((&first["event"], &first["user"]["githubLogin"]), (&json!("Team Created"), &json!("alice")));
    assert_eq!((&first["sourceIP"], &first["tokenName"]), (&json!("127.0.0.1"), &json!("hers")));
    // A page unless more is asked for; as many as are asked for, over several pages.
    assert_eq!(list(&["--output", "json"]).json()["count"], 100);
    let some = list(&["--count", "110", "--event-type", "Team Created", "--output", "json"]).json();
    assert_eq!(some["events"].as_array().unwrap().len(), 110);
    // Filters filter, also together.
    let by_admin = list(&["--user", "admin", "--all", "--output", "json"]).json();
    assert!(by_admin["events"].as_array().unwrap().iter().all(|e| e["user"]["githubLogin"] == "admin"), "{by_admin}");
    assert_eq!(list(&["--user", "admin", "--event-type", "team-created"]).ok(), "No audit log events found.\n");
    let start = first["timestamp"].to_string();
    let before = list(&["--start-time", &start, "--all", "--output", "json"]).json();
    assert!(before["events"].as_array().unwrap().iter().all(|e| e["timestamp"].as_i64() < start.parse().ok()));
    assert_eq!(list(&["--start-time", "1"]).ok(), "No audit log events found.\n");
    // The table, of the default organisation.
    let rows = cli.table(&["org", "audit-log", "list", "--user", "alice", "--count", "2"]);
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(rows[0][1..], ["alice", "Team Created", "Created team \"team-119\"", "127.0.0.1"]);
    assert!(rows[0][0].ends_with('Z') && rows[0][0].len() == 20, "{rows:?}");
    let refused = list(&["--user", "nobody"]).fails();
    assert!(refused.contains("listing audit logs: [404] user not found"), "{refused}");
    let refused = list(&["--start-time", "yesterday"]).fails();
    assert!(refused.contains("listing audit logs: [400] ") && refused.contains("startTime"), "{refused}");
    let refused = list(&["--event-type", "no-such-event"]).fails();
    assert!(refused.contains("listing audit logs: [400] "), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exporting_the_audit_log_in_both_formats() {
    let Some(program) = pulumi("exporting the audit log with the real CLI") else { return };
    let world = World::start();
    fill(&world).await;
    let cli = Cli::new(&program, &world, TOKEN).login();
    let export = |args: &[&str]| cli.run(&[&["org", "audit-log", "export", "--org", "pulumi"], args].concat());
    let csv = export(&["--event-type", "team-created", "--user", "alice"]).ok();
    let mut lines = csv.lines();
    let header = lines.next().unwrap();
    assert!(header.starts_with("Timestamp,Name,Login,Event,Description,SourceIP,"), "{header}");
    let row = lines.next().unwrap();
    assert!(
        row.contains("Z,Alice,alice,Team Created,\"Created team \"\"team-119\"\"\",127.0.0.1,true,false,false"),
        "{row}"
    );
    assert_eq!(lines.count(), TEAMS - 1);
    let made = export(&["--event-type", "team-created", "--output", "json"]).json();
    assert_eq!((&made["count"], &made["events"][0]["Login"]), (&json!(TEAMS), &json!("alice")));
    let cef = export(&["--format", "cef", "--event-type", "team-created"]).ok();
    assert_eq!(cef.lines().count(), TEAMS);
    assert!(
        cef.lines().all(|l| l.contains(" CEF:0|Pulumi|Pulumi Service|1.0|Team Created|Created team \"team-")),
        "{cef}"
    );
    let made = export(&["--format", "cef", "--event-type", "team-created", "--output", "json"]).json();
    assert_eq!((&made["format"], &made["count"]), (&json!("cef"), &json!(TEAMS)));
    assert_eq!(export(&["--start-time", "1"]).ok().lines().count(), 1, "only the header");
    let refused = export(&["--user", "nobody"]).fails();
    assert!(refused.contains("exporting audit logs: [404] user not found"), "{refused}");
}
