//! The rules, one readable scenario each; the sentence is the name, and stands before it as docs/RULES.md quotes it.

mod balance;
mod budgets;
mod causes;
mod charging;
mod classes;
mod codes;
mod due;
mod edits;
mod elapsed;
mod parking;
mod redeeming;
mod seats;
mod time;

use super::Rules;

/// Silence of ten minutes ends a session, and is charged or not.
fn idle(bill_idle: bool) -> Rules {
    Rules {
        idle_timeout: Some(600_000),
        bill_idle,
        ..Rules::default()
    }
}

/// "No seat free: a seat whose device has been silent for `seat_silence` (default 2 min) is displaced and reused."
/// "Per device 10 a minute, per client or address 300 a minute."
/// "`idle_timeout` (default 10 min, or off) releases a ConnectedTime session after that silence and charges to the last
/// forwarded frame in either direction (`bill_idle = true` charges to the release)."
#[test]
fn the_defaults_are_those_of_the_rules() {
    let Rules {
        idle_timeout,
        bill_idle,
        session_timeout,
        seat_silence,
        takeover_silence,
        takeovers_max,
        takeover_window,
        attempts_per_device,
        attempts_per_asker,
        ..
    } = Rules::default();
    assert_eq!(
        (idle_timeout, bill_idle, session_timeout),
        (Some(10 * 60_000), false, None)
    );
    assert_eq!((seat_silence, takeover_silence), (2 * 60_000, 30_000));
    assert_eq!((takeovers_max, takeover_window), (3, 10 * 60_000));
    assert_eq!((attempts_per_device, attempts_per_asker), (10, 300));
}
