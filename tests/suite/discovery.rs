//! Accounts of AWS from the creation over HTTP to what clients read, against moto with signatures and permissions on: what is stored is
//! what boto3 lists. The scanner, the engine and the store are the real ones.
//!
//! Needs a Python with moto (`PILEUS_TEST_PYTHON`); without one it says that it was skipped.

#[path = "../../crates/clouds/tests/house/mod.rs"]
pub mod house;
#[path = "../../crates/clouds/tests/same/mod.rs"]
mod same;

use super::insights_accounts::with_yaml;
use house::House;
use pileus_clouds::{
    BoxFuture, CloudError, Mode, Place, RedactionKey, ScanOptions, Sink,
    aws::{Aws, AwsConfig, Credentials},
};
use pileus_model::{
    clock::SystemClock,
    ids::{AccountId, OrgId},
    insights::resource_key,
};
use pileus_service::insights::scans::{
    clouds::Environments,
    engine::{Engine, EngineConfig},
    scanner::{Opened, Order, Scanner, Scanners},
};
use pileus_store::insights::{
    accounts, ingest, known,
    resources::{self, ResourceRow},
};
use pileus_testkit::app::{On, Options, TestApp};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex, MutexGuard};

const BASE: &str = "/api/preview/insights/pulumi/accounts";
/// Actions that the house's second user lacks.
const LACKING: &str = "sqs:ListQueues,ecs:DescribeClusters";

/// One house for all tests of this file and its neighbour, one at a time in it: it takes a while to fill.
pub async fn house() -> Option<MutexGuard<'static, House>> {
    static HOUSE: LazyLock<Option<Mutex<House>>> =
        LazyLock::new(|| House::open("moto", &[LACKING, "small"]).map(Mutex::new));
    match &*HOUSE {
        Some(house) => Some(house.lock().await),
        None => None,
    }
}

/// The scanner of AWS, for the types that moto knows.
#[derive(Debug)]
pub struct Known {
    pub aws: Arc<Aws>,
    types: BTreeMap<String, Vec<String>>,
    patience: AtomicU64,
}

impl Known {
    /// All that somebody says what there is of, at this address.
    pub fn at(url: &str, house: &House) -> Arc<Self> {
        let config = AwsConfig {
            endpoint: Some(url.to_owned()),
            native_rate: 1000.0,
            backoff: Duration::from_millis(2),
            ..AwsConfig::default()
        };
        let aws = Arc::new(Aws::new(config, Arc::new(SystemClock)).unwrap());
        let expected = house.expected().into_iter();
        let types = expected.map(|(place, types)| (place, types.into_keys().collect())).collect();
        Arc::new(Self { aws, types, patience: AtomicU64::new(60) })
    }
    /// From now on an answer may take so many seconds.
    pub fn patience(&self, seconds: u64) {
        self.patience.store(seconds, Ordering::SeqCst);
    }
}

fn credentials(opened: &Opened) -> Result<Credentials, CloudError> {
    Credentials::from_variables(|name| opened.variables.get(name).map(|value| value.expose().as_str()))
}

impl Scanner for Known {
    fn identity<'a>(&'a self, _: &'a Order, opened: &'a Opened) -> BoxFuture<'a, Result<String, CloudError>> {
        Box::pin(async move { Ok(self.aws.identity(&credentials(opened)?, None).await?.account) })
    }
    fn types(&self, order: &Order) -> Vec<String> {
        self.types.get(&order.place).cloned().unwrap_or_default()
    }
    fn scan<'a>(
        &'a self,
        order: &'a Order,
        opened: &'a Opened,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), CloudError>> {
        Box::pin(async move {
            let place = if order.place == "global" { Place::Global } else { Place::Region(order.place.clone()) };
            let options = ScanOptions {
                types: self.types(order),
                read_timeout: Duration::from_secs(self.patience.load(Ordering::SeqCst)),
                ..ScanOptions::new(RedactionKey::new([7; 32]))
            };
            self.aws.scan(&credentials(opened)?, &place, Mode::Native, &options, sink).await
        })
    }
}

