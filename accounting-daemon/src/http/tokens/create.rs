//! `POST`: makes a token.

use super::draft::Draft;
use crate::{
    engine::Refusal,
    http::{
        Context,
        answer::Answer,
        auth::Caller,
        dialect::Dialect,
        endpoint::Asked,
        fields::{FieldError, Fields},
        nexudus, record,
    },
    ledger::CreateError,
};

/// How often a generated code may meet one that is in use. One time is already a sign of a space that is too small.
pub(super) const GENERATED_MAX: usize = 16;

/// Answers 200 with the token's number.
pub(super) async fn create(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let draft = super::fields(asked).map(|fields: Fields| Draft::read(fields, caller));
    let draft = match draft {
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
        match context.engine.create(new, asked.actor(caller)).await {
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
