//! Work on a thread of its own: it waits for many answers and computes little, so one thread is enough for it. Where several share such
//! work, each answer wakes them all, one to do it and the others to see that it is done; and what the work computes, requests need not
//! wait for.
//!
//! This room knows threads. It must never know the work.

use super::BLOCKING_THREADS;
use crate::failure::Failure;
use std::{future::Future, thread};
use tokio::sync::oneshot;

/// Runs this on a thread of this name; the receiver is told, or dropped, when it is over.
///
/// # Errors
/// One line: the system gives no thread.
pub fn run(name: &str, work: impl Future<Output = ()> + Send + 'static) -> Result<oneshot::Receiver<()>, Failure> {
    let none = |error: std::io::Error| Failure::new(format!("no thread: {error}"));
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.max_blocking_threads(BLOCKING_THREADS).enable_all().build().map_err(none)?;
    let (done, over) = oneshot::channel();
    let own = move || {
        runtime.block_on(work);
        runtime.shutdown_background();
        // Whoever waited may have given up.
        let _ = done.send(());
    };
    thread::Builder::new().name(name.to_owned()).spawn(own).map_err(none)?;
    Ok(over)
}
