//! Who makes room for whom.

use crate::ledger::scenario::check;

#[test]
fn user_limit_null_means_one() {
    check(
        "token A 60s
         redeem A d1 -> ok
         redeem A d2 -> NoSeat
         release d1 -> ok
         redeem A d2 -> ok",
    );
}

#[test]
fn a_seat_silent_for_two_minutes_is_displaced_and_reused() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 1m
         up d1
         tick 119999ms
         redeem A d2 -> NoSeat
         tick 1ms
         redeem A d2 -> ok
         offline d1
         record d1 Displaced 3m
         seats A 1",
    );
}

#[test]
fn the_longest_silent_seat_is_the_one_that_goes() {
    check(
        "token A 60m seats 2
         redeem A d1 -> ok
         redeem A d2 -> ok
         tick 1m
         up d1
         tick 2m
         redeem A d3 -> ok
         online d1
         offline d2",
    );
}

#[test]
fn takeover_displaces_a_seat_silent_for_thirty_seconds_three_times_in_ten_minutes() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 29s
         redeem A d2 takeover -> NoSeat
         tick 1s
         redeem A d2 -> NoSeat
         redeem A d2 takeover -> ok
         record d1 Displaced 30s
         tick 30s
         redeem A d1 takeover -> ok
         tick 30s
         redeem A d2 takeover -> ok
         tick 30s
         redeem A d1 takeover -> NoSeat
         tick 30s
         redeem A d1 takeover -> NoSeat
         tick 50s
         up d2
         tick 119999ms
         up d2
         tick 119999ms
         up d2
         tick 119999ms
         up d2
         tick 119999ms
         redeem A d1 takeover -> ok",
    );
}

#[test]
fn a_refusal_by_the_kernel_restores_what_it_had_displaced() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 2m
         redeem A d2 -> ok
         offline d1
         refuse
         online d1
         offline d2
         tick 1m
         left A 57m
         cut A 57m",
    );
}

#[test]
fn a_takeover_that_the_kernel_refused_does_not_count() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 30s
         redeem A d2 takeover -> ok
         refuse
         redeem A d2 takeover -> ok
         refuse
         redeem A d2 takeover -> ok
         refuse
         redeem A d2 takeover -> ok
         online d2",
    );
}
