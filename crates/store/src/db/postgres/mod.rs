//! PostgreSQL: a pool of connections, a transaction per closure, tried again where the database asks for it.
//!
//! It knows the connection. It must never know what the rooms do with it.

mod connect;
mod tx;
mod values;

use super::{
    error, migrate,
    store::{Health, ReadJob, Tools, WriteJob},
};
use crate::audit;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use futures_util::future::join;
use pileus_model::{Error, Result, Secret, audit::LogId};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};
use tokio::runtime::Handle;
use tokio_postgres::{Config, config::SslMode};
use tx::PostgresTx;

/// The oldest server that is supported, as `server_version_num` counts.
const OLDEST: i32 = 150_000;
/// How long a caller waits for a connection, and a connection for the server.
const WAIT: Duration = Duration::from_secs(5);
/// After this long without a word the server is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often a transaction is tried.
const ATTEMPTS: u32 = 10;
/// What is waited before a transaction is tried again, times the number of attempts.
const BACK_OFF: Duration = Duration::from_millis(3);
/// What every connection is told first: nothing may hold a lock, or keep us waiting, for ever.
const SESSION: &str = "SET statement_timeout = '30s'; SET lock_timeout = '10s'; \
                       SET idle_in_transaction_session_timeout = '30s'; SET client_min_messages = 'error'";

/// An open database.
#[derive(Debug)]
pub(super) struct Postgres {
    pool: Pool,
    runtime: Handle,
    tools: Arc<Tools>,
}

impl Postgres {
    /// Connects and brings the schema up to date. Tells whether it was created by this call.
    pub async fn open(url: &Secret<String>, size: usize, tools: Arc<Tools>) -> Result<(Self, bool)> {
        let config = parse(url)?;
        let runtime = Handle::current();
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(config, connect::On(runtime.clone()), recycling);
        let pool = Pool::builder(manager)
            .max_size(size.max(2))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT))
            .recycle_timeout(Some(WAIT))
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|e| Error::internal(format!("the pool of connections: {e}")))?;
        let this = Self { pool, runtime, tools };
        let mut client = this.connection().await?;
        let version = client.query_one("SELECT current_setting('server_version_num')::int", &[]).await;
        let version: i32 = version.and_then(|row| row.try_get(0)).map_err(|e| error::postgres(&e))?;
        if version < OLDEST {
            return Err(Error::invalid(format!("PostgreSQL {} is too old: 15 or newer is needed", version / 10_000)));
        }
        let fresh = migrate::postgres(&mut client, &*this.tools.clock).await?;
        drop(client);
        Ok((this, fresh))
    }

    pub async fn read(&self, mut job: ReadJob) -> Result<()> {
        let client = self.connection().await?;
        let runtime = self.runtime.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut tx = PostgresTx::read(&client, &runtime);
            let done = catch_unwind(AssertUnwindSafe(|| job(&mut tx))).unwrap_or_else(|p| Err(error::panicked(&*p)));
            let ended = tx.end(done);
            let broken = tx.is_broken();
            give_back(client, broken);
            ended
        });
        task.await.map_err(|panic| Error::internal(panic.to_string()))?
    }

    pub async fn write(&self, mut job: WriteJob) -> Result<()> {
        let client = self.connection().await?;
        let (runtime, tools) = (self.runtime.clone(), Arc::clone(&self.tools));
        let task = tokio::task::spawn_blocking(move || write(client, &runtime, &tools, &mut job));
        task.await.map_err(|panic| Error::internal(panic.to_string()))?
    }

    /// Waits for whoever holds the log's counter, by sharing it for a moment.
    pub async fn settle(&self, log: LogId) -> Result<()> {
        const SHARE: &str = "SELECT seq FROM audit_counters WHERE log = $1 FOR SHARE";
        let client = self.connection().await?;
        // A task of its own: a caller that goes away must not leave the lock in the pool.
        let task = self.runtime.spawn(async move {
            let statement = client.prepare_cached(SHARE).await.map_err(|e| error::postgres(&e))?;
            let begin = client.batch_execute("BEGIN; SET LOCAL lock_timeout = '5s'");
            let (begun, shared) = join(begin, client.query_opt(&statement, &[&log.0])).await;
            let ended = client.batch_execute("ROLLBACK").await;
            let outcome = begun.and(shared).and(ended).map_err(|e| error::postgres(&e));
            give_back(client, outcome.is_err());
            outcome
        });
        task.await.map_err(|panic| Error::internal(panic.to_string()))?
    }

    pub async fn ping(&self) -> Result<Health> {
        const LOOK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, \
                            pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'";
        let client = self.connection().await?;
        let look = async {
            let statement = client.prepare_cached(LOOK).await?;
            let before = self.tools.clock.now();
            let row = client.query_one(&statement, &[]).await?;
            let after = self.tools.clock.now();
            Ok::<_, tokio_postgres::Error>((before, row.try_get::<_, i64>(0)?, row.try_get::<_, bool>(1)?, after))
        };
        let look = tokio::time::timeout(WAIT, look).await.map_err(|_| error::away("no answer within 5 s"))?;
        let (before, database, read_only, after) = look.map_err(|e| error::postgres(&e))?;
        if read_only {
            return Err(Error::unavailable("the database is read-only at the moment; try again later"));
        }
        let middle = before.as_micros() + (after.as_micros() - before.as_micros()) / 2;
        Ok(Health { clock_ahead_micros: middle.saturating_sub(database) })
    }

    pub fn close(&self) {
        self.pool.close();
    }

    async fn connection(&self) -> Result<Object> {
        self.pool.get().await.map_err(|e| match e {
            PoolError::Closed => error::closed(),
            PoolError::Timeout(_) => error::away("no connection within 5 s"),
            other => error::away(error::chain(&other)),
        })
    }
}

