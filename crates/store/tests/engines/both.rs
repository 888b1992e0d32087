//! Transactions: all or nothing, one at a time, in snapshots.

use crate::lab::{both, event, insert, notes};
use pileus_model::{Error, ErrorKind};
use pileus_store::{Opened, Recorded, TxExt, audit};
use std::sync::mpsc;

both! {
    async fn a_change_and_its_event_commit_together(lab: Lab) {
        lab.note(1, "one").await.unwrap();
        assert_eq!(lab.notes().await, ["one"]);
        assert_eq!(lab.events(1).await.len(), 1);
    }

    async fn a_failed_closure_leaves_nothing(lab: Lab) {
        let outcome = lab.store.write(|tx| {
            insert(tx, "half")?;
            Err::<Recorded<()>, _>(Error::invalid("no"))
        })
        .await;
        assert_eq!(outcome, Err(Error::invalid("no")));
        assert!(lab.notes().await.is_empty());
        lab.note(1, "whole").await.unwrap();
        assert_eq!(lab.notes().await, ["whole"]);
    }

    async fn a_closure_that_fails_does_not_touch_others(lab: Lab) {
        let writes = (0..40).map(|i| {
            let store = lab.store.clone();
            tokio::spawn(async move {
                store.write(move |tx| {
                    insert(tx, &format!("{i:02}"))?;
                    if i % 3 == 0 { Err(Error::conflict("every third")) } else { Ok(Recorded::new((), event(1, "kept"))) }
                })
                .await
            })
        });
        for (i, write) in writes.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(write.await.unwrap().is_err(), i % 3 == 0);
        }
        let kept: Vec<_> = (0..40).filter(|i| i % 3 != 0).map(|i| format!("{i:02}")).collect();
        assert_eq!(lab.notes().await, kept);
        assert_eq!(lab.events(1).await.len(), kept.len());
        crate::lab::assert_whole(&lab.events(1).await);
    }

    async fn a_failed_statement_can_not_be_overlooked(lab: Lab) {
        lab.note(1, "taken").await.unwrap();
        let outcome = lab.store.write(|tx| {
            insert(tx, "before")?;
            assert_eq!(insert(tx, "taken").unwrap_err().kind(), ErrorKind::Conflict);
            Ok(Recorded::new((), event(1, "overlooked")))
        })
        .await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(lab.notes().await, ["taken"]);
        assert_eq!(lab.events(1).await.len(), 1);
    }

    async fn a_panic_is_an_internal_error_and_leaves_nothing(lab: Lab) {
        let outcome = lab.store.write(|tx| -> pileus_model::Result<Recorded<()>> {
            insert(tx, "half")?;
            panic!("oh no")
        })
        .await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.detail().unwrap().contains("oh no"));
        assert_eq!(lab.store.read(|_| -> pileus_model::Result<()> { panic!("again") }).await.unwrap_err().kind(), ErrorKind::Internal);
        lab.note(1, "after").await.unwrap();
        assert_eq!(lab.notes().await, ["after"]);
    }

    async fn a_read_can_not_write(lab: Lab) {
        assert!(lab.store.read(|tx| insert(tx, "smuggled")).await.is_err());
        assert!(lab.notes().await.is_empty());
    }

    async fn a_read_is_one_snapshot(lab: Lab) {
        let (reached, wait) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let store = lab.store.clone();
        let read = tokio::spawn(async move {
            store.read(move |tx| {
                let before = notes(tx)?;
                reached.send(()).unwrap();
                gone.recv().unwrap();
                Ok((before, notes(tx)?))
            })
            .await
        });
        tokio::task::spawn_blocking(move || wait.recv()).await.unwrap().unwrap();
        lab.note(1, "meanwhile").await.unwrap();
        go.send(()).unwrap();
        let (before, after) = read.await.unwrap().unwrap();
        assert_eq!(before, after);
        assert_eq!(lab.notes().await, ["meanwhile"]);
    }

    async fn values_survive(lab: Lab) {
        let sql = "SELECT $1, $2, $3, $4";
        let sql = pileus_store::Sql { sqlite: sql, postgres: "SELECT $1::bigint, $2::boolean, $3::text, $4::bytea" };
        let (bytes, text) = ([0u8, 255, 7], "ünï 🐦 ' \" \\ \n");
        let ok = lab.store.read(move |tx| {
            let full = tx.one(sql, &[i64::MIN.into(), true.into(), text.into(), (&bytes).into()], |row| {
                assert!(row.int(2).is_err() && row.text(0).is_err() && row.int(9).is_err());
                Ok(row.int(0)? == i64::MIN && row.bool(1)? && row.text(2)? == text && row.bytes(3)? == bytes)
            })?;
            let null = pileus_store::Value::Null;
            let empty = tx.one(sql, &[null, null, null, null], |row| Ok((0..4).all(|i| row.is_null(i) == Ok(true)) && row.int(0).is_err()))?;
            let none = tx.one("SELECT log FROM audit_counters WHERE log = $1", &[999i64.into()], |row| row.int(0))?;
            Ok((full, empty, none))
        })
        .await;
        assert_eq!(ok, Ok((Some(true), Some(true), None)));
    }

    async fn rows_stop_when_the_callback_says_so(lab: Lab) {
        let seen = lab.store.read(|tx| {
            let mut seen = 0;
            let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n";
            tx.query(sql.into(), &[], &mut |_| {
                seen += 1;
                Ok(if seen == 3 { pileus_store::Flow::Stop } else { pileus_store::Flow::Next })
            })?;
            let failed = tx.query(sql.into(), &[], &mut |_| Err(Error::invalid("enough")));
            assert_eq!(failed, Err(Error::invalid("enough")));
            // A callback's own error is not the transaction's.
            Ok((seen, tx.one("SELECT log FROM audit_counters WHERE log = 1", &[], |row| row.int(0))?))
        })
        .await;
        assert_eq!(seen, Ok((3, Some(1))));
    }

    async fn new_logs_get_numbers_of_their_own(lab: Lab) {
        let made = (0..12).map(|_| {
            let store = lab.store.clone();
            tokio::spawn(async move {
                store.write(|tx| {
                    let log = audit::next_log(tx)?;
                    audit::create_log(tx, log)?;
                    Ok(Recorded::unaudited(log, "a test"))
                })
                .await
            })
        });
        let mut logs = Vec::new();
        for log in made.collect::<Vec<_>>() {
            logs.push(log.await.unwrap().unwrap().0);
        }
        logs.sort_unstable();
        assert_eq!(logs, (4..16).collect::<Vec<_>>());
    }

    async fn data_is_found_again(lab: Lab) {
        lab.note(1, "kept").await.unwrap();
        lab.store.close().await;
        assert_eq!(lab.note(1, "late").await.unwrap_err().kind(), ErrorKind::Unavailable);
        let (store, opened) = lab.again().await.unwrap();
        assert_eq!(opened, Opened { fresh: false });
        assert_eq!(store.read(notes).await.unwrap(), ["kept"]);
        store.close().await;
    }

    async fn a_newer_schema_is_refused(lab: Lab) {
        lab.write(|tx| {
            tx.run("INSERT INTO schema_version (version, name, checksum, applied_at) VALUES (99, 'future', '', 0)", &[])
        })
        .await
        .unwrap();
        let error = lab.again().await.unwrap_err();
        assert!(error.message().starts_with("the data was written by a newer version of Pileus (schema 99; "), "{error}");
    }

    async fn the_store_says_how_it_is(lab: Lab) {
        lab.store.ping().await.unwrap();
        assert_eq!(lab.store.written().closures, 3 + u64::from(lab.store.engine() == pileus_store::Engine::Sqlite));
    }
}
