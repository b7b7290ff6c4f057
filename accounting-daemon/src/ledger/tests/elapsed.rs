//! Elapsed time, connected or not.

use super::idle;
use crate::ledger::scenario::{check, check_with};

#[test]
fn elapsed_time_runs_from_the_first_redemption_connected_or_not_once_for_all_seats() {
    check(
        "token A 60m seats 2 metering elapsed
         tick 10m
         left A 60m
         redeem A d1 -> ok
         cut A 60m
         redeem A d2 -> ok
         cut A 60m
         tick 10m
         left A 50m
         release d1 -> ok
         record d1 Disconnected 0s
         release d2 -> ok
         tick 20m
         left A 30m
         redeem A d2 -> ok
         cut A 30m
         tick 30m
         offline d2
         left A 0s
         record d1 Depleted 60m
         redeem A d2 -> Depleted",
    );
}

#[test]
fn a_run_ends_with_its_balance_even_when_nobody_is_connected_and_added_minutes_start_a_new_one() {
    check(
        "token A 10m metering elapsed
         redeem A d1 -> ok
         release d1 -> ok
         tick 30m
         record d1 Depleted 10m
         edit A minutes 20 -> ok
         tick 30m
         left A 10m
         redeem A d2 -> ok
         cut A 10m
         tick 10m
         record d2 Depleted 10m",
    );
}

#[test]
fn minutes_added_to_a_run_lengthen_it() {
    check(
        "token A 10m metering elapsed
         redeem A d1 -> ok
         tick 5m
         edit A minutes 20 -> ok
         cut A 15m
         tick 15m
         record d1 Depleted 20m",
    );
}

#[test]
fn a_first_date_in_the_future_pauses_a_run() {
    check(
        "token A 60m metering elapsed
         redeem A d1 -> ok
         tick 10m
         edit A from 30m -> ok
         offline d1
         tick 20m
         left A 50m
         redeem A d1 -> NotYetValid
         tick 20m
         left A 40m
         redeem A d1 -> ok
         cut A 40m",
    );
}

#[test]
fn sessions_on_elapsed_time_are_not_released_for_silence() {
    check_with(
        idle(false),
        "token A 60m metering elapsed
         redeem A d1 -> ok
         tick 30m
         online d1
         left A 30m",
    );
}

#[test]
fn a_run_that_the_kernel_refused_never_began() {
    check(
        "token A 60m metering elapsed
         redeem A d1 -> ok
         refuse
         tick 30m
         left A 60m",
    );
}

#[test]
fn deleting_a_token_keeps_the_record_of_its_run() {
    check(
        "token A 60m metering elapsed
         redeem A d1 -> ok
         tick 30m
         delete A
         record d1 Revoked 30m",
    );
}
