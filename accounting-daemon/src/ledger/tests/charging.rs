//! What is charged, to whom, and until when.

use super::idle;
use crate::ledger::{
    Rules,
    scenario::{check, check_with},
};

#[test]
fn the_balance_pauses_when_nobody_is_connected() {
    check(
        "token A 60s
         tick 10m
         redeem A d1 -> ok
         cut A 60s
         tick 20s
         left A 40s
         release d1 -> ok
         record d1 Disconnected 20s
         tick 10m
         left A 40s
         redeem A d1 -> ok
         cut A 40s",
    );
}

#[test]
fn two_devices_for_ten_seconds_use_twenty() {
    check(
        "token A 60s seats 2
         redeem A d1 -> ok
         tick 10s
         redeem A d2 -> ok
         cut A 25s
         tick 10s
         left A 30s
         release d1 -> ok
         record d1 Disconnected 20s
         cut A 30s
         tick 30s
         offline d2
         record d2 Depleted 40s
         left A 0s",
    );
}

#[test]
fn what_divides_unevenly_among_seats_goes_to_the_oldest_session() {
    check(
        "token A 100ms seats 3
         redeem A d2 -> ok
         redeem A d1 -> ok
         redeem A d3 -> ok
         cut A 33ms
         tick 33ms
         record d2 Depleted 34ms
         record d1 Depleted 33ms
         record d3 Depleted 33ms",
    );
}

#[test]
fn a_session_ends_when_its_token_is_depleted_however_late_that_is_noticed() {
    check(
        "token A 60s
         redeem A d1 -> ok
         tick 59999ms
         online d1
         tick 5m
         offline d1
         record d1 Depleted 60s",
    );
}

#[test]
fn silence_releases_a_session_and_charges_to_the_last_forwarded_frame_in_either_direction() {
    check_with(
        idle(false),
        "token A 60m seats 2
         redeem A d1 -> ok
         redeem A d2 -> ok
         tick 1m
         up d1
         tick 1m
         down d1
         tick 7m
         up d2
         tick 1m
         tick 59999ms
         online d1
         tick 1ms
         offline d1
         record d1 Idle 2m
         online d2
         left A 47m
         cut A 47m",
    );
}

#[test]
fn bill_idle_charges_to_the_release() {
    check_with(
        idle(true),
        "token A 60m
         redeem A d1 -> ok
         tick 1m
         up d1
         tick 20m
         record d1 Idle 11m
         left A 49m",
    );
}

#[test]
fn a_device_that_goes_on_sending_is_never_idle() {
    check_with(
        idle(false),
        "token A 60m
         redeem A d1 -> ok
         tick 9m
         up d1
         tick 9m
         up d1
         tick 9m
         online d1
         left A 33m",
    );
}

#[test]
fn session_timeout_is_a_hard_cap_per_session() {
    check_with(
        Rules {
            session_timeout: Some(60_000),
            ..idle(false)
        },
        "token A 60m
         redeem A d1 -> ok
         tick 59s
         up d1
         online d1
         tick 10s
         offline d1
         record d1 SessionTimeout 60s
         redeem A d1 -> ok
         left A 59m",
    );
}

#[test]
fn a_calendar_limit_is_booked_at_its_time_however_late_and_whatever_came_before() {
    check_with(
        idle(false),
        "token A 60m seats 2
         redeem A d1 -> ok
         tick 599999ms
         redeem A d2 -> ok
         edit A to 10s -> ok
         tick 10m
         record d1 Idle 0s
         record d2 Expired 10s
         left A 3590s",
    );
}

#[test]
fn of_what_is_due_at_one_instant_the_calendar_comes_before_the_balance() {
    check(
        "token A 60s to 60s
         redeem A d1 -> ok
         tick 60s
         record d1 Expired 60s
         left A 0s",
    );
}

#[test]
fn of_what_is_due_at_one_instant_silence_comes_before_the_cap() {
    check_with(
        Rules {
            session_timeout: Some(600_000),
            ..idle(false)
        },
        "token A 60m
         redeem A d1 -> ok
         tick 10m
         record d1 Idle 0s",
    );
}
