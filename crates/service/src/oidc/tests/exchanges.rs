//! What good tokens get.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::{AUDIENCE, Server, Setting, Signer, URL, new_issuer, organization, reaching, request, stranger};
use crate::{
    auth,
    oidc::{
        ExchangeRequest, Exchanged, IssuerChange, NewDefinition, delete, exchange, policy, register, update,
        update_policy,
    },
};
use aws_lc_rs::rsa::KeySize;
use pileus_model::{
    ErrorKind, Result,
    audit::RequestInfo,
    caller::{BuiltinRole, Caller, OrgAccess, Principal},
    token::TokenKind,
};
use serde_json::json;

fn wanted(setting: &Setting, kind: &str, scope: &str) -> ExchangeRequest {
    ExchangeRequest {
        requested_token_type: Some(format!("urn:pulumi:token-type:access_token:{kind}")),
        scope: Some(scope.into()),
        ..request(setting.token(json!({})))
    }
}

async fn get(setting: &Setting, kind: &str, scope: &str) -> Result<Exchanged> {
    exchange(&stranger(&setting.house), wanted(setting, kind, scope)).await
}

/// Who the token is, and what in `acme`.
async fn who(setting: &Setting, made: &Exchanged) -> Result<(Caller, OrgAccess)> {
    let info = RequestInfo::default();
    let known = auth::authenticate_and_access(&setting.house.app, made.token.expose(), Some("acme"), &info).await?;
    Ok((known.caller, known.access.unwrap()))
}

fn team(name: &str) -> NewDefinition {
    NewDefinition { token_type: "team".into(), team_name: Some(name.into()), ..organization("*") }
}

fn personal(login: &str) -> NewDefinition {
    NewDefinition { token_type: "personal".into(), user_login: Some(login.into()), ..organization("*") }
}

