//! Deadlines, and what ends by itself: in which order, and at which moment.

use super::idle;
use crate::ledger::{
    Rules,
    scenario::{check, check_with},
};

fn capped() -> Rules {
    Rules {
        session_timeout: Some(60_000),
        ..idle(false)
    }
}

/// "The kernel holds a deadline per token, `min(now + balance / open seats, ValidTo)` (divisor 1 for ElapsedTime)."
#[test]
fn the_deadline_of_a_token_is_now_and_its_balance_by_open_seats_or_valid_to() {
    check(
        "token A 60s seats 3 to 25s
         redeem A d1 -> ok
         cut A 25s
         redeem A d2 -> ok
         cut A 25s
         redeem A d3 -> ok
         cut A 20s",
    );
    check(
        "token B 60s seats 2 metering elapsed
         redeem B d1 -> ok
         redeem B d2 -> ok
         cut B 60s",
    );
}

/// "And one per device (session_timeout); the earlier wins."
#[test]
fn of_the_deadlines_of_token_and_device_the_earlier_wins() {
    check_with(
        capped(),
        "token A 90s
         redeem A d1 -> ok
         cut A 90s
         cap d1 60s
         rest d1 60s
         tick 10s
         cap d1 50s
         release d1 -> ok
         balance A 30s
         redeem A d1 -> ok
         cap d1 60s
         cut A 30s
         rest d1 30s",
    );
}

/// "`session_timeout` (default off) is a hard cap per session, held by the kernel per device."
#[test]
fn without_a_session_timeout_no_device_has_a_deadline_of_its_own() {
    check(
        "token A 60m
         redeem A d1 -> ok
         cap d1 never",
    );
}

/// "In the order of its due time (ties: Idle, SessionTimeout, Expired, Depleted, then by MAC), recomputing the rest
/// after each."
#[test]
fn of_what_is_due_at_one_instant_the_cap_comes_before_the_calendar() {
    check_with(
        capped(),
        "token A 60m to 60s
         redeem A d1 -> ok
         tick 60s
         record d1 SessionTimeout 60s",
    );
}

/// "In the order of its due time (ties: Idle, SessionTimeout, Expired, Depleted, then by MAC), recomputing the rest
/// after each."
#[test]
fn of_what_is_due_at_one_instant_for_several_devices_the_lower_mac_comes_first() {
    check_with(
        idle(false),
        "token A 60m
         token B 60m
         redeem A d2 -> ok
         redeem B d1 -> ok
         tick 10m
         ended d1 d2",
    );
}

/// "In the order of its due time (ties: Idle, SessionTimeout, Expired, Depleted, then by MAC), recomputing the rest
/// after each."
#[test]
fn everything_due_is_booked_in_the_order_of_its_time_and_the_rest_worked_out_anew_after_each() {
    check_with(
        idle(false),
        "token A 25m seats 2
         redeem A d1 -> ok
         redeem A d2 -> ok
         cut A 750s
         tick 9m
         up d2
         tick 590s
         record d1 Idle 0s
         online d2
         left A 370s
         cut A 370s
         up d2
         tick 10m
         ended d1 d2
         record d2 Depleted 25m",
    );
}
