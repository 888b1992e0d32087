//! The real pulumi CLI: members, roles, and `pulumi api` over our own description.

use crate::external_support::{Cli, World, pulumi};
use pileus_testkit::server::TOKEN;
use serde_json::{Value, json};

async fn with_alice(world: &World) {
    let admin = world.server.admin();
    let body = json!({"login": "alice", "name": "Alice B.", "email": "alice@example.com"});
    let _ = admin.post("/api/admin/users", body).await.expect(201);
    let _ = admin.post("/api/orgs/pulumi/members/alice", json!({"role": "member"})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members() {
    let Some(program) = pulumi("members with the real CLI") else { return };
    let world = World::start();
    with_alice(&world).await;
    let cli = Cli::new(&program, &world, TOKEN).login();
    let member = |args: &[&str]| cli.run(&[&["org", "member"], args, &["--org", "pulumi"]].concat());
    let rows = cli.table(&["org", "member", "list"]);
    assert_eq!(
        rows.iter().map(|r| &r[..3]).collect::<Vec<_>>(),
        [["admin", "admin", "Admin"], ["alice", "Alice B.", "Member"]]
    );
    assert!(member(&["edit", "alice", "--role", "admin"]).ok().contains("Role:            admin\n"));
    let edited = member(&["edit", "alice", "--role", "billing-manager", "--output", "json"]).json();
    assert_eq!((&edited["role"], &edited["user"]["githubLogin"]), (&json!("billing-manager"), &json!("alice")));
    let role = json!({"name": "Auditor", "description": "", "resourceType": "organization", "uxPurpose": "role",
        "details": {"__type": "PermissionDescriptorAllow", "permissions": ["audit_logs:read"]}});
    let role = world.server.admin().post("/api/orgs/pulumi/roles", role).await.expect(200).json();
    let edited = member(&["edit", "alice", "--fga-role-name", "Auditor", "--output", "json"]).json();
    assert_eq!((&edited["fgaRole"]["id"], &edited["fgaRole"]["name"]), (&role["id"], &json!("Auditor")));
    let _ = member(&["edit", "alice", "--role", "member"]).ok();
    let edited = member(&["edit", "alice", "--fga-role-id", role["id"].as_str().unwrap(), "--output", "json"]).json();
    assert_eq!(edited["fgaRole"]["name"], "Auditor");
    let refused = member(&["edit", "admin", "--role", "member"]).fails();
    assert!(refused.contains("[409]"), "the last admin stays: {refused}");
    let refused = member(&["edit", "alice", "--role", "owner"]).fails();
    assert!(!refused.is_empty());
    let all = member(&["list", "--all", "--output", "json"]).json();
    assert_eq!((all["members"].as_array().unwrap().len(), &all["count"]), (2, &json!(2)));
    assert_eq!(member(&["list", "--count", "1", "--output", "json"]).json()["members"].as_array().unwrap().len(), 1);
    assert_eq!(member(&["remove", "alice", "--yes"]).ok(), "Removed member alice from organization pulumi.\n");
    let refused = member(&["remove", "alice", "--yes"]).fails();
    assert!(refused.contains("[404]"), "{refused}");
    let changed =
        world.server.admin().get("/api/orgs/pulumi/auditlogs/v2?eventFilter=member-role-changed").await.expect(200);
    let changed = changed.json();
    let described: Vec<&str> =
        changed["auditLogEvents"].as_array().unwrap().iter().map(|e| e["description"].as_str().unwrap()).collect();
    assert!(described.contains(&"Changed organization role for \"alice\" to admin"), "{described:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles() {
    let Some(program) = pulumi("roles with the real CLI") else { return };
    let world = World::start();
    let cli = Cli::new(&program, &world, TOKEN).login();
    let role = |args: &[&str]| cli.run(&[&["org", "role"], args, &["--org", "pulumi"]].concat());
    let details = r#"{"__type":"PermissionDescriptorAllow","permissions":["team:list","team:read"]}"#;
    let details = world.file("reader.json", details);
    let made = role(&["new", "reader", &details, "--description", "Reads teams", "--output", "json"]).json();
    let made = &made["role"];
    let id = made["id"].as_str().unwrap();
    assert_eq!(
        (&made["name"], &made["description"], &made["version"]),
        (&json!("reader"), &json!("Reads teams"), &json!(1))
    );
    let said = role(&["new", "second", &details]).ok();
    assert!(said.starts_with("Created role \"second\" (id: "), "{said}");
    let refused = role(&["new", "reader", &details]).fails();
    assert!(refused.contains("[409]"), "{refused}");
    let listed = role(&["list", "--output", "json"]).json();
    let names: Vec<&str> = listed["roles"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert!(["Member", "Admin", "Billing Manager", "reader", "second"].iter().all(|n| names.contains(n)), "{names:?}");
    assert_eq!(listed["count"], names.len());
    assert_eq!(role(&["list", "--purpose", "policy", "--output", "json"]).json()["count"], 0);
    let wider = r#"{"__type":"PermissionDescriptorAllow","permissions":["team:list","audit_logs:read"]}"#;
    let wider = world.file("wider.json", wider);
    let edited =
        role(&["edit", id, "--name", "auditor", "--description", "", "--details-file", &wider, "--output", "json"]);
    assert_eq!(edited.json()["role"]["name"], "auditor");
    let body = json!({"name": "ops", "displayName": "Operations", "description": ""});
    let _ = world.server.admin().post("/api/orgs/pulumi/teams/pulumi", body).await.expect(201);
    let assigned = role(&["assign", id, "ops", "--output", "json"]).json();
    assert_eq!((&assigned["team"], &assigned["roleId"]), (&json!("ops"), &json!(id)));
    let team = world.server.admin().get("/api/orgs/pulumi/teams/ops").await.expect(200).json();
    assert_eq!(team["roleIds"], json!([id]));
    let refused = role(&["remove", id, "--yes"]).fails();
    assert!(refused.contains("[400]") && refused.contains("team \"ops\""), "{refused}");
    let _ = role(&["remove", id, "--force", "--yes"]).ok();
    let refused = role(&["edit", id, "--name", "gone"]).fails();
    assert!(refused.contains("[404]"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_operation_by_pulumi_api() {
    let Some(program) = pulumi("`pulumi api` with the real CLI") else { return };
    let world = World::start();
    let cli = Cli::new(&program, &world, TOKEN).login();
    let api = |args: &[&str]| cli.run(&[&["api"], args].concat());
    let listed = api(&["list", "--output=json"]).json();
    let served = pileus_contract::OPERATIONS.iter().filter(|o| o.served.is_some()).count();
    assert_eq!(listed["count"], served);
    let operations = listed["operations"].as_array().unwrap();
    let empty =
        |o: &&Value| o["summary"].as_str().is_none_or(str::is_empty) || o["tag"].as_str().is_none_or(str::is_empty);
    assert_eq!(operations.iter().find(empty), None);
    // Each description costs a second: some of every kind.
    for operation in operations.iter().step_by(6) {
        let id = operation["operationId"].as_str().unwrap();
        let described = api(&["describe", id, "--output=json"]).json();
        assert_eq!(described["operation"]["path"], operation["path"], "{id}");
    }
    assert!(api(&["describe", "CreateRole"]).ok().contains("POST /api/orgs/{orgName}/roles"));
    assert_eq!(api(&["/api/user"]).json()["githubLogin"], "admin");
    assert_eq!(
        api(&["ListOrganizationMembers", "-F", "orgName=pulumi"]).json()["members"][0]["user"]["githubLogin"],
        "admin"
    );
    for n in 0..3 {
        let name = format!("name=team-{n}");
        let args =
            ["CreatePulumiTeam", "-F", "orgName=pulumi", "-F", &name, "-F", "displayName=", "-F", "description=x"];
        assert_eq!(api(&args).json()["kind"], "pulumi");
    }
    let page =
        ["ListAuditLogEventsHandlerV2", "-F", "orgName=pulumi", "-F", "pageSize=2", "-F", "eventFilter=team-created"];
    let one = api(&page).json();
    assert_eq!(one["auditLogEvents"].as_array().unwrap().len(), 2);
    let every = api(&[&page[..], &["--all"]].concat()).json();
    assert_eq!(every["auditLogEvents"].as_array().unwrap().len(), 3, "{every}");
    let head = api(&[
        "GET /api/orgs/{orgName}/teams/{teamName}",
        "-F",
        "orgName=pulumi",
        "-F",
        "teamName=team-1",
        "--include",
        "--silent",
    ]);
    assert!(head.ok().contains("200 OK"));
    let refused = api(&["GetTeam", "-F", "orgName=pulumi", "-F", "teamName=nope"]).fails();
    assert!(refused.contains("\"httpBody\":{\"code\":404,\"message\":\"team not found\"}"), "{refused}");
}
