//! Who makes room for whom.

use crate::ledger::scenario::check;

/// "`UserLimit` null means one."
/// "11. no seat free"
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

/// "No seat free: a seat whose device has been silent for `seat_silence` (default 2 min) is displaced and reused."
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

/// "Else the answer is "no seat", and the request may be repeated with `Takeover: true`, which displaces the
/// longest-silent seat if that is silent for 30 s at least, three times per token in 10 minutes at most (else "no seat"
/// with Retry-After)."
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

/// "Else the answer is "no seat", and the request may be repeated with `Takeover: true`, which displaces the
/// longest-silent seat if that is silent for 30 s at least, three times per token in 10 minutes at most (else "no seat"
/// with Retry-After)."
#[test]
fn takeover_displaces_a_seat_silent_for_thirty_seconds_three_times_in_ten_minutes() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 29s
         redeem A d2 takeover -> NoSeat 1s
         tick 1s
         redeem A d2 -> NoSeat
         redeem A d2 takeover -> ok
         record d1 Displaced 30s
         tick 30s
         redeem A d1 takeover -> ok
         tick 30s
         redeem A d2 takeover -> ok
         tick 30s
         redeem A d1 takeover -> NoSeat 510s
         tick 30s
         redeem A d1 takeover -> NoSeat 480s
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

/// "On a refusal a compensating commit voids the session and restores what it had displaced or switched, before the
/// reply."
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

/// "This is how a phone with a new random MAC moves its seat."
#[test]
fn a_phone_with_a_new_random_mac_moves_its_seat() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 5m
         up d1
         tick 10s
         redeem A d2 -> NoSeat
         redeem A d2 takeover -> NoSeat 20s
         tick 20s
         redeem A d2 -> NoSeat
         redeem A d2 takeover -> ok
         offline d1
         online d2
         record d1 Displaced 330s
         left A 3270s",
    );
}

/// "Else the answer is "no seat", and the request may be repeated with `Takeover: true`, which displaces the
/// longest-silent seat if that is silent for 30 s at least, three times per token in 10 minutes at most (else "no seat"
/// with Retry-After)."
#[test]
fn takeovers_are_counted_for_each_token_by_itself() {
    check(
        "token A 60m
         token B 60m
         redeem A d1 -> ok
         redeem B d4 -> ok
         tick 30s
         redeem A d2 takeover -> ok
         tick 30s
         redeem A d1 takeover -> ok
         tick 30s
         redeem A d2 takeover -> ok
         redeem B d5 takeover -> ok
         tick 30s
         redeem A d1 takeover -> NoSeat 510s
         redeem B d4 takeover -> ok",
    );
}
