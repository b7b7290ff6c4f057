//! HTTP clients that redeem and release as fast as they are answered, until the daemon is gone.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow};

use super::{Account, DEVICES};
use crate::chance::Chance;
use crate::lab::Daemon;

/// The clients of one round.
pub(super) struct Load<'a> {
    daemon: &'a Daemon,
    stop: AtomicBool,
}

impl<'a> Load<'a> {
    pub(super) fn new(daemon: &'a Daemon) -> Self {
        Self {
            daemon,
            stop: AtomicBool::new(false),
        }
    }

    /// Keeps one client for each seed at work, on devices of its own, while `meanwhile` runs.
    pub(super) fn run(
        &self,
        accounts: &mut [Account],
        seeds: &[u64],
        meanwhile: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        std::thread::scope(|scope| {
            let shares = accounts.chunks_mut(usize::from(DEVICES));
            let workers: Vec<_> = shares
                .zip(seeds)
                .map(|(share, seed)| scope.spawn(|| self.work(share, Chance::new(*seed))))
                .collect();
            let done = meanwhile();
            self.stop.store(true, Ordering::Relaxed);
            for worker in workers {
                worker.join().map_err(|_panic| anyhow!("a client panicked"))??;
            }
            done
        })
    }

    /// A client gives up at the first request without an answer: the daemon is gone.
    fn work(&self, share: &mut [Account], mut draw: Chance) -> Result<()> {
        let count = u64::try_from(share.len())?;
        while !self.stop.load(Ordering::Relaxed) {
            let at = usize::try_from(draw.below(count))?;
            if !share[at].act(self.daemon)? {
                return Ok(());
            }
        }
        Ok(())
    }
}
