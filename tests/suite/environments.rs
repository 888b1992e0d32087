//! Environments over HTTP: what the CLI and the SDKs rely on, what nobody may see, and what is left in the log.

use pileus_testkit::{
    app::TestApp,
    client::{Answer, Client},
};
use serde_json::{Value, json};

pub const BASE: &str = "/api/esc/environments/pulumi";

pub async fn create(client: &Client, name: &str) {
    let (project, name) = name.split_once('/').unwrap();
    let _ = client.post(BASE, json!({"project": project, "name": name})).await.expect(200);
}

/// A raw YAML body under a content type that is wrong, as the CLI sends it.
pub async fn raw(client: &Client, method: &str, path: &str, text: &str, etag: Option<&str>) -> Answer {
    let mut request = client.request(method, path).header("Content-Type", "application/json").body(text.to_owned());
    if let Some(etag) = etag {
        request = request.header("ETag", etag);
    }
    Answer::of(format!("{method} {path} {text}"), request).await
}

pub async fn put(client: &Client, name: &str, text: &str) -> Answer {
    raw(client, "PATCH", &format!("{BASE}/{name}"), text, None).await
}

pub async fn open(client: &Client, name: &str) -> Value {
    let id = client.send("POST", &format!("{BASE}/{name}/open?duration=2h0m0s"), None).await.expect(200).json();
    let id = id["id"].as_str().unwrap().to_owned();
    client.get(&format!("{BASE}/{name}/open/{id}")).await.expect(200).json()
}

pub async fn said(t: &TestApp, event: &str) -> Vec<String> {
    let all = t.events(t.log("pulumi").await).await;
    all.into_iter().filter(|e| e.event.event.id() == event).map(|e| e.event.description).collect()
}

