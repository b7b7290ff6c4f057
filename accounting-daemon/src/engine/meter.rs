//! Minutes per session, lock-free: atomics with one writer, the engine; anybody reads them without making it wait.
//!
//! A meter is a function of the time: it grows with the clock from its origin until the earlier of the session's end and the
//! token's deadline. Nothing is added up as time passes, so nothing can be lost or counted twice.

use std::sync::Arc;

use dashmap::DashMap;

pub use super::session_meter::SessionMeter;
use super::session_meter::{Limit, NEVER};
use crate::{
    ledger::{Metering, Session, TokenId},
    mac::DeviceId,
};

/// The meters of all open sessions. The maps only find a meter; no guard of them leaves this file.
#[derive(Debug, Default)]
pub struct Meters {
    sessions: DashMap<DeviceId, (TokenId, Arc<SessionMeter>)>,
    /// With the number of sessions that share each.
    limits: DashMap<TokenId, (usize, Arc<Limit>)>,
}

impl Meters {
    /// The meter of a device's open session.
    #[must_use]
    pub fn of(&self, device: DeviceId) -> Option<Arc<SessionMeter>> {
        self.sessions.get(&device).map(|found| Arc::clone(&found.1))
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
            .map(|found| found.1.charged_at(monotonic))
            .sum()
    }

    /// Sets the instant up to which the sessions of a token are charged if nothing changes.
    pub(super) fn limit(&self, token: TokenId, monotonic: u64) {
        let (_, limit) = self.shared(token);
        limit.set(monotonic);
    }

    /// Forgets all, for a ledger that is read anew.
    pub(super) fn clear(&self) {
        self.sessions.clear();
        self.limits.clear();
    }

    /// Begins the meter of a session, or begins it anew.
    pub(super) fn start(&self, session: &Session) {
        let before = self.sessions.remove(&session.device);
        let again = before.is_some_and(|(_, (token, _))| token == session.token);
        let (sessions, limit) = self.shared(session.token);
        self.limits.insert(
            session.token,
            (sessions + usize::from(!again), Arc::clone(&limit)),
        );
        let limit = if session.parked {
            // It stands still where it is, whatever its token's deadline.
            Arc::new(Limit::new(session.settled))
        } else {
            limit
        };
        let meter = Arc::new(SessionMeter::new(origin(session), limit));
        self.sessions.insert(session.device, (session.token, meter));
    }

    pub(super) fn end(&self, device: DeviceId, charged: u64) {
        let Some((_, (token, meter))) = self.sessions.remove(&device) else {
            return;
        };
        meter.stop(charged);
        let (sessions, limit) = self.shared(token);
        self.limits.insert(token, (sessions.saturating_sub(1), limit));
        self.tidy(token);
    }

    /// Forgets the limit of a token that has no session after all.
    pub(super) fn tidy(&self, token: TokenId) {
        self.limits.remove_if(&token, |_, (sessions, _)| *sessions == 0);
    }

    /// The limit of a token and how many sessions share it.
    fn shared(&self, token: TokenId) -> (usize, Arc<Limit>) {
        if let Some((sessions, limit)) = self
            .limits
            .get(&token)
            .map(|found| (found.0, Arc::clone(&found.1)))
        {
            return (sessions, limit);
        }
        let limit = Arc::new(Limit::new(NEVER));
        self.limits.insert(token, (0, Arc::clone(&limit)));
        (0, limit)
    }
}

fn origin(session: &Session) -> i64 {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    match session.metering {
        Metering::ConnectedTime => signed(session.settled) - signed(session.charged),
        // The run is charged, not the session: it never grows.
        Metering::ElapsedTime => i64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

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
    fn a_meter_grows_with_the_clock_until_the_end() {
        let session = session(Metering::ConnectedTime);
        let meters = Meters::default();
        meters.start(&session);
        let meter = meters.of(session.device).unwrap();
        assert_eq!((meter.charged_at(300), meter.charged_at(1_300)), (400, 1_400));
        assert_eq!(session.charged_at(1_300), 1_400, "meter and ledger agree");
        meters.end(session.device, 900);
        assert_eq!(meter.charged_at(5_000), 900);
        assert!(meter.ended() && meters.of(session.device).is_none());
        assert!(meters.limits.is_empty(), "nothing stays behind");
    }

    #[test]
    fn a_meter_stops_at_the_deadline_before_anybody_books_it() {
        let session = session(Metering::ConnectedTime);
        let meters = Meters::default();
        meters.limit(1, 500);
        meters.start(&session);
        assert_eq!(meters.charged_at(9_000), 600);
        meters.limit(1, 700);
        assert_eq!(meters.charged_at(9_000), 800);
    }

    #[test]
    fn the_meter_of_a_parked_session_stands_still_and_begins_anew() {
        let meters = Meters::default();
        let running = session(Metering::ConnectedTime);
        let parked = Session {
            parked: true,
            ..running.clone()
        };
        meters.limit(1, 5_000);
        meters.start(&parked);
        assert_eq!(meters.charged_at(900), 400);
        meters.start(&Session {
            settled: 900,
            ..running.clone()
        });
        assert_eq!(meters.charged_at(1_000), 500);
        meters.end(running.device, 500);
        assert!(meters.limits.is_empty(), "it was counted once");
    }

    #[test]
    fn a_session_on_elapsed_time_is_charged_nothing() {
        let meters = Meters::default();
        meters.start(&session(Metering::ElapsedTime));
        assert_eq!(meters.charged_at(9_000), 0);
    }
}
