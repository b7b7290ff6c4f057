//! `GET .../{id}`: shows a token.

use hyper::StatusCode;

use crate::http::{
    Context,
    answer::{self, Answer},
    auth::Caller,
    endpoint::Asked,
    nexudus,
    record::Record,
};

/// Answers the record.
pub(super) async fn show(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let Some(id) = super::id(asked) else {
        return nexudus::not_found();
    };
    match context.read_token(id).await {
        Ok(Some(token)) if caller.sees(token.business_id) => {
            answer::json(StatusCode::OK, &Record::from(&token))
        }
        Ok(_) => nexudus::not_found(),
        Err(answer) => answer,
    }
}
