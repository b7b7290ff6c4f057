//! How often codes may be wrong.

use std::collections::BTreeMap;

use super::idle;
use crate::ledger::{
    Rules,
    scenario::{check, check_with},
};

/// "4. too many attempts"
/// "Budgets: every refusal 5 to 11 counts, a success does not."
/// "Per device 10 a minute, per client or address 300 a minute."
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
         redeem X d1 -> TooManyAttempts 50s
         redeem A d1 -> TooManyAttempts 50s
         redeem X d2 -> UnknownCode
         tick 49999ms
         redeem A d1 -> TooManyAttempts 1s
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
         redeem X d3 -> TooManyAttempts 60s
         tick 1m
         redeem X d3 -> UnknownCode",
    );
}

/// "Per device 10 a minute, per client or address 300 a minute."
#[test]
fn of_all_its_devices_a_client_may_be_wrong_three_hundred_times_a_minute() {
    let wrong: String = (1..=300)
        .map(|number| format!("redeem X d{number} -> UnknownCode\n"))
        .collect();
    check(&format!(
        "token A 60m
         {wrong}
         redeem X d301 -> TooManyAttempts 60s
         redeem A d302 -> TooManyAttempts 60s
         tick 60s
         redeem A d302 -> ok"
    ));
}

/// "Budgets: every refusal 5 to 11 counts, a success does not."
#[test]
fn every_refusal_up_to_no_seat_counts() {
    let once = || Rules {
        attempts_per_device: 1,
        locations: BTreeMap::from([(0, 1), (1, 2)]),
        ..idle(false)
    };
    for (condition, refused) in [
        ("", "redeem X d1 -> UnknownCode"),
        ("token X 60m place 2", "redeem X d1 -> WrongLocation"),
        ("token X 60m to 60m\nuntrust", "redeem X d1 -> ClockNotSet"),
        ("token X 60m from 10m", "redeem X d1 -> NotYetValid"),
        ("token X 60m to 0s", "redeem X d1 -> Expired"),
        ("token X 0m", "redeem X d1 -> Depleted"),
        ("token X 60m\nredeem X d9 -> ok", "redeem X d1 -> NoSeat"),
    ] {
        check_with(
            once(),
            &format!(
                "token A 60m
                 {condition}
                 {refused}
                 redeem A d1 -> TooManyAttempts 60s"
            ),
        );
    }
}

/// "Budgets: every refusal 5 to 11 counts, a success does not."
#[test]
fn a_full_gate_is_not_counted_for_that_is_nobodys_guess() {
    check_with(
        Rules {
            devices_max: 1,
            attempts_per_device: 1,
            ..idle(false)
        },
        "token A 60m
         token B 60m
         redeem A d1 -> ok
         redeem B d2 -> GateFull
         redeem B d2 -> GateFull
         release d1 -> ok
         redeem B d2 -> ok",
    );
}
