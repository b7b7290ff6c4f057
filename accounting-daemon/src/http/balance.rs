//! `PUT /v1/tokens/{id}/balance`: sets what a token has left.

use hyper::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator, json_schema};

use super::{
    Context,
    answer::{self, Answer},
    auth::{Caller, Role},
    describe::{self, Describe, Says},
    endpoint::{Accepts, Access, Asked, Endpoint, Handler},
    fields::Fields,
    problem,
    problem::{Kind, Problem},
    record::Record,
};
use crate::{
    engine::{Balance, Refusal},
    ledger::{ID_MAX, MINUTE_MS, TokenId},
    metrics::Route,
};

/// Balances.
pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::PUT,
    path: "/v1/tokens/{id}/balance",
    route: Route::Balance,
    accepts: Accepts::Json,
    handler: Handler::SignedIn(Access::Roles(&[Role::Edit]), |context, caller, asked| {
        Box::pin(set(context, caller, asked))
    }),
    describe: Describe::new(
        "Sets the minutes that a token has left",
        &[Says::json(
            StatusCode::OK,
            "The token's record",
            describe::of::<Record<'static>>,
        )],
    )
    .body(shape)
    .problems(&[Kind::NotFound, Kind::Invalid]),
}];

/// The most minutes.
const MINUTES_MAX: i128 = i32::MAX as i128;

/// The longest reason, in characters.
const REASON_CHARACTERS_MAX: usize = 1000;

fn shape(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["MinutesLeft"],
        "properties": {
            "MinutesLeft": {
                "type": "integer",
                "minimum": 0,
                "maximum": i32::MAX,
                "description": "Minutes that it is to have left",
            },
            "Reason": {
                "type": ["string", "null"],
                "maxLength": REASON_CHARACTERS_MAX,
                "description": "Why; kept with the change",
            },
        },
    })
}

/// Answers the record, its balance as it was set.
async fn set(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let Some(token) = token_number(&asked.variable) else {
        return not_found();
    };
    let (minutes, reason) = match parse(&asked.body) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.into_answer(),
    };
    match context.engine.token(token).await {
        Ok(Some(view)) if caller.sees(view.token.business_id) => {}
        Ok(_) => return not_found(),
        Err(reason) => return problem::unavailable(reason),
    }
    let balance = Balance {
        token,
        left: u64::from(minutes) * MINUTE_MS,
        who: caller.name.clone(),
        reason,
    };
    match context.engine.set_balance(balance, asked.actor(caller)).await {
        Ok(view) => answer::json(StatusCode::OK, &Record::from(&view.token)),
        Err(Refusal::Ledger(_)) => not_found(),
        Err(Refusal::Unavailable(reason)) => problem::unavailable(reason),
    }
}

/// The number of a token in a path.
fn token_number(text: &str) -> Option<TokenId> {
    let number = text.parse().ok();
    number.filter(|number| (1..=ID_MAX).contains(number))
}

fn not_found() -> Answer {
    Problem::new(Kind::NotFound, "there is no token of this number").into_answer()
}

fn parse(body: &[u8]) -> Result<(u32, String), Problem> {
    let mut fields = Fields::json(body)
        .map_err(|error| Problem::new(Kind::MalformedRequest, format!("the body {error}")))?;
    let minutes = fields.integer("MinutesLeft", 0, MINUTES_MAX);
    let minutes = fields.require("MinutesLeft", minutes);
    let reason = fields.text("Reason", REASON_CHARACTERS_MAX).unwrap_or_default();
    let errors = fields.into_errors();
    match minutes {
        Some(minutes) if errors.is_empty() => Ok((minutes, reason)),
        _ => Err(Problem::invalid(&errors)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_whole_and_a_reason_is_optional() {
        assert_eq!(parse(br#"{"MinutesLeft":0}"#), Ok((0, String::new())));
        let most = br#"{"MinutesLeft":2147483647,"Reason":"gift"}"#;
        assert_eq!(parse(most), Ok((2_147_483_647, "gift".to_owned())));
        for (body, kind) in [
            (&br#"{}"#[..], Kind::Invalid),
            (br#"{"MinutesLeft":null}"#, Kind::Invalid),
            (br#"{"MinutesLeft":-1}"#, Kind::Invalid),
            (br#"{"MinutesLeft":1.5}"#, Kind::Invalid),
            (br#"{"MinutesLeft":2147483648}"#, Kind::Invalid),
            (br#"{"MinutesLeft":1,"Reason":5}"#, Kind::Invalid),
            (br#"{"MinutesLeft":1"#, Kind::MalformedRequest),
            (br#"[]"#, Kind::MalformedRequest),
        ] {
            assert_eq!(parse(body).map_err(|problem| problem.kind), Err(kind));
        }
    }

    #[test]
    fn numbers_of_tokens_are_checked() {
        assert_eq!(token_number("7"), Some(7));
        for wrong in ["0", "-1", "", "x", "9223372036854775808"] {
            assert_eq!(token_number(wrong), None, "{wrong}");
        }
    }
}
