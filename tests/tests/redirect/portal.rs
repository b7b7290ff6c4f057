//! A portal of the tests' own, with the daemon's way of finding out who asks.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use accounting_daemon::gate::status::{GateStatus, InterfaceStatus};
use accounting_daemon::gate::{Asker, is_redirected, listen, who_is_asking};
use accounting_daemon::mac::Mac;
use accounting_tests::lab::site::{LAN_IP4, LAN_IP6, LAN_MAC};
use accounting_tests::lab::{Namespace, PORTAL_PORT};

/// Who asked, whether the connection was redirected, and at which address.
pub(crate) type Seen = (Option<Asker>, bool, SocketAddr);

/// A portal that says `portal` to everybody; it ends with its value.
pub(crate) struct Portal {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Seen>>>,
    thread: Option<JoinHandle<()>>,
}

impl Portal {
    /// The daemon must not run: the port is its own.
    pub(crate) fn start(gateway: &Namespace, status: GateStatus) -> Self {
        Self::try_start(gateway, status).unwrap()
    }

    /// `None` when the port is taken.
    pub(crate) fn try_start(gateway: &Namespace, status: GateStatus) -> Option<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (flag, log, space) = (Arc::clone(&stop), Arc::clone(&seen), gateway.clone());
        let listener = gateway.enter(|| Ok(listen(PORTAL_PORT))).unwrap().ok()?;
        let work = move || {
            // Neighbours are asked for from within the namespace.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(answer(listener, &status, &flag, &log));
            Ok(())
        };
        let thread = std::thread::spawn(move || space.enter(work).unwrap());
        Some(Self {
            stop,
            seen,
            thread: Some(thread),
        })
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

async fn answer(
    listener: std::net::TcpListener,
    status: &GateStatus,
    stop: &AtomicBool,
    log: &Mutex<Vec<Seen>>,
) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while !stop.load(Ordering::Relaxed) {
        let accepted = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        let Ok(Ok((mut connection, _))) = accepted else {
            continue;
        };
        let who = who_is_asking(&connection, status).await;
        let redirected = is_redirected(&connection, status);
        let local = connection.local_addr().unwrap();
        log.lock().unwrap().push((
            who,
            redirected,
            SocketAddr::new(local.ip().to_canonical(), local.port()),
        ));
        tokio::spawn(async move {
            let mut request = [0; 1024];
            let mut length = 0;
            while !request[..length].ends_with(b"\r\n\r\n") {
                match connection.read(&mut request[length..]).await {
                    Ok(more) if more > 0 => length += more,
                    _ => return,
                }
            }
            let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nportal";
            let _ = connection.write_all(reply).await;
        });
    }
}

/// The gate as the daemon would tell it.
pub(crate) fn status(gateway: &Namespace, interface: &str, bridge: Option<u32>) -> GateStatus {
    let mut addresses: Vec<IpAddr> = vec![LAN_IP4.into(), LAN_IP6.into()];
    addresses.sort();
    GateStatus {
        interfaces: vec![InterfaceStatus {
            name: interface.to_owned(),
            zone: 3,
            index: index(gateway, interface),
            bridge,
            mac: Some(Mac(LAN_MAC)),
            attached: None,
            reattached: 0,
        }],
        addresses,
        own: vec![Mac(LAN_MAC)],
        routers: Vec::new(),
    }
}

pub(crate) fn index(space: &Namespace, interface: &str) -> u32 {
    let name = interface.to_owned();
    space
        .enter(|| {
            let table = std::fs::read_to_string("/proc/thread-self/net/dev_mcast")?;
            let line = table
                .lines()
                .find(|line| line.split_whitespace().nth(1) == Some(&name));
            Ok(line.unwrap().split_whitespace().next().unwrap().parse()?)
        })
        .unwrap()
}
