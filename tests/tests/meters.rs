//! The lock-free meters under a model checker: every interleaving of the writer with a reader, weak memory included. The
//! lines that are checked are the daemon's own.

mod atomics {
    pub(super) use loom::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };
}

#[expect(
    dead_code,
    unreachable_pub,
    reason = "the daemon's file, of which the models use a part"
)]
#[path = "../../accounting-daemon/src/engine/session_meter.rs"]
mod session_meter;

use atomics::Arc;
use loom::thread;
use session_meter::{Limit, NEVER, SessionMeter};

/// A session from 0 to its deadline at 100, booked late, while a reader looks twice.
/// "Per-session minute counters are lock-free atomics with one writer; anybody reads them without blocking a
/// redemption."
#[test]
fn a_reader_never_sees_a_charge_shrink_or_pass_the_balance() {
    loom::model(|| {
        let limit = Arc::new(Limit::new(100));
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
/// "Per-session minute counters are lock-free atomics with one writer; anybody reads them without blocking a
/// redemption."
#[test]
fn a_moving_deadline_loses_nothing() {
    loom::model(|| {
        let limit = Arc::new(Limit::new(100));
        let first = Arc::new(SessionMeter::new(0, Arc::clone(&limit)));
        let reader = Arc::clone(&first);
        let reader = thread::spawn(move || reader.charged_at(40));
        limit.set(70);
        let second = SessionMeter::new(40, Arc::clone(&limit));
        second.stop(20);
        limit.set(80);
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
/// "Per-session minute counters are lock-free atomics with one writer; anybody reads them without blocking a
/// redemption."
#[test]
fn a_reused_place_does_not_mix_sessions() {
    loom::model(|| {
        let limit = Arc::new(Limit::new(NEVER));
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
