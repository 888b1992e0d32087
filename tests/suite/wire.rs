//! What holds for every operation: routes, bodies, headers, errors.

use pileus_testkit::{
    app::{On, Options, TestApp},
    client::Answer,
};
use serde_json::json;
use std::io::Write;

const TEAMS: &str = "/api/orgs/pulumi/teams/pulumi";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Sends bytes as they are.
async fn raw(t: &TestApp, body: Vec<u8>, encoding: Option<&str>) -> Answer {
    let mut request = t.admin.request("POST", TEAMS).header("Content-Type", "application/json").body(body);
    if let Some(encoding) = encoding {
        request = request.header("Content-Encoding", encoding);
    }
    Answer::of(format!("POST {TEAMS}"), request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn routes() {
    let t = TestApp::start(On::Sqlite).await.unwrap();
    let anonymous = t.anonymous();
    let unserved = anonymous.get("/api/stacks/a/b/c/deployments").await.error(501);
    assert!(unserved.contains("ListStackDeployments"), "{unserved}");
    let _ = anonymous.get("/api/nothing/here").await.error(404);
    let _ = anonymous.get("/api/orgs//auditlogs").await.error(404);
    let other = anonymous.send("PUT", "/api/user", None).await;
    assert_eq!(other.header("allow"), "GET, HEAD");
    let _ = other.error(405);
    // Reads for which the CLI expects 404 and would retry a 5xx.
    let _ = t.admin.get("/api/stacks/pulumi/project/stack").await.error(404);
    let answer = anonymous.get("/api/status").await.expect(200);
    assert!(answer.header("x-pulumi-request-id").len() > 20);
    assert!(anonymous.get("/api/nothing").await.header("x-pulumi-request-id").len() > 20);
    let _ = anonymous.get("/readyz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies() {
    let t = TestApp::start(On::Sqlite).await.unwrap();
    for (body, says) in [
        ("{", "JSON"),
        ("[]", "object"),
        (r#"{"name":1,"displayName":"x","description":""}"#, "\"name\""),
        (r#"{"displayName":"x","description":""}"#, "\"name\""),
        (r#"{"name":null,"displayName":"x","description":""}"#, "\"name\""),
        ("{\"name\":\"a\\u0000b\",\"displayName\":\"x\",\"description\":\"\"}", "U+0000"),
    ] {
        let message = raw(&t, body.as_bytes().to_vec(), None).await.error(400);
        assert!(message.contains(says), "{body}: {message}");
    }
    // Unknown fields and parameters are tolerated, an optional null is absent.
    let _ = t
        .admin
        .patch("/api/orgs/pulumi?x=y", json!({"setMembersCanCreateTeams": null, "unknown": {"a": 1}}))
        .await
        .expect(200);
    let team = json!({"name": "zipped", "displayName": "x", "description": ""}).to_string();
    let _ = raw(&t, gzip(team.as_bytes()), Some("gzip")).await.expect(201);
    let _ = raw(&t, team.clone().into_bytes(), Some("br")).await.error(400);
    let _ = raw(&t, team.into_bytes(), Some("gzip")).await.error(400);
    let big = vec![b' '; (4 << 20) + 1];
    let _ = raw(&t, big, None).await.error(413);
    let bomb = vec![b' '; 64 << 20];
    let _ = raw(&t, gzip(&bomb), Some("gzip")).await.error(413);
    // No Accept, and one with a version that nobody has.
    let request = t.admin.request("GET", "/api/user").header("Accept", "application/vnd.pulumi+99");
    let _ = Answer::of("GET /api/user".into(), request).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_are_limited_by_address() {
    let options = Options { http: pileus_http::HttpConfig::default(), ..Options::default() };
    let t = TestApp::start_with(On::Sqlite, options).await.unwrap();
    let stranger = t.anonymous().with_token("pul-ffffffffffffffffffffffffffffffffffffffff");
    let mut refused = None;
    for _ in 0..100 {
        let answer = stranger.get("/api/user").await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        assert_eq!(answer.status, 401);
    }
    let refused = refused.expect("a hundred failed logins in a row were not limited");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    let _ = refused.error(429);
    // Time heals.
    t.clock.advance_seconds(3_600);
    let _ = t.admin.get("/api/user").await.expect(200);
}
