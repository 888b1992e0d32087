//! What the catalogue promises: its order, its names, and that old names lead to new ones.

use super::{EventType, catalogue::*};
use std::collections::HashSet;

#[test]
fn sorted_complete_and_unique() {
    assert!(CATALOGUE.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert_eq!(CATALOGUE.iter().filter(|spec| !spec.own).count(), 169);
    let names: HashSet<&str> = CATALOGUE.iter().map(|spec| spec.display_name).collect();
    assert_eq!(names.len(), CATALOGUE.len(), "a display name is a filter too");
    for spec in CATALOGUE {
        assert!(spec.description.ends_with('.'), "{}", spec.id);
        assert_eq!(EventType::parse(spec.id).map(EventType::id), Some(spec.id));
    }
}

#[test]
fn flags_in_all() {
    let count = |flag: fn(&super::EventSpec) -> bool| CATALOGUE.iter().filter(|s| !s.own && flag(s)).count();
    assert_eq!(count(|s| s.requires_org_admin), 74);
    assert_eq!(count(|s| s.requires_stack_admin), 3);
    assert_eq!(count(|s| s.authentication_failure), 8);
    assert_eq!(count(|s| s.replaced_by.is_some()), 11);
}

#[test]
fn old_names_find_what_is_recorded_today() {
    for spec in CATALOGUE.iter().filter(|spec| spec.replaced_by.is_some()) {
        let found = EventType::find(spec.id);
        assert_eq!(found.map(EventType::id), spec.replaced_by);
        assert!(found.is_some_and(|event| event.spec().replaced_by.is_none()));
    }
}

#[test]
fn constants_and_filters_name_the_same() {
    assert_eq!(MEMBER_ROLE_CHANGED.id(), "member-role-changed");
    assert_eq!(VCS_GITHUB_INSTALLATION_LINKED.spec().display_name, "VCS GitHub Installation Linked");
    assert_eq!(EventType::find("Organization Plan Migrated"), Some(ORG_PLAN_MIGRATED));
    assert_eq!(EventType::find("AUDIT LOG READ"), Some(AUDIT_LOG_READ));
    assert_eq!(EventType::find("stack.create"), None);
}
