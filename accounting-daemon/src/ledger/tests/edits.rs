//! Edits take effect at once.

use crate::ledger::scenario::check;

/// "So minutes are extended while people are online, and a depleted token revives."
#[test]
fn minutes_are_extended_while_people_are_online() {
    check(
        "token A 1m seats 2
         redeem A d1 -> ok
         redeem A d2 -> ok
         tick 10s
         cut A 20s
         edit A minutes 2 -> ok
         adjusted A 60s
         cut A 50s
         left A 100s
         tick 50s
         record d1 Depleted 60s
         left A 0s",
    );
}

/// "`MinutesIncluded` changed by d: entitled changes by d (below used, the balance is 0 and later increases fill the
/// shortfall first)."
/// "So minutes are extended while people are online, and a depleted token revives."
#[test]
fn a_depleted_token_revives_and_increases_fill_the_shortfall_first() {
    check(
        "token A 2m
         redeem A d1 -> ok
         tick 2m
         redeem A d1 -> Depleted
         edit A minutes 1 -> ok
         left A 0s
         edit A minutes 2 -> ok
         left A 0s
         edit A minutes 3 -> ok
         left A 1m
         redeem A d1 -> ok
         cut A 1m",
    );
}

/// "`MinutesIncluded` changed by d: entitled changes by d (below used, the balance is 0 and later increases fill the
/// shortfall first)."
#[test]
fn more_taken_back_than_there_was_is_a_shortfall_too() {
    check(
        "token A 60m left 10
         edit A minutes 30 -> ok
         left A 0s
         redeem A d1 -> Depleted
         edit A minutes 45 -> ok
         left A 0s
         edit A minutes 60 -> ok
         left A 10m
         redeem A d1 -> ok
         cut A 10m",
    );
}

/// "`MinutesIncluded` changed by d: entitled changes by d (below used, the balance is 0 and later increases fill the
/// shortfall first)."
#[test]
fn minutes_below_what_was_used_end_the_sessions_at_once() {
    check(
        "token A 3m
         redeem A d1 -> ok
         tick 90s
         edit A minutes 1 -> ok
         offline d1
         record d1 Depleted 90s
         left A 0s",
    );
}

/// "The balance is set on purpose by `PUT /v1/tokens/{id}/balance`: entitled becomes used + the value."
#[test]
fn the_balance_is_set_on_purpose() {
    check(
        "token A 1m
         redeem A d1 -> ok
         tick 20s
         balance A 5m
         left A 5m
         cut A 5m
         adjusted A 260s",
    );
}

/// "`UserLimit` lowered: the newest sessions are displaced."
#[test]
fn user_limit_lowered_displaces_the_newest_sessions() {
    check(
        "token A 60m seats 3
         redeem A d3 -> ok
         redeem A d1 -> ok
         redeem A d2 -> ok
         tick 1m
         edit A seats 1 -> ok
         online d3
         record d1 Displaced 1m
         record d2 Displaced 1m
         cut A 57m",
    );
}

/// "`ValidTo` moved before now, or `ValidFrom` into the future: sessions end as Expired."
#[test]
fn dates_moved_out_of_the_present_end_sessions_as_expired() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 1m
         edit A to 0s -> ok
         record d1 Expired 1m
         left A 59m
         redeem A d1 -> Expired
         edit A from 1s -> DatesReversed
         token B 60m
         redeem B d1 -> ok
         edit B from 10s -> ok
         record d1 Expired 0s
         redeem B d1 -> NotYetValid
         tick 10s
         redeem B d1 -> ok",
    );
}

/// "Deleted: sessions are revoked first, in one kernel write."
#[test]
fn deleted_tokens_revoke_their_sessions_and_their_records_stay() {
    check(
        "token A 60m seats 2
         redeem A d1 -> ok
         redeem A d2 -> ok
         tick 1m
         delete A
         record d1 Revoked 1m
         record d2 Revoked 1m
         redeem A d1 -> UnknownCode",
    );
}

/// "Two codes that fold to the same are duplicates and the second is refused at creation."
#[test]
fn a_code_can_be_changed_but_not_to_one_in_use() {
    check(
        "token A 60m
         token B 60m
         edit A name B -> CodeInUse
         redeem A d1 -> ok
         edit A name C -> ok
         online d1
         redeem C d1 -> ok
         redeem A d2 -> UnknownCode",
    );
}

/// "Metering: how a token's clock runs; fixed after the first redemption."
#[test]
fn metering_is_fixed_after_the_first_redemption() {
    check(
        "token A 60m
         edit A metering ElapsedTime -> ok
         token B 60m
         redeem B d1 -> ok
         edit B metering ElapsedTime -> MeteringFixed",
    );
}

/// "History is never deleted with the token: usage records stay until their retention ends."
#[test]
fn history_is_not_deleted_with_the_token() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 1m
         release d1 -> ok
         delete A
         record d1 Disconnected 1m",
    );
}

/// "Sessions are settled first."
#[test]
fn sessions_are_settled_first() {
    check(
        "token A 60m
         redeem A d1 -> ok
         tick 10m
         row A 0s
         edit A seats 2 -> ok
         row A 10m
         online d1",
    );
}

/// "`MinutesLeft` is kept by the server: honoured at creation, ignored in an update (clients read, change and write
/// back whole records)."
#[test]
fn minutes_left_are_honoured_at_creation() {
    check(
        "token A 60m left 5
         left A 5m
         entitled A 5m
         redeem A d1 -> ok
         cut A 5m",
    );
}

/// "Deleted: sessions are revoked first, in one kernel write."
#[test]
fn deletion_revokes_all_sessions_by_one_deadline_before_anything_else() {
    check(
        "token A 60m seats 3
         redeem A d1 -> ok
         redeem A d2 -> ok
         redeem A d3 -> ok
         tick 1m
         delete A
         did Deadline Release Release Release Update Delete",
    );
}
