//! The account of a token: its balance, who draws on it, and when that ends.

use super::{DueAt, FOREVER, Now, Token, due::Due};
use crate::mac::DeviceId;

/// A token in memory together with its open sessions.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) token: Token,
    /// Devices with an open session, oldest session first.
    pub(super) open: Vec<DeviceId>,
    /// The entry that stands for this token in the queue of what is due.
    pub(super) due: Option<DueAt>,
    /// The deadline last given to the gate.
    pub(super) deadline: Option<u64>,
}

impl Account {
    pub(super) fn new(token: Token) -> Self {
        Self {
            token,
            open: Vec::new(),
            due: None,
            deadline: None,
        }
    }

    fn draws(&self) -> u64 {
        self.open.len() as u64
    }

    /// What is charged at an instant not before the last settlement: never more than the token is entitled to.
    pub(super) fn used_at(&self, monotonic: u64) -> u64 {
        let grown = monotonic
            .saturating_sub(self.token.settled)
            .saturating_mul(self.draws());
        self.token.used + grown.min(self.token.left())
    }

    /// Charges the open sessions up to an instant. Whatever is due before it must have been booked.
    pub(super) fn settle(&mut self, monotonic: u64) {
        debug_assert!(
            self.open.is_empty() || monotonic >= self.token.settled,
            "time went backwards"
        );
        let used = self.used_at(monotonic);
        debug_assert!(used >= self.token.used && (used <= self.token.entitled || used == self.token.used));
        self.token.used = used;
        self.token.settled = monotonic;
    }

    /// The instant at which the balance ends if nothing changes; `None` while nobody draws on it.
    pub(super) fn depleted_at(&self) -> Option<u64> {
        let share = self.token.left().checked_div(self.draws())?;
        Some(self.token.settled.saturating_add(share))
    }

    /// What ends the open sessions next, and when.
    pub(super) fn next_due(&self, now: Now) -> Option<DueAt> {
        let depleted = (self.depleted_at()?, Due::Depleted(self.token.id));
        let expired = self
            .token
            .valid_to
            .map(|to| (now.monotonic_at(to), Due::Expired(self.token.id)));
        Some(expired.map_or(depleted, |expired| expired.min(depleted)))
    }

    /// The deadline that the gate must hold: the earlier of balance and calendar.
    pub(super) fn deadline_at(&self, now: Now) -> u64 {
        self.next_due(now).map_or(FOREVER, |(at, _)| at)
    }
}
