//! What a token is good for, what was used of it, and what is left.

use crate::ledger::scenario::check;

/// "Entitled: the milliseconds a token is good for: `MinutesIncluded` plus every later adjustment, each kept with its
/// reason."
#[test]
fn entitled_is_the_minutes_included_and_every_later_adjustment_each_kept_with_its_reason() {
    check(
        "token A 5m
         redeem A d1 -> ok
         tick 1m
         edit A minutes 8 -> ok
         balance A 10m
         entitled A 11m
         adjusted A 6m
         reasons A MinutesIncluded gift",
    );
}

/// "Balance: `left = max(0, entitled - used)`, always, exactly."
#[test]
fn the_balance_is_what_is_entitled_less_what_is_used_and_never_below_zero() {
    check(
        "token A 3m
         redeem A d1 -> ok
         tick 90s
         left A 90s
         edit A minutes 1 -> ok
         entitled A 1m
         used A 90s
         left A 0s
         edit A minutes 2 -> ok
         left A 30s",
    );
}

/// "Every open session draws on the one balance, so two devices for ten minutes use twenty."
#[test]
fn two_devices_for_ten_minutes_use_twenty() {
    check(
        "token A 60m seats 2
         redeem A d1 -> ok
         redeem A d2 -> ok
         tick 10m
         used A 20m
         left A 40m",
    );
}

/// "`MinutesLeft` shown is rounded up; 0 only when depleted."
#[test]
fn minutes_left_are_shown_rounded_up_and_zero_only_when_depleted() {
    check(
        "token A 2m
         redeem A d1 -> ok
         shown A 2
         tick 1ms
         shown A 2
         tick 59999ms
         shown A 1
         tick 59999ms
         shown A 1
         online d1
         tick 1ms
         shown A 0
         offline d1",
    );
}

/// "Internally in milliseconds on the monotonic clock."
/// "Durations: monotonic clock. Calendar limits: wall clock, re-evaluated when the clock is stepped
/// (`TFD_TIMER_CANCEL_ON_SET`)."
#[test]
fn charges_are_milliseconds_of_the_monotonic_clock() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 1234ms
         set 30m
         used A 1234ms
         tick 1ms
         release d1 -> ok
         record d1 Disconnected 1235ms",
    );
}
