//! `pileus serve`: the parts are started in the order in which they need each other, and stopped in the other.
//!
//! This room knows that order. It must never know what the parts do.

mod apart;
mod first;
mod logs;
mod master_key;
mod parts;
mod signals;
mod welcome;

use crate::{
    config::{Config, Loaded},
    data_dir::DataDir,
    failure::Failure,
    output,
};
use first::Wishes;
use pileus_model::{clock::SystemClock, entropy::SystemEntropy, token::TokenValue};
use pileus_service::{App, background, insights::scans::clouds::Aws, install};
use pileus_store::Store;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch};

/// How long requests that run may go on after the signal to stop.
const DRAIN: Duration = Duration::from_secs(9);
/// How long the background work may then take to write what it remembers, and stray threads to end.
const FLUSH: Duration = Duration::from_secs(1);
/// How long the store may take to finish its queue and move its log into its file; after that the next start does it.
const CLOSE: Duration = Duration::from_secs(5);
/// Most threads that wait for a database: each costs memory.
const BLOCKING_THREADS: usize = 64;
/// How often the metrics are tidied.
const UPKEEP: Duration = Duration::from_secs(5);

/// Runs the server until it is told to stop.
///
/// # Errors
/// One line: a bad setting, a data directory or database that can't be used, an address that is taken.
pub fn run(loaded: &Loaded) -> Result<(), Failure> {
    let config = Config::new(loaded)?;
    logs::start(&config)?;
    for warning in loaded.warnings() {
        tracing::warn!("{warning}");
    }
    // Whatever the server writes is its owner's only.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("no runtime: {error}")))?;
    let ended = runtime.block_on(serve(&config));
    runtime.shutdown_timeout(FLUSH);
    ended
}

/// Starts everything, serves, stops everything.
async fn serve(config: &Config) -> Result<(), Failure> {
    let dir = DataDir::open(&config.data_dir)?;
    let mut stop = signals::listen()?;
    let (listener, address) = parts::bind(config).await?;
    let opening = Store::open(parts::store(config, &dir), Arc::new(SystemClock), Arc::new(SystemEntropy));
    let (store, _) = tokio::select! {
        opened = opening => opened?,
        () = told(&mut stop) => return Ok(()),
    };
    let settings = parts::settings(config, &dir, address);
    let app = App::new(store.clone(), Arc::new(SystemClock), Arc::new(SystemEntropy), parts::egress(config), settings);
    let keys = master_key::load(&app, &dir).await?;
    let aws = parts::aws(config)?;
    let app = app.with_keys(keys).with_clouds(Arc::<Aws>::clone(&aws)).with_reach(parts::reach(config, &aws)?);
    let app = Arc::new(app);
    pileus_service::keys::verify(&app, &dir.node(&*app.entropy)?).await?;
    let served = with_store(config, &dir, listener, address, stop, app, aws).await;
    if tokio::time::timeout(CLOSE, store.close()).await.is_err() {
        tracing::warn!("the database could not be closed in time; nothing that was acknowledged is lost");
    }
    served
}

/// What happens between the opening of the store and its closing.
async fn with_store(
    config: &Config,
    dir: &DataDir,
    listener: TcpListener,
    address: SocketAddr,
    mut stop: watch::Receiver<bool>,
    app: Arc<App>,
    aws: Arc<Aws>,
) -> Result<(), Failure> {
    let metrics = logs::metrics()?;
    let service = pileus_http::serve_router(Arc::clone(&app), parts::http(config, metrics.clone()))?;
    let text = first_start(&app, dir, address).await?;
    if let Err(error) = output::print(&text) {
        tracing::warn!("what a start has to say could not be printed: {error}");
    }
    if let Some(warning) = parts::exposure(config, address) {
        tracing::warn!("{warning}");
    }
    tracing::info!(%address, url = app.settings.public_url, engine = ?app.store.engine(), "serving");
    let upkeep = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            metrics.run_upkeep();
        }
    });
    let (finish, finished) = watch::channel(false);
    let node = dir.node(&*app.entropy)?;
    background::roles(&node, config.serves, config.works);
    let wanted = parts::scans(config, node);
    let scan = || apart::run("pileus-scans", background::scan(Arc::clone(&app), aws, wanted, finished.clone()));
    let scans = config.works.then(scan).transpose()?;
    let rotations = tokio::spawn(background::rotate(Arc::clone(&app), config.works, finished.clone()));
    let work = tokio::spawn(background::run(app, finished));
    let cut = pileus_http::serve(listener, service, async move { told(&mut stop).await }, DRAIN).await;
    if cut > 0 {
        tracing::warn!(cut, "connections were cut: they did not finish in {} s", DRAIN.as_secs());
    }
    finish.send_replace(true);
    if tokio::time::timeout(FLUSH, work).await.is_err() {
        tracing::warn!("the background work did not finish in time; what it had counted is lost");
    }
    if let Some(scans) = scans
        && tokio::time::timeout(FLUSH, scans).await.is_err()
    {
        tracing::warn!("scans could not be given back in time; they go on when this node is found silent");
    }
    if tokio::time::timeout(FLUSH, rotations).await.is_err() {
        tracing::warn!("a rotation could not be ended in time; it is ended when this node is found silent");
    }
    upkeep.abort();
    Ok(())
}

/// Sets the installation up if this is its first start. Returns what is to be printed.
async fn first_start(app: &App, dir: &DataDir, address: SocketAddr) -> Result<String, Failure> {
    let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let listening = welcome::listening(&parts::reachable(address));
    if install::is_set_up(app).await? {
        return Ok(listening + &welcome::ignored(&first::said(variable)));
    }
    let Wishes { organization, user, token } = Wishes::read(variable)?;
    // A generated token is on the disk before it counts, so that no crash locks everybody out.
    let generated = token.is_none().then(|| TokenValue::new(&*app.entropy));
    if let Some(generated) = &generated {
        dir.check_no_admin_token()?;
        dir.write_admin_token(generated.expose())?;
    }
    let Some(token) = token.or_else(|| generated.clone()) else { return Err(Failure::new("no first token")) };
    let wanted = install::Bootstrap { organization: organization.clone(), user: user.clone(), token };
    let done = install::bootstrap(app, wanted).await;
    if generated.is_some() && !matches!(done, Ok(true)) {
        dir.remove_admin_token();
    }
    if !done? {
        // Another node was first; it has shown the token.
        return Ok(listening + &welcome::ignored(&first::said(variable)));
    }
    let file = generated.is_some().then(|| dir.admin_token());
    let token = generated.as_ref().map(TokenValue::expose);
    let said = welcome::First { organization: &organization, user: &user, token, token_file: file.as_deref() };
    Ok(listening + &welcome::first(&app.settings.public_url, &said))
}

/// Waits for the signal to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same as one that says stop.
    let _ = stop.wait_for(|stop| *stop).await;
}
