//! What is redacted, and what is left alone.
#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;
use serde_json::json;

fn redacted(value: serde_json::Value) -> serde_json::Value {
    RedactionKey::new([7; 32]).redact_reported("t", "i", value).into()
}

/// Put together here, so that nothing that looks like a key stands in the file.
fn secret_access_key() -> String {
    ["wJalrXUtnFEMI", "K7MDENGbPxRfiCY", "EXAMPLEKEY99"].concat()
}

#[test]
fn names_that_hold_secrets() {
    for name in [
        "MasterUserPassword",
        "password",
        "db_password",
        "ClientSecret",
        "client-secret",
        "SecretString",
        "PrivateKey",
        "apiKey",
        "AuthToken",
        "UserData",
        "SecretAccessKey",
        "ConnectionString",
        "PreSharedKey",
    ] {
        let out = redacted(json!({ name: "hunter2" }));
        assert!(is_fingerprint(out[name].as_str().unwrap()), "{name}: {out}");
    }
}

#[test]
fn names_that_only_look_like_it() {
    let plain = json!({
        "SecretArn": "arn:aws:secretsmanager:us-east-1:1:secret:x", "PasswordPolicy": {"MinimumLength": 8}, "PasswordLastUsed": "2026",
        "KeyId": "abc", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "TokenValidityUnits": {"AccessToken": "hours"}, "KeyName": "k",
        "EnableSecret": true, "Sha": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "Arn": "arn:aws:iam::123456789012:role/service-role/SomeLongRoleNameHere123"
    });
    assert_eq!(redacted(plain.clone()), plain);
}

#[test]
fn environments() {
    let lambda = redacted(json!({"Environment": {"Variables": {"A": "1", "B": ""}, "Error": {"Message": "m"}}}));
    assert!(is_fingerprint(lambda["Environment"]["Variables"]["A"].as_str().unwrap()));
    assert_eq!(lambda["Environment"]["Variables"]["B"], "");
    assert_eq!(lambda["Environment"]["Error"]["Message"], "m");
    let ecs = redacted(json!({"containerDefinitions": [{"image": "i", "environment": [{"name": "A", "value": "1"}]}]}));
    assert_eq!(ecs["containerDefinitions"][0]["environment"][0]["name"], "A");
    assert!(is_fingerprint(ecs["containerDefinitions"][0]["environment"][0]["value"].as_str().unwrap()));
    let build = redacted(
        json!({"environment": {"type": "LINUX", "privilegedMode": true, "environmentVariables": [{"name": "A", "value": "1", "type": "PLAINTEXT"}]}}),
    );
    assert_eq!(build["environment"]["type"], "LINUX");
    assert!(is_fingerprint(build["environment"]["environmentVariables"][0]["value"].as_str().unwrap()));
    assert_eq!(build["environment"]["environmentVariables"][0]["type"], "PLAINTEXT");
}

#[test]
fn texts_that_are_secrets_wherever_they_stand() {
    let key = secret_access_key();
    let jwt = format!("eyJ{}.eyJ{}.{}", "hbGciOiJIUzI1NiJ9", "zdWIiOiIxIn0xx", "c2lnbmF0dXJlMTIz");
    let github = format!("ghp_{}", "a1".repeat(18));
    let pem = format!("-----BEGIN RSA {} KEY-----\nabc\n-----END", "PRIVATE");
    for secret in [key.as_str(), jwt.as_str(), github.as_str(), pem.as_str()] {
        let out = redacted(json!({ "Note": format!("use {secret} now") }));
        assert!(!out.to_string().contains(secret.lines().next().unwrap()), "{out}");
    }
    let out = redacted(json!({"Url": "postgres://app:hunter2@db.example:5432/x?y=1"}));
    let url = out["Url"].as_str().unwrap();
    assert!(url.starts_with("postgres://app:[redacted ") && url.ends_with("]@db.example:5432/x?y=1"), "{url}");
    let out = redacted(json!({ "Policy": format!("{{\"k\":\"{key}\",\"v\":1}}") }));
    assert!(!out.to_string().contains(&key) && out["Policy"].as_str().unwrap().ends_with("\",\"v\":1}"), "{out}");
}

#[test]
fn odd_texts_do_not_break_it() {
    for text in [
        "é".repeat(50),
        "\u{2028}".repeat(9) + "aaaaaaaaaaaaaaa",
        "a://:@".into(),
        "://@:12345678901".into(),
        "eyJ.eyJ.eyJ.eyJ".into(),
    ] {
        assert_eq!(redacted(json!({ "a": text.clone() })), json!({ "a": text }));
    }
}

#[test]
fn fingerprints_change_with_value_resource_and_key_and_nothing_else() {
    let of = |key: u8, id: &str, value: &str| {
        let mut out = Value::from(value);
        RedactionKey::new([key; 32]).of("t", id).hide(&mut out);
        out
    };
    let one = of(1, "a", "x");
    assert_eq!(one, of(1, "a", "x"));
    for other in [of(1, "a", "y"), of(1, "b", "x"), of(2, "a", "x")] {
        assert_ne!(one, other);
    }
    let mut twice = one.clone();
    RedactionKey::new([1; 32]).of("t", "a").hide(&mut twice);
    assert_eq!(one, twice);
}
