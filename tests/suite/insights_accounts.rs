//! Insights accounts: names in every encoding, credentials that must be the caller's to open, children, tags, teams, owners, and
//! what is recorded of all that.

use pileus_model::audit::Outcome;
use pileus_testkit::{
    app::TestApp,
    client::{Answer, Client},
};
use serde_json::{Value, json};

const BASE: &str = "/api/preview/insights/pulumi/accounts";
const ZERO: &str = "0001-01-01T00:00:00Z";

/// An environment with credentials of this account of AWS.
pub async fn environment(by: &Client, name: &str, account: &str, secret: &str) {
    let yaml = format!(
        "values:\n  environmentVariables:\n    AWS_ACCESS_KEY_ID: AKIA{account}\n    AWS_SECRET_ACCESS_KEY:\n      fn::secret: {secret}\n"
    );
    with_yaml(by, name, &yaml).await;
}

/// An environment with this definition.
pub async fn with_yaml(by: &Client, name: &str, yaml: &str) {
    let body = json!({"project": "insights", "name": name});
    let made = by.post("/api/esc/environments/pulumi", body).await;
    assert!(made.status < 300, "{} {}", made.status, made.text());
    let path = format!("/api/esc/environments/pulumi/insights/{name}");
    let request = by.request("PATCH", &path).header("Content-Type", "application/x-yaml").body(yaml.to_owned());
    let updated = Answer::of(format!("PATCH {path}"), request).await;
    assert!(updated.status < 300, "{} {}", updated.status, updated.text());
}

async fn create(by: &Client, name: &str, env: &str) -> Answer {
    by.post(&format!("{BASE}/{name}"), json!({"provider": "aws", "environment": env, "scanSchedule": "none"})).await
}

async fn with_accept(by: &Client, path: &str, accept: &str) -> Value {
    Answer::of(format!("GET {path}"), by.request("GET", path).header("Accept", accept)).await.expect(200).json()
}

/// Success events of one type: their descriptions.
async fn said(t: &TestApp, event: &str) -> Vec<String> {
    let log = t.log("pulumi").await;
    let all = t.events(log).await.into_iter();
    all.filter(|e| e.event.event.id() == event && e.event.outcome == Outcome::Success)
        .map(|e| e.event.description)
        .collect()
}

fn names(list: &Value) -> Vec<String> {
    list["accounts"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap().to_owned()).collect()
}

