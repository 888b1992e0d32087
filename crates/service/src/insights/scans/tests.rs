//! What scans promise: one at a time, never twice, never a wrong "gone", and a state that says what happened.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod pileus_service {
    pub use crate::*;
}
use pileus_clouds;

#[path = "../../../../../tests/suite/fake_cloud.rs"]
mod fake_cloud;
mod forget;
mod leases;
mod mentions;
mod prints;
mod resume;

use super::{
    engine::{Engine, EngineConfig},
    *,
};
use crate::{Cx, insights::coverage, insights::schedule, testing::House};
use fake_cloud::{FakeCloud, OnlyAws, thing};
use pileus_clouds::{Found, TypeOutcome};
use pileus_model::{
    ErrorKind, Timestamp,
    ids::{AccountId, OrgId, ScanId},
    insights::{Account, EnvironmentRef, Provider, Schedule, child_name, resource_key},
};
use pileus_store::insights::{
    accounts, handles, resources,
    scans::{Progress, Scan},
};
use serde_json::json;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

const BUCKET: &str = "aws:s3/bucket:Bucket";
const QUEUE: &str = "aws:sqs/queue:Queue";

struct Lab {
    house: House,
    cloud: Arc<FakeCloud>,
    cx: Cx,
}

impl Lab {
    async fn new() -> Self {
        let house = House::new().await;
        let cx = house.root_cx().await;
        Self { house, cloud: Arc::default(), cx }
    }
    fn engine(&self, node: &str) -> Engine {
        self.engine_as(EngineConfig::new(node))
    }
    fn engine_as(&self, config: EngineConfig) -> Engine {
        let opener: Arc<FakeCloud> = Arc::clone(&self.cloud);
        let scanners = Arc::new(OnlyAws(Arc::clone(&self.cloud)));
        Engine::new(Arc::clone(&self.house.app), opener, scanners, config)
    }
    /// One that writes often.
    fn eager(&self, node: &str) -> Engine {
        self.engine_as(EngineConfig { look: Duration::from_millis(4), ..EngineConfig::new(node) })
    }
    /// Returns when this holds; asked again and again, at most for a while.
    async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        for _ in 0..5000 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        panic!("never: {what}");
    }
    /// A root with children for these places.
    async fn account(
        &self,
        name: &str,
        provider: Provider,
        places: &[&str],
        schedule: Schedule,
    ) -> (Account, Vec<Account>) {
        let app = &self.house.app;
        let fresh = || AccountId::new(&*app.clock, &*app.entropy);
        let now = app.clock.now();
        let id = fresh();
        let root = Account {
            id,
            root: id,
            name: name.into(),
            place: None,
            provider,
            environment: EnvironmentRef { project: "p".into(), name: "e".into(), version: None },
            config: "{}".into(),
            agent_pool: None,
            owner: None,
            owner_login: "root".into(),
            cloud_account: None,
            cloud_partition: None,
            excluded: Vec::new(),
            created_at: now,
            modified_at: now,
        };
        let child = |place: &&str| Account {
            id: fresh(),
            name: child_name(name, place),
            place: Some((*place).into()),
            ..root.clone()
        };
        let children: Vec<Account> = places.iter().map(child).collect();
        let (org, rows, root2) = (self.house.org("acme").await, children.clone(), root.clone());
        self.house
            .write(move |tx| {
                accounts::insert(tx, org, &root2).unwrap();
                for row in &rows {
                    accounts::insert(tx, org, row).unwrap();
                }
                schedule::create(tx, org, root2.id, &schedule, &Options::default(), now).unwrap();
            })
            .await;
        (root, children)
    }
    /// One leaf of AWS that is only scanned by hand.
    async fn leaf(&self) -> Account {
        self.account("a", Provider::Aws, &["us-east-1"], Schedule::None).await.1.remove(0)
    }
    async fn scan(&self, leaf: &Account) -> Run {
        let engine = self.engine("one");
        let run = start(&self.cx, leaf, Options::default()).await.unwrap().unwrap();
        assert_eq!(engine.tick().await.unwrap(), 1);
        engine.idle().await;
        find(&self.cx, leaf, run.scan.id).await.unwrap()
    }
    async fn resource(&self, leaf: &Account, kind: &str, id: &str) -> Option<resources::ResourceRow> {
        let (org, account, key) = (self.house.org("acme").await, leaf.id, resource_key(kind, id));
        self.house.app.store.read(move |tx| resources::find(tx, org, account, &key)).await.unwrap()
    }
    /// Paths of the edges of a resource's first version, and where they lead.
    async fn edges(&self, leaf: &Account, kind: &str, id: &str) -> Vec<(String, Option<String>)> {
        let (row, org) = (self.resource(leaf, kind, id).await.unwrap(), self.house.org("acme").await);
        let read = self.house.app.store.read(move |tx| handles::edges(tx, org, &row, 1, None, 100)).await.unwrap();
        read.into_iter().map(|edge| (edge.path, Some(edge.other.id))).collect()
    }
    async fn log(&self, leaf: &Account, scan: ScanId) -> String {
        let page = log(&self.cx, leaf, scan, 0, 500).await.unwrap();
        page.lines.into_iter().map(|line| line.line + "\n").collect()
    }
}

