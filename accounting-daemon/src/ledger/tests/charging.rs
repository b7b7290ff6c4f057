//! What is charged, to whom, and until when.

use super::idle;
use crate::ledger::{
    Rules,
    scenario::{check, check_with},
};

/// "`ConnectedTime` (default): only while sessions are open."
/// "The balance pauses when nobody is connected."
/// "Charged from admission until release, never for time the kernel refused the device."
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

/// "What divides unevenly among seats goes to the oldest session."
/// "Per token, `used` is the sum of its usage records, its open sessions and its pruned records, to the millisecond."
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

/// "`idle_timeout` (default 10 min, or off) releases a ConnectedTime session after that silence and charges to the last
/// forwarded frame in either direction (`bill_idle = true` charges to the release)."
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

/// "`idle_timeout` (default 10 min, or off) releases a ConnectedTime session after that silence and charges to the last
/// forwarded frame in either direction (`bill_idle = true` charges to the release)."
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

/// "Silence is measured on the uplink."
#[test]
fn silence_is_measured_on_the_uplink() {
    check_with(
        idle(false),
        "token A 60m
         redeem A d1 -> ok
         tick 5m
         down d1
         tick 299999ms
         online d1
         tick 1ms
         record d1 Idle 5m",
    );
}

/// "`idle_timeout` (default 10 min, or off) releases a ConnectedTime session after that silence and charges to the last
/// forwarded frame in either direction (`bill_idle = true` charges to the release)."
#[test]
fn with_the_idle_timeout_off_silence_releases_nobody() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 59m
         online d1
         left A 1m",
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

/// "`session_timeout` (default off) is a hard cap per session, held by the kernel per device."
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

/// "In the order of its due time (ties: Idle, SessionTimeout, Expired, Depleted, then by MAC), recomputing the rest
/// after each."
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

/// "In the order of its due time (ties: Idle, SessionTimeout, Expired, Depleted, then by MAC), recomputing the rest
/// after each."
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
