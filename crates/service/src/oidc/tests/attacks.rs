//! Tokens that must get nothing, and what strangers may learn from trying.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::{AUDIENCE, Setting, Signer, URL, b64, organization, request, stranger};
use crate::oidc::{ExchangeRequest, exchange};
use aws_lc_rs::{hmac, rsa::KeySize};
use pileus_model::{ErrorKind, audit::ActorKind};
use serde_json::{Value, json};

/// What everybody is told who has not shown a genuine token.
const UNIFORM: &str = "the identity token is not accepted: no registered issuer of the organization vouches for it";

async fn refused(setting: &Setting, request: ExchangeRequest) -> (ErrorKind, String) {
    let error = exchange(&stranger(&setting.house), request).await.unwrap_err();
    (error.kind(), error.message().to_owned())
}

fn hmac_token(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", b64(tag.as_ref()))
}

#[tokio::test]
async fn forged_tokens_get_nothing_and_learn_nothing() {
    for key in [Signer::rsa(KeySize::Rsa2048), Signer::ec()] {
        let setting = Setting::with_policy(key).await;
        let (claims, key) = (setting.claims(), &setting.key);
        let alg = key.algorithm();
        let other = if alg == "RS256" { "ES256" } else { "RS256" };
        let public = key.jwk("k1").to_string();
        let modulus = key.jwk("k1")[if alg == "RS256" { "n" } else { "x" }].as_str().unwrap().to_owned();
        let stranger_key = if alg == "RS256" { Signer::rsa(KeySize::Rsa2048) } else { Signer::ec() };
        let good = setting.token(json!({}));
        let (head, tail) = good.split_at(good.rfind('.').unwrap());
        let body = good.split('.').collect::<Vec<_>>();
        let none =
            |name: &str, signature: &str| format!("{}.{}.{signature}", b64(json!({"alg": name}).to_string()), body[1]);
        let swapped = b64(setting.claims_with(json!({"sub": "repo:acme/app:admin"})).to_string());
        let attacks = [
            ("alg none", none("none", "")),
            ("alg None", none("None", "")),
            ("alg none, signed", none("none", body[2])),
            ("no signature", format!("{head}.")),
            ("HS256 with the key", hmac_token(&json!({"alg": "HS256", "kid": "k1"}), &claims, public.as_bytes())),
            ("HS256 with the modulus", hmac_token(&json!({"alg": "HS256", "kid": "k1"}), &claims, modulus.as_bytes())),
            ("RS256 said, HMAC meant", hmac_token(&json!({"alg": alg, "kid": "k1"}), &claims, public.as_bytes())),
            ("another algorithm's name", key.token_with(&json!({"alg": other, "kid": "k1"}), &claims)),
            ("RS384", key.token_with(&json!({"alg": "RS384", "kid": "k1"}), &claims)),
            ("unknown kid", key.token("k2", &claims)),
            ("somebody else's key", stranger_key.token("k1", &claims)),
            ("somebody else's key, no kid", stranger_key.token_with(&json!({"alg": alg}), &claims)),
            (
                "somebody else's key in the header",
                stranger_key.token_with(&json!({"alg": alg, "kid": "k1", "jwk": stranger_key.jwk("k1")}), &claims),
            ),
            (
                "critical extension",
                key.token_with(&json!({"alg": alg, "kid": "k1", "crit": ["b64"], "b64": false}), &claims),
            ),
            ("claims exchanged", format!("{}.{swapped}.{}", body[0], body[2])),
            ("signature cut", format!("{head}{}", &tail[..tail.len() - 8])),
            ("another issuer", setting.token(json!({"iss": "https://evil.example"}))),
            ("the issuer with a slash", setting.token(json!({"iss": format!("{URL}/")}))),
            ("no issuer", setting.token(json!({"iss": null}))),
        ];
        for (name, token) in attacks {
            assert_eq!(
                refused(&setting, request(token)).await,
                (ErrorKind::Unauthenticated, UNIFORM.into()),
                "{alg}: {name}"
            );
        }
        assert!(exchange(&stranger(&setting.house), request(good)).await.is_ok());
    }
}