#[tokio::test]
async fn a_scan_finds_what_is_there_and_says_so() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, (0..321).map(|n| thing(BUCKET, &format!("b-{n}"), json!({"n": n}))).collect());
    let denied = TypeOutcome::Denied { action: "sqs:ListQueues".into(), message: "no".into() };
    lab.cloud.put_as("us-east-1", QUEUE, denied, Vec::new());
    let run = lab.scan(&leaf).await;
    assert_eq!((run.scan.state.as_str(), run.scan.failure.as_deref()), ("succeeded", None));
    assert_eq!(run.scan.progress.resources, Some(321));
    assert_eq!((run.scan.progress.types_done, run.scan.progress.types_total, run.scan.progress.calls), (2, 2, 5));
    assert_eq!(run.scan.environment, "p/e@7");
    assert!(run.scan.finished_at.is_some());
    let steps: Vec<_> = run.jobs[0].steps.iter().map(|s| (s.name.as_str(), s.status.as_str())).collect();
    assert_eq!(steps, STEPS.map(|name| (name, "succeeded")));
    assert_eq!((run.jobs[0].status.as_str(), run.jobs[0].worker.as_deref()), ("succeeded", Some("one")));

    let rows = coverage::read(&lab.cx, &leaf, run.scan.id).await.unwrap();
    let rows: Vec<_> = rows.iter().map(|r| (r.type_token.as_str(), r.outcome.as_ref(), r.listed)).collect();
    assert_eq!(rows, [(BUCKET, "listed", Some(321)), (QUEUE, "denied", None)]);
    assert_eq!(coverage::denied_actions(&lab.cx, &leaf, run.scan.id).await.unwrap(), ["sqs:ListQueues"]);

    let text = lab.log(&leaf, run.scan.id).await;
    for expected in [
        "Setup\n",
        "Opened environment p/e@7\n",
        "aws:s3/bucket:Bucket in us-east-1: 321 found, 4 calls (1 of 2 types)\n",
        "aws:sqs/queue:Queue in us-east-1: denied sqs:ListQueues no\n",
        "321 resources seen, 0 gone, 0 not seen any more and not proved gone\n",
        "Types that were not listed: 1 denied. The coverage statement says more\n",
        "Succeeded\n",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    let step = step_log(&lab.cx, &leaf, run.scan.id, 0, 3, 0).await.unwrap();
    assert_eq!((step.name, step.next), ("Scan account", None));
    assert!(step.lines.iter().all(|line| !line.header && line.step == 3));
    let rest = step_log(&lab.cx, &leaf, run.scan.id, 0, 3, 1).await.unwrap();
    assert_eq!(rest.lines, step.lines[1..]);
    assert_eq!(step_log(&lab.cx, &leaf, run.scan.id, 1, 0, 0).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        lab.house.said("acme", "cloud-account-scan-started").await,
        ["Started a scan of account \"a/us-east-1\" by hand"]
    );
}

