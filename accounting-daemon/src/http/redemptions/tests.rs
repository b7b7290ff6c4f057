//! What a redemption takes, and how each refusal is told.

use serde_json::{Value, json};

use super::*;
use crate::{gate::status::InterfaceStatus, ledger::RedeemError, mac::Mac};

fn gate() -> GateStatus {
    let interface = InterfaceStatus {
        mac: Some(Mac([2, 0, 0, 0, 0, 0xff])),
        ..InterfaceStatus::unseen("g", 0)
    };
    GateStatus {
        interfaces: vec![interface],
        routers: vec![Mac([2, 0, 0, 0, 0, 0xfe])],
        ..GateStatus::default()
    }
}

fn caller() -> Caller {
    Caller::administrator("admin@localhost")
}

fn parse_in(body: &Value, zones: &[u16]) -> Result<Redemption, Problem> {
    parse(
        body.to_string().as_bytes(),
        &caller(),
        &zones.iter().copied().collect(),
        &gate(),
    )
}

fn request() -> Value {
    json!({"AccessCode": "AB-1", "MacAddress": "02-00-00-00-00-01"})
}

#[test]
fn a_code_and_a_device_are_enough() {
    let redeem = parse_in(&request(), &[0]).unwrap();
    assert_eq!(
        redeem.device,
        DeviceId {
            mac: Mac([2, 0, 0, 0, 0, 1]),
            zone: 0
        }
    );
    assert_eq!(redeem.code.as_str(), "AB-1");
    assert!(!redeem.takeover);
    let full =
        json!({"AccessCode": "x", "MacAddress": "020000000001", "Zone": 7, "Takeover": true, "More": [1]});
    let redeem = parse_in(&full, &[0, 7]).unwrap();
    assert_eq!((redeem.device.zone, redeem.takeover), (7, true));
}

#[test]
fn the_zone_is_the_only_one_or_zero() {
    let zone = |zones: &[u16]| parse_in(&request(), zones).map(|redeem| redeem.device.zone).ok();
    assert_eq!(zone(&[5]), Some(5));
    assert_eq!(zone(&[0, 5]), Some(0));
    assert_eq!(zone(&[4, 5]), None);
}

/// "2. request malformed (no code; MAC not a unicast address, all zero, the gateway's own or a known router's)"
#[test]
fn what_is_malformed_is_400_and_named() {
    let with = |member: &str, value: Value| {
        let mut body = request();
        body[member] = value;
        body
    };
    for (body, names) in [
        (json!({}), vec!["AccessCode", "MacAddress"]),
        (with("AccessCode", Value::Null), vec!["AccessCode"]),
        (with("AccessCode", json!(" - ")), vec!["AccessCode"]),
        (with("AccessCode", json!(12345)), vec!["AccessCode"]),
        (with("AccessCode", json!("a\u{0}b")), vec!["AccessCode"]),
        (with("MacAddress", json!("")), vec!["MacAddress"]),
        (with("MacAddress", json!("FF:FF:FF:FF:FF:FF")), vec!["MacAddress"]),
        (with("MacAddress", json!("00:00:00:00:00:00")), vec!["MacAddress"]),
        (with("MacAddress", json!("33:33:00:00:00:01")), vec!["MacAddress"]),
        (with("MacAddress", json!("02:00:00:00:00:FF")), vec!["MacAddress"]),
        (with("MacAddress", json!("02:00:00:00:00:FE")), vec!["MacAddress"]),
        (with("Zone", json!(1)), vec!["Zone"]),
        (with("Zone", json!(70_000)), vec!["Zone"]),
        (with("Zone", json!("0")), vec!["Zone"]),
        (with("Takeover", json!("yes")), vec!["Takeover"]),
        (with("Email", json!("nobody")), vec!["Email"]),
        (
            json!({"AccessCode": 1, "MacAddress": 2, "Zone": -1, "Takeover": 3}),
            vec!["AccessCode", "MacAddress", "Zone", "Takeover"],
        ),
    ] {
        let problem = parse_in(&body, &[0]).unwrap_err();
        assert_eq!(problem.kind, Kind::MalformedRequest);
        let document = document(problem);
        let named: Vec<_> = document["Errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| &e["PropertyName"])
            .collect();
        assert_eq!(named, names, "{body}");
    }
    let none = parse(b"{", &caller(), &BTreeSet::from([0]), &gate()).unwrap_err();
    assert_eq!(none.kind, Kind::MalformedRequest);
}

fn document(problem: Problem) -> Value {
    let answer = problem.into_answer();
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let body = futures_free_body(answer);
    serde_json::from_slice(&body).unwrap()
}

fn futures_free_body(answer: Answer) -> Vec<u8> {
    use http_body_util::BodyExt;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime
        .block_on(answer.into_body().collect())
        .unwrap()
        .to_bytes()
        .to_vec()
}

/// What is the matter, and the way out.
#[test]
fn a_taken_seat_says_how_to_get_one() {
    for (user_limit, retry_after_s, expected) in [
        (
            1,
            None,
            "another device is online with this access code: log one out, or take the place of a silent one by Takeover",
        ),
        (
            3,
            Some(20),
            "all 3 devices of this access code are online: a silent one may be taken over in 20 seconds",
        ),
    ] {
        let error = RedeemError::NoSeat {
            user_limit,
            seats_used: user_limit,
            retry_after_s,
        };
        assert_eq!(document(Problem::from(error))["detail"], expected);
    }
}

/// One row a condition: its name, its status, and what comes with it.
/// "Conditions are checked in this order and the first that fails is the answer."
#[test]
fn each_refusal_has_its_problem() {
    let table = [
        (
            RedeemError::TooManyAttempts { retry_after_s: 9 },
            "too-many-attempts",
            429,
            json!({}),
        ),
        (RedeemError::UnknownCode, "unknown-code", 404, json!({})),
        (RedeemError::WrongLocation, "wrong-location", 403, json!({})),
        (RedeemError::ClockNotSet, "clock-not-set", 503, json!({})),
        (
            RedeemError::NotYetValid {
                valid_from: 1_736_937_000_000,
            },
            "not-yet-valid",
            409,
            json!({"ValidFrom": "2025-01-15T10:30:00Z"}),
        ),
        (RedeemError::Expired, "expired", 410, json!({})),
        (RedeemError::Depleted, "depleted", 410, json!({})),
        (
            RedeemError::NoSeat {
                user_limit: 2,
                seats_used: 2,
                retry_after_s: None,
            },
            "no-seat",
            409,
            json!({"UserLimit": 2, "SeatsUsed": 2}),
        ),
        (RedeemError::GateFull, "gate-full", 503, json!({})),
        (RedeemError::Blocked, "forbidden", 403, json!({})),
    ];
    for (error, name, status, members) in table {
        let answer = Problem::from(error).into_answer();
        assert_eq!(answer.status().as_u16(), status, "{name}");
        let retry_after = answer
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(retry_after, (status == 429).then(|| "9".to_owned()), "{name}");
        let document = document(Problem::from(error));
        assert_eq!(document["type"], format!("urn:accounting:{name}"));
        assert_eq!(document["status"], status);
        assert_eq!(document["detail"], error.to_string());
        for (member, value) in members.as_object().unwrap() {
            assert_eq!(&document[member], value, "{name}");
        }
        let expected = 4 + members.as_object().unwrap().len();
        assert_eq!(document.as_object().unwrap().len(), expected, "{document}");
    }
}
