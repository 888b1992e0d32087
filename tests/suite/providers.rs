//! What environments can open, and what they cannot: descriptions, errors of the providers' own, clouds that hang or say what
//! they should not. Real clouds' stand-ins are in `external_providers`.

use crate::environments::{BASE, create, open, put, raw, said};
use pileus_clouds::aws::{Aws, AwsConfig};
use pileus_model::clock::SystemClock;
use pileus_service::environments::Reach;
use pileus_testkit::{
    app::{On, Options, TestApp},
    client::Client,
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Semaphore,
};

const ROLE: &str = "arn:aws:iam::123456789012:role/esc";

async fn stored(client: &Client, name: &str, values: Value) {
    create(client, name).await;
    let _ = put(client, name, &json!({"values": values}).to_string()).await.expect(200);
}

/// What is said when it cannot be opened.
async fn refused(client: &Client, name: &str) -> String {
    let answer = client.send("POST", &format!("{BASE}/{name}/open"), None).await.expect(400).json();
    let said = answer["diagnostics"].as_array().unwrap();
    said.iter().map(|d| d["summary"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// A cloud that takes connections and answers nothing, or only with what it was told.
struct Fake {
    url: String,
    /// Gets a permit for each request that came.
    asked: Arc<Semaphore>,
    /// Gets a permit for each connection that whoever asked has closed.
    left: Arc<Semaphore>,
}

impl Fake {
    async fn start(answers: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, left) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let fake = Self { url, asked: Arc::clone(&asked), left: Arc::clone(&left) };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (asked, left) = (Arc::clone(&asked), Arc::clone(&left));
                tokio::spawn(async move {
                    let (mut request, mut chunk, mut counted) = (String::new(), [0; 4096], false);
                    while let Ok(n @ 1..) = stream.read(&mut chunk).await {
                        request.push_str(&String::from_utf8_lossy(&chunk[..n]));
                        if counted || !request.contains("WebIdentityToken") {
                            continue;
                        }
                        counted = true;
                        asked.add_permits(1);
                        if answers {
                            let body = format!(
                                "<ErrorResponse><Error><Code>ValidationError</Code><Message>you sent {}</Message></Error></ErrorResponse>",
                                request.split_once("RoleSessionName").unwrap().1.replace('&', " ")
                            );
                            let head = format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n", body.len());
                            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                            return;
                        }
                    }
                    left.add_permits(1);
                });
            }
        });
        fake
    }
    fn reach(&self) -> Reach {
        let config = AwsConfig { endpoint: Some(self.url.clone()), native_rate: 1e6, ..AwsConfig::default() };
        Reach { aws: Some(Arc::new(Aws::new(config, Arc::new(SystemClock)).unwrap())), ..Reach::default() }
    }
    async fn app(&self, on: On) -> Option<TestApp> {
        TestApp::start_with(on, Options { reach: self.reach(), ..Options::default() }).await
    }
}

fn login() -> Value {
    json!({"fn::open::aws-login": {"oidc": {"roleArn": ROLE, "sessionName": "test"}}})
}

