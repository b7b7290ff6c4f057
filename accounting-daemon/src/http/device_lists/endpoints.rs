//! The rows of `/v1/bypass` and `/v1/block`, alike for both, and the shapes of what they take and answer.

use hyper::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator, json_schema};

use super::{Entry, NOTE_CHARACTERS_MAX, delete, list, put, show};
use crate::{
    http::{
        Context,
        auth::{Caller, Role},
        describe::{self, Describe, Says},
        endpoint::{Accepts, Access, Answering, Asked, Endpoint, Handler},
        list as lists,
        problem::Kind,
    },
    metrics::Route,
    store::ListKind,
};

/// Bypass list and block list.
pub(in crate::http) const ENDPOINTS: &[Endpoint] = &[
    list_of("/v1/bypass", Route::Bypasses, |context, caller, asked| {
        Box::pin(list(ListKind::Bypass, context, caller, asked))
    }),
    show_of("/v1/bypass/{mac}", Route::Bypass, |context, caller, asked| {
        Box::pin(show(ListKind::Bypass, context, caller, asked))
    }),
    put_of("/v1/bypass/{mac}", Route::Bypass, |context, caller, asked| {
        Box::pin(put(ListKind::Bypass, context, caller, asked))
    }),
    delete_of("/v1/bypass/{mac}", Route::Bypass, |context, caller, asked| {
        Box::pin(delete(ListKind::Bypass, context, caller, asked))
    }),
    list_of("/v1/block", Route::Blocks, |context, caller, asked| {
        Box::pin(list(ListKind::Block, context, caller, asked))
    }),
    show_of("/v1/block/{mac}", Route::Block, |context, caller, asked| {
        Box::pin(show(ListKind::Block, context, caller, asked))
    }),
    put_of("/v1/block/{mac}", Route::Block, |context, caller, asked| {
        Box::pin(put(ListKind::Block, context, caller, asked))
    }),
    delete_of("/v1/block/{mac}", Route::Block, |context, caller, asked| {
        Box::pin(delete(ListKind::Block, context, caller, asked))
    }),
];

type Answers = for<'a> fn(&'a Context, &'a Caller, &'a Asked) -> Answering<'a>;

const ENTRY: Says = Says::json(StatusCode::OK, "The entry", describe::of::<Entry<'static>>);

const fn endpoint(
    method: Method,
    path: &'static str,
    route: Route,
    accepts: Accepts,
    answers: Answers,
    describe: Describe,
) -> Endpoint {
    Endpoint {
        method,
        path,
        route,
        accepts,
        handler: Handler::SignedIn(Access::Roles(&[Role::Edit]), answers),
        describe,
    }
}

const fn list_of(path: &'static str, route: Route, answers: Answers) -> Endpoint {
    let says = const { &[Says::json(StatusCode::OK, "A page", shape)] };
    let describe =
        Describe::new("Lists the devices of this list", says).query(&[describe::AFTER, describe::SIZE]);
    endpoint(Method::GET, path, route, Accepts::Nothing, answers, describe)
}

const fn show_of(path: &'static str, route: Route, answers: Answers) -> Endpoint {
    let describe = Describe::new("Shows what is said of a device on this list", &[ENTRY])
        .query(&[describe::ZONE])
        .problems(&[Kind::NotFound, Kind::Conflict]);
    endpoint(Method::GET, path, route, Accepts::Nothing, answers, describe)
}

const fn put_of(path: &'static str, route: Route, answers: Answers) -> Endpoint {
    let says = const {
        &[
            ENTRY,
            Says::json(
                StatusCode::CREATED,
                "The entry, which is new",
                describe::of::<Entry<'static>>,
            ),
        ]
    };
    let describe = Describe::new("Puts a device on this list; who is blocked is cut at once", says)
        .query(&[describe::ZONE])
        .body(shape_of_put)
        .problems(&[Kind::Forbidden, Kind::Conflict, Kind::Invalid]);
    endpoint(Method::PUT, path, route, Accepts::Json, answers, describe)
}

const fn delete_of(path: &'static str, route: Route, answers: Answers) -> Endpoint {
    let says = const { &[Says::nothing(StatusCode::NO_CONTENT, "It is off the list")] };
    let describe = Describe::new("Takes a device off this list", says)
        .query(&[describe::ZONE])
        .problems(&[Kind::NotFound, Kind::Conflict]);
    endpoint(Method::DELETE, path, route, Accepts::Nothing, answers, describe)
}

fn shape(schemas: &mut SchemaGenerator) -> Schema {
    lists::shape(&describe::of::<Entry<'static>>(schemas).to_value())
}

fn shape_of_put(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "Zone": {
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": 65535,
                "description": "Where the device is; that of the query, else the only zone, or zone 0",
            },
            "Note": {
                "type": ["string", "null"],
                "maxLength": NOTE_CHARACTERS_MAX,
                "description": "Why it is listed",
            },
            "Until": {
                "type": ["string", "null"],
                "description": "When it is taken off, such as 2025-01-15T10:30:00Z; for good when absent",
            },
        },
    })
}
