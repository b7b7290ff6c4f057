//! A witness: every frame on an interface, with the kernel's own time stamp.
//!
//! What it sees coming in has passed XDP but not yet tc; what it sees going out has passed tc. A VLAN tag that the
//! kernel has stripped is not shown.

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, bail};
use nix::sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::{TimeSpec, TimeVal};

use super::namespace::Namespace;
use super::nonce::{Nonce, Stamp};
use super::packet::packet_socket;
use crate::clock;

/// Bytes kept of each frame.
pub const SNAP: usize = 2_048;
/// Frames kept; later ones are counted as lost.
pub const FRAMES_MAX: usize = 1_000_000;

/// Bytes of the kernel's queue toward a capture: seconds of the traffic of a test.
const QUEUE: usize = 64 * 1024 * 1024;

/// One frame as the interface carried it.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Monotonic time at which the kernel saw it.
    pub at: Duration,
    /// Whether the interface sent it, instead of receiving it.
    pub outgoing: bool,
    /// Its length in bytes; the kernel may hand over several segments as one frame.
    pub length: usize,
    /// Its first bytes, from the Ethernet header on, at most [`SNAP`].
    pub data: Vec<u8>,
}

/// A datagram of a flow as the interface carried it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Monotonic time at which the kernel saw it.
    pub at: Duration,
    /// Whether the interface sent it, instead of receiving it.
    pub outgoing: bool,
    /// What the sender wrote into it.
    pub stamp: Stamp,
}

/// Which frames a capture keeps.
#[derive(Clone, Copy, Debug)]
pub enum Filter {
    /// All.
    All,
    /// Those that carry the nonce.
    Nonce(Nonce),
    /// Those that this says yes to, given the frame's first bytes.
    Frames(fn(&[u8]) -> bool),
}

impl Filter {
    fn keeps(&self, data: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Nonce(nonce) => nonce.find(data).is_some(),
            Self::Frames(wanted) => wanted(data),
        }
    }
}

/// A running capture.
#[derive(Debug)]
pub struct Capture {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    frames: Mutex<Vec<Frame>>,
    /// Lost in the kernel's queue.
    queue_lost: AtomicU64,
    /// Beyond [`FRAMES_MAX`].
    surplus: AtomicU64,
    /// Monotonic nanoseconds of the moment after which nothing is wanted any more.
    stop: AtomicU64,
}

impl Shared {
    fn frames(&self) -> MutexGuard<'_, Vec<Frame>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Capture {
    /// Watches an interface of the namespace; sees everything that happens after this returns.
    ///
    /// # Errors
    /// When there is no such interface, or no packet sockets in this kernel.
    pub fn start(namespace: &Namespace, interface: &str, filter: Filter) -> Result<Self> {
        let (socket, index) = packet_socket(namespace, interface)?;
        setsockopt(&socket, sockopt::RcvBufForce, &QUEUE)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&socket, sockopt::RxqOvfl, &1)?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(0, 20_000))?;
        let shared = Arc::new(Shared {
            frames: Mutex::default(),
            queue_lost: AtomicU64::new(0),
            surplus: AtomicU64::new(0),
            stop: AtomicU64::new(u64::MAX),
        });
        let theirs = Arc::clone(&shared);
        let body = move || read(&socket, index, filter, &theirs);
        let thread = std::thread::Builder::new()
            .name("lab-capture".into())
            .spawn(body)?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// The frames so far, oldest first.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        self.shared.frames().clone()
    }

    /// The frames since the last call, oldest first; they are forgotten here.
    #[must_use]
    pub fn take(&self) -> Vec<Frame> {
        std::mem::take(&mut *self.shared.frames())
    }

    /// How many frames so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.frames().len()
    }

    /// How many frames the kernel or the capture had no room for. A witness that lost some proves no absence.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.queue_lost.load(Ordering::Relaxed) + self.shared.surplus.load(Ordering::Relaxed)
    }

    /// Whether a frame so far carries the nonce.
    #[must_use]
    pub fn saw(&self, nonce: &Nonce) -> bool {
        self.shared
            .frames()
            .iter()
            .any(|frame| nonce.find(&frame.data).is_some())
    }

    /// The last frame so far that carries the nonce.
    #[must_use]
    pub fn last(&self, nonce: &Nonce) -> Option<Frame> {
        self.shared
            .frames()
            .iter()
            .rev()
            .find(|frame| nonce.find(&frame.data).is_some())
            .cloned()
    }

    /// The datagrams of a flow so far, oldest first.
    #[must_use]
    pub fn sightings(&self, nonce: &Nonce) -> Vec<Sighting> {
        let seen = |frame: &Frame| {
            let stamp = Stamp::find(nonce, &frame.data)?;
            Some(Sighting {
                at: frame.at,
                outgoing: frame.outgoing,
                stamp,
            })
        };
        self.shared.frames().iter().filter_map(seen).collect()
    }

    /// Waits for a frame with the nonce.
    ///
    /// # Errors
    /// When none comes within `limit`.
    pub fn wait_for(&self, nonce: &Nonce, limit: Duration) -> Result<Frame> {
        clock::wait_for(&format!("a frame with {nonce}"), limit, || Ok(self.last(nonce)))
    }

    /// Ends the capture once what is queued has been read, and gives the frames.
    #[must_use]
    pub fn stop(mut self) -> Vec<Frame> {
        self.end();
        std::mem::take(&mut *self.shared.frames())
    }

    fn end(&mut self) {
        let now = u64::try_from(clock::monotonic().as_nanos()).unwrap_or(u64::MAX);
        self.shared.stop.fetch_min(now, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panic_was_printed = thread.join();
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.end();
    }
}

