//! One step of whoever drives the core: notice a clock that was set, handle a round, keep the checkpoint fresh.

use std::{sync::Arc, time::Duration};

use super::{Core, Message, Meters, round::seen};
use crate::{
    gate::Gate,
    ledger::{
        Now,
        mutant::{Mutant, broken},
    },
    store::{Store, StoreError, Write},
};

/// How often the instant up to which all is charged is written while sessions are open.
const CHECKPOINT_MS: u64 = 5_000;

/// The wall clock has been set when it moves this much against the monotonic one.
const CLOCK_SET_MS: u64 = 250;

/// How far the wall clock goes on until its floor follows.
const FLOOR_STEP_MS: u64 = 3_600_000;

/// How often usage records are looked through for old ones ...
const PRUNE_MS: u64 = 60_000;

/// ... and how many of them at a time.
const PRUNE_MAX: usize = 1_000;

/// Whether more steps follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// They do.
    Next,
    /// This is the last one: what is charged is made durable.
    Last,
}

impl<S: Store, G: Gate> Core<S, G> {
    /// Handles all that waits, at one instant. The answers have been sent when it returns.
    ///
    /// # Errors
    /// [`StoreError`] when a commit failed: the core must be started anew.
    pub fn step(&mut self, now: Now, letters: Vec<Message>, step: Step) -> Result<(), StoreError> {
        let believed = now.trusted || broken(Mutant::UntrustedCalendarMoves);
        if believed && self.offset.abs_diff(now.offset()) > CLOCK_SET_MS {
            tracing::warn!("the wall clock was set: calendar limits are worked out anew");
            self.ledger.book(&seen(&self.gate), now);
            self.ledger.clock_stepped(now);
            self.offset = now.offset();
        }
        self.round(now, letters)?;
        let late = if broken(Mutant::CheckpointLate) { 2 } else { 1 };
        let due = now.monotonic.saturating_sub(self.checkpoint.monotonic) >= late * CHECKPOINT_MS;
        if self.ledger.online() > 0 && (due || step == Step::Last) {
            self.write_checkpoint(now, &[])?;
        }
        self.raise_floor(now)?;
        self.write_heard(now)?;
        self.prune(now)
    }

    /// Takes away a batch of usage records that are older than they are to be kept, where the date can be believed.
    fn prune(&mut self, now: Now) -> Result<(), StoreError> {
        let Some(retention) = self.retention else {
            return Ok(());
        };
        let due = now.monotonic.saturating_sub(self.pruned) >= PRUNE_MS;
        let believed = now.trusted || broken(Mutant::UntrustedClockPrunes);
        if !due || !believed || broken(Mutant::RetentionForgotten) {
            return Ok(());
        }
        self.pruned = now.monotonic;
        let early = if broken(Mutant::RetentionEarly) { 60_000 } else { 0 };
        let before = now.wall.saturating_sub_unsigned(retention - early);
        let old = self.store.usage_before(before, PRUNE_MAX)?;
        if old.is_empty() {
            return Ok(());
        }
        self.write_checkpoint(now, &[Write::Prune(old)])
    }

    /// Sets how long usage records are kept from their release on.
    pub fn set_retention(&mut self, retention: Duration) {
        self.retention = u64::try_from(retention.as_millis()).ok();
    }

    /// Keeps the time below which no clock is to be trusted that nobody keeps in step.
    fn raise_floor(&mut self, now: Now) -> Result<(), StoreError> {
        let late = now.wall >= self.floor.saturating_add_unsigned(FLOOR_STEP_MS);
        let moves = self.synchronised || broken(Mutant::AnyClockMovesFloor);
        if moves && late {
            self.write_checkpoint(now, &[Write::Floor(now.wall)])?;
            self.floor = now.wall;
        }
        Ok(())
    }

    /// Tells whether something keeps the wall clock in step: only such a clock moves the floor of the calendar.
    pub fn set_synchronised(&mut self, synchronised: bool) {
        self.synchronised = synchronised;
    }

    /// Tells whether any interface is gated; it takes hold with the next step.
    pub fn set_attached(&mut self, attached: bool) {
        self.attached = attached;
    }

    /// The monotonic millisecond at which something comes due next.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        self.ledger.next_due()
    }

    /// The minutes of every open session.
    #[must_use]
    pub fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }
}
