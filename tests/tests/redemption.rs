//! From the code to the cut: what a guest gets, what the daemon reports of it, and when it ends, seen on the wires.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::hotspot::{HOSTS, Hotspot, Watched, online};
use accounting_tests::lab::{Flow, Request, Sighting};
use accounting_tests::needs_root;
use serde_json::{Value, json};

/// How late a cut may be on a busy machine. Printed exactly, asserted loosely.
const LATE: Duration = Duration::from_millis(250);
/// How long flows run before and after what is measured.
const WHILE: Duration = Duration::from_millis(500);

#[test]
fn a_code_opens_and_closes_both_directions() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    codes_and_devices(&hotspot);
    seats_and_switches(&hotspot);
    leaving(&hotspot);
    let codes = hotspot.daemon().log();
    let macs = [hotspot.client(1), hotspot.client(2)].map(|client| client.mac_text());
    for mac in macs {
        assert!(
            !codes.to_lowercase().contains(&mac),
            "a MAC address is in the log"
        );
    }
}

fn codes_and_devices(hotspot: &Hotspot) {
    let (one, two) = (hotspot.client(1), hotspot.client(2));
    assert_eq!(online(one).unwrap(), Some(false));
    let token = hotspot.token(60, &json!({})).unwrap();
    let first = hotspot.admit(one, &token).unwrap();
    assert_eq!(first["TokenId"], token.id);
    assert_eq!(first["MacAddress"], one.mac_text().to_uppercase());
    assert_eq!(
        (&first["MinutesLeft"], &first["SecondsLeft"]),
        (&json!(60), &json!(3600))
    );
    assert_eq!(
        (&first["SeatsUsed"], &first["UserLimit"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(online(one).unwrap(), Some(true));
    assert_eq!(online(two).unwrap(), Some(false));
    for host in HOSTS {
        let body = hotspot.lab.get(one, (host, 80), "/bytes/2000000").unwrap().body;
        assert_eq!(body.len(), 2_000_000);
    }
    // The same code from the same device is the same session, however the code is written.
    let written = token.code.to_uppercase().replace('7', " -7");
    let again = hotspot
        .redeem_for(&written, &one.mac_text().replace(':', "-"))
        .unwrap();
    assert_eq!(
        (again.status, &again.json().unwrap()["OpenedOn"]),
        (200, &first["OpenedOn"])
    );
    // A token without a limit has one seat.
    let answer = hotspot.redeem_for(&token.code, &two.mac_text()).unwrap();
    let problem = answer.json().unwrap();
    assert_eq!(
        (answer.status, &problem["type"]),
        (409, &json!("urn:accounting:no-seat"))
    );
    assert_eq!(
        (&problem["UserLimit"], &problem["SeatsUsed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(online(two).unwrap(), Some(false));
    assert_eq!(hotspot.record(&token).unwrap()["MacAddress"], first["MacAddress"]);
    let device = hotspot.device(one).unwrap();
    assert_eq!(device["Online"], true);
    assert!(device["Session"]["BytesDown"].as_u64().unwrap() > 4_000_000);
}

fn seats_and_switches(hotspot: &Hotspot) {
    let (one, two) = (hotspot.client(1), hotspot.client(2));
    // A form as old clients send it.
    let daemon = hotspot.daemon();
    let form = "BusinessId=1&MinutesIncluded=30&UserLimit=2&AccessCode=two-seats";
    let answer = Request::new(
        hotspot.lab.gateway(),
        daemon.api_address(),
        "POST",
        "/api/spaces/accesstokens",
    )
    .basic(accounting_tests::lab::ADMINISTRATOR, daemon.password())
    .body("application/x-www-form-urlencoded", form)
    .send()
    .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.json().unwrap()["Value"]["Id"].as_u64().unwrap();
    let shared = accounting_tests::hotspot::Token {
        id,
        code: "TWO SEATS".into(),
    };
    // Another code moves the device: out by the old one, in by the new one, and in between it stands before the gate.
    let flow = hotspot.uplink(one, HOSTS[1], 500).unwrap();
    std::thread::sleep(WHILE);
    assert_eq!(hotspot.admit(one, &shared).unwrap()["TokenId"], id);
    std::thread::sleep(WHILE);
    let lost = flow.gaps().unwrap().len();
    println!("switching: {lost} of 500 packets a second stayed at the gate");
    assert!(lost < 125, "{lost} packets lost by switching");
    let second = hotspot.admit(two, &shared).unwrap();
    assert_eq!(second["SeatsUsed"], 2);
    // Two devices draw on one balance.
    assert!(second["SecondsLeft"].as_u64().unwrap() <= 900);
    assert_eq!(
        (online(one).unwrap(), online(two).unwrap()),
        (Some(true), Some(true))
    );
    let third = hotspot.redeem_for(&shared.code, "02:00:00:00:00:77").unwrap();
    assert_eq!(
        (third.status, &third.json().unwrap()["UserLimit"]),
        (409, &json!(2))
    );
}

fn leaving(hotspot: &Hotspot) {
    let (one, two) = (hotspot.client(1), hotspot.client(2));
    let (up, down) = (
        hotspot.uplink(one, HOSTS[0], 1_000).unwrap(),
        hotspot.downlink(one, HOSTS[1], 1_000).unwrap(),
    );
    std::thread::sleep(WHILE);
    assert_eq!(hotspot.release(one).unwrap().status, 204);
    let gone = clock::monotonic();
    std::thread::sleep(WHILE);
    for (name, seen) in [("up", up.arrived().unwrap()), ("down", down.arrived().unwrap())] {
        assert!(seen.len() > 300, "{name}: {}", seen.len());
        let late = seen.last().unwrap().at.saturating_sub(gone);
        println!("logout, {name}: the last packet {late:?} after the answer");
        assert!(
            late < Duration::from_millis(20),
            "{name}: {late:?} after the answer"
        );
    }
    let again = hotspot.release(one).unwrap();
    assert_eq!(
        (again.status, &again.json().unwrap()["type"]),
        (404, &json!("urn:accounting:not-found"))
    );
    assert_eq!(
        (online(one).unwrap(), online(two).unwrap()),
        (Some(false), Some(true))
    );
    assert_eq!(hotspot.device(one).unwrap()["Online"], false);
    assert_eq!(hotspot.release(two).unwrap().status, 204);
}

#[test]
fn a_balance_ends_in_both_directions_with_the_daemon_alive_or_killed() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    for killed in [false, true] {
        // One minute, shared with devices that are not there: the balance ends in two seconds.
        let others: u64 = 29;
        let token = hotspot.token(1, &json!({"UserLimit": 30})).unwrap();
        let mut at = Vec::new();
        let timed = |mac: &str| {
            let before = clock::monotonic();
            let answer = hotspot.redeem_for(&token.code, mac).unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
            (before, clock::monotonic())
        };
        at.push(timed(&hotspot.client(1).mac_text()));
        let flows = Flows::start(&hotspot);
        at.extend((0..others).map(|number| timed(&format!("02:00:00:00:01:{number:02x}"))));
        if killed {
            hotspot.daemon().kill9().unwrap();
        }
        // Each device has drawn from its admission on: the sum is the balance.
        let sum = |pick: fn(&(Duration, Duration)) -> Duration| -> Duration { at.iter().map(pick).sum() };
        let (earliest, latest) = (sum(|one| one.0), sum(|one| one.1));
        let end = |sum: Duration| (sum + Duration::from_secs(60)) / 30;
        flows.end_between(
            end(earliest),
            end(latest),
            if killed { "killed" } else { "alive" },
        );
        if killed {
            hotspot.daemon().start().unwrap();
        }
        let record = hotspot.record(&token).unwrap();
        assert_eq!(record["MinutesLeft"], 0);
        assert_eq!(hotspot.device(hotspot.client(1)).unwrap()["Online"], false);
        let answer = hotspot
            .redeem_for(&token.code, &hotspot.client(1).mac_text())
            .unwrap();
        assert_eq!(
            (answer.status, &answer.json().unwrap()["type"]),
            (410, &json!("urn:accounting:depleted"))
        );
        // The start that found it booked it as what it was.
        let released = "accounting_sessions_released_total{cause=\"Depleted\"}";
        assert_eq!(hotspot.metric(released).unwrap(), 30.0);
        assert_eq!(hotspot.metric("accounting_sessions_open").unwrap(), 0.0);
    }
}

#[test]
fn a_calendar_limit_ends_in_both_directions_with_the_daemon_alive_or_killed() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    for killed in [false, true] {
        // Whole seconds, at least two from now.
        let wall = clock::wall();
        let end_wall = Duration::from_secs(wall.as_secs() + 3);
        let end = clock::monotonic() + (end_wall - wall);
        let valid_to = utc(end_wall.as_secs());
        let token = hotspot.token(60, &json!({"ValidTo": valid_to})).unwrap();
        let session = hotspot.admit(hotspot.client(1), &token).unwrap();
        assert_eq!(session["ValidTo"], valid_to);
        assert!(session["SecondsLeft"].as_u64().unwrap() <= 3);
        let flows = Flows::start(&hotspot);
        if killed {
            hotspot.daemon().kill9().unwrap();
        }
        flows.end_between(end, end, if killed { "killed" } else { "alive" });
        if killed {
            hotspot.daemon().start().unwrap();
        }
        let answer = hotspot
            .redeem_for(&token.code, &hotspot.client(1).mac_text())
            .unwrap();
        assert_eq!(
            (answer.status, &answer.json().unwrap()["type"]),
            (410, &json!("urn:accounting:expired"))
        );
        // Less than a minute was used.
        assert_eq!(hotspot.record(&token).unwrap()["MinutesLeft"], 60);
        assert_eq!(hotspot.device(hotspot.client(1)).unwrap()["Online"], false);
    }
}

/// 1,000 packets a second each way, up by IPv4 and by IPv6, down unasked by IPv6.
struct Flows(Vec<(&'static str, Watched<Flow>)>);

impl Flows {
    fn start(hotspot: &Hotspot) -> Self {
        let client = hotspot.client(1);
        Self(vec![
            ("up, IPv4", hotspot.uplink(client, HOSTS[0], 1_000).unwrap()),
            ("up, IPv6", hotspot.uplink(client, HOSTS[1], 1_000).unwrap()),
            ("down, IPv6", hotspot.unasked(client, HOSTS[1], 1_000).unwrap()),
        ])
    }

    /// Waits for the end and looks that it came, neither early nor late, and that nothing came after.
    fn end_between(self, earliest: Duration, latest: Duration, how: &str) {
        assert!(clock::monotonic() < earliest, "it took too long to get here");
        clock::sleep_until(latest + LATE + WHILE);
        for (name, flow) in self.0 {
            let seen = flow.arrived().unwrap();
            let last: Sighting = *seen.last().unwrap();
            let late = last.at.as_secs_f64() - latest.as_secs_f64();
            println!(
                "{how}, {name}: {} packets, the last {:+.1} ms from the end",
                seen.len(),
                late * 1e3
            );
            assert!(last.at < latest + LATE, "{name} ends {late:+.3} s late");
            assert!(
                last.at + LATE > earliest,
                "{name} ends {late:+.3} s from its time"
            );
            assert_eq!(flow.gaps().unwrap(), Vec::<u64>::new(), "{name} has gaps");
            assert!(
                flow.flow.stop() > last.stamp.number + 300,
                "{name} was not sent any longer"
            );
        }
    }
}

/// Seconds since the epoch as the API writes them.
fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Civil from days, by Howard Hinnant, for years from 2000 on.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = year + era * 400 + carry;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3_600,
        rest / 60 % 60,
        rest % 60
    )
}
