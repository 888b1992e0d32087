//! Schedules of rotations over HTTP: the shapes of the contract, and that what is due happens.

use pileus_service::background;
use pileus_testkit::{app::TestApp, client::Answer};
use serde_json::json;

const BASE: &str = "/api/esc/environments/pulumi";
const X: &str = "/api/esc/environments/pulumi/web/prod";
const TEXT: &str = "values:\n  pw:\n    fn::rotate::password:\n      inputs: {}\n";

async fn prepared(t: &TestApp) -> String {
    let _ = t.admin.post(BASE, json!({"project": "web", "name": "prod"})).await.expect(200);
    let request = t.admin.request("PATCH", X).body(TEXT);
    let _ = Answer::of("an update".into(), request).await.expect(200);
    format!("{X}/schedules")
}

both! {
    async fn from_new_to_deleted(t: TestApp) {
        let path = prepared(&t).await;
        assert_eq!(t.admin.get(&path).await.expect(200).json(), json!({"schedules": []}));
        let body = json!({"scheduleCron": "0 3 * * *", "secretRotationRequest": {"environmentPath": "pw"}});
        let made = t.admin.post(&path, body.clone()).await.expect(200).json();
        for (field, value) in [
            ("kind", json!("environment_rotation")), ("paused", json!(false)), ("scheduleCron", json!("0 3 * * *")),
            ("lastExecuted", json!("")), ("definition", json!({"environmentPath": "pw"})),
        ] {
            assert_eq!(made[field], value, "{made}");
        }
        assert!(made["nextExecution"].as_str().unwrap().contains("T03:0") && made.get("scheduleOnce").is_none(), "{made}");
        let _ = t.admin.post(&path, body).await.error(409);
        let _ = t.admin.post(&path, json!({"scheduleCron": "0 * * * *"})).await.error(400);
        let one = format!("{path}/{}", made["id"].as_str().unwrap());
        assert_eq!(t.admin.get(&one).await.expect(200).json(), made);
        let _ = t.admin.send("POST", &format!("{one}/pause"), None).await.expect(200);
        let paused = t.admin.get(&one).await.expect(200).json();
        assert_eq!((&paused["paused"], &paused["nextExecution"]), (&json!(true), &json!("")));
        let _ = t.admin.send("POST", &format!("{one}/resume"), None).await.expect(200);
        t.clock.advance_seconds(24 * 3600);
        background::rotate_once(&t.app, true).await.unwrap();
        let history = t.admin.get(&format!("{one}/history")).await.expect(200).json();
        let run = &history["scheduleHistoryEvents"][0];
        assert_eq!((&run["result"], &run["version"], &run["scheduledActionID"]), (&json!("succeeded"), &json!(3), &made["id"]));
        let event = &t.admin.get(&format!("{X}/rotate/history")).await.expect(200).json()["events"][0];
        assert_eq!((&event["id"], &event["scheduledActionID"], &event["userID"]), (&run["id"], &made["id"], &json!("pileus")));
        assert_ne!(t.admin.get(&one).await.expect(200).json()["lastExecuted"], "");
        let later = t.admin.patch(&one, json!({"scheduleOnce": "2099-01-01T00:00:00Z"})).await.expect(200).json();
        assert_eq!((later["scheduleOnce"].as_str(), later.get("scheduleCron")), (Some("2099-01-01T00:00:00.000Z"), None));
        let _ = t.admin.delete(&one).await.expect(200);
        let _ = t.admin.get(&one).await.error(404);
        let _ = t.admin.delete(&one).await.error(404);
    }

    async fn who_may_do_what(t: TestApp) {
        let path = prepared(&t).await;
        let scopes = ["create", "read", "update", "pause", "resume", "delete"];
        let body = json!({"scheduleCron": "0 3 * * *"});
        let made = t.admin.post(&path, body.clone()).await.expect(200).json();
        let one = format!("{path}/{}", made["id"].as_str().unwrap());
        for scope in scopes {
            let who = t.member_with(&format!("may-{scope}"), &[&format!("environment_schedule:{scope}")]).await;
            for (needs, method, at) in [
                ("create", "POST", path.clone()), ("read", "GET", one.clone()), ("update", "PATCH", one.clone()),
                ("pause", "POST", format!("{one}/pause")), ("resume", "POST", format!("{one}/resume")),
                ("delete", "DELETE", format!("{path}/00000000-0000-0000-0000-000000000000")),
            ] {
                let status = who.send(method, &at, Some(body.clone())).await.status;
                assert_eq!(status != 403, scope == needs, "{scope}: {method} {at} gave {status}");
            }
        }
    }
}
