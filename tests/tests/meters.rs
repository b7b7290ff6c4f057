//! The lock-free meters under a model checker: every interleaving of the writer with a reader, weak memory included. The
//! lines that are checked are the daemon's own.

mod atomics {
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering};
}

#[expect(
    dead_code,
    unreachable_pub,
    reason = "the daemon's file, of which the models use a part"
)]
#[path = "../../accounting-daemon/src/engine/session_meter.rs"]
mod session_meter;

use loom::{sync::Arc, thread};
use session_meter::SessionMeter;

/// An instant that never comes.
const NEVER: u64 = u64::MAX;

/// A session from 0 to its deadline at 100, which is shortened to 80 before that, while a reader looks twice.
/// "Per-session minute counters are lock-free atomics with one writer; anybody reads them without blocking a
/// redemption."
#[test]
fn a_reader_never_sees_a_charge_pass_the_balance() {
    loom::model(|| {
        let meter = Arc::new(SessionMeter::new(0, 100));
        let reader = Arc::clone(&meter);
        let reader = thread::spawn(move || {
            let (first, second) = (reader.read(), reader.read());
            for reading in [first, second] {
                assert!([80, 100].contains(&reading.charged_at(150)), "{reading:?}");
                assert_eq!(reading.charged_at(60), 60, "what was before does not change");
            }
            assert!(second.charged_at(150) <= first.charged_at(150), "no way back");
        });
        meter.limit(80);
        reader.join().unwrap();
        assert_eq!(meter.read().charged_at(u64::MAX), 80);
    });
}

/// Another device joins: the deadline is halved before it passes; then one leaves and it is lengthened.
/// "Per-session minute counters are lock-free atomics with one writer; anybody reads them without blocking a
/// redemption."
#[test]
fn a_moving_deadline_loses_nothing() {
    loom::model(|| {
        let first = Arc::new(SessionMeter::new(0, 100));
        let reader = Arc::clone(&first);
        let reader = thread::spawn(move || reader.read().charged_at(40));
        first.limit(70);
        let second = SessionMeter::new(40, 70);
        second.limit(60);
        first.limit(80);
        assert_eq!(
            reader.join().unwrap(),
            40,
            "what was before the joiner does not change"
        );
        let all = first.read().charged_at(NEVER) + second.read().charged_at(NEVER);
        assert_eq!(all, 100);
    });
}

/// Another session takes the place: a reading of the former one stays what it was.
/// "Per-session minute counters are lock-free atomics with one writer; anybody reads them without blocking a
/// redemption."
#[test]
fn a_reading_does_not_mix_sessions() {
    loom::model(|| {
        let meter = Arc::new(SessionMeter::new(0, 30));
        let held = Arc::clone(&meter);
        let reader = thread::spawn(move || held.read());
        let next = SessionMeter::new(30, NEVER);
        let reading = reader.join().unwrap();
        drop(meter);
        assert_eq!(reading.charged_at(50) + next.read().charged_at(50), 50);
        assert_ne!(reading.origin(), next.read().origin());
    });
}
