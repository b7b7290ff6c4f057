//! `/api/spaces/accesstokens`: makes and shows tokens.

use hyper::{Method, StatusCode};
use uuid::Uuid;

use super::{
    Context,
    answer::{self, Answer},
    auth::{Caller, Role},
    body::MediaType,
    describe::{self, Describe, Says},
    dialect::Dialect,
    endpoint::{Accepts, Access, Asked, Endpoint, Handler},
    fields::{FieldError, Fields},
    nexudus,
    record::{self, Record},
};
use crate::{
    engine::Refusal,
    ledger::{AccessCode, CreateError, Metering, NewToken},
    mac::Mac,
    metrics::Route,
};

/// The record API.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::POST,
        path: "/api/spaces/accesstokens",
        route: Route::Tokens,
        accepts: Accepts::JsonOrForm,
        handler: Handler::SignedIn(Access::Roles(&[Role::Create]), |context, caller, asked| {
            Box::pin(create(context, caller, asked))
        }),
        describe: Describe::new(
            "Makes a token",
            &[
                Says::json(StatusCode::OK, "It is made", describe::of::<nexudus::Written>),
                nexudus::INVALID,
            ],
        )
        .body(record::shape_of_new),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/spaces/accesstokens/{id}",
        route: Route::Token,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Roles(&[Role::Read]), |context, caller, asked| {
            Box::pin(show(context, caller, asked))
        }),
        describe: Describe::new(
            "Shows a token",
            &[
                Says::json(StatusCode::OK, "The record", describe::of::<Record<'static>>),
                nexudus::NOT_FOUND,
            ],
        ),
    },
];

/// The longest description, in characters.
const DESCRIPTION_CHARACTERS_MAX: usize = 1000;

/// The longest `SystemId`, in characters; callers keep JSON texts there.
const SYSTEM_ID_CHARACTERS_MAX: usize = 4000;

/// How often a generated code may meet one that is in use. One time is already a sign of a space that is too small.
const GENERATED_MAX: usize = 16;

const ID_MAX: i128 = i64::MAX as i128;
const MINUTES_MAX: i128 = i32::MAX as i128;

/// `POST`: answers 200 with the token's number.
async fn create(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let fields = match asked.media_type {
        Some(MediaType::Form) => Fields::form(&asked.body),
        Some(MediaType::Json) | None => Fields::json(&asked.body),
    };
    let draft = match fields.map(Draft::read) {
        Ok(Ok(draft)) => draft,
        Ok(Err(errors)) => return nexudus::invalid(&errors),
        Err(error) => return nexudus::invalid_body(&error),
    };
    let attempts = if draft.code.is_none() { GENERATED_MAX } else { 1 };
    for _ in 0..attempts {
        let new = match draft.to_new(context, caller) {
            Ok(new) => new,
            Err(error) => {
                tracing::error!(%error, "no token was made");
                return nexudus::failed();
            }
        };
        match context.engine.create(new).await {
            Ok(token) => {
                context.codes.created(token.id);
                return nexudus::created(token.id, record::shown_as(&token));
            }
            Err(Refusal::Ledger(CreateError::CodeInUse)) => {}
            Err(Refusal::Ledger(error @ CreateError::NoIdLeft)) => {
                tracing::error!(%error, "no token was made");
                return nexudus::failed();
            }
            Err(Refusal::Unavailable(reason)) => return Dialect::Record.unavailable(reason),
        }
    }
    match draft.code {
        Some(code) => nexudus::invalid(&[FieldError {
            property: "AccessCode",
            message: CreateError::CodeInUse.to_string().into(),
            attempted: code.as_str().into(),
        }]),
        None => {
            tracing::error!("every generated access code was in use: raise `codes.length`");
            nexudus::failed()
        }
    }
}

