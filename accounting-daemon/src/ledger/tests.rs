//! The rules, one readable scenario each; the sentence is the name.

use std::collections::BTreeMap;

use super::{Rules, scenario::check, scenario::check_with};

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

fn idle(bill_idle: bool) -> Rules {
    Rules {
        idle_timeout: Some(600_000),
        bill_idle,
        ..Rules::default()
    }
}

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
