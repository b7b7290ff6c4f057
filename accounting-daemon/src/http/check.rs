//! `POST /v1/check`: would a code open a session? For portals that ask over REST before they let somebody in.

use hyper::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator, json_schema};

use super::{
    Context,
    answer::{self, Answer},
    auth::{Caller, Role},
    describe::{Describe, Says},
    dialect::Dialect,
    endpoint::{Accepts, Asked, Endpoint, Handler},
    fields::Fields,
    problem,
    problem::{Kind, Problem},
    redemptions,
    redemptions::{ACCESS, REFUSALS},
};
use crate::{
    engine::{CodeCheck, Refusal},
    ledger::{AccessCode, Asker, Given},
    metrics::Route,
};

/// Checking codes.
pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::POST,
    path: "/v1/check",
    route: Route::Check,
    accepts: Accepts::Json,
    handler: Handler::SignedIn(ACCESS, |context, caller, asked| {
        Box::pin(check(context, caller, asked))
    }),
    describe: Describe::new(
        "Says whether a code would open a session for another device; counts as an attempt where not",
        &[Says::nothing(StatusCode::NO_CONTENT, "It would")],
    )
    .body(shape)
    .problems(REFUSALS),
}];

fn shape(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["AccessCode"],
        "properties": {
            "AccessCode": {"type": "string", "description": "The code as it was typed"},
            "Email": redemptions::shape_of_email(),
        },
    })
}

/// Answers nothing, or the problem of the first condition that fails.
async fn check(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let (code, given) = match parse(&asked.body) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.into_answer(),
    };
    if !caller.may(Role::Redeem) {
        return Dialect::Gateway.forbidden(ACCESS);
    }
    let asker = Asker::Client(caller.name.clone());
    let check = CodeCheck {
        code,
        given,
        asker,
        among: caller.locations.clone(),
    };
    match context.engine.check(check).await {
        Ok(()) => answer::empty(StatusCode::NO_CONTENT),
        Err(Refusal::Ledger(error)) => Problem::from(error).into_answer(),
        Err(Refusal::Unavailable(reason)) => problem::unavailable(reason),
    }
}

fn parse(body: &[u8]) -> Result<(AccessCode, Given), Problem> {
    let mut fields = Fields::json(body)
        .map_err(|error| Problem::new(Kind::MalformedRequest, format!("the body {error}")))?;
    let code = fields.parsed("AccessCode", |text| AccessCode::new(text));
    let code = fields.require("AccessCode", code);
    let given = redemptions::given(&mut fields);
    let errors = fields.into_errors();
    match code {
        Some(code) if errors.is_empty() => Ok((code, given)),
        _ => Err(Problem::malformed(&errors)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_enough() {
        for body in [
            &br#"{"AccessCode":"AB-1"}"#[..],
            br#"{"AccessCode":"AB-1","Email":""}"#,
        ] {
            let (code, given) = parse(body).unwrap();
            assert_eq!((code.as_str(), given), ("AB-1", Given::Nothing));
        }
        let (_, given) = parse(br#"{"AccessCode":"AB-1","Email":"A@b"}"#).unwrap();
        assert_eq!(given, Given::Email("a@b".parse().unwrap()));
        for wrong in [
            &b"{}"[..],
            br#"{"AccessCode":" "}"#,
            br#"{"AccessCode":1}"#,
            br#"{"AccessCode":"x","Email":5}"#,
            br#"{"AccessCode":"x","Email":"nobody"}"#,
        ] {
            assert_eq!(parse(wrong).unwrap_err().kind, Kind::MalformedRequest);
        }
    }
}
