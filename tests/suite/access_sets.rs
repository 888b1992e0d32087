//! The permission sets of environments and accounts × every served operation on them × every way by which somebody has a set:
//! his team, his role, the organisation's default. Nobody has more than that, there or elsewhere.

use crate::insights_accounts::environment;
use pileus_contract::{Access, OPERATIONS, ObjectRule, Operation};
use pileus_testkit::{app::TestApp, client::Client};
use serde_json::{Value, json};

const ORG: &str = "/api/orgs/pulumi";
const ACCOUNTS: &str = "/api/preview/insights/pulumi/accounts";

/// The least set that has each permission, as it was published (esc.md (f), insights.md §1.3) and as we decided where nothing
/// is. What is not here is in no set.
const ENVIRONMENT: [(&str, &[&str]); 4] = [
    (
        "read",
        &[
            "environment:read",
            "environment:rotate_history",
            "environment_version:read",
            "environment_schedule:read",
            "environment_tag:read",
            "environment_tags:list",
            "environment_settings:read",
            "environment_access:read",
        ],
    ),
    ("open", &["environment:open", "environment:clone", "environment_version:open"]),
    (
        "write",
        &[
            "environment:write",
            "environment:rotate",
            "environment_version:create",
            "environment_version:update",
            "environment_version:delete",
            "environment_version:retract",
            "environment_tag:create",
            "environment_tag:update",
            "environment_tag:delete",
            "environment_schedule:create",
            "environment_schedule:update",
            "environment_schedule:pause",
            "environment_schedule:resume",
            "environment_schedule:delete",
            "environment_webhook:read",
            "environment_webhook:create",
            "environment_webhook:update",
            "environment_webhook:delete",
        ],
    ),
    ("admin", &["environment:delete", "environment_settings:update", "environment_access:update"]),
];
const ACCOUNT: [(&str, &[&str]); 3] = [
    ("read", &["insights_account:read", "insights_account_access:read", "insights_account_scan:read"]),
    (
        "write",
        &[
            "insights_account:scan",
            "insights_account:update",
            "insights_account:update_policy_results",
            "insights_account_scan:cancel",
            "insights_account_scan:pause",
            "insights_account_scan:resume",
            "insights_account_scan:update",
        ],
    ),
    ("admin", &["insights_account:delete", "insights_account_access:update"]),
];

