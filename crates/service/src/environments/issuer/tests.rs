//! Tokens that others can verify, and keys that come and go in good time.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::{
    keys::{AHEAD, PERIOD},
    *,
};
use crate::{environments::providers::Place, testing::House};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use pileus_model::ids::EnvironmentId;

fn place(current: &str) -> Place {
    Place { current: current.into(), root: "web/root".into(), current_id: None, root_id: None }
}

fn attributes(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What a token says, if a key that is shown now has signed it.
async fn verified(house: &House, issuer: Issuer, token: &str, audience: &str) -> Option<Value> {
    let keys = public_keys(&house.app, issuer).await.unwrap();
    let kid = decode_header(token).unwrap().kid.unwrap();
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid.as_str())?;
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    let key = DecodingKey::from_rsa_components(&text("n"), &text("e")).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[audience]);
    validation.validate_exp = false;
    decode::<Value>(token, &key, &validation).ok().map(|said| said.claims)
}

#[tokio::test]
async fn tokens_verify_with_the_public_keys() {
    let house = House::new().await;
    let who = Who::caller(&house.root_cx().await).unwrap();
    let claims = Claims::vendor(&who, &place("web/prod"), "aws", &[]).unwrap();
    let token = issue(&who, &claims, 3600).await.unwrap();
    let said = verified(&house, Issuer::V1, &token, "aws:acme").await.unwrap();
    assert_eq!(said["iss"], "http://127.0.0.1:8080/oidc");
    assert_eq!(said["sub"], "pulumi:environments:org:acme:env:web/prod");
    assert_eq!([&said["current_env"], &said["root_env"], &said["trigger_user"]], ["web/prod", "web/root", "root"]);
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 3600);
    assert!(verified(&house, Issuer::V2, &token, "aws:acme").await.is_none(), "the issuers share a key");
    let said = house.said("acme", "environment-oidc-token-issued").await;
    assert_eq!(
        said,
        [
            "Issued an identity token for environment \"web/prod\": subject \"pulumi:environments:org:acme:env:web/prod\", \
          audience \"aws:acme\", good for 3600 s"
        ]
    );
}

#[tokio::test]
async fn tokens_for_an_audience_of_ones_own() {
    let house = House::new().await;
    let who = Who::caller(&house.root_cx().await).unwrap();
    assert!(Claims::custom(&who, &place("<yaml>"), "x").is_none());
    let id = EnvironmentId::new(&*house.app.clock, &*house.app.entropy);
    let stored = Place { current_id: Some(id), ..place("web/prod") };
    let claims = Claims::custom(&who, &stored, "https://registry.example").unwrap();
    let token = issue(&who, &claims, 60).await.unwrap();
    let said = verified(&house, Issuer::V2, &token, "https://registry.example").await.unwrap();
    assert_eq!(said["iss"], "http://127.0.0.1:8080/oidc/v2");
    assert_eq!(said["sub"], format!("pulumi:org:{}:env:{id}", who.org.id));
    assert_eq!(said["https://pulumi.com/current_env_id"], id.to_string());
    assert_eq!(said["https://pulumi.com/actor"], "root");
    assert!(said.get("https://pulumi.com/root_env_id").is_none());
    let listed = configuration(&house.app, Issuer::V2)["claims_supported"].clone();
    let listed: Vec<&str> = listed.as_array().unwrap().iter().map(|claim| claim.as_str().unwrap()).collect();
    assert!(said.as_object().unwrap().keys().all(|claim| listed.contains(&claim.as_str())), "{said} {listed:?}");
}