/// What the operator's address says, with our bounds where it says nothing.
fn parse(url: &Secret<String>) -> Result<Config> {
    let mut config: Config = url.expose().parse().map_err(|e: tokio_postgres::Error| {
        Error::invalid(format!("the database's address can't be used: {}", error::chain(&e)))
    })?;
    if config.get_ssl_mode() == SslMode::Require {
        return Err(Error::invalid(
            "sslmode=require can't be met: Pileus speaks to PostgreSQL without TLS; use a private network, or a local proxy that adds TLS",
        ));
    }
    if config.get_application_name().is_none() {
        config.application_name("pileus");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(WAIT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(KEEP_ALIVE);
    }
    config.keepalives_idle(KEEP_ALIVE);
    Ok(config)
}

/// Runs the closure in a transaction until it is committed or has failed for good.
fn write(client: Object, runtime: &Handle, tools: &Tools, job: &mut WriteJob) -> Result<()> {
    let mut attempt = 1;
    loop {
        let mut tx = PostgresTx::write(&client, runtime);
        let done = catch_unwind(AssertUnwindSafe(|| {
            let events = job(&mut tx)?;
            audit::append(&mut tx, events, &*tools.clock, &*tools.entropy)
        }))
        .unwrap_or_else(|panic| Err(error::panicked(&*panic)));
        let ended = tx.end(done);
        let (again, broken) = (tx.is_retryable(), tx.is_broken());
        if ended.is_err() && again && !broken && attempt < ATTEMPTS {
            metrics::counter!("pileus_store_retries_total").increment(1);
            runtime.block_on(tokio::time::sleep(BACK_OFF * attempt));
            attempt += 1;
            continue;
        }
        if ended.is_ok() {
            tools.committed(1);
        }
        give_back(client, broken);
        return ended;
    }
}

/// Lets the connection go back to the pool, unless nobody knows what state it is in.
fn give_back(client: Object, broken: bool) {
    if broken {
        drop(Object::take(client));
    }
}
