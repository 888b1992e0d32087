//! Traps about who may have what: imports, moments, sessions, ciphertexts, names.

use super::*;

both! {
    async fn trap_22_imports_are_bounded(t: TestApp) {
        // The same environment under three names is three imports; each is read, none is a cycle.
        with(&t, "default/a", "values: {n: 1}\n").await;
        with(&t, "web/prod", "imports: [a, default/a, default/a@latest]\nvalues: {m: \"${n}\"}\n").await;
        assert_eq!(open(&t.admin, "web/prod").await["properties"]["m"]["value"], 1);
        // A cycle is said, not followed.
        create(&t.admin, "web/left").await;
        with(&t, "web/right", "imports: [web/left]\nvalues: {}\n").await;
        let cyclic = put(&t.admin, "web/left", "imports: [web/right]\nvalues: {}\n").await.expect(400).text();
        assert!(cyclic.contains("cyclic import of web/left"), "{cyclic}");
        // A chain that is too long ends in a diagnostic.
        create(&t.admin, "chain/e0").await;
        let mut refused = None;
        for n in 1..60 {
            create(&t.admin, &format!("chain/e{n}")).await;
            let answer = put(&t.admin, &format!("chain/e{n}"), &format!("imports: [chain/e{}]\nvalues: {{}}\n", n - 1)).await;
            if answer.status != 200 {
                refused = Some((n, answer.expect(400).text()));
                break;
            }
        }
        let (depth, said) = refused.expect("a bound");
        assert!(depth > 20 && said.contains("deep"), "{depth} {said}");
    }

    async fn trap_23_every_import_needs_open(t: TestApp) {
        with(&t, "base/secret", "values: {s: {\"fn::secret\": shh}}\n").await;
        with(&t, "base/middle", "imports: [base/secret]\nvalues: {m: \"${s}\"}\n").await;
        let bob = t.member_with("bob", &["environment:create", "environment_yaml:open", "environment:read"]).await;
        create(&bob, "bob/own").await;
        let _ = put(&bob, "bob/own", "imports: [base/middle]\nvalues: {x: \"${m}\"}\n").await.expect(200);
        // Directly, by way of another, inline, as a replacement, anonymously.
        let overrides = "eyJuZXQiOiJiYXNlL21pZGRsZSJ9"; // {"net":"base/middle"}
        for (path, text) in [
            (format!("{BASE}/bob/own/open"), ""),
            (format!("{BASE}/yaml/open"), "imports: [base/secret]\nvalues: {}\n"),
            (format!("{BASE}/yaml/open"), "values: {x: \"${environments.base.secret.s}\"}\n"),
            (format!("{BASE}/yaml/open?environmentOverrides={overrides}"), "imports: [net]\nvalues: {}\n"),
            (format!("{BASE}/yaml/check?showSecrets=true"), "imports: [base/secret]\nvalues: {}\n"),
            (format!("{BASE}/bob/own/check?showSecrets=true"), ""),
        ] {
            let said_no = post(&bob, &path, text).await.expect(400).text();
            assert!(said_no.contains("environment:open") && !said_no.contains("shh"), "{path}: {said_no}");
        }
        // The second and the third are the same to the record, which counts them.
        assert_eq!(said(&t, "environment-unauthorized-open").await.len(), 5);
        assert!(said(&t, "environment-open").await.is_empty());
        // Without secrets, reading is enough to check.
        let _ = post(&bob, &format!("{BASE}/yaml/check"), "imports: [base/middle]\nvalues: {}\n").await.expect(200);
        let carol = t.member_with("carol", &["environment_yaml:open"]).await;
        let said_no = post(&carol, &format!("{BASE}/yaml/check"), "imports: [base/middle]\nvalues: {}\n").await.expect(400).text();
        assert!(said_no.contains("environment:read"), "{said_no}");
    }

    async fn replaced_imports_keep_their_key(t: TestApp) {
        with(&t, "base/blue", "values: {color: blue, me: \"${context.currentEnvironment.name}\"}\n").await;
        with(&t, "base/red", "values: {color: red, me: \"${context.currentEnvironment.name}\"}\n").await;
        with(&t, "base/middle", "imports: [base/blue]\nvalues: {c: \"${color}\"}\n").await;
        let text = "imports: [base/blue, base/middle]\nvalues: {x: \"${imports[\\\"base/blue\\\"].me}\", y: \"${c}\"}\n";
        let text = text.replace("\\\"", "'").replace('\'', "\\\"");
        // {"base/blue":"base/red"}, for the whole graph.
        let path = format!("{BASE}/yaml/open?environmentOverrides=eyJiYXNlL2JsdWUiOiJiYXNlL3JlZCJ9");
        let id = post(&t.admin, &path, &text).await.expect(200).json()["id"].as_str().unwrap().to_owned();
        let read = t.admin.get(&format!("{BASE}/yaml/open/{id}")).await.expect(200).json();
        let values = &read["properties"];
        assert_eq!((&values["color"]["value"], &values["x"]["value"], &values["y"]["value"]), (&json!("red"), &json!("base/red"), &json!("red")));
        for wrong in ["%%%", "bm90IEpTT04", "WzFd"] {
            let _ = post(&t.admin, &format!("{BASE}/yaml/open?environmentOverrides={wrong}"), "{}").await.error(400);
        }
    }

    async fn trap_25_an_open_sees_one_moment(t: TestApp) {
        with(&t, "base/n", "values: {n: 0}\n").await;
        for side in ["left", "right"] {
            with(&t, &format!("web/{side}"), "imports: [base/n]\nvalues: {}\n").await;
        }
        let text = "imports:\n  - web/left: {merge: false}\n  - web/right: {merge: false}\nvalues:\n  l: ${imports[\"web/left\"].n}\n  \
            r: ${imports[\"web/right\"].n}\n";
        with(&t, "web/prod", text).await;
        let writer = async {
            for n in 1..30 {
                let _ = put(&t.admin, "base/n", &format!("values: {{n: {n}}}\n")).await.expect(200);
            }
        };
        let reader = async {
            for _ in 0..30 {
                let opened = open(&t.admin, "web/prod").await;
                assert_eq!(opened["properties"]["l"]["value"], opened["properties"]["r"]["value"]);
            }
        };
        let ((), ()) = tokio::join!(writer, reader);
    }

    async fn trap_26_sessions_are_bound(t: TestApp) {
        with(&t, "web/prod", "values: {s: {\"fn::secret\": shh}}\n").await;
        let bob = t.member_with("bob", &["environment:open"]).await;
        let id = post(&bob, &format!("{X}/open"), "").await.expect(200).json()["id"].as_str().unwrap().to_owned();
        assert!(id.len() >= 32, "{id}");
        let again = post(&bob, &format!("{X}/open"), "").await.expect(200).json();
        assert_ne!(again["id"], json!(id));
        let path = format!("{X}/open/{id}");
        let _ = bob.get(&path).await.expect(200);
        // Not as an anonymous one, not in another organisation, not by another, not without the permission.
        let _ = t.admin.get(&format!("{BASE}/yaml/open/{id}")).await.error(404);
        let carol = t.organization("elsewhere", "carol").await;
        let _ = carol.post("/api/esc/environments/elsewhere", json!({"project": "web", "name": "prod"})).await.expect(200);
        let _ = carol.get(&path.replace("/pulumi/", "/elsewhere/")).await.error(404);
        let _ = carol.get(&path).await.error(404);
        let _ = t.admin.get(&path).await.error(404);
        let none = t.role(&["environment:read"]).await;
        let _ = t.admin.patch("/api/orgs/pulumi/members/bob", json!({"fgaRoleId": none})).await.expect(204);
        let _ = bob.get(&path).await.error(403);
        // What is deleted and made anew has none of the old sessions.
        let mine = post(&t.admin, &format!("{X}/open"), "").await.expect(200).json()["id"].as_str().unwrap().to_owned();
        let _ = t.admin.delete(X).await.expect(200);
        create(&t.admin, "web/prod").await;
        let _ = t.admin.get(&format!("{X}/open/{mine}")).await.error(404);
    }

    async fn trap_27_ciphertexts_open_nowhere_else(t: TestApp) {
        with(&t, "web/prod", "values:\n  pw:\n    fn::secret: sesame\n").await;
        let stored = t.admin.get(X).await.expect(200).text();
        // As `env get` and `env edit` post it: the form is checked, no key is used.
        let check = format!("{BASE}/yaml/check");
        let checked = post(&t.admin, &check, &stored).await.expect(200).json();
        assert_eq!((&checked["properties"]["pw"]["secret"], &checked["properties"]["pw"]["unknown"]), (&json!(true), &json!(true)));
        let broken = stored.replace("ciphertext: ZXNj", "ciphertext: AAAA");
        let said_no = post(&t.admin, &check, &broken).await.expect(400).text();
        assert!(said_no.contains("invalid ciphertext"), "{said_no}");
        for path in [format!("{check}?showSecrets=true"), format!("{BASE}/yaml/open")] {
            let said_no = post(&t.admin, &path, &stored).await.expect(400).text();
            assert!(said_no.contains("decrypting: ") && !said_no.contains("sesame"), "{path}: {said_no}");
        }
        // Outside of `values` nothing is decrypted.
        let call = stored.split_once("pw:\n").unwrap().1;
        let outside = format!("{stored}x:\n  y:\n{call}");
        let _ = put(&t.admin, "web/prod", &outside).await.expect(200);
        let clear = t.admin.get(&format!("{X}/decrypt")).await.expect(200).text();
        assert_eq!((clear.matches("sesame").count(), clear.matches("ciphertext").count()), (1, 1), "{clear}");
        // Who may write but not open moves it, and learns nothing.
        let bob = t.member_with("bob", &["environment:read", "environment:write", "environment:create"]).await;
        let moved = stored.replace("pw:", "mine:");
        let _ = put(&bob, "web/prod", &moved).await.expect(200);
        for path in ["check", "check?showSecrets=false"] {
            assert!(!post(&bob, &format!("{X}/{path}"), "").await.expect(200).text().contains("sesame"));
        }
        let _ = post(&bob, &format!("{X}/check?showSecrets=true"), "").await.error(403);
        let _ = bob.get(&format!("{X}/decrypt")).await.error(403);
        let own = json!({"ciphertexts": [call.trim().rsplit(' ').next().unwrap()]});
        let _ = bob.post(&format!("{X}/decrypt-secrets"), own.clone()).await.error(403);
        assert_eq!(t.admin.post(&format!("{X}/decrypt-secrets"), own.clone()).await.expect(200).json()["plaintexts"][0], "sesame");
        create(&bob, "bob/own").await;
        let _ = bob.post(&format!("{BASE}/bob/own/decrypt-secrets"), own).await.error(400);
    }

    async fn trap_28_yaml(t: TestApp) {
        with(&t, "web/prod", "values:\n  b: yes\n  t: 2001-01-01\n  s: 1:30\n  \"<<\": 1\n---\nvalues: {other: 1}\n").await;
        let opened = open(&t.admin, "web/prod").await;
        let value = |name: &str| opened["properties"][name]["value"].clone();
        assert_eq!((value("b"), value("t"), value("s"), value("<<")), (json!("yes"), json!("2001-01-01"), json!("1:30"), json!(1)));
        assert_eq!(value("other"), Value::Null);
        for wrong in ["values:\n", "values:\n\ta: 1\n", "values:\n  a: &x 1\n  b: *x\n", "# nothing\n", "[1]\n", "values: {1: 2}\n"] {
            let said = put(&t.admin, "web/prod", wrong).await.expect(400).json();
            assert!(said["diagnostics"][0]["summary"].is_string(), "{wrong:?} {said}");
        }
    }

    async fn trap_29_tags_beside_revisions(t: TestApp) {
        create(&t.admin, "web/prod").await;
        let tags = format!("{X}/versions/tags");
        for bad in ["tags", "latest", "1a", "0", "", "a b", "a/b"] {
            let _ = t.admin.post(&tags, json!({"name": bad, "revision": 1})).await.error(400);
        }
        let _ = t.admin.post(&tags, json!({"name": "a-1.b_c"})).await.expect(204);
        let _ = t.admin.post(&tags, json!({"name": "a-1.b_c"})).await.error(409);
        let _ = t.admin.post(&tags, json!({"name": "far", "revision": 9})).await.error(404);
        let listed = t.admin.get(&tags).await.expect(200).json();
        assert_eq!(listed["tags"].as_array().unwrap().len(), 2);
        assert_eq!(listed["tags"][1]["name"], "a-1.b_c");
        assert_eq!(t.admin.get(&format!("{X}/versions/a-1.b_c")).await.expect(200).header("Pulumi-ESC-Revision"), "1");
        for answer in [t.admin.patch(&format!("{tags}/latest"), json!({"revision": 1})).await, t.admin.delete(&format!("{tags}/latest")).await] {
            let _ = answer.error(400);
        }
        // The CLI changes a tag by PATCH, and makes it where that answers 404.
        let _ = t.admin.patch(&format!("{tags}/new"), json!({"revision": 1})).await.error(404);
        let _ = t.admin.delete(&format!("{tags}/a-1.b_c")).await.expect(204);
        let _ = t.admin.delete(&format!("{tags}/a-1.b_c")).await.error(404);
    }
}
