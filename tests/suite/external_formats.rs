//! CSV and CEF with the hardest texts that people can enter, read by parsers that none of us wrote.

use crate::external_support::{Cli, Ran, World, external, go, on_path, pulumi, python};
use pileus_testkit::{client::Client, server::TOKEN};
use serde_json::{Value, json};
use std::process::Command;

/// Texts with everything that one of the formats gives a meaning to.
const HARD: [&str; 10] = [
    "=cmd()",
    "a|b",
    "He said \"no\", twice",
    "one\ntwo\r\nthree",
    "back\\slash \\n \\| \\=",
    "k=v src=6.6.6.6 suser=root",
    "🦀 tbpiX4c= שלום مرحبا \u{202e}abc\u{202c}",
    "\tTabbed  and trailing ",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "CEF:0|Fake|Product|1|x|y|9|",
];

/// Does things as people whose names, and with things whose names, are hard.
async fn make_trouble(world: &World) -> Client {
    let admin = world.server.admin();
    for (at, text) in HARD.iter().enumerate() {
        let login = format!("hard-{at}");
        let user = json!({"login": login, "name": text, "email": ""});
        let _ = admin.post("/api/admin/users", user).await.expect(201);
        let _ = admin.post(&format!("/api/orgs/pulumi/members/{login}"), json!({"role": "admin"})).await.expect(200);
        let made = admin.post(&format!("/api/admin/users/{login}/tokens"), json!({"description": text})).await;
        let own = admin.with_token(made.json()["tokenValue"].as_str().unwrap_or_else(|| panic!("{}", made.text())));
        let team = json!({"name": format!("team-{at}"), "displayName": text, "description": text});
        let _ = own.post("/api/orgs/pulumi/teams/pulumi", team).await.expect(201);
        let flat = text.replace(char::is_control, " ");
        let name: String = flat.chars().take(40).collect();
        let token = json!({"name": name, "description": text, "admin": true, "expires": 0});
        let made =
            own.post("/api/orgs/pulumi/tokens?reason=why%20%22not%22%3F%20a%7Cb%3Dc%0Ad", token).await.expect(200);
        let machine = admin.with_token(made.json()["tokenValue"].as_str().unwrap());
        let role = json!({"name": flat, "description": text, "resourceType": "organization", "uxPurpose": "role",
            "details": {"__type": "PermissionDescriptorAllow", "permissions": ["team:list"]}});
        let _ = machine.post("/api/orgs/pulumi/roles", role).await.expect(200);
    }
    // The longest thing that a description names: over the 512 characters that CEF gives it.
    let key = json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"});
    let issuer = json!({"name": "long", "url": format!("https://long.example/{}", "a=b|c,d\\".repeat(80)), "jwks": {"keys": [key]}});
    let _ = admin.post("/api/orgs/pulumi/oidc/issuers", issuer).await.expect(200);
    admin
}

/// Texts in, the same texts out, through every reader that is here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_text_survives_every_parser() {
    let Some(python) = python("exports read by Python's csv and gzip, cefp and pycef") else { return };
    let world = World::start_with(&[("PILEUS_TRUSTED_PROXIES", "127.0.0.1")]);
    let admin = make_trouble(&world).await;
    let from_afar = admin.request("GET", "/api/orgs/pulumi/auditlogs/v2").header("X-Forwarded-For", "2001:db8::7");
    let _ = pileus_testkit::client::Answer::of("GET from an IPv6 address".into(), from_afar).await.expect(200);
    let said = world.script(&python, "texts.py", &[world.directory.path().to_str().unwrap()]).ok();
    let end = serde_json::from_str::<Value>(said.lines().last().unwrap()).unwrap()["end"].as_i64().unwrap();
    let expected: Value = serde_json::from_slice(&std::fs::read(world.path("expected.json")).unwrap()).unwrap();
    read_by_go(&world, &expected);
    read_by_the_cli(&world, &expected, end);
}

/// Go's `encoding/csv`, which is the CLI's.
fn read_by_go(world: &World, expected: &Value) {
    let Some(go) = go("exports read by Go's encoding/csv") else { return };
    let program = world.path("gocsv");
    let mut build = Command::new(&go);
    build.args(["build", "-o"]).arg(&program).arg(".").current_dir(external("gocsv"));
    build.env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").env("GOTOOLCHAIN", "local").env("GO111MODULE", "on");
    let _ = Ran::of(build).ok();
    for name in ["v1.csv", "v2.csv", "all.csv", "safe.csv"] {
        let mut read = world.command(&program);
        read.stdin(std::fs::File::open(world.path(name)).unwrap());
        assert_eq!(Ran::of(read).json(), expected[name], "{name}");
    }
}

/// The CLI's own export, as it is and as the records that it makes of it.
fn read_by_the_cli(world: &World, expected: &Value, end: i64) {
    let Some(pulumi) = pulumi("exports by `pulumi org audit-log export`") else { return };
    let cli = Cli::new(&pulumi, world, TOKEN).login();
    let run = |args: &[&str]| cli.run(&[&["org", "audit-log", "export", "--org", "pulumi"], args].concat());
    let end = end.to_string();
    let text = std::fs::read_to_string(world.path("v1.csv")).unwrap();
    assert_eq!(run(&["--start-time", &end]).ok(), text);
    let records = expected["v1.csv"].as_array().unwrap();
    let made = run(&["--start-time", &end, "--output", "json"]).json();
    assert_eq!(made["count"], records.len() - 1);
    let header = records[0].as_array().unwrap();
    for (event, record) in made["events"].as_array().unwrap().iter().zip(&records[1..]) {
        for (column, value) in header.iter().zip(record.as_array().unwrap()) {
            assert_eq!(&event[column.as_str().unwrap()], value, "{event}");
        }
    }
    let made = run(&["--start-time", &end, "--format", "cef", "--output", "json"]).json();
    assert_eq!((&made["format"], &made["count"]), (&json!("cef"), &json!(records.len() - 1)), "{made}");
    let start = run(&["--start-time", &end, "--format", "cef", "--count", "20"]).ok();
    assert_eq!(start.trim_end_matches('\n').len(), 20, "{start:?}");
}

/// `curl --compressed` inflates the whole stream, which is one gzip member, and gives the file its name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_inflates_the_whole_stream() {
    let Some(curl) = on_path("curl", "exports read by curl --compressed") else { return };
    let world = World::start();
    let _ = make_trouble(&world).await;
    let export = format!("{}/api/orgs/pulumi/auditlogs/v2/export", world.url());
    let run = |args: &[&str]| {
        let mut command = world.command(&curl);
        command.args(["-q", "-sS", "--fail", "-H", &format!("Authorization: token {TOKEN}")]).args(args);
        Ran::of(command)
    };
    let text = run(&["--compressed", &format!("{export}?format=cef")]).ok();
    assert!(text.lines().count() > 5 * HARD.len(), "{text}");
    assert!(text.lines().all(|line| line.contains(" CEF:0|Pulumi|Pulumi Service|1.0|")), "{text}");
    let oldest = text.lines().last().unwrap();
    assert!(oldest.contains("Organization Created"), "the stream is cut: {oldest}");
    let named = run(&["--compressed", "-OJ", &export]);
    let _ = named.ok();
    let files = std::fs::read_dir(world.directory.path()).unwrap().flatten();
    let saved = files.map(|f| f.file_name().into_string().unwrap()).find(|n| n.starts_with("audit-log-pulumi-"));
    assert!(saved.as_deref().is_some_and(|n| n.ends_with(".csv")), "{saved:?}");
}
