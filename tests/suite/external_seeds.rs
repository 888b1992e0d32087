//! The literal `curl` lines of the documentation that this product answers to, with host, organisation and token replaced.

use crate::external_support::{Ran, World, on_path};
use pileus_testkit::server::TOKEN;
use serde_json::{Value, json};

/// What the lines ask for, for a checkout without the documentation beside it.
const BUILT_IN: &str = r#"
    curl \
      -H "Accept: application/vnd.pulumi+8" \
      -H "Content-Type: application/json" \
      -H "Authorization: token pul-abcdefghijklmnopqrstuvwxyz" \
      --compressed \
      https://api.pulumi.com/api/orgs/{organization}/auditlogs?startTime=1615872240

    curl \
      -H "Accept: application/vnd.pulumi+8" \
      -H "Authorization: token $PULUMI_ACCESS_TOKEN" \
      --compressed \
      https://api.pulumi.com/api/orgs/{organization}/auditlogs/export?startTime=1615872240&format=cef
"#;

/// The documentation's text, if it is beside the checkout.
fn documented() -> Option<String> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var("PILEUS_SHARED").unwrap_or_else(|_| beside.to_owned());
    std::fs::read_to_string(format!("{shared}/seeds/audit-logs.txt")).ok()
}

/// Each command on one line: from `curl` on, as long as lines end with a backslash.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line == "curl \\" {
            let mut command = line.trim_end_matches('\\').to_owned();
            for line in lines.by_ref() {
                command.push_str(line.trim_end_matches('\\'));
                if !line.ends_with('\\') {
                    break;
                }
            }
            found.push(command);
        }
    }
    found
}

/// The command as somebody pastes it into a shell: the URL quoted, since `&` and `?` mean something there.
fn pasted(world: &World, command: &str, start: &str) -> String {
    let (head, url) = command.rsplit_once(' ').unwrap();
    let url = url.replace("https://api.pulumi.com", world.url()).replace("{organization}", "pulumi");
    let url = url.replace("startTime=1615872240", &format!("startTime={start}"));
    let head = head.replace("pul-abcdefghijklmnopqrstuvwxyz", TOKEN);
    format!("{} -q -sS --fail {} '{url}'", head.split_once(' ').unwrap().0, head.split_once(' ').unwrap().1)
}

fn answer(world: &World, command: &str) -> String {
    let mut shell = world.command("/bin/sh");
    shell.env("PULUMI_ACCESS_TOKEN", TOKEN).args(["-c", command]);
    Ran::of(shell).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_lines_work() {
    if on_path("curl", "the documentation's curl lines").is_none() {
        return;
    }
    let world = World::start();
    let admin = world.server.admin();
    for login in ["user2", "user3"] {
        let _ = admin.post("/api/admin/users", json!({"login": login, "name": login, "email": ""})).await.expect(201);
        let _ = admin.post(&format!("/api/orgs/pulumi/members/{login}"), json!({"role": "member"})).await.expect(200);
        let _ = admin.patch(&format!("/api/orgs/pulumi/members/{login}"), json!({"role": "admin"})).await.expect(204);
    }
    let built_in = commands(BUILT_IN);
    if let Some(text) = documented() {
        assert_eq!(commands(&text), built_in, "the documentation's lines are the ones tried here");
    }
    // A bound after everything; with the documented one, of 2021, there is nothing yet.
    let late = "4102444800";
    let json: Value = serde_json::from_str(&answer(&world, &pasted(&world, &built_in[0], late))).unwrap();
    let events = json["auditLogEvents"].as_array().unwrap();
    assert_eq!(json.get("continuationToken"), None);
    let changed = events.iter().find(|e| e["event"] == "Member Role Changed").unwrap();
    assert_eq!(changed["description"], "Changed organization role for \"user3\" to admin");
    for key in ["timestamp", "sourceIP", "event", "description", "user"] {
        assert!(events.iter().all(|e| e.get(key).is_some()), "{key}: {json}");
    }
    let early: Value = serde_json::from_str(&answer(&world, &pasted(&world, &built_in[0], "1615872240"))).unwrap();
    assert_eq!(early["auditLogEvents"], json!([]));
    let cef = answer(&world, &pasted(&world, &built_in[1], late));
    let line = cef.lines().find(|l| l.contains("|Member Role Changed|")).unwrap();
    assert!(
        line.contains(
            " CEF:0|Pulumi|Pulumi Service|1.0|Member Role Changed|Changed organization role for \"user3\" to admin|0|"
        ),
        "{line}"
    );
    let csv = answer(&world, &pasted(&world, &built_in[1].replace("&format=cef", ""), late));
    let (header, rows) = csv.split_once('\n').unwrap();
    assert_eq!(
        header,
        "Timestamp,Name,Login,Event,Description,SourceIP,RequireOrgAdmin,RequireStackAdmin,AuthenticationFailure"
    );
    let row = ",admin,admin,Member Role Changed,\"Changed organization role for \"\"user2\"\" to admin\",127.0.0.1,true,false,false\n";
    assert!(rows.contains(row), "{rows}");
}
