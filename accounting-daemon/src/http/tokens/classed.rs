//! `POST /v1/tokens`: makes a token of a class. `PUT /v1/tokens/{id}/email`: corrects the e-mail address that comes with its code.
//!
//! The record API cannot say either: its records have neither member. No answer has the address.

use hyper::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::draft::Draft;
use crate::{
    engine::Refusal,
    http::{
        Context,
        answer::{self, Answer},
        auth::{Caller, Role},
        describe::{self, Describe, Says},
        dialect::Dialect,
        endpoint::{Accepts, Access, Asked, Endpoint, Handler},
        fields::{BodyError, FieldError, Fields},
        problem::{self, Kind, Problem},
        record,
    },
    ledger::{Class, CreateError, EMAIL_CHARACTERS_MAX, Email, EmailError, SecondFactor, Token},
    metrics::Route,
};

/// Tokens of classes.
pub(in crate::http) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::POST,
        path: "/v1/tokens",
        route: Route::ClassedTokens,
        accepts: Accepts::Json,
        handler: Handler::SignedIn(Access::Roles(&[Role::Create]), |context, caller, asked| {
            Box::pin(create(context, caller, asked))
        }),
        describe: Describe::new(
            "Makes a token of a class; an e-mail address that is given must come with its code at every redemption",
            &[Says::json(StatusCode::CREATED, "The token", shape_of_made)],
        )
        .body(shape)
        .problems(&[Kind::Invalid]),
    },
    Endpoint {
        method: Method::PUT,
        path: "/v1/tokens/{id}/email",
        route: Route::TokenEmail,
        accepts: Accepts::Json,
        handler: Handler::SignedIn(Access::Roles(&[Role::Edit]), |context, caller, asked| {
            Box::pin(set_email(context, caller, asked))
        }),
        describe: Describe::new(
            "Sets the e-mail address that must come with a code, of a token that has one",
            &[Says::nothing(StatusCode::NO_CONTENT, "It is set")],
        )
        .body(shape_of_email)
        .problems(&[Kind::NotFound, Kind::Invalid]),
    },
];

/// How often a generated code may meet one that is in use. In a space of 100,000 codes of which nine in ten are taken, all of them
/// do once in a million million tokens.
const GENERATED_MAX: usize = 256;

fn email_schema() -> serde_json::Value {
    json!({
        "type": ["string", "null"],
        "maxLength": EMAIL_CHARACTERS_MAX,
        "description": "Must come with the code; kept as a hash, never read. Required where the class has short codes",
    })
}

fn shape(schemas: &mut SchemaGenerator) -> Schema {
    let mut schema = record::shape_of_new(schemas);
    schema.insert(
        "required".to_owned(),
        json!(["Class", "BusinessId", "MinutesIncluded"]),
    );
    if let Some(members) = schema
        .get_mut("properties")
        .and_then(serde_json::Value::as_object_mut)
    {
        members.insert(
            "Class".to_owned(),
            json!({"type": "string", "description": "Visitor or Booking"}),
        );
        members.insert("Email".to_owned(), email_schema());
    }
    schema
}

fn shape_of_made(schemas: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["Id", "AccessCode", "Class"],
        "properties": {
            "Id": describe::id(schemas),
            "AccessCode": {"type": "string"},
            "Class": {"type": "string"},
        },
    })
}

fn shape_of_email(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["Email"],
        "properties": {"Email": email_schema()},
    })
}

/// What a token of a class is made of.
struct Classed {
    class: Class,
    email: Option<Email>,
    draft: Draft,
}

/// Answers number and code.
async fn create(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let needs_email = |class| context.codes.needs_email(class);
    let Classed {
        class,
        email,
        mut draft,
    } = match parse(&asked.body, caller, needs_email) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.into_answer(),
    };
    let given = draft.code.is_some();
    let attempts = if given { 1 } else { GENERATED_MAX };
    for _ in 0..attempts {
        let made = make(context, caller, class, email.as_ref(), &mut draft, given);
        let new = match made {
            Ok(new) => new,
            Err(error) => {
                tracing::error!(%error, "no token was made");
                return Dialect::Gateway.failed();
            }
        };
        match context.engine.create(new, asked.actor(caller)).await {
            Ok(token) => {
                context.codes.created(token.id);
                return made_answer(&token, class);
            }
            Err(Refusal::Ledger(CreateError::CodeInUse)) => {}
            Err(Refusal::Ledger(error @ CreateError::NoIdLeft)) => {
                tracing::error!(%error, "no token was made");
                return Dialect::Gateway.failed();
            }
            Err(Refusal::Unavailable(reason)) => return problem::unavailable(reason),
        }
    }
    let error = if given {
        let code = draft.code.as_ref().map(|code| code.as_str().into());
        FieldError {
            property: "AccessCode",
            message: CreateError::CodeInUse.to_string().into(),
            attempted: code.unwrap_or_default(),
        }
    } else {
        FieldError {
            property: "Class",
            message: format!("has no code left: raise `codes.{}.length`", class.as_str()).into(),
            attempted: shown(class).into(),
        }
    };
    Problem::invalid(&[error]).into_answer()
}

