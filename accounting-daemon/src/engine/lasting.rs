//! A core that outlives failures of its store: it starts anew from what is on disk, as after a restart, while the gate
//! goes on enforcing.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{Core, StartError, Step, Unavailable, answer::Message};
use crate::{
    gate::Gate,
    ledger::Now,
    store::{Store, StoreError},
};

/// After a failure the store is tried again so soon, then after twice as long each time ...
const PAUSE_FIRST_MS: u64 = 100;

/// ... up to this.
const PAUSE_MAX_MS: u64 = 5_000;

/// The core, and what is known of its store.
pub(super) struct Lasting<S, G> {
    pub(super) core: Core<S, G>,
    outage: Option<Outage>,
    /// For those who ask without waiting for the engine.
    failing: Arc<AtomicBool>,
}

/// The store takes no commits.
struct Outage {
    since: u64,
    pause: u64,
    try_at: u64,
    /// Whether the ledger shows what is on disk, so that questions can be answered.
    readable: bool,
}

impl<S: Store, G: Gate> Lasting<S, G> {
    /// A core that has started.
    pub(super) fn new(core: Core<S, G>) -> Self {
        Self {
            core,
            outage: None,
            failing: Arc::default(),
        }
    }

    /// Whether the store takes no commits at the moment.
    pub(super) fn failing(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.failing)
    }

    /// When something is to be done though nobody asks (monotonic milliseconds).
    pub(super) fn next_due(&self) -> u64 {
        match &self.outage {
            Some(outage) => outage.try_at,
            None => self.core.next_due().unwrap_or(u64::MAX),
        }
    }

    /// Handles all that waits; `last` says that nothing will come after it.
    pub(super) fn turn(&mut self, now: Now, messages: Vec<Message>, last: bool) {
        if self
            .outage
            .as_ref()
            .is_some_and(|outage| now.monotonic >= outage.try_at)
        {
            self.recover(now);
        }
        let Some(outage) = &self.outage else {
            let step = if last { Step::Last } else { Step::Next };
            if let Err(error) = self.core.step(now, messages, step) {
                self.fail(&error, now);
            }
            return;
        };
        let readable = outage.readable;
        let (asking, changing): (Vec<_>, Vec<_>) = messages
            .into_iter()
            .partition(|message| readable && message.only_asks());
        self.core.look(now, asking);
        for message in changing {
            message.refuse(Unavailable::Outage);
        }
    }

    fn fail(&mut self, error: &StoreError, now: Now) {
        tracing::error!(%error, "the store failed; the gate goes on enforcing, the store is tried again");
        self.failing.store(true, Ordering::Relaxed);
        self.core.observer.store_failing(true);
        // Devices that the failed round has stopped are in again at once, or not before the store is.
        let readable = self.show(now, true);
        self.outage = Some(Outage {
            since: now.monotonic,
            pause: PAUSE_FIRST_MS,
            try_at: now.monotonic + PAUSE_FIRST_MS,
            readable,
        });
    }

    fn show(&mut self, now: Now, restore: bool) -> bool {
        let shown = self.core.store.reopen().map_err(StartError::from);
        let shown = shown.and_then(|()| self.core.picture(now, restore));
        if let Err(error) = &shown {
            tracing::error!(%error, "what is on disk cannot be read");
        }
        shown.is_ok()
    }

    fn recover(&mut self, now: Now) {
        let Some(mut outage) = self.outage.take() else {
            return;
        };
        match self.try_again(now, outage.readable) {
            Ok(()) => {
                let ms = now.monotonic.saturating_sub(outage.since);
                tracing::warn!(ms, "the store takes commits again");
                self.failing.store(false, Ordering::Relaxed);
                self.core.observer.store_failing(false);
            }
            Err(error) => {
                tracing::debug!(%error, "the store still fails");
                outage.readable = self.show(now, false);
                outage.pause = (outage.pause * 2).min(PAUSE_MAX_MS);
                outage.try_at = now.monotonic + outage.pause;
                self.outage = Some(outage);
            }
        }
    }

    /// The probe comes first: what is due is booked only where it can be kept.
    fn try_again(&mut self, now: Now, open: bool) -> Result<(), StartError> {
        if !open {
            self.core.store.reopen()?;
        }
        self.core.probe()?;
        self.core.begin(now)
    }
}
