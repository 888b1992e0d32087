//! The real pulumi CLI with Insights accounts: every command of `pulumi insights` that is served, in every output that it has, with
//! an AWS of others behind. Environments with the CLI are in `environments_real`.

use crate::external_support::{Cli, Moto, World, pulumi, python};
use pileus_testkit::server::TOKEN;
use serde_json::{Value, json};

/// The name of the account: blanks, as the documentation's example has them.
const NAME: &str = "FizzBuzz AWS Staging";
const CHILD: &str = "FizzBuzz AWS Staging/us-east-1";
const BUCKET: &str = "aws:s3/bucket:Bucket::walk-one";

/// An account in the making, of these credentials.
const NEW: [&str; 7] = ["--environment", "insights/aws", "--scan-schedule", "none", "--yes", "--provider", "aws"];

struct Insights<'a>(Cli<'a>);

impl Insights<'_> {
    fn account(&self, args: &[&str]) -> crate::external_support::Ran {
        self.0.run(&[&["insights", "account"], args].concat())
    }
    fn json(&self, args: &[&str]) -> Value {
        self.account(&[args, &["--output", "json"]].concat()).json()
    }
    /// The rows of a table, which is what the command prints by default.
    fn rows(&self, args: &[&str]) -> Vec<Vec<String>> {
        let plain = self.0.table(&[&["insights", "account"], args].concat());
        assert_eq!(self.0.table(&[&["insights", "account"], args, &["--output", "default"]].concat()), plain);
        plain
    }
    /// Asks for a scan until it is over: there is no command that waits for one. Starting the program takes a while, so a thousand
    /// times are more than enough.
    fn finished(&self, account: &str, scan: &str) -> Value {
        let mut got = Value::Null;
        for _ in 0..1_000 {
            got = self.json(&["scan", "get", account, scan]);
            if got["status"] != "running" {
                return got;
            }
        }
        panic!("the scan does not end: {got}");
    }
}