both! {
    async fn described(t: TestApp) {
        let listed = t.admin.get("/api/esc/providers?orgName=pulumi").await.expect(200).json();
        let names = json!(["aws-login", "aws-parameter-store", "aws-secrets", "azure-login", "debug-oidc-claims", "gcp-login", "oidc"]);
        assert_eq!(listed, json!({"providers": names}));
        assert_eq!(t.admin.get("/api/preview/environments/providers").await.expect(200).json(), listed);
        for name in names.as_array().unwrap() {
            let name = name.as_str().unwrap();
            let shown = t.admin.get(&format!("/api/esc/providers/{name}/schema")).await.expect(200).json();
            assert_eq!(shown["name"], name);
            assert!(shown["description"].as_str().unwrap().ends_with('.'), "{shown}");
            assert_eq!(shown["inputs"]["type"], "object");
            assert!(shown["outputs"]["type"].is_string(), "{shown}");
            let older = t.admin.get(&format!("/api/preview/environments/providers/{name}/schema")).await.expect(200).json();
            assert_eq!(older, shown);
        }
        let role = t.admin.get("/api/esc/providers/aws-login/schema").await.expect(200).json();
        assert_eq!(role["inputs"]["properties"]["oidc"]["required"], json!(["roleArn", "sessionName"]));
        assert_eq!(role["inputs"]["properties"]["oidc"]["properties"]["roleArn"]["minLength"], 20);
        assert_eq!(t.admin.get("/api/esc/providers/nosuch/schema").await.error(404), "provider \"nosuch\" not found");
    }

    async fn errors_of_their_own(t: TestApp) {
        let v2 = |more: Value| {
            let mut inputs = json!({"audience": "https://x.example", "identityToken": {"version": "v2"}});
            inputs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            inputs
        };
        let statically = json!({"accessKeyId": "a", "secretAccessKey": "planted-4711"});
        let oidc = json!({"roleArn": ROLE, "sessionName": "test"});
        let project = |more: Value| json!({"project": 123, "oidc": more});
        for (n, (provider, inputs, word)) in [
            ("aws-login", json!({}), "as 'static', or how to get them as 'oidc'"),
            ("aws-login", json!({"static": statically, "oidc": oidc}), "not both"),
            ("azure-login", json!({"clientId": "c", "tenantId": "t"}), "'clientSecret', or 'oidc: true'"),
            ("gcp-login", json!({"project": 123}), "give an 'accessToken'"),
            ("gcp-login", json!({"project": 123, "accessToken": {"accessToken": "planted-4711", "tokenLifetime": "0s", "serviceAccount": "a@b"}}), "tokenLifetime"),
            ("gcp-login", project(json!({"workloadPoolId": "p", "providerId": "q", "serviceAccount": "s", "tokenLifetime": "0h"})), "tokenLifetime"),
            ("aws-login", json!({"oidc": {"roleArn": ROLE, "sessionName": "test", "duration": "0s"}}), "duration"),
            ("aws-login", json!({"oidc": oidc}), "this process cannot ask AWS"),
            ("oidc", v2(json!({"subjectAttributes": []})), "does not accept subjectAttributes"),
            ("oidc", v2(json!({"aud": "x"})), "does not accept an input named \"aud\""),
            ("oidc", v2(json!({"identityToken": {"version": "v2", "x": 1}})), "\"x\""),
            ("oidc", v2(json!({"duration": "59s"})), "between 1m0s and 1h0m0s"),
            ("oidc", v2(json!({"duration": "1h1s"})), "between 1m0s and 1h0m0s"),
            ("oidc", v2(json!({"audience": " "})), "blanks"),
            ("oidc", v2(json!({"audience": "a\nb"})), "control character"),
            ("debug-oidc-claims", json!({}), "audiencePrefix"),
            ("debug-oidc-claims", json!({"audience": "x", "audiencePrefix": "aws"}), "\"audience\""),
            ("aws-secrets", json!({"region": "nowhere", "login": statically, "get": {"a": {"secretId": "x"}}}), "cannot ask AWS"),
        ].into_iter().enumerate() {
            let name = format!("wrong/e{n}");
            stored(&t.admin, &name, json!({"a": {format!("fn::open::{provider}"): inputs}})).await;
            let said = refused(&t.admin, &name).await;
            assert!(said.contains(word) && !said.contains("planted-4711"), "{provider} {inputs}: {said}");
        }
        assert_eq!(said(&t, "environment-open").await, Vec::<String>::new());
        // What is given as secret stays secret.
        let id = json!({"fn::secret": "planted-id"});
        let keys = json!({"accessKeyId": id, "secretAccessKey": "planted-4711"});
        stored(&t.admin, "right/secret", json!({"login": {"fn::open::aws-login": {"static": keys}}})).await;
        let login = open(&t.admin, "right/secret").await["properties"]["login"]["value"].clone();
        assert_eq!((&login["accessKeyId"]["secret"], &login["secretAccessKey"]["secret"]), (&json!(true), &json!(true)));
        for inputs in [json!(null), json!("x"), json!([]), json!(1)] {
            create(&t.admin, &format!("wrong/{}", inputs.to_string().len())).await;
            let text = json!({"values": {"a": {"fn::open::aws-login": inputs}}}).to_string();
            let answer = put(&t.admin, &format!("wrong/{}", inputs.to_string().len()), &text).await;
            assert_eq!(answer.status, 400, "{inputs} {}", answer.text());
        }
        create(&t.admin, "wrong/unknown").await;
        let unknown = put(&t.admin, "wrong/unknown", "values:\n  a:\n    fn::open::vault-login: {}\n").await.expect(400).json();
        assert_eq!(unknown["diagnostics"][0]["summary"], "unknown provider \"vault-login\"");
    }

    async fn what_is_imported_is_bounded_in_bytes(t: TestApp) {
        // The same under many names: each is an import of its own.
        create(&t.admin, "big/e").await;
        let text = format!("values:\n  a: 1\n# {}\n", "x".repeat(1_000_000));
        let _ = put(&t.admin, "big/e", &text).await.expect(200);
        let mut names = vec!["big/e".to_owned(), "big/e@2".to_owned()];
        for n in 0..15 {
            let tag = json!({"name": format!("t{n}"), "revision": 2});
            let _ = t.admin.post(&format!("{BASE}/big/e/versions/tags"), tag).await.expect(204);
            names.push(format!("big/e@t{n}"));
        }
        let importing = json!({"imports": names}).to_string();
        let refused = raw(&t.admin, "POST", &format!("{BASE}/yaml/check"), &importing, None).await.expect(400);
        let said = refused.json()["diagnostics"].clone();
        assert_eq!(said.as_array().unwrap().len(), 1, "{said}");
        assert!(said[0]["summary"].as_str().unwrap().starts_with("too much is imported"), "{said}");
    }

    async fn tokens_are_recorded_and_only_saved_definitions_get_them(t: TestApp) {
        let asked = json!({"audience": "https://x.example", "identityToken": {"version": "v2"}, "duration": "1m"});
        stored(&t.admin, "web/token", json!({"token": {"fn::open::oidc": asked}})).await;
        let values = open(&t.admin, "web/token").await;
        assert_eq!(values["properties"]["token"]["secret"], true);
        let issued = said(&t, "environment-oidc-token-issued").await;
        assert_eq!(issued.len(), 1, "{issued:?}");
        assert!(issued[0].contains("\"web/token\"") && issued[0].contains("audience \"https://x.example\", good for 60 s"), "{issued:?}");
        let path = format!("{BASE}/yaml/open");
        let unsaved = json!({"values": {"token": {"fn::open::oidc": asked}}}).to_string();
        let answer = raw(&t.admin, "POST", &path, &unsaved, None).await.expect(400);
        assert!(answer.text().contains("not saved"), "{}", answer.text());
        // An unsaved definition that imports it gets one for the environment that declares the call.
        let importing = json!({"imports": ["web/token"]}).to_string();
        let opened = raw(&t.admin, "POST", &path, &importing, None).await.expect(200).json();
        let read = t.admin.get(&format!("{path}/{}?property=token", opened["id"].as_str().unwrap())).await.expect(200).json();
        assert_eq!(read["secret"], true);
        // A check calls nobody, and nobody gets a token whose import is refused.
        let _ = t.admin.send("POST", &format!("{BASE}/web/token/check?showSecrets=true"), None).await.expect(200);
        let bob = t.member_with("bob", &["environment:create", "environment:write", "environment:read", "environment_yaml:open"]).await;
        let answer = raw(&bob, "POST", &path, &importing, None).await.expect(400).text();
        assert!(answer.contains("environment:open on environment \\\"web/token\\\""), "{answer}");
        assert_eq!(said(&t, "environment-oidc-token-issued").await.len(), 2);
        assert_eq!(said(&t, "environment-unauthorized-open").await.len(), 1);
        // The same call written twice is one token, in the order of a stack's anonymous definition `<yaml>` too.
        let claims = json!({"values": {"shown": {"fn::open::debug-oidc-claims": {"audiencePrefix": "aws"}}}}).to_string();
        let opened = raw(&t.admin, "POST", &path, &claims, None).await.expect(200).json();
        let read = t.admin.get(&format!("{path}/{}?property=shown.sub", opened["id"].as_str().unwrap())).await.expect(200).json();
        assert_eq!(read["value"], "pulumi:environments:org:pulumi:env:<yaml>");
    }
}

