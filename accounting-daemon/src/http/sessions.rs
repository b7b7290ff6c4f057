//! `/v1/devices/{mac}` and `/v1/sessions/{mac}`: is it online, and end it.

use std::net::IpAddr;

use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context,
    answer::{self, Answer},
    auth::{Caller, Role},
    describe::{self, Describe, Says},
    endpoint::{Accepts, Access, Asked, Endpoint, Handler},
    form, problem,
    problem::{Kind, Problem},
    record, times,
};
use crate::{
    engine::{Refusal, SessionView, Unavailable},
    ledger::{Cause, ReleaseError, minutes_shown},
    mac::Mac,
    metrics::Route,
};

/// Devices and their sessions.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/v1/devices/{mac}",
        route: Route::Device,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Roles(&[Role::Redeem]), |context, caller, asked| {
            Box::pin(device(context, caller, asked))
        }),
        describe: Describe::new(
            "Says whether a device is online, on what, and for how long still",
            &[Says::json(
                StatusCode::OK,
                "The device",
                describe::of::<Device<'static>>,
            )],
        )
        .query(&[describe::ZONE])
        .problems(&[Kind::Conflict]),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/v1/sessions/{mac}",
        route: Route::Session,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(
            Access::Roles(&[Role::Redeem, Role::Edit]),
            |context, caller, asked| Box::pin(release(context, caller, asked)),
        ),
        describe: Describe::new(
            "Ends the session of a device: Disconnected by who may edit, else Logout",
            &[Says::nothing(StatusCode::NO_CONTENT, "It is over")],
        )
        .query(&[describe::ZONE])
        .problems(&[Kind::NotFound, Kind::Conflict]),
    },
];

/// Which of them is meant?
pub(super) const SEVERAL_ZONES: &str = "this MAC address is in several zones: name one";

/// A session as the gateway API shows it.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Session<'a> {
    token_id: u64,
    mac_address: Mac,
    zone: u16,
    opened_on: Option<String>,
    last_seen: Option<String>,
    metering: &'static str,
    minutes_left: u64,
    seconds_left: Option<u64>,
    valid_to: Option<String>,
    seats_used: u32,
    user_limit: Option<u32>,
    bytes_up: u64,
    bytes_down: u64,
    packets_up: u64,
    packets_down: u64,
    addresses: &'a [IpAddr],
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Device<'a> {
    mac_address: Mac,
    zone: u16,
    online: bool,
    session: Option<Session<'a>>,
}

impl<'a> From<&'a SessionView> for Session<'a> {
    fn from(view: &'a SessionView) -> Self {
        Self {
            token_id: view.token.id,
            mac_address: view.device.mac,
            zone: view.device.zone,
            opened_on: times::show(view.opened_on),
            last_seen: times::show(view.last_seen),
            metering: record::metering(view.token.metering),
            minutes_left: minutes_shown(view.token.left()),
            seconds_left: view.left.map(|ms| ms.div_ceil(1000)),
            valid_to: view.token.valid_to.get().and_then(times::show),
            seats_used: view.seats_used,
            user_limit: view.token.user_limit.get(),
            bytes_up: view.traffic.bytes_up,
            bytes_down: view.traffic.bytes_down,
            packets_up: view.traffic.packets_up,
            packets_down: view.traffic.packets_down,
            addresses: &view.addresses,
        }
    }
}

/// `GET /v1/devices/{mac}`: answers the device, online or not.
async fn device(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let (mac, zone) = match target(asked) {
        Ok(target) => target,
        Err(problem) => return problem.into_answer(),
    };
    let sessions = match seen(context, caller, mac, zone).await {
        Ok(sessions) => sessions,
        Err(reason) => return problem::unavailable(reason),
    };
    if sessions.len() > 1 {
        return Problem::new(Kind::Conflict, SEVERAL_ZONES).into_answer();
    }
    let session = sessions.first();
    let zone = session.map(|session| session.device.zone).or(zone);
    let device = Device {
        mac_address: mac,
        zone: zone.or_else(|| context.default_zone()).unwrap_or_default(),
        online: session.is_some(),
        session: session.map(Session::from),
    };
    answer::json(StatusCode::OK, &device)
}

