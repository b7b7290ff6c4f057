//! What the gate let pass, millisecond by millisecond: the books are measured against it.

use std::collections::{BTreeMap, BTreeSet};

use accounting_auditor::{Auditor, Cause, Now};
use accounting_daemon::{
    gate::{Entry, Gate},
    ledger::FOREVER,
};

use crate::world::World;

/// Devices on one token, so milliseconds that may be charged to the oldest because they did not divide.
const REST_MAX: u64 = 8;

/// Passing time of sessions, until they are judged.
#[derive(Debug, Default)]
pub(crate) struct Passing {
    sessions: BTreeMap<u64, Passed>,
    judged: BTreeSet<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Passed {
    ms: u64,
    /// Whether passing is charged to the session, and not to a run.
    connected: bool,
    /// What crashes may have cost the books: what was charged after the last checkpoint.
    lost: u64,
    /// Whether the calendar was set and the daemon died before it could act on it.
    reset: bool,
    /// What a daemon that came late may have cost the guest: a deadline that the daemon had moved, had it been there.
    blocked: u64,
}

impl Passing {
    /// Time passes.
    pub(crate) fn pass(&mut self, world: &World, books: &Auditor, from: u64, ms: u64) {
        // With one parked, how many draw is not known before somebody looks.
        let waiting = books
            .tokens()
            .filter(|token| token.open.iter().any(|session| session.parked));
        let parked: BTreeSet<u64> = waiting
            .flat_map(|token| &token.open)
            .map(|session| session.id)
            .collect();
        // Whom the kernel does not let go of passes on; the books cannot help it.
        let stuck = |entry: &&Entry| world.stuck.contains(&entry.device);
        for entry in world.gate.entries().filter(|entry| !stuck(entry)) {
            let deadline = world.gate.deadline(entry.token).unwrap_or(FOREVER);
            let open = deadline.min(entry.deadline).saturating_sub(from).min(ms);
            let passed = self.sessions.entry(entry.session).or_default();
            passed.ms += open;
            // Until the first frame, and as long as nobody has looked for it.
            passed.lost += if parked.contains(&entry.session) { open } else { 0 };
            passed.blocked += ms - open;
        }
    }

    /// The daemon died: `books` are what is durable, charged up to a checkpoint.
    pub(crate) fn died(&mut self, books: &Auditor, checkpoint: u64, now: Now) {
        for (_, session) in books.sessions() {
            let passed = self.sessions.entry(session.id).or_default();
            passed.lost += now.monotonic.saturating_sub(checkpoint);
            // The gate goes by the calendar as it was; the daemon, once it is back, by the one that was set.
            passed.reset |= !books.by_calendar_of(now);
        }
    }

    /// Compares what ended since the last time with what had passed.
    pub(crate) fn judge(&mut self, books: &Auditor) -> Result<(), String> {
        for token in books.tokens() {
            for session in &token.open {
                self.judged.remove(&session.id);
                self.sessions.entry(session.id).or_default().connected = !token.elapsed;
            }
        }
        for (id, record) in books.records.iter().rev().take(64) {
            let Some(passed) = self.sessions.get(id).filter(|passed| passed.connected) else {
                continue;
            };
            if !self.judged.insert(*id) {
                continue;
            }
            if record.charged > passed.ms + passed.blocked + REST_MAX {
                return Err(format!(
                    "session {id} was charged {} and passed {passed:?}",
                    record.charged
                ));
            }
            if record.cause != Cause::Idle && !passed.reset && passed.ms > record.charged + passed.lost {
                return Err(format!(
                    "session {id} passed {passed:?} and was charged {}",
                    record.charged
                ));
            }
        }
        Ok(())
    }
}