fn names(listed: &Value) -> Vec<&str> {
    listed["accounts"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect()
}

/// `account new`: made, read back, refused.
fn new(i: &Insights<'_>) {
    let regions = json!({"regions": ["us-east-1"]}).to_string();
    let made = i.account(&[&["new", NAME, "--provider-config", &regions], &NEW[..]].concat()).ok();
    for line in [format!("Name:                  {NAME}"), "Environment:           insights/aws".into()] {
        assert!(made.lines().any(|said| said == line), "{made}");
    }
    let made = i.json(&[&["new", "100% of +x", "--provider-config", &regions], &NEW[..]].concat());
    assert_eq!((&made["name"], &made["providerConfig"]["regions"]), (&json!("100% of +x"), &json!(["us-east-1"])));
    assert_eq!((&made["ownedBy"]["githubLogin"], &made["scanStatus"]["status"]), (&json!("admin"), &json!("")));
    let refused = i.account(&[&["new", NAME], &NEW[..]].concat()).fails();
    assert!(refused.contains("[409]") && refused.contains("already exists"), "{refused}");
    let refused = i.account(&["new", "b", "--provider", "aws", "--environment", "insights/nosuch", "--yes"]).fails();
    assert!(refused.contains("[404] environment not found"), "{refused}");
    let refused = i.account(&[&["new", "a/b"], &NEW[..]].concat()).fails();
    assert!(refused.contains("[400] invalid account name"), "{refused}");
}

/// `account list`
fn list(i: &Insights<'_>) {
    let rows = i.rows(&["list"]);
    assert_eq!(rows[1][..4], [NAME, "aws", "admin", "no"], "{rows:?}");
    for args in [&["list"][..], &["list", "--all"], &["list", "--count", "10"], &["list", "--org", "pulumi"]] {
        assert_eq!(names(&i.json(args)), ["100% of +x", NAME], "{args:?}");
    }
    let children = format!("{NAME}/global");
    assert_eq!(names(&i.json(&["list", "--parent", NAME])), [&children, CHILD]);
    assert_eq!(i.rows(&["list", "--parent", NAME, "--all"])[1][0], CHILD);
    let refused = i.account(&["list", "--parent", "nosuch"]).fails();
    assert!(refused.contains("[404] insights account not found"), "{refused}");
    let refused = i.account(&["list", "--role-id", "nosuch"]).fails();
    assert!(refused.contains("[400]"), "{refused}");
}

/// `account scan` of a parent and of a child; the child's run is over afterwards.
fn scan(i: &Insights<'_>) -> String {
    assert_eq!(i.account(&["scan", "100% of +x"]).ok().trim(), "Scan triggered.");
    let said = i.account(&["scan", CHILD, "--read-concurrency", "8", "--read-timeout", "1m"]).ok();
    assert!(said.contains("Status:       running") && said.contains("- Scan account"), "{said}");
    let again = i.account(&["scan", CHILD]).fails();
    assert!(again.contains("[400] scan already in progress"), "{again}");
    let run = i.json(&["scan", &format!("{NAME}/global")]);
    assert_eq!((&run["status"], &run["jobs"][0]["steps"][3]["name"]), (&json!("running"), &json!("Scan account")));
    assert_eq!(i.json(&["scan", "list", "100% of +x"])["scans"].as_array().unwrap().len(), 2);
    let refused = i.account(&["scan", "nosuch"]).fails();
    assert!(refused.contains("[404] insights account not found"), "{refused}");
    let listed = i.json(&["scan", "list", CHILD]);
    let scan = listed["scans"][0]["id"].as_str().unwrap().to_owned();
    let done = i.finished(CHILD, &scan);
    assert_eq!(done["status"], "succeeded", "{done}");
    scan
}

/// `scan list`, `scan get`, `scan log` of a run that is over.
fn look_back(i: &Insights<'_>, scan: &str) {
    let rows = i.rows(&["scan", "list", CHILD]);
    assert_eq!((&rows[0][0][..], &rows[0][2][..]), (scan, "succeeded"), "{rows:?}");
    for args in [&["scan", "list", NAME][..], &["scan", "list", NAME, "--all"], &["scan", "list", NAME, "--count", "9"]]
    {
        let all = i.json(args);
        let accounts: Vec<_> = all["scans"].as_array().unwrap().iter().map(|s| s["accountName"].clone()).collect();
        assert_eq!(accounts.len(), 2, "{all}");
        assert!(accounts.contains(&json!(CHILD)), "{all}");
    }
    let said = i.account(&["scan", "get", CHILD, scan]).ok();
    assert!(said.lines().any(|line| line == "Status:            succeeded"), "{said}");
    let refused = i.account(&["scan", "get", CHILD, "nosuch"]).fails();
    assert!(refused.contains("[404]"), "{refused}");
    // The first page, so many lines, all of them; as text and as JSON.
    let all = i.account(&["scan", "log", CHILD, scan, "--all"]).ok();
    assert!(all.starts_with("[Setup]") && all.trim_end().ends_with("Succeeded"), "{all}");
    let lines = |said: &Value| said["lines"].as_array().unwrap().len();
    let every = i.json(&["scan", "log", CHILD, scan, "--all"]);
    assert_eq!((&every["__type"], lines(&every)), (&json!("DeploymentLogs"), all.trim_end().lines().count()));
    assert_eq!(lines(&i.json(&["scan", "log", CHILD, scan, "--count", "3"])), 3);
    let first = i.account(&["scan", "log", CHILD, scan]).ok();
    assert!(all.starts_with(first.lines().next().unwrap()), "{first}");
    // One step.
    let step = ["scan", "log", CHILD, scan, "--job", "0", "--step", "1", "--all"];
    let said = i.account(&step).ok();
    assert!(said.contains("Opened environment insights/aws@") && !said.contains("Succeeded"), "{said}");
    let said = i.json(&step);
    assert_eq!((&said["__type"], lines(&said)), (&json!("DeploymentLogsStep"), 2), "{said}");
}

/// `insights resource get`, by the child and by the parent.
fn resource(i: &Insights<'_>) {
    for account in [NAME, CHILD] {
        let get = ["insights", "resource", "get", "--account", account, BUCKET];
        let said = i.0.run(&get).ok();
        assert!(said.lines().any(|line| line == format!("Account:      {CHILD}")), "{said}");
        assert!(said.contains("\"Name\": \"walk-one\""), "{said}");
        let got = i.0.run(&[&get[..], &["--output", "json"]].concat()).json();
        assert_eq!((&got["account"], &got["version"]), (&json!(CHILD), &json!(1)));
        assert_eq!((&got["id"], &got["type"]), (&json!("walk-one"), &json!("aws:s3/bucket:Bucket")));
    }
    let other = ["insights", "resource", "get", "--account", NAME, "aws:s3/bucket:Bucket::nosuch"];
    assert!(i.0.run(&other).fails().contains("[404]"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_and_scans() {
    let Some(program) = pulumi("Insights accounts with the real CLI") else { return };
    let Some(python) = python("Insights accounts with the real CLI, against moto") else { return };
    let moto = Moto::start(&python);
    // moto has no Cloud Control: asking it for a thousand types there would only take time.
    let listing = ("PILEUS_CLOUDS_AWS_LISTING", "native");
    let world = World::start_with(&[("PILEUS_CLOUDS_AWS_ENDPOINT", &moto.url), listing]);
    let i = Insights(Cli::new(&program, &world, TOKEN).login());
    let _ = i.0.run(&["env", "init", "pulumi/insights/aws"]).ok();
    let set = |name: &str, args: &[&str]| {
        let path = format!("environmentVariables.{name}");
        let _ = i.0.run(&[&["env", "set", "pulumi/insights/aws", &path], args].concat()).ok();
    };
    set("AWS_ACCESS_KEY_ID", &["AKIAIOSFODNN7EXAMPLE"]);
    set("AWS_SECRET_ACCESS_KEY", &["none-of-anybody", "--secret"]);
    new(&i);
    list(&i);
    let scan = scan(&i);
    look_back(&i, &scan);
    resource(&i);
    // What is found stands in the list, too.
    let rows = i.rows(&["list"]);
    assert!(rows[1][5].parse::<i64>().unwrap() >= 2, "{rows:?}");
}