/// `GET .../{id}`: answers the record.
async fn show(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let Some(id) = asked
        .variable
        .parse()
        .ok()
        .filter(|id| (1..=i64::MAX as u64).contains(id))
    else {
        return nexudus::not_found();
    };
    match context.engine.token(id).await {
        Ok(Some(view)) if caller.sees(view.token.business_id) => {
            answer::json(StatusCode::OK, &Record::from(&view.token))
        }
        Ok(_) => nexudus::not_found(),
        Err(reason) => Dialect::Record.unavailable(reason),
    }
}

/// What a caller gave for a new token, checked.
#[derive(Debug, PartialEq, Eq)]
struct Draft {
    business_id: u64,
    /// `None`: to be generated.
    code: Option<AccessCode>,
    description: Option<String>,
    minutes_included: u32,
    minutes_left: Option<u32>,
    valid_from: Option<i64>,
    valid_to: Option<i64>,
    user_limit: Option<u32>,
    mac_address: Option<Mac>,
    booking_guid: Option<Uuid>,
    visitor_guid: Option<Uuid>,
    system_id: Option<String>,
    metering: Metering,
}

impl Draft {
    /// Members that only the server writes, and unknown ones, are passed over: clients send back whole records.
    fn read(mut fields: Fields) -> Result<Self, Vec<FieldError>> {
        let business_id = fields.integer("BusinessId", 1, ID_MAX);
        let business_id = fields.require("BusinessId", business_id);
        let minutes_included = fields.integer("MinutesIncluded", 0, MINUTES_MAX);
        let minutes_included = fields.require("MinutesIncluded", minutes_included);
        let code = fields.parsed("AccessCode", |text| match text.trim() {
            "" => Ok(None),
            code => AccessCode::new(code).map(Some),
        });
        let draft = Self {
            business_id: business_id.unwrap_or_default(),
            code: code.flatten(),
            description: fields.text("Description", DESCRIPTION_CHARACTERS_MAX),
            minutes_included: minutes_included.unwrap_or_default(),
            minutes_left: fields.integer("MinutesLeft", 0, MINUTES_MAX),
            valid_from: fields.time("ValidFrom"),
            valid_to: fields.time("ValidTo"),
            user_limit: fields.integer("UserLimit", 1, MINUTES_MAX),
            mac_address: fields.mac("MacAddress"),
            booking_guid: fields.uuid("BookingGuid"),
            visitor_guid: fields.uuid("VisitorGuid"),
            system_id: fields.text("SystemId", SYSTEM_ID_CHARACTERS_MAX),
            metering: fields.parsed("Metering", metering).unwrap_or_default(),
        };
        if let (Some(from), Some(to)) = (draft.valid_from, draft.valid_to)
            && from > to
        {
            fields.refuse("ValidTo", "may not be before ValidFrom");
        }
        let errors = fields.into_errors();
        if errors.is_empty() { Ok(draft) } else { Err(errors) }
    }

    fn to_new(&self, context: &Context, caller: &Caller) -> Result<NewToken, super::codes::GenerateError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let code = match &self.code {
            Some(code) => code.clone(),
            None => context.codes.generate()?,
        };
        Ok(NewToken {
            unique_id: uuid::Builder::from_random_bytes(random).into_uuid(),
            business_id: self.business_id,
            code,
            description: self.description.clone(),
            minutes_included: self.minutes_included,
            minutes_left: self.minutes_left,
            valid_from: self.valid_from,
            valid_to: self.valid_to,
            user_limit: self.user_limit,
            mac_address: self.mac_address,
            booking_guid: self.booking_guid,
            visitor_guid: self.visitor_guid,
            system_id: self.system_id.clone(),
            metering: self.metering,
            by: caller.name.clone(),
        })
    }
}

fn metering(text: &str) -> Result<Metering, &'static str> {
    [Metering::ConnectedTime, Metering::ElapsedTime]
        .into_iter()
        .find(|metering| record::metering(*metering) == text)
        .ok_or("must be ConnectedTime or ElapsedTime")
}

#[cfg(test)]
mod tests;