#[tokio::test]
async fn genuine_tokens_that_do_not_fit_get_nothing_and_are_told_why() {
    let setting = Setting::with_policy(Signer::ec()).await;
    let now = setting.now();
    let nothing = "the identity token gets no access token: ";
    let table = [
        (json!({"exp": now - 60}), "it has expired"),
        (json!({"exp": now - 3600}), "it has expired"),
        (json!({"exp": null}), "its claims are incomplete: exp is missing"),
        (json!({"exp": "tomorrow"}), "its claims are incomplete: a time is not a number"),
        (json!({"nbf": now + 61}), "it is not valid yet"),
        (json!({"iat": now + 3600}), "it is not valid yet"),
        (json!({"sub": null}), "its claims are incomplete: sub must be a text of 1 to 1024 bytes"),
        (json!({"sub": ["repo:acme/app:x"]}), "its claims are incomplete: sub must be a text of 1 to 1024 bytes"),
        (json!({"aud": null}), "its claims are incomplete: aud must be a text or a list of texts"),
        (json!({"aud": "urn:pulumi:org:other"}), "no policy allows it"),
        (json!({"aud": [format!("{AUDIENCE}x")]}), "no policy allows it"),
        (json!({"sub": "repo:acme/app-evil:ref:main"}), "no policy allows it"),
        (json!({"sub": "repo:acme/other:ref:main"}), "no policy allows it"),
        (json!({"sub": "xrepo:acme/app:ref:main"}), "no policy allows it"),
    ];
    for (change, why) in table {
        let expected = (ErrorKind::Invalid, format!("{nothing}{why}"));
        assert_eq!(refused(&setting, request(setting.token(change.clone()))).await, expected, "{change}");
    }
    for good in
        [json!({"exp": now - 59}), json!({"nbf": now + 60}), json!({"aud": ["other", AUDIENCE]}), json!({"nbf": null})]
    {
        assert!(exchange(&stranger(&setting.house), request(setting.token(good.clone()))).await.is_ok(), "{good}");
    }
}

#[tokio::test]
async fn strangers_get_one_answer() {
    let setting = Setting::with_policy(Signer::ec()).await;
    let elsewhere = |org: &str| ExchangeRequest {
        audience: Some(format!("urn:pulumi:org:{org}")),
        ..request(setting.token(json!({})))
    };
    let uniform = (ErrorKind::Unauthenticated, UNIFORM.to_owned());
    assert_eq!(refused(&setting, elsewhere("nobody")).await, uniform);
    assert_eq!(refused(&setting, request(Signer::ec().token("k1", &setting.claims()))).await, uniform);
    let unknown = request(setting.token(json!({"iss": "https://evil.example"})));
    assert_eq!(refused(&setting, unknown).await, uniform);
    // Only the forgery that names the registered issuer is in the log.
    assert_eq!(setting.said("oidc-issuer-validation-failed").await.len(), 1);
}

#[tokio::test]
async fn an_issuer_that_was_just_registered_grants_nothing() {
    let setting = Setting::new(Signer::ec()).await;
    let (kind, message) = refused(&setting, request(setting.token(json!({})))).await;
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(message.ends_with("no policy allows it"), "{message}");
}

#[tokio::test]
async fn a_denial_comes_before_an_allowance() {
    let setting = Setting::new(Signer::ec()).await;
    let deny = crate::oidc::NewDefinition { decision: "deny".into(), ..organization("*:pull_request") };
    setting.allow(vec![organization("repo:acme/app:*"), deny]).await;
    let (_, message) = refused(&setting, request(setting.token(json!({"sub": "repo:acme/app:pull_request"})))).await;
    assert!(message.ends_with("a policy denies it"), "{message}");
    assert!(exchange(&stranger(&setting.house), request(setting.token(json!({})))).await.is_ok());
}

