//! The rows of `/v1/users`, and the shapes of what they take and answer.

use hyper::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{create, delete, edit, list, show};
use crate::{
    http::{
        accounts::{BUSINESS_IDS, ROLES, answered},
        describe,
        describe::{Describe, Says},
        endpoint::{Accepts, Access, Endpoint, Handler},
        list as lists,
        problem::Kind,
    },
    metrics::Route,
};

/// Users.
pub(in crate::http) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/v1/users",
        route: Route::Users,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Administrator, |context, _, asked| {
            Box::pin(list(context, asked))
        }),
        describe: Describe::new("Lists the users by e-mail address", &[Says::json(StatusCode::OK, "A page", shapes)])
            .query(&[describe::AFTER, describe::SIZE]),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/users",
        route: Route::Users,
        accepts: Accepts::Json,
        handler: Handler::SignedIn(Access::Administrator, |context, caller, asked| {
            Box::pin(async { answered(create(context, caller, asked).await) })
        }),
        describe: Describe::new("Makes a user", &[Says::json(StatusCode::CREATED, "The user", shape)])
            .body(given)
            .problems(&[Kind::Conflict, Kind::Invalid]),
    },
    Endpoint {
        method: Method::GET,
        path: "/v1/users/{email}",
        route: Route::User,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Administrator, |context, _, asked| {
            Box::pin(async { answered(show(context, asked).await) })
        }),
        describe: Describe::new("Shows a user", &[Says::json(StatusCode::OK, "The user", shape)])
            .problems(&[Kind::NotFound]),
    },
    Endpoint {
        method: Method::PUT,
        path: "/v1/users/{email}",
        route: Route::User,
        accepts: Accepts::Json,
        handler: Handler::SignedIn(Access::Administrator, |context, caller, asked| {
            Box::pin(async { answered(edit(context, caller, asked).await) })
        }),
        describe: Describe::new(
            "Changes a user, except for the members that are absent; null clears one. All that was given to them is revoked",
            &[Says::json(StatusCode::OK, "The user", shape)],
        )
        .body(given)
        .problems(&[Kind::NotFound, Kind::Conflict, Kind::Invalid]),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/v1/users/{email}",
        route: Route::User,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Administrator, |context, caller, asked| {
            Box::pin(async { answered(delete(context, caller, asked).await) })
        }),
        describe: Describe::new(
            "Deletes a user, unless it is the last administrator who can sign in",
            &[Says::nothing(StatusCode::NO_CONTENT, "They are gone")],
        )
        .problems(&[Kind::NotFound, Kind::Conflict]),
    },
];

fn members() -> Value {
    json!({
        "Email": {"type": "string", "description": "Compared without case"},
        "Roles": ROLES.clone(),
        "Administrator": {"type": "boolean", "description": "May do everything"},
        "BusinessIds": BUSINESS_IDS.clone(),
        "Disabled": {"type": "boolean", "description": "Is kept out"},
        "MustResetPassword": {"type": "boolean", "description": "Can do nothing but change the password"},
        "TwoFactor": {
            "type": "boolean",
            "description": "Signs in with a one-time code too; can be switched off here, and on by the user only",
        },
    })
}

fn shape(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "required": ["Email"], "properties": members()})
}

fn shapes(_: &mut SchemaGenerator) -> Schema {
    lists::shape(&json!({"type": "object", "required": ["Email"], "properties": members()}))
}

fn given(_: &mut SchemaGenerator) -> Schema {
    let mut members = members();
    members["Password"] = json!({"type": "string", "description": "Needed for a new user; never shown"});
    json_schema!({"type": "object", "properties": members})
}
