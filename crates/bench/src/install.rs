//! Installations to be filled: made, opened and locked as the server does it.
//!
//! This room knows where an installation's data is. It must never know what the events look like.

use crate::{Result, fill};
use pileus_egress::{Egress, EgressConfig};
use pileus_model::{
    Timestamp,
    clock::{Clock, SystemClock},
    entropy::SystemEntropy,
    token::TokenValue,
};
use pileus_server::data_dir::DataDir;
use pileus_service::{App, Settings, install};
use pileus_store::{Store, StoreConfig};
use pileus_testkit::server::TOKEN;
use std::{fmt, path::PathBuf, sync::Arc};

/// The admin of a new installation.
const ADMIN: &str = "admin";
/// The embedded database in a data directory.
pub(crate) const FILE: &str = "pileus.db";
/// How long before its first filled event a new installation is made, in seconds.
const BEFORE: i64 = 3_600;

/// Where an installation's data is.
#[derive(Debug, Clone)]
pub enum Place {
    /// In this data directory.
    Sqlite(PathBuf),
    /// In this database of PostgreSQL.
    Postgres(String),
}

/// What was done.
#[derive(Debug)]
pub struct Filled {
    /// Events written.
    pub events: u64,
    /// The organisation.
    pub organization: String,
    /// Seconds that it took.
    pub seconds: f64,
    /// Whether the installation was made for it.
    pub new: bool,
}

impl fmt::Display for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, organization, seconds, new } = self;
        write!(f, "{events} events written into the log of {organization} in {seconds:.1} s")?;
        if *new {
            write!(f, "\nnew installation: user {ADMIN}, access token {TOKEN}")?;
        }
        Ok(())
    }
}

/// A clock that stands still, so that a new installation is older than the events that it gets: the times in a log never
/// fall.
#[derive(Debug)]
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Fills the log of this organisation. A new installation is made with it.
///
/// # Errors
/// In words: a data directory that is in use, an organisation that is not there, what the store says.
pub async fn fill(place: &Place, organization: &str, events: u64, seed: u64) -> Result<Filled> {
    let began = crate::bench::now();
    // As long as it is held, no server starts on it.
    let held = match place {
        Place::Sqlite(path) => Some(DataDir::open(path).map_err(|e| e.to_string())?),
        Place::Postgres(_) => None,
    };
    let config = match place {
        Place::Sqlite(path) => StoreConfig::sqlite(path.join(FILE)),
        Place::Postgres(url) => StoreConfig::postgres(url.clone()),
    };
    let first = Arc::new(At(fill::until(SystemClock.now()).plus_seconds(-fill::seconds(events) - BEFORE)));
    let (store, opened) =
        Store::open(config, first.clone(), Arc::new(SystemEntropy)).await.map_err(|e| e.to_string())?;
    let done = into(&store, first, organization, events, seed).await;
    store.close().await;
    drop(held);
    done.map(|()| Filled {
        events,
        organization: organization.to_owned(),
        seconds: began.elapsed().as_secs_f64(),
        new: opened.fresh,
    })
}

async fn into(store: &Store, first: Arc<At>, organization: &str, events: u64, seed: u64) -> Result<()> {
    let token = TokenValue::chosen(TOKEN.to_owned()).map_err(|e| e.to_string())?;
    let wanted = install::Bootstrap { organization: organization.to_owned(), user: ADMIN.into(), token };
    // Changes nothing where somebody was before.
    install::bootstrap(&app(store.clone(), first), wanted).await.map_err(|e| e.to_string())?;
    let name = organization.to_owned();
    let found =
        store.read(move |tx| pileus_store::organizations::by_name(tx, &name)).await.map_err(|e| e.to_string())?;
    let log = found.ok_or_else(|| format!("there is no organisation {organization}"))?.org.log;
    fill::fill(store, log, events, seed, SystemClock.now()).await.map_err(|e| e.to_string())
}

/// Just enough of an application to make an installation.
fn app(store: Store, clock: Arc<dyn Clock>) -> App {
    let settings = Settings {
        public_url: "http://127.0.0.1".into(),
        host_name: "127.0.0.1".into(),
        admin_token_file: None,
        exports_per_caller: 4,
        exports_per_organization: 16,
    };
    App::new(store, clock, Arc::new(SystemEntropy), Egress::new(EgressConfig::default()), settings)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use pileus_model::audit::LogId;

    #[tokio::test]
    async fn a_new_installation_is_filled_and_filled_again() {
        let parent = tempfile::tempdir().unwrap();
        let place = Place::Sqlite(parent.path().join("data"));
        assert!(fill(&place, "acme", 1_500, 1).await.unwrap().new);
        assert!(!fill(&place, "acme", 1_500, 2).await.unwrap().new);
        assert!(fill(&place, "nobody", 1, 1).await.unwrap_err().contains("no organisation nobody"));
        let config = StoreConfig::sqlite(parent.path().join("data").join(FILE));
        let (store, _) = Store::open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await.unwrap();
        let (seq, at) = store.read(|tx| pileus_store::audit::last(tx, LogId(1))).await.unwrap();
        assert!((3_001..3_100).contains(&seq), "what made the installation comes first: {seq}");
        assert!(at <= SystemClock.now());
        store.close().await;
    }

    #[tokio::test]
    async fn a_data_directory_in_use_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let _held = DataDir::open(&path).unwrap();
        assert!(fill(&Place::Sqlite(path), "acme", 1, 1).await.unwrap_err().contains("is in use"));
    }
}
