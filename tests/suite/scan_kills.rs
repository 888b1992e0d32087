//! Fifty scans in a real server that is killed (SIGKILL) again and again in the middle of them: nothing is lost, nothing doubled,
//! nothing wrongly gone, on both engines. The moments of the kills are moments of the scans: the cloud stops answering after so many
//! questions, and when scans hang there the server dies.

use super::scan_fake_aws::{self as fake, FakeAws, KINDS, changes, numbers};
use pileus_model::{
    ids::{AccountId, OrgId},
    insights::{Account, resource_key},
};
use pileus_store::{
    Flow, Store, StoreConfig,
    audit::Driver,
    insights::{absent, accounts, known, lines, resources, scans, scans::Scan},
};
use pileus_testkit::{
    client::{Answer, Client},
    clock::TestClock,
    entropy::SeededEntropy,
    server::Start,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

const BASE: &str = "/api/preview/insights/pulumi/accounts";
/// Accounts; each has what belongs to no region, and the first two have a region too: fifty scans.
const ACCOUNTS: usize = 48;
const WITH_REGION: usize = 2;
const ENVIRONMENTS: usize = 9;
/// After how many answers the cloud falls silent, for each kill of a round.
const KILLS: [i64; 3] = [300, 600, 700];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_fifty_scans_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let config = StoreConfig::sqlite(data.join("pileus.db"));
    kills(Start::new(env!("CARGO_BIN_EXE_pileus"), data), config).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_fifty_scans_postgres() {
    let Some(database) = pileus_testkit::postgres::fresh_database() else { return };
    let directory = tempfile::tempdir().unwrap();
    let start = Start::new(env!("CARGO_BIN_EXE_pileus"), directory.path().join("data"));
    kills(Start { database: Some(database.clone()), ..start }, StoreConfig::postgres(database)).await;
}

async fn kills(mut start: Start, config: StoreConfig) {
    let cloud = FakeAws::start().await;
    start.env.extend([
        ("PILEUS_CLOUDS_AWS_ENDPOINT".into(), cloud.url.clone()),
        ("PILEUS_CLOUDS_AWS_LISTING".into(), "native".into()),
        ("PILEUS_LIMITS_REQUESTS_PER_SECOND".into(), "1000000".into()),
    ]);
    let mut server = start.run();
    prepare(&server.admin()).await;
    for generation in 1..=2 {
        cloud.generation(generation);
        cloud.answer(KILLS[0]);
        for account in 0..ACCOUNTS {
            let _ = server.admin().post(&format!("{BASE}/a{account}/scan"), json!({})).await.expect(204);
        }
        for (n, answers) in KILLS.iter().enumerate() {
            if n > 0 {
                cloud.answer(*answers);
            }
            // All that may run at once hang now: each asks up to eight questions at once.
            cloud.stuck(8).await;
            assert!(!running(&server.admin()).await.is_empty());
            if n == 1 {
                // What is done of a scan is written every few seconds: this time the kill comes after that.
                until("a scan that hangs has written what is done", async || some_progress(&server.admin()).await)
                    .await;
                let waits = queued(&server.admin()).await;
                let again = server.admin().post(&format!("{BASE}/{waits}/scan"), json!({})).await.error(400);
                assert_eq!(again, "scan already in progress");
            }
            server.kill();
            server = start.run();
        }
        cloud.answer(i64::MAX);
        until("all scans have ended", async || running(&server.admin()).await.is_empty()).await;
        let (code, _) = server.stop();
        assert_eq!(code, Some(0));
        check(config.clone(), generation).await;
        server = start.run();
    }
    assert_eq!(server.stop().0, Some(0));
    println!("the cloud was asked {} questions", cloud.asked());
}

/// Returns when this holds; asked again and again, at most for a while.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    panic!("never: {what}");
}

async fn prepare(admin: &Client) {
    for n in 0..ENVIRONMENTS {
        super::insights_accounts::environment(admin, &format!("e{n}"), &format!("{:012}", 100 + n), "secret").await;
    }
    let account = |n: usize| {
        json!({"name": format!("a{n}"), "provider": "aws", "environment": format!("insights/e{}", n % ENVIRONMENTS),
            "scanSchedule": "none", "providerConfig": {"regions": ["eu-west-1"]}})
    };
    let all: Vec<Value> = (0..ACCOUNTS).map(account).collect();
    let made: Answer = admin.post(BASE, json!({"accounts": all})).await.expect(200);
    assert_eq!(made.json()["accounts"].as_array().unwrap().len(), ACCOUNTS, "{}", made.text());
    for n in WITH_REGION..ACCOUNTS {
        let _ = admin.delete(&format!("{BASE}/a{n}%2Feu-west-1")).await.expect(204);
    }
}

/// The accounts of which something is being scanned.
async fn running(admin: &Client) -> Vec<String> {
    let list = admin.get(&format!("{BASE}?count=1000")).await.expect(200).json();
    let all = list["accounts"].as_array().unwrap().clone();
    assert_eq!(all.len(), ACCOUNTS);
    let running = all.into_iter().filter(|account| account["scanStatus"]["status"] == "running");
    running.map(|account| account["name"].as_str().unwrap().to_owned()).collect()
}

/// Whether a scan that runs has a type behind it, in what is written.
async fn some_progress(admin: &Client) -> bool {
    for account in running(admin).await {
        for place in ["eu-west-1", "global"] {
            let name = format!("{account}%2F{place}");
            let found = admin.get(&format!("{BASE}/{name}/scan")).await;
            // Most have no region.
            if found.status == 404 {
                continue;
            }
            let scan = found.json();
            if scan["status"] != "running" || scan["jobs"][0]["status"] != "running" {
                continue;
            }
            let id = scan["id"].as_str().unwrap();
            let coverage = admin.get(&format!("{BASE}/{name}/scans/{id}/coverage")).await.expect(200).json();
            if coverage["types"].as_array().unwrap().iter().any(|row| row["outcome"] == "listed") {
                return true;
            }
        }
    }
    false
}

