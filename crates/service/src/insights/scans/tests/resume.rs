//! Runs that are interrupted go on where they were, and what they say of absence stays proved.

use super::*;
use pileus_store::insights::{absent, leases};

const TOPIC: &str = "aws:sns/topic:Topic";

/// Whether the statement of the run that goes on says this of a type: its outcome, and whether it is settled.
async fn says(lab: &Lab, leaf: &Account, scan: ScanId, kind: &str, outcome: &str, settled: bool) -> bool {
    let rows = coverage::read(&lab.cx, leaf, scan).await.unwrap();
    rows.iter().any(|row| row.type_token == kind && row.outcome == outcome && row.settled == settled)
}

fn things(kind: &str, ids: &[&str]) -> Vec<Found> {
    ids.iter().map(|id| thing(kind, id, json!({}))).collect()
}

async fn begin(lab: &Lab, leaf: &Account, engine: &Engine) -> ScanId {
    let run = start(&lab.cx, leaf, Options::default()).await.unwrap().unwrap();
    assert_eq!(engine.tick().await.unwrap(), 1);
    lab.cloud.waiting().await;
    run.scan.id
}

async fn absents(lab: &Lab, scan: ScanId) -> usize {
    lab.house.app.store.read(move |tx| absent::some(tx, scan, 100)).await.unwrap().len()
}

#[tokio::test]
async fn a_type_that_was_listed_to_the_end_is_not_listed_again() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, things(BUCKET, &["x", "y"]));
    lab.cloud.put("us-east-1", QUEUE, things(QUEUE, &["p", "q"]));
    let _ = lab.scan(&leaf).await;

    lab.house.clock.advance(60);
    lab.cloud.put("us-east-1", BUCKET, things(BUCKET, &["x", "z"]));
    lab.cloud.holds.store(true, Ordering::SeqCst);
    let one = lab.eager("one");
    let scan = begin(&lab, &leaf, &one).await;
    lab.until("the first type is settled", async || says(&lab, &leaf, scan, BUCKET, "listed", true).await).await;
    drop(one);
    assert_eq!(absents(&lab, scan).await, 1);
    assert_eq!(lab.resource(&leaf, BUCKET, "y").await.unwrap().gone_at, None, "not before the run has succeeded");

    // Whoever listed it again would find it empty.
    lab.cloud.put("us-east-1", BUCKET, Vec::new());
    lab.cloud.put("us-east-1", QUEUE, things(QUEUE, &["q"]));
    lab.cloud.holds.store(false, Ordering::SeqCst);
    lab.cloud.listed.lock().unwrap().clear();
    let again = lab.engine("one");
    assert_eq!(again.tick().await.unwrap(), 1, "it knows at once that it was it that died");
    again.idle().await;
    let ended = find(&lab.cx, &leaf, scan).await.unwrap().scan;
    assert_eq!((ended.state.as_str(), ended.attempts, ended.lost), ("succeeded", 2, 0));
    assert_eq!(*lab.cloud.listed.lock().unwrap(), [("us-east-1".to_owned(), QUEUE.to_owned())]);
    let progress = ended.progress;
    assert_eq!((progress.types_done, progress.types_total, progress.resources), (2, 2, Some(3)));
    let here = |row: Option<resources::ResourceRow>| row.map(|row| (row.version, row.gone_at.is_some()));
    for (kind, id, expected) in [
        (BUCKET, "x", (1, false)),
        (BUCKET, "y", (1, true)),
        (BUCKET, "z", (1, false)),
        (QUEUE, "p", (1, true)),
        (QUEUE, "q", (1, false)),
    ] {
        let row = lab.resource(&leaf, kind, id).await;
        assert_eq!(row.as_ref().map(|row| row.unseen_since), Some(None), "{kind} {id}");
        assert_eq!(here(row), Some(expected), "{kind} {id}");
    }
    assert_eq!(absents(&lab, scan).await, 0);
    let text = lab.log(&leaf, scan).await;
    assert!(text.contains("Attempt 2 goes on after 1 types that are done, on one\n"), "{text}");
    assert!(text.contains("3 resources seen, 2 gone, 0 not seen any more and not proved gone\n"), "{text}");
    assert_eq!(text.matches("Succeeded\n").count(), 1);
    assert_eq!(coverage::read(&lab.cx, &leaf, scan).await.unwrap().len(), 2);
}

