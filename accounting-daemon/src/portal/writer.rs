//! Writes down who may resume: one thread, and one transaction for all that waits.

use std::{
    io,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use tokio::sync::oneshot;

use crate::{
    http::Clock,
    store::{Digest, Disk, Resumption},
};

/// Secrets that may wait; who comes then gets none and types the code next time.
const WAITING_MAX: usize = 1_024;

/// Secrets of one transaction.
const ROUND_MAX: usize = 256;

const DAY_MS: i64 = 86_400_000;

/// The way to the thread; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Writer(SyncSender<Letter>);

struct Letter {
    kept: Resumption,
    spent: Option<Digest>,
    done: oneshot::Sender<bool>,
}

impl Writer {
    /// Starts the thread, whose first act is to forget what is too old.
    pub(super) fn start(disk: Disk, days: u32, clock: Clock) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        thread::Builder::new().name("resumptions".into()).spawn(move || {
            let now = clock();
            if now.trusted
                && let Err(error) = disk.forget_resumptions(now.wall - i64::from(days) * DAY_MS)
            {
                tracing::warn!(%error, "old resumptions could not be forgotten");
            }
            drop(clock);
            write(&disk, &receiver);
        })?;
        Ok(Self(sender))
    }

    /// Keeps a secret durably, in place of the one that was `spent`. Whether that was done.
    pub(super) async fn keep(&self, kept: Resumption, spent: Option<Digest>) -> bool {
        let (done, written) = oneshot::channel();
        let letter = Letter { kept, spent, done };
        self.0.try_send(letter).is_ok() && written.await.unwrap_or(false)
    }
}

fn write(disk: &Disk, letters: &Receiver<Letter>) {
    while let Ok(first) = letters.recv() {
        let round: Vec<Letter> = std::iter::once(first)
            .chain(letters.try_iter().take(ROUND_MAX - 1))
            .collect();
        let kept: Vec<Resumption> = round.iter().map(|letter| letter.kept).collect();
        let spent: Vec<Digest> = round.iter().filter_map(|letter| letter.spent).collect();
        let written = disk.keep_resumptions(&kept, &spent);
        if let Err(error) = &written {
            tracing::warn!(%error, "resumptions could not be kept");
        }
        for letter in round {
            // Who asked may have gone.
            let _ = letter.done.send(written.is_ok());
        }
    }
}
