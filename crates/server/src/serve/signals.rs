//! SIGTERM and SIGINT: the first asks to stop, a second ends the process at once.

use crate::failure::Failure;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// The exit code of a process that a second signal ended.
const CUT_SHORT: i32 = 130;

/// Listens for the signals; the value turns true with the first.
///
/// # Errors
/// Where the system does not let a process listen for signals.
pub fn listen() -> Result<watch::Receiver<bool>, Failure> {
    let failure = |error| Failure::new(format!("signals can't be received: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failure)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failure)?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let name = next(&mut terminate, &mut interrupt).await;
        tracing::info!(signal = name, "stopping");
        sender.send_replace(true);
        let name = next(&mut terminate, &mut interrupt).await;
        tracing::warn!(signal = name, "a second signal: ended at once");
        std::process::exit(CUT_SHORT);
    });
    Ok(receiver)
}

/// The name of the next signal.
async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
