//! Truth tables of policies: what is allowed, what covers what, and conditions with three values.

use super::{Condition, Expression, Object, ObjectKind, Permission, Policy};

const READ: Permission = Permission::named("team:read");
const UPDATE: Permission = Permission::named("team:update");

fn team(identity: &str) -> Object<'_> {
    Object { kind: ObjectKind::Team, identity, tags: &[] }
}

/// A condition with this value for a team: `None` is one about an environment.
fn condition(value: Option<bool>) -> Condition {
    let (kind, identity) = match value {
        Some(true) => (ObjectKind::Team, "ops"),
        Some(false) => (ObjectKind::Team, "dev"),
        None => (ObjectKind::Environment, "ops"),
    };
    Condition::Equal(Expression::Context(kind), Expression::Identity(kind, identity.to_owned()))
}

const VALUES: [Option<bool>; 3] = [Some(true), Some(false), None];

#[test]
fn conditions_have_three_values() {
    let ops = team("ops");
    for a in VALUES {
        assert_eq!(condition(a).holds(&ops), a);
        assert_eq!(Condition::Not(Box::new(condition(a))).holds(&ops), a.map(|held| !held));
        for b in VALUES {
            let and = Condition::And(Box::new(condition(a)), Box::new(condition(b))).holds(&ops);
            let or = Condition::Or(Box::new(condition(a)), Box::new(condition(b))).holds(&ops);
            let (expected_and, expected_or) = match (a, b) {
                (Some(a), Some(b)) => (Some(a && b), Some(a || b)),
                (Some(false), None) | (None, Some(false)) => (Some(false), None),
                (Some(true), None) | (None, Some(true)) => (None, Some(true)),
                (None, None) => (None, None),
            };
            assert_eq!((and, or), (expected_and, expected_or), "{a:?} {b:?}");
        }
    }
}

#[test]
fn tags() {
    let tags = [("tier".to_owned(), "prod".to_owned())];
    let object = Object { kind: ObjectKind::Stack, identity: "p/s", tags: &tags };
    let tag = |key: &str| Expression::Tag(ObjectKind::Stack, key.to_owned());
    let text = |text: &str| Expression::Text(text.to_owned());
    let holds = |a, b| Condition::Equal(a, b).holds(&object);
    assert_eq!(holds(tag("tier"), text("prod")), Some(true));
    assert_eq!(holds(tag("tier"), text("dev")), Some(false));
    assert_eq!(holds(tag("owner"), text("prod")), Some(false));
    assert_eq!(holds(tag("owner"), tag("owner")), Some(false), "two absent tags are not the same");
    assert_eq!(holds(Expression::Tag(ObjectKind::Team, "tier".into()), text("prod")), None);
}

#[test]
fn neither_branch_applies_where_the_condition_says_nothing() {
    for value in VALUES {
        let policy = Policy::If {
            condition: condition(value),
            then: Box::new(Policy::Allow(vec![READ])),
            otherwise: Box::new(Policy::Allow(vec![UPDATE])),
        };
        assert_eq!(policy.allows(READ, &team("ops")), value == Some(true));
        assert_eq!(policy.allows(UPDATE, &team("ops")), value == Some(false));
    }
}

#[test]
fn what_is_allowed() {
    let here = team("ops");
    assert!(Policy::Everything.allows(READ, &here));
    assert!(!Policy::nothing().allows(READ, &here));
    assert!(!Policy::Allow(vec![UPDATE]).allows(READ, &here));
    assert!(Policy::Group(vec![Policy::nothing(), Policy::Allow(vec![READ])]).allows(READ, &here));
    let on = Policy::on(ObjectKind::Team, "ops", vec![READ]);
    assert!(on.allows(READ, &here) && !on.allows(READ, &team("Ops")) && !on.allows(READ, &Object::ORGANIZATION));
}

