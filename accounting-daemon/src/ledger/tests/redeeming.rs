//! From a code and a device to a session: conditions, retries, refusals.

use std::collections::BTreeMap;

use super::idle;
use crate::ledger::{
    Rules,
    scenario::{check, check_with},
};

/// "10. depleted (balance is zero: zero is a value, never "no limit")"
#[test]
fn zero_is_a_value_never_no_limit() {
    check(
        "token A 0s
         redeem A d1 -> Depleted
         offline d1",
    );
}

/// "Same code, same device, session open: success with that same session (a retry is harmless)."
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

/// "Same device, another code: the first session is released (Switched, its balance kept), the new one opens."
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

/// "8. not yet valid (`ValidFrom` in the future; nothing is burnt)"
/// "9. expired (`ValidTo` passed)"
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

/// "7. the token has calendar limits and the wall clock is not trusted"
/// "Untrusted: tokens with calendar limits answer "clock not set", others work; open sessions keep their monotonic
/// deadlines."
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

/// "Conditions are checked in this order and the first that fails is the answer."
/// "5. unknown code"
/// "6. wrong location"
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
         token soon 0s from 10s
         redeem soon d1 -> NotYetValid
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
         redeem soon d2 -> ClockNotSet
         redeem ended d2 -> ClockNotSet
         redeem elsewhere d2 -> WrongLocation",
    );
}

/// "12. gate full, or the kernel refused the entry: nothing is charged."
/// "Space in the map is reserved before anything else changes."
#[test]
fn a_full_gate_takes_nobody_and_nothing_is_charged_or_changed() {
    check_with(
        Rules {
            devices_max: 1,
            ..idle(false)
        },
        "token A 60m seats 2
         token B 60m
         redeem A d1 -> ok
         tick 1m
         redeem B d2 -> GateFull
         redeem A d2 -> GateFull
         left A 59m
         cut A 59m
         left B 60m
         seats B 0
         records 0
         redeem B d1 -> ok
         record d1 Switched 1m
         release d1 -> ok
         redeem A d2 -> ok",
    );
}

/// "Space in the map is reserved before anything else changes."
#[test]
fn a_seat_that_is_taken_over_needs_no_second_place_in_the_gate() {
    check_with(
        Rules {
            devices_max: 1,
            ..idle(false)
        },
        "token A 60m
         redeem A d1 -> ok
         tick 2m
         redeem A d2 -> ok
         record d1 Displaced 2m
         online d2",
    );
}

/// "A device has at most one open session."
#[test]
fn a_device_has_at_most_one_open_session() {
    check(
        "token A 60m seats 2
         token B 60m
         redeem A d1 -> ok
         redeem A d1 -> ok
         seats A 1
         redeem B d1 -> ok
         seats A 0
         seats B 1",
    );
}

/// "A token opens only in a zone of its own `BusinessId`, when zones are mapped to locations."
#[test]
fn a_token_opens_only_in_a_zone_of_its_own_location_where_zones_are_mapped() {
    let mapped = Rules {
        locations: BTreeMap::from([(0, 1), (1, 2)]),
        ..idle(false)
    };
    check_with(
        mapped,
        "token A 60m place 1
         token B 60m place 2
         token C 60m place 3
         redeem A d1@1 -> WrongLocation
         redeem A d1@0 -> ok
         redeem B d2@0 -> WrongLocation
         redeem B d2@1 -> ok
         redeem C d3@0 -> WrongLocation
         redeem C d3@1 -> WrongLocation
         redeem A d4@7 -> WrongLocation",
    );
    check(
        "token C 60m place 3
         redeem C d3@7 -> ok",
    );
}

/// "12. gate full, or the kernel refused the entry: nothing is charged."
/// "Charged from admission until release, never for time the kernel refused the device."
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
