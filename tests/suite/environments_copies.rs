//! Environments that are copied, deleted and restored, given to others; and what stays in the log of that.

use crate::environments::{BASE, create, open, put, said};
use pileus_testkit::app::TestApp;
use serde_json::{Value, json};

const SECRET: &str = "planted-for-the-copy";

/// `web/prod` with four revisions, secrets in three of them, and tags of both kinds.
async fn original(t: &TestApp) {
    create(&t.admin, "web/prod").await;
    for n in 2..=4 {
        let text = format!(
            "# revision {n}\nvalues:\n  n: {n}\n  pw: {{fn::secret: \"{SECRET} {n}\"}}\n  raw:\n    fn::secret: |\n      two\n      lines $${{x}}\n"
        );
        let _ = put(&t.admin, "web/prod", &text).await.expect(200);
    }
    let tags = format!("{BASE}/web/prod/versions/tags");
    for (name, revision) in [("stable", 4), ("old", 2)] {
        let _ = t.admin.post(&tags, json!({"name": name, "revision": revision})).await.expect(204);
    }
    let _ = t.admin.post(&format!("{BASE}/web/prod/tags"), json!({"name": "stage", "value": "prod"})).await.expect(200);
    let _ = t.admin.post(&format!("{BASE}/web/prod/versions/3/retract"), json!({"replacement": 4})).await.expect(204);
}

async fn numbers(t: &TestApp, name: &str) -> Vec<i64> {
    let all = t.admin.get(&format!("{BASE}/{name}/versions")).await.expect(200).json();
    all.as_array().unwrap().iter().map(|one| one["number"].as_i64().unwrap()).collect()
}

async fn revision_tags(t: &TestApp, name: &str) -> Vec<(String, i64)> {
    let listed = t.admin.get(&format!("{BASE}/{name}/versions/tags")).await.expect(200).json();
    let all = listed["tags"].as_array().unwrap().iter();
    all.map(|tag| (tag["name"].as_str().unwrap().to_owned(), tag["revision"].as_i64().unwrap())).collect()
}

