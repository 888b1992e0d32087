//! What the pulumiservice provider expects of Insights accounts: its requests byte by byte, and what it reads of the replies. The
//! provider itself needs an engine and stacks; this is its HTTP.

use crate::insights_accounts::{environment, with_yaml};
use pileus_testkit::{
    app::TestApp,
    client::{Answer, Client},
};
use serde_json::{Value, json};

/// One environment for each cloud, with what that cloud's accounts need.
const CLOUDS: [(&str, &str); 4] = [
    (
        "azure-native",
        "values:\n  environmentVariables: {ARM_CLIENT_ID: a, ARM_TENANT_ID: b, ARM_SUBSCRIPTION_ID: c, ARM_CLIENT_SECRET: d}\n",
    ),
    ("gcp", "values:\n  environmentVariables: {GOOGLE_PROJECT: p, GOOGLE_OAUTH_ACCESS_TOKEN: t}\n"),
    (
        "oci",
        "values:\n  environmentVariables: {OCI_TENANCY_OCID: t, OCI_USER_OCID: u, OCI_FINGERPRINT: f, OCI_REGION: r}\n  files: {OCI_PRIVATE_KEY_PATH: key}\n",
    ),
    ("kubernetes", "values:\n  files: {KUBECONFIG: \"{}\"}\n"),
];

/// The provider's client: path segments are joined and escaped as Go's `url.URL` does, so that a slash stays one.
struct Provider<'a>(&'a Client);

fn escaped(segment: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-_.~/+:@&=$".contains(&b);
    segment.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

impl Provider<'_> {
    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let path = format!("/api/preview/insights/pulumi/accounts{path}");
        let mut request = self.0.request(method, &path).header("Accept", "application/vnd.pulumi+9");
        request = request.header("Content-Type", "application/json");
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        Answer::of(format!("{method} {path}"), request).await
    }
    async fn of(&self, method: &str, account: &str, rest: &str, body: Option<Value>) -> Answer {
        self.ask(method, &format!("/{}{rest}", escaped(account)), body).await
    }
    /// As its resource is made: created, tagged, read back. The body of the creation is not read, any 2xx will do.
    async fn create(&self, account: &str, body: Value, tags: Option<Value>) -> Value {
        let made = self.of("POST", account, "", Some(body)).await;
        assert!((200..300).contains(&made.status), "{} {}", made.status, made.text());
        if let Some(tags) = tags {
            let _ = self.of("PUT", account, "/tags", Some(json!({"tags": tags}))).await.expect(204);
        }
        self.read(account).await.expect("the account is there")
    }
    /// A 404 means that it is gone, nothing else does.
    async fn read(&self, account: &str) -> Option<Value> {
        let answer = self.of("GET", account, "", None).await;
        if answer.status == 404 {
            assert_eq!(answer.json(), json!({"code": 404, "message": "insights account not found"}));
            return None;
        }
        Some(answer.expect(200).json())
    }
    async fn scan_status(&self, account: &str) -> Option<Value> {
        let answer = self.of("GET", account, "/scan", None).await;
        if answer.status == 404 {
            assert_eq!(answer.json(), json!({"code": 404, "message": "no scan found"}));
            return None;
        }
        Some(answer.expect(200).json())
    }
    /// As its function `TriggerScan`: a running one is answered, else one is started; 204 stands for a queued one.
    async fn trigger(&self, account: &str) -> Value {
        if let Some(status) = self.scan_status(account).await.filter(|status| status["status"] == "running") {
            return status;
        }
        let started = self.of("POST", account, "/scan", Some(json!({}))).await;
        if started.status == 204 {
            assert!(started.body.is_empty());
            return json!({"status": "queued"});
        }
        started.expect(200).json()
    }
}

/// The error body that its client parses.
async fn refused(answer: Answer, status: u16, message: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["code"], status, "{body}");
    let said = body["message"].as_str().unwrap();
    assert!(said == message || said.starts_with(&format!("{message}: ")), "{said}");
}

