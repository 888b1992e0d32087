//! Who works on a scan: one at a time, also when nodes are lost, slow, or have a wrong clock.

use super::*;

#[tokio::test]
async fn scans_of_one_account_never_overlap() {
    let lab = Lab::new().await;
    let (root, leaves) = lab.account("a", Provider::Aws, &["eu-west-1", "global"], Schedule::None).await;
    assert!(start(&lab.cx, &leaves[0], Options::default()).await.unwrap().is_some());
    let again = start(&lab.cx, &leaves[0], Options::default()).await.unwrap_err();
    assert_eq!((again.kind(), again.message()), (ErrorKind::Invalid, "scan already in progress"));
    assert_eq!(start(&lab.cx, &root, Options::default()).await.unwrap(), None, "the other child is free");
    assert_eq!(start(&lab.cx, &root, Options::default()).await.unwrap_err().message(), "scan already in progress");
    assert_eq!(list(&lab.cx, &root, None, 10).await.unwrap().len(), 2);
    let status = status(&lab.cx, &root).await.unwrap().unwrap();
    assert_eq!((status.run.scan.state.as_str(), status.run.scan.finished_at), ("running", None));
    // Many ask at once: one is let in.
    cancel(&lab.cx, &root).await.unwrap();
    let starts = (0..8).map(|_| start(&lab.cx, &leaves[1], Options::default()));
    let started = futures_util::future::join_all(starts).await;
    assert_eq!(started.iter().filter(|started| started.is_ok()).count(), 1);
}

#[tokio::test]
async fn cancel_ends_it_at_once_and_for_good() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.holds.store(true, Ordering::SeqCst);
    lab.cloud.put("us-east-1", BUCKET, vec![thing(BUCKET, "x", json!({}))]);
    lab.cloud.put("us-east-1", QUEUE, vec![thing(QUEUE, "q", json!({}))]);
    let engine = lab.engine("one");
    let run = start(&lab.cx, &leaf, Options::default()).await.unwrap().unwrap();
    assert_eq!(engine.tick().await.unwrap(), 1);
    lab.cloud.waiting().await;
    cancel(&lab.cx, &leaf).await.unwrap();
    engine.idle().await;
    let ended = find(&lab.cx, &leaf, run.scan.id).await.unwrap();
    assert_eq!((ended.scan.state.as_str(), ended.scan.failure.as_deref()), ("failed", Some("canceled by root")));
    assert_eq!(ended.jobs[0].status, "failed");
    assert!(lab.log(&leaf, run.scan.id).await.ends_with("canceled by root\n"));
    assert!(lab.resource(&leaf, QUEUE, "q").await.is_none());
    assert_eq!(cancel(&lab.cx, &leaf).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        lab.house.said("acme", "cloud-account-scan-canceled").await,
        ["Canceled the scan of account \"a/us-east-1\""]
    );
}

#[tokio::test]
async fn a_lost_node_is_noticed_and_its_scan_goes_on_elsewhere() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, vec![thing(BUCKET, "x", json!({}))]);
    lab.cloud.put("us-east-1", QUEUE, vec![thing(QUEUE, "q", json!({}))]);
    lab.cloud.holds.store(true, Ordering::SeqCst);
    let (one, two) = (lab.engine("one"), lab.engine("two"));
    let run = start(&lab.cx, &leaf, Options::default()).await.unwrap().unwrap();
    assert_eq!((one.tick().await.unwrap(), two.tick().await.unwrap()), (1, 0), "only one takes it");
    lab.cloud.waiting().await;
    drop(one);
    for _ in 0..5 {
        assert_eq!(two.tick().await.unwrap(), 0, "it has not been silent for long");
    }
    lab.cloud.holds.store(false, Ordering::SeqCst);
    lab.house.clock.advance(31);
    assert_eq!(two.tick().await.unwrap(), 1);
    two.idle().await;
    let ended = find(&lab.cx, &leaf, run.scan.id).await.unwrap();
    assert_eq!(
        (ended.scan.state.as_str(), ended.scan.attempts, ended.scan.progress.resources),
        ("succeeded", 2, Some(2))
    );
    assert_eq!(ended.jobs[0].worker.as_deref(), Some("two"));
    assert!(lab.log(&leaf, run.scan.id).await.contains("This scan was interrupted. Attempt 2 begins anew, on two\n"));
    assert_eq!(lab.resource(&leaf, BUCKET, "x").await.unwrap().version, 1);
    assert_eq!(coverage::read(&lab.cx, &leaf, run.scan.id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_scan_that_kills_its_nodes_is_given_up() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, vec![thing(BUCKET, "x", json!({}))]);
    lab.cloud.holds.store(true, Ordering::SeqCst);
    let run = start(&lab.cx, &leaf, Options::default()).await.unwrap().unwrap();
    for attempt in 0..6 {
        let engine = lab.engine(&format!("node-{attempt}"));
        for _ in 0..3 {
            let taken = engine.tick().await.unwrap();
            if taken > 0 {
                break;
            }
            lab.house.clock.advance(31);
        }
        if attempt < 5 {
            lab.cloud.waiting().await;
        } else {
            engine.idle().await;
        }
    }
    let ended = find(&lab.cx, &leaf, run.scan.id).await.unwrap();
    let why = "given up: it was interrupted 5 times in a row before one more type was done";
    assert_eq!(ended.scan.failure.as_deref(), Some(why));
}

#[tokio::test]
async fn whoever_lost_the_lease_writes_nothing() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, vec![thing(BUCKET, "x", json!({}))]);
    lab.cloud.put("us-east-1", QUEUE, vec![thing(QUEUE, "q", json!({}))]);
    lab.cloud.holds.store(true, Ordering::SeqCst);
    let (one, two) = (lab.engine("one"), lab.engine("two"));
    let run = start(&lab.cx, &leaf, Options::default()).await.unwrap().unwrap();
    assert_eq!(one.tick().await.unwrap(), 1);
    lab.cloud.waiting().await;
    // The other node's clock runs far ahead; the first is alive and well.
    let mut taken = 0;
    for _ in 0..3 {
        taken += two.tick().await.unwrap();
        lab.house.clock.advance(3600);
    }
    assert_eq!(taken, 1, "the lease was taken over");
    lab.cloud.waiting().await;
    lab.cloud.go.add_permits(2);
    one.idle().await;
    two.idle().await;
    let ended = find(&lab.cx, &leaf, run.scan.id).await.unwrap();
    assert_eq!((ended.scan.state.as_str(), ended.scan.attempts), ("succeeded", 2));
    assert_eq!(lab.log(&leaf, run.scan.id).await.matches("Succeeded\n").count(), 1);
    assert_eq!(lab.resource(&leaf, QUEUE, "q").await.unwrap().version, 1);
}

#[tokio::test]
async fn a_node_that_stops_gives_its_scans_back() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, vec![thing(BUCKET, "x", json!({}))]);
    lab.cloud.holds.store(true, Ordering::SeqCst);
    let (one, two) = (lab.engine("one"), lab.engine("two"));
    let run = start(&lab.cx, &leaf, Options::default()).await.unwrap().unwrap();
    assert_eq!(one.tick().await.unwrap(), 1);
    lab.cloud.waiting().await;
    one.close().await;
    lab.cloud.holds.store(false, Ordering::SeqCst);
    assert_eq!(two.tick().await.unwrap(), 1, "at once");
    two.idle().await;
    let ended = find(&lab.cx, &leaf, run.scan.id).await.unwrap();
    assert_eq!((ended.scan.state.as_str(), ended.scan.attempts), ("succeeded", 1));
}
