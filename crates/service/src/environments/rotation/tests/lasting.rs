//! Rotations that last: who waits for them, and what goes on meanwhile.

use super::*;

#[tokio::test]
async fn a_rotation_that_takes_long_does_not_silence_the_server() {
    let (house, cx, cloud) = house(TEXT).await;
    crate::keys::verify(&house.app, "one").await.unwrap();
    let at = house.app.clock.now().plus_seconds(1);
    let wanted = rooms::schedules::Wanted { once: Some(at.rfc3339()), ..Default::default() };
    let _ = rooms::schedules::create(&cx, "p", "e", wanted).await.unwrap();
    house.clock.advance(2);
    cloud.close();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let work = tokio::spawn(crate::background::rotate(Arc::clone(&house.app), true, stopped));
    cloud.begun.acquire().await.unwrap().forget();
    house.clock.advance(LEASE / 2);
    let now = house.app.clock.now();
    let said = async {
        while crate::keys::show(&cx).await.unwrap().servers[0].seen_at != now {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), said).await.unwrap();
    cloud.gate.add_permits(1000);
    stop.send(true).unwrap();
    work.await.unwrap();
    assert_eq!(history(&cx, "p", "e").await.unwrap()[0].rotation.status, SUCCEEDED);
}

#[tokio::test]
async fn what_is_made_after_nobody_waits_for_it_is_not_lost() {
    let (house, cx, cloud) = house(TEXT).await;
    let who = Who::caller(&cx).unwrap();
    let (app, org, by) = (Arc::clone(&house.app), who.org.id, By::caller(&who));
    let begun = house.write(move |tx| {
        let row = require(tx, org, "p", "e").unwrap();
        begin(tx, &app, org, &row, &by, None).unwrap()
    });
    let begun = begun.await;
    let (mut performed, journal) = perform::perform(who.clone(), begun.clone(), Vec::new()).await;
    // Whoever ends the rotation has seen nothing but a failure; the rotator came right after it.
    performed.failed.insert("db".into(), "it took too long".into());
    let keeping = Keeping { key: journal.map(|journal| Arc::clone(&journal.key)), ..Keeping::default() };
    let (event, _) = settle::settle(&who, begun, &performed, &keeping).await.unwrap();
    assert_eq!((states(&event), event.rotation.post_revision), (vec![("db", SUCCEEDED)], Some(3)));
    assert_eq!(opened(&cx).await["db"], serde_json::json!({"current": "key-1"}));
    assert_eq!(cloud.live(), ["key-1"]);
}

#[tokio::test]
async fn rotations_take_turns_with_evaluations_and_count_among_those_that_wait() {
    let (house, cx, cloud) = house(TEXT).await;
    let all = u32::try_from(rooms::EVALUATIONS).unwrap();
    let turns = house.app.evaluations.acquire_many(all).await.unwrap();
    let rotating = tokio::spawn({
        let cx = cx.clone();
        async move { rotate(&cx, "p", "e", &[]).await.map(|done| done.event.rotation.status) }
    });
    for _ in 0..1000 {
        if !history(&cx, "p", "e").await.unwrap().is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        let _ = history(&cx, "p", "e").await.unwrap();
    }
    assert!(cloud.begun.try_acquire().is_err(), "it waits for its turn");
    drop(turns);
    assert_eq!(rotating.await.unwrap().unwrap(), SUCCEEDED);
    let org = house.org("acme").await;
    let places: Vec<_> = std::iter::from_fn(|| house.app.waiting.enter(org).ok()).take(10_000).collect();
    house.clock.advance(1);
    let refused = rotate(&cx, "p", "e", &[]).await.unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::RateLimited { .. }), "{refused:?}");
    assert_eq!(history(&cx, "p", "e").await.unwrap().len(), 1, "nothing was begun");
    drop(places);
    assert_eq!(rotate(&cx, "p", "e", &[]).await.unwrap().event.rotation.status, SUCCEEDED);
}
