//! Recording: positions without gaps, times that never fall, whoever writes meanwhile.

use crate::lab::{assert_whole, both, event, insert};
use pileus_model::ErrorKind;
use pileus_store::Recorded;

both! {
    async fn sixteen_writers_leave_no_gap(lab: Lab) {
        let clients = (0..16).map(|client| {
            let (store, clock) = (lab.store.clone(), lab.clock.clone());
            tokio::spawn(async move {
                for n in 0..25 {
                    // The clock goes on, and now and then back.
                    clock.advance_micros(if n % 7 == 3 { -5_000 } else { 900 });
                    let text = format!("{client}-{n}");
                    store.write(move |tx| {
                        insert(tx, &text)?;
                        Ok(Recorded::new((), event(1, &text)))
                    })
                    .await
                    .unwrap();
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
        let events = lab.events(1).await;
        assert_eq!(events.len(), 400);
        assert_whole(&events);
        // Each client's events stand in the order in which they were acknowledged.
        for client in 0..16 {
            let own = events.iter().filter_map(|e| e.event.description.strip_prefix(&format!("{client}-")).map(str::to_owned));
            assert!(own.eq((0..25).map(|n| n.to_string())));
        }
        let mut noted: Vec<_> = events.into_iter().map(|e| e.event.description).collect();
        noted.sort();
        assert_eq!(lab.notes().await, noted);
    }

    async fn a_clock_that_jumps_back_does_not_take_the_log_along(lab: Lab) {
        let start = pileus_testkit::clock::START;
        lab.note(1, "a").await.unwrap();
        lab.clock.advance_seconds(-3600);
        lab.note(1, "b").await.unwrap();
        lab.note(2, "c").await.unwrap();
        lab.clock.advance_seconds(3601);
        lab.note(1, "d").await.unwrap();
        let times: Vec<_> = lab.events(1).await.iter().map(|e| e.at).collect();
        assert_eq!(times, [start, start, start.plus_seconds(1)]);
        assert_eq!(lab.events(2).await[0].at, start.plus_seconds(-3600));
    }

    async fn logs_may_be_named_in_any_order(lab: Lab) {
        let writers = (0..12).map(|i| {
            let store = lab.store.clone();
            tokio::spawn(async move {
                let mut logs = [1, 2, 3];
                logs.rotate_left(i % 3);
                store.write(move |_| Ok(Recorded::with_all((), logs.iter().chain(&logs).map(|log| event(*log, "x")).collect()))).await
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap().unwrap();
        }
        for log in 1..=3 {
            let events = lab.events(log).await;
            assert_eq!(events.len(), 24);
            assert_whole(&events);
        }
    }

    async fn an_event_needs_a_log(lab: Lab) {
        assert_eq!(lab.note(99, "nowhere").await.unwrap_err().kind(), ErrorKind::Internal);
        assert!(lab.notes().await.is_empty());
    }

    async fn texts_are_kept_alike(lab: Lab) {
        let strange = "Created team \"a\r\nb\rc\0d|=\\ 🐦 \u{202e}rtl\"";
        lab.store.write(move |_| Ok(Recorded::new((), event(1, strange)))).await.unwrap();
        let found = lab.events(1).await.remove(0).event;
        assert_eq!(found.description, "Created team \"a\nb\nc\u{fffd}d|=\\ 🐦 \u{202e}rtl\"");
        // Names too: Go's CSV reader, and so the CLI, would change a CRLF inside quotes.
        assert_eq!(found.target.name, found.description);
    }
}
