//! Every served operation that changes or reveals something leaves exactly the event that it declares, done or denied.
//!
//! The steps below call each of them once, as it is meant to be called. What no step calls stands in `uncovered.txt` with
//! its reason; that list may only shrink.

#[path = "coverage_insights.rs"]
mod insights;
#[path = "coverage_rotation.rs"]
mod rotation;

use pileus_contract::{Access, OPERATIONS, Operation};
use pileus_model::audit::{LogId, Outcome};
use pileus_testkit::app::TestApp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn operation(id: &str) -> &'static Operation {
    OPERATIONS.iter().find(|o| o.id == id).unwrap_or_else(|| panic!("no operation {id}"))
}

/// Calls the operations one by one and compares what the logs gained.
struct Walk {
    t: TestApp,
    logs: Vec<LogId>,
    /// Events seen so far, for each log.
    seen: Vec<usize>,
    called: BTreeSet<&'static str>,
}

impl Walk {
    async fn new(t: TestApp) -> Self {
        let logs = vec![t.log("pulumi").await, LogId::SITE];
        let _ = t.admin.get("/api/user").await.expect(200);
        let seen = vec![0; logs.len()];
        let mut walk = Self { t, logs, seen, called: BTreeSet::new() };
        let _ = walk.gained().await;
        walk
    }
    /// The types of the events since the last look, sorted.
    async fn gained(&mut self) -> Vec<&'static str> {
        let mut gained = Vec::new();
        for (log, seen) in self.logs.iter().zip(&mut self.seen) {
            let events = self.t.events(*log).await;
            let new = &events[std::mem::replace(seen, events.len())..];
            gained.extend(new.iter().filter(|e| e.event.outcome == Outcome::Success).map(|e| e.event.event.id()));
        }
        gained.sort_unstable();
        gained
    }
    /// Calls an operation; its events must be of the declared types, and exactly these.
    async fn step(&mut self, id: &str, path: &str, body: Option<Value>, events: &[&str]) -> Value {
        let operation = operation(id);
        let served = operation.served.as_ref().unwrap_or_else(|| panic!("{id} is not served"));
        let answer = self.t.admin.send(operation.method, path, body).await.expect(served.status);
        assert_eq!(self.gained().await, events, "{id} left other events than expected");
        for event in events {
            assert!(served.audit.contains(event), "{id} does not declare {event}");
        }
        self.called.insert(operation.id);
        serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
    }
    /// Exactly one event, the only declared one.
    async fn one(&mut self, id: &str, path: &str, body: Option<Value>) -> Value {
        let declared = operation(id).served.as_ref().unwrap().audit;
        assert_eq!(declared.len(), 1, "{id} declares {declared:?}");
        self.step(id, path, body, declared).await
    }
}

