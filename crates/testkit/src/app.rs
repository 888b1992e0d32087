//! A whole Pileus in the test's own process: real store, real listener, a clock that the test moves.

use crate::{client::Client, clock::TestClock, clouds::FakeClouds, entropy::SeededEntropy, postgres};
use pileus_egress::{Egress, EgressConfig};
use pileus_http::{HttpConfig, Rates};
use pileus_model::{
    audit::{AuditEvent, LogId},
    clock::{Clock, SystemClock},
    entropy::Entropy,
    token::TokenValue,
};
use pileus_service::{App, Settings, environments::Reach, insights::cloud::CloudIdentity, install, keys::Keys};
use pileus_store::{Flow, Store, StoreConfig, audit::Driver};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use tokio::sync::oneshot;

/// On which engine a test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Embedded SQLite in a directory of the test's own.
    Sqlite,
    /// A fresh database of the test run's own PostgreSQL.
    Postgres,
}

/// The token of the first site admin, `admin`, in every test.
pub const ADMIN_TOKEN: &str = "pul-00000000000000000000000000000000000admin";

/// What a test may want otherwise.
#[derive(Debug, Clone)]
pub struct Options {
    /// Parts of the HTTP floor.
    pub http: HttpConfig,
    /// Addresses that outgoing requests may reach although they are private.
    pub egress: EgressConfig,
    /// The machine's clock instead of the one that the test moves: for what compares it with the database's.
    pub real_clock: bool,
    /// Where the bootstrap token was written.
    pub admin_token_file: Option<std::path::PathBuf>,
    /// Who says whose credentials of clouds are.
    pub clouds: Arc<dyn CloudIdentity>,
    /// How the providers of environments reach clouds.
    pub reach: Reach,
}

impl Default for Options {
    fn default() -> Self {
        // A clock that stands still refills no bucket: tests of limits set their own.
        let rates = Rates { per_token: 0, public_per_address: 0, failed_logins_per_minute: 0, failed_logins_burst: 0 };
        let http = HttpConfig { rates, ..HttpConfig::default() };
        Self {
            http,
            egress: EgressConfig::default(),
            real_clock: false,
            admin_token_file: None,
            clouds: Arc::new(FakeClouds),
            reach: Reach::default(),
        }
    }
}

/// A running Pileus with the organisation `pulumi` and its admin `admin`.
#[derive(Debug)]
pub struct TestApp {
    /// Its insides, for what has no operation.
    pub app: Arc<App>,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// The site's first admin.
    pub admin: Client,
    /// The engine's database, for a second connection; empty on SQLite.
    pub database: String,
    made: AtomicU32,
    stop: Option<oneshot::Sender<()>>,
    directory: tempfile::TempDir,
}

impl TestApp {
    /// Starts one; `None` where the engine is missing on this machine (said, and counted as skipped).
    pub async fn start(on: On) -> Option<Self> {
        Self::start_with(on, Options::default()).await
    }

