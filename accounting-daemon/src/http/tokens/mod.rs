//! `/api/spaces/accesstokens`: the record API, one call a file.

mod cell;
mod column;
mod commands;
#[cfg(test)]
mod conformance;
mod create;
mod delete;
mod draft;
mod edit;
mod export;
mod filter;
mod import;
mod list;
mod many;
mod select;
mod show;

use hyper::Method;

use super::{
    Context,
    answer::Answer,
    auth::{Caller, Role},
    body::MediaType,
    endpoint::{Accepts, Access, Asked, Endpoint, Handler},
    fields::{BodyError, Fields},
    nexudus,
};
use crate::{ledger::TokenId, metrics::Route};

/// The record API.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/api/spaces/accesstokens",
        route: Route::Tokens,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Roles(&[Role::List]), |context, caller, asked| {
            Box::pin(list::list(context, caller, asked))
        }),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/spaces/accesstokens",
        route: Route::Tokens,
        accepts: Accepts::JsonOrForm,
        handler: Handler::SignedIn(Access::Roles(&[Role::Create]), |context, caller, asked| {
            Box::pin(write(context, caller, create::create(context, caller, asked)))
        }),
    },
    Endpoint {
        method: Method::PUT,
        path: "/api/spaces/accesstokens",
        route: Route::Tokens,
        accepts: Accepts::JsonOrForm,
        handler: Handler::SignedIn(Access::Roles(&[Role::Edit]), |context, caller, asked| {
            Box::pin(write(context, caller, edit::edit(context, caller, asked)))
        }),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/spaces/accesstokens/{id}",
        route: Route::Token,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Roles(&[Role::Read]), |context, caller, asked| {
            Box::pin(show::show(context, caller, asked))
        }),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/api/spaces/accesstokens/{id}",
        route: Route::Token,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Roles(&[Role::Delete]), |context, caller, asked| {
            Box::pin(write(context, caller, delete::delete(context, caller, asked)))
        }),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/spaces/accesstokens/commands",
        route: Route::TokenCommands,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Roles(&[Role::List]), |_, _, _| {
            Box::pin(async { commands::commands() })
        }),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/spaces/accesstokens/runcommand",
        route: Route::TokenCommands,
        accepts: Accepts::JsonOrForm,
        handler: RUN_COMMAND,
    },
    // That API's documents have it so.
    Endpoint {
        method: Method::GET,
        path: "/api/spaces/accesstokens/runcommand",
        route: Route::TokenCommands,
        accepts: Accepts::JsonOrForm,
        handler: RUN_COMMAND,
    },
    Endpoint {
        method: Method::GET,
        path: "/api/spaces/accesstokens/export",
        route: Route::TokenTable,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Roles(&[Role::List]), |context, caller, asked| {
            Box::pin(export::export(context, caller, asked))
        }),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/spaces/accesstokens/import",
        route: Route::TokenTable,
        accepts: Accepts::Csv,
        handler: Handler::SignedIn(Access::Roles(&[Role::Create]), |context, caller, asked| {
            Box::pin(write(context, caller, import::import(context, caller, asked)))
        }),
    },
];

const RUN_COMMAND: Handler = Handler::SignedIn(Access::Roles(&[Role::Edit]), |context, caller, asked| {
    Box::pin(write(context, caller, commands::run(context, caller, asked)))
});

/// Writes, unless the caller has written too much.
async fn write(context: &Context, caller: &Caller, work: impl Future<Output = Answer>) -> Answer {
    match context.writes.take(&caller.name, (context.clock)().monotonic) {
        Some(wait) => nexudus::throttled(wait),
        None => work.await,
    }
}

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
