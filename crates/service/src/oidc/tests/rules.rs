//! Policies as pure rules.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::super::rules::{Decision, Definition, Patterns, Verdict, Wanted, judge};
use serde_json::{Map, Value, json};

fn claims(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn policy(decision: Decision, rules: Value) -> Definition {
    let rules = rules.as_object().unwrap();
    Definition {
        decision,
        kind: "organization".into(),
        team: None,
        user: None,
        role: None,
        permissions: Vec::new(),
        rules: rules.iter().map(|(c, v)| (c.clone(), Patterns::parse(c, v).unwrap())).collect(),
    }
}

const PLAIN: Wanted = Wanted::Organization { admin: false };

fn fits(pattern: Value, claim: Value) -> bool {
    let policies = [policy(Decision::Allow, json!({ "c": pattern }))];
    matches!(judge(&policies, &PLAIN, &claims(json!({ "c": claim }))), Verdict::Allowed(_))
}

#[test]
fn patterns() {
    for (pattern, text, expected) in [
        ("repo:acme/*", "repo:acme/x", true),
        ("repo:acme/*", "repo:acme/x:ref:refs/heads/main", true),
        ("repo:acme/*", "repo:acme/", true),
        ("repo:acme/*", "repo:acme-evil/x", false),
        ("repo:acme/*", "xrepo:acme/x", false),
        ("repo:acme/*", "repo:ACME/x", false),
        ("repo:acme/app:*:main", "repo:acme/app:ref:main", true),
        ("repo:acme/app:*:main", "repo:acme/app:ref:main2", false),
        ("repo:acme/app:*:main", "repo:acme/app:main", false),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("a*b*a", "aba", true),
        ("a*b*a", "ab", false),
        ("*b*b", "b", false),
        ("*b*b", "bb", true),
        ("*", "", true),
        ("**", "anything", true),
        ("x", "x", true),
        ("x", "xx", false),
        ("x", "", false),
        ("r.po", "repo", false),
        ("r?po", "repo", false),
        ("[a-z]", "a", false),
        ("ä*", "äö", true),
        ("x\ny", "x\ny", true),
    ] {
        assert_eq!(fits(json!(pattern), json!(text)), expected, "{pattern} {text}");
    }
}

#[test]
fn lists_and_other_values() {
    assert!(fits(json!(["a", "b*"]), json!("bc")));
    assert!(!fits(json!(["a", "b*"]), json!("c")));
    assert!(fits(json!("b"), json!(["a", "b"])));
    assert!(!fits(json!("ab"), json!(["a", "b"])));
    assert!(!fits(json!("*"), json!([])));
    assert!(fits(json!(true), json!(true)));
    assert!(fits(json!("true"), json!(true)));
    assert!(fits(json!("42"), json!(42)));
    assert!(!fits(json!("null"), Value::Null));
    assert!(!fits(json!("*"), json!({"a": 1})));
    assert!(!fits(json!("*"), json!([["a"]])));
    for bad in [json!(""), json!([]), json!([""]), json!({}), Value::Null, json!([["a"]]), json!("x".repeat(1025))] {
        assert!(Patterns::parse("c", &bad).is_err(), "{bad}");
    }
}

#[test]
fn every_rule_must_fit() {
    let policies = [policy(Decision::Allow, json!({"aud": "a", "sub": "s"}))];
    assert!(matches!(judge(&policies, &PLAIN, &claims(json!({"aud": "a", "sub": "s"}))), Verdict::Allowed(_)));
    assert_eq!(judge(&policies, &PLAIN, &claims(json!({"aud": "a"}))), Verdict::Nothing);
    assert_eq!(judge(&policies, &PLAIN, &claims(json!({"aud": "a", "sub": "t"}))), Verdict::Nothing);
    let none = Definition { rules: Default::default(), ..policy(Decision::Allow, json!({})) };
    assert_eq!(judge(&[none], &PLAIN, &claims(json!({"aud": "a"}))), Verdict::Nothing);
}

#[test]
fn a_denial_wins_wherever_it_stands() {
    let allow = policy(Decision::Allow, json!({"aud": "a"}));
    let deny = policy(Decision::Deny, json!({"aud": "*", "sub": "*:pull_request"}));
    let good = claims(json!({"aud": "a", "sub": "repo:x:main"}));
    let bad = claims(json!({"aud": "a", "sub": "repo:x:pull_request"}));
    for list in [[allow.clone(), deny.clone()], [deny, allow]] {
        assert!(matches!(judge(&list, &PLAIN, &good), Verdict::Allowed(_)));
        assert_eq!(judge(&list, &PLAIN, &bad), Verdict::Denied);
    }
}

#[test]
fn a_policy_is_about_one_kind_and_one_name() {
    let org = policy(Decision::Allow, json!({"aud": "a"}));
    let admin = Definition { permissions: vec!["admin".into()], role: None, ..org.clone() };
    let team = Definition { kind: "team".into(), team: Some("ops".into()), ..org.clone() };
    let person = Definition { kind: "personal".into(), user: Some("Alice".into()), ..org.clone() };
    let list = [org, admin, team, person];
    let claims = claims(json!({"aud": "a"}));
    let verdict = |wanted: Wanted| match judge(&list, &wanted, &claims) {
        Verdict::Allowed(found) => list.iter().position(|d| d == found),
        _ => None,
    };
    assert_eq!(verdict(PLAIN), Some(0));
    assert_eq!(verdict(Wanted::Organization { admin: true }), Some(1));
    assert_eq!(verdict(Wanted::Team("ops".into())), Some(2));
    assert_eq!(verdict(Wanted::Team("dev".into())), None);
    assert_eq!(verdict(Wanted::Personal("alice".into())), Some(3));
    assert_eq!(verdict(Wanted::Personal("bob".into())), None);
}
