//! `GET .../{id}`: shows a token.

use hyper::StatusCode;

use crate::http::{
    Context,
    answer::{self, Answer},
    auth::Caller,
    dialect::Dialect,
    endpoint::Asked,
    nexudus,
    record::Record,
};

/// Answers the record.
pub(super) async fn show(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let Some(id) = super::id(asked) else {
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
