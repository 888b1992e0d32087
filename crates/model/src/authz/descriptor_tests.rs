//! What role descriptors compile to, and which are refused where.

use super::{Condition, Expression, Object, ObjectKind, Permission, Policy, descriptor, parse_descriptor};
use serde_json::{Value, json};

const READ: Permission = Permission::named("environment:read");
const OPEN: Permission = Permission::named("environment:open");

fn allow(names: &[&str]) -> Value {
    json!({"__type": "PermissionDescriptorAllow", "permissions": names})
}

fn is_environment(identity: &str) -> Value {
    json!({"__type": "PermissionExpressionEqual",
        "left": {"__type": "PermissionExpressionEnvironment"},
        "right": {"__type": "PermissionLiteralExpressionEnvironment", "identity": identity}})
}

/// The message of a refused descriptor; empty if it was accepted.
fn refusal(json: &Value) -> String {
    match parse_descriptor(json) {
        Ok(_) => String::new(),
        Err(error) => {
            assert_eq!(error.kind(), crate::ErrorKind::Invalid);
            error.message().to_owned()
        }
    }
}

#[test]
fn allow_and_group() -> crate::Result<()> {
    let group = json!({"__type": "PermissionDescriptorGroup",
        "entries": [allow(&["environment:read"]), allow(&["environment:open", "team:read"]), allow(&[])]});
    assert_eq!(
        parse_descriptor(&group)?,
        Policy::Group(vec![
            Policy::Allow(vec![READ]),
            Policy::Allow(vec![OPEN, Permission::named("team:read")]),
            Policy::Allow(vec![]),
        ])
    );
    Ok(())
}

#[test]
fn empty_constraints_are_none() {
    for constraints in [json!(null), json!({}), json!({"MaxOpenDuration": 0})] {
        let mut descriptor = allow(&["environment:open"]);
        descriptor["constraints"] = constraints;
        assert_eq!(refusal(&descriptor), "");
    }
}

#[test]
fn a_condition_is_an_if_without_else() -> crate::Result<()> {
    let json = json!({"__type": "PermissionDescriptorCondition",
        "condition": is_environment("app/prod"), "subNode": allow(&["environment:open"])});
    assert_eq!(parse_descriptor(&json)?, Policy::on(ObjectKind::Environment, "app/prod", vec![OPEN]));
    Ok(())
}

#[test]
fn if_then_else_with_all_operators() -> crate::Result<()> {
    let tagged = json!({"__type": "PermissionExpressionEqual",
        "left": {"__type": "PermissionExpressionTag", "key": "tier",
            "context": {"__type": "PermissionExpressionEnvironment"}},
        "right": {"__type": "PermissionLiteralExpressionString", "value": "prod"}});
    let json = json!({"__type": "PermissionDescriptorIfThenElse",
        "condition": {"__type": "PermissionExpressionAnd",
            "left": {"__type": "PermissionExpressionOr", "left": is_environment("a/b"), "right": is_environment("a/c")},
            "right": {"__type": "PermissionExpressionNot", "node": tagged}},
        "subNodeForTrue": allow(&["environment:open"]),
        "subNodeForFalse": allow(&["environment:read"])});
    let policy = parse_descriptor(&json)?;
    let tags = [("tier".to_owned(), "prod".to_owned())];
    let plain = Object { kind: ObjectKind::Environment, identity: "a/b", tags: &[] };
    let prod = Object { kind: ObjectKind::Environment, identity: "a/b", tags: &tags };
    let other = Object { kind: ObjectKind::Environment, identity: "a/d", tags: &[] };
    assert!(policy.allows(OPEN, &plain) && !policy.allows(READ, &plain));
    assert!(policy.allows(READ, &prod) && !policy.allows(OPEN, &prod));
    assert!(policy.allows(READ, &other) && !policy.allows(OPEN, &other));
    assert!(!policy.allows(READ, &Object::ORGANIZATION));
    Ok(())
}

#[test]
fn all_kinds_of_object() -> crate::Result<()> {
    for (name, kind) in [
        ("Environment", ObjectKind::Environment),
        ("Stack", ObjectKind::Stack),
        ("InsightsAccount", ObjectKind::Account),
        ("Team", ObjectKind::Team),
    ] {
        let json = json!({"__type": "PermissionDescriptorCondition", "subNode": allow(&[]), "condition": {
            "__type": "PermissionExpressionEqual",
            "left": {"__type": format!("PermissionLiteralExpression{name}"), "identity": "x"},
            "right": {"__type": format!("PermissionExpression{name}")}}});
        let condition = Condition::Equal(Expression::Identity(kind, "x".to_owned()), Expression::Context(kind));
        assert!(matches!(parse_descriptor(&json)?, Policy::If { condition: c, .. } if c == condition));
    }
    Ok(())
}