#[tokio::test]
async fn an_organization_token() {
    let setting = Setting::with_policy(Signer::rsa(KeySize::Rsa2048)).await;
    let made = get(&setting, "organization", "").await.unwrap();
    assert_eq!((made.expires_in, made.scope.as_str()), (7200, ""));
    assert_eq!(made.issued_token_type, "urn:pulumi:token-type:access_token:organization");
    let (caller, access) = who(&setting, &made).await.unwrap();
    assert_eq!((caller.token_kind, access.role), (TokenKind::Organization, BuiltinRole::Member));
    assert!(
        caller.token_name.starts_with("oidc-ci-of-acme-") && caller.token_name.len() <= 40,
        "{}",
        caller.token_name
    );
    let said = setting.said("organization-token-created-for-oidc-issuer").await;
    let subject = "repo:acme/app:ref:refs/heads/main";
    let name = &caller.token_name;
    let expected =
        format!("Created token \"{name}\" (organization token) for subject \"{subject}\" of OIDC issuer \"{URL}\"");
    assert_eq!(said, [expected]);
    setting.house.clock.advance(7200);
    assert_eq!(who(&setting, &made).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn admin_rights_need_both_the_scope_and_the_policy() {
    let setting = Setting::with_policy(Signer::ec()).await;
    assert_eq!(get(&setting, "organization", "admin").await.unwrap_err().kind(), ErrorKind::Invalid);
    setting.allow(vec![NewDefinition { permissions: vec!["admin".into()], ..organization("*") }]).await;
    for (scope, role) in [("", BuiltinRole::Member), ("admin", BuiltinRole::Admin)] {
        let made = get(&setting, "organization", scope).await.unwrap();
        assert_eq!(who(&setting, &made).await.unwrap().1.role, role, "{scope}");
    }
}

#[tokio::test]
async fn a_role_a_team_and_a_person() {
    let setting = Setting::new(Signer::ec()).await;
    let role = setting.house.role("auditor", &["audit_logs:read"]).await;
    setting.house.member("alice", BuiltinRole::Member, None).await;
    setting.house.team("ops", "alice", false, Some(role)).await;
    let with_role = NewDefinition { role_id: Some(role.to_string()), ..organization("*") };
    setting.allow(vec![with_role, team("ops"), personal("ALICE")]).await;
    let read = pileus_model::authz::Permission::parse("audit_logs:read").unwrap();
    let here = pileus_model::authz::Object::ORGANIZATION;
    for (kind, scope) in [("organization", ""), ("team", "team:ops")] {
        let (_, access) = who(&setting, &get(&setting, kind, scope).await.unwrap()).await.unwrap();
        assert!(access.policy.allows(read, &here), "{kind}");
    }
    let (caller, access) = who(&setting, &get(&setting, "personal", "user:alice").await.unwrap()).await.unwrap();
    assert!(matches!(&caller.principal, Principal::User(user) if user.login == "alice"));
    assert_eq!((access.role, caller.only_org), (BuiltinRole::Member, Some(access.org.id)));
    for (kind, scope) in
        [("team", "team:dev"), ("team", "team:OPS"), ("personal", "user:root"), ("organization", "admin")]
    {
        assert_eq!(get(&setting, kind, scope).await.unwrap_err().kind(), ErrorKind::Invalid, "{kind} {scope}");
    }
    assert_eq!(setting.said("team-token-created-for-oidc-issuer").await.len(), 1);
    assert_eq!(setting.said("personal-token-created-for-oidc-issuer").await.len(), 1);
    let id = setting.house.id("alice").await;
    let org = setting.house.org("acme").await;
    setting.house.write(move |tx| pileus_store::members::remove(tx, org, id).unwrap()).await;
    let gone = get(&setting, "personal", "user:alice").await.unwrap_err();
    assert!(gone.message().ends_with("the user does not exist any more"), "{gone}");
}

#[tokio::test]
async fn lives_are_limited() {
    let setting = Setting::with_policy(Signer::ec()).await;
    let life = async |expiration| {
        let request = ExchangeRequest { expiration, ..wanted(&setting, "organization", "") };
        exchange(&stranger(&setting.house), request).await.unwrap().expires_in
    };
    assert_eq!(life(None).await, 7200);
    assert_eq!(life(Some(60)).await, 60);
    assert_eq!(life(Some(1_000_000)).await, 86_400);
    let change = IssuerChange { name: Some("CI".into()), jwks: None, thumbprints: None, max_expiration: Some(600) };
    update(&setting.house.root_cx().await, &setting.issuer.id.to_string(), change).await.unwrap();
    assert_eq!(life(None).await, 600);
    assert_eq!(life(Some(60)).await, 60);
    assert_eq!(life(Some(3600)).await, 600);
}

#[tokio::test]
async fn tokens_go_with_their_issuer() {
    let setting = Setting::with_policy(Signer::ec()).await;
    let made = get(&setting, "organization", "").await.unwrap();
    assert!(who(&setting, &made).await.is_ok());
    let id = setting.issuer.id.to_string();
    delete(&setting.house.root_cx().await, &id).await.unwrap();
    assert_eq!(who(&setting, &made).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert_eq!(get(&setting, "organization", "").await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    let cx = setting.house.root_cx().await;
    assert_eq!(policy(&cx, &id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(delete(&cx, &id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let said = setting.said("oidc-issuer-deleted").await;
    assert_eq!(said, [format!("Deleted OIDC issuer \"{URL}\" and revoked 1 access tokens made for it")]);
}

#[tokio::test]
async fn published_keys_are_remembered_and_asked_for_anew_within_bounds() {
    let (server, house, old, new) = (Server::start(), reaching().await, Signer::ec(), Signer::ec());
    server.publish(&[old.jwk("k1")]);
    let cx = house.root_cx().await;
    let issuer = register(&cx, new_issuer(&server.url, None)).await.unwrap();
    let rules = policy(&cx, &issuer.id.to_string()).await.unwrap();
    update_policy(&cx, &rules.id.to_string(), vec![organization("repo:*")]).await.unwrap();
    let now = house.app.clock.now().as_seconds();
    let claims = json!({"iss": server.url, "sub": "repo:x", "aud": AUDIENCE, "exp": now + 86_400});
    let login = async |token: String| exchange(&stranger(&house), request(token)).await.map(|_| ());
    let asked = server.asked();
    for _ in 0..3 {
        login(old.token("k1", &claims)).await.unwrap();
    }
    assert_eq!(server.asked(), asked + 2, "the document and the keys, once");

    server.publish(&[old.jwk("k1"), new.jwk("k2")]);
    for _ in 0..3 {
        assert!(login(new.token("k2", &claims)).await.is_err(), "asked a moment ago");
    }
    assert_eq!(server.asked(), asked + 2);
    house.clock.advance(30);
    for _ in 0..3 {
        login(new.token("k2", &claims)).await.unwrap();
    }
    assert_eq!(server.asked(), asked + 4);

    // A key that is withdrawn is good for ten more minutes at most.
    server.publish(&[new.jwk("k2")]);
    login(old.token("k1", &claims)).await.unwrap();
    house.clock.advance(600);
    assert!(login(old.token("k1", &claims)).await.is_err());

    // An issuer that is away: no token, and it is not asked each time.
    server.answer("/keys", json!({}));
    house.clock.advance(600);
    let asked = server.asked();
    for _ in 0..3 {
        assert_eq!(login(new.token("k2", &claims)).await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    assert_eq!(server.asked(), asked + 2);
    server.publish(&[new.jwk("k2")]);
    house.clock.advance(10);
    login(new.token("k2", &claims)).await.unwrap();
}
