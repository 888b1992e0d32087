//! What the unit tests of this crate share: a process with a store of its own, a clock that they move, and ways to get in.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::{App, Cx, Settings, auth, install, users};
use pileus_egress::{Egress, EgressConfig};
use pileus_model::{
    Secret, Timestamp,
    audit::{AuditEvent, LogId, RequestInfo},
    caller::BuiltinRole,
    clock::Clock,
    entropy::{Entropy, SystemEntropy},
    ids::{OrgId, RoleId, TeamId, TokenId, UserId},
    token::{TokenKind, TokenValue},
};
use pileus_store::{
    Flow, Recorded, Store, StoreConfig, Tx,
    audit::{self as store_audit, Driver},
    members, organizations as store_organizations,
    roles::{self, RoleRow},
    teams::{self, TeamRow},
    tokens::{self, NewTokenRow},
    users as store_users,
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Moves it by so many seconds.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// A process with the organisation `acme` and its admin `root`, who is the only site admin.
pub struct House {
    /// The process.
    pub app: Arc<App>,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// The token of `root`.
    pub root: TokenValue,
    _directory: tempfile::TempDir,
}

/// A process whose store is empty.
pub async fn empty() -> (Arc<App>, Arc<TestClock>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock(AtomicI64::new(1_700_000_000_000_000)));
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    // Both engines run these tests: SQLite by default, PostgreSQL with PILEUS_TEST_ENGINE=postgres.
    let postgres = std::env::var("PILEUS_TEST_ENGINE").is_ok_and(|engine| engine == "postgres");
    let config = match postgres.then(pileus_testkit::postgres::fresh_database) {
        Some(url) => StoreConfig::Postgres { url: Secret::new(url.unwrap()), pool: 8 },
        None => StoreConfig::Sqlite { path: directory.path().join("pileus.db"), readers: 2, max_pages: None },
    };
    let as_clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&clock);
    let (store, _) = Store::open(config, Arc::clone(&as_clock), Arc::clone(&entropy)).await.unwrap();
    let settings = Settings {
        public_url: "http://127.0.0.1:8080".into(),
        host_name: "127.0.0.1".into(),
        admin_token_file: None,
        exports_per_caller: 4,
        exports_per_organization: 16,
    };
    let app = App::new(store, as_clock, entropy, Egress::new(EgressConfig::default()), settings)
        .with_keys(crate::keys::Keys::parse(&"5e".repeat(32)).unwrap());
    (Arc::new(app), clock, directory)
}