/// `DELETE /v1/sessions/{mac}`: ends the session. Who may edit disconnects; who may only redeem logs out.
async fn release(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let (mac, zone) = match target(asked) {
        Ok(target) => target,
        Err(problem) => return problem.into_answer(),
    };
    let zone = match caller.locations {
        None => zone,
        Some(_) => match seen(context, caller, mac, zone).await {
            Ok(sessions) if sessions.is_empty() => {
                return Problem::from(ReleaseError::NotOnline).into_answer();
            }
            Ok(sessions) if sessions.len() > 1 => {
                return Problem::from(ReleaseError::SeveralZones).into_answer();
            }
            Ok(sessions) => sessions.first().map(|session| session.device.zone),
            Err(reason) => return problem::unavailable(reason),
        },
    };
    let released = if caller.may(Role::Edit) {
        context.engine.disconnect(mac, zone, asked.actor(caller)).await
    } else {
        context.engine.release(mac, zone, Cause::Logout).await
    };
    match released {
        Ok(()) => answer::empty(StatusCode::NO_CONTENT),
        Err(Refusal::Ledger(error)) => Problem::from(error).into_answer(),
        Err(Refusal::Unavailable(reason)) => problem::unavailable(reason),
    }
}

/// The open sessions of an address on tokens that exist for the caller.
async fn seen(
    context: &Context,
    caller: &Caller,
    mac: Mac,
    zone: Option<u16>,
) -> Result<Vec<SessionView>, Unavailable> {
    let mut sessions = context.engine.sessions_of(mac, zone).await?;
    sessions.retain(|session| caller.sees(session.token.business_id));
    Ok(sessions)
}

/// Whom a path and its query mean. The zone may have lost its interface: a session there can still be ended.
pub(super) fn target(asked: &Asked) -> Result<(Mac, Option<u16>), Problem> {
    let malformed = |detail: String| Problem::new(Kind::MalformedRequest, detail);
    let mac = parse_mac(&asked.variable).map_err(malformed)?;
    let zone = parse_zone(asked.query()).map_err(malformed)?;
    Ok((mac, zone))
}

fn parse_mac(text: &str) -> Result<Mac, String> {
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|error| error.to_string())?;
    let mac: Mac = decoded
        .parse()
        .map_err(|error: crate::mac::MacError| error.to_string())?;
    if mac.is_unicast() {
        Ok(mac)
    } else {
        Err("not the MAC address of one device: it is multicast or all zero".to_owned())
    }
}

fn parse_zone(query: Option<&str>) -> Result<Option<u16>, String> {
    let Some(zone) = form::parameter(query, "Zone").map_err(|error| format!("the query {error}"))? else {
        return Ok(None);
    };
    let zone = zone
        .parse()
        .map_err(|_| "Zone must be a whole number from 0 to 65535".to_owned());
    zone.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::Traffic, mac::DeviceId};

    #[test]
    fn a_session_is_shown_with_these_members() {
        let token = record::tests::token();
        let view = SessionView {
            id: 1,
            device: DeviceId {
                mac: Mac([2, 0, 0, 0, 0, 1]),
                zone: 3,
            },
            token: token.balance(),
            seats_used: 1,
            opened_on: 1_736_937_000_000,
            last_seen: 1_736_937_001_000,
            left: Some(59_001),
            traffic: Traffic {
                bytes_up: 1,
                bytes_down: 2,
                packets_up: 3,
                packets_down: 4,
                ..Traffic::default()
            },
            addresses: vec!["192.0.2.7".parse().unwrap(), "2001:db8::1".parse().unwrap()],
        };
        let expected = concat!(
            r#"{"TokenId":7,"MacAddress":"02:00:00:00:00:01","Zone":3,"OpenedOn":"2025-01-15T10:30:00Z","#,
            r#""LastSeen":"2025-01-15T10:30:01Z","Metering":"ConnectedTime","MinutesLeft":60,"SecondsLeft":60,"#,
            r#""ValidTo":"2025-01-15T10:30:00Z","SeatsUsed":1,"UserLimit":null,"BytesUp":1,"BytesDown":2,"#,
            r#""PacketsUp":3,"PacketsDown":4,"Addresses":["192.0.2.7","2001:db8::1"]}"#,
        );
        assert_eq!(serde_json::to_string(&Session::from(&view)).unwrap(), expected);
    }

    #[test]
    fn addresses_in_paths_are_decoded_and_checked() {
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        for text in ["02:00:00:00:00:01", "02%3A00%3a00:00:00:01", "020000000001"] {
            assert_eq!(parse_mac(text), Ok(mac), "{text}");
        }
        for text in [
            "",
            "02:00",
            "%ff",
            "ff:ff:ff:ff:ff:ff",
            "00:00:00:00:00:00",
            "01:00:5e:00:00:01",
        ] {
            assert!(parse_mac(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_zone_is_optional_and_a_number() {
        assert_eq!(parse_zone(None), Ok(None));
        assert_eq!(parse_zone(Some("x=1")), Ok(None));
        assert_eq!(parse_zone(Some("zone=65535")), Ok(Some(65_535)));
        for query in ["Zone=", "Zone=65536", "Zone=-1", "Zone=a", "Zone=1&Zone=1"] {
            assert!(parse_zone(Some(query)).is_err(), "{query}");
        }
    }
}
