//! Connections: accepting them, their time limits, and how they end.
//!
//! This room knows sockets. It must never know what is said over them.

use crate::{Service, stall::Stalling};
use futures_util::FutureExt;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};

/// Longest head of a request, in bytes.
const HEAD_MAX: usize = 64 << 10;
/// Most headers of a request.
const HEADERS_MAX: usize = 128;
/// The wait after the system refused a connection for want of something (file descriptors, as a rule).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until `shutdown` is done; then accepts no more, lets requests that run finish for at most `drain`,
/// and cuts what is left. Returns how many connections had to be cut.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    shutdown: impl Future<Output = ()>,
    drain: Duration,
) -> usize {
    let (stop, stopped) = watch::channel(());
    let slots = Arc::new(Semaphore::new(service.config().max_connections));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                let connection = connection(stream, peer, service.clone(), stopped.clone());
                connections.spawn(connection.map(|()| drop(slot)));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop((listener, stop));
    let all = async { while connections.join_next().await.is_some() {} };
    // Whether all ended in time is seen from what is left.
    let _ = tokio::time::timeout(drain, all).await;
    let cut = connections.len();
    connections.shutdown().await;
    cut
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

/// The next connection, as soon as there is room for one.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> io::Result<Accepted> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

/// Serves one connection to its end.
async fn connection(stream: TcpStream, peer: SocketAddr, service: Service, mut stopped: watch::Receiver<()>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended before it began");
        return;
    }
    let config = service.config();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(config.head_timeout)
        .max_buf_size(HEAD_MAX)
        .max_headers(HEADERS_MAX);
    let stream = TokioIo::new(Stalling::new(stream, config.write_stall));
    let answer = service_fn(|request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.handle(request, peer).await) }
    });
    let mut connection = pin!(http.serve_connection(stream, answer));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // The sender says nothing; that it is gone is the news.
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection broke");
    }
}
