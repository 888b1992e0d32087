//! What only SQLite can be asked: its batches, its file.

use crate::lab::{Lab, event, insert};
use pileus_model::ErrorKind;
use pileus_store::{Flow, Recorded, Store};
use std::{
    pin::Pin,
    sync::mpsc,
    task::{Context, Poll, Waker},
};

type Pending = Pin<Box<dyn Future<Output = pileus_model::Result<()>> + Send>>;

/// Keeps the writer thread in a closure until the sender is dropped or used.
async fn hold(store: &Store) -> (mpsc::Sender<()>, tokio::task::JoinHandle<pileus_model::Result<()>>) {
    let (go, gone) = mpsc::channel::<()>();
    let (reached, wait) = mpsc::channel();
    let store = store.clone();
    let holding = tokio::spawn(async move {
        store
            .write(move |_| {
                reached.send(()).unwrap();
                let _ = gone.recv();
                Ok(Recorded::new((), event(1, "held")))
            })
            .await
    });
    tokio::task::spawn_blocking(move || wait.recv()).await.unwrap().unwrap();
    (go, holding)
}

/// A write that stands in the queue.
fn queued(store: &Store, text: String) -> Pending {
    let store = store.clone();
    let mut write: Pending = Box::pin(async move {
        store
            .write(move |tx| {
                insert(tx, &text)?;
                Ok(Recorded::new((), event(1, "queued")))
            })
            .await
    });
    assert!(matches!(write.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    write
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_queued_shares_a_commit() {
    let lab = Lab::sqlite(None).await;
    let (go, holding) = hold(&lab.store).await;
    let before = lab.store.written();
    let writes: Vec<_> = (0..40).map(|i| queued(&lab.store, format!("{i}"))).collect();
    go.send(()).unwrap();
    holding.await.unwrap().unwrap();
    for write in writes {
        write.await.unwrap();
    }
    let after = lab.store.written();
    assert_eq!(after.commits - before.commits, 2, "one for the held closure, one for all that queued meanwhile");
    assert_eq!(after.closures - before.closures, 41);
    assert_eq!(lab.notes().await.len(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_a_whole_batch_is_refused_and_reads_go_on() {
    let lab = Lab::sqlite(Some(200)).await;
    lab.note(1, "before").await.unwrap();
    let (go, holding) = hold(&lab.store).await;
    let small: Vec<_> = (0..3).map(|i| queued(&lab.store, format!("{i}"))).collect();
    let large = queued(&lab.store, "x".repeat(1 << 20));
    go.send(()).unwrap();
    holding.await.unwrap().unwrap();
    for write in small.into_iter().chain([large]) {
        let error = write.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.message().contains("no room"), "{error}");
    }
    assert_eq!(lab.notes().await, ["before"]);
    assert_eq!(lab.events(1).await.len(), 2);
    lab.note(1, "small ones still fit").await.unwrap();
    // Room is made.
    lab.write(|tx| tx.query("PRAGMA max_page_count = 100000".into(), &[], &mut |_| Ok(Flow::Next))).await.unwrap();
    lab.note(1, &"x".repeat(1 << 20)).await.unwrap();
    assert_eq!(lab.notes().await.len(), 3);
    crate::lab::assert_whole(&lab.events(1).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_past_waits_for_the_batch_in_flight() {
    let lab = Lab::sqlite(None).await;
    let log = pileus_model::audit::LogId(1);
    let began = pileus_testkit::clock::START;
    lab.store.settle(log, began.plus_seconds(60)).await.unwrap();
    let (go, holding) = hold(&lab.store).await;
    lab.clock.advance_seconds(10);
    // What ended before the batch began can't change any more.
    lab.store.settle(log, began).await.unwrap();
    let store = lab.store.clone();
    let mut settling: Pending = Box::pin(async move { store.settle(log, began.plus_seconds(9)).await });
    assert!(matches!(settling.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    go.send(()).unwrap();
    settling.await.unwrap();
    assert_eq!(lab.events(1).await.len(), 1, "the held event is there");
    holding.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_finishes_what_is_queued() {
    let lab = Lab::sqlite(None).await;
    let (go, holding) = hold(&lab.store).await;
    let writes: Vec<_> = (0..5).map(|i| queued(&lab.store, format!("{i}"))).collect();
    let store = lab.store.clone();
    let closing = tokio::spawn(async move { store.close().await });
    go.send(()).unwrap();
    holding.await.unwrap().unwrap();
    closing.await.unwrap();
    for write in writes {
        write.await.unwrap();
    }
    assert_eq!(lab.note(1, "late").await.unwrap_err().kind(), ErrorKind::Unavailable);
    let log = lab.directory.path().join("pileus.db-wal");
    assert!(!log.exists() || std::fs::metadata(log).unwrap().len() == 0, "the write-ahead log was moved into the file");
    let (store, _) = lab.again().await.unwrap();
    assert_eq!(store.read(crate::lab::notes).await.unwrap().len(), 5);
}
