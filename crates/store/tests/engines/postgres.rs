//! What only PostgreSQL can be asked: other nodes, lost connections.

use crate::lab::{Lab, On, event, insert, open};
use pileus_model::{ErrorKind, audit::LogId};
use pileus_store::{Recorded, Store, StoreConfig, TxExt, audit};
use pileus_testkit::{
    clock::TestClock,
    postgres::{self, Cluster, Durability},
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio_postgres::NoTls;

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Waits until somebody waits for a lock.
async fn somebody_waits(client: &tokio_postgres::Client) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while client.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_past_does_not_miss_a_slow_writer() {
    let Some(lab) = Lab::start(On::Postgres).await else { return };
    let other = connect(&lab.url).await;
    lab.store.settle(LogId(1), lab_now(&lab)).await.unwrap();
    // Another node took the counter, gave its event a time, and has not committed.
    other
        .batch_execute(
            "BEGIN; UPDATE audit_counters SET seq = 1, at = 1000 WHERE log = 1;
             INSERT INTO audit_events VALUES (1, 1, 1000, '\\x00112233445566778899aabbccddeeff', 'team-created', 'user', NULL, 'a', 'a', 'a',
                NULL, '', NULL, '', '', NULL, '', 'team', 'x', 'success', 'slow', 1)",
        )
        .await
        .unwrap();
    assert!(lab.events(1).await.is_empty());
    lab.store.settle(LogId(2), lab_now(&lab)).await.unwrap();
    let store = lab.store.clone();
    let now = lab_now(&lab);
    let reading = tokio::spawn(async move {
        store.settle(LogId(1), now).await?;
        store.read(|tx| crate::lab::events(tx, 1, audit::Driver::All)).await
    });
    somebody_waits(&connect(&lab.url).await).await;
    assert!(!reading.is_finished());
    other.batch_execute("COMMIT").await.unwrap();
    let events = reading.await.unwrap().unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event.description, "slow");
    // The waiting reader kept no lock.
    lab.note(1, "next").await.unwrap();
    assert_eq!(lab.events(1).await[1].seq, 2);
}

