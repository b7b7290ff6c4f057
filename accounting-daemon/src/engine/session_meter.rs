//! The meter of one session: two words, written by the engine and read by anybody. It names nothing but atomics, so that
//! the model checker runs these very lines (`tests/tests/meters.rs`).

use super::atomics::{AtomicU64, Ordering};

/// What one session is charged.
#[derive(Debug)]
pub(super) struct SessionMeter {
    /// Monotonic milliseconds from which the charge grows; the charge before that is taken off it, so that one
    /// subtraction gives the whole. May lie before the clock's zero.
    origin: i64,
    /// Monotonic milliseconds up to which it grows if nothing changes.
    until: AtomicU64,
}

/// A meter at one moment: what it shows later holds unless something changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    origin: i64,
    until: u64,
}

impl SessionMeter {
    pub(super) fn new(origin: i64, until: u64) -> Self {
        Self {
            origin,
            until: AtomicU64::new(until),
        }
    }

    /// Moves the instant up to which it grows.
    pub(super) fn limit(&self, monotonic: u64) {
        self.until.store(monotonic, Ordering::Release);
    }

    pub(super) fn read(&self) -> Reading {
        Reading {
            origin: self.origin,
            // Acquire: who sees a deadline sees what was written before it was given.
            until: self.until.load(Ordering::Acquire),
        }
    }
}

impl Reading {
    /// Milliseconds charged up to an instant of the monotonic clock. Never more than the token's balance allows, also while
    /// the end is due and not yet booked.
    #[must_use]
    pub fn charged_at(self, monotonic: u64) -> u64 {
        let until = i64::try_from(monotonic.min(self.until)).unwrap_or(i64::MAX);
        u64::try_from(until.saturating_sub(self.origin)).unwrap_or(0)
    }

    /// Tells one session of a device from the next.
    #[must_use]
    pub fn origin(self) -> i64 {
        self.origin
    }
}
