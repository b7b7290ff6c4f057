//! Elapsed time, connected or not.

use super::idle;
use crate::ledger::scenario::{check, check_with};

/// "`ElapsedTime`: from the first redemption on, whether connected or not, once for all seats (visitor passes)."
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

/// "The run ends when the balance is zero; added minutes start a new run at the next redemption."
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

/// "A `ValidFrom` in the future pauses it."
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

/// "A `ValidFrom` in the future pauses it.": the date itself is not in the future, also where nobody can say how long the
/// gateway was off.
#[test]
fn a_pause_is_over_when_the_gateway_comes_back_on_its_very_date() {
    check(
        "token A 60m metering elapsed
         redeem A d1 -> ok
         tick 10m
         edit A from 30m -> ok
         untrust
         reboot 30m
         left A 50m
         tick 10m
         left A 40m",
    );
}

/// "ElapsedTime sessions are not released for silence."
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

/// "Its sessions are charged 0; one usage record per run carries the charge."
#[test]
fn its_sessions_are_charged_nothing_and_one_usage_record_a_run_carries_the_charge() {
    check(
        "token A 60m seats 2 metering elapsed
         redeem A d1 -> ok
         redeem A d2 -> ok
         tick 10m
         release d1 -> ok
         record d1 Disconnected 0s
         release d2 -> ok
         record d2 Disconnected 0s
         records 2
         tick 50m
         record d1 Depleted 60m
         records 3",
    );
}

/// "Time the gateway was off counts, by trusted wall clocks."
#[test]
fn time_the_gateway_was_off_counts_by_trusted_wall_clocks_only() {
    check(
        "token A 60m metering elapsed
         redeem A d1 -> ok
         tick 10m
         reboot 20m
         left A 30m
         untrust
         reboot 30m
         left A 30m
         tick 10m
         left A 20m",
    );
}