#[tokio::test]
async fn pages_of_the_log_lose_and_repeat_nothing() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, vec![thing(BUCKET, "b", json!({}))]);
    let run = lab.scan(&leaf).await;
    let whole = log(&lab.cx, &leaf, run.scan.id, 0, 500).await.unwrap();
    assert_eq!(whole.next, None);
    let (mut pages, mut from) = (Vec::new(), Some(0));
    while let Some(next) = from {
        let page = log(&lab.cx, &leaf, run.scan.id, next, 3).await.unwrap();
        pages.extend(page.lines);
        from = page.next;
    }
    assert_eq!(pages, whole.lines);
    for bad in [0, 501] {
        assert_eq!(log(&lab.cx, &leaf, run.scan.id, 0, bad).await.unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn only_a_change_makes_a_version() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    let put = |size: i64| {
        lab.cloud.put(
            "us-east-1",
            BUCKET,
            vec![thing(BUCKET, "x", json!({"size": size})), thing(BUCKET, "y", json!({}))],
        )
    };
    put(1);
    let _ = lab.scan(&leaf).await;
    let written = lab.resource(&leaf, BUCKET, "x").await.unwrap();
    lab.house.clock.advance(60);
    let _ = lab.scan(&leaf).await;
    assert_eq!(lab.resource(&leaf, BUCKET, "x").await.unwrap(), written, "an unchanged resource is not written");
    put(2);
    lab.house.clock.advance(60);
    let _ = lab.scan(&leaf).await;
    let now = lab.resource(&leaf, BUCKET, "x").await.unwrap();
    assert_eq!((now.version, now.modified_at), (2, lab.house.app.clock.now()));
    assert_eq!(lab.resource(&leaf, BUCKET, "y").await.unwrap().version, 1);
}

#[tokio::test]
async fn gone_is_only_what_was_listed_to_the_end() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    let both = || vec![thing(BUCKET, "x", json!({})), thing(BUCKET, "y", json!({}))];
    lab.cloud.put("us-east-1", BUCKET, both());
    let _ = lab.scan(&leaf).await;

    // Listed in part: nobody knows.
    lab.house.clock.advance(60);
    let since = lab.house.app.clock.now();
    let failed = TypeOutcome::Failed { code: "InternalError".into(), message: "again".into() };
    lab.cloud.put_as("us-east-1", BUCKET, failed, both()[..1].to_vec());
    let run = lab.scan(&leaf).await;
    assert_eq!(run.scan.state, "succeeded", "a partial failure is a scan with a statement");
    let y = lab.resource(&leaf, BUCKET, "y").await.unwrap();
    assert_eq!((y.gone_at, y.unseen_since), (None, Some(since)));
    assert_eq!(lab.resource(&leaf, BUCKET, "x").await.unwrap().unseen_since, None);

    // More was listed than arrived.
    lab.cloud.put_as("us-east-1", BUCKET, TypeOutcome::Listed(2), both()[..1].to_vec());
    let _ = lab.scan(&leaf).await;
    assert_eq!(lab.resource(&leaf, BUCKET, "y").await.unwrap().gone_at, None);

    // Seen again: the mark goes, and no version comes.
    lab.cloud.put("us-east-1", BUCKET, both());
    let _ = lab.scan(&leaf).await;
    let y = lab.resource(&leaf, BUCKET, "y").await.unwrap();
    assert_eq!((y.gone_at, y.unseen_since, y.version), (None, None, 1));

    // Listed to the end, and absent: gone. Then back, as a new version.
    lab.house.clock.advance(60);
    lab.cloud.put("us-east-1", BUCKET, both()[..1].to_vec());
    let _ = lab.scan(&leaf).await;
    assert_eq!(lab.resource(&leaf, BUCKET, "y").await.unwrap().gone_at, Some(lab.house.app.clock.now()));
    lab.house.clock.advance(60);
    lab.cloud.put("us-east-1", BUCKET, both());
    let _ = lab.scan(&leaf).await;
    let y = lab.resource(&leaf, BUCKET, "y").await.unwrap();
    assert_eq!((y.gone_at, y.version), (None, 2));
}

#[tokio::test]
async fn a_failed_scan_changes_nothing_that_it_did_not_see() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, vec![thing(BUCKET, "x", json!({}))]);
    let _ = lab.scan(&leaf).await;
    lab.cloud.put("us-east-1", BUCKET, Vec::new());
    lab.cloud.expires.store(true, Ordering::SeqCst);
    let run = lab.scan(&leaf).await;
    assert_eq!(run.scan.state, "failed");
    assert!(run.scan.failure.unwrap().contains("the token has expired"));
    let x = lab.resource(&leaf, BUCKET, "x").await.unwrap();
    assert_eq!((x.gone_at, x.unseen_since), (None, None));
    lab.cloud.expires.store(false, Ordering::SeqCst);

    *lab.cloud.whose.lock().unwrap() = "999999999999".into();
    let run = lab.scan(&leaf).await;
    let why = "the credentials belong to the cloud account 999999999999, but this is the account of 123456789012: nothing was changed";
    assert_eq!((run.scan.state.as_str(), run.scan.failure.as_deref()), ("failed", Some(why)));
    assert_eq!(lab.resource(&leaf, BUCKET, "x").await.unwrap().gone_at, None);

    *lab.cloud.broken.lock().unwrap() = Some("environment not found".into());
    let run = lab.scan(&leaf).await;
    assert_eq!(run.scan.failure.as_deref(), Some("the environment p/e could not be opened: environment not found"));
    assert!(lab.log(&leaf, run.scan.id).await.contains("Failed: the environment p/e could not be opened"));
    let (root, _) = lab.account("g", Provider::Gcp, &[], Schedule::None).await;
    let run = lab.scan(&root).await;
    assert_eq!(run.scan.failure.as_deref(), Some("no scanner for gcp in this version"));
}

