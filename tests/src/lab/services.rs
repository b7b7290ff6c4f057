//! The servers of the internet: HTTP, UDP echo, and flows on demand. Threads of this process, whose sockets were opened
//! in the internet's namespace.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::flow::{self, Pace};
use super::namespace::Namespace;
use super::web;

/// Ports of the HTTP servers.
pub const HTTP_PORTS: [u16; 2] = [80, 8080];
/// The port where a datagram comes back as it is (RFC 862).
pub const ECHO_PORT: u16 = 7;
/// The port where datagrams end (RFC 863), without a word about it.
pub const DISCARD_PORT: u16 = 9;
/// The port where a request for a flow is answered by that flow ([`super::flow::Download`]).
pub const STREAM_PORT: u16 = 19;

/// Connections and flows served at once, each; more are turned away.
const ACTIVE_MAX: usize = 256;

/// How often threads look whether they should end.
const LOOK: Duration = Duration::from_millis(100);

/// The running servers. Dropping ends their threads.
#[derive(Debug)]
pub(super) struct Services {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Services {
    /// Opens all ports on each of the addresses.
    pub(super) fn start(namespace: &Namespace, addresses: &[IpAddr]) -> Result<Self> {
        let mut services = Self {
            stop: Arc::new(AtomicBool::new(false)),
            threads: Vec::new(),
        };
        // One socket for each address: a reply then leaves from the address that was asked.
        for &address in addresses {
            for port in HTTP_PORTS {
                let listener = namespace.enter(|| open(address, port, TcpListener::bind))?;
                listener.set_nonblocking(true)?;
                services.spawn("lab-http", move |stop| serve_http(&listener, stop))?;
            }
            let datagrams = |port| {
                let socket = namespace.enter(|| open(address, port, UdpSocket::bind))?;
                socket.set_read_timeout(Some(LOOK))?;
                Ok::<_, anyhow::Error>(socket)
            };
            let socket = datagrams(ECHO_PORT)?;
            services.spawn("lab-echo", move |stop| {
                read_all(&socket, stop, |datagram, client| {
                    let _gone = socket.send_to(datagram, client);
                });
            })?;
            let socket = datagrams(DISCARD_PORT)?;
            services.spawn("lab-discard", move |stop| read_all(&socket, stop, |_, _| {}))?;
            let socket = datagrams(STREAM_PORT)?;
            services.spawn("lab-stream", move |stop| serve_flows(&socket, stop))?;
        }
        Ok(services)
    }

    fn spawn(&mut self, name: &str, body: impl FnOnce(&Arc<AtomicBool>) + Send + 'static) -> Result<()> {
        let stop = Arc::clone(&self.stop);
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || body(&stop))?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _panic_was_printed = thread.join();
        }
    }
}

fn open<T>(address: IpAddr, port: u16, bind: impl FnOnce((IpAddr, u16)) -> std::io::Result<T>) -> Result<T> {
    bind((address, port)).with_context(|| format!("cannot listen on {}", SocketAddr::new(address, port)))
}

/// One of at most [`ACTIVE_MAX`] places; given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(active: &Arc<AtomicUsize>) -> Option<Self> {
        let place = Self(Arc::clone(active));
        (active.fetch_add(1, Ordering::Relaxed) < ACTIVE_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn serve_http(listener: &TcpListener, stop: &Arc<AtomicBool>) {
    let active = Arc::new(AtomicUsize::new(0));
    let timeout = Timespec {
        tv_sec: 0,
        tv_nsec: i64::from(LOOK.subsec_nanos()),
    };
    while !stop.load(Ordering::Relaxed) {
        let _woken = poll(
            &mut [PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN)],
            Some(&timeout),
        );
        let Ok((connection, _client)) = listener.accept() else {
            continue;
        };
        let Some(place) = Place::take(&active) else {
            continue;
        };
        let stop = Arc::clone(stop);
        let body = move || {
            let _place = place;
            // A client that goes away in the middle is no failure of the server.
            let _gone = web::serve(connection, LOOK, &stop);
        };
        let _turned_away = std::thread::Builder::new().name("lab-http".into()).spawn(body);
    }
}

fn read_all(socket: &UdpSocket, stop: &AtomicBool, each: impl Fn(&[u8], SocketAddr)) {
    let mut datagram = vec![0; 65_536];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, client)) = socket.recv_from(&mut datagram) {
            each(&datagram[..length], client);
        }
    }
}

/// A flow that a client asked for.
struct Served {
    client: SocketAddr,
    pace: Pace,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

fn serve_flows(socket: &UdpSocket, stop: &Arc<AtomicBool>) {
    let mut flows: Vec<Served> = Vec::new();
    let mut datagram = [0; 64];
    while !stop.load(Ordering::Relaxed) {
        let asked = socket.recv_from(&mut datagram);
        flows.retain(|flow| !flow.thread.is_finished());
        let Ok((length, client)) = asked else { continue };
        let Some(pace) = flow::read_request(&datagram[..length]) else {
            continue;
        };
        if pace.rate == 0 {
            let asked = |flow: &&Served| flow.client == client && flow.pace.nonce == pace.nonce;
            flows
                .iter()
                .filter(asked)
                .for_each(|flow| flow.stop.store(true, Ordering::Relaxed));
        } else if flows.len() < ACTIVE_MAX
            && let Ok(sender) = socket.try_clone()
        {
            let stop = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&stop);
            let body = move || flow::run(&sender, client, &pace, &seen, &AtomicU64::new(0));
            if let Ok(thread) = std::thread::Builder::new().name("lab-stream".into()).spawn(body) {
                flows.push(Served {
                    client,
                    pace,
                    stop,
                    thread,
                });
            }
        }
    }
    for flow in flows {
        flow.stop.store(true, Ordering::Relaxed);
        let _panic_was_printed = flow.thread.join();
    }
}
