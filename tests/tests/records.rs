//! The record API as its clients use it: one in another language, and edits that guests notice at once.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::hotspot::{Hotspot, Token, online};
use accounting_tests::lab::ADMINISTRATOR;
use accounting_tests::needs_root;
use serde_json::{Value, json};

const TOKENS: &str = "/api/spaces/accesstokens";
const SOON: Duration = Duration::from_secs(5);
const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/records.py");

#[test]
fn a_client_in_another_language_gets_what_it_expects() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    let daemon = hotspot.daemon();
    let output = hotspot
        .lab
        .gateway()
        .command("python3")
        .arg(CLIENT)
        .arg(format!("http://{}", daemon.api_address()))
        .args([ADMINISTRATOR, daemon.password()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(said.trim(), "every call was answered as documented");
    assert_eq!(hotspot.metric("accounting_http_panics_total").unwrap(), 0.0);
}

fn put(hotspot: &Hotspot, token: &Token, change: &Value) {
    let mut body = change.clone();
    body["Id"] = json!(token.id);
    let answer = hotspot.daemon().api("PUT", TOKENS, Some(&body)).unwrap();
    assert_eq!(answer.status, 200, "{change}: {}", answer.text());
}

/// What a guest notices, by both families, within seconds.
fn becomes(hotspot: &Hotspot, number: usize, wanted: bool) {
    let client = hotspot.client(number);
    clock::wait_for("the guest to notice", SOON, || {
        Ok((online(client)? == Some(wanted)).then_some(()))
    })
    .unwrap();
}

/// "So minutes are extended while people are online, and a depleted token revives."
#[test]
fn edits_take_effect_on_guests_that_are_online() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    let token = hotspot.token(10, &json!({"UserLimit": 2})).unwrap();
    for number in [1, 2] {
        hotspot.admit(hotspot.client(number), &token).unwrap();
        becomes(&hotspot, number, true);
    }
    // The newest session is displaced.
    put(&hotspot, &token, &json!({"UserLimit": 1}));
    becomes(&hotspot, 2, false);
    assert_eq!(online(hotspot.client(1)).unwrap(), Some(true));
    // No minutes, then some again.
    put(&hotspot, &token, &json!({"MinutesIncluded": 0}));
    becomes(&hotspot, 1, false);
    assert_eq!(hotspot.record(&token).unwrap()["MinutesLeft"], 0);
    put(&hotspot, &token, &json!({"MinutesIncluded": 5}));
    hotspot.admit(hotspot.client(1), &token).unwrap();
    becomes(&hotspot, 1, true);
    let list = format!("{TOKENS}?to_AccessToken_MinutesLeft=5&orderBy=MinutesLeft");
    let page = hotspot.daemon().api("GET", &list, None).unwrap().json().unwrap();
    assert_eq!(
        (&page["TotalItems"], &page["Records"][0]["Id"]),
        (&json!(1), &json!(token.id))
    );
    // Its dates end, and are cleared again.
    put(&hotspot, &token, &json!({"ValidTo": "2025-02-01T00:00:00Z"}));
    becomes(&hotspot, 1, false);
    put(&hotspot, &token, &json!({"ValidTo": null}));
    hotspot.admit(hotspot.client(1), &token).unwrap();
    becomes(&hotspot, 1, true);
    // It is deleted.
    let target = format!("{TOKENS}/{}", token.id);
    assert_eq!(hotspot.daemon().api("DELETE", &target, None).unwrap().status, 200);
    becomes(&hotspot, 1, false);
    assert_eq!(
        hotspot
            .redeem_for(&token.code, &hotspot.client(1).mac_text())
            .unwrap()
            .status,
        404
    );
}
