//! Who gets in, what he may do there, and what it leaves behind.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{background, organizations, testing::House, users};
use pileus_model::{
    ErrorKind,
    authz::{Object, ObjectKind, Permission},
    caller::BuiltinRole,
    ids::RoleId,
};
use pileus_store::tokens::{self as token_store, NewTokenRow};

fn request() -> RequestInfo {
    RequestInfo { operation: "Test".into(), ..RequestInfo::default() }
}

async fn refused(house: &House, token: &str) -> Error {
    authenticate(&house.app, token, &request()).await.unwrap_err()
}

fn may(access: &OrgAccess, permission: &str) -> bool {
    access.policy.allows(Permission::parse(permission).unwrap(), &Object::ORGANIZATION)
}

fn may_team(access: &OrgAccess, permission: &str, team: &str) -> bool {
    let object = Object { kind: ObjectKind::Team, identity: team, tags: &[] };
    access.policy.allows(Permission::parse(permission).unwrap(), &object)
}

async fn access_of(house: &House, token: &pileus_model::token::TokenValue) -> OrgAccess {
    house.cx(token, Some("acme")).await.org.unwrap()
}

#[tokio::test]
async fn the_first_use_in_twelve_hours_is_a_login() {
    let house = House::new().await;
    for _ in 0..3 {
        house.root_cx().await;
    }
    let said = "User \"root\" logged into the Pulumi Console.";
    assert_eq!(house.said("acme", "user-login").await, [said]);
    house.clock.advance(12 * 3600 - 1);
    house.root_cx().await;
    assert_eq!(house.said("acme", "user-login").await.len(), 1);
    house.clock.advance(1);
    house.root_cx().await;
    assert_eq!(house.said("acme", "user-login").await, [said, said]);
}

#[tokio::test]
async fn of_several_first_requests_at_once_one_is_the_login() {
    let house = House::new().await;
    let info = request();
    let one = || authenticate(&house.app, house.root.expose(), &info);
    let all = tokio::join!(one(), one(), one(), one(), one(), one());
    assert!(all.0.is_ok() && all.5.is_ok());
    assert_eq!(house.said("acme", "user-login").await.len(), 1);
}

#[tokio::test]
async fn an_unknown_token_leaves_no_event() {
    let house = House::new().await;
    for token in ["", "pul-", "pul-0123456789012345678901234567890123456789"] {
        assert_eq!(refused(&house, token).await.kind(), ErrorKind::Unauthenticated);
    }
    assert!(house.said("acme", "user-login-failed").await.is_empty());
    assert!(house.said("", "user-login-failed").await.is_empty());
}