/// A hundred openings that wait for a cloud that never answers: everybody else is served, and who goes away is forgotten.
async fn hanging(on: On) {
    const OPENINGS: u32 = 100;
    let fake = Fake::start(false).await;
    let Some(t) = fake.app(on).await else { return };
    stored(&t.admin, "web/slow", json!({"login": login()})).await;
    stored(&t.admin, "web/fast", json!({"a": 1})).await;
    let mut openings = tokio::task::JoinSet::new();
    for _ in 0..OPENINGS {
        let client = Client::new(t.admin.base()).with_token(t.admin.token());
        openings.spawn(async move { client.send("POST", &format!("{BASE}/web/slow/open"), None).await.status });
    }
    fake.asked.acquire_many(OPENINGS).await.unwrap().forget();
    for _ in 0..20 {
        assert_eq!(open(&t.admin, "web/fast").await["properties"]["a"]["value"], 1);
    }
    assert!(t.app.evaluations.available_permits() > 0, "those that wait hold evaluations");
    openings.abort_all();
    fake.left.acquire_many(OPENINGS).await.unwrap().forget();
    assert!(said(&t, "environment-open").await.iter().all(|said| said.contains("web/fast")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clouds_that_hang_hold_nobody_up_sqlite() {
    hanging(On::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clouds_that_hang_hold_nobody_up_postgres() {
    hanging(On::Postgres).await;
}

/// A cloud that says back what it was sent: the token is in no diagnostic.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cloud_says_back_holds_no_token() {
    let fake = Fake::start(true).await;
    let t = fake.app(On::Sqlite).await.unwrap();
    stored(&t.admin, "web/echo", json!({"login": login()})).await;
    let said = refused(&t.admin, "web/echo").await;
    assert!(said.contains("AWS STS: you sent") && said.contains("WebIdentityToken"), "{said}");
    assert!(said.contains("[secret]") && !said.contains("eyJ"), "{said}");
    assert!(said.chars().count() < 400, "{said}");
}
