//! Rotations by themselves: when, by whom, and never twice.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    background::rotate_once,
    environments::{self as rooms, RotationEvent},
    testing::House,
};
use pileus_model::{ErrorKind, audit::ActorKind, caller::BuiltinRole, clock::Clock as _, cron::MAX_SPREAD};
use std::sync::Arc;

/// 14 November 2023, 22:13:20 UTC, is where the clock of a house stands; this is next due ten minutes short of four hours later.
const DAILY: &str = "0 2 * * *";
const DAY: i64 = 24 * 3600;
const TEXT: &str = "values:\n  pw:\n    fn::rotate::password: {inputs: {}}\n";

async fn house() -> (House, Cx) {
    let house = House::new().await;
    let cx = house.root_cx().await;
    rooms::create(&cx, "p", "e").await.unwrap();
    let updated = rooms::update(&cx, "p", "e", TEXT.into(), None).await.unwrap();
    assert!(updated.revision.is_some(), "{:?}", updated.diagnostics);
    (house, cx)
}

fn cron(cron: &str) -> Wanted {
    Wanted { cron: Some(cron.into()), ..Wanted::default() }
}

fn once(at: Timestamp) -> Wanted {
    Wanted { once: Some(at.rfc3339()), ..Wanted::default() }
}

async fn rotations(cx: &Cx) -> Vec<RotationEvent> {
    rooms::rotation_history(cx, "p", "e").await.unwrap()
}

async fn the_one(cx: &Cx) -> ScheduleRow {
    list(cx, "p", "e").await.unwrap().remove(0)
}

#[tokio::test]
async fn what_is_due_is_rotated_by_pileus_and_shown() {
    let (house, cx) = house().await;
    let made = create(&cx, "p", "e", cron(DAILY)).await.unwrap();
    let due = made.due_at.unwrap();
    let late = due.as_micros() - Timestamp::parse("2023-11-15T02:00:00Z").unwrap().as_micros();
    assert!((0..MAX_SPREAD).contains(&late), "{late}");
    assert_eq!(tick(&house.app).await.unwrap(), 0, "it is not due yet");
    house.clock.advance(4 * 3600);
    rotate_once(&house.app, true).await.unwrap();
    rotate_once(&house.app, false).await.unwrap();
    let all = rotations(&cx).await;
    assert_eq!(all.len(), 1);
    let rotation = &all[0].rotation;
    assert_eq!((rotation.status.as_str(), rotation.post_revision), ("succeeded", Some(3)));
    assert_eq!((rotation.by_id.as_str(), rotation.schedule), ("pileus", Some((made.id, 1))));
    let now = house.clock.now();
    let row = the_one(&cx).await;
    assert_eq!((row.last_executed_at, row.due_at), (Some(now), Some(due.plus_seconds(DAY))));
    let runs = history(&cx, "p", "e", &made.id.to_string()).await.unwrap();
    assert_eq!(runs.iter().map(|r| r.id).collect::<Vec<_>>(), [rotation.id]);
    let events = house.events(house.log_of("acme").await).await;
    let rotated = events.iter().find(|e| e.event.event == catalogue::ENVIRONMENT_ROTATED).unwrap();
    assert_eq!(rotated.event.actor.kind, ActorKind::System);
    assert!(rotated.event.description.ends_with(&format!("on schedule {}", made.id)), "{}", rotated.event.description);
    assert_eq!(rooms::revisions(&cx, "p", "e", 0, 1).await.unwrap()[0].row.creator_login, "pileus");
}

#[tokio::test]
async fn missed_times_are_made_up_once_and_two_nodes_never_start_twice() {
    let (house, cx) = house().await;
    let _ = create(&cx, "p", "e", cron(DAILY)).await.unwrap();
    house.clock.advance(10 * DAY);
    let (one, two) = tokio::join!(tick(&house.app), tick(&house.app));
    assert_eq!(one.unwrap() + two.unwrap(), 1);
    assert_eq!(rotations(&cx).await.len(), 1);
    let due = the_one(&cx).await.due_at.unwrap();
    assert!(due > house.clock.now() && due <= house.clock.now().plus_seconds(DAY + 600));
}