#[derive(Debug)]
struct Only(Arc<Known>);

impl Scanners for Only {
    fn of(&self, provider: &str) -> Option<Arc<dyn Scanner>> {
        (provider == "aws").then(|| Arc::clone(&self.0) as Arc<dyn Scanner>)
    }
}

/// A Pileus whose cloud is at this address, and its engine.
pub async fn pileus(on: On, known: &Arc<Known>) -> Option<(TestApp, Engine)> {
    let options = Options { clouds: known.aws.clone(), ..Options::default() };
    let t = TestApp::start_with(on, options).await?;
    let scanners = Arc::new(Only(Arc::clone(known)));
    let engine = Engine::new(Arc::clone(&t.app), Arc::new(Environments), scanners, EngineConfig::new("one"));
    Some((t, engine))
}

/// An account `prod` with these regions and the key of this user of the house.
pub async fn account(t: &TestApp, house: &House, whose: &str, regions: &[&str]) {
    let (id, secret) = house.key(whose);
    let yaml = format!(
        "values:\n  environmentVariables:\n    AWS_ACCESS_KEY_ID: {id}\n    AWS_SECRET_ACCESS_KEY:\n      fn::secret: {secret}\n"
    );
    with_yaml(&t.admin, "creds", &yaml).await;
    let body = json!({"provider": "aws", "environment": "insights/creds", "scanSchedule": "none",
        "providerConfig": {"regions": regions}});
    let _ = t.admin.post(&format!("{BASE}/prod"), body).await.expect(204);
}

/// Starts a scan of this account and works until it is done.
pub async fn scan(t: &TestApp, engine: &Engine, name: &str) {
    let started = t.admin.post(&format!("{BASE}/{name}/scan"), json!({})).await;
    assert!(started.status < 300, "{}", started.text());
    while engine.tick().await.unwrap() > 0 {
        engine.idle().await;
    }
}

pub async fn get(t: &TestApp, path: &str) -> Value {
    t.admin.get(&format!("{BASE}/{path}")).await.expect(200).json()
}

/// What became of each type in a place, in the newest scan: outcome and count.
pub async fn coverage(t: &TestApp, place: &str) -> (String, BTreeMap<String, Value>) {
    let scans = get(t, &format!("prod%2F{place}/scans")).await;
    let scan = scans["scanStatuses"][0]["id"].as_str().unwrap().to_owned();
    let coverage = get(t, &format!("prod%2F{place}/scans/{scan}/coverage")).await;
    assert_eq!(coverage["status"], "succeeded");
    let types = coverage["types"].as_array().unwrap().iter();
    (scan, types.map(|row| (row["type"].as_str().unwrap().to_owned(), row.clone())).collect())
}

/// Resources and their states, by key.
pub type Stored = BTreeMap<[u8; 16], (ResourceRow, String)>;

/// What is stored of a place.
pub async fn stored(t: &TestApp, place: &str) -> Stored {
    let name = format!("prod/{place}");
    let found = t.app.store.read(|tx| pileus_store::organizations::by_name(tx, "pulumi")).await.unwrap();
    let org: OrgId = found.unwrap().org.id;
    let read = t.app.store.read(move |tx| {
        let leaf: AccountId = accounts::by_name(tx, org, &name)?.unwrap().account.id;
        let mut keys = Vec::new();
        known::known(tx, org, leaf, None, 100_000, &mut |known| keys.push(known.key))?;
        let mut all = BTreeMap::new();
        for key in keys {
            let row = resources::find(tx, org, leaf, &key)?.unwrap();
            let state = ingest::state(tx, org, leaf, &key)?.unwrap();
            let _ = all.insert(key, (row, state));
        }
        Ok(all)
    });
    read.await.unwrap()
}

