//! What lives as long as the process.

use crate::{
    audit::Recorder,
    auth::Logins,
    environments,
    insights::{
        cloud::{CloudIdentity, NoClouds},
        scans,
    },
    keys::Keys,
    oidc::Oidc,
};
use pileus_egress::Egress;
use pileus_model::{clock::Clock, entropy::Entropy};
use pileus_store::Store;
use std::sync::Arc;

/// The parts that every verb may use.
#[derive(Debug)]
pub struct App {
    /// The store.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Guarded outgoing requests.
    pub egress: Egress,
    /// What is remembered between requests so that equal events are recorded once.
    pub recorder: Recorder,
    /// What is remembered of logins between requests.
    pub logins: Logins,
    /// What is remembered of OIDC issuers between requests.
    pub oidc: Oidc,
    /// The master key and what it wraps.
    pub keys: Keys,
    /// What requests and the engine of scans tell each other.
    pub scans: scans::Signals,
    /// Whom credentials of clouds are shown to before an account is made of them.
    pub clouds: Arc<dyn CloudIdentity>,
    /// How the providers of environments reach clouds.
    pub reach: environments::Reach,
    /// Evaluations that run at once: each holds a thread that the store may need.
    pub evaluations: tokio::sync::Semaphore,
    /// Openings that wait for clouds.
    pub waiting: environments::Waiting,
    /// What was parsed lately of definitions.
    pub parses: Arc<environments::Parses>,
    /// The rotators of secrets.
    pub(crate) rotators: crate::environments::Rotators,
    /// What the operator configured.
    pub settings: Settings,
}

impl App {
    /// The parts together, with nothing remembered yet.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        egress: Egress,
        settings: Settings,
    ) -> Self {
        Self {
            store,
            clock,
            entropy,
            egress,
            recorder: Recorder::default(),
            logins: Logins::default(),
            oidc: Oidc::default(),
            keys: Keys::none(),
            reach: environments::Reach::default(),
            evaluations: tokio::sync::Semaphore::new(environments::EVALUATIONS),
            waiting: environments::Waiting::default(),
            parses: Arc::default(),
            scans: scans::Signals::default(),
            clouds: Arc::new(NoClouds),
            rotators: crate::environments::Rotators::default(),
            settings,
        }
    }
    /// The same parts with clouds that can be asked.
    #[must_use]
    pub fn with_clouds(mut self, clouds: Arc<dyn CloudIdentity>) -> Self {
        self.clouds = clouds;
        self
    }
    /// The same parts with other ways to clouds for the providers of environments.
    #[must_use]
    pub fn with_reach(mut self, reach: environments::Reach) -> Self {
        self.reach = reach;
        self
    }
    /// The same parts with a master key.
    #[must_use]
    pub fn with_keys(mut self, keys: Keys) -> Self {
        self.keys = keys;
        self
    }
}

/// What the operator configured, as far as the verbs care.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where clients reach this installation, without a trailing slash: `http://127.0.0.1:8080`.
    pub public_url: String,
    /// The host name that CEF lines name: that of `public_url`.
    pub host_name: String,
    /// Where the bootstrap token of the first start was written, to be removed when that token is revoked.
    pub admin_token_file: Option<std::path::PathBuf>,
    /// Exports that one caller may run at once (4).
    pub exports_per_caller: usize,
    /// Exports that one organisation may have running at once (16).
    pub exports_per_organization: usize,
}