fn lab_now(lab: &Lab) -> pileus_model::Timestamp {
    use pileus_model::clock::Clock;
    lab.clock.now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_tried_again() {
    let Some(lab) = Lab::start(On::Postgres).await else { return };
    let runs = Arc::new(AtomicU32::new(0));
    let meeting = Arc::new(std::sync::Barrier::new(2));
    let writers = [(1i64, 2i64), (2, 1)].map(|(first, second)| {
        let (store, runs, meeting) = (lab.store.clone(), runs.clone(), meeting.clone());
        tokio::spawn(async move {
            store
                .write(move |tx| {
                    const LOCK: &str = "SELECT seq FROM audit_counters WHERE log = $1 FOR UPDATE";
                    tx.one(LOCK, &[first.into()], |_| Ok(()))?;
                    if runs.fetch_add(1, Ordering::SeqCst) < 2 {
                        meeting.wait();
                    }
                    tx.one(LOCK, &[second.into()], |_| Ok(()))?;
                    insert(tx, &format!("{first}"))?;
                    Ok(Recorded::new((), event(1, "done")))
                })
                .await
        })
    });
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(runs.load(Ordering::SeqCst), 3, "one of the two ran twice");
    assert_eq!(lab.notes().await, ["1", "2"]);
    crate::lab::assert_whole(&lab.events(1).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_away_is_found_again() {
    let Some(cluster) = Cluster::start(Durability::None) else { return };
    let lab = Lab::postgres(cluster.fresh_database()).await;
    lab.note(1, "before").await.unwrap();
    cluster.stop();
    assert_eq!(lab.note(1, "lost").await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(lab.store.read(crate::lab::notes).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(lab.store.ping().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(lab.store.settle(LogId(1), lab_now(&lab)).await.unwrap_err().kind(), ErrorKind::Unavailable);
    cluster.restart();
    lab.store.ping().await.unwrap();
    lab.note(1, "after").await.unwrap();
    assert_eq!(lab.notes().await, ["after", "before"]);
    crate::lab::assert_whole(&lab.events(1).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_nodes_may_start_at_once() {
    let Some(url) = postgres::fresh_database() else { return };
    let clock = Arc::new(TestClock::default());
    let nodes = (0..4).map(|_| {
        let (config, clock) = (StoreConfig::postgres(url.clone()), clock.clone());
        tokio::spawn(async move { open(&config, &clock).await.map(|(_, opened)| opened.fresh) })
    });
    let mut fresh = 0;
    for node in nodes.collect::<Vec<_>>() {
        fresh += u32::from(node.await.unwrap().unwrap());
    }
    assert_eq!(fresh, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_can_not_be_used_is_said() {
    let clock = Arc::new(TestClock::default());
    let refused = async |url: &str| open(&StoreConfig::postgres(url), &clock).await.unwrap_err();
    assert_eq!(refused("postgres://a@127.0.0.1/b?sslmode=require").await.kind(), ErrorKind::Invalid);
    assert_eq!(refused("postgres://a@127.0.0.1/b?colour=blue").await.kind(), ErrorKind::Invalid);
    assert_eq!(refused("postgres://a@127.0.0.1:1/b").await.kind(), ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_clock_is_compared() {
    let Some(lab) = Lab::start(On::Postgres).await else { return };
    lab.clock.set(pileus_model::Timestamp::from_micros(1_000_000));
    let ahead = lab.store.ping().await.unwrap().clock_ahead_micros;
    assert!(ahead < -1_000_000_000_000_000, "a node that lives in 1970 is behind: {ahead}");
}

/// Each driver is led by its index, also where the statistics would tempt the planner to walk the whole log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rare_value_is_found_by_its_index() {
    let Some(lab) = Lab::start(On::Postgres).await else { return };
    lab.write(|tx| {
        let mut list = (0..6000u32).map(|n| {
            let mut made = event(1, "x");
            made.actor.login = if n < 50 { "rare".into() } else { "common".into() };
            (pileus_testkit::clock::START, made)
        });
        audit::append_bulk(tx, LogId(1), &pileus_testkit::entropy::SeededEntropy::new(3), &mut list)
    })
    .await
    .unwrap();
    let client = connect(&lab.url).await;
    client.batch_execute("ANALYZE; SET plan_cache_mode = force_generic_plan").await.unwrap();
    for (column, ty, index) in [
        ("actor_key", "text", "audit_by_actor"),
        ("event", "text", "audit_by_event"),
        ("target", "text", "audit_by_target"),
        ("token_id", "bytea", "audit_by_token"),
        ("ip", "bytea", "audit_by_ip"),
    ] {
        let sql = format!(
            "PREPARE s_{column} (bigint, {ty}, bigint, bigint, bigint) AS SELECT seq FROM audit_events \
             WHERE log = $1 AND {column} = $2 AND -seq > $3 AND -seq <= $4 ORDER BY -seq LIMIT $5; "
        );
        client.batch_execute(&sql).await.unwrap();
        let plan =
            client.simple_query(&format!("EXPLAIN EXECUTE s_{column} (1, 'rare', -9000, -1, 100)")).await.unwrap();
        let plan = format!("{plan:?}");
        assert!(plan.contains(index), "{column}: {plan}");
    }
}

/// A page of accounts is read in the order of its index, and not sorted out of all that follow; what is due is found without
/// reading what is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_and_schedules_are_read_by_their_index() {
    let Some(lab) = Lab::start(On::Postgres).await else { return };
    let client = connect(&lab.url).await;
    client
        .batch_execute(
            "INSERT INTO accounts (org_id, id, root_id, name, provider, env_project, env_name, config, owner_login, excluded, created_at, modified_at)
             SELECT '\\x01', decode(lpad(to_hex(n), 32, '0'), 'hex'), decode(lpad(to_hex(n), 32, '0'), 'hex'), 'account-' || n, 'oci', 'p', 'e', '{}',
                'root', '', 1, 1 FROM generate_series(1, 5000) n;
             INSERT INTO scan_schedules (org_id, account_id, schedule, cron, paused, options, spread, due_at, created_at, modified_at)
             SELECT org_id, id, 'daily', '0 0 * * *', FALSE, '{}', 0, 1000, 1, 1 FROM accounts;
             ANALYZE; SET plan_cache_mode = force_generic_plan;
             PREPARE page (bytea, text, bigint) AS SELECT a.name, c.cron, s.state FROM accounts a
                LEFT JOIN scan_schedules c ON c.account_id = a.root_id LEFT JOIN scans s ON s.id = a.last_scan_id
                WHERE a.org_id = $1 AND a.parent_id IS NULL AND a.name > $2 ORDER BY a.parent_id, a.org_id, a.name LIMIT $3;
             PREPARE due (bigint, bigint) AS SELECT account_id FROM scan_schedules WHERE due_at <= $1 ORDER BY due_at, account_id LIMIT $2;",
        )
        .await
        .unwrap();
    let plan = async |execute: &str| {
        format!("{:?}", client.simple_query(&format!("EXPLAIN EXECUTE {execute}")).await.unwrap())
    };
    let page = plan("page ('\\x01', 'account-2', 101)").await;
    assert!(page.contains("accounts_by_parent") && !page.contains("Sort"), "{page}");
    let due = plan("due (999, 1000)").await;
    assert!(due.contains("Index Scan using scan_schedules_due"), "{due}");
}

/// The connections that two reads at once are given.
async fn two_connections(store: Store) -> BTreeSet<i64> {
    let both = Arc::new(Barrier::new(2));
    let read = |both: Arc<Barrier>| {
        store.read(move |tx| {
            let own = tx.one("SELECT pg_backend_pid()::bigint", &[], |row| row.int(0))?;
            both.wait();
            Ok(own)
        })
    };
    let (one, other) = tokio::join!(read(Arc::clone(&both)), read(both));
    [one, other].into_iter().map(|pid| pid.unwrap().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_outlive_the_runtime_that_asked_for_them() {
    let Some(lab) = Lab::start(On::Postgres).await else { return };
    let store = lab.store.clone();
    let elsewhere = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(two_connections(store))
    });
    let then = elsewhere.join().unwrap();
    assert_eq!(then.len(), 2);
    assert_eq!(two_connections(lab.store.clone()).await, then);
}