#[test]
fn who_may_grant_what() {
    let read = Policy::Allow(vec![READ]);
    let both = Policy::Group(vec![read.clone(), Policy::Allow(vec![UPDATE])]);
    let limited = Policy::on(ObjectKind::Team, "ops", vec![READ]);
    let nested_admin = Policy::Group(vec![Policy::Everything]);
    for (granter, granted, covers) in [
        (&Policy::Everything, &Policy::Everything, true),
        (&nested_admin, &Policy::Everything, true),
        (&both, &Policy::Everything, false),
        (&both, &read, true),
        (&read, &both, false),
        (&read, &limited, true),
        (&limited, &read, false),
        (&limited, &limited, false),
        (&read, &Policy::nothing(), true),
        (&Policy::nothing(), &read, false),
    ] {
        assert_eq!(granter.covers(granted), covers, "{granter:?} {granted:?}");
    }
}

#[test]
fn the_built_in_roles() {
    use super::scopes::{billing_manager_policy, member_policy, team_admin_policy};
    let org = &Object::ORGANIZATION;
    let can = |policy: &Policy, name: &str| Permission::parse(name).is_some_and(|p| policy.allows(p, org));
    for name in ["org_member:read", "team:list", "role:read"] {
        assert!(can(&member_policy(), name) && can(&billing_manager_policy(), name), "{name}");
    }
    for permission in Permission::all() {
        let about = permission.resource();
        if matches!(about, ObjectKind::Environment | ObjectKind::Account) {
            assert!(!member_policy().allows(permission, &Object { kind: about, ..*org }), "{permission}");
        }
    }
    for name in ["audit_logs:read", "org_member:add", "organization:billing", "stack:create", "environment:list"] {
        assert!(!can(&member_policy(), name), "{name}");
    }
    assert!(can(&billing_manager_policy(), "organization:billing"));
    assert!(billing_manager_policy().covers(&member_policy()));
    assert!(team_admin_policy("ops").allows(UPDATE, &team("ops")));
    assert!(!team_admin_policy("ops").allows(UPDATE, &team("dev")));
}

#[test]
fn teams_have_what_they_were_given_and_as_long_as_they_may() {
    use super::{
        OPEN_PREFIX, TEAM_PREFIX,
        scopes::{EnvironmentPermission, team_objects_policy},
    };
    let open = Permission::named("environment:open");
    let both = Policy::Group(vec![team_objects_policy("ops"), team_objects_policy("dev")]);
    let level = |team: &str, level: EnvironmentPermission| (format!("{TEAM_PREFIX}{team}"), level.number().to_string());
    let limit = |team: &str, seconds: i64| (format!("{OPEN_PREFIX}{team}"), seconds.to_string());
    for (tags, allowed, longest) in [
        (vec![], false, None),
        (vec![level("ops", EnvironmentPermission::Read)], false, None),
        (vec![level("ops", EnvironmentPermission::Open)], true, None),
        (vec![level("others", EnvironmentPermission::Admin)], false, None),
        (vec![level("ops", EnvironmentPermission::Open), limit("ops", 60)], true, Some(60)),
        (
            vec![
                level("ops", EnvironmentPermission::Open),
                limit("ops", 60),
                level("dev", EnvironmentPermission::Write),
                limit("dev", 90),
            ],
            true,
            Some(90),
        ),
        (
            vec![
                level("ops", EnvironmentPermission::Open),
                limit("ops", 60),
                level("dev", EnvironmentPermission::Read),
                limit("dev", 90),
            ],
            true,
            Some(60),
        ),
        (
            vec![
                level("ops", EnvironmentPermission::Open),
                limit("ops", 60),
                level("dev", EnvironmentPermission::Open),
            ],
            true,
            None,
        ),
    ] {
        let object = Object { kind: ObjectKind::Environment, identity: "p/e", tags: &tags };
        assert_eq!(both.allows(open, &object), allowed, "{tags:?}");
        assert_eq!(both.longest_open(open, &object), longest, "{tags:?}");
        assert_eq!(Policy::Everything.longest_open(open, &object), None);
    }
}