/// Where what is stored of a place is not what boto3 lists.
pub async fn differences(t: &TestApp, house: &House, place: &str) -> Vec<String> {
    let mut stored = stored(t, place).await;
    let mut wrong = Vec::new();
    for (token, ids) in &house.expected()[place] {
        for (id, wanted) in ids {
            match stored.remove(&resource_key(token, id)) {
                None => wrong.push(format!("{place} {token} {id} is not stored")),
                Some((row, state)) => {
                    let differs = same::differences(&serde_json::from_str(&state).unwrap(), wanted);
                    wrong.extend(differs.iter().map(|what| format!("{place} {token} {id} {what}")));
                    if (&row.type_token, &row.id) != (token, id) || row.gone_at.is_some() || row.unseen_since.is_some()
                    {
                        wrong.push(format!("{place} {token} {id} is {row:?}"));
                    }
                }
            }
        }
    }
    let more = stored.into_values().filter(|(row, _)| row.gone_at.is_none());
    wrong.extend(more.map(|(row, _)| format!("{place} {} {} is stored, and not there", row.type_token, row.id)));
    wrong
}

async fn all_three_regions(on: On) {
    let Some(mut house) = house().await else { return };
    let known = Known::at(house.url(), &house);
    let Some((t, engine)) = pileus(on, &known).await else { return };
    let regions = ["us-east-1", "eu-west-1", "ap-southeast-2"];
    account(&t, &house, "all", &regions).await;
    let list = t.admin.get(&format!("{BASE}?parent=prod&count=10")).await.expect(200).json();
    let children: BTreeSet<_> =
        list["accounts"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(children, BTreeSet::from(["prod/ap-southeast-2", "prod/eu-west-1", "prod/global", "prod/us-east-1"]));
    scan(&t, &engine, "prod").await;
    let (expected, mut wrong, mut total) = (house.expected(), Vec::new(), 0);
    let mut services = BTreeSet::new();
    for place in regions.into_iter().chain(["global"]) {
        wrong.extend(differences(&t, &house, place).await);
        let (id, coverage) = coverage(&t, place).await;
        assert_eq!(coverage.len(), expected[place].len(), "{place}: one outcome for each type");
        let csv =
            t.admin.get(&format!("{BASE}/prod%2F{place}/scans/{id}/coverage?format=csv")).await.expect(200).text();
        assert_eq!(csv.lines().count(), 1 + coverage.len());
        let mut count = 0;
        for (token, ids) in &expected[place] {
            count += ids.len();
            if !ids.is_empty() {
                services.extend(house.services().remove(token));
            }
            let line = csv.lines().find(|line| line.starts_with(&format!("{place},{token},"))).unwrap();
            if coverage[token]["outcome"] == "listed" {
                assert_eq!(coverage[token]["listed"], ids.len(), "{place} {token}");
                assert!(line.starts_with(&format!("{place},{token},listed,{},,,", ids.len())), "{line}");
            } else {
                // Of these moto lists what there is and lacks a follow-up read.
                assert_eq!(coverage[token]["outcome"], "failed", "{place} {token} {}", coverage[token]);
                assert!(LACKED.contains(&token.as_str()), "{place} {token} {}", coverage[token]);
            }
        }
        assert_eq!(get(&t, &format!("prod%2F{place}")).await["scanStatus"]["resourceCount"], count, "{place}");
        total += count;
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert!(services.len() >= 60, "{} services", services.len());
    assert_eq!(get(&t, "prod").await["scanStatus"]["resourceCount"], total);
    let top = t.admin.get(&format!("{BASE}?count=10")).await.expect(200).json();
    assert_eq!(top["accounts"][0]["scanStatus"]["resourceCount"], total);
    println!("{total} resources of {} services are stored as boto3 lists them", services.len());
    comes_and_goes(&t, &engine, &mut house).await;
}

/// Types of which moto cannot tell all that is read.
const LACKED: [&str; 3] =
    ["aws:athena/namedQuery:NamedQuery", "aws:backup/vault:Vault", "aws:codedeploy/deploymentGroup:DeploymentGroup"];

/// Types of which moto says something else each time, or a minute later: it issues a certificate 60 seconds after it was asked for.
const RESTLESS: [&str; 4] = [
    "aws:acm/certificate:Certificate",
    "aws:athena/workgroup:Workgroup",
    "aws:athena/capacityReservation:CapacityReservation",
    "aws:dax/cluster:Cluster",
];

/// Whether moto says something else of this type each time.
pub fn restless(token: &str) -> bool {
    RESTLESS.contains(&token)
}

/// A topic comes, changes and goes; the history knows each state.
async fn comes_and_goes(t: &TestApp, engine: &Engine, house: &mut House) {
    let child = "prod%2Feu-west-1";
    let now = || t.app.clock.now().rfc3339();
    let before = now();
    t.clock.advance_seconds(60);
    let made = house.order("sns", "eu-west-1", "create_topic", json!({"Name": "late"}));
    let arn = made["done"]["TopicArn"].as_str().unwrap().to_owned();
    scan(t, engine, child).await;
    let topic = format!("{child}/resources/aws:sns%252Ftopic:Topic::{arn}");
    // By now everything that was being made is ready.
    let settled = stored(t, "eu-west-1").await;
    let first = get(t, &topic).await;
    assert_eq!((&first["version"], &first["state"]["TopicArn"]), (&json!(1), &json!(arn)));
    let plain = now();
    t.clock.advance_seconds(60);
    let named = json!({"TopicArn": arn, "AttributeName": "DisplayName", "AttributeValue": "é & <b>"});
    let _ = house.order("sns", "eu-west-1", "set_topic_attributes", named);
    scan(t, engine, child).await;
    let second = get(t, &topic).await;
    assert_eq!((&second["version"], &second["state"]["DisplayName"]), (&json!(2), &json!("é & <b>")));
    t.clock.advance_seconds(60);
    let _ = house.order("sns", "eu-west-1", "delete_topic", json!({"TopicArn": arn}));
    scan(t, engine, child).await;
    // It is gone now; what it was then is known.
    let _ = t.admin.get(&format!("{BASE}/{topic}?asOf={before}")).await.error(404);
    assert_eq!(get(t, &format!("{topic}?asOf={plain}")).await["version"], 1);
    let rows = stored(t, "eu-west-1").await;
    let (row, _) = &rows[&resource_key("aws:sns/topic:Topic", &arn)];
    assert!(row.gone_at.is_some() && row.version == 2, "{row:?}");
    let changed = rows.iter().filter(|(key, (row, _))| {
        row.id != arn && (row.gone_at.is_some() || settled.get(*key).is_none_or(|(was, _)| was.version != row.version))
    });
    let changed: Vec<String> = changed.map(|(_, (row, _))| format!("{} {}", row.type_token, row.id)).collect();
    let other: Vec<_> = changed.iter().filter(|what| !restless(what.split(' ').next().unwrap_or_default())).collect();
    assert!(other.is_empty(), "nothing else has a second version or is gone: {other:?}");
    assert_eq!(differences(t, house, "eu-west-1").await, Vec::<String>::new());
}

async fn two_actions_missing(on: On) {
    let Some(house) = house().await else { return };
    let known = Known::at(house.url(), &house);
    let Some((t, engine)) = pileus(on, &known).await else { return };
    account(&t, &house, "some", &["eu-west-1"]).await;
    scan(&t, &engine, "prod%2Feu-west-1").await;
    let (id, coverage) = coverage(&t, "eu-west-1").await;
    let shown = get(&t, &format!("prod%2Feu-west-1/scans/{id}/coverage")).await;
    assert_eq!(shown["deniedActions"], json!(["ecs:DescribeClusters", "sqs:ListQueues"]));
    let denied = ["aws:ecs/cluster:Cluster", "aws:ecs/service:Service", "aws:sqs/queue:Queue"];
    for (token, ids) in &house.expected()["eu-west-1"] {
        let row = &coverage[token];
        if denied.contains(&token.as_str()) {
            assert_eq!(row["outcome"], "denied", "{row}");
        } else if !LACKED.contains(&token.as_str()) {
            assert_eq!((&row["outcome"], &row["listed"]), (&json!("listed"), &json!(ids.len())), "{row}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_regions_sqlite() {
    all_three_regions(On::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_regions_postgres() {
    all_three_regions(On::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_actions_missing_sqlite() {
    two_actions_missing(On::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_actions_missing_postgres() {
    two_actions_missing(On::Postgres).await;
}