#[tokio::test]
async fn an_expired_token_is_refused_and_recorded_once_a_minute() {
    let house = House::new().await;
    let row = house.blank(TokenKind::Personal);
    let row = NewTokenRow {
        user: Some(house.id("root").await),
        description: "old".into(),
        expires_at: house.app.clock.now().plus_seconds(60),
        ..row
    };
    let id = row.id;
    let token = house.token(row).await;
    house.cx(&token, Some("acme")).await;
    house.clock.advance(60);
    for _ in 0..3 {
        assert_eq!(refused(&house, token.expose()).await.kind(), ErrorKind::Unauthenticated);
    }
    let first = format!("Login failed: token \"{id}\" (old) has expired");
    assert_eq!(house.said("acme", "user-login-failed").await, [first.as_str()]);
    background::flush(&house.app, true).await;
    let events = house.events(house.log_of("acme").await).await;
    let failed: Vec<_> = events.iter().filter(|e| e.event.event.id() == "user-login-failed").collect();
    assert_eq!(failed.iter().map(|e| e.event.count).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(failed[1].event.description, format!("{first} (2 more times in the same minute)"));
    assert_eq!(failed[0].event.actor.login, "root");
}

#[tokio::test]
async fn disabling_and_deleting_take_effect_at_once() {
    let house = House::new().await;
    let bob = house.member("bob", BuiltinRole::Member, None).await;
    let id = house.cx(&bob, Some("acme")).await.caller().unwrap().token;
    let root = house.cx(&house.root, None).await;
    let disabled = |disabled| users::UserChange { disabled: Some(disabled), ..users::UserChange::default() };
    users::update(&root, "bob", disabled(true)).await.unwrap();
    assert_eq!(refused(&house, bob.expose()).await.kind(), ErrorKind::Unauthenticated);
    assert_eq!(
        house.said("acme", "user-login-failed").await,
        [format!("Login failed: token \"{id}\" (bob) belongs to the disabled user \"bob\"")]
    );
    users::update(&root, "bob", disabled(false)).await.unwrap();
    house.cx(&bob, Some("acme")).await;
    users::delete(&root, "bob").await.unwrap();
    assert_eq!(refused(&house, bob.expose()).await.kind(), ErrorKind::Unauthenticated);
    // He is in no organisation any more: the site's log has it.
    assert_eq!(house.said("", "user-login-failed").await.len(), 1);
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    let house = House::new().await;
    let row =
        NewTokenRow { org: Some(house.org("acme").await), name: "ci".into(), ..house.blank(TokenKind::Organization) };
    let (org, id, now) = (house.org("acme").await, row.id, house.app.clock.now());
    let token = house.token(row).await;
    house.cx(&token, Some("acme")).await;
    assert_eq!(house.said("acme", "user-login").await.last().unwrap(), "Logged in with organization token \"ci\"");
    assert!(house.write(move |tx| token_store::delete(tx, org, id, now).unwrap()).await);
    assert_eq!(refused(&house, token.expose()).await.kind(), ErrorKind::Unauthenticated);
    assert_eq!(house.said("acme", "user-login-failed").await, ["Login failed: token \"ci\" was revoked"]);
}

#[tokio::test]
async fn strangers_find_no_organisation() {
    let house = House::new().await;
    let carol = house.user("carol").await;
    for name in ["acme", "nowhere"] {
        let known = authenticate_and_access(&house.app, carol.expose(), Some(name), &request()).await.unwrap();
        assert!(known.access.is_none(), "{name}");
        assert!(access(&house.app, &known.caller, name).await.unwrap().is_none());
    }
    let root = authenticate_and_access(&house.app, house.root.expose(), Some("ACME"), &request()).await.unwrap();
    assert_eq!(root.access.unwrap().org.name, "acme");
    assert_eq!(access(&house.app, &root.caller, "Acme").await.unwrap().unwrap().role, BuiltinRole::Admin);
}

#[tokio::test]
async fn members_may_what_their_role_and_the_settings_say() {
    let house = House::new().await;
    let bob = house.member("bob", BuiltinRole::Member, None).await;
    let was = access_of(&house, &bob).await;
    assert!(may(&was, "team:list") && may(&was, "org_member:read") && may(&was, "stack:create"));
    assert!(!may(&was, "team:create") && !may(&was, "org_member:add") && !may(&was, "audit_logs:read"));
    let change = organizations::SettingsChange {
        members_can_create_teams: Some(true),
        members_can_create_stacks: Some(false),
        ..organizations::SettingsChange::default()
    };
    organizations::update(&house.root_cx().await, change).await.unwrap();
    let is = access_of(&house, &bob).await;
    assert!(may(&is, "team:create") && !may(&is, "stack:create"));
}

#[tokio::test]
async fn a_custom_role_stands_in_place_of_the_member_s() {
    let house = House::new().await;
    let auditor = house.role("Auditor", &["audit_logs:read"]).await;
    let bob = house.member("bob", BuiltinRole::Member, Some(auditor)).await;
    let access = access_of(&house, &bob).await;
    assert_eq!(access.role, BuiltinRole::Member);
    assert!(may(&access, "audit_logs:read"));
    assert!(!may(&access, "team:list") && !may(&access, "stack:create"));
    let gone = house.member("eve", BuiltinRole::Member, Some(RoleId::from_bytes([7; 16]))).await;
    let access = access_of(&house, &gone).await;
    assert!(!may(&access, "team:list") && !may(&access, "audit_logs:read"));
}

#[tokio::test]
async fn teams_give_their_role_and_their_admin_the_team() {
    let house = House::new().await;
    let exporter = house.role("Exporter", &["audit_logs:export"]).await;
    let bob = house.member("bob", BuiltinRole::Member, None).await;
    house.team("ops", "bob", true, Some(exporter)).await;
    house.team("dev", "bob", false, None).await;
    let access = access_of(&house, &bob).await;
    assert!(may(&access, "audit_logs:export") && may(&access, "team:list"));
    assert!(may_team(&access, "team:update", "ops") && !may_team(&access, "team:update", "dev"));
    assert!(!may(&access, "team:update"));
}

#[tokio::test]
async fn machine_tokens_have_the_role_that_they_were_given() {
    let house = House::new().await;
    let org = Some(house.org("acme").await);
    let auditor = house.role("Auditor", &["audit_logs:read"]).await;
    house.user("bob").await;
    let team = house.team("ops", "bob", false, Some(auditor)).await;
    let blank = |name: &str, kind| NewTokenRow { org, name: name.into(), ..house.blank(kind) };
    let admin = house.token(NewTokenRow { admin: true, ..blank("admin", TokenKind::Organization) }).await;
    let role = house.token(NewTokenRow { role: Some(auditor), ..blank("role", TokenKind::Organization) }).await;
    let plain = house.token(blank("plain", TokenKind::Organization)).await;
    let teams = house.token(NewTokenRow { team: Some(team), ..blank("team", TokenKind::Team) }).await;

    assert!(may(&access_of(&house, &admin).await, "organization:delete"));
    let role = access_of(&house, &role).await;
    assert!(may(&role, "audit_logs:read") && !may(&role, "team:list"));
    let plain = access_of(&house, &plain).await;
    assert!(may(&plain, "team:list") && !may(&plain, "audit_logs:read"));
    let own = access_of(&house, &teams).await;
    assert!(may(&own, "audit_logs:read") && may_team(&own, "team:read", "ops") && !may_team(&own, "team:read", "dev"));
    assert_eq!(house.said("acme", "user-login").await.last().unwrap(), "Logged in with team token \"team\"");

    let new = organizations::NewOrganization { name: "other".into(), display_name: None, admin: None };
    organizations::create(&house.cx(&house.root, None).await, new).await.unwrap();
    let known = authenticate_and_access(&house.app, admin.expose(), Some("other"), &request()).await.unwrap();
    assert!(known.access.is_none());
    assert_eq!(known.caller.login(), "acme");
}

#[tokio::test]
async fn a_personal_token_for_one_organisation_reaches_only_that_and_makes_no_site_admin() {
    let house = House::new().await;
    let new = organizations::NewOrganization { name: "other".into(), display_name: None, admin: None };
    organizations::create(&house.cx(&house.root, None).await, new).await.unwrap();
    let row = NewTokenRow {
        user: Some(house.id("root").await),
        org: Some(house.org("acme").await),
        ..house.blank(TokenKind::Personal)
    };
    let token = house.token(row).await;
    let cx = house.cx(&token, Some("acme")).await;
    assert!(!cx.caller().unwrap().is_site_admin());
    assert_eq!(cx.caller().unwrap().only_org, Some(house.org("acme").await));
    let other = authenticate_and_access(&house.app, token.expose(), Some("other"), &request()).await.unwrap();
    assert!(other.access.is_none());
    let users::Current::Person(_, orgs) = users::current(&cx).await.unwrap() else { unreachable!() };
    assert_eq!(orgs.iter().map(|m| m.org.name.as_str()).collect::<Vec<_>>(), ["acme"]);
}

#[tokio::test]
async fn tokens_must_expire_within_the_organisation_s_limit() {
    let house = House::new().await;
    let bob = house.member("bob", BuiltinRole::Member, None).await;
    let change = || organizations::SettingsChange {
        max_access_token_expiry_days: Some(30),
        ..organizations::SettingsChange::default()
    };
    // Root's own token never expires: he would lock himself out.
    let error = organizations::update(&house.root_cx().await, change()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let expires_at = house.app.clock.now().plus_seconds(86_400);
    let row = NewTokenRow { user: Some(house.id("root").await), expires_at, ..house.blank(TokenKind::Personal) };
    let short = house.token(row).await;
    organizations::update(&house.cx(&short, Some("acme")).await, change()).await.unwrap();
    house.cx(&short, Some("acme")).await;
    let error = authenticate_and_access(&house.app, bob.expose(), Some("acme"), &request()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    // Outside the organisation the token is as good as before.
    let id = authenticate(&house.app, bob.expose(), &request()).await.unwrap().token;
    assert_eq!(
        house.said("acme", "user-login-failed").await,
        [format!("Login failed: token \"{id}\" (bob) lives longer than the organization allows")]
    );
}

#[tokio::test]
async fn last_uses_are_written_together_and_later() {
    let house = House::new().await;
    let cx = house.root_cx().await;
    assert_eq!(cx.caller().unwrap().last_used, Timestamp::EPOCH);
    let at = house.app.clock.now();
    assert_eq!(house.app.logins.last_use(cx.caller().unwrap().token), Some(at));
    background::flush_last_used(&house.app).await.unwrap();
    assert_eq!(house.app.logins.last_use(cx.caller().unwrap().token), None);
    assert_eq!(house.root_cx().await.caller().unwrap().last_used, at);
}
