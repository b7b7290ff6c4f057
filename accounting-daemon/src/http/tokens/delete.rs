//! `DELETE .../{id}`: deletes a token and revokes its sessions.

use crate::{
    engine::Refusal,
    http::{Context, answer::Answer, auth::Caller, dialect::Dialect, endpoint::Asked, nexudus},
};

/// Answers 200 without a value.
pub(super) async fn delete(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let Some(id) = super::id(asked) else {
        return nexudus::not_found();
    };
    match context.read(move |reader, _| reader.token(id)).await {
        Ok(Some(token)) if caller.sees(token.business_id) => {}
        Ok(_) => return nexudus::not_found(),
        Err(answer) => return answer,
    }
    match context.engine.delete(id, asked.actor(caller)).await {
        Ok(()) => nexudus::deleted(),
        Err(Refusal::Ledger(_)) => nexudus::not_found(),
        Err(Refusal::Unavailable(reason)) => Dialect::Record.unavailable(reason),
    }
}