/// The fields of its `WorkflowRun`, all of them texts; a null is read as the empty text.
fn is_run(run: &Value) {
    for field in ["id", "orgId", "userId", "status", "startedAt", "finishedAt", "lastUpdatedAt"] {
        assert!(run[field].is_string() || run[field].is_null(), "{field}: {run}");
    }
    assert!(["running", "failed", "succeeded"].contains(&run["status"].as_str().unwrap()), "{run}");
}

async fn all_clouds(t: &TestApp) -> Vec<&'static str> {
    environment(&t.admin, "aws", "111111111111", "right").await;
    for (cloud, yaml) in CLOUDS {
        with_yaml(&t.admin, cloud, yaml).await;
    }
    ["aws"].into_iter().chain(CLOUDS.iter().map(|(cloud, _)| *cloud)).collect()
}

both! {
    async fn an_account_of_each_cloud_from_first_to_last(t: TestApp) {
        let provider = Provider(&t.admin);
        for cloud in all_clouds(&t).await {
            let (name, environment) = (format!("{cloud} of ours"), format!("insights/{cloud}"));
            assert_eq!(provider.read(&name).await, None);
            let body = json!({"provider": cloud, "environment": environment, "scanSchedule": "none"});
            let made = provider.create(&name, body, Some(json!({"stage": "test", "team": "platform"}))).await;
            assert!(!made["id"].as_str().unwrap().is_empty());
            assert_eq!((&made["name"], &made["provider"], &made["providerEnvRef"]), (&json!(name), &json!(cloud), &json!(environment)));
            // `scheduledScanEnabled` is all that it learns of the schedule: false is `none`, true `daily`.
            assert_eq!(made["scheduledScanEnabled"], false);
            let config = made.get("providerConfig");
            assert!(config.is_none_or(Value::is_object), "{made}");
            let tags = provider.of("GET", &name, "/tags", None).await.expect(200).json();
            assert_eq!((&tags["tags"]["stage"]["value"], &tags["tags"]["team"]["name"]), (&json!("test"), &json!("team")));
            // Every update names empty regions, whatever the cloud, and all tags, perhaps null.
            let change = json!({"environment": environment, "scanSchedule": "daily", "providerConfig": {"regions": []}});
            assert!(provider.of("PATCH", &name, "", Some(change)).await.expect(204).body.is_empty());
            let _ = provider.of("PUT", &name, "/tags", Some(json!({"tags": null}))).await.expect(204);
            assert_eq!(provider.of("GET", &name, "/tags", None).await.expect(200).json(), json!({"tags": {}}));
            assert_eq!(provider.read(&name).await.unwrap()["scheduledScanEnabled"], true);
            let change = json!({"environment": environment, "scanSchedule": "none", "providerConfig": {"regions": []}});
            let _ = provider.of("PATCH", &name, "", Some(change)).await.expect(204);
            // A scan: none, started, found running, refused a second time.
            assert_eq!(provider.scan_status(&name).await, None);
            let started = provider.trigger(&name).await;
            assert_eq!(started["status"], if cloud == "aws" { "queued" } else { "running" });
            let running = provider.scan_status(&name).await.unwrap();
            is_run(&running);
            assert_eq!(running["status"], "running");
            let again = provider.trigger(&name).await;
            assert_eq!((&again["id"], &again["status"]), (&running["id"], &json!("running")));
            if cloud != "aws" {
                is_run(&started);
                assert_eq!(started["id"], running["id"]);
            }
            refused(provider.of("POST", &name, "/scan", Some(json!({}))).await, 400, "scan already in progress").await;
            assert_eq!(provider.of("GET", &name, "/policy/packs", None).await.expect(200).json(), json!({"packs": []}));
            assert!(provider.of("DELETE", &name, "", None).await.expect(204).body.is_empty());
            assert_eq!(provider.read(&name).await, None);
            assert_eq!(provider.scan_status_of_nothing(&name).await, "insights account not found");
            refused(provider.of("DELETE", &name, "", None).await, 404, "insights account not found").await;
        }
    }

    async fn what_is_refused(t: TestApp) {
        let provider = Provider(&t.admin);
        let _ = all_clouds(&t).await;
        let of = |environment: &str| json!({"provider": "aws", "environment": environment, "scanSchedule": "daily"});
        refused(provider.of("POST", "a", "", Some(of("test-env"))).await, 400, "invalid environment reference").await;
        refused(provider.of("POST", "a", "", Some(of("p/nosuch"))).await, 404, "environment not found").await;
        refused(provider.of("POST", "a", "", Some(of("insights/aws@77"))).await, 404, "environment not found").await;
        refused(provider.of("POST", "a/b", "", Some(of("insights/aws"))).await, 400, "invalid account name").await;
        assert_eq!(provider.read("a").await, None);
        let _ = provider.create("a", of("insights/aws"), None).await;
        let change = |environment: &str| json!({"environment": environment, "scanSchedule": "none"});
        refused(provider.of("PATCH", "a", "", Some(change("p/nosuch"))).await, 404, "environment not found").await;
        refused(provider.of("PATCH", "a", "", Some(change("x"))).await, 400, "invalid environment reference").await;
        refused(provider.of("PATCH", "nosuch", "", Some(change("insights/aws"))).await, 404, "insights account not found").await;
        let tags = json!({"tags": {"no blanks": "x"}});
        refused(provider.of("PUT", "a", "/tags", Some(tags)).await, 400, "invalid tag name or value").await;
        refused(provider.of("PUT", "a/global", "/tags", Some(json!({"tags": {}}))).await, 403, "Tags on child accounts are managed by the parent account").await;
        refused(provider.of("PATCH", "a/global", "/teams/x", Some(json!({"permissions": 1}))).await, 403, "permissions must be managed on the parent account").await;
        refused(provider.ask("GET", "?count=0", None).await, 400, "count must be in the range [1, 1000]").await;
        refused(provider.ask("POST", "", Some(json!({"accounts": []}))).await, 400, "accounts must hold 1 to 100 accounts").await;
    }

    async fn functions_and_other_resources(t: TestApp) {
        let provider = Provider(&t.admin);
        for cloud in all_clouds(&t).await {
            let body = json!({"provider": cloud, "environment": format!("insights/{cloud}"), "scanSchedule": "12h"});
            let _ = provider.create(cloud, body, None).await;
        }
        // `getInsightsAccounts` reads one page; the default has a hundred.
        let all = provider.ask("GET", "", None).await.expect(200).json();
        let names: Vec<_> = all["accounts"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["aws", "azure-native", "gcp", "kubernetes", "oci"]);
        assert!(all["accounts"].as_array().unwrap().iter().all(|a| a["scheduledScanEnabled"] == true));
        for account in all["accounts"].as_array().unwrap() {
            let one = provider.read(account["name"].as_str().unwrap()).await.unwrap();
            for field in ["id", "name", "provider", "providerEnvRef", "scheduledScanEnabled"] {
                assert_eq!(one[field], account[field], "{field}");
            }
            assert_eq!(one.get("providerConfig"), account.get("providerConfig"));
        }
        // A child's name arrives with its slash as it is.
        let child = provider.read("aws/us-east-1").await.unwrap();
        assert_eq!((&child["name"], &child["providerEnvRef"]), (&json!("aws/us-east-1"), &json!("insights/aws")));
        assert_eq!(provider.read("aws/mars-north-1").await, None);
        // `ScheduledScanSettings`
        let settings = json!({"paused": true, "scheduleCron": "0 6 * * *"});
        let _ = provider.of("PUT", "aws", "/scan/settings", Some(settings.clone())).await.expect(204);
        let read = provider.of("GET", "aws", "/scan/settings", None).await.expect(200).json();
        assert_eq!((&read["paused"], &read["scheduleCron"]), (&settings["paused"], &settings["scheduleCron"]));
        assert_eq!(provider.read("aws").await.unwrap()["scheduledScanEnabled"], false);
    }
}

impl Provider<'_> {
    /// Of an account that is gone there is no scan either, and that is said of the account.
    async fn scan_status_of_nothing(&self, account: &str) -> String {
        self.of("GET", account, "/scan", None).await.error(404)
    }
}