fn read(socket: &OwnedFd, index: usize, filter: Filter, shared: &Shared) {
    let mut buffer = vec![0; SNAP];
    let stop = || Duration::from_nanos(shared.stop.load(Ordering::Relaxed));
    loop {
        match read_one(socket, index, &mut buffer) {
            Ok(Received { frame, lost }) => {
                if let Some(lost) = lost {
                    shared.queue_lost.store(lost, Ordering::Relaxed);
                }
                // On a busy interface the queue never is empty.
                if frame.as_ref().is_some_and(|frame| frame.at > stop()) {
                    return;
                }
                let Some(frame) = frame.filter(|frame| filter.keeps(&frame.data)) else {
                    continue;
                };
                let mut frames = shared.frames();
                if frames.len() < FRAMES_MAX {
                    frames.push(frame);
                } else {
                    shared.surplus.fetch_add(1, Ordering::Relaxed);
                }
            }
            // The queue is empty: only then may it end.
            Err(_empty) if clock::monotonic() > stop() => return,
            Err(_empty) => {}
        }
    }
}

struct Received {
    frame: Option<Frame>,
    /// Frames lost since the start of the capture, when the kernel says so.
    lost: Option<u64>,
}

fn read_one(socket: &OwnedFd, index: usize, buffer: &mut [u8]) -> Result<Received> {
    const OUTGOING: u8 = 4;
    let mut room = nix::cmsg_space!(TimeSpec, u32);
    let mut parts = [IoSliceMut::new(buffer)];
    // With MSG_TRUNC the length is the frame's, not the buffer's.
    let message = recvmsg::<LinkAddr>(
        socket.as_raw_fd(),
        &mut parts,
        Some(&mut room),
        MsgFlags::MSG_TRUNC,
    )?;
    let (mut seen, mut lost) = (None, None);
    for control in message.cmsgs()? {
        match control {
            ControlMessageOwned::ScmTimestampns(at) => seen = Some(Duration::from(at)),
            ControlMessageOwned::RxqOvfl(count) => lost = Some(u64::from(count)),
            _ => {}
        }
    }
    let Some(address) = message.address else {
        bail!("a frame without an interface")
    };
    let length = message.bytes;
    // Between opening and binding the socket hears every interface.
    if address.ifindex() != index {
        return Ok(Received { frame: None, lost });
    }
    let outgoing = address.as_ref().sll_pkttype == OUTGOING;
    // The stamp is wall time; its age carries over to the monotonic clock.
    let age = seen.map_or(Duration::ZERO, |seen| clock::wall().saturating_sub(seen));
    let at = clock::monotonic().saturating_sub(age);
    let data = buffer[..length.min(SNAP)].to_vec();
    Ok(Received {
        frame: Some(Frame {
            at,
            outgoing,
            length,
            data,
        }),
        lost,
    })
}
