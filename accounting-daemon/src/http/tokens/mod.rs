//! `/api/spaces/accesstokens`: the record API, one call a file.

mod create;
mod delete;
mod draft;
mod edit;
mod show;

use hyper::{Method, StatusCode};

use super::{
    auth::Role,
    body::MediaType,
    describe::{self, Describe, Says},
    endpoint::{Accepts, Access, Asked, Endpoint, Handler},
    fields::{BodyError, Fields},
    nexudus,
    record::{self, Record},
};
use crate::{ledger::TokenId, metrics::Route};

/// What the descriptions say of a write.
const WRITTEN: Says = Says::json(StatusCode::OK, "It is done", nexudus::shape_of_written);

/// The record API.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::POST,
        path: "/api/spaces/accesstokens",
        route: Route::Tokens,
        accepts: Accepts::JsonOrForm,
        handler: Handler::SignedIn(Access::Roles(&[Role::Create]), |context, caller, asked| {
            Box::pin(create::create(context, caller, asked))
        }),
        describe: Describe::new("Makes a token", &[WRITTEN, nexudus::INVALID]).body(record::shape_of_new),
    },
    Endpoint {
        method: Method::PUT,
        path: "/api/spaces/accesstokens",
        route: Route::Tokens,
        accepts: Accepts::JsonOrForm,
        handler: Handler::SignedIn(Access::Roles(&[Role::Edit]), |context, caller, asked| {
            Box::pin(edit::edit(context, caller, asked))
        }),
        describe: Describe::new(
            "Changes a token: what is absent stays, null clears",
            &[WRITTEN, nexudus::INVALID, nexudus::NOT_FOUND],
        )
        .body(record::shape_of_changes),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/spaces/accesstokens/{id}",
        route: Route::Token,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Roles(&[Role::Read]), |context, caller, asked| {
            Box::pin(show::show(context, caller, asked))
        }),
        describe: Describe::new(
            "Shows a token",
            &[
                Says::json(StatusCode::OK, "The record", describe::of::<Record<'static>>),
                nexudus::NOT_FOUND,
            ],
        ),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/api/spaces/accesstokens/{id}",
        route: Route::Token,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Roles(&[Role::Delete]), |context, caller, asked| {
            Box::pin(delete::delete(context, caller, asked))
        }),
        describe: Describe::new(
            "Deletes a token and ends its sessions; its usage records stay",
            &[WRITTEN, nexudus::NOT_FOUND],
        ),
    },
];

/// The members of the body.
fn fields(asked: &Asked) -> Result<Fields, BodyError> {
    match asked.media_type {
        Some(MediaType::Form) => Fields::form(&asked.body),
        _ => Fields::json(&asked.body),
    }
}

/// The number in the path; `None` for anything that no token can have.
fn id(asked: &Asked) -> Option<TokenId> {
    let id = asked.variable.parse().ok()?;
    (1..=crate::ledger::ID_MAX).contains(&id).then_some(id)
}