both! {
    async fn a_copy_has_one_revision_and_its_own_key(t: TestApp) {
        original(&t).await;
        let _ = t.admin.post(&format!("{BASE}/web/prod/clone"), json!({"project": "shop", "name": "prod"})).await.expect(204);
        assert_eq!(numbers(&t, "shop/prod").await, [1]);
        assert_eq!(revision_tags(&t, "shop/prod").await, [("latest".to_owned(), 1)]);
        let (clear, original) = (format!("{BASE}/shop/prod/decrypt"), format!("{BASE}/web/prod/decrypt"));
        let (clear, original) = (t.admin.get(&clear).await.expect(200).text(), t.admin.get(&original).await.expect(200).text());
        assert_eq!(clear, original);
        assert!(clear.starts_with("# revision 4\n") && clear.contains("lines $${x}"), "{clear}");
        let opened = open(&t.admin, "shop/prod").await;
        assert_eq!(opened["properties"]["pw"]["value"], format!("{SECRET} 4"));
        assert_eq!(opened["properties"]["raw"]["value"], "two\nlines $${x}\n");
        // The same secret, sealed for another environment: one does not open with the other's key.
        let sealed = t.admin.get(&format!("{BASE}/shop/prod")).await.expect(200).text();
        assert_ne!(sealed, t.admin.get(&format!("{BASE}/web/prod")).await.expect(200).text());
        create(&t.admin, "web/other").await;
        let _ = put(&t.admin, "web/other", &sealed).await.expect(200);
        let _ = t.admin.send("POST", &format!("{BASE}/web/other/open"), None).await.expect(400);
        let _ = t.admin.post(&format!("{BASE}/web/prod/clone"), json!({"project": "shop", "name": "prod"})).await.error(409);
        let _ = t.admin.post(&format!("{BASE}/web/prod/clone"), json!({"name": "yaml"})).await.error(400);
        let _ = t.admin.post(&format!("{BASE}/web/prod/clone"), json!({"name": "a", "version": 3})).await.error(404);
        // Without a project it is the original's; an older version is one revision, too.
        let _ = t.admin.post(&format!("{BASE}/web/prod/clone"), json!({"name": "old", "version": 2, "preserveRevisionTags": true})).await.expect(204);
        assert_eq!(open(&t.admin, "web/old").await["properties"]["n"]["value"], 2);
        assert_eq!(revision_tags(&t, "web/old").await, [("latest".to_owned(), 1), ("old".to_owned(), 1)]);
        assert_eq!(said(&t, "environment-cloned").await, [
            "Cloned environment \"web/prod\" at revision 4 to \"shop/prod\"",
            "Cloned environment \"web/prod\" at revision 2 to \"web/old\", with its revision tags",
        ]);
    }

    async fn a_copy_keeps_what_is_asked_for(t: TestApp) {
        original(&t).await;
        let alice = t.member("alice", "admin").await;
        let all = json!({"name": "twin", "preserveHistory": true, "preserveAccess": true, "preserveEnvironmentTags": true,
            "preserveRevisionTags": true});
        let _ = alice.post(&format!("{BASE}/web/prod/clone"), all).await.expect(204);
        assert_eq!(numbers(&t, "web/twin").await, [4, 3, 2, 1]);
        let expected = [("latest".to_owned(), 4), ("old".to_owned(), 2), ("stable".to_owned(), 4)];
        assert_eq!(revision_tags(&t, "web/twin").await, expected);
        let twin = t.admin.get(&format!("{BASE}/web/twin/versions")).await.expect(200).json();
        assert_eq!(twin, t.admin.get(&format!("{BASE}/web/prod/versions")).await.expect(200).json());
        assert_eq!(twin[1]["retracted"]["replacement"], 4);
        let second = t.admin.get(&format!("{BASE}/web/twin/versions/2/decrypt")).await.expect(200).text();
        assert!(second.contains(&format!("{SECRET} 2")), "{second}");
        let metadata = t.admin.get(&format!("{BASE}/web/twin/metadata")).await.expect(200).json();
        assert_eq!(metadata["ownedBy"]["githubLogin"], "admin");
        let tags = t.admin.get(&format!("{BASE}/web/twin/tags")).await.expect(200).json();
        assert_eq!(tags["tags"]["stage"]["value"], "prod");
        let _ = alice.post(&format!("{BASE}/web/prod/clone"), json!({"name": "hers"})).await.expect(204);
        let metadata = t.admin.get(&format!("{BASE}/web/hers/metadata")).await.expect(200).json();
        assert_eq!(metadata["ownedBy"]["githubLogin"], "alice");
        let tags = t.admin.get(&format!("{BASE}/web/hers/tags")).await.expect(200).json();
        assert_eq!(tags["tags"], json!({}));
    }

    async fn who_may_not_open_may_not_copy_secrets(t: TestApp) {
        original(&t).await;
        create(&t.admin, "web/plain").await;
        let _ = put(&t.admin, "web/plain", "values:\n  a: 1\n").await.expect(200);
        let copier = t.member_with("copier", &["environment:clone", "environment:create"]).await;
        let said_no = copier.post(&format!("{BASE}/web/prod/clone"), json!({"name": "mine"})).await.error(403);
        assert!(said_no.contains("environment:open"), "{said_no}");
        let _ = copier.post(&format!("{BASE}/web/plain/clone"), json!({"name": "mine"})).await.expect(204);
        let opener = t.member_with("opener", &["environment:clone", "environment:open"]).await;
        let said_no = opener.post(&format!("{BASE}/web/prod/clone"), json!({"name": "his"})).await.error(403);
        assert!(said_no.contains("environment:create"), "{said_no}");
        assert_eq!(said(&t, "environment-unauthorized-open").await.len(), 2);
    }

    async fn a_foreign_ciphertext_stays_closed_in_the_copy(t: TestApp) {
        original(&t).await;
        let stored = t.admin.get(&format!("{BASE}/web/prod")).await.expect(200).text();
        create(&t.admin, "web/thief").await;
        let text = format!("{stored}  own:\n    fn::secret: mine\n");
        let _ = put(&t.admin, "web/thief", &text).await.expect(200);
        let _ = t.admin.post(&format!("{BASE}/web/thief/clone"), json!({"name": "fence"})).await.expect(204);
        let refused = t.admin.send("POST", &format!("{BASE}/web/fence/open"), None).await.expect(400).text();
        assert!(refused.contains("decrypting") && !refused.contains(SECRET), "{refused}");
        // Its own secret came along: without the stolen ones it opens.
        let copied = t.admin.get(&format!("{BASE}/web/fence")).await.expect(200).text();
        let own = copied.split_once("  own:\n").unwrap().1;
        let _ = put(&t.admin, "web/fence", &format!("values:\n  own:\n{own}")).await.expect(200);
        assert_eq!(open(&t.admin, "web/fence").await["properties"]["own"]["value"], "mine");
    }

    async fn deleted_environments_come_back(t: TestApp) {
        original(&t).await;
        let restore = format!("{BASE}/restore");
        assert_eq!(t.admin.get(&restore).await.expect(200).json()["environments"], json!([]));
        let _ = t.admin.delete(&format!("{BASE}/web/prod")).await.expect(200);
        t.clock.advance_seconds(3600);
        create(&t.admin, "web/prod").await;
        let listed = t.admin.get(&restore).await.expect(200).json();
        let one = &listed["environments"][0];
        assert_eq!((&one["project"], &one["name"], &one["tags"]["stage"]), (&json!("web"), &json!("prod"), &json!("prod")));
        assert_eq!(listed.get("nextToken"), None);
        let body = json!({"project": "web", "name": "prod", "deletionTimestamp": one["deletedAt"]});
        assert!(t.admin.send("PUT", &restore, Some(body.clone())).await.error(409).contains("exists"));
        let _ = t.admin.delete(&format!("{BASE}/web/prod")).await.expect(200);
        let two = t.admin.get(&restore).await.expect(200).json();
        assert_eq!(two["environments"].as_array().unwrap().len(), 2);
        assert_eq!(two["environments"][1]["deletedAt"], one["deletedAt"]);
        let _ = t.admin.send("PUT", &restore, Some(body.clone())).await.expect(204);
        assert_eq!(open(&t.admin, "web/prod").await["properties"]["pw"]["value"], format!("{SECRET} 4"));
        let _ = t.admin.send("PUT", &restore, Some(body)).await.error(404);
        let wrong = json!({"project": "web", "name": "prod", "deletionTimestamp": "yesterday"});
        let _ = t.admin.send("PUT", &restore, Some(wrong)).await.error(400);
        assert_eq!(said(&t, "environment-restored").await, ["Restored environment \"web/prod\" at revision 4"]);
        let bob = t.member_with("bob", &["environment:read"]).await;
        let _ = bob.get(&restore).await.error(403);
    }

    async fn deleted_environments_are_forgotten_after_a_month(t: TestApp) {
        original(&t).await;
        create(&t.admin, "web/later").await;
        let _ = t.admin.delete(&format!("{BASE}/web/prod")).await.expect(200);
        t.clock.advance_seconds(3600);
        let _ = t.admin.delete(&format!("{BASE}/web/later")).await.expect(200);
        let listed = t.admin.get(&format!("{BASE}/restore")).await.expect(200).json();
        let deleted: Value = listed["environments"][1]["deletedAt"].clone();
        t.clock.advance_seconds(30 * 24 * 3600 - 1800);
        let left = t.admin.get(&format!("{BASE}/restore")).await.expect(200).json();
        assert_eq!(left["environments"].as_array().unwrap().len(), 1);
        let body = json!({"project": "web", "name": "prod", "deletionTimestamp": deleted});
        let _ = t.admin.send("PUT", &format!("{BASE}/restore"), Some(body)).await.error(404);
        let _ = pileus_service::environments::sweep(&t.app).await.unwrap();
        let left = t.app.store.read(|tx| {
            use pileus_store::TxExt as _;
            tx.one("SELECT COUNT(*) FROM environment_revisions", &[], |row| row.int(0))
        }).await.unwrap();
        assert_eq!(left, Some(1), "only what was deleted later has revisions");
    }

    async fn an_environment_is_given_to_another_member(t: TestApp) {
        original(&t).await;
        let bob = t.member_with("bob", &[]).await;
        let _ = bob.get(&format!("{BASE}/web/prod")).await.error(403);
        let path = format!("{BASE}/web/prod/ownership");
        let before = t.admin.post(&path, json!({"githubLogin": "bob"})).await.expect(200).json();
        assert_eq!(before["githubLogin"], "admin");
        assert!(open(&bob, "web/prod").await["properties"]["pw"]["value"].is_string());
        let _ = t.admin.post(&path, json!({"githubLogin": "nobody"})).await.error(400);
        let updated = said(&t, "environment-updated").await;
        assert_eq!(updated.last().unwrap(), "Gave environment \"web/prod\" to \"bob\"; before, it was owned by \"admin\"");
    }

    async fn older_addresses_are_those_of_the_default_project(t: TestApp) {
        let old = "/api/preview/environments/pulumi";
        let x = format!("{old}/legacy");
        let _ = t.admin.send("POST", &x, None).await.expect(200);
        let text = "values: {a: 1, s: {\"fn::secret\": old}}\n";
        let updated = crate::environments::raw(&t.admin, "PATCH", &x, text, None).await.expect(200);
        assert_eq!(updated.header("Pulumi-ESC-Revision"), "2");
        let _ = t.admin.post(&format!("{x}/versions/tags/live"), json!({"revision": 2})).await.expect(204);
        let both = |path: &str| [format!("{x}{path}"), format!("{BASE}/default/legacy{path}")];
        for path in ["", "/decrypt", "/versions", "/versions/live", "/versions/tags", "/versions/tags/live", "/tags", "/metadata"] {
            let [here, there] = both(path);
            let (here, there) = (t.admin.get(&here).await.expect(200), t.admin.get(&there).await.expect(200));
            assert_eq!(here.text(), there.text(), "{path}");
        }
        let id = t.admin.send("POST", &format!("{x}/open"), None).await.expect(200).json()["id"].as_str().unwrap().to_owned();
        assert_eq!(t.admin.get(&format!("{x}/open/{id}?property=s")).await.expect(200).json()["value"], "old");
        assert_eq!(t.admin.get(old).await.expect(200).json()["environments"][0]["project"], "default");
        // With its permissions, and its record.
        let bob = t.member_with("bob", &[]).await;
        let _ = bob.get(&x).await.error(403);
        assert_eq!(said(&t, "auth-failure-environment").await.len(), 1);
        assert_eq!(said(&t, "environment-open").await, ["Opened environment \"default/legacy\" at revision 2 for user \"admin\""]);
        let _ = t.admin.delete(&x).await.expect(200);
        let _ = t.admin.get(&x).await.error(404);
        let _ = t.admin.get(&format!("{x}/hooks")).await.error(501);
    }

    async fn the_context_has_a_schema(t: TestApp) {
        let schema = t.admin.get("/api/esc/context/schema").await.expect(200).json()["schema"].clone();
        create(&t.admin, "web/prod").await;
        // What the schema promises is there.
        let text = "values:\n  c: ${context}\n";
        let _ = put(&t.admin, "web/prod", text).await.expect(200);
        let found = open(&t.admin, "web/prod").await["properties"]["c"].clone();
        fn follow(schema: &Value, value: &Value) {
            match schema["type"].as_str() {
                Some("string") => assert!(value["value"].is_string(), "{value}"),
                _ => for (name, inner) in schema["properties"].as_object().unwrap() {
                    follow(inner, &value["value"][name]);
                }
            }
        }
        follow(&schema, &found);
        let _ = t.anonymous().get("/api/esc/context/schema").await.error(401);
    }
}
