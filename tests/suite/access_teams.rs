//! What teams may do with environments and accounts: given and taken in one place, shown as far as the asker may see, revoked at
//! once, and never a way to more than whoever gives it has.

use crate::insights_accounts::{environment, with_yaml};
use pileus_model::audit::Outcome;
use pileus_testkit::{app::TestApp, client::Client};
use serde_json::{Value, json};

const ORG: &str = "/api/orgs/pulumi";
const ENVIRONMENTS: &str = "/api/esc/environments/pulumi";
const ACCOUNTS: &str = "/api/preview/insights/pulumi/accounts";

async fn new_team(t: &TestApp, name: &str, members: &[&str]) {
    let body = json!({"name": name, "displayName": "", "description": ""});
    let _ = t.admin.post(&format!("{ORG}/teams/pulumi"), body).await.expect(201);
    for member in members {
        let body = json!({"memberAction": "add", "member": member});
        let _ = t.admin.patch(&format!("{ORG}/teams/{name}"), body).await.expect(204);
    }
}

fn of(env: &str, permission: &str) -> Value {
    json!({"projectName": "insights", "envName": env, "permission": permission})
}

async fn update(by: &Client, team: &str, body: Value) -> pileus_testkit::client::Answer {
    by.patch(&format!("{ORG}/teams/{team}"), body).await
}

async fn give(by: &Client, team: &str, env: &str, permission: &str) -> pileus_testkit::client::Answer {
    update(by, team, json!({"addEnvironmentPermission": of(env, permission)})).await
}

async fn shown(by: &Client, team: &str) -> (Value, Value) {
    let one = by.get(&format!("{ORG}/teams/{team}")).await.expect(200).json();
    let all = by.get(&format!("{ORG}/teams")).await.expect(200).json();
    let listed = all["teams"].as_array().unwrap().iter().find(|listed| listed["name"] == team).unwrap();
    assert_eq!(*listed, one, "the list shows what the team shows");
    (one["environments"].clone(), one["accounts"].clone())
}

/// Denials so far: event, who, on what.
async fn denials(t: &TestApp) -> Vec<(&'static str, String, String)> {
    let log = t.log("pulumi").await;
    let all = t.events(log).await.into_iter().filter(|e| e.event.outcome == Outcome::Denied);
    all.map(|e| (e.event.event.id(), e.event.actor.login, e.event.target.name)).collect()
}

fn one(event: &'static str, login: &str, target: &str) -> (&'static str, String, String) {
    (event, login.to_owned(), target.to_owned())
}

