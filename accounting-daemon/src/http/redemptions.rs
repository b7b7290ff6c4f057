//! `POST /v1/redemptions`: a code and a device in, a session out.

use std::collections::BTreeSet;

use hyper::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator, json_schema};

use super::{
    Context,
    answer::{self, Answer},
    auth::{Caller, Role},
    describe::{self, Describe, Says},
    dialect::Dialect,
    endpoint::{Accepts, Access, Asked, Endpoint, Handler},
    fields::{FieldError, Fields},
    problem,
    problem::{Kind, Problem},
    sessions::Session,
};
use crate::{
    engine::Refusal,
    gate::status::GateStatus,
    ledger::{AccessCode, Asker, EMAIL_CHARACTERS_MAX, Email, Given, Redemption},
    mac::DeviceId,
    metrics::{RedeemResult, Route},
};

/// Why a code opens no session, in the order of the checks.
pub(super) const REFUSALS: &[Kind] = &[
    Kind::TooManyAttempts,
    Kind::UnknownCode,
    Kind::WrongLocation,
    Kind::ClockNotSet,
    Kind::NotYetValid,
    Kind::Expired,
    Kind::Depleted,
    Kind::NoSeat,
    Kind::GateFull,
];

/// Who may redeem.
pub(super) const ACCESS: Access = Access::RolesAfterRequest(&[Role::Redeem]);

/// Redeeming.
pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::POST,
    path: "/v1/redemptions",
    route: Route::Redemptions,
    accepts: Accepts::Json,
    handler: Handler::SignedIn(ACCESS, |context, caller, asked| {
        Box::pin(redeem(context, caller, asked))
    }),
    describe: Describe::new(
        "Opens a session for a device, or returns the one that it has on this code",
        &[Says::json(
            StatusCode::OK,
            "The session",
            describe::of::<Session<'static>>,
        )],
    )
    .body(shape)
    .problems(REFUSALS),
}];

fn shape(schemas: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["AccessCode", "MacAddress"],
        "properties": {
            "AccessCode": {"type": "string", "description": "The code as it was typed"},
            "Email": shape_of_email(),
            "MacAddress": describe::mac(schemas),
            "Zone": {
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": 65535,
                "description": "Where the device is; the only zone, or zone 0, when absent",
            },
            "Takeover": {
                "type": ["boolean", "null"],
                "description": "Whether the seat of a device may be taken that is silent, though not for long",
            },
        },
    })
}

/// Of the address that comes with a code.
pub(super) fn shape_of_email() -> Schema {
    json_schema!({
        "type": ["string", "null"],
        "maxLength": EMAIL_CHARACTERS_MAX,
        "description": "Whose code it is, for codes that ask for it; without it, or with another, such a code is an unknown one",
    })
}

/// Reads the address that comes with a code.
pub(super) fn given(fields: &mut Fields) -> Given {
    let email = fields.parsed("Email", |text| match text.trim() {
        "" => Ok(None),
        text => Email::new(text).map(Some),
    });
    email.flatten().map_or(Given::Nothing, Given::Email)
}

/// Answers the session, also when it was open already.
async fn redeem(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let gate = context.gate_status();
    let redeem = match parse(&asked.body, caller, &context.zones, &gate) {
        Ok(redeem) => redeem,
        Err(problem) => return problem.into_answer(),
    };
    if !caller.may(Role::Redeem) {
        return Dialect::Gateway.forbidden(ACCESS);
    }
    match context.engine.redeem(redeem).await {
        Ok(view) => {
            context.metrics.redeemed(RedeemResult::Admitted);
            answer::json(StatusCode::OK, &Session::from(&view))
        }
        Err(Refusal::Ledger(error)) => {
            context.metrics.redeemed(RedeemResult::from(&error));
            Problem::from(error).into_answer()
        }
        Err(Refusal::Unavailable(reason)) => {
            context.metrics.redeemed(RedeemResult::Unavailable);
            problem::unavailable(reason)
        }
    }
}

/// The zone that is meant when none is named: the only one, else zone 0 if there is one.
pub(super) fn default_zone(zones: &BTreeSet<u16>) -> Option<u16> {
    match zones.len() {
        1 => zones.first().copied(),
        _ => zones.get(&0).copied(),
    }
}

fn parse(
    body: &[u8],
    caller: &Caller,
    zones: &BTreeSet<u16>,
    gate: &GateStatus,
) -> Result<Redemption, Problem> {
    let mut fields = Fields::json(body)
        .map_err(|error| Problem::new(Kind::MalformedRequest, format!("the body {error}")))?;
    let code = fields.parsed("AccessCode", |text| AccessCode::new(text));
    let code = fields.require("AccessCode", code);
    let given = given(&mut fields);
    let mac = fields.mac("MacAddress");
    let mac = fields.require("MacAddress", mac);
    if mac.is_some_and(|mac| gate.owns(mac)) {
        fields.refuse("MacAddress", "is the gateway's own");
    } else if mac.is_some_and(|mac| gate.is_router(mac)) {
        fields.refuse(
            "MacAddress",
            "is a router's: whoever is behind it would be let in too",
        );
    }
    let zone = fields.integer("Zone", 0, i128::from(u16::MAX));
    let zone = zone.or_else(|| default_zone(zones));
    match zone {
        Some(zone) if !zones.contains(&zone) => fields.refuse("Zone", "has no interface"),
        Some(_) => {}
        None => fields.refuse("Zone", "must be named: there are several"),
    }
    let takeover = fields.flag("Takeover").unwrap_or(false);
    let errors: Vec<FieldError> = fields.into_errors();
    match (code, mac, zone) {
        (Some(code), Some(mac), Some(zone)) if errors.is_empty() => Ok(Redemption {
            code,
            given,
            device: DeviceId { mac, zone },
            takeover,
            asker: Asker::Client(caller.name.clone()),
            among: caller.locations.clone(),
        }),
        _ => Err(Problem::malformed(&errors)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{gate::status::InterfaceStatus, ledger::RedeemError, mac::Mac};

    fn gate() -> GateStatus {
        let interface = InterfaceStatus {
            name: "g".to_owned(),
            zone: 0,
            index: 0,
            bridge: None,
            mac: Some(Mac([2, 0, 0, 0, 0, 0xff])),
            attached: None,
            reattached: 0,
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
        let full = json!({"AccessCode": "x", "MacAddress": "020000000001", "Zone": 7, "Takeover": true, "More": [1]});
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
}
