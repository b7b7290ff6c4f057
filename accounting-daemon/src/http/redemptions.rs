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
mod tests;
