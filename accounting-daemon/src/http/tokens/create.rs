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
    ledger::{AccessCode, CreateError},
};

/// How often a generated code may meet one that is in use. One time is already a sign of a space that is too small.
pub(super) const GENERATED_MAX: usize = 16;

/// Answers 200 with the token's number.
pub(super) async fn create(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let draft = super::fields(asked).map(|fields: Fields| Draft::read(fields, caller));
    let draft = match draft {
        Ok(Ok(draft)) => draft,
        Ok(Err(errors)) => return invalid(context, asked, errors).await,
        Err(error) => return nexudus::invalid_body(&error),
    };
    let attempts = if draft.code.is_none() { GENERATED_MAX } else { 1 };
    for _ in 0..attempts {
        let new = match draft.to_new(context, caller, 1) {
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
        Some(code) => nexudus::invalid(&[in_use(&code)]),
        None => {
            tracing::error!("every generated access code was in use: raise `codes.length`");
            nexudus::failed()
        }
    }
}

/// Tells every problem: also a code in use, which the engine is not asked about any more.
async fn invalid(context: &Context, asked: &Asked, mut errors: Vec<FieldError>) -> Answer {
    let fields = super::fields(asked).ok();
    let code = fields.and_then(|mut fields| fields.parsed("AccessCode", |text| AccessCode::new(text.trim())));
    if let Some(code) = code {
        let folded = code.folded();
        match context
            .read(move |reader, _| reader.codes_in_use(&[folded]))
            .await
        {
            Ok(used) if !used.is_empty() => errors.push(in_use(&code)),
            Ok(_) => {}
            Err(answer) => return answer,
        }
    }
    nexudus::invalid(&errors)
}

fn in_use(code: &AccessCode) -> FieldError {
    FieldError {
        property: "AccessCode",
        message: CreateError::CodeInUse.to_string().into(),
        attempted: code.as_str().into(),
    }
}
