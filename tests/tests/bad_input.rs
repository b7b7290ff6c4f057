//! Input that makes no sense, and clocks that are wrong: refused by name, and guests who are online notice nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::time::Duration;

use accounting_daemon::clock::Clock;
use accounting_daemon::store::{Disk, Store, Write};
use accounting_tests::hotspot::{HOSTS, Hotspot, Token, online};
use accounting_tests::lab::Answer;
use accounting_tests::root::skip_because;
use accounting_tests::{clock, needs_root};
use rustix::time::{ClockId, clock_gettime, clock_settime};
use serde_json::{Value, json};

const TOKENS: &str = "/api/spaces/accesstokens";
const PATIENCE: Duration = Duration::from_secs(20);

fn put(hotspot: &Hotspot, token: &Token, change: &Value) -> Answer {
    let mut body = change.clone();
    body["Id"] = json!(token.id);
    hotspot.daemon().api("PUT", TOKENS, Some(&body)).unwrap()
}

/// "A token edited into nonsense".
#[test]
fn a_token_edited_into_nonsense_stays_what_it_was_and_its_guest_online() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    let guest = hotspot.client(1);
    let token = hotspot.token(60, &json!({"UserLimit": 2})).unwrap();
    hotspot.admit(guest, &token).unwrap();
    let flow = hotspot.uplink(guest, HOSTS[0], 500).unwrap();
    let before = hotspot.record(&token).unwrap();
    for (field, value) in [
        ("MinutesIncluded", json!(-1)),
        ("MinutesIncluded", json!(1e300)),
        ("MinutesIncluded", json!("many")),
        ("MinutesIncluded", json!(null)),
        ("UserLimit", json!(0)),
        ("UserLimit", json!(-5)),
        ("ValidFrom", json!("the day after")),
        ("ValidTo", json!("2025-02-30T00:00:00Z")),
        ("AccessCode", json!("x".repeat(65))),
        ("AccessCode", json!("a\u{0}b")),
        ("BusinessId", json!(0)),
        ("Metering", json!("Whenever")),
        // Its clock is fixed by now.
        ("Metering", json!("ElapsedTime")),
        ("MacAddress", json!("FF:FF:FF:FF:FF:FF:FF")),
        ("BookingGuid", json!("no guid")),
    ] {
        let answer = put(&hotspot, &token, &json!({field: value}));
        assert_eq!(answer.status, 400, "{field} {value}: {}", answer.text());
        let named = answer.json().unwrap()["Errors"][0]["PropertyName"].clone();
        assert_eq!(named, json!(field), "{value}: {}", answer.text());
    }
    let crossed = json!({"ValidFrom": "2030-01-02T00:00:00Z", "ValidTo": "2030-01-01T00:00:00Z"});
    assert_eq!(put(&hotspot, &token, &crossed).status, 400);
    let mut after = hotspot.record(&token).unwrap();
    // Minutes run meanwhile.
    after["MinutesLeft"] = before["MinutesLeft"].clone();
    assert_eq!(after, before);

    // What makes little sense and is allowed does what it says, over a restart too.
    let most = json!({
        "MinutesIncluded": i32::MAX, "UserLimit": i32::MAX,
        "ValidFrom": "1970-01-01T00:00:00Z", "ValidTo": "9999-12-31T23:59:59Z",
    });
    assert_eq!(put(&hotspot, &token, &most).status, 200);
    hotspot.daemon().kill9().unwrap();
    hotspot.daemon().start().unwrap();
    let session = &hotspot.device(guest).unwrap()["Session"];
    let seconds = session["SecondsLeft"].as_u64().unwrap();
    let longest = u64::try_from(i32::MAX).unwrap() * 60;
    assert!(seconds <= longest && seconds > longest - 600, "{seconds}");
    assert_eq!(flow.gaps().unwrap(), [] as [u64; 0], "the guest noticed");

    assert_eq!(put(&hotspot, &token, &json!({"MinutesIncluded": 0})).status, 200);
    assert_eq!(online(guest).unwrap(), Some(false));
    assert_eq!(put(&hotspot, &token, &json!({"MinutesIncluded": 60})).status, 200);
    hotspot.admit(guest, &token).unwrap();
    assert_eq!(online(guest).unwrap(), Some(true));
}

