//! Opening again: what was read for an earlier opening decides nothing of a later one.

use crate::environments::{BASE, create, open, put, said};
use pileus_testkit::{app::TestApp, client::Client};
use serde_json::{Value, json};

/// The texts of `x` and `y` in `web/prod`, which imports `base/net`, opened twice: the second time much of it is known.
async fn both_times(client: &Client) -> (Value, Value) {
    let first = open(client, "web/prod").await;
    assert_eq!(first, open(client, "web/prod").await);
    (first["properties"]["x"]["value"].clone(), first["properties"]["y"]["value"].clone())
}

/// Why `web/prod` does not open, asked twice.
async fn refused(client: &Client, status: u16) -> String {
    let path = format!("{BASE}/web/prod/open");
    let first = client.send("POST", &path, None).await.expect(status).text();
    assert_eq!(first, client.send("POST", &path, None).await.expect(status).text());
    first
}

async fn made(t: &TestApp) {
    create(&t.admin, "base/net").await;
    create(&t.admin, "web/prod").await;
    let _ = put(&t.admin, "base/net", "values: {x: {\"fn::secret\": one}}\n").await.expect(200);
    let _ = put(&t.admin, "web/prod", "imports: [base/net]\nvalues: {y: \"is ${x}\"}\n").await.expect(200);
}

both! {
    async fn a_later_opening_sees_what_is_there_then(t: TestApp) {
        made(&t).await;
        assert_eq!(both_times(&t.admin).await, (json!("one"), json!("is one")));
        let _ = put(&t.admin, "base/net", "values: {x: two}\n").await.expect(200);
        assert_eq!(both_times(&t.admin).await, (json!("two"), json!("is two")));
        let _ = put(&t.admin, "web/prod", "imports: [base/net]\nvalues: {y: \"was ${x}\"}\n").await.expect(200);
        assert_eq!(both_times(&t.admin).await, (json!("two"), json!("was two")));
        // A retracted revision is gone, although it was opened a moment ago.
        let versions = format!("{BASE}/base/net/versions");
        let _ = t.admin.send("POST", &format!("{versions}/2/open"), None).await.expect(200);
        let _ = t.admin.post(&format!("{versions}/2/retract"), json!({"replacement": 3})).await.expect(204);
        let _ = t.admin.send("POST", &format!("{versions}/2/open"), None).await.error(404);
        let _ = put(&t.admin, "web/prod", "imports: [base/net@2]\nvalues: {}\n").await.expect(400);
        // So is a deleted one; another of the same name has its own revisions, with the same numbers, and its own key.
        let _ = t.admin.delete(&format!("{BASE}/base/net")).await.expect(200);
        assert!(refused(&t.admin, 400).await.contains("not found"));
        create(&t.admin, "base/net").await;
        let _ = put(&t.admin, "base/net", "values: {x: {\"fn::secret\": another}}\n").await.expect(200);
        assert_eq!(both_times(&t.admin).await, (json!("another"), json!("was another")));
        let all = said(&t, "environment-open").await;
        assert_eq!(all.len(), 9, "each opening is recorded: {all:?}");
    }

    async fn who_may_not_open_any_more_does_not(t: TestApp) {
        made(&t).await;
        let bob = t.member_with("bob", &["environment:read", "environment:open"]).await;
        assert_eq!(both_times(&bob).await, (json!("one"), json!("is one")));
        let only = json!({"__type": "PermissionDescriptorCondition",
            "condition": {"__type": "PermissionExpressionEqual",
                "left": {"__type": "PermissionExpressionEnvironment"},
                "right": {"__type": "PermissionLiteralExpressionEnvironment", "identity": "web/prod"}},
            "subNode": {"__type": "PermissionDescriptorAllow", "permissions": ["environment:open"]}});
        let role = json!({"name": "web", "description": "", "details": only, "resourceType": "organization", "uxPurpose": "role"});
        let role = t.admin.post("/api/orgs/pulumi/roles", role).await.expect(200).json();
        let _ = t.admin.patch("/api/orgs/pulumi/members/bob", json!({"fgaRoleId": role["id"]})).await.expect(204);
        let said_no = refused(&bob, 400).await;
        assert!(said_no.contains("environment:open") && said_no.contains("base/net"), "{said_no}");
        let nothing = t.role(&["environment:read"]).await;
        let _ = t.admin.patch("/api/orgs/pulumi/members/bob", json!({"fgaRoleId": nothing})).await.expect(204);
        let path = format!("{BASE}/web/prod/open");
        let _ = bob.send("POST", &path, None).await.error(403);
        assert_eq!(both_times(&t.admin).await, (json!("one"), json!("is one")), "who may still does");
    }

    async fn organizations_have_their_own_of_the_same_name(t: TestApp) {
        made(&t).await;
        assert_eq!(both_times(&t.admin).await, (json!("one"), json!("is one")));
        let ann = t.organization("acme", "ann").await;
        let base = "/api/esc/environments/acme";
        let _ = ann.post(base, json!({"project": "web", "name": "prod"})).await.expect(200);
        let text = "imports: [base/net]\nvalues: {}\n";
        let missing = crate::environments::raw(&ann, "PATCH", &format!("{base}/web/prod"), text, None).await.expect(400).text();
        assert!(missing.contains("not found"), "{missing}");
        let opened = ann.send("POST", &format!("{base}/web/prod/open"), None).await.expect(200).json();
        let read = ann.get(&format!("{base}/web/prod/open/{}", opened["id"].as_str().unwrap())).await.expect(200).json();
        assert_eq!(read, json!({}), "its own, which is empty");
        let _ = ann.send("POST", &format!("{BASE}/web/prod/open"), None).await.error(404);
    }
}