/// What a set permits: its own permissions and those of the smaller ones.
fn permissions(sets: &[(&str, &[&'static str])], level: &str) -> Vec<&'static str> {
    let upto = sets.iter().position(|(name, _)| *name == level).map_or(0, |at| at + 1);
    sets[..upto].iter().flat_map(|(_, permissions)| permissions.iter().copied()).collect()
}

/// The served operations on one object of this kind, what destroys it last.
fn operations(of_account: bool) -> Vec<(&'static Operation, &'static str)> {
    let mut found: Vec<_> = OPERATIONS
        .iter()
        .filter_map(|operation| {
            let served = operation.served.as_ref()?;
            let of = match served.object {
                ObjectRule::Environment(..) => !of_account,
                ObjectRule::Account(_) => of_account,
                _ => false,
            };
            let Access::Permission(permission) = served.access else { return None };
            of.then_some((operation, permission))
        })
        .collect();
    let ends = |path: &str| path.ends_with("/{envName}") || path.ends_with("/{accountName}");
    found.sort_by_key(|(operation, _)| operation.method == "DELETE" && ends(operation.path));
    assert!(found.len() >= 25, "{} operations", found.len());
    found
}

/// The operation's path with this object in it and nothing else that exists.
fn path(operation: &Operation, object: &str) -> String {
    let mut path = operation.path.replace("{orgName}", "pulumi");
    let parts: Vec<&str> = object.split('/').collect();
    let names = [("{projectName}", parts[0]), ("{envName}", parts[parts.len() - 1]), ("{accountName}", object)];
    for (parameter, name) in names {
        path = path.replace(parameter, name);
    }
    while let (Some(open), Some(close)) = (path.find('{'), path.find('}')) {
        path.replace_range(open..=close, "nosuch");
    }
    path
}

/// Whether the caller may: whatever else is wrong with an empty request, or with asking a child for what is its parent's.
async fn may(by: &Client, operation: &Operation, object: &str) -> bool {
    let path = path(operation, object);
    let answer = by.send(operation.method, &path, None).await;
    assert!(answer.status != 401 && answer.status < 500, "{} {path}: {}", operation.id, answer.status);
    answer.status != 403 || answer.body.windows(14).any(|said| said == b"parent account")
}

/// Calls every operation on each of these objects; what the caller may there is exactly this.
async fn exactly(who: &str, by: &Client, of_account: bool, on: &str, permitted: &[&str], elsewhere: Option<&str>) {
    let mut wrong = Vec::new();
    for (operation, permission) in operations(of_account) {
        if let Some(elsewhere) = elsewhere
            && may(by, operation, elsewhere).await
        {
            wrong.push(format!("{} on {elsewhere}: allowed", operation.id));
        }
        let allowed = may(by, operation, on).await;
        if allowed != permitted.contains(&permission) {
            wrong.push(format!("{} ({permission}) on {on}: allowed is {allowed}", operation.id));
        }
    }
    assert!(wrong.is_empty(), "{who}:\n{}", wrong.join("\n"));
}

async fn new_environment(t: &TestApp, name: &str) {
    let body = json!({"project": "p", "name": name});
    let _ = t.admin.post("/api/esc/environments/pulumi", body).await.expect(200);
}

async fn new_account(t: &TestApp, name: &str) {
    let body = json!({"provider": "aws", "environment": "insights/aws", "scanSchedule": "none"});
    let _ = t.admin.post(&format!("{ACCOUNTS}/{name}"), body).await.expect(204);
}

/// A team with this member in it.
async fn team(t: &TestApp, name: &str, member: &str) {
    let body = json!({"name": name, "displayName": "", "description": ""});
    let _ = t.admin.post(&format!("{ORG}/teams/pulumi"), body).await.expect(201);
    let body = json!({"memberAction": "add", "member": member});
    let _ = t.admin.patch(&format!("{ORG}/teams/{name}"), body).await.expect(204);
}

/// A custom role that permits this on one object of this kind; its id.
async fn role_on(t: &TestApp, name: &str, kind: &str, identity: &str, permissions: &[&str]) -> String {
    let details = json!({"__type": "PermissionDescriptorCondition",
        "condition": {"__type": "PermissionExpressionEqual",
            "left": {"__type": format!("PermissionExpression{kind}")},
            "right": {"__type": format!("PermissionLiteralExpression{kind}"), "identity": identity}},
        "subNode": {"__type": "PermissionDescriptorAllow", "permissions": permissions}});
    let body = json!({"name": name, "description": "", "details": details, "resourceType": "organization",
        "uxPurpose": "role"});
    t.admin.post(&format!("{ORG}/roles"), body).await.expect(200).json()["id"].as_str().unwrap().to_owned()
}

async fn give_role(t: &TestApp, login: &str, role: &str) {
    let _ = t.admin.patch(&format!("{ORG}/members/{login}"), json!({"fgaRoleId": role})).await.expect(204);
}

async fn default(t: &TestApp, setting: &str, to: Value) {
    let _ = t.admin.patch(ORG, json!({setting: to})).await.expect(200);
}

both! {
    async fn environments_by_team_and_by_role(t: TestApp) {
        new_environment(&t, "other").await;
        for level in ["none", "read", "open", "write", "admin"] {
            let permitted = permissions(&ENVIRONMENT, level);
            let by_team = t.member(&format!("team-{level}"), "member").await;
            team(&t, level, &format!("team-{level}")).await;
            new_environment(&t, &format!("t-{level}")).await;
            let given = json!({"addEnvironmentPermission": {"projectName": "p", "envName": format!("t-{level}"), "permission": level}});
            let _ = t.admin.patch(&format!("{ORG}/teams/{level}"), given).await.expect(204);
            exactly(&format!("team with {level}"), &by_team, false, &format!("p/t-{level}"), &permitted, Some("p/other")).await;
            let by_role = t.member(&format!("role-{level}"), "member").await;
            new_environment(&t, &format!("r-{level}")).await;
            let role = role_on(&t, &format!("on {level}"), "Environment", &format!("p/r-{level}"), &permitted).await;
            give_role(&t, &format!("role-{level}"), &role).await;
            exactly(&format!("role with {level}"), &by_role, false, &format!("p/r-{level}"), &permitted, Some("p/other")).await;
        }
        // Of the two that were walked as admins nothing is left, of the others everything.
        let left = t.admin.get("/api/esc/environments/pulumi").await.expect(200).json();
        assert_eq!(left["environments"].as_array().unwrap().len(), 1 + 8);
    }

    async fn environments_by_default(t: TestApp) {
        let bob = t.member("bob", "member").await;
        let limited = t.member_with("limited", &["org_member:read"]).await;
        for level in ["none", "read", "open", "write", "admin"] {
            new_environment(&t, &format!("d-{level}")).await;
            default(&t, "setDefaultEnvironmentPermission", json!(level)).await;
            let permitted = permissions(&ENVIRONMENT, level);
            exactly(&format!("default {level}"), &bob, false, &format!("p/d-{level}"), &permitted, None).await;
            let listed = bob.get("/api/esc/environments/pulumi").await.expect(200).json();
            assert_eq!(listed["environments"].as_array().unwrap().is_empty(), level == "none", "{level}");
            // A custom role takes the place of what members have.
            exactly(&format!("custom role, default {level}"), &limited, false, "p/d-none", &[], None).await;
        }
        default(&t, "setDefaultEnvironmentPermission", json!("none")).await;
        exactly("no default any more", &bob, false, "p/d-none", &[], None).await;
        let _ = t.admin.patch(ORG, json!({"setDefaultEnvironmentPermission": "owner"})).await.error(400);
    }

    async fn accounts_by_team_and_by_role(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        new_account(&t, "other").await;
        for (number, level) in ["none", "read", "write", "admin"].into_iter().enumerate() {
            let permitted = permissions(&ACCOUNT, level);
            let by_team = t.member(&format!("team-{level}"), "member").await;
            team(&t, level, &format!("team-{level}")).await;
            new_account(&t, &format!("t-{level}")).await;
            let path = format!("{ACCOUNTS}/t-{level}/teams/{level}");
            let _ = t.admin.patch(&path, json!({"permissions": number})).await.expect(204);
            // The children first: they go with their root.
            let child = format!("t-{level}%252Fus-east-1");
            exactly(&format!("team with {level}, child"), &by_team, true, &child, &permitted, Some("other/global")).await;
            exactly(&format!("team with {level}"), &by_team, true, &format!("t-{level}"), &permitted, Some("other")).await;
            let by_role = t.member(&format!("role-{level}"), "member").await;
            new_account(&t, &format!("r-{level}")).await;
            let role = role_on(&t, &format!("on {level}"), "InsightsAccount", &format!("r-{level}"), &permitted).await;
            give_role(&t, &format!("role-{level}"), &role).await;
            exactly(&format!("role with {level}"), &by_role, true, &format!("r-{level}"), &permitted, Some("other")).await;
        }
    }

    async fn accounts_by_default(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let bob = t.member("bob", "member").await;
        for (number, level) in ["none", "read", "write", "admin"].into_iter().enumerate() {
            new_account(&t, level).await;
            default(&t, "setDefaultAccountPermission", json!(number)).await;
            let permitted = permissions(&ACCOUNT, level);
            exactly(&format!("default {level}"), &bob, true, level, &permitted, None).await;
            let listed = bob.get(ACCOUNTS).await.expect(200).json();
            assert_eq!(listed["accounts"].as_array().unwrap().is_empty(), level == "none", "{level}");
            // What a role lets see: a member's is what members may.
            let roles = t.admin.get(&format!("{ORG}/roles")).await.expect(200).json();
            let member = roles["roles"].as_array().unwrap().iter().find(|role| role["name"] == "Member").unwrap();
            let member = member["id"].as_str().unwrap();
            let by_role = t.admin.get(&format!("{ACCOUNTS}?roleID={member}")).await.expect(200).json();
            assert_eq!(by_role["accounts"].as_array().unwrap().is_empty(), level == "none", "{level}");
            let children = t.admin.get(&format!("{ACCOUNTS}?parent=none&roleID={member}")).await;
            assert_eq!(children.status, if level == "none" { 404 } else { 200 }, "{level}");
            let children = bob.get(&format!("{ACCOUNTS}?parent=none")).await;
            assert_eq!(children.status, if level == "none" { 404 } else { 200 }, "{level}");
        }
        // Making accounts is another permission.
        let body = json!({"provider": "aws", "environment": "insights/aws"});
        let _ = bob.post(&format!("{ACCOUNTS}/mine"), body).await.error(403);
    }
}
