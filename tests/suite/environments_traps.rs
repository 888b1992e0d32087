//! What clients of environments stumble over: a test for each trap that concerns the server (`esc.md` (e), by number).
//!
//! | trap | test |
//! |---|---|
//! | 1 codes in error bodies | `trap_01_errors_carry_their_code` |
//! | 2, 4 ends of lists, strict cursors, empty query values | `trap_02_lists_end` , `trap_04_empty_query_values` |
//! | 3 `Pulumi-ESC-Revision` | `trap_03_revisions_are_told` |
//! | 5 probing two-part names | `trap_05_probing_is_clean` |
//! | 6 content types, `//`, the project `yaml` | `trap_06_bodies_and_slashes` |
//! | 7 `Paths` | `rotation::rotated_by_either_key` |
//! | 8, 9 no empty diagnostics, no warnings of our own | `trap_08_nothing_is_said_of_what_is_right` |
//! | 10 the names in diagnostics | `trap_10_diagnostics_name_their_document` |
//! | 11 no `exprs` in sessions | `trap_11_sessions_have_no_expressions` |
//! | 12 plaintext in check results | `environments_leaks` |
//! | 13 `$$` in secrets | `trap_13_dollars_in_secrets` |
//! | 14–18 the language | `cargo xtask esc-conformance` |
//! | 19 a stable order | `trap_19_replies_are_stable` |
//! | 20 what made upstream panic | `trap_20_nothing_panics` |
//! | 21 quoted first keys in rotation paths | `service::environments::rotation::tests::paths_are_compared_as_paths` |
//! | 22 imports by their text, bounded | `trap_22_imports_are_bounded` |
//! | 23 every edge needs `open`; `rotateOnly` | `trap_23_every_import_needs_open`, `service::environments::rotation::tests::what_is_for_rotations_only_needs_its_permission_when_rotating` |
//! | 24 which revision was read | `environments::imports_follow_versions_and_permissions` |
//! | 25 one snapshot for each open | `trap_25_an_open_sees_one_moment` |
//! | 26 sessions | `trap_26_sessions_are_bound`, `environments::sessions_belong_to_who_opened_them_and_end` |
//! | 27 ciphertexts elsewhere | `trap_27_ciphertexts_open_nowhere_else` |
//! | 28 YAML | `trap_28_yaml` |
//! | 29 tags of revisions beside revisions | `trap_29_tags_beside_revisions` |
//! | 30 an environment without content | `trap_30_nothing_is_an_empty_object` |

use crate::environments::{BASE, create, open, put, raw, said};
use pileus_testkit::{
    app::TestApp,
    client::{Answer, Client},
};
use serde_json::{Value, json};

const X: &str = "/api/esc/environments/pulumi/web/prod";

async fn with(t: &TestApp, name: &str, text: &str) {
    create(&t.admin, name).await;
    let _ = put(&t.admin, name, text).await.expect(200);
}

async fn post(client: &Client, path: &str, text: &str) -> Answer {
    raw(client, "POST", path, text, None).await
}