#[test]
fn refusals_name_the_place() {
    let group = |entry: Value| json!({"__type": "PermissionDescriptorGroup", "entries": [allow(&[]), entry]});
    let when = |condition: Value| json!({"__type": "PermissionDescriptorCondition", "subNode": allow(&[]), "condition": condition});
    let equal =
        |left: Value, right: Value| when(json!({"__type": "PermissionExpressionEqual", "left": left, "right": right}));
    let text = json!({"__type": "PermissionLiteralExpressionString", "value": "x"});
    let mut limited = allow(&[]);
    limited["constraints"] = json!({"MaxOpenDuration": 60});
    for (json, start) in [
        (json!([]), "$: must be an object"),
        (json!({}), "$: \"__type\" is missing"),
        (json!({"__type": 1}), "$.__type: must be a string"),
        (json!({"__type": "PermissionDescriptorGroup"}), "$: \"entries\" is missing"),
        (json!({"__type": "PermissionDescriptorGroup", "entries": {}}), "$.entries: must be a list"),
        (group(allow(&["team:read", "team:fly"])), "$.entries[1].permissions[1]: \"team:fly\" is not a permission"),
        (group(allow(&[""])), "$.entries[1].permissions[0]: \"\" is not a permission"),
        (group(limited), "$.entries[1].constraints: constraints are not supported"),
        (json!({"__type": "PermissionDescriptorAllow", "permissions": [7]}), "$.permissions[0]: must be a string"),
        (
            json!({"__type": "PermissionDescriptorCompose", "permissionDescriptors": []}),
            "$.__type: \"PermissionDescriptorCompose\" is not supported here; allowed are PermissionDescriptorAllow",
        ),
        (json!({"__type": "PermissionDescriptorSelect"}), "$.__type: \"PermissionDescriptorSelect\" is not supported"),
        (
            when(json!({"__type": "PermissionExpressionHasTag"})),
            "$.condition.__type: \"PermissionExpressionHasTag\" is not",
        ),
        (when(json!({"__type": "PermissionLiteralExpressionBool", "value": true})), "$.condition.__type: "),
        (
            equal(json!({"__type": "PermissionLiteralExpressionNumber", "value": 1}), text.clone()),
            "$.condition.left.__type: \"PermissionLiteralExpressionNumber\" is not supported",
        ),
        (
            equal(json!({"__type": "PermissionExpressionTag", "key": "k", "context": text}), text.clone()),
            "$.condition.left.context.__type: ",
        ),
        (
            equal(
                json!({"__type": "PermissionExpressionStack"}),
                json!({"__type": "PermissionLiteralExpressionStack"}),
            ),
            "$.condition.right: \"identity\" is missing",
        ),
        (
            equal(json!({"__type": "PermissionExpressionStack"}), json!({"__type": "PermissionExpressionTeam"})),
            "$.condition: the two sides can never be the same",
        ),
        (equal(json!({"__type": "PermissionExpressionStack"}), text.clone()), "$.condition: the two sides can never"),
    ] {
        let message = refusal(&json);
        assert!(message.starts_with(start), "{message:?} does not start with {start:?}");
    }
}

#[test]
fn limits() {
    let mut deep = allow(&[]);
    for _ in 1..descriptor::MAX_DEPTH {
        deep = json!({"__type": "PermissionDescriptorGroup", "entries": [deep]});
    }
    assert_eq!(refusal(&deep), "");
    deep = json!({"__type": "PermissionDescriptorGroup", "entries": [deep]});
    assert!(refusal(&deep).ends_with("nested too deep: at most 32 levels"));

    let many = vec!["team:read"; descriptor::MAX_ENTRIES - 1];
    assert_eq!(refusal(&allow(&many)), "");
    let more = vec!["team:read"; descriptor::MAX_ENTRIES];
    assert!(refusal(&allow(&more)).contains("too many entries"));

    let mut large = allow(&[]);
    large["note"] = Value::String("x".repeat(descriptor::MAX_BYTES));
    assert!(refusal(&large).contains("too large"));
    assert!(refusal(&allow(&[&"x".repeat(513)])).contains("is too long"));
}