/// "A clock in 1970": a gateway whose calendar is behind what its store knows, and that nothing keeps in step.
#[test]
fn a_gateway_that_wakes_in_the_past_judges_no_dates_and_lets_the_rest_go_on() {
    needs_root!();
    if Clock::new(false, None).unwrap().now().trusted {
        skip_because(
            "bad_input::a_gateway_that_wakes_in_the_past_judges_no_dates_and_lets_the_rest_go_on",
            "something keeps this machine's clock in step",
        );
        return;
    }
    let hotspot = Hotspot::with_clients(2).unwrap();
    let daemon = hotspot.daemon();
    let (guest, newcomer) = (hotspot.client(1), hotspot.client(2));
    let dated = hotspot
        .token(60, &json!({"UserLimit": 2, "ValidTo": "2200-01-01T00:00:00Z"}))
        .unwrap();
    let plain = hotspot.token(60, &json!({})).unwrap();
    hotspot.admit(guest, &dated).unwrap();
    let flow = hotspot.uplink(guest, HOSTS[0], 500).unwrap();
    daemon.stop().unwrap();
    // What the store knows is two years ahead: the battery of the hardware clock is empty.
    let ahead = i64::try_from(clock::wall().as_millis()).unwrap() + 2 * 365 * 86_400_000;
    let mut disk = Disk::open(daemon.data()).unwrap();
    let checkpoint = disk.opened().unwrap().checkpoint.unwrap();
    disk.commit(&[Write::Floor(ahead)], checkpoint).unwrap();
    drop(disk);
    daemon.start().unwrap();

    let refused = hotspot.redeem_for(&dated.code, &newcomer.mac_text()).unwrap();
    let problem = refused.json().unwrap();
    assert_eq!(
        (refused.status, &problem["type"]),
        (503, &json!("urn:accounting:clock-not-set"))
    );
    hotspot.admit(newcomer, &plain).unwrap();
    assert_eq!(online(newcomer).unwrap(), Some(true));
    // Who was in stays in, and a retry is the same session.
    hotspot.admit(guest, &dated).unwrap();
    assert_eq!(online(guest).unwrap(), Some(true));
    assert_eq!(flow.gaps().unwrap(), [] as [u64; 0]);
}

/// "Calendar limits: wall clock, re-evaluated when the clock is stepped (`TFD_TIMER_CANCEL_ON_SET`)." The machine's clock is set
/// to what it shows, which steps it by no more than the time between two calls; the kernel tells of that as of any step.
/// "Durations: monotonic clock. Calendar limits: wall clock, re-evaluated when the clock is stepped
/// (`TFD_TIMER_CANCEL_ON_SET`)."
#[test]
fn the_daemon_notices_that_the_clock_was_set() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    let guest = hotspot.client(1);
    let token = hotspot
        .token(60, &json!({"ValidTo": "2200-01-01T00:00:00Z"}))
        .unwrap();
    hotspot.admit(guest, &token).unwrap();
    let told = || hotspot.metric("accounting_clock_sets_total");
    for _ in 0..2 {
        let before = told().unwrap();
        let (shown, since) = (clock_gettime(ClockId::Realtime), clock::monotonic());
        if let Err(error) = clock_settime(ClockId::Realtime, shown) {
            skip_because(
                "bad_input::the_daemon_notices_that_the_clock_was_set",
                &error.to_string(),
            );
            return;
        }
        let took = clock::monotonic() - since;
        clock::wait_for("the daemon to notice", PATIENCE, || {
            Ok((told()? > before).then_some(()))
        })
        .unwrap();
        println!("set back by {took:?}");
    }
    // No date has passed by that: nobody is cut off.
    assert_eq!(online(guest).unwrap(), Some(true));
    assert_eq!(hotspot.record(&token).unwrap()["MinutesLeft"], json!(60));
}