#[tokio::test]
async fn once_means_once() {
    let (house, cx) = house().await;
    let at = house.clock.now().plus_seconds(60);
    let made = create(&cx, "p", "e", once(at)).await.unwrap();
    assert_eq!(made.due_at, Some(at));
    house.clock.advance(61);
    assert_eq!(tick(&house.app).await.unwrap(), 1);
    let row = the_one(&cx).await;
    assert_eq!((row.due_at, row.once), (None, Some(at)));
    let id = row.id.to_string();
    let _ = pause(&cx, "p", "e", &id).await.unwrap();
    let _ = resume(&cx, "p", "e", &id).await.unwrap();
    assert_eq!(tick(&house.app).await.unwrap(), 0);
    let again = update(&cx, "p", "e", &id, once(house.clock.now().plus_seconds(5))).await.unwrap();
    assert_eq!(again.version, 4);
    house.clock.advance(6);
    assert_eq!(tick(&house.app).await.unwrap(), 1);
    let versions: Vec<i64> =
        history(&cx, "p", "e", &id).await.unwrap().iter().map(|run| run.schedule.unwrap().1).collect();
    assert_eq!(versions, [4, 1]);
}

#[tokio::test]
async fn paused_and_deleted_ones_start_nothing() {
    let (house, cx) = house().await;
    let id = create(&cx, "p", "e", cron(DAILY)).await.unwrap().id.to_string();
    assert_eq!(pause(&cx, "p", "e", &id).await.unwrap().due_at, None);
    house.clock.advance(DAY);
    assert_eq!(tick(&house.app).await.unwrap(), 0);
    let resumed = resume(&cx, "p", "e", &id).await.unwrap();
    assert!(resumed.due_at.unwrap() > house.clock.now(), "what was missed is not made up");
    // While the environment is deleted nothing happens; restored, it goes on at its next time.
    rooms::delete(&cx, "p", "e").await.unwrap();
    house.clock.advance(2 * DAY);
    assert_eq!(tick(&house.app).await.unwrap(), 0);
    assert_eq!(tick(&house.app).await.unwrap(), 0);
    let deleted = rooms::list_deleted(&cx, None).await.unwrap().0.remove(0);
    rooms::restore(&cx, "p", "e", &deleted.deleted_at.unwrap().rfc3339_millis()).await.unwrap();
    let row = the_one(&cx).await;
    assert!(row.due_at.unwrap() > house.clock.now());
    house.clock.advance(DAY);
    assert_eq!(tick(&house.app).await.unwrap(), 1);
    delete(&cx, "p", "e", &id).await.unwrap();
    house.clock.advance(DAY);
    assert_eq!(tick(&house.app).await.unwrap(), 0);
    assert_eq!(read(&cx, "p", "e", &id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(rotations(&cx).await.len(), 1, "the history of rotations stays");
}

#[tokio::test]
async fn bad_times_and_a_second_schedule_are_refused() {
    let (house, cx) = house().await;
    let now = house.clock.now();
    for (wanted, why) in [
        (Wanted::default(), "needs scheduleCron or scheduleOnce"),
        (cron("0 */12 * * *"), "once per day at most"),
        (cron("0,30 2 * * *"), "once per day at most"),
        (cron("nonsense"), "cron"),
        (once(now), "in the future"),
        (Wanted { once: Some("tomorrow".into()), ..Wanted::default() }, "RFC 3339"),
        (Wanted { cron: Some(DAILY.into()), ..once(now.plus_seconds(9)) }, "not both"),
        (Wanted { path: Some("a..b".into()), ..cron(DAILY) }, "no path"),
    ] {
        let error = create(&cx, "p", "e", wanted.clone()).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.message().contains(why), "{wanted:?}: {}", error.message());
    }
    let id = create(&cx, "p", "e", cron("30 4 * * 1")).await.unwrap().id.to_string();
    assert_eq!(create(&cx, "p", "e", cron(DAILY)).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert!(update(&cx, "p", "e", &id, Wanted::default()).await.is_err());
    let path = Wanted { path: Some("pw".into()), ..Wanted::default() };
    let row = update(&cx, "p", "e", &id, path).await.unwrap();
    assert_eq!((row.path.as_str(), row.cron.as_deref()), ("pw", Some("30 4 * * 1")));
    for unknown in ["nosuch", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(pause(&cx, "p", "e", unknown).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_schedule_may_do_what_its_maker_may_do_then() {
    let (house, cx) = house().await;
    rooms::create(&cx, "admin", "root").await.unwrap();
    let secret = "values: {characters: \"0123456789\"}\n";
    let _ = rooms::update(&cx, "admin", "root", secret.into(), None).await.unwrap();
    let leak = "values:\n  pw:\n    fn::rotate::password: {inputs: {overrideSpecial: \"${environments.admin.root.characters}\"}}\n";
    assert!(rooms::update(&cx, "p", "e", leak.into(), None).await.unwrap().revision.is_some());
    let role = house.role("rotates", &["environment:read", "environment:rotate", "environment_schedule:create"]).await;
    let mallory = house.cx(&house.member("mallory", BuiltinRole::Member, Some(role)).await, Some("acme")).await;
    let id = create(&mallory, "p", "e", cron(DAILY)).await.unwrap().id.to_string();
    house.clock.advance(DAY);
    assert_eq!(tick(&house.app).await.unwrap(), 1);
    let failed = rotations(&cx).await.remove(0);
    assert!(failed.rotation.error.as_deref().unwrap().contains("environment:open on environment \"admin/root\""));
    assert_eq!(failed.secrets, []);
    // Set by someone who may, it works; until he is gone.
    let carol = house.cx(&house.member("carol", BuiltinRole::Admin, None).await, Some("acme")).await;
    let _ = update(&carol, "p", "e", &id, cron(DAILY)).await.unwrap();
    house.clock.advance(DAY);
    assert_eq!(tick(&house.app).await.unwrap(), 1);
    assert_eq!(rotations(&cx).await[0].rotation.status, "succeeded");
    let (org, carol) = (house.org("acme").await, house.id("carol").await);
    house.write(move |tx| pileus_store::members::remove(tx, org, carol).unwrap()).await;
    house.clock.advance(DAY);
    assert_eq!(tick(&house.app).await.unwrap(), 1);
    let failed = rotations(&cx).await.remove(0);
    assert!(failed.rotation.error.as_deref().unwrap().contains("\"carol\", who set the schedule"));
}

#[tokio::test]
async fn whoever_may_not_rotate_does_not_rotate_by_a_schedule() {
    let (house, cx) = house().await;
    let role = house.role("schedules", &["environment:read", "environment_schedule:create"]).await;
    let mallory = house.cx(&house.member("mallory", BuiltinRole::Member, Some(role)).await, Some("acme")).await;
    let _ = create(&mallory, "p", "e", cron(DAILY)).await.unwrap();
    house.clock.advance(DAY);
    assert_eq!(tick(&house.app).await.unwrap(), 1);
    let failed = rotations(&cx).await.remove(0).rotation;
    assert_eq!(failed.post_revision, None);
    let why = "\"mallory\", who set the schedule, needs the permission environment:rotate on environment \"p/e\"";
    assert_eq!(failed.error.as_deref(), Some(why));
}

#[tokio::test]
async fn a_token_of_the_organisation_can_set_one() {
    let (house, _) = house().await;
    let row = pileus_store::tokens::NewTokenRow {
        org: Some(house.org("acme").await),
        admin: true,
        name: "ci".into(),
        ..house.blank(pileus_model::token::TokenKind::Organization)
    };
    let cx = house.cx(&house.token(row).await, Some("acme")).await;
    let made = create(&cx, "p", "e", cron(DAILY)).await.unwrap();
    assert_eq!((made.maker_user, made.maker_login.as_str()), (None, "acme"));
    house.clock.advance(DAY);
    assert_eq!(tick(&house.app).await.unwrap(), 1);
    assert_eq!(rotations(&cx).await[0].rotation.status, "succeeded");
}

#[tokio::test]
async fn a_clock_that_was_put_back_is_noticed() {
    let (house, cx) = house().await;
    let _ = create(&cx, "p", "e", cron(DAILY)).await.unwrap();
    house.clock.advance(-100 * DAY);
    assert_eq!(correct(&house.app).await.unwrap(), 1);
    let due = the_one(&cx).await.due_at.unwrap();
    assert!(due <= house.clock.now().plus_seconds(DAY + 600));
    assert_eq!(correct(&Arc::clone(&house.app)).await.unwrap(), 0);
}