fn id_of(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

fn details(permission: &str) -> Value {
    json!({"__type": "PermissionDescriptorAllow", "permissions": [permission]})
}

async fn site(w: &mut Walk) {
    let user = json!({"login": "dave", "name": "Dave", "email": "dave@example.com"});
    let _ = w.one("CreateUser", "/api/admin/users", Some(user)).await;
    let _ = w.step("UpdateUser", "/api/admin/users/dave", Some(json!({"name": "David"})), &["user-updated"]).await;
    let _ = w.step("UpdateUser", "/api/admin/users/dave", Some(json!({"disabled": true})), &["user-disabled"]).await;
    let _ = w.step("UpdateUser", "/api/admin/users/dave", Some(json!({"disabled": false})), &["user-updated"]).await;
    let _ = w.one("CreateUserToken", "/api/admin/users/dave/tokens", Some(json!({"description": "d"}))).await;
    let _ = w.step("ListSiteAuditLogEvents", "/api/admin/auditlogs", None, &["audit-log-read"]).await;
    // Recorded in the new organisation's own log and in the site's; this walk sees the latter.
    let second = json!({"name": "second"});
    let _ = w.step("CreateOrganization", "/api/admin/organizations", Some(second), &["organization-created"]).await;
}

async fn members(w: &mut Walk) {
    let path = "/api/orgs/pulumi/members/dave";
    let _ = w.one("AddOrganizationMember", path, Some(json!({"role": "member"}))).await;
    let _ = w.one("UpdateOrganizationMember", path, Some(json!({"role": "billing-manager"}))).await;
    let _ = w.one("DeleteOrganizationMember", path, None).await;
    let _ = w.one("DeleteUser", "/api/admin/users/dave", None).await;
}

/// The last step: the caller is a plain member afterwards.
async fn hand_over(w: &mut Walk) {
    let _ = w.t.member("erin", "member").await;
    let _ = w.gained().await;
    let path = "/api/orgs/pulumi/members/erin/set-admin";
    let _ = w.step("SetSoleOrganizationAdmin", path, None, &["member-role-changed", "member-role-changed"]).await;
    let _ = w.t.admin.delete("/api/orgs/pulumi/members/erin").await.error(403);
}

async fn teams_and_roles(w: &mut Walk) {
    let team = json!({"name": "ops", "displayName": "Ops", "description": ""});
    let _ = w.one("CreatePulumiTeam", "/api/orgs/pulumi/teams/pulumi", Some(team)).await;
    let _ = w.one("UpdateTeam", "/api/orgs/pulumi/teams/ops", Some(json!({"newDescription": "d"}))).await;
    let role =
        json!({"name": "auditor", "description": "", "details": details("audit_logs:read"), "uxPurpose": "role"});
    let role = id_of(&w.one("CreateRole", "/api/orgs/pulumi/roles", Some(role)).await);
    let path = format!("/api/orgs/pulumi/roles/{role}");
    let _ = w.one("UpdateRole", &path, Some(json!({"description": "reads"}))).await;
    let _ = w.one("UpdateOrganizationDefaultRole", &format!("{path}/default"), None).await;
    let _ = w.one("UpdateTeamRoles", &format!("/api/orgs/pulumi/teams/ops/roles/{role}"), None).await;
    let _ = w.one("DeleteTeamRole", &format!("/api/orgs/pulumi/teams/ops/roles/{role}"), None).await;
    let _ = w
        .step(
            "EnableTeamRoles",
            "/api/orgs/pulumi/teams/ops/enable-team-roles",
            None,
            &["custom-role-created", "team-updated"],
        )
        .await;
    let made = json!({"name": "t1", "description": "", "expires": 0});
    let token = id_of(&w.one("CreateTeamToken", "/api/orgs/pulumi/teams/ops/tokens", Some(made)).await);
    let _ = w.one("DeleteTeamToken", &format!("/api/orgs/pulumi/teams/ops/tokens/{token}"), None).await;
    let _ = w.step("DeleteTeam", "/api/orgs/pulumi/teams/ops", None, &["custom-role-deleted", "team-deleted"]).await;
    let _ = w
        .step(
            "DeleteRole",
            &format!("{path}?force=true"),
            None,
            &["custom-role-deleted", "organization-settings-changed"],
        )
        .await;
}

async fn tokens_and_settings(w: &mut Walk) {
    let made = json!({"name": "ci", "description": "", "expires": 0, "admin": false});
    let token = id_of(&w.one("CreateOrgToken", "/api/orgs/pulumi/tokens?reason=build", Some(made)).await);
    let _ = w.one("DeleteOrgToken", &format!("/api/orgs/pulumi/tokens/{token}"), None).await;
    let made = json!({"description": "mine", "expires": 0});
    let token = id_of(&w.one("CreatePersonalToken", "/api/user/tokens", Some(made)).await);
    let _ = w.one("DeletePersonalToken", &format!("/api/user/tokens/{token}"), None).await;
    let _ =
        w.one("UpdateOrganizationSettings", "/api/orgs/pulumi", Some(json!({"setMembersCanCreateTeams": true}))).await;
}

async fn oidc(w: &mut Walk) {
    let key = json!({"kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", "use": "sig",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"});
    let issuer = json!({"name": "ci", "url": "https://issuer.example.com", "jwks": {"keys": [key]}});
    let issuer = id_of(&w.one("RegisterOidcIssuer", "/api/orgs/pulumi/oidc/issuers", Some(issuer)).await);
    let path = format!("/api/orgs/pulumi/oidc/issuers/{issuer}");
    let _ = w.one("UpdateOidcIssuer", &path, Some(json!({"name": "ci2"}))).await;
    let policy =
        w.t.admin.get(&format!("/api/orgs/pulumi/auth/policies/oidcissuers/{issuer}")).await.expect(200).json();
    let rule = json!({"decision": "allow", "tokenType": "organization", "authorizedPermissions": [],
        "rules": {"aud": "urn:pulumi:org:pulumi", "sub": "x"}});
    let _ = w
        .one(
            "UpdateAuthPolicy",
            &format!("/api/orgs/pulumi/auth/policies/{}", id_of(&policy)),
            Some(json!({"policies": [rule]})),
        )
        .await;
    let _ = w.one("DeleteOidcIssuer", &path, None).await;
}

async fn environments(w: &mut Walk) {
    const BASE: &str = "/api/esc/environments/pulumi";
    let x = format!("{BASE}/web/prod");
    let _ = w.one("CreateEnvironment_esc_environments", BASE, Some(json!({"project": "web", "name": "prod"}))).await;
    let _ = w.one("UpdateEnvironment_esc_environments", &x, Some(json!({"values": {"a": 1}}))).await;
    for (id, path) in [
        ("ReadEnvironment_esc_environments", ""),
        ("DecryptEnvironment_esc_environments", "/decrypt"),
        ("ReadEnvironment_esc_environments_versions", "/versions/2"),
        ("DecryptEnvironment_esc_environments_versions", "/versions/2/decrypt"),
    ] {
        let _ = w.one(id, &format!("{x}{path}"), None).await;
    }
    for (id, path) in [
        ("HeadEnvironment_esc_environments", ""),
        ("CheckEnvironment_esc_environments", "/check"),
        ("CheckEnvironment_esc_environments_versions", "/versions/2/check"),
    ] {
        let _ = w.step(id, &format!("{x}{path}"), None, &[]).await;
    }
    let _ = w.step("CheckYAML_esc", &format!("{BASE}/yaml/check"), Some(json!({"values": {}})), &[]).await;
    let texts = w
        .step("EncryptEnvironmentSecrets", &format!("{x}/encrypt-secrets"), Some(json!({"plaintexts": ["x"]})), &[])
        .await;
    let texts = w.one("DecryptEnvironmentSecrets", &format!("{x}/decrypt-secrets"), Some(texts)).await;
    assert_eq!(texts, json!({"plaintexts": ["x"]}));
    let open = &["environment-open"];
    let id = id_of(&w.step("OpenEnvironment_esc_environments", &format!("{x}/open"), None, open).await);
    let _ = w.one("ReadOpenEnvironment_esc_environments", &format!("{x}/open/{id}"), None).await;
    let _ = w.one("ReadOpenEnvironmentAlias", &format!("{x}/open//{id}?property=a"), None).await;
    let _ = w.step("OpenEnvironment_esc_environments_versions", &format!("{x}/versions/2/open"), None, open).await;
    let id = id_of(
        &w.step("OpenYAML_esc", &format!("{BASE}/yaml/open"), Some(json!({"imports": ["web/prod"]})), open).await,
    );
    let _ = w.one("ReadAnonymousOpenEnvironment_esc", &format!("{BASE}/yaml/open/{id}"), None).await;
    environment_tags(w, &x).await;
    for (on, event) in
        [(true, "environment-deletion-protection-enabled"), (false, "environment-deletion-protection-disabled")]
    {
        let body = Some(json!({"deletionProtected": on}));
        let _ = w.step("PatchEnvironmentSettings", &format!("{x}/settings"), body, &[event]).await;
    }
    environment_copies(w, BASE, &x).await;
    older_addresses(w).await;
    let _ = w.one("UpdateEnvironment_esc_environments", &x, Some(json!({"values": {"a": 2}}))).await;
    let _ =
        w.one("RetractEnvironmentRevision_esc_environments", &format!("{x}/versions/2/retract"), Some(json!({}))).await;
    let _ = w.one("DeleteEnvironment_esc_environments", &x, None).await;
}

/// What is made at the older addresses.
async fn older_addresses(w: &mut Walk) {
    let x = "/api/preview/environments/pulumi/old";
    let _ = w.one("CreateEnvironment_preview_environments", x, None).await;
    let tag = format!("{x}/versions/tags/live");
    let _ = w.one("CreateRevisionTag_preview_environments_versions_tags", &tag, Some(json!({}))).await;
}

/// A copy, which is given away, deleted and restored.
async fn environment_copies(w: &mut Walk, base: &str, x: &str) {
    let copy = json!({"name": "copy", "preserveHistory": true});
    let _ = w.one("CloneEnvironment", &format!("{x}/clone"), Some(copy)).await;
    let owner = json!({"githubLogin": "admin"});
    let _ = w.one("ReassignEnvironmentOwnership", &format!("{base}/web/copy/ownership"), Some(owner)).await;
    let _ = w.one("DeleteEnvironment_esc_environments", &format!("{base}/web/copy"), None).await;
    let deleted = w.t.admin.get(&format!("{base}/restore")).await.expect(200).json();
    let at = &deleted["environments"][0]["deletedAt"];
    let body = json!({"project": "web", "name": "copy", "deletionTimestamp": at});
    let _ = w.one("RestoreEnvironment", &format!("{base}/restore"), Some(body)).await;
}

/// Tags of versions and of the environment itself.
async fn environment_tags(w: &mut Walk, x: &str) {
    let tags = format!("{x}/versions/tags");
    let _ = w.one("CreateRevisionTag_esc_environments_versions_tags", &tags, Some(json!({"name": "live"}))).await;
    let _ = w.one("ReadRevisionTag_esc_environments", &format!("{tags}/live"), None).await;
    let _ = w.one("UpdateRevisionTag_esc_environments", &format!("{tags}/live"), Some(json!({"revision": 1}))).await;
    let _ = w
        .step(
            "OpenEnvironment_esc_environments_versions",
            &format!("{x}/versions/live/open"),
            None,
            &["environment-revision-tag-open"],
        )
        .await;
    let _ = w.one("DeleteRevisionTag_esc_environments", &format!("{tags}/live"), None).await;
    let _ = w
        .one("CreateEnvironmentTag_esc_environments", &format!("{x}/tags"), Some(json!({"name": "t", "value": "1"})))
        .await;
    let change = json!({"currentTag": {"value": "1"}, "newTag": {"value": "2"}});
    let _ = w.one("UpdateEnvironmentTag_esc_environments", &format!("{x}/tags/t"), Some(change)).await;
    let _ = w.one("DeleteEnvironmentTag_esc_environments", &format!("{x}/tags/t"), None).await;
}

async fn the_log_itself(w: &mut Walk) {
    let _ = w.one("ListAuditLogEventsHandlerV1", "/api/orgs/pulumi/auditlogs", None).await;
    let _ = w.one("ListAuditLogEventsHandlerV2", "/api/orgs/pulumi/auditlogs/v2?userFilter=admin", None).await;
    let _ = w.one("ExportAuditLogEventsHandlerV1", "/api/orgs/pulumi/auditlogs/export", None).await;
    let _ = w.one("ExportAuditLogEventsHandlerV2", "/api/orgs/pulumi/auditlogs/v2/export", None).await;
}

both! {
    async fn every_action_leaves_its_event(t: TestApp) {
        let mut w = Walk::new(t).await;
        site(&mut w).await;
        teams_and_roles(&mut w).await;
        tokens_and_settings(&mut w).await;
        oidc(&mut w).await;
        environments(&mut w).await;
        rotation::rotation(&mut w).await;
        rotation::master_key(&mut w).await;
        the_log_itself(&mut w).await;
        insights::accounts(&mut w).await;
        members(&mut w).await;
        hand_over(&mut w).await;
        let exceptions = include_str!("uncovered.txt");
        let excepted: BTreeSet<&str> = exceptions.lines().filter(|l| !l.starts_with('#'))
            .filter_map(|l| l.split_once(' ').map(|(id, why)| { assert!(!why.trim().is_empty()); id })).collect();
        let mut missing = Vec::new();
        for (operation, served) in OPERATIONS.iter().filter_map(|o| Some((o, o.served.as_ref()?))) {
            let matters = operation.method != "GET" || !served.audit.is_empty();
            match (matters, w.called.contains(operation.id), excepted.contains(operation.id)) {
                (true, false, false) => missing.push(format!("{} is called by no step", operation.id)),
                (_, true, true) => missing.push(format!("{} is covered: remove it from uncovered.txt", operation.id)),
                _ => {}
            }
        }
        assert!(missing.is_empty(), "{}", missing.join("\n"));
    }

    async fn every_refusal_leaves_the_declared_denial(t: TestApp) {
        let bob = t.member_with("bob", &[]).await;
        let _ = bob.get("/api/user").await.expect(200);
        let log = t.log("pulumi").await;
        for (operation, served) in OPERATIONS.iter().filter_map(|o| Some((o, o.served.as_ref()?))) {
            let Access::Permission(_) = served.access else { continue };
            let before = t.events(log).await.len();
            let mut path = operation.path.replace("{orgName}", "pulumi");
            while let (Some(open), Some(close)) = (path.find('{'), path.find('}')) {
                path.replace_range(open..=close, "nosuch");
            }
            let _ = bob.send(operation.method, &path, None).await.expect(403);
            let gained: Vec<_> = t.events(log).await.into_iter().skip(before).collect();
            assert_eq!(gained.len(), 1, "{}: {gained:?}", operation.id);
            assert_eq!(gained[0].event.event.id(), served.denied, "{}", operation.id);
            assert_eq!(gained[0].event.outcome, Outcome::Denied);
        }
    }
}