#[tokio::test]
async fn every_other_type_is_listed_again() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    let all = || things(BUCKET, &["x", "y"]);
    for incomplete in [
        TypeOutcome::Failed { code: "InternalError".into(), message: "again".into() },
        TypeOutcome::Denied { action: "s3:ListAllMyBuckets".into(), message: "no".into() },
        // More was announced than arrived.
        TypeOutcome::Listed(3),
    ] {
        lab.house.clock.advance(60);
        let outcome = if matches!(incomplete, TypeOutcome::Listed(_)) { "listed" } else { "" };
        lab.cloud.put_as("us-east-1", BUCKET, incomplete.clone(), things(BUCKET, &["x"]));
        lab.cloud.put("us-east-1", QUEUE, things(QUEUE, &["q"]));
        lab.cloud.holds.store(true, Ordering::SeqCst);
        let one = lab.eager("one");
        let scan = begin(&lab, &leaf, &one).await;
        lab.until("the first type is written", async || {
            let rows = coverage::read(&lab.cx, &leaf, scan).await.unwrap();
            rows.iter()
                .any(|row| row.type_token == BUCKET && !row.settled && (outcome.is_empty() || row.outcome == outcome))
        })
        .await;
        drop(one);
        lab.cloud.put("us-east-1", BUCKET, all());
        lab.cloud.holds.store(false, Ordering::SeqCst);
        let again = lab.engine("one");
        assert_eq!(again.tick().await.unwrap(), 1);
        again.idle().await;
        assert!(says(&lab, &leaf, scan, BUCKET, "listed", true).await, "{incomplete:?}");
        let y = lab.resource(&leaf, BUCKET, "y").await.unwrap();
        assert_eq!((y.gone_at, y.unseen_since), (None, None), "{incomplete:?}");
    }
}

#[tokio::test]
async fn a_run_that_comes_to_nothing_makes_nothing_gone() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, things(BUCKET, &["x"]));
    lab.cloud.put("us-east-1", QUEUE, Vec::new());
    let _ = lab.scan(&leaf).await;
    lab.cloud.put("us-east-1", BUCKET, Vec::new());
    lab.cloud.holds.store(true, Ordering::SeqCst);
    let one = lab.eager("one");
    let scan = begin(&lab, &leaf, &one).await;
    lab.until("the first type is settled", async || says(&lab, &leaf, scan, BUCKET, "listed", true).await).await;
    assert_eq!(absents(&lab, scan).await, 1);
    cancel(&lab.cx, &leaf).await.unwrap();
    one.idle().await;
    assert_eq!(absents(&lab, scan).await, 0);
    let x = lab.resource(&leaf, BUCKET, "x").await.unwrap();
    assert_eq!((x.gone_at, x.unseen_since), (None, None));
}

#[tokio::test]
async fn a_run_that_gets_on_is_not_given_up() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    let kinds: Vec<String> = (0..6).map(|n| format!("aws:x/t{n}:T{n}")).collect();
    for kind in &kinds {
        lab.cloud.put("us-east-1", kind, things(kind, &["a"]));
    }
    lab.cloud.holds.store(true, Ordering::SeqCst);
    let run = start(&lab.cx, &leaf, Options::default()).await.unwrap().unwrap();
    for kind in &kinds[..5] {
        let engine = lab.eager("one");
        assert_eq!(engine.tick().await.unwrap(), 1);
        lab.cloud.waiting().await;
        lab.until(kind, async || says(&lab, &leaf, run.scan.id, kind, "listed", true).await).await;
    }
    lab.cloud.holds.store(false, Ordering::SeqCst);
    let engine = lab.engine("one");
    assert_eq!(engine.tick().await.unwrap(), 1);
    engine.idle().await;
    let ended = find(&lab.cx, &leaf, run.scan.id).await.unwrap().scan;
    assert_eq!((ended.state.as_str(), ended.attempts, ended.progress.resources), ("succeeded", 6, Some(6)));
    assert_eq!(lab.cloud.listed.lock().unwrap().len(), 6, "each type once");
}