/// A leaf whose scan waits for a free hand.
async fn queued(admin: &Client) -> String {
    for account in running(admin).await {
        let name = format!("{account}%2Fglobal");
        let scan = admin.get(&format!("{BASE}/{name}/scan")).await.expect(200).json();
        if scan["jobs"][0]["status"] == "not-started" {
            return name;
        }
    }
    panic!("no scan waits, although all hands hang");
}

/// Everything that is there, from inside, with no server running.
async fn check(config: StoreConfig, generation: u64) {
    let (clock, entropy) = (Arc::new(TestClock::default()), Arc::new(SeededEntropy::new(7)));
    let (store, _) = Store::open(config, clock, entropy).await.unwrap();
    let found = store.read(|tx| pileus_store::organizations::by_name(tx, "pulumi")).await.unwrap().unwrap().org;
    let org = found.id;
    let mut started = BTreeMap::<String, u64>::new();
    let events = store.read(move |tx| {
        let mut texts = Vec::new();
        pileus_store::audit::scan(tx, found.log, Driver::All, i64::MAX, 0, 100_000, &mut |event| {
            if event.event.event.id() == "cloud-account-scan-started" {
                texts.push(event.event.target.name.to_string());
            }
            Ok(Flow::Next)
        })?;
        Ok(texts)
    });
    for target in events.await.unwrap() {
        *started.entry(target).or_default() += 1;
    }
    let mut interrupted = 0;
    for account in 0..ACCOUNTS {
        let name = format!("a{account}");
        let read = store.read(move |tx| {
            let root = accounts::by_name(tx, org, &name)?.unwrap().account;
            let leaves = accounts::children(tx, org, root.id, "", 10)?;
            Ok(leaves.into_iter().map(|leaf| leaf.listed.account).collect::<Vec<_>>())
        });
        for leaf in read.await.unwrap() {
            assert_eq!(
                started.remove(&leaf.name),
                Some(generation),
                "each start of a scan of {} is recorded once",
                leaf.name
            );
            interrupted += runs(&store, org, &leaf, generation).await;
            state(&store, org, &leaf, generation).await;
        }
    }
    assert!(started.is_empty(), "{started:?}");
    assert!(interrupted >= 8, "the kills came in the middle: {interrupted}");
    store.close().await;
}

/// One run for each generation, each with one end; they don't overlap. How many attempts the newest took more than one.
async fn runs(store: &Store, org: OrgId, leaf: &Account, generation: u64) -> i64 {
    let id = leaf.id;
    let all: Vec<Scan> = store.read(move |tx| scans::list(tx, org, id, None, 100)).await.unwrap();
    assert_eq!(all.len() as u64, generation, "{}", leaf.name);
    for pair in all.windows(2) {
        assert!(pair[1].finished_at.unwrap() <= pair[0].started_at, "{} overlap", leaf.name);
    }
    for scan in &all {
        let id = scan.id;
        let (log, rest) =
            store.read(move |tx| Ok((lines::page(tx, id, 0, 10_000)?, absent::some(tx, id, 1)?))).await.unwrap();
        let log: Vec<String> = log.into_iter().map(|(_, line)| line.line).collect();
        let said = |what: &str| log.iter().filter(|line| line.starts_with(what)).count();
        assert_eq!((scan.state.as_str(), scan.failure.as_deref()), ("succeeded", None), "{} {log:#?}", leaf.name);
        assert_eq!((said("Succeeded"), log.last().map(String::as_str)), (1, Some("Succeeded")), "{log:#?}");
        // A kill between the claim and the first line leaves no line.
        assert!(said("This scan was interrupted") < usize::try_from(scan.attempts).unwrap(), "{log:#?}");
        assert!(scan.attempts <= 1 + i64::try_from(KILLS.len()).unwrap());
        assert!(rest.is_empty());
    }
    all[0].attempts - 1
}

/// What is kept of a leaf is what the cloud has, each change is one version, and gone is only what went.
async fn state(store: &Store, org: OrgId, leaf: &Account, generation: u64) {
    let global = leaf.place.as_deref() == Some("global");
    let id: AccountId = leaf.id;
    let known = store.read(move |tx| {
        let mut keys = BTreeSet::new();
        known::known(tx, org, id, None, 100_000, &mut |known| {
            keys.insert(known.key);
        })?;
        Ok(keys)
    });
    let mut keys = known.await.unwrap();
    for kind in KINDS.iter().filter(|kind| kind.global == global) {
        for number in numbers(1).start..numbers(generation).end {
            let key = resource_key(kind.token, &fake::name(number));
            let row = store.read(move |tx| resources::find(tx, org, id, &key)).await.unwrap();
            let what = format!("{} {} {number}", leaf.name, kind.token);
            let row = row.unwrap_or_else(|| panic!("{what} is lost"));
            assert!(keys.remove(&key));
            let first = (1..=generation).find(|generation| numbers(*generation).contains(&number)).unwrap();
            let last = (1..=generation).rfind(|generation| numbers(*generation).contains(&number)).unwrap();
            let versions = if changes(number) { 1 + last - first } else { 1 };
            assert_eq!(row.version as u64, versions, "{what} has versions");
            assert_eq!(row.gone_at.is_some(), last < generation, "{what} is gone");
            assert_eq!(row.unseen_since, None, "{what}");
        }
    }
    assert!(keys.is_empty(), "{} has {} resources that never were", leaf.name, keys.len());
}
