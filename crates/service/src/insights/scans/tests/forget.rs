//! Old scans are forgotten, what they found is not.

use super::*;
use crate::insights::scans::retention::{Forgetter, Keep};

const DAY: i64 = 86_400;

async fn there(lab: &Lab, leaf: &Account) -> Vec<ScanId> {
    list(&lab.cx, leaf, None, 1000).await.unwrap().into_iter().map(|run| run.scan.id).collect()
}

#[tokio::test]
async fn old_scans_are_forgotten_and_their_findings_are_kept() {
    let lab = Lab::new().await;
    let (_, leaves) = lab.account("a", Provider::Aws, &["eu-west-1", "us-east-1"], Schedule::None).await;
    let (leaf, other) = (&leaves[0], &leaves[1]);
    lab.cloud.put("eu-west-1", BUCKET, vec![thing(BUCKET, "x", json!({}))]);
    let mut all = Vec::new();
    for n in 0..8 {
        lab.cloud.put("eu-west-1", QUEUE, vec![thing(QUEUE, "q", json!({"n": n}))]);
        all.push(lab.scan(leaf).await.scan.id);
        lab.house.clock.advance(DAY);
    }
    let only = lab.scan(other).await.scan.id;
    all.reverse();
    let app = &lab.house.app;
    let keep = Keep { days: 90, newest: 3 };
    let forgetter = Forgetter::default();
    lab.house.clock.advance(85 * DAY);
    // The oldest ended 93 days ago, and so on.
    assert_eq!(Forgetter::default().round(app, Keep { days: 0, ..keep }).await.unwrap(), 0, "0: for ever");
    assert_eq!(forgetter.round(app, keep).await.unwrap(), 3);
    assert_eq!(there(&lab, leaf).await, all[..5]);
    lab.house.clock.advance(1000 * DAY);
    assert_eq!(forgetter.round(app, keep).await.unwrap(), 2);
    assert_eq!(there(&lab, leaf).await, all[..3], "the newest stay however old they are");
    assert_eq!(there(&lab, other).await, [only]);
    assert_eq!(forgetter.round(app, keep).await.unwrap(), 0);

    let gone = all[3];
    let rows = app.store.read(move |tx| {
        let lines = pileus_store::insights::lines::page(tx, gone, 0, 10)?.len();
        let jobs = pileus_store::insights::lines::jobs(tx, gone)?.len();
        let coverage = pileus_store::insights::coverage::page(tx, gone, ("", ""), 10)?.len();
        Ok((lines, jobs, coverage))
    });
    assert_eq!(rows.await.unwrap(), (0, 0, 0));
    assert_eq!(find(&lab.cx, leaf, gone).await.unwrap_err().kind(), ErrorKind::NotFound);
    let queue = lab.resource(leaf, QUEUE, "q").await.unwrap();
    assert_eq!(queue.version, 8);
    let org = lab.house.org("acme").await;
    let versions = app.store.read(move |tx| resources::versions(tx, org, &queue, i64::MAX, 100)).await.unwrap();
    assert_eq!(versions.len(), 8, "versions of scans that are forgotten are kept");
}

#[tokio::test]
async fn what_runs_is_not_old_and_a_node_rests() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    for _ in 0..4 {
        let _ = lab.scan(&leaf).await;
        // Runs are told apart by when they began.
        lab.house.clock.advance(1);
    }
    let run = start(&lab.cx, &leaf, Options::default()).await.unwrap().unwrap();
    lab.house.clock.advance(1000 * DAY);
    let forgetter = Forgetter::default();
    assert_eq!(forgetter.round(&lab.house.app, Keep { days: 1, newest: 1 }).await.unwrap(), 4);
    assert_eq!(there(&lab, &leaf).await, [run.scan.id], "one that runs is not old");
    cancel(&lab.cx, &leaf).await.unwrap();
    assert_eq!(forgetter.round(&lab.house.app, Keep { days: 1, newest: 1 }).await.unwrap(), 0, "it rests for an hour");
}
