//! Every served operation × every kind of caller, from the declarations alone.
//!
//! The dispatcher decides before it reads a body, so a call without one shows the decision: refused callers get 401, 403 or
//! 404, everybody else whatever the operation makes of an empty request.

use pileus_contract::{Access, OPERATIONS, ObjectRule, Operation, Served};
use pileus_model::authz::{Object, Permission, scopes};
use pileus_testkit::client::Client;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What a caller may expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Unauthenticated,
    NoSuchOrganization,
    Forbidden,
    Passes,
}

/// The path with an organisation that exists and otherwise names that don't.
fn path(operation: &Operation) -> String {
    let mut path = operation.path.replace("{orgName}", "pulumi");
    while let (Some(open), Some(close)) = (path.find('{'), path.find('}')) {
        path.replace_range(open..=close, "nosuch");
    }
    path
}

async fn verdict(client: &Client, operation: &Operation) -> Verdict {
    // The reply to HEAD says nothing; GET at the same path is declared with the same access.
    let method = if operation.method == "HEAD" { "GET" } else { operation.method };
    let answer = client.send(method, &path(operation), None).await;
    if operation.id == "GetReadiness" {
        // The test's clock stands still, so on PostgreSQL this node is rightly not ready; anybody may know.
        return if matches!(answer.status, 200 | 503) { Verdict::Passes } else { Verdict::Forbidden };
    }
    // The error of a HEAD has no body; the GET at the same path says why.
    let status = answer.status;
    let said = if operation.method == "HEAD" && status >= 400 { client.get(&path(operation)).await } else { answer };
    let message = if said.status < 400 { String::new() } else { said.json()["message"].as_str().unwrap().to_owned() };
    match status {
        401 => Verdict::Unauthenticated,
        403 => Verdict::Forbidden,
        404 if message == "organization not found" => Verdict::NoSuchOrganization,
        status => {
            assert!(status < 500, "{} answered {status}: {message}", operation.id);
            Verdict::Passes
        }
    }
}

fn served() -> impl Iterator<Item = (&'static Operation, &'static Served)> {
    OPERATIONS.iter().filter_map(|o| Some((o, o.served.as_ref()?)))
}

fn names_an_organization(operation: &Operation) -> bool {
    operation.path.contains("{orgName}")
}

/// For somebody who is no member of the organisation.
fn for_outsider(operation: &Operation, served: &Served, site_admin: bool) -> Verdict {
    match served.access {
        Access::Public => Verdict::Passes,
        Access::SiteAdmin if !site_admin => Verdict::Forbidden,
        _ if names_an_organization(operation) => Verdict::NoSuchOrganization,
        _ => Verdict::Passes,
    }
}

/// For a member of the organisation with these permissions.
fn for_member(served: &Served, allowed: impl Fn(Permission) -> bool) -> Verdict {
    match served.access {
        Access::SiteAdmin => Verdict::Forbidden,
        Access::Permission(scope) if !allowed(Permission::parse(scope).unwrap()) => Verdict::Forbidden,
        _ => Verdict::Passes,
    }
}

async fn check(who: &str, client: &Client, expected: impl Fn(&Operation, &Served) -> Verdict) {
    let mut wrong = Vec::new();
    for (operation, served) in served() {
        let found = verdict(client, operation).await;
        let wanted = expected(operation, served);
        if found != wanted {
            wrong.push(format!("{}: {found:?} instead of {wanted:?}", operation.id));
        }
    }
    assert!(wrong.is_empty(), "{who}:\n{}", wrong.join("\n"));
}

/// Permissions that the operations name.
fn permissions() -> BTreeSet<&'static str> {
    served().filter_map(|(_, s)| if let Access::Permission(p) = s.access { Some(p) } else { None }).collect()
}

both! {
    async fn outsiders(t: TestApp) {
        let public = |_: &Operation, s: &Served| if s.access == Access::Public { Verdict::Passes } else { Verdict::Unauthenticated };
        check("anonymous", &t.anonymous(), public).await;
        let expires = t.clock.seconds() + 60;
        let made = t.admin.post("/api/user/tokens", json!({"description": "short", "expires": expires})).await.expect(200).json();
        let expired = t.admin.with_token(made["tokenValue"].as_str().unwrap());
        let _ = expired.get("/api/user").await.expect(200);
        t.clock.advance_seconds(61);
        check("expired token", &expired, public).await;
        let other = t.organization("elsewhere", "carol").await;
        check("other tenant", &other, |o, s| for_outsider(o, s, false)).await;
        let site = t.user("siteadmin").await;
        let _ = t.admin.patch("/api/admin/users/siteadmin", json!({"siteAdmin": true})).await.expect(200);
        check("site admin", &site, |o, s| for_outsider(o, s, true)).await;
    }

    async fn insiders(t: TestApp) {
        let member = t.member("bob", "member").await;
        let policy = scopes::member_policy();
        check("member", &member, |_, s| for_member(s, |p| policy.allows(p, &Object::ORGANIZATION))).await;
        let admin = t.member("alice", "admin").await;
        check("admin", &admin, |_, s| for_member(s, |_| true)).await;
    }

    async fn custom_roles_with_and_without_each_permission(t: TestApp) {
        let all = permissions();
        for (n, permission) in all.iter().enumerate() {
            let others: Vec<&str> = all.iter().copied().filter(|p| p != permission).collect();
            let with = t.member_with(&format!("with-{n}"), &[permission]).await;
            let without = t.member_with(&format!("without-{n}"), &others).await;
            let mut seen = BTreeMap::new();
            for (operation, served) in served().filter(|(_, s)| s.access == Access::Permission(permission)) {
                seen.insert(operation.id, (verdict(&with, operation).await, verdict(&without, operation).await));
                let _ = matches!(served.object, ObjectRule::Organization);
            }
            for (operation, found) in seen {
                assert_eq!(found, (Verdict::Passes, Verdict::Forbidden), "{operation} with and without {permission}");
            }
        }
    }
}