#[tokio::test]
async fn who_may_take_what_a_dead_node_held() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, things(BUCKET, &["x"]));
    lab.cloud.holds.store(true, Ordering::SeqCst);
    let one = lab.engine("one");
    let _ = begin(&lab, &leaf, &one).await;
    drop(one);
    assert_eq!(lab.engine("two").tick().await.unwrap(), 0, "another node waits for silence");
    let again = lab.engine("one");
    assert_eq!(again.tick().await.unwrap(), 1, "the node itself need not");
    lab.cloud.waiting().await;
    drop(again);
    let alone = lab.engine_as(EngineConfig { alone: true, ..EngineConfig::new("three") });
    assert_eq!(alone.tick().await.unwrap(), 1, "nor need one that nobody can be beside");
    lab.cloud.waiting().await;
    assert_eq!((alone.tick().await.unwrap(), alone.busy()), (0, 1), "only once: its own runs go on");
}

#[tokio::test]
async fn a_write_that_is_under_way_when_a_run_is_given_back_comes_to_nothing() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    let run = start(&lab.cx, &leaf, Options::default()).await.unwrap().unwrap();
    let now = lab.house.app.clock.now();
    for give_back in [leases::release, leases::interrupt] {
        let scan = run.scan.id;
        let stale = lab.house.write(move |tx| {
            let seen = leases::waiting(tx, 10).unwrap().into_iter().find(|seen| seen.scan == scan).unwrap();
            assert_eq!((seen.lease_until, seen.holder.as_deref()), (0, None));
            let lease = leases::claim(tx, &seen, "one", now, now).unwrap().unwrap();
            assert!(leases::renew(tx, &lease, now.plus_seconds(1), now).unwrap());
            assert!(give_back(tx, &lease, now).unwrap());
            let late = leases::renew(tx, &lease, now.plus_seconds(2), now).unwrap();
            assert!(!give_back(tx, &lease, now).unwrap());
            late
        });
        assert!(!stale.await);
    }
    let ended = find(&lab.cx, &leaf, run.scan.id).await.unwrap().scan;
    assert_eq!((ended.attempts, ended.lost), (1, 1));
}

#[tokio::test]
async fn progress_is_told_also_within_a_long_type() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, (0..300).map(|n| thing(BUCKET, &format!("b{n}"), json!({}))).collect());
    lab.cloud.put("us-east-1", TOPIC, Vec::new());
    lab.cloud.holds_inside.store(true, Ordering::SeqCst);
    let one = lab.eager("one");
    let scan = begin(&lab, &leaf, &one).await;
    lab.until("the log says how far it is", async || {
        lab.log(&leaf, scan).await.contains("0 of 2 types done, 100 resources, 1 calls, 0 throttled\n")
    })
    .await;
    let progress = find(&lab.cx, &leaf, scan).await.unwrap().scan.progress;
    assert_eq!((progress.types_done, progress.types_total, progress.resources, progress.calls), (0, 2, Some(100), 1));
    lab.cloud.go.add_permits(1);
    one.idle().await;
    let progress = find(&lab.cx, &leaf, scan).await.unwrap().scan.progress;
    assert_eq!((progress.types_done, progress.resources, progress.calls), (2, Some(300), 5));
}

#[tokio::test]
async fn a_cancel_on_another_node_ends_what_hangs() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, things(BUCKET, &["x"]));
    lab.cloud.holds_inside.store(true, Ordering::SeqCst);
    let one = lab.engine("one");
    let scan = begin(&lab, &leaf, &one).await;
    // The request goes to a process that shares nothing with the one that works but the database.
    let (app, settings) = (&lab.house.app, lab.house.app.settings.clone());
    let egress = pileus_egress::Egress::new(pileus_egress::EgressConfig::default());
    let other = crate::App::new(app.store.clone(), Arc::clone(&app.clock), Arc::clone(&app.entropy), egress, settings);
    let cx = Cx { app: Arc::new(other), ..lab.cx.clone() };
    cancel(&cx, &leaf).await.unwrap();
    one.idle().await;
    let ended = find(&lab.cx, &leaf, scan).await.unwrap().scan;
    assert_eq!((ended.state.as_str(), ended.failure.as_deref()), ("failed", Some("canceled by root")));
    assert!(lab.resource(&leaf, BUCKET, "x").await.is_none(), "what was gathered is not written any more");
}
