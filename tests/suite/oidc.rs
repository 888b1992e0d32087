//! A pipeline logs in with an identity token: issuer on loopback, discovery, policy, exchange, and what is recorded.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{self, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use pileus_egress::{AllowList, EgressConfig};
use pileus_testkit::{
    app::{On, Options, TestApp},
    client::Answer,
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
};

/// An identity provider with one key.
struct Issuer {
    url: String,
    key: Arc<EcdsaKeyPair>,
}

impl Issuer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = Arc::new(EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
        let point = key.public_key().as_ref();
        let jwk = json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "one",
            "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..])});
        let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/keys")}).to_string();
        let keys = json!({"keys": [jwk]}).to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut head = [0u8; 4096];
                let n = stream.read(&mut head).unwrap_or(0);
                let wanted = String::from_utf8_lossy(&head[..n]).into_owned();
                let body = if wanted.starts_with("GET /keys") { &keys } else { &discovery };
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Self { url, key }
    }
    fn token(&self, now: i64, sub: &str) -> String {
        let head = B64.encode(json!({"alg": "ES256", "kid": "one", "typ": "JWT"}).to_string());
        let claims = json!({"iss": self.url, "sub": sub, "aud": "urn:pulumi:org:pulumi", "iat": now, "nbf": now, "exp": now + 300});
        let signed = format!("{head}.{}", B64.encode(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", B64.encode(signature.as_ref()))
    }
}

/// As the CLI sends it: a form.
async fn exchange(t: &TestApp, token: &str, kind: &str, scope: &str) -> Answer {
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", "urn:pulumi:org:pulumi"),
        ("requested_token_type", &format!("urn:pulumi:token-type:access_token:{kind}")),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ("scope", scope),
        ("expiration", "600"),
        ("subject_token", token),
    ];
    let form = fields.iter().map(|(k, v)| format!("{k}={}", v.replace(':', "%3A"))).collect::<Vec<_>>().join("&");
    let request = t
        .anonymous()
        .request("POST", "/api/oauth/token")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form);
    Answer::of(format!("exchange for {kind}"), request).await
}

async fn count(t: &TestApp, event: &str) -> usize {
    let log = t.log("pulumi").await;
    t.events(log).await.iter().filter(|e| e.event.event.id() == event).count()
}

async fn behaviour(on: On) {
    let allow = AllowList::new(vec!["127.0.0.1".parse().unwrap()]);
    let egress = EgressConfig { allow, ..EgressConfig::default() };
    let Some(t) = TestApp::start_with(on, Options { egress, ..Options::default() }).await else { return };
    let issuer = Issuer::start();
    let made = t
        .admin
        .post("/api/orgs/pulumi/oidc/issuers", json!({"name": "ci", "url": issuer.url}))
        .await
        .expect(200)
        .json();
    let id = made["id"].as_str().unwrap();
    let token = issuer.token(t.clock.seconds(), "repo:acme/app");
    // A new issuer grants nothing.
    assert!(matches!(exchange(&t, &token, "organization", "").await.status, 400 | 401 | 403));
    assert_eq!(count(&t, "oidc-issuer-validation-failed").await, 1);
    let policy = t.admin.get(&format!("/api/orgs/pulumi/auth/policies/oidcissuers/{id}")).await.expect(200).json();
    let path = format!("/api/orgs/pulumi/auth/policies/{}", policy["id"].as_str().unwrap());
    let _ = t.admin.patch(&path, json!({"policies": []})).await.error(400);
    let definition = |kind: &str, login: Option<&str>| -> Value {
        json!({"decision": "allow", "tokenType": kind, "userLogin": login, "authorizedPermissions": [],
            "rules": {"aud": "urn:pulumi:org:pulumi", "sub": "repo:acme/*"}})
    };
    let both = json!({"policies": [definition("organization", None), definition("personal", Some("admin"))]});
    let _ = t.admin.patch(&path, both).await.expect(200);
    let granted = exchange(&t, &token, "organization", "").await.expect(200).json();
    assert_eq!(granted["expires_in"], 600);
    let machine = t.anonymous().with_token(granted["access_token"].as_str().unwrap());
    assert_eq!(machine.get("/api/user").await.expect(200).json()["githubLogin"], "pulumi");
    let _ = machine.get("/api/orgs/pulumi/teams").await.expect(200);
    let _ = machine.get("/api/orgs/pulumi/auditlogs").await.error(403);
    assert_eq!(count(&t, "organization-token-created-for-oidc-issuer").await, 1);
    let personal = exchange(&t, &token, "personal", "user:admin").await.expect(200).json();
    let personal = t.anonymous().with_token(personal["access_token"].as_str().unwrap());
    let _ = personal.get("/api/orgs/pulumi/auditlogs").await.expect(200);
    assert_eq!(count(&t, "personal-token-created-for-oidc-issuer").await, 1);
    // Somebody else's repository, and a forgery.
    let other = issuer.token(t.clock.seconds(), "repo:acme-evil/app");
    assert!(matches!(exchange(&t, &other, "organization", "").await.status, 400 | 401 | 403));
    let forged = format!("{}x", &token[..token.len() - 1]);
    let _ = exchange(&t, &forged, "organization", "").await.error(401);
    // What it got expires, and goes with the issuer.
    let _ = t
        .admin
        .post(&format!("/api/orgs/pulumi/oidc/issuers/{id}/regenerate-thumbprints"), json!({}))
        .await
        .expect(200);
    assert_eq!(count(&t, "oidc-issuer-updated").await, 1);
    t.clock.advance_seconds(601);
    let _ = machine.get("/api/user").await.error(401);
    let _ = t.admin.delete(&format!("/api/orgs/pulumi/oidc/issuers/{id}")).await.expect(204);
    let _ = personal.get("/api/user").await.error(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_logs_in_without_a_stored_secret_sqlite() {
    behaviour(On::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_logs_in_without_a_stored_secret_postgres() {
    behaviour(On::Postgres).await;
}