both! {
    async fn from_first_to_last(t: TestApp) {
        create(&t.admin, "web/prod").await;
        assert!(t.admin.post(BASE, json!({"project": "web", "name": "prod"})).await.error(409).contains("exists"));
        let path = format!("{BASE}/web/prod");
        let first = t.admin.get(&path).await.expect(200);
        assert_eq!(first.header("Pulumi-ESC-Revision"), "1");
        assert_eq!(first.header("content-type"), "application/x-yaml");
        let etag = first.header("etag");
        let text = "# kept\nvalues:\n  a: 1\n  b: ${a}\n";
        let done = raw(&t.admin, "PATCH", &path, text, Some(&etag)).await.expect(200);
        assert_eq!(done.header("Pulumi-ESC-Revision"), "2");
        assert_eq!(done.json(), json!({}), "no empty list of diagnostics");
        let changed = raw(&t.admin, "PATCH", &path, text, Some(&etag)).await.error(409);
        assert!(changed.contains("changed"), "{changed}");
        assert_eq!(t.admin.get(&path).await.expect(200).text(), text);
        let head = t.admin.send("HEAD", &path, None).await.expect(200);
        assert_eq!(head.header("Pulumi-ESC-Revision"), "2");
        assert_eq!(open(&t.admin, "web/prod").await["properties"]["b"]["value"], 1);
        let versions = t.admin.get(&format!("{path}/versions?before=0&count=10")).await.expect(200).json();
        assert_eq!(versions[0]["number"], 2);
        assert_eq!(versions[0]["tags"], json!(["latest"]));
        assert_eq!(versions[1]["number"], 1);
        let listed = t.admin.get(BASE).await.expect(200).json();
        assert_eq!(listed["environments"][0]["name"], "prod");
        assert_eq!(t.admin.get("/api/esc/environments?organization=").await.expect(200).json()["environments"][0]["project"], "web");
        let _ = t.admin.patch(&format!("{path}/settings"), json!({"deletionProtected": true})).await.expect(200);
        assert!(t.admin.delete(&path).await.error(409).contains("protect"));
        let _ = t.admin.patch(&format!("{path}/settings"), json!({"deletionProtected": false})).await.expect(200);
        let _ = t.admin.delete(&path).await.expect(200);
        let _ = t.admin.get(&path).await.error(404);
        assert_eq!(said(&t, "environment-updated").await, ["Updated environment \"web/prod\" to revision 2"]);
        assert_eq!(said(&t, "environment-open").await.len(), 1);
        assert_eq!(said(&t, "environment-read-open").await.len(), 1);
    }

    async fn what_is_wrong_is_said_and_not_stored(t: TestApp) {
        create(&t.admin, "web/prod").await;
        let answer = put(&t.admin, "web/prod", "values:\n  a: ${nothing}\n").await.expect(400).json();
        assert_eq!(answer["code"], 400);
        assert_eq!(answer["diagnostics"][0]["range"]["environment"], "web/prod");
        assert_eq!(answer["diagnostics"][0]["severity"], "error");
        let path = format!("{BASE}/yaml/check");
        let checked = raw(&t.admin, "POST", &path, "values:\n  a: 1.50\n", None).await.expect(200);
        assert!(checked.json().get("diagnostics").is_none(), "no empty list");
        assert!(checked.json()["environmentFunctionSummary"]["rotationPaths"].is_array());
        let failed = raw(&t.admin, "POST", &path, "values:\n  a: ${b}\n", None).await.expect(400).json();
        assert_eq!(failed["diagnostics"][0]["range"]["environment"], "<yaml>");
        assert_eq!(t.admin.get(&format!("{BASE}/web/prod")).await.expect(200).header("Pulumi-ESC-Revision"), "1");
        assert_eq!(open(&t.admin, "web/prod").await, json!({}), "without content: exactly {{}}");
    }

    async fn secrets_are_sealed_and_bound_to_their_environment(t: TestApp) {
        const PLANTED: &str = "planted-secret-0815";
        create(&t.admin, "web/prod").await;
        create(&t.admin, "web/other").await;
        let text = format!("values:\n  key:\n    fn::secret: {PLANTED}\n  copy: x-${{key}}\n");
        let _ = put(&t.admin, "web/prod", &text).await.expect(200);
        let stored = t.admin.get(&format!("{BASE}/web/prod")).await.expect(200).text();
        assert!(stored.contains("ciphertext") && !stored.contains(PLANTED), "{stored}");
        let clear = t.admin.get(&format!("{BASE}/web/prod/decrypt")).await.expect(200).text();
        assert!(clear.contains(PLANTED), "{clear}");
        let opened = open(&t.admin, "web/prod").await;
        assert_eq!(opened["properties"]["copy"]["value"], format!("x-{PLANTED}"));
        assert_eq!(opened["properties"]["copy"]["secret"], true);
        let checked = t.admin.send("POST", &format!("{BASE}/web/prod/check"), None).await.expect(200).text();
        assert!(!checked.contains(PLANTED));
        let shown = t.admin.send("POST", &format!("{BASE}/web/prod/check?showSecrets=true"), None).await.expect(200);
        assert!(shown.text().contains(PLANTED));
        // A ciphertext that was moved opens nowhere else.
        let _ = put(&t.admin, "web/other", &stored).await.expect(200);
        let moved = t.admin.send("POST", &format!("{BASE}/web/other/open"), None).await.expect(400);
        assert!(moved.text().contains("decrypting") && !moved.text().contains(PLANTED), "{}", moved.text());
        let reader = t.member_with("reader", &["environment:read", "environment:write"]).await;
        let _ = reader.get(&format!("{BASE}/web/prod")).await.expect(200);
        let _ = reader.get(&format!("{BASE}/web/prod/decrypt")).await.error(403);
        let _ = reader.send("POST", &format!("{BASE}/web/prod/check?showSecrets=true"), None).await.error(403);
        let _ = reader.send("POST", &format!("{BASE}/web/prod/open"), None).await.error(403);
        assert_eq!(said(&t, "environment-unauthorized-open").await.len(), 1);
        let log = format!("{:?}", t.events(t.log("pulumi").await).await);
        assert!(!log.contains(PLANTED));
        if t.database.is_empty() {
            let mut seen = 0;
            for file in std::fs::read_dir(t.directory()).unwrap() {
                let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
                seen += bytes.len();
                assert!(!bytes.windows(PLANTED.len()).any(|window| window == PLANTED.as_bytes()));
            }
            assert!(seen > 0);
        }
    }

    async fn imports_follow_versions_and_permissions(t: TestApp) {
        create(&t.admin, "base/net").await;
        create(&t.admin, "web/prod").await;
        let _ = put(&t.admin, "base/net", "values:\n  cidr: one\n").await.expect(200);
        let tags = format!("{BASE}/base/net/versions/tags");
        let _ = t.admin.post(&tags, json!({"name": "stable", "revision": 2})).await.expect(204);
        let _ = put(&t.admin, "base/net", "values:\n  cidr: two\n").await.expect(200);
        let _ = put(&t.admin, "web/prod", "imports:\n  - base/net@stable\nvalues:\n  x: ${cidr}\n").await.expect(200);
        assert_eq!(open(&t.admin, "web/prod").await["properties"]["x"]["value"], "one");
        let _ = t.admin.patch(&format!("{tags}/stable"), json!({"revision": 3})).await.expect(204);
        assert_eq!(open(&t.admin, "web/prod").await["properties"]["x"]["value"], "two");
        let referrers = t.admin.get(&format!("{BASE}/base/net/referrers")).await.expect(200).json();
        assert_eq!(referrers["referrers"]["3"][0]["environment"]["name"], "prod");
        assert!(said(&t, "environment-open").await[1].contains("importing base/net@3"));
        let _ = t.admin.patch(&format!("{tags}/nosuch"), json!({"revision": 3})).await.error(404);
        let _ = t.admin.post(&tags, json!({"name": "latest"})).await.error(400);
        let _ = t.admin.delete(&format!("{tags}/latest")).await.error(400);
        let listed = t.admin.get(&format!("{tags}?after=&count=")).await.expect(200).json();
        assert_eq!(listed["tags"][0]["name"], "latest");
        assert_eq!(listed["nextToken"], "");
        let role = json!({"__type": "PermissionDescriptorCondition",
            "condition": {"__type": "PermissionExpressionEqual",
                "left": {"__type": "PermissionExpressionEnvironment"},
                "right": {"__type": "PermissionLiteralExpressionEnvironment", "identity": "web/prod"}},
            "subNode": {"__type": "PermissionDescriptorAllow", "permissions": ["environment:read", "environment:open"]}});
        let made = json!({"name": "web", "description": "", "details": role, "resourceType": "organization", "uxPurpose": "role"});
        let role = t.admin.post("/api/orgs/pulumi/roles", made).await.expect(200).json();
        let bob = t.member("bob", "member").await;
        let _ = t.admin.patch("/api/orgs/pulumi/members/bob", json!({"fgaRoleId": role["id"]})).await.expect(204);
        let listed = bob.get(BASE).await.expect(200).json();
        assert_eq!(listed["environments"].as_array().unwrap().len(), 1);
        let refused = bob.send("POST", &format!("{BASE}/web/prod/open"), None).await.expect(400).text();
        assert!(refused.contains("environment:open") && refused.contains("base/net"), "{refused}");
        assert_eq!(said(&t, "environment-unauthorized-open").await.len(), 1);
    }

    async fn sessions_belong_to_who_opened_them_and_end(t: TestApp) {
        create(&t.admin, "web/prod").await;
        let _ = put(&t.admin, "web/prod", "values:\n  a:\n    b: [1, \"two\"]\n").await.expect(200);
        create(&t.admin, "web/other").await;
        let opened = t.admin.send("POST", &format!("{BASE}/web/prod/open?duration=60s"), None).await.expect(200).json();
        let id = opened["id"].as_str().unwrap();
        let path = format!("{BASE}/web/prod/open/{id}");
        let one = t.admin.get(&format!("{BASE}/web/prod/open//{id}?property=a.b[1]")).await.expect(200).json();
        assert_eq!(one["value"], "two");
        let _ = t.admin.get(&format!("{path}?property=a.c")).await.error(404);
        let _ = t.admin.get(&format!("{BASE}/web/other/open/{id}")).await.error(404);
        let second = t.member("second", "admin").await;
        let _ = second.get(&path).await.error(404);
        t.clock.advance_seconds(61);
        let _ = t.admin.get(&path).await.error(404);
        assert_eq!(pileus_service::environments::sweep(&t.app).await.unwrap(), 1);
        let _ = t.admin.send("POST", &format!("{BASE}/web/prod/open?duration=x"), None).await.error(400);
    }

    async fn retracted_revisions_are_gone_and_their_tags_move(t: TestApp) {
        create(&t.admin, "web/prod").await;
        for n in 2..=4 {
            let _ = put(&t.admin, "web/prod", &format!("values:\n  n: {n}\n")).await.expect(200);
        }
        let versions = format!("{BASE}/web/prod/versions");
        let _ = t.admin.post(&format!("{versions}/tags"), json!({"name": "live", "revision": 3})).await.expect(204);
        let _ = t.admin.post(&format!("{versions}/3/retract"), json!({"reason": "wrong"})).await.expect(204);
        let _ = t.admin.get(&format!("{versions}/3")).await.error(404);
        assert_eq!(t.admin.get(&format!("{versions}/live")).await.expect(200).header("Pulumi-ESC-Revision"), "2");
        let listed = t.admin.get(&versions).await.expect(200).json();
        assert_eq!(listed[1]["retracted"]["replacement"], 2);
        for version in ["latest", "4"] {
            let _ = t.admin.post(&format!("{versions}/{version}/retract"), json!({})).await.error(400);
        }
        // By number or tag, with any other as its replacement.
        let _ = t.admin.post(&format!("{versions}/live/retract"), json!({"replacement": 4})).await.expect(204);
        assert_eq!(t.admin.get(&format!("{versions}/live")).await.expect(200).header("Pulumi-ESC-Revision"), "4");
        let _ = t.admin.post(&format!("{versions}/1/retract"), json!({"replacement": 1})).await.error(400);
        let _ = t.admin.post(&format!("{versions}/1/retract"), json!({})).await.error(400);
        let _ = t.admin.post(&format!("{versions}/2/retract"), json!({})).await.error(404);
    }

    async fn credentials_and_the_issuer(t: TestApp) {
        create(&t.admin, "aws/login").await;
        let text = "values:\n  aws:\n    login:\n      fn::open::aws-login:\n        static:\n          accessKeyId: AKIAEXAMPLE\n          \
            secretAccessKey:\n            fn::secret: shh\n  environmentVariables:\n    AWS_ACCESS_KEY_ID: ${aws.login.accessKeyId}\n    \
            AWS_SECRET_ACCESS_KEY: ${aws.login.secretAccessKey}\n";
        let _ = put(&t.admin, "aws/login", text).await.expect(200);
        let org = t.app.store.read(|tx| pileus_store::organizations::by_name(tx, "pulumi")).await.unwrap().unwrap().org;
        let opener = pileus_service::environments::Opener::System { app: &t.app, org: &org, owner: None };
        let opened = pileus_service::environments::open_for(opener, "aws/login@2", "scan of account \"x\"").await.unwrap();
        let aws = opened.aws().unwrap();
        assert_eq!((aws.access_key_id.as_str(), aws.secret_access_key.expose().as_str()), ("AKIAEXAMPLE", "shh"));
        assert_eq!(opened.version, 2);
        let said = said(&t, "environment-open").await;
        assert_eq!(said, ["Opened environment \"aws/login\" at revision 2 for scan of account \"x\""]);
        let document = t.anonymous().get("/oidc/.well-known/openid-configuration").await.expect(200).json();
        assert_eq!(document["issuer"], format!("{}/oidc", t.admin.base()));
        let keys = t.anonymous().get("/oidc/.well-known/jwks").await.expect(200).json();
        assert_eq!(keys["keys"][0]["alg"], "RS256");
        assert_eq!(t.anonymous().get("/oidc/.well-known/jwks").await.expect(200).json(), keys);
    }

    async fn the_record_says_what_was_opened_by_whom_and_for_what(t: TestApp) {
        create(&t.admin, "web/prod").await;
        let _ = put(&t.admin, "web/prod", "values: {a: 1}\n").await.expect(200);
        let _ = open(&t.admin, "web/prod").await;
        let token = json!({"name": "ci", "description": "", "admin": true, "expires": 0});
        let made = t.admin.post("/api/orgs/pulumi/tokens", token).await.expect(200).json();
        let machine = t.admin.with_token(made["tokenValue"].as_str().unwrap());
        let _ = open(&machine, "web/prod").await;
        // As `pulumi up` does.
        let up = t.admin.request("POST", &format!("{BASE}/yaml/open?duration=2h0m0s")).body("imports: [web/prod]\n")
            .header("User-Agent", "pulumi-cli/1 (3.259.0; linux; cmd=pulumi-up)");
        let id = Answer::of("an update".into(), up).await.expect(200).json()["id"].as_str().unwrap().to_owned();
        let _ = t.admin.get(&format!("{BASE}/yaml/open/{id}")).await.expect(200);
        assert_eq!(said(&t, "environment-open").await, [
            "Opened environment \"web/prod\" at revision 2 for user \"admin\"",
            "Opened environment \"web/prod\" at revision 2 for the organization's token \"ci\"",
            "Opened a definition that is not stored, importing web/prod@2 for an update (\"pulumi up\") by user \"admin\"",
        ]);
        assert_eq!(said(&t, "environment-read-open").await, [
            "Read opened environment \"web/prod\" at revision 2 for user \"admin\"",
            "Read opened environment \"web/prod\" at revision 2 for the organization's token \"ci\"",
            "Read opened environment \"<yaml>\" for user \"admin\"",
        ]);
        let _ = t.admin.delete(&format!("{BASE}/web/prod")).await.expect(200);
        assert_eq!(said(&t, "environment-deleted").await, ["Deleted environment \"web/prod\" at revision 2"]);
    }

    async fn tags_decide_who_may(t: TestApp) {
        create(&t.admin, "web/prod").await;
        create(&t.admin, "web/test").await;
        let tags = format!("{BASE}/web/test/tags");
        let made = t.admin.post(&tags, json!({"name": "stage", "value": "test"})).await.expect(200).json();
        assert!(made["id"].is_string());
        let _ = t.admin.post(&tags, json!({"name": "stage", "value": "x"})).await.error(409);
        let change = json!({"currentTag": {"name": "", "value": "test"}, "newTag": {"name": "stage", "value": "qa"}});
        assert_eq!(t.admin.patch(&format!("{tags}/stage"), change.clone()).await.expect(200).json()["value"], "qa");
        let _ = t.admin.patch(&format!("{tags}/stage"), change).await.error(409);
        let listed = t.admin.get(&format!("{tags}?after=&count=")).await.expect(200).json();
        assert_eq!(listed["nextToken"], "0");
        assert_eq!(listed["tags"]["stage"]["value"], "qa");
        let details = json!({"__type": "PermissionDescriptorCondition",
            "condition": {"__type": "PermissionExpressionEqual",
                "left": {"__type": "PermissionExpressionTag", "key": "stage",
                    "context": {"__type": "PermissionExpressionEnvironment"}},
                "right": {"__type": "PermissionLiteralExpressionString", "value": "qa"}},
            "subNode": {"__type": "PermissionDescriptorAllow", "permissions": ["environment:read"]}});
        let made = json!({"name": "qa", "description": "", "details": details, "resourceType": "organization", "uxPurpose": "role"});
        let role = t.admin.post("/api/orgs/pulumi/roles", made).await.expect(200).json();
        let bob = t.member("bob", "member").await;
        let _ = t.admin.patch("/api/orgs/pulumi/members/bob", json!({"fgaRoleId": role["id"]})).await.expect(204);
        let _ = bob.get(&format!("{BASE}/web/test")).await.expect(200);
        let _ = bob.get(&format!("{BASE}/web/prod")).await.error(403);
        assert_eq!(bob.get(BASE).await.expect(200).json()["environments"].as_array().unwrap().len(), 1);
        assert_eq!(said(&t, "auth-failure-environment").await.len(), 1);
    }

    async fn whoever_makes_one_may_do_everything_with_it(t: TestApp) {
        let maker = t.member_with("maker", &["environment:create"]).await;
        create(&maker, "own/env").await;
        create(&t.admin, "their/env").await;
        let _ = put(&maker, "own/env", "values:\n  a: 1\n").await.expect(200);
        assert_eq!(open(&maker, "own/env").await["properties"]["a"]["value"], 1);
        let _ = put(&maker, "their/env", "values:\n  a: 1\n").await.error(403);
        let _ = maker.delete(&format!("{BASE}/own/env")).await.expect(200);
    }
}
