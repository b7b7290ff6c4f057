//! The meter of one session: two words, written by the engine and read by anybody. It names nothing but atomics, so that
//! the model checker runs these very lines (`tests/tests/meters.rs`).

use super::atomics::{Arc, AtomicU64, Ordering};

/// An instant that never comes.
pub(super) const NEVER: u64 = u64::MAX;

/// The instant up to which the sessions of a token are charged if nothing changes (monotonic milliseconds); shared by
/// their meters.
#[derive(Debug)]
pub(super) struct Limit(AtomicU64);

impl Limit {
    pub(super) fn new(monotonic: u64) -> Self {
        Self(AtomicU64::new(monotonic))
    }

    pub(super) fn set(&self, monotonic: u64) {
        self.0.store(monotonic, Ordering::Release);
    }
}

/// What one session is charged.
#[derive(Debug)]
pub struct SessionMeter {
    /// Monotonic milliseconds from which the charge grows; the charge before that is taken off it, so that one
    /// subtraction gives the whole. May lie before the clock's zero.
    origin: i64,
    /// Monotonic milliseconds of the end; [`NEVER`] while the session is open.
    end: AtomicU64,
    limit: Arc<Limit>,
}

impl SessionMeter {
    pub(super) fn new(origin: i64, limit: Arc<Limit>) -> Self {
        Self {
            origin,
            end: AtomicU64::new(NEVER),
            limit,
        }
    }

    /// Milliseconds charged up to an instant of the monotonic clock, or up to the end if that came before. Never more than
    /// the token's balance allows, also while the end is due and not yet booked.
    #[must_use]
    pub fn charged_at(&self, monotonic: u64) -> u64 {
        // Acquire: who sees an end must not see a limit from before it. The end is final, whatever the limit says.
        let end = self.end.load(Ordering::Acquire);
        let until = if end == NEVER {
            monotonic.min(self.limit.0.load(Ordering::Acquire))
        } else {
            monotonic.min(end)
        };
        let until = i64::try_from(until).unwrap_or(i64::MAX);
        u64::try_from(until.saturating_sub(self.origin)).unwrap_or(0)
    }

    /// Whether the session has ended.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.end.load(Ordering::Acquire) != NEVER
    }

    /// Ends it where the charge is what the ledger booked.
    pub(super) fn stop(&self, charged: u64) {
        let end = self
            .origin
            .saturating_add(i64::try_from(charged).unwrap_or(i64::MAX));
        self.end.store(u64::try_from(end).unwrap_or(0), Ordering::Release);
    }
}
