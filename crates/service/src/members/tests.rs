//! Who may be added, changed and removed, and that an admin always remains.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{roles::builtin::builtin_role_id, testing::House, users};
use pileus_model::ErrorKind;

const ADMIN: RoleChoice = RoleChoice::Builtin(BuiltinRole::Admin);
const MEMBER: RoleChoice = RoleChoice::Builtin(BuiltinRole::Member);

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn roles_are_named_both_ways() {
    assert_eq!(RoleChoice::parse(Some("member"), None).unwrap(), MEMBER);
    for name in ["billing-manager", "billingManager"] {
        assert_eq!(RoleChoice::parse(Some(name), Some("")).unwrap(), RoleChoice::Builtin(BuiltinRole::BillingManager));
    }
    let id = RoleId::from_bytes([3; 16]);
    assert_eq!(RoleChoice::parse(Some("admin"), Some(&id.to_string())).unwrap(), RoleChoice::ById(id));
    for (role, id) in [(None, None), (Some("owner"), None), (Some("none"), None), (None, Some("x"))] {
        assert_eq!(kind(RoleChoice::parse(role, id)), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn adding() {
    let house = House::new().await;
    house.user("bob").await;
    let cx = house.root_cx().await;
    let added = add(&cx, "BOB", MEMBER).await.unwrap();
    assert_eq!(
        (added.user.login.as_str(), added.role, added.role_name.as_str()),
        ("bob", BuiltinRole::Member, "Member")
    );
    assert_eq!(added.role_id, builtin_role_id(cx.org().unwrap().id, BuiltinRole::Member));
    assert_eq!(house.said("acme", "member-added").await.last().unwrap(), "Added \"bob\" to the organization as member");
    assert_eq!(kind(add(&cx, "bob", MEMBER).await), ErrorKind::Conflict);
    assert_eq!(kind(add(&cx, "nobody", MEMBER).await), ErrorKind::NotFound);
    let (page, next) = list(&cx, None).await.unwrap();
    assert_eq!(page.iter().map(|m| m.user.login.as_str()).collect::<Vec<_>>(), ["bob", "root"]);
    assert_eq!(next, None);
    assert_eq!(list(&cx, Some("bob")).await.unwrap().0.len(), 1);
    assert_eq!(kind(list(&cx, Some("?")).await), ErrorKind::Invalid);
}

#[tokio::test]
async fn who_is_added_as_member_gets_the_default_role() {
    let house = House::new().await;
    let auditor = house.role("Auditor", &["audit_logs:read"]).await;
    let org = house.org("acme").await;
    house.write(move |tx| roles::set_default(tx, org, Some(auditor)).unwrap()).await;
    house.user("bob").await;
    let added = add(&house.root_cx().await, "bob", MEMBER).await.unwrap();
    assert_eq!((added.role, added.role_id, added.role_name.as_str()), (BuiltinRole::Member, auditor, "Auditor"));
}

#[tokio::test]
async fn the_last_admin_stays() {
    let house = House::new().await;
    let cx = house.root_cx().await;
    assert_eq!(kind(update(&cx, "root", MEMBER).await), ErrorKind::Conflict);
    assert_eq!(kind(remove(&cx, "root").await), ErrorKind::Conflict);
    house.member("bob", BuiltinRole::Admin, None).await;
    // A disabled admin is none that could help.
    let change = users::UserChange { disabled: Some(true), ..users::UserChange::default() };
    users::update(&house.cx(&house.root, None).await, "bob", change).await.unwrap();
    assert_eq!(kind(update(&cx, "root", MEMBER).await), ErrorKind::Conflict);
    let change = users::UserChange { disabled: Some(false), ..users::UserChange::default() };
    users::update(&house.cx(&house.root, None).await, "bob", change).await.unwrap();
    assert_eq!(kind(remove(&cx, "root").await), ErrorKind::Invalid, "nobody removes himself");
    update(&cx, "root", MEMBER).await.unwrap();
    assert_eq!(house.said("acme", "member-role-changed").await, ["Changed organization role for \"root\" to member"]);
}

#[tokio::test]
async fn of_two_admins_who_demote_each_other_at_once_one_remains() {
    let house = House::new().await;
    let bob = house.member("bob", BuiltinRole::Admin, None).await;
    let (root, bob) = (house.root_cx().await, house.cx(&bob, Some("acme")).await);
    let (a, b) = tokio::join!(update(&root, "bob", MEMBER), update(&bob, "root", MEMBER));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
}

#[tokio::test]
async fn roles_change_by_name_and_by_id() {
    let house = House::new().await;
    house.member("user2", BuiltinRole::Member, None).await;
    let cx = house.root_cx().await;
    update(&cx, "user2", ADMIN).await.unwrap();
    let member = RoleChoice::ById(builtin_role_id(cx.org().unwrap().id, BuiltinRole::Member));
    update(&cx, "user2", member).await.unwrap();
    let auditor = house.role("Auditor", &["audit_logs:read"]).await;
    update(&cx, "user2", RoleChoice::ById(auditor)).await.unwrap();
    assert_eq!(
        house.said("acme", "member-role-changed").await,
        [
            "Changed organization role for \"user2\" to admin",
            "Changed organization role for \"user2\" to member",
            "Changed organization role for \"user2\" to Auditor",
        ]
    );
    let shown = list(&cx, Some("root")).await.unwrap().0.remove(0);
    assert_eq!((shown.role, shown.role_id, shown.role_name.as_str()), (BuiltinRole::Member, auditor, "Auditor"));
    assert_eq!(kind(update(&cx, "user2", RoleChoice::ById(RoleId::from_bytes([1; 16]))).await), ErrorKind::Invalid);
    assert_eq!(kind(update(&cx, "nobody", ADMIN).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn nobody_gives_or_takes_what_he_does_not_have() {
    let house = House::new().await;
    let manager = house.role("Manager", &["org_member:add", "org_member:update", "org_member:delete"]).await;
    let auditor = house.role("Auditor", &["audit_logs:read"]).await;
    let eve = house.member("eve", BuiltinRole::Member, Some(manager)).await;
    house.member("bob", BuiltinRole::Member, None).await;
    house.member("ann", BuiltinRole::Admin, None).await;
    house.user("new").await;
    let cx = house.cx(&eve, Some("acme")).await;
    assert_eq!(kind(update(&cx, "eve", ADMIN).await), ErrorKind::Forbidden);
    assert_eq!(kind(update(&cx, "bob", RoleChoice::ById(auditor)).await), ErrorKind::Forbidden);
    assert_eq!(kind(update(&cx, "ann", MEMBER).await), ErrorKind::Forbidden);
    assert_eq!(kind(remove(&cx, "ann").await), ErrorKind::Forbidden);
    assert_eq!(kind(add(&cx, "new", ADMIN).await), ErrorKind::Forbidden);
    update(&cx, "bob", RoleChoice::ById(manager)).await.unwrap();
    update(&cx, "bob", MEMBER).await.unwrap();
    add(&cx, "new", MEMBER).await.unwrap();
    remove(&cx, "bob").await.unwrap();
}

#[tokio::test]
async fn who_is_removed_is_out_of_the_teams_too() {
    let house = House::new().await;
    let bob = house.member("bob", BuiltinRole::Member, None).await;
    house.team("ops", "bob", true, None).await;
    let cx = house.root_cx().await;
    assert_eq!(teams(&cx, "Bob").await.unwrap(), ["ops"]);
    remove(&cx, "bob").await.unwrap();
    assert_eq!(house.said("acme", "member-removed").await, ["Removed \"bob\" from the organization"]);
    assert_eq!(kind(teams(&cx, "bob").await), ErrorKind::NotFound);
    assert_eq!(kind(remove(&cx, "bob").await), ErrorKind::NotFound);
    add(&cx, "bob", MEMBER).await.unwrap();
    assert!(teams(&cx, "bob").await.unwrap().is_empty());
    house.cx(&bob, Some("acme")).await;
}

#[tokio::test]
async fn the_sole_admin_hands_over() {
    let house = House::new().await;
    let bob = house.member("bob", BuiltinRole::Member, None).await;
    let cx = house.root_cx().await;
    assert_eq!(kind(set_sole_admin(&cx, "root").await), ErrorKind::Invalid);
    assert_eq!(kind(set_sole_admin(&cx, "nobody").await), ErrorKind::NotFound);
    set_sole_admin(&cx, "bob").await.unwrap();
    assert_eq!(
        house.said("acme", "member-role-changed").await,
        ["Changed organization role for \"root\" to member", "Changed organization role for \"bob\" to admin"]
    );
    assert_eq!(house.cx(&bob, Some("acme")).await.access().unwrap().role, BuiltinRole::Admin);
    assert_eq!(kind(set_sole_admin(&cx, "bob").await), ErrorKind::Invalid);
}