both! {
    async fn given_shown_and_taken(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        environment(&t.admin, "hidden", "222222222222", "right").await;
        let body = json!({"provider": "aws", "environment": "insights/aws", "scanSchedule": "none"});
        for name in ["prod", "dark"] {
            let _ = t.admin.post(&format!("{ACCOUNTS}/{name}"), body.clone()).await.expect(204);
        }
        let (bob, eve) = (t.member("bob", "member").await, t.member("eve", "member").await);
        new_team(&t, "ops", &["bob"]).await;
        assert_eq!(shown(&bob, "ops").await, (json!([]), json!([])));
        let _ = give(&t.admin, "ops", "aws", "read").await.expect(204);
        let _ = give(&t.admin, "ops", "hidden", "none").await.expect(204);
        let _ = t.admin.patch(&format!("{ACCOUNTS}/prod/teams/ops"), json!({"permissions": 2})).await.expect(204);
        let _ = t.admin.patch(&format!("{ACCOUNTS}/dark/teams/ops"), json!({"permissions": 0})).await.expect(204);
        let aws = json!({"projectName": "insights", "envName": "aws", "permission": "read", "permissionSetName": "Environment Read"});
        let hidden = json!({"projectName": "insights", "envName": "hidden", "permission": "none"});
        let prod = json!({"accountName": "prod", "permission": 2, "permissionSetName": "Account Write"});
        let dark = json!({"accountName": "dark", "permission": 0});
        assert_eq!(shown(&t.admin, "ops").await, (json!([aws, hidden]), json!([dark, prod])));
        // Whoever may not read it does not learn of it.
        assert_eq!(shown(&bob, "ops").await, (json!([aws]), json!([prod])));
        assert_eq!(shown(&eve, "ops").await, (json!([]), json!([])));
        let _ = bob.get(&format!("{ENVIRONMENTS}/insights/aws")).await.expect(200);
        let _ = eve.get(&format!("{ENVIRONMENTS}/insights/aws")).await.error(403);
        let listed = bob.get(ENVIRONMENTS).await.expect(200).json();
        let names: Vec<_> = listed["environments"].as_array().unwrap().iter().map(|e| e["name"].clone()).collect();
        assert_eq!(names, ["aws"]);
        assert_eq!(listed["environments"][0]["tags"], json!({}), "what permissions depend on is no tag");
        let all = t.admin.get(&format!("{ENVIRONMENTS}/tags")).await.expect(200).json();
        assert_eq!(all, json!({}));
        // To give again is to change; both fields at once, and with a limit.
        let open = json!({"projectName": "insights", "envName": "aws", "permission": "open", "maxOpenDuration": "1h30m"});
        let _ = update(&t.admin, "ops", json!({"editEnvironmentPermission": open, "removeEnvironment": {"projectName": "insights", "envName": "hidden"}})).await.expect(204);
        let aws = json!({"projectName": "insights", "envName": "aws", "permission": "open", "permissionSetName": "Environment Open", "maxOpenDuration": "1h30m0s"});
        assert_eq!(shown(&t.admin, "ops").await.0, json!([aws]));
        // A deleted environment is not shown; one of the same name made later is another.
        let _ = t.admin.delete(&format!("{ENVIRONMENTS}/insights/hidden")).await.expect(200);
        let _ = t.admin.delete(&format!("{ACCOUNTS}/prod")).await.expect(204);
        let _ = t.admin.delete(&format!("{ENVIRONMENTS}/insights/aws")).await.expect(200);
        assert_eq!(shown(&t.admin, "ops").await, (json!([]), json!([dark])));
        environment(&t.admin, "aws", "111111111111", "right").await;
        let _ = bob.get(&format!("{ENVIRONMENTS}/insights/aws")).await.error(403);
        let said = t.events(t.log("pulumi").await).await.into_iter();
        let said: Vec<_> = said.filter(|e| e.event.event.id() == "team-updated").map(|e| e.event.description).collect();
        assert!(said.contains(&"Updated team \"ops\": gave read on environment \"insights/aws\"".to_owned()), "{said:?}");
        assert_eq!(said.last().unwrap(), "Updated team \"ops\": gave open on environment \"insights/aws\" for at most 1h30m0s, removed environment \"insights/hidden\"");
    }

    async fn what_cannot_be_given(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        new_team(&t, "ops", &[]).await;
        for (body, status, word) in [
            (json!({"addEnvironmentPermission": of("aws", "owner")}), 400, "none, read, open, write, admin"),
            (json!({"addEnvironmentPermission": of("nosuch", "read")}), 404, "environment \"insights/nosuch\" not found"),
            (json!({"addEnvironmentPermission": {"projectName": "insights", "envName": "aws", "permission": "open", "maxOpenDuration": "soon"}}), 400, "maxOpenDuration"),
            (json!({"addStackPermission": {"projectName": "p", "stackName": "s", "permission": 101}}), 400, "stack \"p/s\" does not exist"),
            (json!({}), 400, "nothing to change"),
        ] {
            let message = update(&t.admin, "ops", body).await.error(status);
            assert!(message.contains(word), "{message}");
        }
        // One request happens in one piece.
        let half = json!({"newDescription": "new", "addEnvironmentPermission": of("nosuch", "read")});
        let _ = update(&t.admin, "ops", half).await.error(404);
        assert_eq!(t.admin.get(&format!("{ORG}/teams/ops")).await.expect(200).json()["description"], "");
        // To take what is not there is to leave it so.
        let _ = update(&t.admin, "ops", json!({"removeEnvironment": {"projectName": "insights", "envName": "aws"}})).await.expect(204);
    }

    async fn nobody_gives_what_he_lacks(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let body = json!({"provider": "aws", "environment": "insights/aws", "scanSchedule": "none"});
        let _ = t.admin.post(&format!("{ACCOUNTS}/a"), body).await.expect(204);
        let bob = t.member("bob", "member").await;
        new_team(&t, "ops", &["bob"]).await;
        let _ = update(&t.admin, "ops", json!({"member": "bob", "memberAction": "promote"})).await.expect(204);
        // A team's admin decides who is in it, not what it may do with environments.
        assert!(give(&bob, "ops", "aws", "read").await.error(403).contains("environment_access:update"));
        let _ = update(&bob, "ops", json!({"removeEnvironment": {"projectName": "insights", "envName": "aws"}})).await.error(403);
        // Whoever decides who may use it gives no more than he has.
        let carol = t.member_with("carol", &["team:update", "environment_access:update", "environment:read", "insights_account_access:update"]).await;
        assert!(give(&carol, "ops", "aws", "read").await.error(403).contains("you cannot give environment:rotate_history"));
        let _ = give(&carol, "ops", "aws", "none").await.expect(204);
        let _ = carol.patch(&format!("{ACCOUNTS}/a/teams/ops"), json!({"permissions": 1})).await.error(403);
        // Nor does he make himself the owner, who may do everything.
        let me = json!({"name": "", "githubLogin": "carol", "avatarUrl": ""});
        let _ = carol.post(&format!("{ACCOUNTS}/a/ownership"), me).await.error(403);
        // Nor does he get it by joining a team that has it, or by a token of that team; whoever is in it passes it on.
        let _ = give(&t.admin, "ops", "aws", "open").await.expect(204);
        let join = json!({"member": "carol", "memberAction": "add"});
        let _ = update(&carol, "ops", join.clone()).await.error(403);
        let dave = t.member_with("dave", &["team:update", "team:create_token"]).await;
        let _ = dave.post(&format!("{ORG}/teams/ops/tokens"), json!({"name": "x", "description": "", "expires": 0})).await.error(403);
        let _ = update(&bob, "ops", join).await.expect(204);
        let _ = carol.post(&format!("{ENVIRONMENTS}/insights/aws/open"), json!({})).await.expect(200);
        // With an account it is the same.
        new_team(&t, "scanners", &[]).await;
        let _ = t.admin.patch(&format!("{ACCOUNTS}/a/teams/scanners"), json!({"permissions": 3})).await.expect(204);
        let _ = update(&dave, "scanners", json!({"member": "dave", "memberAction": "add"})).await.error(403);
        // Nor by what all members may do.
        let erin = t.member_with("erin", &["organization:update", "environment:read"]).await;
        let _ = erin.patch(ORG, json!({"setDefaultEnvironmentPermission": "read"})).await.error(403);
        let _ = erin.patch(ORG, json!({"setDefaultAccountPermission": 1})).await.error(403);
        let _ = erin.patch(ORG, json!({"setMembersCanCreateAccounts": true})).await.error(403);
        let _ = t.admin.patch(ORG, json!({"setDefaultAccountPermission": 1})).await.expect(200);
        let _ = erin.patch(ORG, json!({"setPreferredVCS": "github"})).await.expect(200);
        let _ = erin.patch(ORG, json!({"setDefaultAccountPermission": 0})).await.expect(200);
    }

    async fn revoked_at_once(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let bob = t.member("bob", "member").await;
        new_team(&t, "ops", &["bob"]).await;
        let path = format!("{ENVIRONMENTS}/insights/aws");
        let made = t.admin.post(&format!("{ORG}/teams/ops/tokens"), json!({"name": "x", "description": "", "expires": 0})).await.expect(200).json();
        let machine = t.admin.with_token(made["tokenValue"].as_str().unwrap());
        for taken in [
            json!({"removeEnvironment": {"projectName": "insights", "envName": "aws"}}),
            json!({"editEnvironmentPermission": of("aws", "read")}),
            json!({"editEnvironmentPermission": of("aws", "none")}),
        ] {
            let _ = give(&t.admin, "ops", "aws", "open").await.expect(204);
            for by in [&bob, &machine] {
                let id = by.post(&format!("{path}/open"), json!({})).await.expect(200).json()["id"].as_str().unwrap().to_owned();
                let _ = by.get(&format!("{path}/open/{id}")).await.expect(200);
                let _ = update(&t.admin, "ops", taken.clone()).await.expect(204);
                let _ = by.get(&format!("{path}/open/{id}")).await.error(403);
                let _ = by.post(&format!("{path}/open"), json!({})).await.error(403);
                let _ = give(&t.admin, "ops", "aws", "open").await.expect(204);
            }
        }
        let _ = update(&t.admin, "ops", json!({"member": "bob", "memberAction": "remove"})).await.expect(204);
        let _ = bob.post(&format!("{path}/open"), json!({})).await.error(403);
        let _ = machine.post(&format!("{path}/open"), json!({})).await.expect(200);
        let _ = t.admin.delete(&format!("{ORG}/teams/ops")).await.expect(204);
        new_team(&t, "ops", &["bob"]).await;
        let _ = bob.post(&format!("{path}/open"), json!({})).await.error(403);
    }

    async fn imports_are_opened_by_the_team_too(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        with_yaml(&t.admin, "outer", "imports: [insights/aws]\nvalues: {}\n").await;
        let bob = t.member("bob", "member").await;
        new_team(&t, "ops", &["bob"]).await;
        let _ = give(&t.admin, "ops", "outer", "open").await.expect(204);
        let path = format!("{ENVIRONMENTS}/insights/outer/open");
        let _ = bob.post(&path, json!({})).await.error(400);
        let _ = give(&t.admin, "ops", "aws", "open").await.expect(204);
        let _ = bob.post(&path, json!({})).await.expect(200);
    }

    async fn who_refers_is_told_as_far_as_it_may_be_read(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        with_yaml(&t.admin, "outer", "imports: [insights/aws]\nvalues: {}\n").await;
        let bob = t.member("bob", "member").await;
        new_team(&t, "ops", &["bob"]).await;
        let _ = give(&t.admin, "ops", "aws", "read").await.expect(204);
        let path = format!("{ENVIRONMENTS}/insights/aws/referrers");
        let all = t.admin.get(&path).await.expect(200).json();
        assert_eq!(all["referrers"]["latest"][0]["environment"]["name"], "outer");
        assert_eq!(bob.get(&path).await.expect(200).json()["referrers"], json!({}));
        let _ = give(&t.admin, "ops", "outer", "read").await.expect(204);
        assert_eq!(bob.get(&path).await.expect(200).json(), all);
    }

    async fn copies_keep_what_teams_have_where_that_is_asked_for(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let bob = t.member("bob", "member").await;
        new_team(&t, "ops", &["bob"]).await;
        let _ = give(&t.admin, "ops", "aws", "open").await.expect(204);
        let clone = format!("{ENVIRONMENTS}/insights/aws/clone");
        let _ = t.admin.post(&clone, json!({"name": "closed"})).await.expect(204);
        let _ = t.admin.post(&clone, json!({"name": "kept", "preserveAccess": true})).await.expect(204);
        let _ = bob.post(&format!("{ENVIRONMENTS}/insights/closed/open"), json!({})).await.error(403);
        let _ = bob.post(&format!("{ENVIRONMENTS}/insights/kept/open"), json!({})).await.expect(200);
        let _ = bob.patch(&format!("{ENVIRONMENTS}/insights/kept"), json!({})).await.error(403);
    }

    async fn as_long_as_the_team_may(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let bob = t.member_with("bob", &["environment_yaml:open"]).await;
        new_team(&t, "ops", &["bob"]).await;
        let limited = json!({"projectName": "insights", "envName": "aws", "permission": "open", "maxOpenDuration": "10m"});
        let _ = update(&t.admin, "ops", json!({"addEnvironmentPermission": limited})).await.expect(204);
        let path = format!("{ENVIRONMENTS}/insights/aws/open");
        let open = || async { bob.post(&format!("{path}?duration=2h0m0s"), json!({})).await.expect(200).json()["id"].as_str().unwrap().to_owned() };
        let id = open().await;
        t.clock.advance_seconds(599);
        let _ = bob.get(&format!("{path}/{id}")).await.expect(200);
        t.clock.advance_seconds(1);
        let _ = bob.get(&format!("{path}/{id}")).await.error(404);
        // Nor is it open for longer by way of what imports it.
        with_yaml(&t.admin, "importing", "imports: [insights/aws]\n").await;
        let _ = give(&t.admin, "ops", "importing", "open").await.expect(204);
        for path in [format!("{ENVIRONMENTS}/insights/importing/open"), format!("{ENVIRONMENTS}/yaml/open")] {
            let opened = bob.post(&format!("{path}?duration=2h0m0s"), json!({"imports": ["insights/aws"]})).await.expect(200).json();
            let id = opened["id"].as_str().unwrap();
            let _ = bob.get(&format!("{path}/{id}")).await.expect(200);
            t.clock.advance_seconds(600);
            let _ = bob.get(&format!("{path}/{id}")).await.error(404);
        }
        // Who has it without a limit from elsewhere is not limited.
        new_team(&t, "others", &["bob"]).await;
        let _ = give(&t.admin, "others", "aws", "open").await.expect(204);
        let id = open().await;
        t.clock.advance_seconds(3600);
        let _ = bob.get(&format!("{path}/{id}")).await.expect(200);
    }

    async fn one_denial_for_one_refusal(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let bob = t.member_with("bob", &["insights_account:create", "insights_account:update", "insights_account:read", "environment:create", "environment:read"]).await;
        let unauthorized = one("environment-unauthorized-open", "bob", "insights/aws");
        let new = json!({"provider": "aws", "environment": "insights/aws", "scanSchedule": "none"});
        let _ = bob.post(&format!("{ACCOUNTS}/a"), new.clone()).await.error(403);
        assert_eq!(denials(&t).await, std::slice::from_ref(&unauthorized));
        let many = json!({"accounts": [{"name": "b", "provider": "aws", "environment": "insights/aws"}]});
        let made = bob.post(ACCOUNTS, many).await.expect(200).json();
        assert_eq!(made["accounts"], json!([]));
        assert_eq!(denials(&t).await, [unauthorized.clone(), unauthorized.clone()]);
        let _ = t.admin.post(&format!("{ACCOUNTS}/a"), new).await.expect(204);
        let _ = bob.patch(&format!("{ACCOUNTS}/a"), json!({"environment": "insights/aws"})).await.error(403);
        assert_eq!(denials(&t).await.len(), 3);
        let _ = bob.post(&format!("{ENVIRONMENTS}/insights/aws/open"), json!({})).await.error(403);
        t.clock.advance_seconds(60);
        with_yaml(&bob, "own", "imports: [insights/aws]\nvalues: {}\n").await;
        let _ = bob.post(&format!("{ENVIRONMENTS}/insights/own/open"), json!({})).await.error(400);
        assert_eq!(denials(&t).await, vec![unauthorized; 5]);
        // What is refused of the account itself is that.
        let _ = bob.delete(&format!("{ACCOUNTS}/a")).await.error(403);
        assert_eq!(denials(&t).await[5..], [one("auth-failure-cloud-account", "bob", "a")]);
    }

    async fn tenants_never_meet(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let body = json!({"provider": "aws", "environment": "insights/aws", "scanSchedule": "none"});
        let _ = t.admin.post(&format!("{ACCOUNTS}/a"), body.clone()).await.expect(204);
        new_team(&t, "ops", &[]).await;
        let _ = give(&t.admin, "ops", "aws", "admin").await.expect(204);
        let _ = t.admin.patch(&format!("{ACCOUNTS}/a/teams/ops"), json!({"permissions": 3})).await.expect(204);
        // Elsewhere there is a team of the same name, and environments and accounts of the same names.
        let carol = t.organization("elsewhere", "carol").await;
        let _ = carol.post("/api/orgs/elsewhere/teams/pulumi", json!({"name": "ops", "displayName": "", "description": ""})).await.expect(201);
        let there = carol.get("/api/orgs/elsewhere/teams/ops").await.expect(200).json();
        assert_eq!((&there["environments"], &there["accounts"]), (&json!([]), &json!([])));
        for path in [format!("{ENVIRONMENTS}/insights/aws"), format!("{ACCOUNTS}/a"), format!("{ORG}/teams/ops"), ACCOUNTS.to_owned(), ENVIRONMENTS.to_owned()] {
            assert_eq!(carol.get(&path).await.error(404), "organization not found", "{path}");
        }
        assert_eq!(carol.get("/api/preview/insights/elsewhere/accounts/a").await.error(404), "insights account not found");
        let body_of_theirs = json!({"resourceIdentifiers": [{"account": "a", "type": "x", "id": "y"}]});
        let message = carol.post("/api/preview/insights/elsewhere/accounts/own/resources/references", body_of_theirs).await.error(404);
        assert_eq!(message, "insights account not found");
        let given = json!({"addEnvironmentPermission": of("aws", "read")});
        let message = carol.patch("/api/orgs/elsewhere/teams/ops", given).await.error(404);
        assert_eq!(message, "environment \"insights/aws\" not found");
        let message = carol.post("/api/preview/insights/elsewhere/accounts/a", body).await.error(404);
        assert_eq!(message, "environment not found");
        let _ = carol.delete("/api/orgs/elsewhere/teams/ops").await.expect(204);
        assert_eq!(shown(&t.admin, "ops").await.0.as_array().unwrap().len(), 1);
    }
}
