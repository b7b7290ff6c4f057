//! Minutes per session, lock-free: atomics with one writer, the engine; anybody reads them without making it wait.
//!
//! A meter is a function of the time: it grows with the clock from its origin until the earlier of the session's end and the
//! token's deadline. Nothing is added up as time passes, so nothing can be lost or counted twice.

#[cfg(not(feature = "loom"))]
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

#[cfg(feature = "loom")]
use loom::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use dashmap::DashMap;

use crate::{
    ledger::{Metering, Session, TokenId},
    mac::DeviceId,
};

/// An instant that never comes.
const NEVER: u64 = u64::MAX;

/// The instant up to which the sessions of a token are charged if nothing changes (monotonic milliseconds); shared by
/// their meters.
#[derive(Debug)]
struct Limit(AtomicU64);

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
    fn new(origin: i64, limit: Arc<Limit>) -> Self {
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
    fn stop(&self, charged: u64) {
        let end = self
            .origin
            .saturating_add(i64::try_from(charged).unwrap_or(i64::MAX));
        self.end.store(u64::try_from(end).unwrap_or(0), Ordering::Release);
    }
}

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

    /// Forgets all, for a ledger that is read anew.
    pub(super) fn clear(&self) {
        self.sessions.clear();
        self.limits.clear();
    }

    /// Sets the instant up to which the sessions of a token are charged if nothing changes.
    pub(super) fn limit(&self, token: TokenId, monotonic: u64) {
        let (_, limit) = self.shared(token);
        limit.0.store(monotonic, Ordering::Release);
    }

    pub(super) fn start(&self, session: &Session) {
        let (sessions, limit) = self.shared(session.token);
        self.limits
            .insert(session.token, (sessions + 1, Arc::clone(&limit)));
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
        let limit = Arc::new(Limit(AtomicU64::new(NEVER)));
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

#[cfg(all(test, not(feature = "loom")))]
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
            charged: 400,
            settled: 300,
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
    fn a_session_on_elapsed_time_is_charged_nothing() {
        let meters = Meters::default();
        meters.start(&session(Metering::ElapsedTime));
        assert_eq!(meters.charged_at(9_000), 0);
    }
}

/// Every interleaving of the writer with readers: `cargo test -p accounting-daemon --features loom --lib loom`.
#[cfg(all(test, feature = "loom"))]
mod loom_tests {
    use super::*;
    use loom::thread;

    /// A session from 0 to its deadline at 100, booked late, while a reader looks twice.
    #[test]
    fn loom_a_reader_never_sees_a_charge_shrink_or_pass_the_balance() {
        loom::model(|| {
            let limit = Arc::new(Limit(AtomicU64::new(100)));
            let meter = Arc::new(SessionMeter::new(0, limit));
            let reader = Arc::clone(&meter);
            let reader = thread::spawn(move || {
                let (first, second) = (reader.charged_at(150), reader.charged_at(160));
                assert!(first <= second && second <= 100, "{first} then {second}");
            });
            meter.stop(100);
            reader.join().unwrap();
            assert_eq!(meter.charged_at(u64::MAX), 100);
        });
    }

    /// Another device joins: the deadline is halved before it passes; then one leaves and it is lengthened.
    #[test]
    fn loom_a_moving_deadline_loses_nothing() {
        loom::model(|| {
            let limit = Arc::new(Limit(AtomicU64::new(100)));
            let first = Arc::new(SessionMeter::new(0, Arc::clone(&limit)));
            let reader = Arc::clone(&first);
            let reader = thread::spawn(move || reader.charged_at(40));
            limit.0.store(70, Ordering::Release);
            let second = SessionMeter::new(40, Arc::clone(&limit));
            second.stop(20);
            limit.0.store(80, Ordering::Release);
            first.stop(80);
            assert_eq!(
                reader.join().unwrap(),
                40,
                "what was before the joiner does not change"
            );
            assert_eq!(first.charged_at(NEVER) + second.charged_at(NEVER), 100);
        });
    }

    /// The device's place is reused for another session: a reader that holds the old meter reads the old session.
    #[test]
    fn loom_a_reused_place_does_not_mix_sessions() {
        loom::model(|| {
            let limit = Arc::new(Limit(AtomicU64::new(NEVER)));
            let old = Arc::new(SessionMeter::new(0, Arc::clone(&limit)));
            let held = Arc::clone(&old);
            let reader = thread::spawn(move || held.charged_at(30));
            old.stop(30);
            let new = SessionMeter::new(30, limit);
            assert_eq!(new.charged_at(50), 20);
            assert_eq!(reader.join().unwrap(), 30);
            assert_eq!(old.charged_at(NEVER) + new.charged_at(50), 50);
        });
    }
}
