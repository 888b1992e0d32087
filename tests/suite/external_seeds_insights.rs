//! The literal `curl` lines of the documentation about Insights accounts, as somebody pastes them, against moto; and the README's
//! part about them, which is what they answered. `PILEUS_WRITE_README=1` writes it.

use crate::external_support::{Moto, Ran, World, on_path, pulumi, python};
use pileus_testkit::server::TOKEN;
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// The lines, for a checkout without the documentation beside it.
const BUILT_IN: [&str; 3] = [
    r#"curl \
  -X POST \
  -H "Accept: application/vnd.pulumi+6" \
  -H "Content-Type: application/json" \
  -H "Authorization: token $PULUMI_ACCESS_TOKEN" \
  -d '{
    "provider": "aws",
    "environment": "insights/pulumi-staging@2",
    "cron": "0 0 * * *",
    "providerConfig": {
      "regions": ["us-east-1", "us-east-2", "us-west-2"]
    }
  }' \
  https://api.pulumi.com/api/preview/insights/pulumi/accounts/FizzBuzz%20AWS%20Staging"#,
    r#"curl \
  -H "Accept: application/vnd.pulumi+8" \
  -H "Content-Type: application/json" \
  -H "Authorization: token $PULUMI_ACCESS_TOKEN" \
  https://api.pulumi.com/api/preview/insights/pulumi/accounts?count=1000"#,
    r#"curl \
  -H "Accept: application/vnd.pulumi+6" \
  -H "Content-Type: application/json" \
  -H "Authorization: token $PULUMI_ACCESS_TOKEN" \
  https://api.pulumi.com/api/preview/insights/pulumi/accounts/FizzBuzz%20AWS%20Staging"#,
];

/// How the environment is prepared: the revision of the documented account is the second.
const PREPARE: [&[&str]; 2] = [
    &["env", "init", "pulumi/insights/pulumi-staging"],
    &[
        "env",
        "set",
        "pulumi/insights/pulumi-staging",
        "environmentVariables",
        "{AWS_ACCESS_KEY_ID: AKIAIOSFODNN7EXAMPLE, AWS_SECRET_ACCESS_KEY: {fn::secret: wJalrXUtnFEMI/K7MDENG/bPxRfiCY}}",
    ],
];

const BEGIN: &str = "<!-- insights: begin -->\n";
const END: &str = "<!-- insights: end -->";

/// The documentation's text, if it is beside the checkout.
fn documented() -> Option<String> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var("PILEUS_SHARED").unwrap_or_else(|_| beside.to_owned());
    std::fs::read_to_string(format!("{shared}/seeds/insights-accounts.txt")).ok()
}

/// Each command, from `curl` to its URL, without what comes before all its lines; the host as it once was.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.find(|line| line.trim() == "curl \\") {
        let indent = line.len() - line.trim_start().len();
        let mut command = line.trim().to_owned();
        for line in lines.by_ref() {
            let line = line.get(indent..).unwrap_or_default();
            command.push('\n');
            match line.trim().strip_prefix("https://").and_then(|rest| rest.split_once('/')) {
                Some((_, path)) => {
                    command.push_str("  https://api.pulumi.com/");
                    command.push_str(path);
                    break;
                }
                None => command.push_str(line),
            }
        }
        found.push(command);
    }
    found
}

/// Runs a command as somebody pastes it into a shell: only the host replaced, and the URL quoted.
fn pasted(world: &World, command: &str) -> Value {
    let (head, url) = command.rsplit_once(' ').unwrap();
    let url = url.replace("https://api.pulumi.com", world.url());
    let command = format!("{} '{url}'", head.replacen("curl", "curl -q -sS --fail-with-body", 1));
    let mut shell = world.command("/bin/sh");
    shell.env("PULUMI_ACCESS_TOKEN", TOKEN).args(["-c", &command]);
    Ran::of(shell).json()
}

/// The environment of the documented account, with the CLI where there is one.
async fn prepare(world: &World) {
    if let Some(program) = pulumi("the documentation's environment, prepared with the CLI") {
        let cli = crate::external_support::Cli::new(&program, world, TOKEN).login();
        for args in PREPARE {
            let _ = cli.run(args).ok();
        }
    } else {
        let admin = world.server.admin();
        let yaml = format!("values:\n  environmentVariables: {}\n", PREPARE[1][4]);
        let body = json!({"project": "insights", "name": "pulumi-staging"});
        let _ = admin.post("/api/esc/environments/pulumi", body).await.expect(200);
        let request = admin.request("PATCH", "/api/esc/environments/pulumi/insights/pulumi-staging").body(yaml);
        let _ = pileus_testkit::client::Answer::of("PATCH".into(), request).await.expect(200);
    }
}

