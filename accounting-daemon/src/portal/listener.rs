//! Connections of guests: who is asking is found out first, and nobody may keep many.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

use super::{
    Guest, Portal,
    silent::{Place, Silent},
};
use crate::{config::PortalConfig, mac::DeviceId};

/// How long connections may take to end when the daemon stops.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait after a failed accept, such as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long it may take to find out who is asking.
const WHO: Duration = Duration::from_secs(2);

/// The most headers of a request.
const HEADERS_MAX: usize = 100;

/// Connections of each device; no more devices than connections.
#[derive(Debug, Default)]
struct Crowd(Mutex<HashMap<DeviceId, usize>>);

/// One connection of a device, counted until it is dropped.
struct Counted(Arc<Crowd>, DeviceId);

impl Crowd {
    fn enter(crowd: &Arc<Self>, device: DeviceId, max: usize) -> Option<Counted> {
        let mut open = crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(device).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Counted(Arc::clone(crowd), device))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.1);
            }
        }
    }
}

/// Serves guests until `shutdown` is done; then requests that are being answered have two seconds.
pub async fn serve(listener: TcpListener, portal: Arc<Portal>, shutdown: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(portal.config.connections_max));
    let crowd = Arc::new(Crowd::default());
    let silent = Arc::new(Silent::default());
    let graceful = GracefulShutdown::new();
    let certificates = portal.tls.clone().map(|tls| tokio::spawn(tls.keep_current()));
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let accepted = listener.accept().await;
            if accepted.is_ok() && places.available_permits() == 0 {
                silent.make_room();
                portal.metrics.portal().turned_away();
            }
            (accepted, Arc::clone(&places).acquire_owned().await)
        };
        let (accepted, permit) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        let (stream, permit) = match (accepted, permit) {
            (Ok((stream, _)), Ok(permit)) => (stream, permit),
            (_, Err(_)) => break,
            (Err(error), _) => {
                tracing::warn!(%error, "a guest's connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (portal, crowd, watcher) = (Arc::clone(&portal), Arc::clone(&crowd), graceful.watcher());
        let place = silent.enter();
        connections.spawn(async move {
            tokio::select! {
                () = connection(&portal, &crowd, watcher, stream, &place) => {}
                () = place.cut() => {}
            }
            drop(permit);
        });
    }
    drop(listener);
    if let Some(certificates) = certificates {
        certificates.abort();
    }
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::debug!("connections of guests that did not end in time are cut");
    }
    connections.shutdown().await;
}

async fn connection(portal: &Portal, crowd: &Arc<Crowd>, watcher: Watcher, stream: TcpStream, place: &Place) {
    let gate = Arc::clone(&portal.gate.borrow());
    let Ok(Some(mut guest)) = tokio::time::timeout(WHO, Guest::of(&stream, &gate)).await else {
        portal.metrics.portal().turned_away();
        return;
    };
    let Some(_counted) = Crowd::enter(crowd, guest.device, portal.config.connections_per_device) else {
        portal.metrics.portal().turned_away();
        return;
    };
    let config = &portal.config;
    prepare(&stream, config);
    let _open = portal.metrics.portal().connection();
    let tls = portal.tls.as_ref().filter(|_| !guest.redirected);
    let (Some(tls), Ok(true)) = (tls, begins_with_tls(&stream, config.header_timeout).await) else {
        return talk(portal, &guest, watcher, TokioIo::new(stream), place).await;
    };
    guest.secure = true;
    match tokio::time::timeout(config.header_timeout, tls.accept(stream)).await {
        Ok(Ok(stream)) => talk(portal, &guest, watcher, TokioIo::new(stream), place).await,
        Ok(Err(error)) => tracing::debug!(%error, "a guest's handshake failed"),
        Err(_) => tracing::debug!("a guest's handshake took too long"),
    }
}

/// Whether a handshake comes first: one port serves those who speak TLS and those who do not. Without TLS nothing is waited
/// for.
async fn begins_with_tls(stream: &TcpStream, patience: Duration) -> io::Result<bool> {
    const HANDSHAKE: u8 = 0x16;
    let mut first = [0];
    let peeked = tokio::time::timeout(patience, stream.peek(&mut first)).await?;
    Ok(peeked? == 1 && first == [HANDSHAKE])
}

async fn talk<I>(portal: &Portal, guest: &Guest, watcher: Watcher, io: I, place: &Place)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let service = service_fn(|request| async move {
        place.is_busy(true);
        let answer = portal.answer(request, guest);
        let answer = tokio::time::timeout(portal.config.request_timeout, answer).await;
        place.is_busy(false);
        let late = || super::pages::bare(hyper::StatusCode::SERVICE_UNAVAILABLE);
        Ok::<_, Infallible>(answer.unwrap_or_else(|_| late()))
    });
    let connection = builder(&portal.config).serve_connection(io, service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a guest's connection ended");
    }
}

/// Without its timer hyper enforces no time-out at all.
fn builder(config: &PortalConfig) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_header_size(config.header_bytes_max)
        .max_buf_size(config.header_bytes_max.max(16 * 1024))
        .max_headers(HEADERS_MAX);
    builder
}

/// A client that does not read its answers is cut by the kernel: hyper has no time-out for writing.
fn prepare(stream: &TcpStream, config: &PortalConfig) {
    let patience = u32::try_from(config.request_timeout.as_millis()).unwrap_or(u32::MAX);
    let prepared = stream
        .set_nodelay(true)
        .and_then(|()| rustix::net::sockopt::set_tcp_user_timeout(stream, patience).map_err(io::Error::from));
    if let Err(error) = prepared {
        tracing::debug!(%error, "a guest's connection could not be prepared");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    #[test]
    fn a_device_has_so_many_connections_and_leaves_no_trace() {
        let crowd = Arc::new(Crowd::default());
        let device = |last| DeviceId {
            mac: Mac([2, 0, 0, 0, 0, last]),
            zone: 0,
        };
        let first = Crowd::enter(&crowd, device(1), 2).unwrap();
        let second = Crowd::enter(&crowd, device(1), 2).unwrap();
        assert!(Crowd::enter(&crowd, device(1), 2).is_none());
        let other = Crowd::enter(&crowd, device(2), 2).unwrap();
        drop(second);
        assert!(Crowd::enter(&crowd, device(1), 2).is_some());
        drop((first, other));
        assert!(crowd.0.lock().unwrap().is_empty());
    }
}
