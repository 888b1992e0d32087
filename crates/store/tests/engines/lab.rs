//! A store of the test's own on either engine, and what tests write into it.

use pileus_model::{
    Result, Timestamp,
    audit::{Actor, ActorKind, AuditEvent, LogId, NewEvent, Outcome, RequestInfo, Target, catalogue},
    entropy::Entropy,
};
use pileus_store::{
    Flow, Opened, Recorded, Store, StoreConfig, Tx, TxExt,
    audit::{self, Driver},
};
use pileus_testkit::{clock::TestClock, entropy::SeededEntropy, postgres};
use std::sync::Arc;

/// On which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
}

/// Runs each test on both engines.
macro_rules! both {
    ($(async fn $name:ident($lab:ident: Lab) $body:block)*) => {$(
        async fn $name($lab: $crate::lab::Lab) $body
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name($crate::lab::Lab::start($crate::lab::On::Sqlite).await.unwrap()).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(lab) = $crate::lab::Lab::start($crate::lab::On::Postgres).await {
                    super::$name(lab).await;
                }
            }
        }
    )*};
}
pub(crate) use both;

/// A store with the logs 1, 2 and 3.
pub struct Lab {
    pub store: Store,
    pub clock: Arc<TestClock>,
    pub config: StoreConfig,
    /// The database's address; empty on SQLite.
    pub url: String,
    pub directory: tempfile::TempDir,
}

impl Lab {
    /// None where the engine is missing.
    pub async fn start(on: On) -> Option<Self> {
        match on {
            On::Sqlite => Some(Self::sqlite(None).await),
            On::Postgres => Some(Self::postgres(postgres::fresh_database()?).await),
        }
    }
    pub async fn sqlite(max_pages: Option<u32>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = StoreConfig::Sqlite { path: directory.path().join("pileus.db"), readers: 4, max_pages };
        Self::on(directory, config, String::new()).await
    }
    pub async fn postgres(url: String) -> Self {
        Self::on(tempfile::tempdir().unwrap(), StoreConfig::postgres(url.clone()), url).await
    }
    async fn on(directory: tempfile::TempDir, config: StoreConfig, url: String) -> Self {
        let clock = Arc::new(TestClock::default());
        let (store, opened) = open(&config, &clock).await.unwrap();
        assert_eq!(opened, Opened { fresh: true });
        let lab = Self { store, clock, config, url, directory };
        for log in 1..=3 {
            lab.write(move |tx| audit::create_log(tx, LogId(log))).await.unwrap();
        }
        lab
    }
    /// Another store on the same data.
    pub async fn again(&self) -> Result<(Store, Opened)> {
        open(&self.config, &self.clock).await
    }
    /// Writes without an event.
    pub async fn write<T: Send + 'static>(
        &self,
        mut f: impl FnMut(&mut dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.store.write(move |tx| Ok(Recorded::unaudited(f(tx)?, "a test"))).await
    }
    /// Adds a note and its event.
    pub async fn note(&self, log: i64, text: &str) -> Result<()> {
        let text = text.to_owned();
        self.store
            .write(move |tx| {
                insert(tx, &text)?;
                Ok(Recorded::new((), event(log, &text)))
            })
            .await
    }
    /// The notes, sorted.
    pub async fn notes(&self) -> Vec<String> {
        self.store.read(notes).await.unwrap()
    }
    /// The log, oldest first.
    pub async fn events(&self, log: i64) -> Vec<AuditEvent> {
        self.store.read(move |tx| events(tx, log, Driver::All)).await.unwrap()
    }
}

pub async fn open(config: &StoreConfig, clock: &Arc<TestClock>) -> Result<(Store, Opened)> {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
    Store::open(config.clone(), Arc::<TestClock>::clone(clock), entropy).await
}

/// Adds a note: a row with a unique text.
pub fn insert(tx: &mut dyn Tx, text: &str) -> Result<()> {
    tx.run("INSERT INTO audit_reads (log, reader, at) VALUES ($1, $2, 0)", &[77i64.into(), text.into()]).map(|_| ())
}

pub fn notes(tx: &mut dyn Tx) -> Result<Vec<String>> {
    tx.all("SELECT reader FROM audit_reads WHERE log = $1 ORDER BY reader", &[77i64.into()], |row| {
        Ok(row.text(0)?.to_owned())
    })
}

/// All events to which the driver leads, oldest first.
pub fn events(tx: &mut dyn Tx, log: i64, driver: Driver<'_>) -> Result<Vec<AuditEvent>> {
    let mut found = Vec::new();
    audit::scan(tx, LogId(log), driver, i64::MAX, 0, 2000, &mut |event| {
        found.push(event.clone());
        Ok(Flow::Next)
    })?;
    found.reverse();
    Ok(found)
}

/// An event whose description is `text`.
pub fn event(log: i64, text: &str) -> NewEvent {
    NewEvent {
        log: LogId(log),
        event: catalogue::TEAM_CREATED,
        actor: Actor {
            kind: ActorKind::User,
            user: None,
            login: "Alice".into(),
            name: "Alice Example".into(),
            token: None,
            token_name: String::new(),
        },
        request: RequestInfo { operation: "CreatePulumiTeam".into(), ..RequestInfo::default() },
        target: Target::new("team", text),
        outcome: Outcome::Success,
        description: text.to_owned(),
        count: 1,
    }
}

/// Positions 1, 2, 3 … and times that never fall.
pub fn assert_whole(events: &[AuditEvent]) {
    let mut before = Timestamp::EPOCH;
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.seq, index as i64 + 1);
        assert!(event.at >= before, "{:?} is earlier than the one before it", event);
        before = event.at;
    }
}
