//! Issuers and policies: what may be registered and who may.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::{Server, Setting, Signer, URL, new_issuer, organization, reaching};
use crate::{
    Cx,
    oidc::{
        IssuerChange, NewDefinition, NewIssuer, get, list, policy, regenerate_thumbprints, register, update,
        update_policy,
    },
    testing::House,
};
use aws_lc_rs::rsa::KeySize;
use pileus_model::{ErrorKind, Result, caller::BuiltinRole};
use serde_json::{Value, json};

fn keys() -> Value {
    json!({"keys": [Signer::ec().jwk("k1")]})
}

fn named(name: &str) -> IssuerChange {
    IssuerChange { name: Some(name.into()), jwks: None, thumbprints: None, max_expiration: None }
}

#[tokio::test]
async fn what_may_be_registered() {
    let house = House::new().await;
    let cx = house.root_cx().await;
    let good = || new_issuer(URL, Some(keys()));
    let table: Vec<(NewIssuer, &str)> = vec![
        (NewIssuer { name: String::new(), ..good() }, "name must not be empty"),
        (NewIssuer { name: "x".repeat(101), ..good() }, "name "),
        (NewIssuer { max_expiration: Some(0), ..good() }, "maxExpiration must be"),
        (NewIssuer { max_expiration: Some(86_401), ..good() }, "maxExpiration must be"),
        (NewIssuer { thumbprints: Some(vec!["abc".into()]), ..good() }, "thumbprint \"abc\""),
        (NewIssuer { url: "ci.example".into(), ..good() }, "url is not a URL"),
        (
            NewIssuer { url: "http://ci.example".into(), ..good() },
            "url: connections to ci.example are refused: plain http",
        ),
        (NewIssuer { url: "https://ci.example/?a".into(), ..good() }, "url must have no query"),
        (NewIssuer { url: "https://ci.example/#a".into(), ..good() }, "url must have no query"),
        (NewIssuer { url: "https://u:p@ci.example".into(), ..good() }, "url: the URL cannot be used"),
        (NewIssuer { url: "ftp://ci.example".into(), ..good() }, "url: the URL cannot be used"),
        (NewIssuer { jwks: Some(json!({})), ..good() }, "the key set must be"),
        (NewIssuer { jwks: Some(json!({"keys": []})), ..good() }, "the key set holds no key"),
        (
            NewIssuer { jwks: Some(json!({"keys": [{"kty": "oct", "k": "AAAA"}]})), ..good() },
            "the key set holds no key",
        ),
        (
            NewIssuer { jwks: Some(json!({"keys": [Signer::ec().jwk("a"), {"kty": "oct", "k": "AAAA"}]})), ..good() },
            "jwks must hold public keys only",
        ),
        (
            NewIssuer { jwks: None, url: "https://127.0.0.1".into(), ..good() },
            "url: connections to 127.0.0.1 are refused",
        ),
        (
            NewIssuer { jwks: None, url: "https://0x7f.1/x".into(), ..good() },
            "url: connections to 127.0.0.1 are refused",
        ),
    ];
    for (new, why) in table {
        let error = register(&cx, new).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.message().starts_with(why), "{error}");
    }
    let made = register(&cx, good()).await.unwrap();
    assert_eq!(register(&cx, good()).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(list(&cx).await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(get(&cx, &made.id.to_string()).await.unwrap(), made);
    assert_eq!(get(&cx, "x").await.unwrap_err().kind(), ErrorKind::NotFound);
    let rules = policy(&cx, &made.id.to_string()).await.unwrap();
    assert_eq!((rules.version, rules.policies.len()), (1, 0));
    assert_eq!(house.said("acme", "oidc-issuer-registered").await, [format!("Registered OIDC issuer \"{URL}\"")]);
}

#[tokio::test]
async fn small_keys_and_keys_for_other_purposes_do_not_count() {
    let house = House::new().await;
    let cx = house.root_cx().await;
    let with = |change: Value| {
        let mut key = Signer::ec().jwk("k");
        for (name, value) in change.as_object().unwrap() {
            key[name] = value.clone();
        }
        json!({ "keys": [key] })
    };
    let short = json!({"keys": [{"kty": "RSA", "n": super::b64([0xff; 128]), "e": "AQAB"}]});
    for set in [with(json!({"use": "enc"})), with(json!({"alg": "ES384"})), with(json!({"crv": "P-384"})), short] {
        assert_eq!(register(&cx, new_issuer(URL, Some(set))).await.unwrap_err().kind(), ErrorKind::Invalid);
    }
    let large = json!({"keys": [Signer::rsa(KeySize::Rsa2048).jwk("k")]});
    assert!(register(&cx, new_issuer(URL, Some(large))).await.is_ok());
}

#[tokio::test]
async fn keys_are_fetched_when_an_issuer_is_registered() {
    let (server, house) = (Server::start(), reaching().await);
    let cx = house.root_cx().await;
    let tried = async || register(&cx, new_issuer(&server.url, None)).await;
    let document = "/.well-known/openid-configuration";
    let failure = async |why: &str| {
        let error = tried().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains(why), "{error}");
    };
    failure("it answered 404").await;
    server.answer(document, json!({"jwks_uri": server.url}));
    failure("names no issuer").await;
    server.answer(document, json!({"issuer": "https://other.example", "jwks_uri": server.url}));
    failure("is about another issuer: \"https://other.example\"").await;
    server.answer(document, json!({"issuer": server.url}));
    failure("has no jwks_uri").await;
    server.answer(document, json!({"issuer": server.url, "jwks_uri": "https://169.254.169.254/keys"}));
    failure("connections to 169.254.169.254 are refused").await;
    server.publish(&[]);
    failure("holds no key").await;
    server.publish(&[Signer::ec().jwk("k1")]);
    let made = tried().await.unwrap();
    assert_eq!((made.jwks, made.thumbprints.len()), (None, 0), "plain http has no certificates");
    let pinned =
        NewIssuer { thumbprints: Some(vec!["AA:".repeat(20).trim_end_matches(':').into()]), ..new_issuer(URL, None) };
    let slash = NewIssuer { url: format!("{}/", server.url), ..pinned };
    server.answer(document, json!({"issuer": slash.url, "jwks_uri": format!("{}/keys", server.url)}));
    let error = register(&cx, slash).await.unwrap_err();
    assert!(error.message().starts_with("none of the thumbprints"), "{error}");
    let id = made.id.to_string();
    server.publish(&[Signer::ec().jwk("k1")]);
    assert!(regenerate_thumbprints(&cx, &id).await.is_ok());
    assert_eq!(house.said("acme", "oidc-issuer-updated").await.len(), 1);
}