fn make(
    context: &Context,
    caller: &Caller,
    class: Class,
    email: Option<&Email>,
    draft: &mut Draft,
    given: bool,
) -> Result<crate::ledger::NewToken, crate::http::GenerateError> {
    if !given {
        draft.code = Some(context.codes.generate_of_class(class)?);
    }
    let mut new = draft.to_new(context, caller, 1)?;
    new.factor = email.map(|email| factor(class, email)).transpose()?;
    Ok(new)
}

/// What is kept of an address.
fn factor(class: Class, email: &Email) -> Result<SecondFactor, getrandom::Error> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt)?;
    Ok(SecondFactor::new(class, email, salt))
}

fn made_answer(token: &Token, class: Class) -> Answer {
    let made = json!({"Id": token.id, "AccessCode": token.code.as_str(), "Class": shown(class)});
    answer::json(StatusCode::CREATED, &made)
}

/// Answers nothing. Only a token that has an address can have another: its class says so.
async fn set_email(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let Some(id) = super::id(asked) else {
        return not_found();
    };
    let email = match parse_email(&asked.body) {
        Ok(email) => email,
        Err(problem) => return problem.into_answer(),
    };
    match context.engine.token(id).await {
        Ok(Some(view)) if caller.sees(view.token.business_id) => {}
        Ok(_) => return not_found(),
        Err(reason) => return problem::unavailable(reason),
    }
    let mut salt = [0; 16];
    if let Err(error) = getrandom::fill(&mut salt) {
        tracing::error!(%error, "no address was set");
        return Dialect::Gateway.failed();
    }
    match context
        .engine
        .set_email(id, email, salt, asked.actor(caller))
        .await
    {
        Ok(()) => answer::empty(StatusCode::NO_CONTENT),
        Err(Refusal::Ledger(_)) => not_found(),
        Err(Refusal::Unavailable(reason)) => problem::unavailable(reason),
    }
}

fn not_found() -> Answer {
    let detail = "no token of this number is redeemed together with an e-mail address";
    Problem::new(Kind::NotFound, detail).into_answer()
}

fn parse(body: &[u8], caller: &Caller, needs_email: impl Fn(Class) -> bool) -> Result<Classed, Problem> {
    let mut fields = Fields::json(body).map_err(malformed)?;
    let class = fields.parsed("Class", class);
    let class = fields.require("Class", class);
    let email = email(&mut fields);
    if class.is_some_and(needs_email) {
        fields.require("Email", email.as_ref());
    }
    let draft = Draft::read(fields, caller).map_err(|errors| Problem::invalid(&errors))?;
    // Without a class there is an error above.
    let class = class.ok_or_else(|| Problem::invalid(&[]))?;
    Ok(Classed { class, email, draft })
}

fn parse_email(body: &[u8]) -> Result<Email, Problem> {
    let mut fields = Fields::json(body).map_err(malformed)?;
    let email = email(&mut fields);
    let email = fields.require("Email", email);
    email.ok_or_else(|| Problem::invalid(&fields.into_errors()))
}

fn malformed(error: BodyError) -> Problem {
    Problem::new(Kind::MalformedRequest, format!("the body {error}"))
}

fn email(fields: &mut Fields) -> Option<Email> {
    let email = fields.parsed("Email", |text| match text.trim() {
        "" => Ok::<_, EmailError>(None),
        text => Email::new(text).map(Some),
    });
    email.flatten()
}

const fn shown(class: Class) -> &'static str {
    match class {
        Class::Visitor => "Visitor",
        Class::Booking => "Booking",
    }
}

fn class(text: &str) -> Result<Class, &'static str> {
    let mut classes = Class::ALL.into_iter();
    classes
        .find(|class| shown(*class) == text)
        .ok_or("must be Visitor or Booking")
}

#[cfg(test)]
#[path = "classed_tests.rs"]
mod tests;
