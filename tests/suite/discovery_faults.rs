//! Whole scans through a proxy that breaks one answer in four: what could not be listed is said, nothing is gone that is there, and once
//! the network works again everything is as it was.

use super::{
    discovery::{Known, Stored, account, coverage, differences, house, pileus, restless, scan, stored},
    discovery_proxy::Proxy,
};
use pileus_testkit::app::{On, TestApp};
use serde_json::json;
use std::collections::BTreeMap;

const PLACES: [&str; 2] = ["eu-west-1", "global"];

async fn broken(on: On) {
    let Some(mut house) = house().await else { return };
    let proxy = Proxy::before(house.url()).await;
    let known = Known::at(&proxy.url, &house);
    let Some((t, engine)) = pileus(on, &known).await else { return };
    account(&t, &house, "all", &["eu-west-1"]).await;
    // Twice, since what is being made is ready only after somebody has looked at it.
    for _ in 0..2 {
        scan(&t, &engine, "prod").await;
    }
    let mut before = Vec::new();
    for place in PLACES {
        before.push(stored(&t, place).await);
    }
    assert!(before.iter().all(|place| place.len() > 50), "{:?}", before.iter().map(BTreeMap::len).collect::<Vec<_>>());
    // Something goes while the network is broken: that may be seen or not, and nothing else may go.
    let arn = {
        let made = house.order("sns", "eu-west-1", "create_topic", json!({"Name": "goes"}));
        made["done"]["TopicArn"].as_str().unwrap().to_owned()
    };
    scan(&t, &engine, "prod%2Feu-west-1").await;
    let _ = house.order("sns", "eu-west-1", "delete_topic", json!({"TopicArn": arn}));

    for seed in [1, 2] {
        t.clock.advance_seconds(60);
        proxy.seed(seed);
        known.patience(1);
        scan(&t, &engine, "prod").await;
        let (mut said, mut listed) = (0, 0);
        for (place, before) in PLACES.into_iter().zip(&before) {
            let here = while_broken(&t, place, before, &arn).await;
            (said, listed) = (said + here.0, listed + here.1);
        }
        println!("seed {seed}: {listed} types listed, of {said} it is said why not: {:?}", proxy.done());
        assert!(said >= 20 && listed >= 60, "{said} {listed}");
    }
    assert_eq!(proxy.done().len(), 8, "everything was broken in every way: {:?}", proxy.done());

    t.clock.advance_seconds(60);
    proxy.seed(0);
    known.patience(60);
    scan(&t, &engine, "prod").await;
    for (place, before) in PLACES.into_iter().zip(&before) {
        let after = stored(&t, place).await;
        for (key, (was, state)) in before {
            let (is, now) = &after[key];
            assert_eq!((is.gone_at, is.unseen_since), (None, None), "{} {}", was.type_token, was.id);
            if !restless(&was.type_token) {
                assert_eq!((is.version, now), (was.version, state), "{} {}", was.type_token, was.id);
            }
        }
        // Queues are called by the address at which they are asked for, which is the proxy's here.
        let wrong = differences(&t, &house, place).await;
        let other: Vec<_> = wrong.iter().filter(|what| !what.contains("aws:sqs/queue:Queue")).collect();
        assert!(other.is_empty(), "{other:?}");
    }
}

/// Holds that a scan of a place through a broken network has left what was there; how many types it could not list, and could.
async fn while_broken(t: &TestApp, place: &str, before: &Stored, arn: &str) -> (usize, usize) {
    let (_, outcomes) = coverage(t, place).await;
    let after = stored(t, place).await;
    for (key, (was, state)) in before {
        let (is, now) = &after[key];
        let (what, outcome) = (format!("{place} {} {}", was.type_token, was.id), &outcomes[&was.type_token]);
        assert_eq!(is.gone_at, None, "{what} {outcome}");
        if !restless(&was.type_token) {
            assert_eq!((is.version, now), (was.version, state), "{what} {outcome}");
        }
        assert!(is.unseen_since.is_none() || outcome["outcome"] != "listed", "{what} {outcome}");
    }
    let more: Vec<_> = after.iter().filter(|(key, _)| !before.contains_key(*key)).collect();
    assert!(more.iter().all(|(_, (row, _))| row.id == arn), "{more:?}");
    let listed = outcomes.values().filter(|row| row["outcome"] == "listed").count();
    (outcomes.len() - listed, listed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_gone_that_is_there_sqlite() {
    broken(On::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_gone_that_is_there_postgres() {
    broken(On::Postgres).await;
}
