//! New organisations, settings, the default one, and the first start.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    install::{self, Bootstrap},
    testing::{self, House},
};
use pileus_model::{ErrorKind, token::TokenValue};

fn new(name: &str, admin: Option<&str>) -> NewOrganization {
    NewOrganization { name: name.into(), display_name: None, admin: admin.map(str::to_owned) }
}

#[tokio::test]
async fn a_new_organisation_is_in_its_own_log_and_in_the_site_s() {
    let house = House::new().await;
    house.user("ann").await;
    let cx = house.cx(&house.root, None).await;
    let made = create(&cx, NewOrganization { display_name: Some("The Other".into()), ..new("other", Some("ANN")) })
        .await
        .unwrap();
    assert_eq!((made.org.name.as_str(), made.org.display_name.as_str()), ("other", "The Other"));
    assert_ne!(made.org.log, house.log_of("acme").await);
    assert_eq!(house.said("other", "organization-created").await, ["Created organization \"other\""]);
    assert_eq!(house.said("other", "member-added").await, ["Added \"ann\" to the organization as admin"]);
    assert_eq!(house.said("", "organization-created").await.last().unwrap(), "Created organization \"other\"");
    assert_eq!(create(&cx, new("third", Some("nobody"))).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(create(&cx, new("x", None)).await.unwrap_err().kind(), ErrorKind::Invalid);
    // What failed took no name.
    create(&cx, new("third", None)).await.unwrap();
    let (page, next) = list(&cx, None, Some(2)).await.unwrap();
    assert_eq!(page.iter().map(|(o, n)| (o.org.name.as_str(), *n)).collect::<Vec<_>>(), [("acme", 1), ("other", 1)]);
    assert_eq!(list(&cx, next.as_deref(), Some(2)).await.unwrap().0.len(), 1);
}

#[tokio::test]
async fn changed_settings_are_named_in_the_log() {
    let house = House::new().await;
    let cx = house.root_cx().await;
    let change = SettingsChange {
        members_can_create_teams: Some(true),
        preferred_vcs: Some("github".into()),
        ..SettingsChange::default()
    };
    let is = update(&cx, change).await.unwrap();
    assert!(is.settings.members_can_create_teams);
    assert_eq!((is.members, is.role), (1, BuiltinRole::Admin));
    assert_eq!(overview(&cx).await.unwrap().settings, is.settings);
    update(&cx, SettingsChange::default()).await.unwrap();
    assert_eq!(
        house.said("acme", "organization-settings-changed").await,
        [
            "Changed settings of organization \"acme\": membersCanCreateTeams, preferredVCS",
            "Changed settings of organization \"acme\": nothing is different",
        ]
    );
    let bad = SettingsChange { default_stack_permission: Some(5), ..SettingsChange::default() };
    assert_eq!(update(&cx, bad).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(house.said("acme", "organization-settings-changed").await.len(), 2);
}

#[tokio::test]
async fn the_default_organisation() {
    let house = House::new().await;
    let ann = house.user("ann").await;
    let name =
        async |token: &TokenValue| default_of_caller(&house.cx(token, None).await).await.unwrap().map(|o| o.name);
    assert_eq!(name(&ann).await, None);
    assert_eq!(name(&house.root).await.as_deref(), Some("acme"));
    let cx = house.cx(&house.root, None).await;
    house.clock.advance(1);
    create(&cx, new("later", None)).await.unwrap();
    assert_eq!(name(&house.root).await.as_deref(), Some("acme"), "the oldest membership");
    set_default(&house.cx(&house.root, Some("later")).await).await.unwrap();
    assert_eq!(name(&house.root).await.as_deref(), Some("later"));
    let (org, root) = (house.org("later").await, house.id("root").await);
    house.write(move |tx| members::remove(tx, org, root).unwrap()).await;
    assert_eq!(name(&house.root).await.as_deref(), Some("acme"), "he left the one that he chose");
}

#[tokio::test]
async fn the_first_start_happens_once() {
    let (app, _clock, _directory) = testing::empty().await;
    assert!(!install::is_set_up(&app).await.unwrap());
    let wanted = |org: &str| {
        let token = TokenValue::new(&*app.entropy);
        Bootstrap { organization: org.into(), user: "admin".into(), token }
    };
    assert_eq!(install::bootstrap(&app, wanted("admin")).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(install::bootstrap(&app, wanted("!")).await.unwrap_err().kind(), ErrorKind::Invalid);
    let (a, b) =
        tokio::join!(install::bootstrap(&app, wanted("pulumi")), install::bootstrap(&app, wanted("elsewhere")));
    assert!(a.unwrap() != b.unwrap(), "one of two nodes");
    assert!(install::is_set_up(&app).await.unwrap());
    assert!(!install::bootstrap(&app, wanted("third")).await.unwrap());
    let count = app.store.read(|tx| store::list(tx, "", 10)).await.unwrap().len();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn the_first_start_leaves_its_record() {
    let house = House::new().await;
    assert_eq!(house.said("", "user-created").await, ["Created user \"root\""]);
    assert_eq!(house.said("", "organization-created").await, ["Created organization \"acme\""]);
    assert_eq!(house.said("acme", "organization-created").await, ["Created organization \"acme\""]);
    assert_eq!(house.said("acme", "member-added").await, ["Added \"root\" to the organization as admin"]);
    assert_eq!(house.said("acme", "personal-token-created").await.len(), 1);
    assert!(house.cx(&house.root, None).await.caller().unwrap().is_site_admin());
}

#[tokio::test]
async fn the_first_token_opens() {
    let (app, _clock, _directory) = testing::empty().await;
    let chosen = TokenValue::chosen("pul-abcdefghijklmnopqrstuvwxyz012345".into()).unwrap();
    let wanted = Bootstrap { organization: "pulumi".into(), user: "admin".into(), token: chosen.clone() };
    assert!(install::bootstrap(&app, wanted).await.unwrap());
    let request = pileus_model::audit::RequestInfo::default();
    let caller = crate::auth::authenticate(&app, chosen.expose(), &request).await.unwrap();
    assert_eq!((caller.login(), caller.token_name.as_str()), ("admin", install::BOOTSTRAP));
}