    /// Starts one with options.
    pub async fn start_with(on: On, options: Options) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        match on {
            On::Sqlite => {
                let config = StoreConfig::sqlite(directory.path().join("pileus.db"));
                Some(Self::start_on(config, String::new(), directory, options).await)
            }
            On::Postgres => {
                let database = postgres::fresh_database()?;
                Some(Self::start_on(StoreConfig::postgres(database.clone()), database, directory, options).await)
            }
        }
    }

    /// Starts one on this store.
    pub async fn start_on(
        config: StoreConfig,
        database: String,
        directory: tempfile::TempDir,
        options: Options,
    ) -> Self {
        let clock = Arc::new(TestClock::default());
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(7));
        let as_clock: Arc<dyn Clock> = if options.real_clock { Arc::new(SystemClock) } else { clock.clone() };
        let (store, _) = Store::open(config, Arc::clone(&as_clock), Arc::clone(&entropy)).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let settings = Settings {
            public_url: url.clone(),
            host_name: "pileus.test".into(),
            admin_token_file: options.admin_token_file,
            exports_per_caller: 4,
            exports_per_organization: 16,
        };
        let app = Arc::new(
            App::new(store, as_clock, entropy, Egress::new(options.egress), settings)
                .with_keys(Keys::parse(&"5e".repeat(32)).unwrap())
                .with_clouds(options.clouds)
                .with_reach(options.reach),
        );
        pileus_service::keys::verify(&app, "test").await.unwrap();
        let token = TokenValue::chosen(ADMIN_TOKEN.into()).unwrap();
        let first = install::Bootstrap { organization: "pulumi".into(), user: "admin".into(), token };
        assert!(install::bootstrap(&app, first).await.unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let service = pileus_http::serve_router(Arc::clone(&app), options.http).unwrap();
        tokio::spawn(pileus_http::serve(
            listener,
            service,
            async move { drop(stopped.await) },
            std::time::Duration::from_secs(1),
        ));
        Self {
            app,
            clock,
            admin: Client::new(url).with_token(ADMIN_TOKEN),
            database,
            made: AtomicU32::new(0),
            stop: Some(stop),
            directory,
        }
    }

    /// Where SQLite's files are.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// The same server without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(self.admin.base())
    }

    /// A new user, in no organisation.
    pub async fn user(&self, login: &str) -> Client {
        let body = json!({"login": login, "name": format!("Person {login}"), "email": format!("{login}@example.com")});
        let _ = self.admin.post("/api/admin/users", body).await.expect(201);
        self.token_of(login).await
    }

    /// A further token of a user.
    pub async fn token_of(&self, login: &str) -> Client {
        let path = format!("/api/admin/users/{login}/tokens");
        let made = self.admin.post(&path, json!({"description": format!("token of {login}")})).await;
        self.admin.with_token(made.json()["tokenValue"].as_str().unwrap_or_else(|| panic!("{}", made.text())))
    }

    /// A new user with this built-in role in the organisation `pulumi`.
    pub async fn member(&self, login: &str, role: &str) -> Client {
        let client = self.user(login).await;
        let _ = self.admin.post(&format!("/api/orgs/pulumi/members/{login}"), json!({"role": role})).await.expect(200);
        client
    }

    /// A new member whose custom role permits exactly this, anywhere.
    pub async fn member_with(&self, login: &str, permissions: &[&str]) -> Client {
        let client = self.member(login, "member").await;
        let role = self.role(permissions).await;
        let _ = self
            .admin
            .patch(&format!("/api/orgs/pulumi/members/{login}"), json!({"fgaRoleId": role}))
            .await
            .expect(204);
        client
    }

    /// A new custom role in `pulumi` that permits exactly this; its id.
    pub async fn role(&self, permissions: &[&str]) -> String {
        let n = self.made.fetch_add(1, Ordering::Relaxed);
        let details = json!({"__type": "PermissionDescriptorAllow", "permissions": permissions});
        let body = json!({"name": format!("role-{n}"), "description": "", "details": details,
            "resourceType": "organization", "uxPurpose": "role"});
        let made = self.admin.post("/api/orgs/pulumi/roles", body).await.expect(200);
        made.json()["id"].as_str().unwrap().to_owned()
    }

    /// A new organisation with an admin of its own.
    pub async fn organization(&self, name: &str, admin: &str) -> Client {
        let client = self.user(admin).await;
        let _ = self.admin.post("/api/admin/organizations", json!({"name": name, "admin": admin})).await.expect(201);
        client
    }

    /// The number of an organisation's log.
    pub async fn log(&self, organization: &str) -> LogId {
        let name = organization.to_owned();
        let found = self.app.store.read(move |tx| pileus_store::organizations::by_name(tx, &name)).await.unwrap();
        found.unwrap().org.log
    }

    /// Everything in a log, oldest first, straight from the store, with nothing left to be written.
    pub async fn events(&self, log: LogId) -> Vec<AuditEvent> {
        self.app.recorder.settled().await;
        let mut events = self
            .app
            .store
            .read(move |tx| {
                let mut events = Vec::new();
                pileus_store::audit::scan(tx, log, Driver::All, i64::MAX, 0, 100_000, &mut |event| {
                    events.push(event.clone());
                    Ok(Flow::Next)
                })?;
                Ok(events)
            })
            .await
            .unwrap();
        events.reverse();
        events
    }

    /// One page of the log of `pulumi` over HTTP, as the admin.
    pub async fn page(&self, query: &str) -> Value {
        self.admin.get(&format!("/api/orgs/pulumi/auditlogs/v2?{query}")).await.expect(200).json()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}
