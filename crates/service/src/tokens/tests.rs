//! What tokens promise: how long they live, what they are called, who may make them, and that lists lose none.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    Cx, auth,
    organizations::{self, SettingsChange},
    testing::House,
};
use pileus_model::{ErrorKind, audit::RequestInfo};
use std::{collections::BTreeSet, sync::Arc};

const DAY: i64 = 86_400;

fn named(name: &str) -> NewOrganizationToken {
    NewOrganizationToken { name: name.into(), ..NewOrganizationToken::default() }
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

fn filter(filter: &str) -> ListQuery {
    ListQuery { filter: Some(filter.into()), ..ListQuery::default() }
}

fn names(page: &TokenPage) -> Vec<&str> {
    page.tokens.iter().map(|token| token.row.name.as_str()).collect()
}

async fn valid(house: &House, value: &TokenValue) -> bool {
    let info = RequestInfo { operation: "Test".into(), ..RequestInfo::default() };
    auth::authenticate(&house.app, value.expose(), &info).await.is_ok()
}

#[test]
fn expiry_is_ahead_but_not_far() {
    let now = Timestamp::from_seconds(1_700_000_000).unwrap();
    assert_eq!(expiry(0, now), Ok(Timestamp::EPOCH));
    assert_eq!(expiry(1_700_000_001, now).map(Timestamp::as_seconds), Ok(1_700_000_001));
    assert!(expiry(1_700_000_000 + 730 * DAY, now).is_ok());
    for bad in [1_700_000_000, 1, -1, i64::MIN, i64::MAX, 1_700_000_000 + 732 * DAY] {
        assert_eq!(kind(expiry(bad, now)), ErrorKind::Invalid, "{bad}");
    }
}

#[tokio::test]
async fn names_are_never_given_twice() {
    let house = House::new().await;
    house.team("ops", "root", true, None).await;
    let cx = house.root_cx().await;
    let made = create_for_organization(&cx, NewOrganizationToken { reason: Some("release".into()), ..named("ci") })
        .await
        .unwrap();
    assert_eq!(kind(create_for_organization(&cx, named("ci")).await), ErrorKind::Conflict);
    delete_of_organization(&cx, &made.id.to_string()).await.unwrap();
    assert!(!valid(&house, &made.value).await);
    assert_eq!(kind(create_for_organization(&cx, named("ci")).await), ErrorKind::Conflict);
    let team = NewTeamToken { name: "ci".into(), ..NewTeamToken::default() };
    assert_eq!(kind(create_for_team(&cx, "ops", team).await), ErrorKind::Conflict);
    for bad in ["", "a\nb", &"x".repeat(41)] {
        assert_eq!(kind(create_for_organization(&cx, named(bad)).await), ErrorKind::Invalid);
    }
    create_for_organization(&cx, named(&"ü".repeat(40))).await.unwrap();
    let said = house.said("acme", "organization-token-created").await;
    assert_eq!(said[0], "Created organization token \"ci\" (reason: release)");
    assert_eq!(house.said("acme", "organization-token-deleted").await, ["Deleted organization token \"ci\""]);
}

#[tokio::test]
async fn a_token_permits_no_more_than_its_maker_may() {
    let house = House::new().await;
    let maker = house.role("Maker", &["org_token:create", "org_token:read"]).await;
    let strong = house.role("Strong", &["audit_logs:read"]).await;
    let eve = house.member("eve", BuiltinRole::Member, Some(maker)).await;
    let eve = house.cx(&eve, Some("acme")).await;
    let org = eve.org().unwrap().id;
    let with = |role: RoleId| NewOrganizationToken { role: Some(role.to_string()), ..named("x") };
    assert_eq!(
        kind(create_for_organization(&eve, NewOrganizationToken { admin: true, ..named("x") }).await),
        ErrorKind::Forbidden
    );
    for role in
        [strong, builtin::builtin_role_id(org, BuiltinRole::Admin), builtin::builtin_role_id(org, BuiltinRole::Member)]
    {
        assert_eq!(kind(create_for_organization(&eve, with(role)).await), ErrorKind::Forbidden);
    }
    let nonsense = NewOrganizationToken { role: Some("nonsense".into()), ..named("x") };
    assert_eq!(kind(create_for_organization(&eve, nonsense).await), ErrorKind::Invalid);
    create_for_organization(&eve, named("own")).await.unwrap();
    let page = list_of_organization(&eve, &ListQuery::default()).await.unwrap();
    assert_eq!(page.tokens[0].role.as_ref().map(|role| (role.id, role.name.as_str())), Some((maker, "Maker")));

    let root = house.root_cx().await;
    let admin = create_for_organization(&root, with(builtin::builtin_role_id(org, BuiltinRole::Admin))).await.unwrap();
    let page = list_of_organization(&root, &ListQuery::default()).await.unwrap();
    assert!(page.tokens.iter().any(|token| token.row.id == admin.id && token.row.admin));
    let contradictory = NewOrganizationToken { admin: true, role: Some(maker.to_string()), ..named("y") };
    assert_eq!(kind(create_for_organization(&root, contradictory).await), ErrorKind::Invalid);
}

#[tokio::test]
async fn lists_tell_active_from_expired() {
    let house = House::new().await;
    let cx = house.root_cx().await;
    let soon = house.app.clock.now().as_seconds() + 60;
    create_for_organization(&cx, NewOrganizationToken { expires: soon, ..named("short") }).await.unwrap();
    house.clock.advance(1);
    create_for_organization(&cx, named("long")).await.unwrap();
    house.clock.advance(1);
    let gone = create_for_organization(&cx, named("gone")).await.unwrap();
    delete_of_organization(&cx, &gone.id.to_string()).await.unwrap();
    assert_eq!(names(&list_of_organization(&cx, &ListQuery::default()).await.unwrap()), ["long", "short"]);
    house.clock.advance(58);
    assert_eq!(names(&list_of_organization(&cx, &filter("active")).await.unwrap()), ["long"]);
    assert_eq!(names(&list_of_organization(&cx, &filter("expired")).await.unwrap()), ["short"]);
    assert_eq!(names(&list_of_organization(&cx, &filter("all")).await.unwrap()), ["long", "short"]);
    for bad in [
        filter("dead"),
        ListQuery { max_results: Some(0), ..ListQuery::default() },
        ListQuery { max_results: Some(1001), ..ListQuery::default() },
        ListQuery { continuation: Some("?".into()), ..ListQuery::default() },
    ] {
        assert_eq!(kind(list_of_organization(&cx, &bad).await), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn pages_lose_and_repeat_nothing() {
    let house = House::new().await;
    let cx = house.root_cx().await;
    for n in 0..7 {
        create(&cx, format!("token {n}"), 0, None).await.unwrap();
    }
    let mut seen = BTreeSet::new();
    let mut query = ListQuery { max_results: Some(3), ..ListQuery::default() };
    let mut pages = 0;
    loop {
        let page = list(&cx, &query).await.unwrap();
        pages += 1;
        for token in &page.tokens {
            assert!(seen.insert(token.row.id), "twice");
        }
        let Some(next) = page.next else { break };
        query.continuation = Some(next);
    }
    // Seven and the one that root logs in with.
    assert_eq!((seen.len(), pages), (8, 3));
}

#[tokio::test]
async fn personal_tokens_live_and_die() {
    let house = House::new().await;
    let bob = house.user("bob").await;
    let bob = house.cx(&bob, None).await;
    let made = create(&bob, "laptop".into(), 0, None).await.unwrap();
    assert!(valid(&house, &made.value).await);
    let id = made.id.to_string();
    assert_eq!(kind(delete(&house.root_cx().await, &id).await), ErrorKind::NotFound);
    delete(&bob, &id).await.unwrap();
    assert!(!valid(&house, &made.value).await);
    assert_eq!(kind(delete(&bob, &id).await), ErrorKind::NotFound);
    assert_eq!(
        house.said("", "personal-token-created").await,
        [format!("Created personal access token \"{id}\" (laptop)")]
    );
    assert_eq!(
        house.said("", "personal-token-deleted").await,
        [format!("Deleted personal access token \"{id}\" (laptop)")]
    );
}

#[tokio::test]
async fn a_token_made_for_someone_is_recorded_where_he_is() {
    let house = House::new().await;
    house.member("bob", BuiltinRole::Member, None).await;
    let root = house.cx(&house.root, None).await;
    let made = create_for(&root, "bob", "first".into(), 0).await.unwrap();
    assert_eq!(house.cx(&made.value, Some("acme")).await.caller().unwrap().login(), "bob");
    let said = format!("Created personal access token \"{}\" for \"bob\" (first)", made.id);
    assert!(house.said("acme", "personal-token-created").await.contains(&said));
    assert_eq!(kind(create_for(&root, "nobody", String::new(), 0).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_organization_limits_how_long_tokens_live() {
    let house = House::new().await;
    let bob = house.member("bob", BuiltinRole::Member, None).await;
    let bob = house.cx(&bob, None).await;
    let root = house.root_cx().await;
    let now = house.app.clock.now().as_seconds();
    let short = create(&root, "short".into(), now + DAY, None).await.unwrap();
    let root = house.cx(&short.value, Some("acme")).await;
    let limit = SettingsChange { max_access_token_expiry_days: Some(30), ..SettingsChange::default() };
    organizations::update(&root, limit).await.unwrap();
    for too_long in [0, now + 31 * DAY] {
        assert_eq!(kind(create(&bob, "mine".into(), too_long, None).await), ErrorKind::Invalid);
        let token = NewOrganizationToken { expires: too_long, ..named("ci") };
        assert_eq!(kind(create_for_organization(&root, token).await), ErrorKind::Invalid);
    }
    create(&bob, "mine".into(), now + 30 * DAY, None).await.unwrap();
    create_for_organization(&root, NewOrganizationToken { expires: now + 30 * DAY, ..named("ci") }).await.unwrap();
}

#[tokio::test]
async fn a_restricted_token_makes_no_others() {
    let house = House::new().await;
    let row = house.blank(TokenKind::Personal);
    let row = NewTokenRow { user: Some(house.id("root").await), org: Some(house.org("acme").await), ..row };
    let (id, other) = (row.id, house.blank(TokenKind::Personal).id);
    let value = house.token(row).await;
    let cx = house.cx(&value, None).await;
    assert_eq!(kind(create(&cx, "more".into(), 0, None).await), ErrorKind::Forbidden);
    assert_eq!(kind(delete(&cx, &other.to_string()).await), ErrorKind::Forbidden);
    delete(&cx, &id.to_string()).await.unwrap();
    let ci = create_for_organization(&house.root_cx().await, named("ci")).await.unwrap();
    let ci = house.cx(&ci.value, None).await;
    assert_eq!(kind(create(&ci, "mine".into(), 0, None).await), ErrorKind::Forbidden);
}

#[tokio::test]
async fn tokens_are_deleted_where_they_belong() {
    let house = House::new().await;
    house.team("ops", "root", true, None).await;
    house.team("dev", "root", true, None).await;
    let cx = house.root_cx().await;
    let own = create_for_organization(&cx, named("own")).await.unwrap().id.to_string();
    let team = NewTeamToken { name: "team".into(), ..NewTeamToken::default() };
    let team = create_for_team(&cx, "ops", team).await.unwrap();
    let id = team.id.to_string();
    assert_eq!(kind(delete_of_organization(&cx, &id).await), ErrorKind::NotFound);
    assert_eq!(kind(delete_of_team(&cx, "dev", &id, None).await), ErrorKind::NotFound);
    let refused = delete_of_team(&cx, "ops", &own, None).await.unwrap_err();
    assert_eq!((refused.kind(), refused.message()), (ErrorKind::Invalid, "the requested token is not a team token"));
    assert_eq!(names(&list_of_team(&cx, "ops", &ListQuery::default()).await.unwrap()), ["team"]);
    assert_eq!(names(&list_of_organization(&cx, &ListQuery::default()).await.unwrap()), ["own"]);
    delete_of_team(&cx, "ops", &id, Some("leaked")).await.unwrap();
    assert!(!valid(&house, &team.value).await);
    assert_eq!(
        house.said("acme", "team-token-deleted").await,
        ["Deleted team token \"team\" of team \"ops\" (reason: leaked)"]
    );
}

#[tokio::test]
async fn the_first_token_s_file_goes_with_it() {
    let (app, _, directory) = crate::testing::empty().await;
    let file = directory.path().join("admin-token");
    let mut app = Arc::into_inner(app).unwrap();
    app.settings.admin_token_file = Some(file.clone());
    let app = Arc::new(app);
    let value = TokenValue::new(&*app.entropy);
    let wanted = crate::install::Bootstrap { organization: "acme".into(), user: "root".into(), token: value.clone() };
    assert!(crate::install::bootstrap(&app, wanted).await.unwrap());
    std::fs::write(&file, format!("{}\n", value.expose())).unwrap();
    let info = RequestInfo { operation: "Test".into(), ..RequestInfo::default() };
    let caller = auth::authenticate(&app, value.expose(), &info).await.unwrap();
    let own = caller.token;
    let cx = Cx { app: Arc::clone(&app), request: info, caller: Some(caller), org: None };
    let other = create(&cx, "other".into(), 0, None).await.unwrap();
    delete(&cx, &other.id.to_string()).await.unwrap();
    assert!(file.exists());
    delete(&cx, &own.to_string()).await.unwrap();
    assert!(!file.exists());
}