#[tokio::test]
async fn what_could_not_be_read_this_time_is_no_change() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, vec![thing(BUCKET, "x", json!({"a": 1, "tags": {"t": "v"}}))]);
    let _ = lab.scan(&leaf).await;
    let unread = Found { unread: vec!["tags".into()], ..thing(BUCKET, "x", json!({"a": 1})) };
    lab.cloud.put("us-east-1", BUCKET, vec![unread]);
    let _ = lab.scan(&leaf).await;
    assert_eq!(lab.resource(&leaf, BUCKET, "x").await.unwrap().version, 1);
}

#[tokio::test]
async fn edges_are_found_in_either_order() {
    let lab = Lab::new().await;
    let (_, leaves) = lab.account("a", Provider::Aws, &["global", "us-east-1"], Schedule::None).await;
    let role_arn = "arn:aws:iam::123456789012:role/app";
    let (role, function) = ("aws:iam/role:Role", "aws:lambda/function:Function");
    let function_found = thing(function, "f", json!({"role": role_arn, "environment": {"bucketName": "logs"}}));
    lab.cloud.put("us-east-1", function, vec![function_found]);
    lab.cloud.put("us-east-1", BUCKET, vec![thing(BUCKET, "logs", json!({}))]);
    let _ = lab.scan(&leaves[1]).await;
    let bucket = || ("/environment/bucketName".to_owned(), Some("logs".to_owned()));
    assert_eq!(lab.edges(&leaves[1], function, "f").await, [bucket()]);
    lab.cloud.put(
        "global",
        role,
        vec![Found { arn: Some(role_arn.into()), ..thing(role, "app", json!({"Arn": role_arn})) }],
    );
    let _ = lab.scan(&leaves[0]).await;
    assert_eq!(lab.edges(&leaves[1], function, "f").await, [bucket(), ("/role".into(), Some("app".into()))]);
}

#[test]
fn a_parent_is_what_its_children_are() {
    assert_eq!(aggregate(&[]), None);
    let one = |state: &str, n: u8, resources: Option<i64>| Scan {
        org: OrgId::from_bytes([0; 16]),
        id: ScanId::from_bytes([n; 16]),
        root: AccountId::from_bytes([0; 16]),
        account: AccountId::from_bytes([n; 16]),
        batch: ScanId::from_bytes([1; 16]),
        cause: "manual".into(),
        user: None,
        login: "root".into(),
        state: state.into(),
        failure: (state == "failed").then(|| "no".into()),
        options: "{}".into(),
        environment: "p/e".into(),
        started_at: Timestamp::from_micros(i64::from(n)),
        updated_at: Timestamp::from_micros(i64::from(n)),
        finished_at: (state != "running").then(|| Timestamp::from_micros(100)),
        timeout_at: Timestamp::from_micros(1000),
        progress: Progress { resources, ..Progress::default() },
        cancel_login: None,
        holder: None,
        fence: 0,
        attempts: 0,
        account_name: format!("a/{n}"),
        lost: 0,
        leads: false,
    };
    for (states, expected) in [
        (["failed", "running"], "running"),
        (["succeeded", "running"], "running"),
        (["failed", "succeeded"], "succeeded"),
        (["failed", "failed"], "failed"),
    ] {
        let all = aggregate(&[one(states[0], 1, Some(2)), one(states[1], 2, Some(3))]).unwrap();
        assert_eq!((all.state.as_str(), all.progress.resources), (expected, Some(5)), "{states:?}");
        assert_eq!((all.started_at.as_micros(), all.finished_at.is_some()), (1, expected != "running"));
        assert_eq!(all.failure.is_some(), expected == "failed");
    }
}
