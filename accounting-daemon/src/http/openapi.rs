//! `/openapi.json`: the API as OpenAPI 3.1 describes it, made from the endpoints themselves.

use std::sync::OnceLock;

use hyper::{Method, StatusCode, body::Bytes};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    answer::{self, Answer},
    describe::{self, Content, Describe, Says, Shape},
    endpoint::{Accepts, Access, Endpoint, Handler},
    router::ENDPOINTS,
};
use crate::metrics::Route;

/// The description itself.
pub(super) const ENDPOINT: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/openapi.json",
    route: Route::Openapi,
    accepts: Accepts::Nothing,
    handler: Handler::Open(|_, _| Box::pin(async { show() })),
    describe: Describe::new(
        "Describes this API as OpenAPI 3.1",
        &[Says::json(
            StatusCode::OK,
            "The description",
            |_| schemars::json_schema!({"type": "object"}),
        )],
    ),
}];

fn show() -> Answer {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| document().to_string().into());
    answer::bytes(
        StatusCode::OK,
        "application/json; charset=utf-8",
        document.clone(),
    )
}

/// The whole document.
pub(super) fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings = settings.with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    for endpoint in ENDPOINTS.iter().copied().flatten() {
        let path = paths
            .entry(endpoint.path)
            .or_insert_with(|| Value::Object(Map::new()));
        path[endpoint.method.as_str().to_lowercase()] = operation(endpoint, &mut schemas);
    }
    let mut components = schemas.take_definitions(true);
    components.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "accounting-daemon",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Access codes that carry minutes: the record API under `/api`, the gateway API under `/v1`.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    })
}

fn operation(endpoint: &Endpoint, schemas: &mut SchemaGenerator) -> Value {
    let describe = endpoint.describe;
    let mut operation = json!({
        "operationId": operation_id(endpoint),
        "summary": describe.summary,
        "tags": [tag(endpoint.path)],
        "responses": responses(endpoint, schemas),
    });
    let who = who(endpoint);
    if let Some(who) = &who {
        operation["description"] = who.as_str().into();
    }
    operation["security"] = match who {
        Some(_) => json!([{"basic": []}, {"bearer": []}]),
        None => json!([]),
    };
    let variables = variables(endpoint.path)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": variable(name)(schemas)}));
    let mut parameters: Vec<Value> = variables.collect();
    for parameter in describe.query {
        parameters.push(json!({
            "name": parameter.name,
            "in": "query",
            "description": parameter.about,
            "schema": (parameter.shape)(schemas),
        }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(shape) = describe.body {
        let schema = shape(schemas).to_value();
        let mut content = Map::new();
        for media_type in endpoint.accepts.media_types() {
            content.insert((*media_type).to_owned(), json!({"schema": schema}));
        }
        let required = !endpoint.accepts.needs_none();
        operation["requestBody"] = json!({"required": required, "content": content});
    }
    operation
}

/// One entry for each status: what several answers of a status have to say is told together.
fn responses(endpoint: &Endpoint, schemas: &mut SchemaGenerator) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    let mut says = endpoint.says();
    says.sort_by_key(|says| says.status);
    for Says {
        status,
        about,
        content,
    } in says
    {
        let response = responses
            .entry(status.as_str())
            .or_insert_with(|| json!({"description": about}));
        let told = response["description"].as_str().unwrap_or_default();
        if told != about {
            response["description"] = format!("{told}. {about}").into();
        }
        let Some(media_type) = content.media_type() else {
            continue;
        };
        let described = match content {
            Content::Json(shape) => json!({"schema": shape(schemas)}),
            Content::Problem => json!({"schema": {"$ref": "#/components/schemas/Problem"}}),
            Content::Nothing | Content::Other(_) => json!({"schema": {"type": "string"}}),
        };
        if response["content"].get(media_type).is_none() {
            response["content"][media_type] = described;
        }
    }
    responses.into()
}

/// Who may ask; `None`: anybody.
pub(super) fn who(endpoint: &Endpoint) -> Option<String> {
    match endpoint.handler {
        Handler::Open(_) => None,
        Handler::SignedIn(access, _) | Handler::AtLength(access, _) => Some(let_through(access)),
    }
}

fn let_through(access: Access) -> String {
    match access {
        Access::Administrator => "Administrators only.".to_owned(),
        Access::Roles(roles) | Access::RolesAfterRequest(roles) => {
            let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
            format!("Role: {}.", roles.join(" or "))
        }
        Access::Own | Access::OwnEvenLent => "Every user.".to_owned(),
    }
}

fn operation_id(endpoint: &Endpoint) -> String {
    let words = endpoint
        .path
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    format!("{}-{}", endpoint.method.as_str().to_lowercase(), words.join("-"))
}

/// The room of the API that a path is in.
pub(super) fn tag(path: &str) -> &'static str {
    match path {
        _ if path.starts_with("/api/") => "Record API",
        _ if path.starts_with("/v1/") => "Gateway API",
        _ => "Monitoring",
    }
}

fn variables(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn variable(name: &str) -> Shape {
    match name {
        "mac" => describe::mac,
        "id" => describe::id,
        _ => describe::text,
    }
}

/// RFC 9457, with the members of our own kinds.
fn problem() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457)",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "description": "`urn:accounting:` and the name of the problem, or `about:blank`"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "Errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["PropertyName", "Message"],
                    "properties": {"PropertyName": {"type": "string"}, "Message": {"type": "string"}},
                },
            },
            "ValidFrom": {"type": ["string", "null"]},
            "UserLimit": {"type": "integer"},
            "SeatsUsed": {"type": "integer"},
        },
    })
}

#[cfg(test)]
mod tests;
