//! Rotations over HTTP: the shapes of the contract, both keys of the request, and what is seen afterwards.

use super::environments::said;
use pileus_testkit::{app::TestApp, client::Answer};
use serde_json::{Value, json};

const BASE: &str = "/api/esc/environments/pulumi";
const X: &str = "/api/esc/environments/pulumi/web/prod";

async fn with_definition(t: &TestApp, text: &str) {
    let _ = t.admin.post(BASE, json!({"project": "web", "name": "prod"})).await.expect(200);
    let request = t.admin.request("PATCH", X).body(text.to_owned());
    let _ = Answer::of("an update".into(), request).await.expect(200);
}

async fn opened(t: &TestApp) -> Value {
    let session = t.admin.send("POST", &format!("{X}/open"), None).await.expect(200).json();
    t.admin.get(&format!("{X}/open/{}", session["id"].as_str().unwrap())).await.expect(200).json()["properties"].clone()
}

const TWO: &str = "values:\n  db:\n    pw:\n      fn::rotate::password:\n        inputs: {length: 40}\n  \"a-b\":\n    fn::rotate: {provider: password, inputs: {}}\n";

both! {
    async fn rotated_by_either_key(t: TestApp) {
        with_definition(&t, TWO).await;
        let before = opened(&t).await;
        assert_eq!(before["db"]["value"]["pw"]["value"], json!({}), "nothing before the first rotation");
        let all = t.admin.post(&format!("{X}/rotate"), json!({"Paths": null})).await.expect(200).json();
        let event = &all["secretRotationEvent"];
        assert_eq!(all["id"], event["id"]);
        for (field, value) in [("preRotationRevision", json!(2)), ("postRotationRevision", json!(3)), ("status", json!("succeeded"))] {
            assert_eq!(event[field], value, "{event}");
        }
        assert!(event["created"].is_string() && event["completed"].is_string() && event["environmentId"].is_string());
        assert!(event.get("errorMessage").is_none() && event.get("scheduledActionID").is_none() && all.get("diagnostics").is_none());
        let paths: Vec<&str> = event["rotations"].as_array().unwrap().iter().map(|r| r["environmentPath"].as_str().unwrap()).collect();
        assert_eq!(paths, ["[\"a-b\"]", "db.pw"]);
        let first = opened(&t).await;
        let current = &first["db"]["value"]["pw"]["value"]["current"];
        assert_eq!((current["secret"].clone(), current["value"].as_str().unwrap().chars().count()), (json!(true), 40));
        // One of them only; the other stays.
        let _ = t.admin.post(&format!("{X}/rotate"), json!({"paths": ["db.pw"]})).await.expect(200);
        let second = opened(&t).await;
        assert_eq!(second["db"]["value"]["pw"]["value"]["previous"]["value"], current["value"]);
        assert_ne!(second["db"]["value"]["pw"]["value"]["current"]["value"], current["value"]);
        assert_eq!(second["a-b"]["value"]["current"]["value"], first["a-b"]["value"]["current"]["value"]);
        let _ = t.admin.post(&format!("{X}/rotate"), json!({"Paths": ["[\"a-b\"]"]})).await.expect(200);
        let history = t.admin.get(&format!("{X}/rotate/history")).await.expect(200).json();
        assert_eq!(history["events"].as_array().unwrap().len(), 3);
        // A revision before it still opens with what was good then.
        let session = t.admin.send("POST", &format!("{X}/versions/3/open"), None).await.expect(200).json();
        let path = format!("{X}/open/{}?property=db.pw.current", session["id"].as_str().unwrap());
        assert_eq!(t.admin.get(&path).await.expect(200).json()["value"], current["value"]);
    }

    async fn what_may_not_be_opened_is_one_denial(t: TestApp) {
        with_definition(&t, "values: {}\n").await;
        let bob = t.member_with("bob", &["environment:read", "environment:rotate"]).await;
        let _ = t.admin.post(BASE, json!({"project": "web", "name": "other"})).await.expect(200);
        let text = format!("imports: [web/other]\n{TWO}");
        let _ = Answer::of("an update".into(), t.admin.request("PATCH", X).body(text)).await.expect(200);
        let said_no = bob.post(&format!("{X}/rotate"), json!({})).await.error(403);
        assert!(said_no.contains("environment:open on environment \"web/other\""), "{said_no}");
        assert_eq!(said(&t, "environment-unauthorized-open").await.len(), 1);
        assert_eq!(said(&t, "auth-failure-environment").await.len(), 0, "and nothing else of it");
    }

    async fn failures_have_their_reasons(t: TestApp) {
        with_definition(&t, "values:\n  pw:\n    fn::rotate::password:\n      inputs: {length: 8, minLower: 5, minUpper: 5}\n").await;
        let failed = t.admin.post(&format!("{X}/rotate"), json!({})).await.expect(200).json();
        let event = &failed["secretRotationEvent"];
        assert_eq!(event["status"], "failed");
        assert!(event.get("postRotationRevision").is_none());
        let why = event["rotations"][0]["errorMessage"].as_str().unwrap();
        assert!(why.contains("10 together") && event["errorMessage"].is_string(), "{event}");
        assert!(failed["diagnostics"][0]["summary"].as_str().unwrap().starts_with("rotate: "), "{failed}");
        let _ = t.admin.post(&format!("{X}/rotate"), json!({"paths": ["nosuch"]})).await.error(400);
        let _ = t.admin.post(&format!("{X}/rotate"), json!({"paths": "pw"})).await.error(400);
        let request = t.admin.request("PATCH", X).body("values: {a: {fn::rotate::aws-iam: {inputs: {}}}}");
        let refused = Answer::of("an unknown rotator".into(), request).await.expect(400).json();
        assert_eq!(refused["diagnostics"][0]["summary"], "unknown rotator \"aws-iam\"");
    }

    async fn rotators_are_described(t: TestApp) {
        assert_eq!(t.admin.get("/api/esc/rotators?orgName=pulumi").await.expect(200).json(), json!({"rotators": ["password"]}));
        let schema = t.admin.get("/api/esc/rotators/password/schema").await.expect(200).json();
        assert_eq!(schema["name"], "password");
        assert_eq!(schema["inputs"]["properties"]["inputs"]["properties"]["length"]["maximum"], 100);
        assert_eq!(schema["inputs"]["required"], json!(["inputs"]));
        assert_eq!(schema["outputs"]["properties"]["previous"]["type"], "string");
        let _ = t.admin.get("/api/esc/rotators/aws-iam/schema").await.error(404);
    }

    async fn who_may_rotate_and_see_it(t: TestApp) {
        with_definition(&t, TWO).await;
        let reader = t.member_with("reader", &["environment:read", "environment:open"]).await;
        let _ = reader.post(&format!("{X}/rotate"), json!({})).await.error(403);
        let _ = reader.get(&format!("{X}/rotate/history")).await.error(403);
        let rotator = t.member_with("rotator", &["environment:rotate", "environment:rotate_history"]).await;
        let done = rotator.post(&format!("{X}/rotate"), json!({})).await.expect(200).json();
        assert_eq!(done["secretRotationEvent"]["status"], "succeeded");
        let _ = rotator.send("POST", &format!("{X}/open"), None).await.error(403);
        assert_eq!(rotator.get(&format!("{X}/rotate/history")).await.expect(200).json()["events"][0]["id"], done["id"]);
    }
}
