//! Minutes per session, lock-free: atomics with one writer, the engine; anybody reads them without making it wait.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use dashmap::DashMap;

use crate::{ledger::Session, mac::DeviceId};

const OPEN: u64 = u64::MAX;

/// What one session is charged, as a function of the time: it grows with the clock until the session ends.
#[derive(Debug)]
pub struct SessionMeter {
    /// Monotonic milliseconds from which the charge grows; the charge before that is taken off it, so that one
    /// subtraction gives the whole. May lie before the clock's zero.
    origin: i64,
    /// Monotonic milliseconds of the end; [`OPEN`] until then.
    end: AtomicU64,
}

impl SessionMeter {
    fn new(session: &Session) -> Self {
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        Self {
            origin: signed(session.settled) - signed(session.charged),
            end: AtomicU64::new(OPEN),
        }
    }

    /// Milliseconds charged up to an instant of the monotonic clock, or up to the end if that came before.
    #[must_use]
    pub fn charged_at(&self, monotonic: u64) -> u64 {
        // Relaxed: the one word says everything; nothing else is read through it.
        let until = i64::try_from(monotonic.min(self.end.load(Ordering::Relaxed))).unwrap_or(i64::MAX);
        u64::try_from(until.saturating_sub(self.origin)).unwrap_or(0)
    }

    /// Whether the session has ended.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.end.load(Ordering::Relaxed) != OPEN
    }

    /// Ends it where the charge is what the ledger booked.
    fn stop(&self, charged: u64) {
        let end = self
            .origin
            .saturating_add(i64::try_from(charged).unwrap_or(i64::MAX));
        self.end.store(u64::try_from(end).unwrap_or(0), Ordering::Relaxed);
    }
}

/// The meters of all open sessions. The map only finds a meter; no guard of it leaves this file.
#[derive(Debug, Default)]
pub struct Meters {
    sessions: DashMap<DeviceId, Arc<SessionMeter>>,
}

impl Meters {
    /// The meter of a device's open session.
    #[must_use]
    pub fn of(&self, device: DeviceId) -> Option<Arc<SessionMeter>> {
        self.sessions.get(&device).map(|meter| Arc::clone(&meter))
    }

    /// How many sessions are open.
    #[must_use]
    pub fn online(&self) -> usize {
        self.sessions.len()
    }

    /// Milliseconds that all open sessions together are charged up to an instant.
    #[must_use]
    pub fn charged_at(&self, monotonic: u64) -> u64 {
        self.sessions
            .iter()
            .map(|meter| meter.charged_at(monotonic))
            .sum()
    }

    /// Forgets all, for a ledger that is read anew.
    pub(super) fn clear(&self) {
        self.sessions.clear();
    }

    pub(super) fn start(&self, session: &Session) {
        self.sessions
            .insert(session.device, Arc::new(SessionMeter::new(session)));
    }

    pub(super) fn end(&self, device: DeviceId, charged: u64) {
        if let Some((_, meter)) = self.sessions.remove(&device) {
            meter.stop(charged);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::Metering, mac::Mac};

    #[test]
    fn a_meter_grows_with_the_clock_until_the_end() {
        let device = DeviceId {
            mac: Mac([2, 0, 0, 0, 0, 1]),
            zone: 0,
        };
        let session = Session {
            id: 1,
            device,
            token: 1,
            opened: 100,
            opened_wall: 0,
            charged: 400,
            settled: 300,
            metering: Metering::ConnectedTime,
            addresses: Vec::new(),
        };
        let meters = Meters::default();
        meters.start(&session);
        let meter = meters.of(device).unwrap();
        assert_eq!((meter.charged_at(300), meter.charged_at(1_300)), (400, 1_400));
        assert_eq!(session.charged_at(1_300), 1_400, "meter and ledger agree");
        meters.end(device, 900);
        assert_eq!(meter.charged_at(5_000), 900);
        assert!(meter.ended() && meters.of(device).is_none());
    }
}