impl House {
    /// Builds one.
    pub async fn new() -> Self {
        let (app, clock, directory) = empty().await;
        let root = TokenValue::new(&*app.entropy);
        let wanted = install::Bootstrap { organization: "acme".into(), user: "root".into(), token: root.clone() };
        assert!(install::bootstrap(&app, wanted).await.unwrap());
        Self { app, clock, root, _directory: directory }
    }
    /// A request with this token, for this organisation if one is named; it must be let in.
    pub async fn cx(&self, token: &TokenValue, org: Option<&str>) -> Cx {
        let request = RequestInfo { operation: "Test".into(), ..RequestInfo::default() };
        let known = auth::authenticate_and_access(&self.app, token.expose(), org, &request).await.unwrap();
        assert_eq!(known.access.is_some(), org.is_some(), "the caller is not in the organisation");
        Cx { app: Arc::clone(&self.app), request, caller: Some(known.caller), org: known.access }
    }
    /// A request of `root` in `acme`.
    pub async fn root_cx(&self) -> Cx {
        self.cx(&self.root, Some("acme")).await
    }
    /// A change without a record.
    pub async fn write<T: Send + 'static>(&self, mut change: impl FnMut(&mut dyn Tx) -> T + Send + 'static) -> T {
        self.app.store.write(move |tx| Ok(Recorded::unaudited(change(tx), "a test's preparation"))).await.unwrap()
    }
    /// Creates a user with a token.
    pub async fn user(&self, login: &str) -> TokenValue {
        let new = users::NewUser { login: login.into(), name: String::new(), email: String::new() };
        let user = users::create(&self.cx(&self.root, None).await, new).await.unwrap();
        self.token(NewTokenRow {
            user: Some(user.user.id),
            description: login.into(),
            ..self.blank(TokenKind::Personal)
        })
        .await
    }
    /// Creates a user with a token who is a member of `acme`.
    pub async fn member(&self, login: &str, role: BuiltinRole, custom: Option<RoleId>) -> TokenValue {
        let token = self.user(login).await;
        let (login, org, now) = (login.to_owned(), self.org("acme").await, self.clock.now());
        self.write(move |tx| {
            let user = store_users::by_login(tx, &login).unwrap().unwrap().user.id;
            members::insert(tx, org, user, role, custom, now).unwrap();
        })
        .await;
        token
    }
    /// The id of an organisation.
    pub async fn org(&self, name: &str) -> OrgId {
        let name = name.to_owned();
        self.app.store.read(move |tx| store_organizations::by_name(tx, &name)).await.unwrap().unwrap().org.id
    }
    /// The log of an organisation.
    pub async fn log_of(&self, name: &str) -> LogId {
        let name = name.to_owned();
        self.app.store.read(move |tx| store_organizations::by_name(tx, &name)).await.unwrap().unwrap().org.log
    }
    /// The id of a user.
    pub async fn id(&self, login: &str) -> UserId {
        let login = login.to_owned();
        self.app.store.read(move |tx| store_users::by_login(tx, &login)).await.unwrap().unwrap().user.id
    }
    /// A token's row to be filled in.
    pub fn blank(&self, kind: TokenKind) -> NewTokenRow {
        let (clock, entropy) = (&*self.app.clock, &*self.app.entropy);
        NewTokenRow {
            id: TokenId::new(clock, entropy),
            hash: TokenValue::new(entropy).hash(),
            kind,
            user: None,
            org: None,
            team: None,
            name: String::new(),
            description: String::new(),
            admin: false,
            role: None,
            issuer: None,
            created_by: "root".into(),
            created_at: clock.now(),
            expires_at: Timestamp::EPOCH,
        }
    }
    /// Adds a token with a fresh value.
    pub async fn token(&self, mut row: NewTokenRow) -> TokenValue {
        let value = TokenValue::new(&*self.app.entropy);
        row.hash = value.hash();
        self.write(move |tx| tokens::insert(tx, &row).unwrap()).await;
        value
    }
    /// Adds a custom role of `acme` that allows these permissions.
    pub async fn role(&self, name: &str, permissions: &[&str]) -> RoleId {
        let id = RoleId::new(&*self.app.clock, &*self.app.entropy);
        let details = serde_json::json!({ "__type": "PermissionDescriptorAllow", "permissions": permissions });
        let (org, now) = (self.org("acme").await, self.clock.now());
        let row = RoleRow {
            id,
            name: name.into(),
            description: String::new(),
            resource_type: "organization".into(),
            ux_purpose: "role".into(),
            details: details.to_string(),
            version: 1,
            created_at: now,
            modified_at: now,
        };
        self.write(move |tx| roles::insert(tx, org, &row).unwrap()).await;
        id
    }
    /// Adds a team of `acme` with this user in it.
    pub async fn team(&self, name: &str, login: &str, admin: bool, role: Option<RoleId>) -> TeamId {
        let id = TeamId::new(&*self.app.clock, &*self.app.entropy);
        let (org, user, now) = (self.org("acme").await, self.id(login).await, self.clock.now());
        let row = TeamRow {
            id,
            name: name.into(),
            display_name: name.into(),
            description: String::new(),
            role,
            created_at: now,
        };
        self.write(move |tx| {
            teams::insert(tx, org, &row).unwrap();
            teams::add_member(tx, org, row.id, user, admin, now).unwrap();
        })
        .await;
        id
    }
    /// The events of a log, the oldest first.
    pub async fn events(&self, log: LogId) -> Vec<AuditEvent> {
        let read = self.app.store.read(move |tx| {
            let mut events = Vec::new();
            store_audit::scan(tx, log, Driver::All, i64::MAX, 0, 2000, &mut |event| {
                events.push(event.clone());
                Ok(Flow::Next)
            })?;
            Ok(events)
        });
        let mut events = read.await.unwrap();
        events.reverse();
        events
    }
    /// The events of an organisation's log of one type, the oldest first: their descriptions.
    pub async fn said(&self, org: &str, event: &str) -> Vec<String> {
        let log = if org.is_empty() { LogId::SITE } else { self.log_of(org).await };
        let all = self.events(log).await.into_iter().filter(|e| e.event.event.id() == event);
        all.map(|e| e.event.description).collect()
    }
}
