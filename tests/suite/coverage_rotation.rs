//! The steps about rotations of secrets and their schedules.

use super::{Walk, id_of};
use pileus_service::keys::Keys;
use serde_json::json;

pub(super) async fn rotation(w: &mut Walk) {
    const BASE: &str = "/api/esc/environments/pulumi";
    let x = format!("{BASE}/web/rotated");
    let made = json!({"project": "web", "name": "rotated"});
    let _ = w.one("CreateEnvironment_esc_environments", BASE, Some(made)).await;
    let text = json!({"values": {"pw": {"fn::rotate::password": {"inputs": {}}}}});
    let _ = w.one("UpdateEnvironment_esc_environments", &x, Some(text)).await;
    let both = &["environment-rotated", "environment-updated"];
    let done = w.step("RotateEnvironment", &format!("{x}/rotate"), Some(json!({"Paths": ["pw"]})), both).await;
    assert_eq!(done["secretRotationEvent"]["status"], "succeeded", "{done}");
    let _ = w.step("ListEnvironmentSecretRotationHistory", &format!("{x}/rotate/history"), None, &[]).await;
    let _ = w.step("ListRotators", "/api/esc/rotators", None, &[]).await;
    let _ = w.step("GetRotatorSchema", "/api/esc/rotators/password/schema", None, &[]).await;
    let schedules = format!("{x}/schedules");
    let body = json!({"scheduleCron": "0 3 * * *", "secretRotationRequest": {"environmentPath": ""}});
    let id = id_of(&w.one("CreateEnvironmentSchedule", &schedules, Some(body)).await);
    let one = format!("{schedules}/{id}");
    let _ = w.step("ListEnvironmentSchedule", &schedules, None, &[]).await;
    let _ = w.step("ReadEnvironmentSchedule", &one, None, &[]).await;
    let _ = w.step("ListEnvironmentScheduleHistory", &format!("{one}/history"), None, &[]).await;
    let _ = w.one("UpdateEnvironmentSchedule", &one, Some(json!({"scheduleCron": "0 4 * * *"}))).await;
    let _ = w.one("PauseEnvironmentSchedule", &format!("{one}/pause"), None).await;
    let _ = w.one("ResumeEnvironmentSchedule", &format!("{one}/resume"), None).await;
    let _ = w.one("DeleteEnvironmentSchedule", &one, None).await;
}

/// The master key is changed to another one and back.
pub(super) async fn master_key(w: &mut Walk) {
    w.t.app.keys.learn(&Keys::parse(&"a7".repeat(32)).unwrap());
    let _ = w.step("GetMasterKeys", "/api/admin/keys", None, &[]).await;
    // Its beginning and its end.
    let both = &["master-key-rotated", "master-key-rotated"];
    let done = w.step("RotateMasterKey", "/api/admin/keys/rotate", None, both).await;
    assert!(done.get("retiring").is_none(), "{done}");
}
