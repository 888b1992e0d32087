//! Logins are unique for ever, and a site admin remains.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{organizations, testing::House};
use pileus_model::{ErrorKind, caller::BuiltinRole};

fn new(login: &str) -> NewUser {
    NewUser { login: login.into(), name: String::new(), email: String::new() }
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[tokio::test]
async fn logins_and_organisations_share_names_that_are_never_given_twice() {
    let house = House::new().await;
    let cx = house.cx(&house.root, None).await;
    let bob =
        create(&cx, NewUser { name: "Bob B.".into(), email: "bob@example.org".into(), ..new("Bob") }).await.unwrap();
    assert_eq!((bob.user.login.as_str(), bob.user.name.as_str()), ("Bob", "Bob B."));
    assert_eq!(house.said("", "user-created").await.last().unwrap(), "Created user \"Bob\"");
    for taken in ["bob", "ROOT", "Acme"] {
        assert_eq!(kind(create(&cx, new(taken)).await), ErrorKind::Conflict, "{taken}");
        let org = organizations::NewOrganization { name: taken.into(), display_name: None, admin: None };
        assert_eq!(kind(organizations::create(&cx, org).await), ErrorKind::Conflict, "{taken}");
    }
    delete(&cx, "bob").await.unwrap();
    assert_eq!(house.said("", "user-deleted").await, ["Deleted user \"Bob\""]);
    assert_eq!(kind(get(&cx, "bob").await), ErrorKind::NotFound);
    assert_eq!(kind(delete(&cx, "bob").await), ErrorKind::NotFound);
    assert_eq!(kind(create(&cx, new("bob")).await), ErrorKind::Conflict);
}

#[tokio::test]
async fn what_cannot_be_a_user() {
    let house = House::new().await;
    let cx = house.cx(&house.root, None).await;
    for login in ["", "a", "-ab", "a b c", "ä12"] {
        assert_eq!(kind(create(&cx, new(login)).await), ErrorKind::Invalid, "{login}");
    }
    for email in ["x", "@x", "x@", "a b@c"] {
        let user = NewUser { email: email.into(), ..new("bob") };
        assert_eq!(kind(create(&cx, user).await), ErrorKind::Invalid, "{email}");
    }
}

#[tokio::test]
async fn the_last_site_admin_stays() {
    let house = House::new().await;
    let cx = house.cx(&house.root, None).await;
    let disable = UserChange { disabled: Some(true), ..UserChange::default() };
    let demote = UserChange { site_admin: Some(false), ..UserChange::default() };
    assert_eq!(kind(update(&cx, "root", disable.clone()).await), ErrorKind::Conflict);
    assert_eq!(kind(update(&cx, "root", demote.clone()).await), ErrorKind::Conflict);
    assert_eq!(kind(delete(&cx, "root").await), ErrorKind::Conflict);
    create(&cx, new("ann")).await.unwrap();
    let promote = UserChange { site_admin: Some(true), ..UserChange::default() };
    assert!(update(&cx, "ann", promote).await.unwrap().user.user.site_admin);
    assert_eq!(house.said("", "user-updated").await, ["Updated user \"ann\": made site admin"]);
    update(&cx, "ann", disable).await.unwrap();
    assert_eq!(kind(update(&cx, "root", demote.clone()).await), ErrorKind::Conflict, "a disabled one does not count");
    let enable = UserChange { disabled: Some(false), ..UserChange::default() };
    update(&cx, "ann", enable).await.unwrap();
    update(&cx, "root", demote).await.unwrap();
}

#[tokio::test]
async fn the_last_admin_of_an_organisation_is_not_deleted() {
    let house = House::new().await;
    let cx = house.cx(&house.root, None).await;
    create(&cx, new("ann")).await.unwrap();
    let org = organizations::NewOrganization { name: "other".into(), display_name: None, admin: Some("ann".into()) };
    organizations::create(&cx, org).await.unwrap();
    let error = delete(&cx, "ann").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("\"other\""), "{error}");
    assert_eq!(get(&cx, "ann").await.unwrap().organizations.len(), 1, "nothing was half done");
}

#[tokio::test]
async fn what_concerns_a_user_is_recorded_in_all_his_organisations() {
    let house = House::new().await;
    house.member("bob", BuiltinRole::Member, None).await;
    let cx = house.cx(&house.root, None).await;
    let org = organizations::NewOrganization { name: "other".into(), display_name: None, admin: Some("bob".into()) };
    organizations::create(&cx, org).await.unwrap();
    let change = UserChange { disabled: Some(true), name: Some("Bob B.".into()), ..UserChange::default() };
    update(&cx, "bob", change).await.unwrap();
    for log in ["acme", "other"] {
        assert_eq!(house.said(log, "user-disabled").await, ["Disabled user \"bob\""], "{log}");
        assert_eq!(house.said(log, "user-updated").await, ["Updated user \"bob\": name"], "{log}");
    }
    assert!(house.said("", "user-disabled").await.is_empty());
    update(&cx, "bob", UserChange::default()).await.unwrap();
    assert_eq!(house.said("acme", "user-updated").await.last().unwrap(), "Updated user \"bob\": nothing is different");
}

#[tokio::test]
async fn pages_of_users() {
    let house = House::new().await;
    let cx = house.cx(&house.root, None).await;
    for login in ["dora", "Bob", "carl", "ann"] {
        create(&cx, new(login)).await.unwrap();
    }
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let (page, next) = list(&cx, token.as_deref(), Some(2)).await.unwrap();
        assert!(page.len() <= 2);
        seen.extend(page.into_iter().map(|p| (p.user.user.login, p.organizations.len())));
        token = next;
        if token.is_none() {
            break;
        }
    }
    let expected = [("ann", 0), ("Bob", 0), ("carl", 0), ("dora", 0), ("root", 1)];
    assert_eq!(seen.iter().map(|(l, n)| (l.as_str(), *n)).collect::<Vec<_>>(), expected);
    assert_eq!(kind(list(&cx, None, Some(0)).await), ErrorKind::Invalid);
    assert_eq!(kind(list(&cx, None, Some(1001)).await), ErrorKind::Invalid);
    assert_eq!(kind(list(&cx, Some("no such"), None).await), ErrorKind::Invalid);
}