both! {
    async fn trap_01_errors_carry_their_code(t: TestApp) {
        create(&t.admin, "web/prod").await;
        let other = t.organization("elsewhere", "carol").await;
        for (answer, status) in [
            (t.admin.get(&format!("{BASE}/web/nosuch")).await, 404),
            (t.admin.get(&format!("{X}/versions/9")).await, 404),
            (t.admin.get(&format!("{X}/versions/nosuch/decrypt")).await, 404),
            (t.admin.get(&format!("{X}/versions/tags/nosuch")).await, 404),
            (t.admin.get(&format!("{X}/tags/nosuch")).await, 404),
            (t.admin.get(&format!("{X}/open/nosuch")).await, 404),
            (other.get(X).await, 404),
            (t.admin.post(BASE, json!({"project": "web", "name": "prod"})).await, 409),
            (t.admin.post(&format!("{X}/clone"), json!({"name": "prod"})).await, 409),
            (raw(&t.admin, "PATCH", X, "{}", Some("\"other-1\"")).await, 409),
            (put(&t.admin, "web/prod", "values: [").await, 400),
            (post(&t.admin, &format!("{BASE}/yaml/check"), "values: {a: \"${b}\"}").await, 400),
            (post(&t.admin, &format!("{X}/open?duration=x"), "").await, 400),
            (t.member_with("bob", &[]).await.get(X).await, 403),
        ] {
            let body = answer.expect(status).json();
            assert_eq!(body["code"], status, "{body}");
            assert!(body["message"].as_str().is_some_and(|m| !m.is_empty()), "{body}");
        }
        let many = json!({"ciphertexts": vec!["x".repeat(1 << 16); 17]});
        assert_eq!(t.admin.post(&format!("{X}/decrypt-secrets"), many).await.expect(413).json()["code"], 413);
    }

    async fn trap_02_lists_end(t: TestApp) {
        create(&t.admin, "web/prod").await;
        for n in 0..3 {
            let _ = put(&t.admin, "web/prod", &format!("values: {{n: {n}}}\n")).await.expect(200);
            let _ = t.admin.post(&format!("{X}/tags"), json!({"name": format!("t{n}"), "value": "v"})).await.expect(200);
            let _ = t.admin.post(&format!("{X}/versions/tags"), json!({"name": format!("r{n}")})).await.expect(204);
        }
        // Tags: positions, "0" at the end.
        let (mut after, mut seen) = (String::new(), Vec::new());
        while after != "0" {
            let page = t.admin.get(&format!("{X}/tags?after={after}&count=2")).await.expect(200).json();
            seen.extend(page["tags"].as_object().unwrap().keys().cloned());
            after = page["nextToken"].as_str().unwrap().to_owned();
            assert!(seen.len() <= 3, "{seen:?}");
        }
        assert_eq!(seen, ["t0", "t1", "t2"]);
        // Tags of revisions: by the last name, until there is nothing.
        let (mut after, mut seen) = (String::new(), Vec::new());
        loop {
            let page = t.admin.get(&format!("{X}/versions/tags?after={after}&count=1")).await.expect(200).json();
            let Some(tag) = page["tags"].as_array().unwrap().first() else { break };
            after = tag["name"].as_str().unwrap().to_owned();
            seen.push(after.clone());
            assert!(seen.len() <= 4, "{seen:?}");
        }
        assert_eq!(seen, ["latest", "r0", "r1", "r2"]);
        // Revisions: below the last number, until there is nothing.
        let (mut before, mut seen) = (0, Vec::new());
        loop {
            let page = t.admin.get(&format!("{X}/versions?before={before}&count=3")).await.expect(200).json();
            let numbers: Vec<i64> = page.as_array().unwrap().iter().map(|r| r["number"].as_i64().unwrap()).collect();
            let Some(last) = numbers.last() else { break };
            before = *last;
            seen.extend(numbers);
            assert!(seen.len() <= 4, "{seen:?}");
        }
        assert_eq!(seen, [4, 3, 2, 1]);
        // Environments: a token, none at the end.
        for n in 0..4 {
            create(&t.admin, &format!("p{n}/e")).await;
        }
        for list in [BASE, "/api/esc/environments"] {
            let (mut token, mut seen) = (String::new(), 0);
            loop {
                let page = t.admin.get(&format!("{list}?maxResults=2{token}")).await.expect(200).json();
                seen += page["environments"].as_array().unwrap().len();
                assert!(seen <= 5);
                let Some(next) = page["nextToken"].as_str() else { break };
                token = format!("&continuationToken={next}");
            }
            assert_eq!(seen, 5, "{list}");
        }
    }

    async fn trap_03_revisions_are_told(t: TestApp) {
        create(&t.admin, "web/prod").await;
        let updated = put(&t.admin, "web/prod", "values: {a: 1}\n").await.expect(200);
        assert_eq!(updated.header("Pulumi-ESC-Revision"), "2");
        let _ = t.admin.post(&format!("{X}/versions/tags"), json!({"name": "live", "revision": 1})).await.expect(204);
        for (path, revision) in [("", "2"), ("/versions/1", "1"), ("/versions/live", "1"), ("/versions/latest", "2"),
            ("/decrypt", "2"), ("/versions/live/decrypt", "1")] {
            let found = t.admin.get(&format!("{X}{path}")).await.expect(200);
            assert_eq!(found.header("Pulumi-ESC-Revision"), revision, "{path}");
            assert_eq!(found.header("content-type"), "application/x-yaml", "{path}");
            assert!(!found.header("etag").is_empty(), "{path}");
        }
        let head = t.admin.send("HEAD", X, None).await.expect(200);
        assert_eq!((head.header("Pulumi-ESC-Revision"), head.header("etag")), ("2".into(), updated.header("etag")));
    }

    async fn trap_04_empty_query_values(t: TestApp) {
        create(&t.admin, "web/prod").await;
        for path in ["tags?after=&count=", "versions/tags?after=&count=", "versions?before=&count=", "versions?before=0&count=",
            "referrers?count=&allRevisions=&continuationToken=", "versions/1/tags?after=&count="] {
            let _ = t.admin.get(&format!("{X}/{path}")).await.expect(200);
        }
        for path in [format!("{BASE}?continuationToken=&maxResults="), format!("{BASE}/restore?continuationToken=")] {
            let _ = t.admin.get(&path).await.expect(200);
        }
        let _ = post(&t.admin, &format!("{X}/open?duration="), "").await.expect(200);
        let _ = post(&t.admin, &format!("{BASE}/yaml/check?showSecrets="), "{}").await.expect(200);
        let _ = post(&t.admin, &format!("{BASE}/yaml/open?duration=&environmentOverrides="), "{}").await.expect(200);
    }

    async fn trap_05_probing_is_clean(t: TestApp) {
        create(&t.admin, "web/prod").await;
        let _ = t.organization("elsewhere", "carol").await;
        let before = t.events(t.log("pulumi").await).await.len();
        for path in ["pulumi/a/b", "a/default/b", "elsewhere/default/b", "nosuch/default/prod"] {
            let message = t.admin.get(&format!("/api/esc/environments/{path}")).await.error(404);
            assert!(message.contains("not found"), "{message}");
        }
        let _ = t.admin.get("/api/esc/environments?continuationToken=").await.expect(200);
        assert_eq!(t.events(t.log("pulumi").await).await.len(), before, "probing leaves nothing in the log");
        let theirs = t.events(t.log("elsewhere").await).await;
        assert!(theirs.iter().all(|e| !e.event.event.id().starts_with("environment")), "{theirs:?}");
    }

    async fn trap_06_bodies_and_slashes(t: TestApp) {
        with(&t, "web/prod", "values: {a: 1}\n").await;
        for kind in ["application/json", "application/x-yaml", "text/plain", "application/x-www-form-urlencoded", "nonsense"] {
            let request = t.admin.request("PATCH", X).header("Content-Type", kind).body("# x\nvalues:\n  a: 2\n");
            let _ = Answer::of(format!("PATCH as {kind}"), request).await.expect(200);
            let request = t.admin.request("POST", &format!("{BASE}/yaml/check")).header("Content-Type", kind).body("values: {b: 1}");
            let checked = Answer::of(format!("check as {kind}"), request).await.expect(200).json();
            assert_eq!(checked["properties"]["b"]["value"], 1, "{kind}");
        }
        let id = post(&t.admin, &format!("{X}/open"), "").await.expect(200).json()["id"].as_str().unwrap().to_owned();
        let both = [format!("{X}/open/{id}?property=a"), format!("{X}/open//{id}?property=a")];
        for path in both {
            assert_eq!(t.admin.get(&path).await.expect(200).json()["value"], 2, "{path}");
        }
        let _ = t.admin.get(&format!("{X}//tags")).await.error(404);
        let _ = t.admin.post(BASE, json!({"project": "yaml", "name": "check"})).await.error(400);
        // Names that only begin like the reserved ones are names.
        for (project, name) in [("yaml2", "opensearch"), ("openings", "yaml-files")] {
            let _ = t.admin.post(BASE, json!({"project": project, "name": name})).await.expect(200);
        }
    }

    async fn trap_08_nothing_is_said_of_what_is_right(t: TestApp) {
        with(&t, "base/net", "values:\n  cidr: {v4: a, v6: b}\n  s:\n    fn::secret: x\n").await;
        create(&t.admin, "web/prod").await;
        let text = "description: for the web\nimports:\n  - base/net\nvalues:\n  cidr: {v4: c}\n  s: plain\n  \"on\": yes\n  e: null\n  \
            environmentVariables: {A: \"${cidr.v4}$${x}\"}\n";
        assert_eq!(put(&t.admin, "web/prod", text).await.expect(200).json(), json!({}));
        for path in [format!("{BASE}/yaml/check"), format!("{X}/check"), format!("{BASE}/yaml/open"), format!("{X}/open")] {
            let said = post(&t.admin, &path, if path.contains("yaml") { text } else { "" }).await.expect(200).json();
            assert_eq!(said.get("diagnostics"), None, "{path}");
        }
        // A warning is said, and what it is about is stored.
        let text = "imports: [base/fixed]\nvalues: {a: 2}\n";
        with(&t, "base/fixed", "values: {a: {\"fn::final\": 1}}\n").await;
        let said = put(&t.admin, "web/prod", text).await.expect(200).json();
        assert_eq!((&said["diagnostics"][0]["severity"], &said["diagnostics"][0]["summary"]), (&json!("warning"), &json!("cannot override final value")));
        assert_eq!(t.admin.get(X).await.expect(200).text(), text);
    }

    async fn trap_10_diagnostics_name_their_document(t: TestApp) {
        create(&t.admin, "web/prod").await;
        let wrong = "values:\n  a: ${nothing}\n";
        for (answer, name) in [
            (put(&t.admin, "web/prod", wrong).await, "web/prod"),
            (put(&t.admin, "web/prod", "values: {a: {\"fn::open::nosuch\": {}}}").await, "web/prod"),
            (post(&t.admin, &format!("{BASE}/yaml/check"), wrong).await, "<yaml>"),
            (post(&t.admin, &format!("{BASE}/yaml/open"), wrong).await, "<yaml>"),
        ] {
            let body = answer.expect(400).json();
            let range = &body["diagnostics"][0]["range"];
            assert_eq!(range["environment"], name, "{body}");
            assert!(range["begin"]["line"].as_i64() > Some(0), "{body}");
        }
        // What goes wrong in an import is shown where it stands there.
        create(&t.admin, "base/late").await;
        let _ = put(&t.admin, "web/prod", "imports: [base/late]\nvalues: {}\n").await.expect(200);
        let _ = put(&t.admin, "base/late", "imports: [web/gone]\n").await;
        with(&t, "web/gone", "values: {x: 1}\n").await;
        let _ = put(&t.admin, "base/late", "imports: [web/gone]\nvalues: {y: \"${x}\"}\n").await.expect(200);
        let _ = t.admin.delete(&format!("{BASE}/web/gone")).await.expect(200);
        let body = post(&t.admin, &format!("{X}/open"), "").await.expect(400).json();
        assert_eq!(body["diagnostics"][0]["range"]["environment"], "base/late", "{body}");
    }

    async fn trap_11_sessions_have_no_expressions(t: TestApp) {
        with(&t, "web/prod", "values:\n  l: [{a: 1}]\n  x: ${l[0].a}\n").await;
        let opened = open(&t.admin, "web/prod").await;
        assert_eq!(opened["properties"]["x"]["value"], 1);
        assert_eq!(opened.get("exprs"), None);
        let checked = post(&t.admin, &format!("{X}/check"), "").await.expect(200).json();
        assert!(checked["exprs"]["x"]["symbol"][1]["index"].is_number(), "{checked}");
    }

    async fn trap_13_dollars_in_secrets(t: TestApp) {
        let text = "values:\n  pw:\n    fn::secret: a$${b}$c$$d\n  plain: a$${b}$c$$d\n";
        with(&t, "web/prod", text).await;
        let opened = open(&t.admin, "web/prod").await;
        assert_eq!(opened["properties"]["pw"]["value"], "a$${b}$c$$d", "stored and decrypted as it stands");
        assert_eq!(opened["properties"]["plain"]["value"], "a${b}$c$d");
        assert_eq!(t.admin.get(&format!("{X}/decrypt")).await.expect(200).text(), text);
        let unsaved = post(&t.admin, &format!("{BASE}/yaml/check?showSecrets=true"), text).await.expect(200).json();
        assert_eq!(unsaved["properties"]["pw"]["value"], "a${b}$c$d", "unescaped as long as it is not stored");
    }

    async fn trap_19_replies_are_stable(t: TestApp) {
        let text: String = (0..40).map(|n| format!("  k{}: ${{k{}}}\n", (n * 17) % 40, 41 + n)).collect();
        let path = format!("{BASE}/yaml/check");
        let wrong = post(&t.admin, &path, &format!("values:\n{text}")).await.expect(400).body;
        let right = post(&t.admin, &path, "values: {c: 1, a: {z: 1, b: 2}, b: \"${a}\"}").await.expect(200).body;
        for _ in 0..5 {
            assert_eq!(post(&t.admin, &path, &format!("values:\n{text}")).await.expect(400).body, wrong);
            assert_eq!(post(&t.admin, &path, "values: {c: 1, a: {z: 1, b: 2}, b: \"${a}\"}").await.expect(200).body, right);
        }
    }

    async fn trap_20_nothing_panics(t: TestApp) {
        create(&t.admin, "web/prod").await;
        for wrong in ["{\"fn::open::aws-login\": [1]}", "{\"fn::open::aws-login\": }", "{\"fn::open::oidc\": text}", "{\"fn::open\": }",
            "{\"fn::rotate::password\": }", "{\"fn::rotate::password\": [1]}", "{\"fn::open::debug-oidc-claims\": 1}", "{\"fn::secret\": }"] {
            let text = format!("values:\n  a: {wrong}\n");
            for path in [format!("{BASE}/yaml/check"), format!("{BASE}/yaml/open")] {
                let said = post(&t.admin, &path, &text).await.expect(400).json();
                assert_eq!(said["diagnostics"][0]["severity"], "error", "{wrong}");
            }
            let _ = put(&t.admin, "web/prod", &text).await.expect(400);
        }
    }

    async fn trap_30_nothing_is_an_empty_object(t: TestApp) {
        create(&t.admin, "web/prod").await;
        assert_eq!(open(&t.admin, "web/prod").await, json!({}));
        for nothing in ["", "{}\n", "values: {}\n"] {
            let _ = put(&t.admin, "web/prod", nothing).await.expect(200);
            assert_eq!(open(&t.admin, "web/prod").await, json!({}), "{nothing:?}");
            let id = post(&t.admin, &format!("{BASE}/yaml/open"), nothing).await.expect(200).json();
            let read = t.admin.get(&format!("{BASE}/yaml/open/{}", id["id"].as_str().unwrap())).await.expect(200);
            assert_eq!(read.json(), json!({}), "{nothing:?}");
        }
    }
}

#[path = "environments_traps_rules.rs"]
mod rules;
