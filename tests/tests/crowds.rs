//! More than there is room for: a map filled to the brim, and devices that flood the daemon with codes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use accounting_tests::hotspot::{HOSTS, Hotspot, online};
use accounting_tests::lab::site::LAN_IP4;
use accounting_tests::lab::{Answer, Client, Options, PORTAL_PORT, Request};
use accounting_tests::needs_root;
use serde_json::json;

/// Devices that the small gate holds.
const PLACES: u32 = 16;
/// Wrong codes that a device may try in a minute.
const WRONG_MAX: usize = 10;

fn mac(number: u32) -> String {
    format!("02:00:00:00:10:{number:02x}")
}

fn kind(answer: &Answer) -> String {
    let kind = answer.json().unwrap()["type"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    kind.trim_start_matches("urn:accounting:").to_owned()
}

/// "More sessions than the map holds": refused by name, nobody is thrown out, nothing is charged, and a place that is free again
/// is given again.
/// "12. gate full, or the kernel refused the entry: nothing is charged."
#[test]
fn a_map_filled_to_the_brim_refuses_honestly_and_a_release_frees_a_place() {
    needs_root!();
    let hotspot = Hotspot::up(Options {
        devices: PLACES,
        ..Options::default()
    })
    .unwrap();
    let (inside, outside) = (hotspot.client(1), hotspot.client(2));
    let many = hotspot.token(600, &json!({"UserLimit": 100})).unwrap();
    let other = hotspot.token(60, &json!({})).unwrap();
    hotspot.admit(inside, &many).unwrap();
    let flow = hotspot.uplink(inside, HOSTS[0], 500).unwrap();
    for number in 1..PLACES {
        assert_eq!(hotspot.redeem_for(&many.code, &mac(number)).unwrap().status, 200);
    }

    let full = |code: &str| {
        let refused = hotspot.redeem_for(code, &outside.mac_text()).unwrap();
        assert_eq!((refused.status, kind(&refused).as_str()), (503, "gate-full"));
        assert_eq!(online(outside).unwrap(), Some(false));
        assert_eq!(
            hotspot.metric("accounting_sessions_open").unwrap(),
            f64::from(PLACES)
        );
    };
    full(&many.code);
    full(&other.code);
    let untouched = hotspot.record(&other).unwrap();
    assert_eq!(
        (&untouched["MinutesLeft"], &untouched["LastAccess"]),
        (&json!(60), &json!(null))
    );
    // Who is in may still change over to another code.
    assert_eq!(hotspot.redeem_for(&other.code, &mac(1)).unwrap().status, 200);
    assert_eq!(hotspot.redeem_for(&many.code, &mac(1)).unwrap().status, 200);

    hotspot.daemon().kill9().unwrap();
    hotspot.daemon().start().unwrap();
    full(&other.code);
    let released = format!("/v1/sessions/{}", mac(2));
    assert_eq!(
        hotspot.daemon().api("DELETE", &released, None).unwrap().status,
        204
    );
    hotspot.admit(outside, &other).unwrap();
    assert_eq!(online(outside).unwrap(), Some(true));
    let refused = hotspot.redeem_for(&many.code, &mac(2)).unwrap();
    assert_eq!(kind(&refused), "gate-full", "it was the only place");

    // A listed device takes a place in the kernel's map that the books do not know of: there the kernel refuses.
    assert_eq!(hotspot.release(outside).unwrap().status, 204);
    let listed = hotspot
        .daemon()
        .api("PUT", &format!("/v1/bypass/{}", mac(99)), Some(&json!({})));
    assert_eq!(listed.unwrap().status, 201);
    let failures = hotspot.metric("accounting_kernel_failures_total").unwrap();
    let before = hotspot.record(&other).unwrap();
    let refused = hotspot.redeem_for(&other.code, &outside.mac_text()).unwrap();
    assert_eq!((refused.status, kind(&refused).as_str()), (503, "gate-full"));
    assert!(hotspot.metric("accounting_kernel_failures_total").unwrap() > failures);
    let after = hotspot.record(&other).unwrap();
    assert_eq!(
        (&after["MinutesLeft"], &after["LastAccess"]),
        (&before["MinutesLeft"], &before["LastAccess"])
    );
    let sessions = hotspot.metric("accounting_sessions_open").unwrap();
    assert_eq!(sessions, f64::from(PLACES - 1));

    assert_eq!(flow.gaps().unwrap(), [] as [u64; 0], "a guest who was in noticed");
}

fn post(client: &Client, code: &str) -> Answer {
    let portal = (LAN_IP4, PORTAL_PORT).into();
    Request::new(client.namespace(), portal, "POST", "/login")
        .header("Origin", &format!("http://{portal}"))
        .body("application/x-www-form-urlencoded", format!("code={code}"))
        .limit(Duration::from_secs(30))
        .send()
        .unwrap()
}

/// "A device that floods the daemon": it is held off by name and by itself; everybody else redeems meanwhile, over the API and at
/// the portal.
#[test]
fn devices_that_flood_the_daemon_with_codes_keep_nobody_else_out() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    let (flooder, guest) = (hotspot.client(1), hotspot.client(2));
    let token = hotspot.token(600, &json!({"UserLimit": 100})).unwrap();
    let over = AtomicBool::new(false);
    let flood = |number: usize| {
        let mut answers = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let answer = if number.is_multiple_of(2) {
                hotspot.redeem_for("no-such-code", &mac(0xff)).unwrap()
            } else {
                post(flooder, "no-such-code")
            };
            let wait = answer.header("retry-after").map(str::to_owned);
            answers.push((answer.status, wait));
        }
        answers
    };
    let flood = &flood;
    let (over_api, at_portal) = std::thread::scope(|scope| {
        let floods: Vec<_> = (0..4).map(|number| scope.spawn(move || flood(number))).collect();
        // Both have been held off before anybody else comes.
        std::thread::sleep(Duration::from_millis(500));
        let honest = (0..30).map(|number| hotspot.redeem_for(&token.code, &mac(number)).unwrap().status);
        let honest: Vec<u16> = honest.chain([post(guest, &token.code).status]).collect();
        over.store(true, Ordering::Relaxed);
        assert_eq!((&honest[..30], honest[30]), (&[200; 30][..], 303));
        let all: Vec<_> = floods.into_iter().map(|flood| flood.join().unwrap()).collect();
        let of = |odd: usize| -> Vec<(u16, Option<String>)> {
            all.iter().skip(odd).step_by(2).flatten().cloned().collect()
        };
        (of(0), of(1))
    });
    assert_eq!(online(guest).unwrap(), Some(true));
    assert_eq!(online(flooder).unwrap(), Some(false));
    for (what, answers, refused) in [("the API", over_api, 404), ("the portal", at_portal, 403)] {
        let heard = answers.iter().filter(|(status, _)| *status == refused).count();
        let held_off = answers.iter().filter(|(status, _)| *status == 429).count();
        assert_eq!(
            (heard, heard + held_off),
            (WRONG_MAX, answers.len()),
            "{what}: {answers:?}"
        );
        assert!(
            held_off > WRONG_MAX,
            "{what}: that was no flood, {}",
            answers.len()
        );
        let all_say_when = answers
            .iter()
            .filter(|(status, _)| *status == 429)
            .all(|(_, wait)| {
                wait.as_ref()
                    .is_some_and(|wait| wait.parse::<u64>().is_ok_and(|s| s <= 60))
            });
        assert!(all_say_when, "{what}: {answers:?}");
    }
    // The right code does not help who has guessed so often, nor does it hurt anybody else on it.
    assert_eq!(hotspot.redeem_for(&token.code, &mac(0xff)).unwrap().status, 429);
    assert_eq!(post(flooder, &token.code).status, 429);
    assert_eq!(hotspot.metric("accounting_sessions_open").unwrap(), 31.0);
    assert_eq!(hotspot.metric("accounting_http_panics_total").unwrap(), 0.0);
}
