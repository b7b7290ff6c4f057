//! The worker: the thread that owns the core, reads the mailbox and keeps time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use super::{Core, Engine, answer::Message, lasting::Lasting};
use crate::{clock::Clock, gate::Gate, store::Store};

/// Letters handled in one round at most.
const ROUND_MAX: usize = 1_024;

/// How long the worker sleeps at most: the wall clock may be believed meanwhile, or not any more.
const SLEEP_MAX_MS: u64 = 1_000;

/// Owns the core on a thread of its own.
pub struct Worker<S, G> {
    core: Lasting<S, G>,
    clock: Clock,
    attached: Arc<AtomicBool>,
    inbox: Receiver<Message>,
}

impl<S: Store + 'static, G: Gate + 'static> Worker<S, G> {
    /// A worker for a core that has started, and the way into it.
    #[must_use]
    pub fn new(core: Core<S, G>, clock: Clock) -> (Engine, Self) {
        let (meters, observer) = (Arc::clone(&core.meters), Arc::clone(&core.observer));
        let feed = Arc::clone(&core.feed);
        let core = Lasting::new(core);
        let attached = Arc::new(AtomicBool::new(true));
        let (engine, inbox) = Engine::new(meters, feed, observer, core.failing(), Arc::clone(&attached));
        let worker = Self {
            core,
            clock,
            attached,
            inbox,
        };
        (engine, worker)
    }

    /// Works until it is told to stop, or every [`Engine`] is gone. A store that fails is opened again until it works;
    /// the gate goes on enforcing.
    pub fn run(mut self) {
        loop {
            let (messages, open) = self.wait();
            let (now, synchronised) = self.clock.look();
            self.core.core.set_synchronised(synchronised);
            self.core.core.set_attached(self.attached.load(Ordering::Relaxed));
            let stop = !open || messages.iter().any(|message| matches!(message, Message::Stop(_)));
            self.core.turn(now, messages, stop);
            if stop {
                return;
            }
        }
    }

    /// Sleeps until something waits or comes due; answers all that waits, and whether more can come.
    fn wait(&self) -> (Vec<Message>, bool) {
        let due = self.core.next_due();
        let sleep = due.saturating_sub(self.clock.monotonic()).min(SLEEP_MAX_MS);
        match self.inbox.recv_timeout(Duration::from_millis(sleep)) {
            Ok(first) => {
                let rest = self.inbox.try_iter().take(ROUND_MAX - 1);
                (std::iter::once(first).chain(rest).collect(), true)
            }
            Err(RecvTimeoutError::Timeout) => (Vec::new(), true),
            Err(RecvTimeoutError::Disconnected) => (Vec::new(), false),
        }
    }
}
