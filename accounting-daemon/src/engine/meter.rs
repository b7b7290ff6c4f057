//! Minutes per session, lock-free: atomics with one writer, the engine; anybody reads them without making it wait.
//!
//! A meter is a function of the time: it grows with the clock from its origin until the deadline of the session's token.
//! Nothing is added up as time passes, so nothing can be lost or counted twice.

use dashmap::DashMap;

pub use super::session_meter::Reading;
use super::session_meter::SessionMeter;
use crate::{
    ledger::{Ledger, Metering, Session, TokenId},
    mac::DeviceId,
};

/// The meters of all open sessions. The map only finds a meter; no guard of it leaves this file.
#[derive(Debug, Default)]
pub struct Meters(DashMap<DeviceId, SessionMeter>);

impl Meters {
    /// The meter of a device's open session.
    #[must_use]
    pub fn of(&self, device: DeviceId) -> Option<Reading> {
        self.0.get(&device).map(|found| found.read())
    }

    /// How many sessions are open.
    #[must_use]
    pub fn online(&self) -> usize {
        self.0.len()
    }

    /// Milliseconds that all open sessions together are charged up to an instant.
    #[must_use]
    pub fn charged_at(&self, monotonic: u64) -> u64 {
        self.0
            .iter()
            .map(|found| found.read().charged_at(monotonic))
            .sum()
    }

    /// Moves the instant up to which the sessions of a token are charged if nothing changes.
    pub(super) fn limit(&self, token: TokenId, monotonic: u64, ledger: &Ledger) {
        for device in ledger.running_on(token) {
            if let Some(meter) = self.0.get(&device) {
                meter.limit(monotonic);
            }
        }
    }

    /// Forgets all, for a ledger that is read anew.
    pub(super) fn clear(&self) {
        self.0.clear();
    }

    /// Begins the meter of a session, or begins it anew.
    pub(super) fn start(&self, session: &Session, ledger: &Ledger) {
        self.begin(session, ledger.deadline_of(session.token));
    }

    fn begin(&self, session: &Session, deadline: u64) {
        let until = match session.metering {
            // It stands still where it is, whatever its token's deadline.
            _ if session.parked => session.settled,
            // The run is charged, not the session.
            Metering::ElapsedTime => 0,
            Metering::ConnectedTime => deadline,
        };
        self.0
            .insert(session.device, SessionMeter::new(origin(session), until));
    }

    pub(super) fn end(&self, device: DeviceId) {
        self.0.remove(&device);
    }
}

fn origin(session: &Session) -> i64 {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    signed(session.settled) - signed(session.charged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::FOREVER, mac::Mac};

    fn session(metering: Metering) -> Session {
        Session {
            id: 1,
            device: DeviceId {
                mac: Mac([2, 0, 0, 0, 0, 1]),
                zone: 0,
            },
            token: 1,
            opened: 100,
            opened_wall: 0,
            age: 0,
            charged: 400,
            settled: 300,
            parked: false,
            metering,
            addresses: Vec::new(),
        }
    }

    #[test]
    fn a_meter_grows_with_the_clock_until_the_deadline_before_anybody_books_it() {
        let session = session(Metering::ConnectedTime);
        let meters = Meters::default();
        meters.begin(&session, FOREVER);
        let meter = meters.of(session.device).unwrap();
        assert_eq!((meter.charged_at(300), meter.charged_at(1_300)), (400, 1_400));
        assert_eq!(session.charged_at(1_300), 1_400, "meter and ledger agree");
        meters.begin(&session, 500);
        assert_eq!(meters.charged_at(9_000), 600);
        meters.end(session.device);
        assert_eq!((meters.of(session.device), meters.online()), (None, 0));
    }

    #[test]
    fn the_meter_of_a_parked_session_stands_still_and_begins_anew() {
        let meters = Meters::default();
        let running = session(Metering::ConnectedTime);
        let parked = Session {
            parked: true,
            ..running.clone()
        };
        meters.begin(&parked, 5_000);
        assert_eq!(meters.charged_at(900), 400);
        let woken = Session {
            settled: 900,
            ..running
        };
        meters.begin(&woken, 5_000);
        assert_eq!((meters.charged_at(1_000), meters.online()), (500, 1));
    }

    #[test]
    fn a_session_on_elapsed_time_is_charged_nothing() {
        let meters = Meters::default();
        let session = Session {
            charged: 0,
            ..session(Metering::ElapsedTime)
        };
        meters.begin(&session, 5_000);
        assert_eq!(meters.charged_at(9_000), 0);
    }
}
