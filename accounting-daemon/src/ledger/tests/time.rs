//! The calendar, reboots, and devices of which nobody knows whether they are there.

use super::idle;
use crate::ledger::scenario::{check, check_with};

/// "Durations: monotonic clock. Calendar limits: wall clock, re-evaluated when the clock is stepped
/// (`TFD_TIMER_CANCEL_ON_SET`)."
#[test]
fn calendar_limits_follow_the_wall_clock_when_it_is_set() {
    check(
        "token A 60s to 50s
         redeem A d1 -> ok
         cut A 50s
         tick 5s
         set 40s
         cut A 5s
         set 10s
         record d1 Expired 5s",
    );
}

/// "After a reboot, or while no interface is attached, sessions are parked: admitted with the balance as upper bound,
/// not charged until their first forwarded frame, released after an hour as GatewayLost."
#[test]
fn after_a_reboot_sessions_are_admitted_with_the_balance_and_charged_from_their_first_frame_on() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 10m
         reboot 30m
         left A 50m
         cut A 50m
         tick 10m
         left A 50m
         rest d1 50m
         up d1
         tick 10m
         left A 40m
         cut A 40m
         release d1 -> ok
         record d1 Disconnected 20m",
    );
}

/// "After a reboot, or while no interface is attached, sessions are parked: admitted with the balance as upper bound,
/// not charged until their first forwarded frame, released after an hour as GatewayLost."
#[test]
fn a_parked_session_is_released_after_an_hour_as_lost_and_charged_nothing_for_it() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 10m
         reboot 30m
         tick 3599999ms
         online d1
         tick 1ms
         offline d1
         record d1 GatewayLost 10m
         left A 50m",
    );
}

/// "After a reboot, or while no interface is attached, sessions are parked: admitted with the balance as upper bound,
/// not charged until their first forwarded frame, released after an hour as GatewayLost."
#[test]
fn while_no_interface_is_gated_sessions_are_parked_and_so_is_who_comes_then() {
    check(
        "token A 60m seats 2
         redeem A d1 -> ok
         tick 10m
         lose
         tick 5m
         redeem A d2 -> ok
         tick 5m
         gate
         tick 5m
         left A 50m
         down d2
         tick 10m
         left A 40m
         release d2 -> ok
         record d2 Disconnected 10m
         release d1 -> ok
         record d1 Disconnected 10m",
    );
}

#[test]
fn each_session_of_a_token_is_charged_from_its_own_first_frame() {
    check(
        "token A 60m seats 2
         redeem A d1 -> ok
         redeem A d2 -> ok
         reboot 1m
         cut A 60m
         tick 1m
         up d2
         tick 10m
         left A 50m
         cut A 50m
         up d1
         tick 10m
         left A 30m
         cut A 15m",
    );
}

#[test]
fn silence_does_not_end_a_parked_session_and_ends_it_once_it_goes_on() {
    check_with(
        idle(false),
        "token A 60m
         redeem A d1 -> ok
         tick 1m
         up d1
         reboot 1m
         tick 30m
         online d1
         up d1
         tick 10m
         record d1 Idle 1m
         left A 59m",
    );
}

#[test]
fn the_seat_of_a_parked_device_is_silent_from_the_reboot_on() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 1m
         reboot 1m
         tick 119999ms
         redeem A d2 -> NoSeat
         tick 1ms
         redeem A d2 -> ok
         record d1 Displaced 1m",
    );
}

#[test]
fn elapsed_time_goes_on_while_the_gateway_is_off_and_its_sessions_are_parked() {
    check(
        "token A 60m metering elapsed
         redeem A d1 -> ok
         tick 10m
         reboot 20m
         left A 30m
         online d1
         tick 10m
         left A 20m
         cut A 20m",
    );
}

#[test]
fn a_date_that_passes_while_the_gateway_is_off_ends_the_session() {
    check(
        "token A 60m to 20m
         redeem A d1 -> ok
         tick 10m
         reboot 30m
         record d1 Expired 10m
         left A 50m",
    );
}

#[test]
fn without_a_date_to_trust_a_parked_session_keeps_the_rest_of_its_deadline() {
    check(
        "token A 60m to 20m
         redeem A d1 -> ok
         tick 10m
         untrust
         reboot 30m
         cut A 10m
         tick 10m
         record d1 Expired 10m",
    );
}

/// "Untrusted: tokens with calendar limits answer "clock not set", others work; open sessions keep their monotonic
/// deadlines."
#[test]
fn while_the_clock_is_not_trusted_open_sessions_keep_their_monotonic_deadlines() {
    check(
        "token A 60m to 10m
         redeem A d1 -> ok
         tick 1m
         untrust
         set 30m
         online d1
         cut A 9m
         tick 9m
         record d1 Expired 10m",
    );
}
