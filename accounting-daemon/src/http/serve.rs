//! Connections: hyper's HTTP/1 with a limit on everything a client can keep waiting or make grow.

mod crowd;
mod listener;
mod local;
mod tls;

use std::{convert::Infallible, io, net::SocketAddr, path::PathBuf, sync::Arc, task::Poll, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

pub use listener::Listener;
pub(super) use listener::Peer;
pub use local::{LocalListener, listen_local};
pub use tls::{Tls, TlsError};

use super::answer::Answer;
use crate::{config::ApiConfig, metrics::Metrics};
use crowd::Crowd;
use listener::Accepted;

/// How long connections may take to end when the daemon stops.
const GRACE: Duration = Duration::from_secs(10);

/// How long to wait after a failed accept, such as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The most headers of a request.
const HEADERS_MAX: usize = 100;

/// Why nothing listens at an address.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Something else does.
    #[error(
        "{0} is in use by another program: stop that (`ss -ltnp` names it), or choose another address in `api.listen`"
    )]
    InUse(SocketAddr),
    /// The machine does not have it.
    #[error(
        "{0} is not an address of this machine: correct `api.listen`, or add the address to an interface"
    )]
    NotHere(SocketAddr),
    /// The port is reserved.
    #[error("{0} may not be listened on: ports below 1024 need CAP_NET_BIND_SERVICE")]
    Denied(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Failed {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Another daemon listens on the Unix socket.
    #[error("{0} is served by a running daemon: stop that, or choose another path in `api.socket`")]
    LocalInUse(PathBuf),
    /// Something else is there.
    #[error("{0} is there and is no socket: move it away, or choose another path in `api.socket`")]
    NoSocket(PathBuf),
    /// Any other fault of the Unix socket.
    #[error(
        "cannot listen on {path}: {source}: choose a path of at most 107 bytes in `api.socket`, in a folder that the \
         daemon may write to"
    )]
    LocalFailed {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Starts to listen at each address, with TLS where it is given, or at none.
///
/// # Errors
/// [`ListenError`] of the first address that fails.
pub async fn listen(addresses: &[SocketAddr], tls: Option<&Tls>) -> Result<Vec<Listener>, ListenError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses.iter().copied() {
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(address),
            io::ErrorKind::AddrNotAvailable => ListenError::NotHere(address),
            io::ErrorKind::PermissionDenied => ListenError::Denied(address),
            _ => ListenError::Failed { address, source },
        })?;
        listeners.push(Listener::Tcp(listener, tls.cloned()));
    }
    Ok(listeners)
}

/// Serves connections with a handler until `shutdown` is done, then lets those end that are busy, for a while.
pub(super) async fn serve<H, F>(
    listeners: Vec<Listener>,
    limits: &ApiConfig,
    metrics: &Arc<Metrics>,
    handler: H,
    shutdown: impl Future<Output = ()>,
) where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let crowd = Crowd::new(limits.connections_per_address_max);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut turn = 0;
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        // The place comes first: who finds none waits in the kernel's queue.
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, accept(&listeners, &mut turn).await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        let (place, accepted) = match (place, accepted) {
            (Ok(place), Ok(accepted)) => (place, accepted),
            (Err(_), _) => break,
            (_, Err(error)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(counted) = crowd.enter(accepted.address()) else {
            metrics.connection_refused();
            continue;
        };
        let connection = connection(
            accepted,
            limits,
            handler.clone(),
            graceful.watcher(),
            Counted::new(Arc::clone(metrics)),
        );
        connections.spawn(async move {
            connection.await;
            drop((place, counted));
        });
    }
    drop(listeners);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections that did not end in time are cut");
    }
    connections.shutdown().await;
}

/// One connection from its first byte to its end, which `watcher` may ask for.
fn connection<H, F>(
    accepted: Accepted,
    limits: &ApiConfig,
    handler: H,
    watcher: Watcher,
    open: Counted,
) -> impl Future<Output = ()> + Send + use<H, F>
where
    H: Fn(Request<Incoming>, Peer) -> F + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let builder = builder(limits);
    let (patience, write_patience) = (limits.header_timeout, limits.request_timeout);
    async move {
        let _open = open;
        let (stream, peer) = match accepted.open(patience, write_patience).await {
            Ok(opened) => opened,
            Err(error) => {
                tracing::debug!(%error, "a connection did not come about");
                return;
            }
        };
        let service = service_fn(move |request| {
            let answer = handler(request, peer.clone());
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

/// Without its timer hyper enforces no time-out at all.
fn builder(limits: &ApiConfig) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_header_size(limits.header_bytes_max)
        .max_buf_size(limits.header_bytes_max.max(64 * 1024))
        .max_headers(HEADERS_MAX);
    builder
}

/// The listeners in turn, so that a busy one does not starve the others.
async fn accept(listeners: &[Listener], turn: &mut usize) -> io::Result<Accepted> {
    std::future::poll_fn(|context| {
        for _ in 0..listeners.len() {
            *turn = (*turn + 1) % listeners.len();
            let Some(listener) = listeners.get(*turn) else {
                continue;
            };
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

/// Counts a connection for as long as it lives, however it ends.
struct Counted(Arc<Metrics>);

impl Counted {
    fn new(metrics: Arc<Metrics>) -> Self {
        metrics.connections(1);
        Self(metrics)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections(-1);
    }
}

#[cfg(test)]
mod tests;
