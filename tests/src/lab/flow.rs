//! Datagrams at a steady rate, each stamped: the traffic that lateness is measured with.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::namespace::Namespace;
use super::nonce::{Nonce, Stamp};
use super::services::STREAM_PORT;
use crate::clock;

/// The largest payload that fits one Ethernet frame over IPv6.
pub const PAYLOAD_MAX: usize = 1452;
/// The fastest rate, in datagrams a second.
pub const RATE_MAX: u32 = 100_000;

/// How datagrams are sent.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// What every datagram carries.
    pub nonce: Nonce,
    /// Datagrams a second, 1 to [`RATE_MAX`].
    pub rate: u32,
    /// Bytes of payload each, [`Stamp::LENGTH`] to [`PAYLOAD_MAX`].
    pub size: usize,
    /// Ends after so many datagrams, stopped or not.
    pub count: u64,
}

impl Pace {
    /// 1,000 datagrams a second of 200 bytes, at most for ten minutes.
    #[must_use]
    pub fn steady(nonce: Nonce) -> Self {
        Self {
            nonce,
            rate: 1_000,
            size: 200,
            count: 600_000,
        }
    }

    fn check(&self) -> Result<()> {
        if !(1..=RATE_MAX).contains(&self.rate) || !(Stamp::LENGTH..=PAYLOAD_MAX).contains(&self.size) {
            bail!(
                "a flow has 1 to {RATE_MAX} datagrams a second of {} to {PAYLOAD_MAX} bytes, not {} of {}",
                Stamp::LENGTH,
                self.rate,
                self.size
            );
        }
        Ok(())
    }
}

/// A flow that runs until it is stopped, dropped, or through its count.
#[derive(Debug)]
pub struct Flow {
    source: SocketAddr,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
    /// Kept so that the far end's answers meet an open port.
    _socket: UdpSocket,
}

impl Flow {
    /// Sends from inside the namespace, from `source` to `destination`.
    ///
    /// # Errors
    /// When the pace is out of range or the source is not an address there.
    pub fn start(namespace: &Namespace, source: IpAddr, destination: SocketAddr, pace: Pace) -> Result<Self> {
        pace.check()?;
        let socket = bind(namespace, source)?;
        let sender = socket.try_clone()?;
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let source = socket.local_addr()?;
        let (stop_seen, sent_count) = (Arc::clone(&stop), Arc::clone(&sent));
        let body = move || run(&sender, destination, &pace, &stop_seen, &sent_count);
        let thread = std::thread::Builder::new().name("lab-flow".into()).spawn(body)?;
        Ok(Self {
            source,
            stop,
            sent,
            thread: Some(thread),
            _socket: socket,
        })
    }

    /// The address and port it sends from.
    #[must_use]
    pub fn source(&self) -> SocketAddr {
        self.source
    }

    /// Datagrams sent so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Stops it, and gives the number of datagrams sent.
    #[must_use]
    pub fn stop(mut self) -> u64 {
        self.end();
        self.sent()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panic_was_printed = thread.join();
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.end();
    }
}

/// A flow from the internet to a client that asked for it, so that address translation lets it through.
#[derive(Debug)]
pub struct Download {
    socket: UdpSocket,
    server: SocketAddr,
    pace: Pace,
}

impl Download {
    /// Asks `server` (an address of the internet) from inside the namespace for a flow to here.
    ///
    /// # Errors
    /// When the pace is out of range or the source is not an address there.
    pub fn start(namespace: &Namespace, source: IpAddr, server: IpAddr, pace: Pace) -> Result<Self> {
        pace.check()?;
        let socket = bind(namespace, source)?;
        let server = SocketAddr::new(server, STREAM_PORT);
        let asked = socket.send_to(&request(&pace), server);
        asked.with_context(|| format!("cannot ask {server} for a flow"))?;
        Ok(Self { socket, server, pace })
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        // A rate of 0 ends the flow; when the gate holds this back the count ends it.
        let end = Pace { rate: 0, ..self.pace };
        let _gated = self.socket.send_to(&request(&end), self.server);
    }
}

/// The request for a flow of this pace. The nonce's bits are turned round in it: the request is no part of the flow.
fn request(pace: &Pace) -> Vec<u8> {
    let mut request = pace.nonce.as_bytes().map(|byte| !byte).to_vec();
    request.extend(pace.rate.to_be_bytes());
    request.extend(u32::try_from(pace.size).unwrap_or(u32::MAX).to_be_bytes());
    request.extend(pace.count.to_be_bytes());
    request
}

/// The pace that a request for a flow asks for; a rate of 0 asks for its end. `None` when it is malformed.
pub(super) fn read_request(request: &[u8]) -> Option<Pace> {
    let (nonce, rest) = request.split_first_chunk::<16>()?;
    let (rate, rest) = rest.split_first_chunk::<4>()?;
    let (size, rest) = rest.split_first_chunk::<4>()?;
    let (count, []) = rest.split_first_chunk::<8>()? else {
        return None;
    };
    let pace = Pace {
        nonce: Nonce::from_bytes(nonce.map(|byte| !byte)),
        rate: u32::from_be_bytes(*rate),
        size: usize::try_from(u32::from_be_bytes(*size)).ok()?,
        count: u64::from_be_bytes(*count),
    };
    (pace.rate == 0 || pace.check().is_ok()).then_some(pace)
}

/// Sends datagrams on time until `stop` or the count. A datagram that the kernel refuses is not counted as sent.
pub(super) fn run(socket: &UdpSocket, to: SocketAddr, pace: &Pace, stop: &AtomicBool, sent: &AtomicU64) {
    let start = clock::monotonic();
    let step = Duration::from_secs(1) / pace.rate.max(1);
    let mut payload = vec![b'.'; pace.size];
    let mut at = start;
    for number in 0..pace.count {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        clock::sleep_until(at);
        at += step;
        Stamp {
            number,
            sent_at: clock::monotonic(),
        }
        .write(&pace.nonce, &mut payload);
        if socket.send_to(&payload, to).is_ok() {
            sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn bind(namespace: &Namespace, source: IpAddr) -> Result<UdpSocket> {
    namespace.enter(|| {
        UdpSocket::bind((source, 0))
            .with_context(|| format!("{source} is not an address of {}", namespace.name()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_written_and_does_not_show_the_nonce() {
        let pace = Pace::steady(Nonce::draw().unwrap());
        let written = request(&pace);
        let read = read_request(&written).unwrap();
        assert_eq!(
            (read.nonce, read.rate, read.size, read.count),
            (pace.nonce, pace.rate, pace.size, pace.count)
        );
        assert_eq!(pace.nonce.find(&written), None);
        assert!(read_request(&request(&Pace { rate: 0, ..pace })).is_some());
        assert!(read_request(&request(&Pace { size: 1, ..pace })).is_none());
        assert!(read_request(&written[1..]).is_none());
    }
}