/// The list, as soon as the account's first scan is over.
async fn scanned(world: &World) -> Value {
    let mut list = Value::Null;
    for _ in 0..3_000 {
        list = pasted(world, BUILT_IN[1]);
        if ["succeeded", "failed"].contains(&list["accounts"][0]["scanStatus"]["status"].as_str().unwrap_or_default()) {
            return list;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the first scan does not end: {list}");
}

/// What stands in the README.
fn shown(answers: &[Value; 3]) -> String {
    let command = |of: &str| of.replace("https://api.pulumi.com", "http://127.0.0.1:8080");
    let quoted = |of: &str| {
        let (head, url) = of.rsplit_once(' ').unwrap();
        format!("{head} \"{url}\"")
    };
    let set = PREPARE[1];
    let mut text = String::from("An environment with the account's credentials, by the CLI:\n\n```\n");
    text.push_str(&format!("pulumi {}\n", PREPARE[0].join(" ")));
    text.push_str(&format!("pulumi {} \\\n  '{}'\n```\n", set[..4].join(" "), set[4]));
    text.push_str("\nThen the account, which is scanned at once and every day at midnight UTC:\n");
    let between = [
        "\nWhen its first scan is over, it stands in the list with what was found:\n",
        "\nOne account; the pages of its scans, resources and coverage are below it:\n",
        "",
    ];
    for ((line, answer), after) in BUILT_IN.iter().zip(answers).zip(between) {
        let answer = serde_json::to_string_pretty(answer).unwrap();
        text.push_str(&format!("\n```\n{}\n```\n\n```\n{answer}\n```\n{after}", quoted(&command(line))));
    }
    text
}

/// Without what is different each time: ids, times, and how much there is.
fn masked(text: &str) -> String {
    let mut line = String::new();
    for part in text.split_inclusive('\n') {
        let value = part.split_once("\": ");
        let volatile =
            ["\"id", "\"orgId", "\"userId", "\"startedAt", "\"finishedAt", "\"lastUpdatedAt", "\"resourceCount"];
        match value {
            Some((key, _)) if volatile.contains(&key.trim()) => line.push_str(&format!("{key}: …\n")),
            _ => line.push_str(part),
        }
    }
    line
}

fn compare_with_readme(text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has a part about Insights");
    let (stands, after) = rest.split_once(END).expect("the README's part ends");
    if std::env::var_os("PILEUS_WRITE_README").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{text}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(masked(stands), masked(text), "the README shows something else; PILEUS_WRITE_README=1 writes it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_lines_work() {
    if on_path("curl", "the documentation's curl lines about Insights accounts").is_none() {
        return;
    }
    let Some(python) = python("the documentation's lines about Insights accounts, against moto") else { return };
    if let Some(text) = documented() {
        assert_eq!(commands(&text), BUILT_IN, "the documentation's lines are the ones tried here");
    }
    let moto = Moto::start(&python);
    // moto has no Cloud Control.
    let listing = ("PILEUS_CLOUDS_AWS_LISTING", "native");
    let world = World::start_with(&[("PILEUS_CLOUDS_AWS_ENDPOINT", &moto.url), listing]);
    prepare(&world).await;
    let made = pasted(&world, BUILT_IN[0]);
    assert_eq!(made, json!({"message": "Account FizzBuzz AWS Staging created successfully."}));
    let list = scanned(&world).await;
    let account = &list["accounts"][0];
    assert_eq!(account["scanStatus"]["status"], "succeeded", "{list}");
    assert!(account["scanStatus"]["resourceCount"].as_i64().unwrap() >= 2, "{list}");
    let one = pasted(&world, BUILT_IN[2]);
    // Every field that the documentation shows, with the value that it shows where that is no accident.
    for (shown, field, value) in [
        (account, "/name", json!("FizzBuzz AWS Staging")),
        (account, "/provider", json!("aws")),
        (account, "/providerEnvRef", json!("insights/pulumi-staging@2")),
        (account, "/scheduledScanEnabled", json!(true)),
        (&one, "/name", json!("FizzBuzz AWS Staging")),
        (&one, "/providerEnvRef", json!("insights/pulumi-staging@2")),
        (&one, "/scheduledScanEnabled", json!(true)),
        (&one, "/providerConfig/regions", json!(["us-east-1", "us-east-2", "us-west-2"])),
    ] {
        assert_eq!(shown.pointer(field), Some(&value), "{field}");
    }
    for field in ["id", "orgId", "userId", "status", "startedAt", "finishedAt", "lastUpdatedAt", "jobTimeout"] {
        assert!(one["scanStatus"][field].is_string() && account["scanStatus"][field].is_string(), "{field}: {list}");
    }
    assert!(list.get("nextToken").is_none());
    compare_with_readme(&shown(&[made, list, one]));
}
