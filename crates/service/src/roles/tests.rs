//! What roles promise: nobody gives what he does not have, and nobody gains when a role goes.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    auth,
    testing::House,
    tokens::{self, NewOrganizationToken},
};
use pileus_model::{
    ErrorKind,
    audit::RequestInfo,
    authz::{Object, Permission},
    token::TokenValue,
};
use serde_json::json;

fn allow(permissions: &[&str]) -> Value {
    json!({ "__type": "PermissionDescriptorAllow", "permissions": permissions })
}

fn new(name: &str, permissions: &[&str]) -> NewRole {
    NewRole { name: Some(name.into()), details: Some(allow(permissions)), ..NewRole::default() }
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// Someone whose role permits all about roles, but of the rest only what is named.
async fn keeper(house: &House) -> TokenValue {
    let permissions = ["role:create", "role:read", "role:update", "role:delete", "audit_logs:read"];
    let role = house.role("Keeper", &permissions).await;
    house.member("keeper", BuiltinRole::Member, Some(role)).await
}

#[tokio::test]
async fn lists_have_the_built_in_ones_first() {
    let house = House::new().await;
    let cx = house.root_cx().await;
    create(&cx, new("Auditor", &["audit_logs:read"])).await.unwrap();
    create(&cx, NewRole { ux_purpose: Some("set".into()), ..new("Bundle", &[]) }).await.unwrap();
    let names = |roles: Vec<Role>| roles.into_iter().map(|role| role.name).collect::<Vec<_>>();
    let roles = list(&cx, Some("role")).await.unwrap();
    assert!(roles[0].is_default && roles.iter().filter(|role| role.is_default).count() == 1);
    assert_eq!(names(roles), ["Member", "Admin", "Billing Manager", "Auditor"]);
    assert_eq!(names(list(&cx, Some("set")).await.unwrap()), ["Bundle"]);
    assert_eq!(list(&cx, None).await.unwrap().len(), 5);
    assert_eq!(kind(list(&cx, Some("team")).await), ErrorKind::Invalid);
    for role in list(&cx, None).await.unwrap() {
        assert_eq!(get(&cx, &role.id.to_string()).await.unwrap(), role);
    }
}

#[tokio::test]
async fn names_are_unique_and_descriptors_understood() {
    let house = House::new().await;
    let cx = house.root_cx().await;
    let made = create(&cx, new("Auditor", &["audit_logs:read"])).await.unwrap();
    assert_eq!((made.version, made.ux_purpose.as_str(), made.resource_type.as_str()), (1, "role", "organization"));
    for taken in ["Auditor", "member", "Billing Manager", "ADMIN"] {
        assert_eq!(kind(create(&cx, new(taken, &[])).await), ErrorKind::Conflict, "{taken}");
    }
    for bad in ["", "a\nb", &"x".repeat(101)] {
        assert_eq!(kind(create(&cx, new(bad, &[])).await), ErrorKind::Invalid, "{bad}");
    }
    assert_eq!(kind(create(&cx, NewRole::default()).await), ErrorKind::Invalid);
    assert_eq!(kind(create(&cx, new("Other", &["no:such"])).await), ErrorKind::Invalid);
    let purpose = NewRole { ux_purpose: Some("team".into()), ..new("Other", &[]) };
    assert_eq!(kind(create(&cx, purpose).await), ErrorKind::Invalid);
    assert_eq!(house.said("acme", "custom-role-created").await, ["Created custom role \"Auditor\""]);
}

#[tokio::test]
async fn changes_count_and_say_what_they_changed() {
    let house = House::new().await;
    let cx = house.root_cx().await;
    let id = create(&cx, new("Auditor", &[])).await.unwrap().id.to_string();
    house.clock.advance(5);
    let change =
        RoleChange { name: Some("Reader".into()), details: Some(allow(&["team:read"])), ..RoleChange::default() };
    let changed = update(&cx, &id, change).await.unwrap();
    assert_eq!((changed.version, changed.name.as_str()), (2, "Reader"));
    assert!(changed.modified_at > changed.created_at);
    let said = "Updated custom role \"Auditor\": renamed to \"Reader\", changed permissions";
    assert_eq!(house.said("acme", "custom-role-updated").await, [said]);
    assert_eq!(kind(update(&cx, &id, RoleChange::default()).await), ErrorKind::Invalid);
    create(&cx, new("Other", &[])).await.unwrap();
    let clash = RoleChange { name: Some("Other".into()), ..RoleChange::default() };
    assert_eq!(kind(update(&cx, &id, clash.clone()).await), ErrorKind::Conflict);
    let builtin = builtin::builtin_role_id(cx.org().unwrap().id, BuiltinRole::Member).to_string();
    assert_eq!(kind(update(&cx, &builtin, clash.clone()).await), ErrorKind::Invalid);
    assert_eq!(kind(delete(&cx, &builtin, true).await), ErrorKind::Invalid);
    assert_eq!(kind(update(&cx, "nonsense", clash).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn nobody_gives_what_he_does_not_have() {
    let house = House::new().await;
    let cx = house.cx(&keeper(&house).await, Some("acme")).await;
    assert!(create(&cx, new("Mine", &["audit_logs:read"])).await.is_ok());
    for permission in ["audit_logs:export", "org_member:set_admin"] {
        assert_eq!(kind(create(&cx, new("More", &[permission])).await), ErrorKind::Forbidden);
    }
    let condition = json!({
        "__type": "PermissionExpressionEqual",
        "left": { "__type": "PermissionExpressionTeam" },
        "right": { "__type": "PermissionLiteralExpressionTeam", "identity": "ops" },
    });
    let details = json!({ "__type": "PermissionDescriptorCondition", "condition": condition, "subNode": allow(&["team:delete"]) });
    let sly = NewRole { name: Some("Sly".into()), details: Some(details), ..NewRole::default() };
    assert_eq!(kind(create(&cx, sly).await), ErrorKind::Forbidden);
}

#[tokio::test]
async fn nobody_raises_a_role_or_lowers_one_above_him() {
    let house = House::new().await;
    let cx = house.cx(&keeper(&house).await, Some("acme")).await;
    let (high, low) = (house.role("High", &["org_member:set_admin"]).await, house.role("Low", &[]).await);
    let to = |permissions: &[&str]| RoleChange { details: Some(allow(permissions)), ..RoleChange::default() };
    assert_eq!(kind(update(&cx, &low.to_string(), to(&["org_member:set_admin"])).await), ErrorKind::Forbidden);
    assert_eq!(kind(update(&cx, &high.to_string(), to(&[])).await), ErrorKind::Forbidden);
    assert_eq!(kind(set_default(&cx, &high.to_string()).await), ErrorKind::Forbidden);
    assert!(update(&cx, &low.to_string(), to(&["audit_logs:read"])).await.is_ok());
    assert!(set_default(&cx, &low.to_string()).await.is_ok());
}

#[tokio::test]
async fn the_default_role_is_an_organization_role() {
    let house = House::new().await;
    let cx = house.root_cx().await;
    let org = cx.org().unwrap().id;
    let id = create(&cx, new("Auditor", &[])).await.unwrap().id.to_string();
    set_default(&cx, &id).await.unwrap();
    assert!(get(&cx, &id).await.unwrap().is_default);
    for builtin in [BuiltinRole::Admin, BuiltinRole::BillingManager] {
        let id = builtin::builtin_role_id(org, builtin).to_string();
        assert_eq!(kind(set_default(&cx, &id).await), ErrorKind::Invalid);
    }
    let set = create(&cx, NewRole { ux_purpose: Some("set".into()), ..new("Bundle", &[]) }).await.unwrap();
    assert_eq!(kind(set_default(&cx, &set.id.to_string()).await), ErrorKind::Invalid);
    set_default(&cx, &builtin::builtin_role_id(org, BuiltinRole::Member).to_string()).await.unwrap();
    assert!(!get(&cx, &id).await.unwrap().is_default);
    let said = house.said("acme", "organization-settings-changed").await;
    assert_eq!(said[0], "Changed settings of organization \"acme\": default role is \"Auditor\"");
}

#[tokio::test]
async fn who_has_a_role_is_said() {
    let house = House::new().await;
    let role = house.role("Auditor", &["audit_logs:read"]).await;
    house.member("bob", BuiltinRole::Member, Some(role)).await;
    house.member("eve", BuiltinRole::Member, None).await;
    house.team("ops", "eve", false, Some(role)).await;
    let cx = house.root_cx().await;
    let org = cx.org().unwrap().id;
    let token =
        NewOrganizationToken { name: "ci".into(), role: Some(role.to_string()), ..NewOrganizationToken::default() };
    tokens::create_for_organization(&cx, token).await.unwrap();
    let boss = NewOrganizationToken { name: "boss".into(), admin: true, ..NewOrganizationToken::default() };
    tokens::create_for_organization(&cx, boss).await.unwrap();

    let logins = |users: Vec<UserRef>| users.into_iter().map(|user| user.login).collect::<Vec<_>>();
    let id = role.to_string();
    assert_eq!(logins(users_with(&cx, &id).await.unwrap()), ["bob"]);
    assert_eq!(teams_with(&cx, &id).await.unwrap()[0].row.name, "ops");
    assert_eq!(tokens_with(&cx, &id).await.unwrap()[0].row.name, "ci");
    let of = |role| builtin::builtin_role_id(org, role).to_string();
    assert_eq!(logins(users_with(&cx, &of(BuiltinRole::Member)).await.unwrap()), ["eve"]);
    assert_eq!(logins(users_with(&cx, &of(BuiltinRole::Admin)).await.unwrap()), ["root"]);
    assert_eq!(tokens_with(&cx, &of(BuiltinRole::Admin)).await.unwrap()[0].row.name, "boss");
    assert!(teams_with(&cx, &of(BuiltinRole::Admin)).await.unwrap().is_empty());
    assert_eq!(kind(users_with(&cx, "nonsense").await), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_role_in_use_goes_by_force_only_and_nobody_gains() {
    let house = House::new().await;
    let role = house.role("Auditor", &["audit_logs:read"]).await;
    let bob = house.member("bob", BuiltinRole::Member, Some(role)).await;
    house.team("ops", "bob", false, Some(role)).await;
    let cx = house.root_cx().await;
    let token =
        NewOrganizationToken { name: "ci".into(), role: Some(role.to_string()), ..NewOrganizationToken::default() };
    let token = tokens::create_for_organization(&cx, token).await.unwrap();
    set_default(&cx, &role.to_string()).await.unwrap();

    let refused = delete(&cx, &role.to_string(), false).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert_eq!(
        refused.message(),
        "role \"Auditor\" is assigned to member \"bob\"; team \"ops\"; token \"ci\"; new members, as the default role: take it \
         from them, or delete it with force=true"
    );
    delete(&cx, &role.to_string(), true).await.unwrap();

    let bob = house.cx(&bob, Some("acme")).await;
    let read = Permission::parse("audit_logs:read").unwrap();
    assert!(!bob.access().unwrap().policy.allows(read, &Object::ORGANIZATION));
    assert_eq!(bob.access().unwrap().role, BuiltinRole::Member);
    let info = RequestInfo { operation: "Test".into(), ..RequestInfo::default() };
    assert!(auth::authenticate(&house.app, token.value.expose(), &info).await.is_err(), "the token is revoked");
    assert!(crate::teams::get(&cx, "ops").await.unwrap().row.role.is_none());
    assert!(list(&cx, None).await.unwrap()[0].is_default);
    assert_eq!(house.said("acme", "custom-role-deleted").await, ["Deleted custom role \"Auditor\""]);
    assert_eq!(house.said("acme", "member-role-changed").await, ["Changed organization role for \"bob\" to member"]);
    assert_eq!(house.said("acme", "team-updated").await, ["Updated team \"ops\": removed role \"Auditor\""]);
    let said = "Deleted organization token \"ci\": its role \"Auditor\" was deleted";
    assert_eq!(house.said("acme", "organization-token-deleted").await, [said]);
    assert_eq!(kind(delete(&cx, &role.to_string(), true).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn nobody_sheds_his_own_role() {
    let house = House::new().await;
    let keeper = keeper(&house).await;
    let cx = house.cx(&keeper, Some("acme")).await;
    let own = list(&cx, Some("role")).await.unwrap().into_iter().find(|role| role.name == "Keeper").unwrap();
    assert_eq!(kind(delete(&cx, &own.id.to_string(), true).await), ErrorKind::Forbidden);
    let other = house.role("Other", &[]).await;
    delete(&cx, &other.to_string(), false).await.unwrap();
}
