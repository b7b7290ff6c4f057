//! The answers that the programs copy, from the ring buffer to whoever learns from them.

use std::thread;

use accounting_ebpf::layout::{ANSWER_MAX, map};
use aya::maps::{Map, RingBuf};
use rustix::{
    event::{PollFd, PollFlags, poll},
    time::Timespec,
};
use tokio::sync::mpsc;

use crate::gate::{
    StartError,
    maps::{Maps, failed},
};

/// Answers that wait to be read.
const WAITING_MAX: usize = 256;

/// How often the thread that reads answers looks whether anybody listens.
const LOOK: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// What the programs copy, as it comes.
pub(in crate::gate) struct Answers(mpsc::Receiver<Vec<u8>>);

impl Answers {
    /// Reads the ring buffer on a thread of its own, which ends when nobody listens any more.
    pub(in crate::gate) fn open(maps: &Maps) -> Result<Self, StartError> {
        let pinned = Map::RingBuf(maps.get(map::ANSWERS)?);
        let mut ring = RingBuf::try_from(pinned).map_err(failed(map::ANSWERS, "open"))?;
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let read = move || {
            while !sender.is_closed() {
                // A failure to wait is a wait that has ended.
                let _ = poll(&mut [PollFd::new(&ring, PollFlags::IN)], Some(&LOOK));
                while let Some(record) = ring.next() {
                    // Without room it is not learnt: the next one who asks brings it again.
                    let _ = sender.try_send(message(&record).to_vec());
                }
            }
        };
        let thread = thread::Builder::new().name("names".into()).spawn(read);
        thread.map_err(|error| failed(map::ANSWERS, "read")(error.into()))?;
        Ok(Self(receiver))
    }

    /// The next message; `None` when the thread has ended. Nothing is lost when the wait is given up.
    pub(in crate::gate) async fn next(&mut self) -> Option<Vec<u8>> {
        self.0.recv().await
    }
}

/// The message in a record, which is a `layout::Answer`.
fn message(record: &[u8]) -> &[u8] {
    let Some((length, bytes)) = record.split_first_chunk::<4>() else {
        return &[];
    };
    let length = (u32::from_ne_bytes(*length) as usize).min(ANSWER_MAX);
    bytes.get(..length).unwrap_or(&[])
}
