//! What is recorded: order, denials, failed logins.

use pileus_testkit::app::TestApp;
use serde_json::json;

both! {
    async fn sequence_order_is_time_order_under_concurrent_writers(t: TestApp) {
        let writers: Vec<_> = (0..16).map(|w| {
            let admin = t.admin.clone();
            tokio::spawn(async move {
                for n in 0..10 {
                    let made = json!({"name": format!("t-{w}-{n}"), "displayName": "x", "description": ""});
                    let _ = admin.post("/api/orgs/pulumi/teams/pulumi", made).await.expect(201);
                }
            })
        }).collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let log = t.events(t.log("pulumi").await).await;
        assert_eq!(log.iter().filter(|e| e.event.event.id() == "team-created").count(), 160);
        for (n, event) in log.iter().enumerate() {
            assert_eq!(event.seq, i64::try_from(n).unwrap() + 1, "a gap");
        }
        assert!(log.windows(2).all(|w| w[0].at <= w[1].at), "time runs backwards");
    }

    async fn a_refused_member_leaves_one_denial_a_minute_with_a_count(t: TestApp) {
        let bob = t.member("bob", "member").await;
        for _ in 0..5 {
            let message = bob.get("/api/orgs/pulumi/auditlogs").await.error(403);
            assert!(message.contains("audit_logs:read"), "{message}");
        }
        let id = t.log("pulumi").await;
        let denied = async |t: &TestApp| -> Vec<_> {
            t.events(id).await.into_iter().filter(|e| e.event.event.id() == "auth-failure-organization-role").collect()
        };
        let first = denied(&t).await;
        assert_eq!(first.len(), 1, "{first:?}");
        assert_eq!(first[0].event.actor.login, "bob");
        assert_eq!(first[0].event.count, 1);
        t.clock.advance_seconds(61);
        pileus_service::audit::flush(&t.app, false).await;
        let both = denied(&t).await;
        assert_eq!(both.iter().map(|e| e.event.count).sum::<i64>(), 5);
        assert_eq!(both.len(), 2);
    }

    async fn strangers_and_unknown_tokens_leave_nothing(t: TestApp) {
        let carol = t.organization("elsewhere", "carol").await;
        let id = t.log("pulumi").await;
        let before = t.events(id).await.len();
        let _ = carol.get("/api/orgs/pulumi/auditlogs").await.error(404);
        let _ = t.anonymous().with_token("pul-ffffffffffffffffffffffffffffffffffffffff").get("/api/orgs/pulumi/auditlogs").await.error(401);
        let _ = t.anonymous().get("/api/orgs/pulumi/auditlogs").await.error(401);
        assert_eq!(t.events(id).await.len(), before);
    }

    async fn a_revoked_token_fails_at_once_and_is_recorded_for_its_owner(t: TestApp) {
        let bob = t.member("bob", "member").await;
        let _ = bob.get("/api/user").await.expect(200);
        let made = bob.post("/api/user/tokens", json!({"description": "second", "expires": 0})).await.expect(200).json();
        let second = bob.with_token(made["tokenValue"].as_str().unwrap());
        let _ = second.get("/api/user").await.expect(200);
        let _ = bob.delete(&format!("/api/user/tokens/{}", made["id"].as_str().unwrap())).await.expect(204);
        let _ = second.get("/api/user").await.error(401);
        let log = t.events(t.log("pulumi").await).await;
        let failed: Vec<_> = log.iter().filter(|e| e.event.event.id() == "user-login-failed").collect();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].event.actor.login, "bob");
    }
}
