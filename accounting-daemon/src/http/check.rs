//! `POST /v1/check`: would a code open a session? For portals that ask over REST before they let somebody in.

use hyper::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator, json_schema};

use super::{
    Context,
    answer::{self, Answer},
    auth::{Caller, Denied, Role},
    describe::{Describe, Says},
    dialect::Dialect,
    endpoint::{Accepts, Access, Asked, Endpoint, Handler},
    fields::Fields,
    problem,
    problem::{Kind, Problem},
    redemptions::REFUSALS,
};
use crate::{
    engine::{CodeCheck, Refusal},
    ledger::{AccessCode, Asker},
    metrics::Route,
};

/// Checking codes.
pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::POST,
    path: "/v1/check",
    route: Route::Check,
    accepts: Accepts::Json,
    handler: Handler::SignedIn(
        Access::RolesAfterRequest(&[Role::Redeem]),
        |context, caller, asked| Box::pin(check(context, caller, asked)),
    ),
    describe: Describe::new(
        "Says whether a code would open a session for another device; counts as an attempt where not",
        &[Says::nothing(StatusCode::NO_CONTENT, "It would")],
    )
    .body(shape)
    .problems(REFUSALS),
}];

/// The longest e-mail address, in characters (RFC 5321).
const EMAIL_CHARACTERS_MAX: usize = 254;

fn shape(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["AccessCode"],
        "properties": {
            "AccessCode": {"type": "string", "description": "The code as it was typed"},
            "Email": {
                "type": ["string", "null"],
                "maxLength": EMAIL_CHARACTERS_MAX,
                "description": "Whose code it is, for codes that ask for it",
            },
        },
    })
}

/// Answers nothing, or the problem of the first condition that fails.
async fn check(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let code = match parse(&asked.body) {
        Ok(code) => code,
        Err(problem) => return problem.into_answer(),
    };
    if !caller.may(Role::Redeem) {
        return Dialect::Gateway.denied(&Denied::Forbidden);
    }
    let asker = Asker::Client(caller.name.clone());
    match context.engine.check(CodeCheck { code, asker }).await {
        Ok(()) => answer::empty(StatusCode::NO_CONTENT),
        Err(Refusal::Ledger(error)) => Problem::from(error).into_answer(),
        Err(Refusal::Unavailable(reason)) => problem::unavailable(reason),
    }
}

fn parse(body: &[u8]) -> Result<AccessCode, Problem> {
    let mut fields = Fields::json(body)
        .map_err(|error| Problem::new(Kind::MalformedRequest, format!("the body {error}")))?;
    let code = fields.parsed("AccessCode", |text| AccessCode::new(text));
    let code = fields.require("AccessCode", code);
    let _: Option<String> = fields.text("Email", EMAIL_CHARACTERS_MAX);
    let errors = fields.into_errors();
    match code {
        Some(code) if errors.is_empty() => Ok(code),
        _ => Err(Problem::malformed(&errors)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_enough() {
        assert_eq!(parse(br#"{"AccessCode":"AB-1"}"#).unwrap().as_str(), "AB-1");
        assert!(parse(br#"{"AccessCode":"AB-1","Email":"a@b"}"#).is_ok());
        for wrong in [
            &b"{}"[..],
            br#"{"AccessCode":" "}"#,
            br#"{"AccessCode":1}"#,
            br#"{"AccessCode":"x","Email":5}"#,
        ] {
            assert_eq!(parse(wrong).unwrap_err().kind, Kind::MalformedRequest);
        }
    }
}
