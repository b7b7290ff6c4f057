//! The calls of the record API: who may make them, what they take, what they say of themselves.

use hyper::{Method, StatusCode};

use super::{commands, create, delete, edit, export, import, list, query, show};
use crate::{
    http::{
        auth::Role,
        describe::{self, Describe, Parameter, Says},
        endpoint::{Accepts, Access, Endpoint, Handler},
        nexudus,
        record::{self, Record},
    },
    metrics::Route,
};

const WRITTEN: Says = Says::json(StatusCode::OK, "It is done", nexudus::shape_of_written);

const DONE: Says = Says::json(
    StatusCode::OK,
    "Whether it is done: `WasSuccessful`",
    commands::shape_of_outcome,
);

/// A HEAD is answered as a GET, but who asks for a header wants nothing to happen.
const NO_HEAD: Says = Says::json(
    StatusCode::METHOD_NOT_ALLOWED,
    "A HEAD runs nothing",
    describe::message,
);

const TABLE: Says = Says::other(StatusCode::OK, "The table", "text/csv");

const RUN_COMMAND: Handler = Handler::SignedIn(Access::Roles(&[Role::Edit]), |context, caller, asked| {
    Box::pin(super::write(
        context,
        caller,
        commands::run(context, caller, asked),
    ))
});

const DRY_RUN: Parameter = Parameter::new("dryrun", query::flag, "Only tells what is wrong");

/// The record API.
pub(in crate::http) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/api/spaces/accesstokens",
        route: Route::Tokens,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Roles(&[Role::List]), |context, caller, asked| {
            Box::pin(list::list(context, caller, asked))
        }),
        describe: Describe::new(
            "A page of the tokens, filtered and sorted",
            &[
                Says::json(StatusCode::OK, "The page", list::shape_of_page),
                nexudus::INVALID,
            ],
        )
        .query(query::LIST),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/spaces/accesstokens",
        route: Route::Tokens,
        accepts: Accepts::JsonOrForm,
        handler: Handler::SignedIn(Access::Roles(&[Role::Create]), |context, caller, asked| {
            Box::pin(super::write(
                context,
                caller,
                create::create(context, caller, asked),
            ))
        }),
        describe: Describe::new("Makes a token", &[WRITTEN, nexudus::INVALID]).body(record::shape_of_new),
    },
    Endpoint {
        method: Method::PUT,
        path: "/api/spaces/accesstokens",
        route: Route::Tokens,
        accepts: Accepts::JsonOrForm,
        handler: Handler::SignedIn(Access::Roles(&[Role::Edit]), |context, caller, asked| {
            Box::pin(super::write(context, caller, edit::edit(context, caller, asked)))
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
            Box::pin(super::write(
                context,
                caller,
                delete::delete(context, caller, asked),
            ))
        }),
        describe: Describe::new(
            "Deletes a token and ends its sessions; its usage records stay",
            &[WRITTEN, nexudus::NOT_FOUND],
        ),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/spaces/accesstokens/commands",
        route: Route::TokenCommands,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Roles(&[Role::List]), |_, _, _| {
            Box::pin(async { commands::commands() })
        }),
        describe: Describe::new(
            "The commands for many tokens",
            &[Says::json(
                StatusCode::OK,
                "The commands",
                commands::shape_of_commands,
            )],
        ),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/spaces/accesstokens/runcommand",
        route: Route::TokenCommands,
        accepts: Accepts::JsonOrForm,
        handler: RUN_COMMAND,
        describe: Describe::new("Runs a command, all or nothing", &[DONE, nexudus::INVALID])
            .body(commands::shape_of_order),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/spaces/accesstokens/runcommand",
        route: Route::TokenCommands,
        accepts: Accepts::JsonFormOrNothing,
        handler: RUN_COMMAND,
        describe: Describe::new(
            "The same: some of that API's documents have it so",
            &[DONE, nexudus::INVALID, NO_HEAD],
        )
        .body(commands::shape_of_order),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/spaces/accesstokens/export",
        route: Route::TokenTable,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Roles(&[Role::List]), |context, caller, asked| {
            Box::pin(export::export(context, caller, asked))
        }),
        describe: Describe::new("The tokens as a table", &[TABLE, nexudus::INVALID]).query(query::FILTERS),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/spaces/accesstokens/import",
        route: Route::TokenTable,
        accepts: Accepts::Csv,
        handler: Handler::SignedIn(Access::Roles(&[Role::Create]), |context, caller, asked| {
            Box::pin(super::write(
                context,
                caller,
                import::import(context, caller, asked),
            ))
        }),
        describe: Describe::new(
            "Makes the tokens of a table, all or none",
            &[
                Says::json(StatusCode::OK, "They are made", import::shape_of_imported),
                nexudus::INVALID,
            ],
        )
        .query(&[DRY_RUN])
        .body(describe::text),
    },
];
