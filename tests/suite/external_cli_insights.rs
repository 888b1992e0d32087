//! The real pulumi CLI with Insights accounts: created, listed and scanned, with an AWS of others behind. Environments with the CLI
//! are in `environments_real`.

use crate::external_support::{Cli, Moto, World, pulumi, python};
use pileus_testkit::server::TOKEN;
use serde_json::{Value, json};

const CREDENTIALS: &str = "values:
  environmentVariables:
    AWS_ACCESS_KEY_ID: AKIAIOSFODNN7EXAMPLE
    AWS_SECRET_ACCESS_KEY:
      fn::secret: none-of-anybody
";

/// The names of the accounts in a list.
fn names(listed: &Value) -> Vec<&str> {
    listed["accounts"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect()
}

/// Asks for a scan until it is over: `pulumi` has no command that waits for one. Starting the program takes a while, so a
/// thousand times are more than enough.
fn finished(cli: &Cli<'_>, account: &str, scan: &str) -> Value {
    let mut got = Value::Null;
    for _ in 0..1_000 {
        got = cli.run(&["insights", "account", "scan", "get", account, scan, "--output", "json"]).json();
        if got["status"] != "running" {
            return got;
        }
    }
    panic!("the scan does not end: {got}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_and_scans() {
    let Some(program) = pulumi("Insights accounts with the real CLI") else { return };
    let Some(python) = python("Insights accounts with the real CLI, against moto") else { return };
    let moto = Moto::start(&python);
    let world = World::start_with(&[("PILEUS_CLOUDS_AWS_ENDPOINT", &moto.url)]);
    let cli = Cli::new(&program, &world, TOKEN).login();
    let file = world.file("credentials.yaml", CREDENTIALS);
    let _ = cli.run(&["env", "init", "pulumi/insights/aws", "--file", &file]).ok();
    let account = |args: &[&str]| cli.run(&[&["insights", "account"], args].concat());
    let new = ["--environment", "insights/aws", "--scan-schedule", "none", "--yes"];
    let regions = json!({"regions": ["us-east-1"]}).to_string();
    let made = account(&[&["new", "prod", "--provider", "aws", "--provider-config", &regions], &new[..]].concat()).ok();
    assert!(made.contains("prod"), "{made}");
    let refused = account(&[&["new", "prod", "--provider", "aws"], &new[..]].concat()).fails();
    assert!(refused.contains("[409]"), "{refused}");
    let refused = account(&["new", "b", "--provider", "aws", "--environment", "insights/nosuch", "--yes"]).fails();
    assert!(refused.contains("[404]"), "{refused}");
    assert_eq!(names(&account(&["list", "--output", "json"]).json()), ["prod"]);
    let children = account(&["list", "--parent", "prod", "--all", "--output", "json"]).json();
    assert_eq!(names(&children), ["prod/global", "prod/us-east-1"]);
    let rows = cli.table(&["insights", "account", "list"]);
    assert_eq!(rows[0][..4], ["prod", "aws", "admin", "no"], "{rows:?}");

    let run = account(&["scan", "prod/us-east-1", "--output", "json"]).json();
    let scan = run["id"].as_str().unwrap();
    let done = finished(&cli, "prod/us-east-1", scan);
    assert_eq!(done["status"], "succeeded", "{done}");
    let listed = account(&["scan", "list", "prod/us-east-1", "--output", "json"]).ok();
    assert!(listed.contains(scan), "{listed}");
    let _ = account(&["scan", "log", "prod/us-east-1", scan]).ok();
    let base = "/api/preview/insights/pulumi/accounts/prod%2Fus-east-1/resources/aws:s3%252Fbucket:Bucket::";
    for bucket in ["walk-one", "walk-two"] {
        let found = world.server.admin().get(&format!("{base}{bucket}")).await.expect(200).json();
        assert_eq!((&found["id"], &found["version"]), (&json!(bucket), &json!(1)));
    }
    let refused = account(&["scan", "nosuch"]).fails();
    assert!(refused.contains("[404]"), "{refused}");
}
