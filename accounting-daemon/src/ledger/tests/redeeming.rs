//! From a code and a device to a session: conditions, retries, refusals.

use std::collections::BTreeMap;

use super::idle;
use crate::ledger::{
    Rules,
    scenario::{check, check_with},
};

#[test]
fn zero_is_a_value_never_no_limit() {
    check(
        "token A 0s
         redeem A d1 -> Depleted
         offline d1",
    );
}

#[test]
fn same_code_same_device_is_the_same_session() {
    check(
        "token A 60s
         redeem A d1 -> ok
         tick 10s
         redeem A d1 -> ok
         tick 10s
         left A 40s
         release d1 -> ok
         record d1 Disconnected 20s",
    );
}

#[test]
fn the_same_device_with_another_code_switches_and_the_first_keeps_its_balance() {
    check(
        "token A 60s
         token B 30s
         redeem A d1 -> ok
         tick 10s
         redeem B d1 -> ok
         record d1 Switched 10s
         left A 50s
         cut B 30s
         tick 30s
         record d1 Depleted 30s
         left A 50s",
    );
}

#[test]
fn not_yet_valid_burns_nothing_and_valid_to_cuts_a_running_session() {
    check(
        "token A 60s from 10s to 30s
         redeem A d1 -> NotYetValid
         left A 60s
         tick 10s
         redeem A d1 -> ok
         cut A 20s
         tick 1m
         record d1 Expired 20s
         left A 40s
         redeem A d1 -> Expired",
    );
}

#[test]
fn an_untrusted_clock_refuses_tokens_with_dates_and_no_others() {
    check(
        "token A 60s to 50s
         token B 60s
         untrust
         redeem A d1 -> ClockNotSet
         redeem B d1 -> ok",
    );
}

#[test]
fn the_first_condition_that_fails_is_the_answer() {
    let rules = Rules {
        devices_max: 1,
        locations: BTreeMap::from([(0, 1), (1, 2)]),
        ..Rules::default()
    };
    check_with(
        rules,
        "redeem X d1 -> UnknownCode
         token elsewhere 0s to 0s place 2
         redeem elsewhere d1 -> WrongLocation
         token ended 0s to 0s
         redeem ended d1 -> Expired
         token empty 0s
         token A 60s
         redeem A d1 -> ok
         redeem empty d2 -> Depleted
         redeem A d2 -> NoSeat
         token B 60s
         redeem B d2 -> GateFull
         left B 60s
         redeem B d1 -> ok
         record d1 Switched 0s
         untrust
         redeem ended d2 -> ClockNotSet",
    );
}

#[test]
fn what_the_kernel_refuses_is_not_charged_and_what_it_had_switched_is_restored() {
    check(
        "token A 60s
         token B 60s
         redeem A d1 -> ok
         tick 10s
         redeem B d1 -> ok
         refuse
         left B 60s
         seats B 0
         online d1
         cut A 50s
         tick 5s
         left A 45s
         release d1 -> ok
         record d1 Disconnected 15s",
    );
}

#[test]
fn a_mac_address_in_two_zones_is_two_devices() {
    check(
        "token A 60s seats 2
         redeem A d1 -> ok
         redeem A d1@7 -> ok
         seats A 2
         release d1 -> SeveralZones
         release d1@0 -> ok
         online d1@7
         redeem A d1 -> ok",
    );
}

#[test]
fn ten_wrong_codes_a_minute_are_heard_from_a_device_and_a_success_counts_nothing() {
    check(
        "token A 60m
         redeem X d1 -> UnknownCode
         redeem X d1 -> UnknownCode
         redeem X d1 -> UnknownCode
         redeem X d1 -> UnknownCode
         redeem X d1 -> UnknownCode
         redeem A d1 -> ok
         redeem A d1 -> ok
         redeem X d1 -> UnknownCode
         redeem X d1 -> UnknownCode
         redeem X d1 -> UnknownCode
         redeem X d1 -> UnknownCode
         tick 10s
         redeem X d1 -> UnknownCode
         redeem X d1 -> TooManyAttempts
         redeem A d1 -> TooManyAttempts
         redeem X d2 -> UnknownCode
         tick 49999ms
         redeem A d1 -> TooManyAttempts
         tick 1ms
         redeem A d1 -> ok
         online d1",
    );
}

#[test]
fn a_client_has_a_budget_over_all_its_devices() {
    check_with(
        Rules {
            attempts_per_asker: 2,
            ..idle(false)
        },
        "redeem X d1 -> UnknownCode
         redeem X d2 -> UnknownCode
         redeem X d3 -> TooManyAttempts
         tick 1m
         redeem X d3 -> UnknownCode",
    );
}
