//! The steps of the walk about Insights accounts.

use super::Walk;
use serde_json::json;

/// Every operation on accounts that changes something, once.
pub(super) async fn accounts(w: &mut Walk) {
    crate::insights_accounts::environment(&w.t.admin, "walk", "111111111111", "right").await;
    let _ = w.gained().await;
    let base = "/api/preview/insights/pulumi/accounts";
    let account = format!("{base}/walk");
    let new = json!({"provider": "aws", "environment": "insights/walk", "scanSchedule": "none"});
    let _ = w.step("CreateAccount", &account, Some(new), &["cloud-account-created", "environment-open"]).await;
    let many = json!({"accounts": [{"name": "walk2", "provider": "aws", "environment": "insights/walk"}]});
    let _ = w.step("BulkCreateAccounts", base, Some(many), &["cloud-account-created", "environment-open"]).await;
    let change = json!({"environment": "insights/walk", "providerConfig": {"regions": ["us-east-1"]}});
    let _ = w.step("UpdateAccount", &account, Some(change), &["cloud-account-updated", "environment-open"]).await;
    let _ = w.step("HeadAccount", &account, None, &[]).await;
    let tags = json!({"tags": {"stage": "test"}});
    let _ = w.one("SetInsightAccountTags", &format!("{account}/tags"), Some(tags)).await;
    let team = json!({"name": "walkers", "displayName": "", "description": ""});
    let _ = w.t.admin.post("/api/orgs/pulumi/teams/pulumi", team).await;
    let _ = w.gained().await;
    let grant = json!({"permissions": 1});
    let _ = w.one("UpdateTeamInsightsAccountPermissions", &format!("{account}/teams/walkers"), Some(grant)).await;
    let owner = json!({"name": "", "githubLogin": "admin", "avatarUrl": ""});
    let _ = w.one("ReassignAccountOwnership", &format!("{account}/ownership"), Some(owner)).await;
    let reported = json!({"resources": [{"type": "aws:sns/topic:Topic", "id": "t", "inputs": {}, "state": {}}]});
    let _ = w.one("UpsertResources", &format!("{account}/us-east-1/resources"), Some(reported)).await;
    let asked =
        json!({"resourceIdentifiers": [{"account": "walk/us-east-1", "type": "aws:sns/topic:Topic", "id": "t"}]});
    let _ = w.step("ListResourcesWithReferences", &format!("{account}/resources/references"), Some(asked), &[]).await;
    scans(w, &account).await;
    let _ = w.one("DeleteAccount", &account, None).await;
}

async fn scans(w: &mut Walk, account: &str) {
    let settings = json!({"paused": false, "scheduleCron": "0 6 * * *"});
    let _ = w.one("UpdateScheduledScanSettings", &format!("{account}/scan/settings"), Some(settings)).await;
    let _ = w.one("PauseScheduledScans", &format!("{account}/scan/pause"), None).await;
    let _ = w.one("ResumeScheduledScans", &format!("{account}/scan/resume"), None).await;
    let _ = w.one("ScanAccount", &format!("{account}/us-east-1/scan"), Some(json!({}))).await;
    let _ = w.one("CancelScan", &format!("{account}/us-east-1/scan/cancel"), None).await;
}