#[tokio::test]
async fn subjects_and_audiences() {
    let house = House::new().await;
    let who = Who::caller(&house.root_cx().await).unwrap();
    let of = |current: &str, names: &[&str]| {
        let claims = Claims::vendor(&who, &place(current), "aws", &attributes(names))?;
        Ok::<_, pileus_model::Error>((claims.of("sub").to_owned(), claims.of("aud").to_owned()))
    };
    let plain = |sub: &str, aud: &str| (sub.to_owned(), aud.to_owned());
    assert_eq!(of("default/prod", &[]).unwrap(), plain("pulumi:environments:org:acme:env:prod", "acme"));
    assert_eq!(of("<yaml>", &[]).unwrap(), plain("pulumi:environments:org:acme:env:<yaml>", "aws:acme"));
    let names = ["currentEnvironment.name", "rootEnvironment.name", "pulumi.user.login", "pulumi.token.type"];
    assert_eq!(
        of("web/prod", &names).unwrap().0,
        "pulumi:environments:pulumi.organization.login:acme:currentEnvironment.name:web/prod:\
         rootEnvironment.name:web/root:pulumi.user.login:root:pulumi.token.type:personal"
    );
    let turned = of("default/prod", &["pulumi.organization.login", "currentEnvironment.name"]).unwrap().0;
    assert!(turned.ends_with(":pulumi.organization.login:acme:currentEnvironment.name:prod"), "{turned}");
    assert!(of("web/prod", &["password"]).is_err());
}

/// A key is shown before it signs, signs while the one before is still shown, and goes when its last token has expired.
#[tokio::test]
async fn keys_come_and_go_in_good_time() {
    let house = House::new().await;
    let app = &house.app;
    let who = Who::caller(&house.root_cx().await).unwrap();
    let claims = Claims::vendor(&who, &place("web/prod"), "aws", &[]).unwrap();
    let ids = async || {
        let keys = public_keys(app, Issuer::V1).await.unwrap();
        keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let kid = |token: &str| decode_header(token).unwrap().kid.unwrap();
    let now = || app.clock.now().as_seconds();
    // To the middle of a period, where nothing is about to change.
    house.clock.advance(PERIOD - now().rem_euclid(PERIOD) + PERIOD / 2);
    let first = kid(&issue(&who, &claims, LONGEST).await.unwrap());
    assert_eq!(ids().await, std::slice::from_ref(&first));
    house.clock.advance(PERIOD / 2 - AHEAD);
    keep(app).await.unwrap();
    let shown = ids().await;
    assert_eq!(shown.len(), 2, "the next key is not shown ahead");
    assert_eq!(kid(&issue(&who, &claims, LONGEST).await.unwrap()), first, "it signs too early");
    house.clock.advance(AHEAD - 1);
    let last = issue(&who, &claims, LONGEST).await.unwrap();
    assert_eq!(kid(&last), first);
    house.clock.advance(1);
    let second = kid(&issue(&who, &claims, LONGEST).await.unwrap());
    assert!(second != first && shown.contains(&second));
    house.clock.advance(LONGEST);
    assert!(verified(&house, Issuer::V1, &last, "aws:acme").await.is_some(), "its last token cannot be verified");
    house.clock.advance(LONGEST);
    assert_eq!(ids().await, [second]);
}

/// Two nodes that make the key of a period at the same time: the database keeps one, and both sign with it.
#[tokio::test]
async fn nodes_agree_on_a_key() {
    let house = House::new().await;
    let who = Who::caller(&house.root_cx().await).unwrap();
    let ends = keys::end_of_period(house.app.clock.now());
    let made = futures_util::future::join_all((0..3).map(|_| keys::make(&house.app, Issuer::V1, ends))).await;
    let made: Vec<String> = made.into_iter().map(|keys| keys.unwrap().remove(0).id).collect();
    assert!(made.iter().all(|id| *id == made[0]), "{made:?}");
    let claims = Claims::vendor(&who, &place("web/prod"), "aws", &[]).unwrap();
    let tokens = futures_util::future::join_all((0..8).map(|_| issue(&who, &claims, LONGEST))).await;
    for token in tokens {
        let token = token.unwrap();
        assert_eq!(decode_header(&token).unwrap().kid.unwrap(), made[0]);
        assert!(verified(&house, Issuer::V1, &token, "aws:acme").await.is_some());
    }
}

#[tokio::test]
async fn without_use_there_are_no_keys() {
    let house = House::new().await;
    keep(&house.app).await.unwrap();
    assert!(keys::shown(&house.app, Issuer::V1).await.unwrap().is_empty());
}