#[tokio::test]
async fn changes() {
    let setting = Setting::new(Signer::ec()).await;
    let cx = setting.house.root_cx().await;
    let id = setting.issuer.id.to_string();
    let nameless = IssuerChange { name: None, ..named("") };
    assert_eq!(update(&cx, &id, nameless).await.unwrap_err().message(), "name is required");
    let changed = update(&cx, &id, IssuerChange { max_expiration: Some(60), ..named("new") }).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.max_expiration, &changed.url), ("new", Some(60), &setting.issuer.url));
    let kept = update(&cx, &id, named("newer")).await.unwrap();
    assert_eq!((kept.max_expiration, &kept.jwks), (Some(60), &setting.issuer.jwks));
    assert_eq!(get(&cx, &id).await.unwrap(), kept);
    assert_eq!(regenerate_thumbprints(&cx, &id).await.unwrap_err().kind(), ErrorKind::Invalid);
    let other = "00000000-0000-7000-8000-000000000000";
    assert_eq!(update(&cx, other, named("x")).await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn write(setting: &Setting, cx: &Cx, policies: Vec<NewDefinition>) -> Result<i64> {
    let rules = policy(&setting.house.root_cx().await, &setting.issuer.id.to_string()).await?;
    update_policy(cx, &rules.id.to_string(), policies).await.map(|p| p.version)
}

#[tokio::test]
async fn what_a_policy_may_say() {
    let setting = Setting::new(Signer::ec()).await;
    setting.house.member("alice", BuiltinRole::Member, None).await;
    setting.house.user("bob").await;
    setting.house.team("ops", "alice", false, None).await;
    let cx = setting.house.root_cx().await;
    let base = || organization("*");
    let some = |text: &str| Some(text.to_owned());
    let table = [
        (NewDefinition { decision: "maybe".into(), ..base() }, "decision must be"),
        (NewDefinition { token_type: "user".into(), ..base() }, "tokenType must be"),
        (NewDefinition { token_type: "runner".into(), ..base() }, "tokenType \"runner\" is not served"),
        (NewDefinition { token_type: "team".into(), ..base() }, "teamName is required"),
        (NewDefinition { team_name: some("ops"), ..base() }, "teamName is required"),
        (NewDefinition { token_type: "team".into(), team_name: some("dev"), ..base() }, "there is no team \"dev\""),
        (NewDefinition { token_type: "personal".into(), ..base() }, "userLogin is required"),
        (
            NewDefinition { token_type: "personal".into(), user_login: some("bob"), ..base() },
            "the organization has no member",
        ),
        (NewDefinition { role_id: some("x"), ..base() }, "there is no role \"x\""),
        (NewDefinition { permissions: vec!["root".into()], ..base() }, "authorizedPermissions may hold"),
        (
            NewDefinition {
                token_type: "team".into(),
                team_name: some("ops"),
                permissions: vec!["admin".into()],
                ..base()
            },
            "authorizedPermissions may hold",
        ),
        (NewDefinition { rules: [].into(), ..base() }, "rules must not be empty"),
        (NewDefinition { rules: [("sub".into(), json!("*"))].into(), ..base() }, "rules must hold \"aud\""),
        (NewDefinition { rules: [("aud".into(), json!("*"))].into(), ..base() }, "rules.aud must name"),
        (NewDefinition { rules: [("aud".into(), json!(["x", "**"]))].into(), ..base() }, "rules.aud must name"),
        (NewDefinition { rules: [("aud".into(), json!(""))].into(), ..base() }, "rules.aud must be"),
        (NewDefinition { rules: [("aud".into(), json!([]))].into(), ..base() }, "rules.aud must be"),
    ];
    for (definition, why) in table {
        let error = write(&setting, &cx, vec![base(), definition]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().starts_with(&format!("policies[1]: {why}")), "{error}");
    }
    assert_eq!(write(&setting, &cx, Vec::new()).await.unwrap_err().message(), "policies must not be empty");
    assert_eq!(write(&setting, &cx, vec![base()]).await.unwrap(), 2);
    let said = setting.said("authorization-policy-updated").await;
    assert_eq!(said, [format!("Updated the authorization policy of OIDC issuer \"{URL}\" to version 2")]);
}

#[tokio::test]
async fn nobody_gives_by_a_policy_what_he_does_not_have() {
    let setting = Setting::new(Signer::ec()).await;
    let role = setting.house.role("gatekeeper", &["auth_policies:update", "oidc_issuers:update"]).await;
    let keeper = setting.house.member("keeper", BuiltinRole::Member, Some(role)).await;
    let cx = setting.house.cx(&keeper, Some("acme")).await;
    let person = |login: &str| NewDefinition {
        token_type: "personal".into(),
        user_login: Some(login.into()),
        ..organization("*")
    };
    let admin = NewDefinition { permissions: vec!["admin".into()], ..organization("*") };
    for more in [admin.clone(), person("root"), organization("*")] {
        let error = write(&setting, &cx, vec![more]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    }
    let own = NewDefinition { role_id: Some(role.to_string()), ..organization("*") };
    assert!(write(&setting, &cx, vec![own, person("keeper")]).await.is_ok());

    // Nor by keys of his own for a policy that somebody else wrote.
    write(&setting, &setting.house.root_cx().await, vec![admin]).await.unwrap();
    let id = setting.issuer.id.to_string();
    let own_keys = IssuerChange { jwks: Some(keys()), ..named("mine") };
    assert_eq!(update(&cx, &id, own_keys).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert!(update(&cx, &id, named("a better name")).await.is_ok());
}