both! {
    async fn the_documented_lines(t: TestApp) {
        environment(&t.admin, "pulumi-staging", "111111111111", "right").await;
        let body = json!({"provider": "aws", "environment": "insights/pulumi-staging@2", "cron": "0 0 * * *",
            "providerConfig": {"regions": ["us-east-1", "us-east-2", "us-west-2"]}});
        let made = t.admin.post(&format!("{BASE}/FizzBuzz%20AWS%20Staging"), body).await.expect(200);
        assert_eq!(made.json(), json!({"message": "Account FizzBuzz AWS Staging created successfully."}));
        let path = format!("{BASE}/FizzBuzz%20AWS%20Staging");
        let shown = with_accept(&t.admin, &path, "application/vnd.pulumi+6").await;
        assert_eq!(shown["name"], "FizzBuzz AWS Staging");
        assert_eq!(shown["provider"], "aws");
        assert_eq!(shown["providerEnvRef"], "insights/pulumi-staging@2");
        assert_eq!(shown["scheduledScanEnabled"], true);
        assert_eq!(shown["providerConfig"], json!({"regions": ["us-east-1", "us-east-2", "us-west-2"]}));
        assert_eq!(shown["ownedBy"]["githubLogin"], "admin");
        let never = json!({"id": "", "orgId": "", "userId": "", "status": "", "startedAt": ZERO, "finishedAt": ZERO,
            "lastUpdatedAt": ZERO, "jobTimeout": ZERO});
        assert_eq!(shown["scanStatus"], never);
        let list = with_accept(&t.admin, &format!("{BASE}?count=1000"), "application/vnd.pulumi+8").await;
        assert_eq!(names(&list), ["FizzBuzz AWS Staging"]);
        assert_eq!(list["accounts"][0]["scanStatus"]["finishedAt"], Value::Null);
        assert_eq!(list["accounts"][0]["scanStatus"]["startedAt"], ZERO);
        assert!(list.get("nextToken").is_none());
        // Without the product's own media type no time is null, and there is no status before the first scan.
        let plain = with_accept(&t.admin, &path, "application/json").await;
        assert!(plain.get("scanStatus").is_none(), "{plain}");
        assert_eq!(said(&t, "cloud-account-created").await.len(), 1);
        assert!(said(&t, "environment-open").await[0].ends_with("for account \"FizzBuzz AWS Staging\""));
    }

    async fn today_and_older_words(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let today = json!({"provider": "aws", "environment": "insights/aws", "scanSchedule": "daily"});
        assert!(t.admin.post(&format!("{BASE}/a"), today).await.expect(204).body.is_empty());
        assert_eq!(t.admin.get(&format!("{BASE}/a")).await.expect(200).json()["providerConfig"], json!({"regions": []}));
        let azure = "values:\n  environmentVariables: {ARM_CLIENT_ID: a, ARM_TENANT_ID: b, ARM_SUBSCRIPTION_ID: c, ARM_CLIENT_SECRET: d}\n";
        with_yaml(&t.admin, "azure", azure).await;
        let older = json!({"provider": "azure", "environment": "insights/azure", "cron": "30 4 * * 1", "providerConfig": {"regions": []}});
        let _ = t.admin.post(&format!("{BASE}/b"), older).await.expect(200);
        let shown = t.admin.get(&format!("{BASE}/b")).await.expect(200).json();
        assert_eq!((&shown["provider"], shown.get("providerConfig")), (&json!("azure-native"), None));
        let settings = t.admin.get(&format!("{BASE}/b/scan/settings")).await.expect(200).json();
        assert_eq!(settings["scheduleCron"], "30 4 * * 1");
        for (body, word) in [
            (json!({"provider": "aws", "environment": "insights/aws", "cron": "every day"}), "cron"),
            (json!({"provider": "aws", "environment": "aws"}), "invalid environment reference"),
            (json!({"provider": "ibm", "environment": "insights/aws"}), "provider"),
            (json!({"provider": "aws", "environment": "insights/aws", "scanSchedule": "weekly"}), "scanSchedule"),
            (json!({"provider": "aws", "environment": "insights/aws", "providerConfig": {"regions": ["evil.com/"]}}), "invalid provider config"),
            (json!({"provider": "gcp", "environment": "insights/aws"}), "environmentVariables GOOGLE_PROJECT, GOOGLE_OAUTH_ACCESS_TOKEN"),
        ] {
            let message = t.admin.post(&format!("{BASE}/c"), body).await.error(400);
            assert!(message.contains(word), "{message}");
        }
        let _ = t.admin.get(&format!("{BASE}/c")).await.error(404);
    }

    async fn names_in_every_encoding(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        for (sent, name) in [("100%25", "100%"), ("K%25C3%25BCche%2520x", "Küche x"), ("a+b", "a+b"), ("5%25%20of", "5% of")] {
            let _ = create(&t.admin, sent, "insights/aws").await.expect(204);
            let double = name.bytes().map(|b| format!("%25{b:02X}")).collect::<String>();
            for path in [sent.to_owned(), double] {
                assert_eq!(t.admin.get(&format!("{BASE}/{path}")).await.expect(200).json()["name"], name);
            }
        }
        for child in ["a+b%2Fus-east-1", "a+b%252Fus-east-1", "a+b/us-east-1"] {
            assert_eq!(t.admin.get(&format!("{BASE}/{child}")).await.expect(200).json()["name"], "a+b/us-east-1", "{child}");
        }
        assert_eq!(t.admin.send("HEAD", &format!("{BASE}/a+b/global"), None).await.status, 204);
        for bad in ["a%252Fb", "x%25252Fy", "%2520", "a%250Ab"] {
            let message = create(&t.admin, bad, "insights/aws").await.error(400);
            assert!(message.starts_with("invalid account name"), "{bad}: {message}");
        }
        assert!(create(&t.admin, "a+b", "insights/aws").await.error(409).contains("already exists"));
    }

    async fn nothing_is_written_without_credentials_that_work(t: TestApp) {
        environment(&t.admin, "wrong", "111111111111", "stolen").await;
        with_yaml(&t.admin, "half", "values:\n  environmentVariables: {AWS_ACCESS_KEY_ID: x}\n").await;
        let message = create(&t.admin, "a", "insights/wrong").await.error(400);
        assert!(message.contains("could not be confirmed by AWS") && message.contains("SignatureDoesNotMatch"), "{message}");
        assert!(!message.contains("stolen"));
        let message = create(&t.admin, "a", "insights/half").await.error(400);
        assert!(message.ends_with("environmentVariables AWS_SECRET_ACCESS_KEY"), "{message}");
        let _ = create(&t.admin, "a", "insights/nosuch").await.error(404);
        let _ = create(&t.admin, "a", "insights/half@7").await.error(404);
        let list = t.admin.get(BASE).await.expect(200).json();
        assert!(names(&list).is_empty());
        assert!(said(&t, "cloud-account-created").await.is_empty());
    }

    async fn nobody_lends_himself_credentials(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        with_yaml(&t.admin, "outer", "imports: [insights/aws]\nvalues: {}\n").await;
        let bob = t.member_with("bob", &["insights_account:create"]).await;
        let _ = create(&bob, "a", "insights/aws").await.error(403);
        let carol = t.member_with("carol", &["insights_account:create", "environment:create", "environment:read"]).await;
        with_yaml(&carol, "own", "imports: [insights/aws]\nvalues: {}\n").await;
        let _ = create(&carol, "a", "insights/own").await.error(403);
        let log = t.log("pulumi").await;
        let events = t.events(log).await;
        let refused = events.iter().filter(|e| e.event.event.id() == "environment-unauthorized-open");
        let refused: Vec<_> = refused.map(|e| (e.event.actor.login.as_str(), e.event.target.name.as_str())).collect();
        assert_eq!(refused, [("bob", "insights/aws"), ("carol", "insights/aws")]);
        assert!(names(&t.admin.get(BASE).await.expect(200).json()).is_empty());
        // An update is no way around either.
        let dave = t.member_with("dave", &["insights_account:update", "insights_account:read"]).await;
        let _ = create(&t.admin, "a", "insights/aws").await.expect(204);
        let _ = dave.patch(&format!("{BASE}/a"), json!({"environment": "insights/outer"})).await.error(403);
        assert_eq!(dave.get(&format!("{BASE}/a")).await.expect(200).json()["providerEnvRef"], "insights/aws");
    }

    async fn updates(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        environment(&t.admin, "other", "222222222222", "right").await;
        environment(&t.admin, "same", "111111111111", "right").await;
        let _ = create(&t.admin, "a", "insights/aws").await.expect(204);
        let path = format!("{BASE}/a");
        let message = t.admin.patch(&path, json!({"environment": "insights/other"})).await.error(400);
        assert!(message.contains("222222222222") && message.contains("111111111111"), "{message}");
        let _ = t.admin.patch(&path, json!({"environment": "insights/same@2", "scanSchedule": "12h"})).await.expect(204);
        let shown = t.admin.get(&path).await.expect(200).json();
        assert_eq!((&shown["providerEnvRef"], &shown["scheduledScanEnabled"]), (&json!("insights/same@2"), &json!(true)));
        let child = t.admin.get(&format!("{path}/global")).await.expect(200).json();
        assert_eq!((&child["providerEnvRef"], &child["scheduledScanEnabled"]), (&json!("insights/same@2"), &json!(true)));
        let _ = t.admin.patch(&path, json!({"environment": "insights/same", "providerConfig": {"regions": ["us-west-2"]}})).await.expect(204);
        let children = t.admin.get(&format!("{BASE}?parent=a")).await.expect(200).json();
        assert_eq!(names(&children), ["a/global", "a/us-west-2"]);
        let _ = t.admin.patch(&format!("{path}/global"), json!({"environment": "insights/aws"})).await.error(403);
        let _ = t.admin.patch(&format!("{BASE}/nosuch"), json!({"environment": "insights/aws"})).await.error(404);
        assert_eq!(said(&t, "cloud-account-updated").await.len(), 2);
    }

    async fn children_come_and_go(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let _ = create(&t.admin, "a", "insights/aws").await.expect(204);
        let all = || async { names(&t.admin.get(&format!("{BASE}?parent=a")).await.expect(200).json()) };
        assert_eq!(all().await, ["a/eu-west-1", "a/global", "a/us-east-1"]);
        let _ = t.admin.delete(&format!("{BASE}/a/eu-west-1")).await.expect(204);
        assert_eq!(all().await, ["a/global", "a/us-east-1"]);
        let _ = t.admin.patch(&format!("{BASE}/a"), json!({"providerConfig": {"regions": []}})).await.expect(204);
        assert_eq!(all().await.len(), 3);
        let _ = t.admin.get(&format!("{BASE}?parent=nosuch")).await.error(404);
        let _ = t.admin.delete(&format!("{BASE}/a")).await.expect(204);
        for gone in ["a", "a/global", "a%252Fus-east-1"] {
            assert_eq!(t.admin.get(&format!("{BASE}/{gone}")).await.error(404), "insights account not found");
        }
        let _ = create(&t.admin, "a", "insights/aws").await.expect(204);
        assert_eq!(said(&t, "cloud-account-deleted").await, ["Deleted account \"a/eu-west-1\"", "Deleted account \"a\" with its 3 children"]);
    }

    async fn many_at_once(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let item = |name: &str, env: &str| json!({"name": name, "provider": "aws", "environment": env});
        let body = json!({"accounts": [item("a", "insights/aws"), item("b/c", "insights/aws"), item("d", "insights/nosuch"), item("e", "insights/aws")]});
        let made = t.admin.post(BASE, body).await.expect(200).json();
        assert_eq!(names(&made), ["a", "e"]);
        let failed: Vec<_> = made["failures"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
        assert_eq!(failed, ["b/c", "d"]);
        let _ = t.admin.post(BASE, json!({"accounts": []})).await.error(400);
        let many: Vec<Value> = (0..101).map(|n| item(&format!("x{n}"), "insights/aws")).collect();
        let _ = t.admin.post(BASE, json!({"accounts": many})).await.error(400);
        assert_eq!(said(&t, "cloud-account-created").await.len(), 2);
        // As many as may be, two of them with the same name, which are made at the same time: one of the two is.
        let mut many: Vec<Value> = (0..99).map(|n| item(&format!("many {n:02}"), "insights/aws")).collect();
        many.insert(41, item("many 41", "insights/aws"));
        let made = t.admin.post(BASE, json!({"accounts": many})).await.expect(200).json();
        assert_eq!(names(&made), (0..99).map(|n| format!("many {n:02}")).collect::<Vec<_>>());
        let failed = json!([{"name": "many 41", "error": "an account with the name \"many 41\" already exists"}]);
        assert_eq!(made["failures"], failed);
        assert_eq!(said(&t, "cloud-account-created").await.len(), 2 + 99);
    }

    async fn pages(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let items: Vec<Value> = (0..25).map(|n| json!({"name": format!("acc {n:02}"), "provider": "aws", "environment": "insights/aws"})).collect();
        let _ = t.admin.post(BASE, json!({"accounts": items})).await.expect(200);
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = t.admin.get(&format!("{BASE}?count=10&continuationToken={token}")).await.expect(200).json();
            seen.extend(names(&page));
            match page["nextToken"].as_str() {
                Some(next) => next.clone_into(&mut token),
                None => break,
            }
        }
        assert_eq!(seen, (0..25).map(|n| format!("acc {n:02}")).collect::<Vec<_>>());
        for count in ["0", "1001"] {
            assert_eq!(t.admin.get(&format!("{BASE}?count={count}")).await.error(400), "count must be in the range [1, 1000]");
        }
        let _ = t.admin.get(&format!("{BASE}?continuationToken=%21")).await.error(400);
    }

    async fn tags(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let _ = create(&t.admin, "a", "insights/aws").await.expect(204);
        let path = format!("{BASE}/a/tags");
        let _ = t.admin.send("PUT", &path, Some(json!({"tags": {"team": "ops", "stage": "prod"}}))).await.expect(204);
        for of in [path.clone(), format!("{BASE}/a/global/tags")] {
            let tags = t.admin.get(&of).await.expect(200).json();
            assert_eq!(tags["tags"]["team"]["value"], "ops");
            assert_eq!(tags["tags"].as_object().unwrap().len(), 2);
        }
        let message = t.admin.send("PUT", &format!("{BASE}/a/global/tags"), Some(json!({"tags": {}}))).await.error(403);
        assert_eq!(message, "Tags on child accounts are managed by the parent account");
        for bad in [json!({"": "x"}), json!({"a b": "x"}), json!({"a": "x\ny"})] {
            assert!(t.admin.send("PUT", &path, Some(json!({"tags": bad}))).await.error(400).starts_with("invalid tag name or value"));
        }
        let _ = t.admin.send("PUT", &path, Some(json!({"tags": null}))).await.expect(204);
        assert_eq!(t.admin.get(&path).await.expect(200).json(), json!({"tags": {}}));
        assert_eq!(said(&t, "cloud-account-tags-updated").await.len(), 2);
        // The old name of the event finds the same.
        let page = t.page("eventFilter=insights-account-tags-updated").await;
        assert_eq!(page["auditLogEvents"].as_array().unwrap().len(), 2, "{page}");
    }

    async fn teams_and_owners(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let _ = create(&t.admin, "a", "insights/aws").await.expect(204);
        let _ = create(&t.admin, "hidden", "insights/aws").await.expect(204);
        let bob = t.member("bob", "member").await;
        let _ = t.admin.post("/api/orgs/pulumi/teams/pulumi", json!({"name": "ops", "displayName": "Ops", "description": ""})).await.expect(201);
        let _ = t.admin.patch("/api/orgs/pulumi/teams/ops", json!({"memberAction": "add", "member": "bob"})).await.expect(204);
        assert!(names(&bob.get(BASE).await.expect(200).json()).is_empty());
        let _ = bob.get(&format!("{BASE}/a")).await.error(403);
        let given = format!("{BASE}/a/teams/ops");
        let grant = |number: Value| t.admin.patch(&given, json!({"permissions": number}));
        let _ = grant(json!(1)).await.expect(204);
        assert_eq!(names(&bob.get(BASE).await.expect(200).json()), ["a"]);
        let _ = bob.get(&format!("{BASE}/a/global")).await.expect(200);
        let _ = bob.get(&format!("{BASE}/hidden")).await.error(403);
        let _ = bob.send("PUT", &format!("{BASE}/a/tags"), Some(json!({"tags": {}}))).await.error(403);
        let _ = grant(json!(2)).await.expect(204);
        let _ = bob.send("PUT", &format!("{BASE}/a/tags"), Some(json!({"tags": {}}))).await.expect(204);
        let _ = bob.delete(&format!("{BASE}/a/global")).await.error(403);
        let shown = bob.get(&format!("{BASE}/a/teams")).await.expect(200).json();
        assert_eq!(shown, json!({"accountName": "a", "teams": [{"name": "ops", "displayName": "Ops", "description": "", "permission": 2, "isMember": true}]}));
        let message = t.admin.patch(&format!("{BASE}/a/global/teams/ops"), json!({"permissions": 1})).await.error(403);
        assert!(message.starts_with("permissions must be managed on the parent account"), "{message}");
        let _ = grant(json!(4)).await.error(400);
        let _ = grant(Value::Null).await.expect(204);
        let _ = bob.get(&format!("{BASE}/a")).await.error(403);
        // The owner may do everything with it, and only a member can be made one.
        let _ = t.admin.post(&format!("{BASE}/a/ownership"), json!({"name": "", "githubLogin": "nobody", "avatarUrl": ""})).await.error(400);
        let before = t.admin.post(&format!("{BASE}/a/ownership"), json!({"name": "", "githubLogin": "bob", "avatarUrl": ""})).await.expect(200).json();
        assert_eq!(before["githubLogin"], "admin");
        let _ = bob.patch(&format!("{BASE}/a/teams/ops"), json!({"permissions": 3})).await.expect(204);
        let _ = bob.delete(&format!("{BASE}/a")).await.expect(204);
    }

    async fn resources_that_a_client_reports(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let _ = create(&t.admin, "a", "insights/aws").await.expect(204);
        let resource = |id: &str, state: Value, on: Value| json!({"type": "aws:s3/bucket:Bucket", "id": id, "inputs": {}, "state": state, "dependencies": on});
        let path = format!("{BASE}/a/global/resources");
        let _ = t.admin.post(&format!("{BASE}/a/resources"), json!({"resources": [resource("b", json!({}), json!([]))]})).await.error(400);
        let first = json!({"resources": [resource("b", json!({"x": 1}), json!([])), resource("c", json!({}), json!([{"type": "aws:s3/bucket:Bucket", "id": "b"}]))]});
        let _ = t.admin.post(&path, first.clone()).await.expect(204);
        let between = t.app.clock.now().rfc3339_millis();
        t.clock.advance_seconds(60);
        let _ = t.admin.post(&path, first).await.expect(204);
        let _ = t.admin.post(&path, json!({"resources": [resource("b", json!({"x": 2}), json!([]))]})).await.expect(204);
        for of in ["a", "a%252Fglobal", "a/global"] {
            for named in ["aws:s3%252Fbucket:Bucket::b", "aws:s3%2Fbucket:Bucket::b", "aws:s3/bucket:Bucket::b"] {
                let shown = t.admin.get(&format!("{BASE}/{of}/resources/{named}")).await.expect(200).json();
                assert_eq!((&shown["account"], &shown["version"], &shown["state"]), (&json!("a/global"), &json!(2), &json!({"x": 2})));
            }
        }
        let b = format!("{path}/aws:s3%252Fbucket:Bucket::b");
        assert_eq!(t.admin.get(&format!("{b}?asOf={between}")).await.expect(200).json()["state"], json!({"x": 1}));
        let _ = t.admin.get(&format!("{b}?asOf=2001-01-01T00:00:00Z")).await.error(404);
        let _ = t.admin.get(&format!("{b}?asOf=yesterday")).await.error(400);
        assert_eq!(t.admin.get(&format!("{b}/versions/1")).await.expect(200).json()["state"], json!({"x": 1}));
        let _ = t.admin.get(&format!("{b}/versions/9")).await.error(404);
        assert!(t.admin.get(&format!("{b}/versions/x")).await.error(400).starts_with("invalid resource version"));
        let versions = t.admin.get(&format!("{b}/versions?count=1")).await.expect(200).json();
        assert_eq!((&versions["versions"][0]["version"], &versions["nextToken"]), (&json!(2), &json!("2")));
        let _ = t.admin.get(&format!("{b}/versions?count=501")).await.error(400);
        let edges = t.admin.get(&format!("{path}/aws:s3%252Fbucket:Bucket::c/edges")).await.expect(200).json();
        assert_eq!(edges["edges"][0]["destUrn"], "urn:pulumi:global::a::aws:s3/bucket:Bucket::b");
        let references = t.admin.get(&format!("{b}/references")).await.expect(200).json();
        assert_eq!((&references["from"][0]["resource"]["id"], &references["to"]), (&json!("c"), &json!([])));
        let asked = json!({"resourceIdentifiers": [{"account": "a/global", "type": "aws:s3/bucket:Bucket", "id": "c"}]});
        let many = t.admin.post(&format!("{path}/references"), asked).await.expect(200).json();
        assert_eq!(many[0]["to"][0]["resource"]["id"], "b");
        // Two places that name the same resource are one reference; how deep they are followed is bounded.
        let twice = resource("d", json!({}), json!([{"type": "aws:s3/bucket:Bucket", "id": "c"}, {"type": "aws:s3/bucket:Bucket", "id": "c"}]));
        let _ = t.admin.post(&path, json!({"resources": [twice]})).await.expect(204);
        let ask = |depth: i64| json!({"depth": depth, "resourceIdentifiers": [{"account": "a/global", "type": "aws:s3/bucket:Bucket", "id": "d"}]});
        for (depth, reached) in [(0, ""), (1, "c"), (2, "c b"), (3, "c b")] {
            let found = t.admin.post(&format!("{path}/references"), ask(depth)).await.expect(200).json();
            let (mut at, mut seen) = (&found[0], Vec::new());
            assert!(at["to"].as_array().unwrap().len() <= 1, "{found}");
            while let Some(next) = at["to"].get(0) {
                seen.push(next["resource"]["id"].as_str().unwrap());
                at = next;
            }
            assert_eq!(seen.join(" "), reached, "{depth}");
        }
        for depth in [-1, 4] {
            let message = t.admin.post(&format!("{path}/references"), ask(depth)).await.error(400);
            assert!(message.starts_with("depth must be in the range"), "{message}");
        }
        assert_eq!(t.admin.get(&format!("{b}/stack_edges")).await.expect(200).json(), json!({"edges": []}));
        let _ = t.admin.get(&format!("{path}/aws:s3%252Fbucket:Bucket::nosuch")).await.error(404);
        assert_eq!(t.admin.get(&format!("{BASE}/a/policy/packs")).await.expect(200).json(), json!({"packs": []}));
        let summary = t.admin.get("/api/orgs/pulumi/discovered-resources/summary?granularity=daily&lookbackDays=1").await.expect(200).json();
        assert_eq!(summary["summary"][0]["resources"], 0);
    }
}