#[tokio::test]
async fn refusals_are_recorded_once_a_minute_and_counted() {
    let setting = Setting::with_policy(Signer::ec()).await;
    let forged = || Signer::ec().token("k1", &setting.claims_with(json!({"sub": "=cmd()"})));
    for _ in 0..5 {
        refused(&setting, request(forged())).await;
    }
    for _ in 0..2 {
        refused(&setting, request(setting.token(json!({"sub": "repo:acme/else"})))).await;
    }
    let elsewhere = ExchangeRequest { audience: Some("urn:pulumi:org:nobody".into()), ..request(forged()) };
    refused(&setting, elsewhere).await;
    let wrong = format!("Refused a token of OIDC issuer \"{URL}\": its signature is wrong");
    let outside = format!("Refused a token of OIDC issuer \"{URL}\" for \"repo:acme/else\": no policy allows it");
    assert_eq!(setting.said("oidc-issuer-validation-failed").await, [wrong.clone(), outside.clone()]);
    setting.house.clock.advance(60);
    crate::oidc::flush(&setting.house.app, false).await;
    let mut said = setting.said("oidc-issuer-validation-failed").await.split_off(2);
    said.sort();
    assert_eq!(
        said,
        [format!("{outside} (1 more times in the same minute)"), format!("{wrong} (4 more times in the same minute)")]
    );
    let events = setting.house.events(setting.house.log_of("acme").await).await;
    let refusals: Vec<_> = events.iter().filter(|e| e.event.event.id() == "oidc-issuer-validation-failed").collect();
    assert!(refusals.iter().all(|e| e.event.actor.kind == ActorKind::OidcSubject));
    assert_eq!((&*refusals[0].event.actor.login, &*refusals[0].event.actor.name), ("oidc:", "unverified"));
    assert_eq!(refusals[1].event.actor.login, "oidc:repo:acme/else");
    assert_eq!(refusals[1].event.actor.name, "repo:acme/else");
}

#[tokio::test]
async fn malformed_requests_say_what_is_wrong() {
    let setting = Setting::with_policy(Signer::ec()).await;
    let good = || request(setting.token(json!({})));
    let some = |text: &str| Some(text.to_owned());
    let kind = |kind: &str| Some(format!("urn:pulumi:token-type:access_token:{kind}"));
    let table = [
        (ExchangeRequest { grant_type: "refresh_token".into(), ..good() }, "unsupported_grant_type"),
        (ExchangeRequest { audience: None, ..good() }, "audience is required"),
        (ExchangeRequest { audience: some("acme"), ..good() }, "audience must be"),
        (ExchangeRequest { audience: some("urn:pulumi:org:a/b"), ..good() }, "audience must be"),
        (ExchangeRequest { subject_token_type: some("x"), ..good() }, "subject_token_type must be"),
        (ExchangeRequest { subject_token: None, ..good() }, "subject_token is required"),
        (ExchangeRequest { subject_token: some("a.b"), ..good() }, "subject_token must be"),
        (ExchangeRequest { subject_token: some(&"x".repeat(20_000)), ..good() }, "subject_token must be"),
        (ExchangeRequest { requested_token_type: kind("runner"), ..good() }, "there are no deployment runners"),
        (ExchangeRequest { requested_token_type: some("x"), ..good() }, "requested_token_type must be"),
        (ExchangeRequest { scope: some("root"), ..good() }, "scope must be empty or \"admin\""),
        (ExchangeRequest { requested_token_type: kind("team"), ..good() }, "scope must be \"team:NAME\""),
        (
            ExchangeRequest { requested_token_type: kind("personal"), scope: some("user:"), ..good() },
            "scope must be \"user:",
        ),
        (ExchangeRequest { expiration: Some(0), ..good() }, "expiration must be"),
    ];
    for (request, why) in table {
        let (kind, message) = refused(&setting, request).await;
        assert_eq!(kind, ErrorKind::Invalid, "{message}");
        assert!(message.starts_with(why), "{message}");
    }
}
