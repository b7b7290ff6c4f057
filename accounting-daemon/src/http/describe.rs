//! What an endpoint says of itself: the source of `/openapi.json` and of `docs/API.md`.
//!
//! What every endpoint may meet before its handler (signing in, reading the body, a busy engine) is not repeated in the
//! rows: it follows from the row's other fields.

use hyper::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    dialect::Dialect,
    endpoint::{Accepts, Endpoint, Handler},
    problem::Kind,
};

/// Makes the JSON schema of a value.
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// The description of an endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Describe {
    /// What it does, in a line without a full stop.
    pub(super) summary: &'static str,
    /// What its query may hold.
    pub(super) query: &'static [Parameter],
    /// The body that it takes; none where it accepts none.
    pub(super) body: Option<Shape>,
    /// The answers that are its own.
    pub(super) answers: &'static [Says],
    /// The problem documents that are its own.
    pub(super) problems: &'static [Kind],
}

/// One parameter of a query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// What it means, in a line.
    pub(super) about: &'static str,
}

/// One answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Says {
    pub(super) status: StatusCode,
    /// What it means, in a line.
    pub(super) about: &'static str,
    pub(super) content: Content,
}

/// The body of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    Nothing,
    Json(Shape),
    /// A media type without a schema.
    Other(&'static str),
    /// A problem document.
    Problem,
}

impl Parameter {
    pub(super) const fn new(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, about }
    }
}

impl Describe {
    /// One that takes nothing and meets nothing of its own.
    pub(super) const fn new(summary: &'static str, answers: &'static [Says]) -> Self {
        Self {
            summary,
            query: &[],
            body: None,
            answers,
            problems: &[],
        }
    }

    pub(super) const fn query(mut self, query: &'static [Parameter]) -> Self {
        self.query = query;
        self
    }

    pub(super) const fn body(mut self, body: Shape) -> Self {
        self.body = Some(body);
        self
    }

    pub(super) const fn problems(mut self, problems: &'static [Kind]) -> Self {
        self.problems = problems;
        self
    }
}

impl Says {
    pub(super) const fn json(status: StatusCode, about: &'static str, shape: Shape) -> Self {
        let content = Content::Json(shape);
        Self {
            status,
            about,
            content,
        }
    }

    pub(super) const fn nothing(status: StatusCode, about: &'static str) -> Self {
        Self {
            status,
            about,
            content: Content::Nothing,
        }
    }

    pub(super) const fn other(status: StatusCode, about: &'static str, media_type: &'static str) -> Self {
        Self {
            status,
            about,
            content: Content::Other(media_type),
        }
    }

    const fn problem(status: StatusCode, about: &'static str) -> Self {
        Self {
            status,
            about,
            content: Content::Problem,
        }
    }
}

impl Content {
    /// As in `Content-Type`, without parameters.
    pub(super) const fn media_type(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Json(_) => Some("application/json"),
            Self::Other(media_type) => Some(media_type),
            Self::Problem => Some(super::problem::MEDIA_TYPE),
        }
    }
}

impl Endpoint {
    /// Every answer that it may give, its own first; several may share a status.
    pub(super) fn says(&self) -> Vec<Says> {
        let own = self.describe.answers.iter().copied();
        let problems = self.describe.problems.iter();
        let problems = problems.map(|kind| Says::problem(kind.status(), kind.title()));
        own.chain(problems).chain(self.shared()).collect()
    }

    /// Whether a status is among them.
    pub(super) fn documents(&self, status: StatusCode) -> bool {
        self.says().iter().any(|says| says.status == status)
    }

    /// What the edge may answer in its place.
    fn shared(&self) -> Vec<Says> {
        let signs_in = !matches!(self.handler, Handler::Open(_));
        let reads = self.accepts != Accepts::Nothing;
        let record = Dialect::of(self.path) == Dialect::Record;
        let says = |status, about| {
            if record {
                Says::json(status, about, message)
            } else {
                Says::problem(status, about)
            }
        };
        let mut shared = vec![
            says(StatusCode::REQUEST_TIMEOUT, "The request took too long to arrive"),
            says(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The store or the daemon failed: see its log",
            ),
        ];
        if record {
            let throttled = "Too many requests, or the engine is busy: ask again after `Retry-After`";
            shared.push(Says::nothing(StatusCode::CONFLICT, throttled));
        } else {
            shared.push(says(
                StatusCode::SERVICE_UNAVAILABLE,
                "The engine is busy: ask again after `Retry-After`",
            ));
            shared.push(says(StatusCode::BAD_REQUEST, "The request is malformed"));
        }
        if self.path.starts_with("/v1/") {
            shared.push(says(
                StatusCode::NOT_ACCEPTABLE,
                "`Accept` names nothing that can be given",
            ));
        }
        if signs_in {
            shared.push(says(StatusCode::UNAUTHORIZED, "Credentials are missing or wrong"));
        }
        if signs_in && record {
            shared.push(says(
                StatusCode::FORBIDDEN,
                "At the Unix socket: neither root nor the daemon's own user or group",
            ));
        }
        if signs_in && !record {
            shared.push(says(StatusCode::FORBIDDEN, "The role for this is missing"));
            shared.push(says(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many failed attempts: ask again after `Retry-After`",
            ));
        }
        if reads {
            shared.push(says(StatusCode::BAD_REQUEST, "The body ended early"));
            shared.push(says(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"));
            shared.push(says(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The body is of another media type",
            ));
        }
        shared
    }
}

/// The shape of a type.
pub(super) fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The shape of a whole number from 0 to 65535.
pub(super) fn zone(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 0, "maximum": 65535})
}

/// The shape of a MAC address.
pub(super) fn mac(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^([0-9A-Fa-f]{12}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}([.][0-9A-Fa-f]{4}){2})$",
        "description": "AA:BB:CC:DD:EE:FF; with dashes, in dotted triples and bare it is taken too",
    })
}

/// The shape of a text.
pub(super) fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string"})
}

/// The shape of the number of a token.
pub(super) fn id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "maximum": i64::MAX})
}

/// The shape of a time.
pub(super) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "description": "2025-01-15T10:30:00Z; without an offset it is UTC"})
}

/// `{"Message": text}`, the record API's way of saying no.
pub(super) fn message(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "required": ["Message"], "properties": {"Message": {"type": "string"}}})
}

/// The parameter that names a zone.
pub(super) const ZONE: Parameter = Parameter::new(
    "Zone",
    zone,
    "The zone of the device; needed where the address is in several",
);

/// Both parameters of a list.
pub(super) const AFTER: Parameter = Parameter::new("After", text, "`Next` of the page before");

/// See [`AFTER`].
pub(super) const SIZE: Parameter = Parameter::new("Size", size, "Records of a page");

/// Both parameters of a span of time.
pub(super) const FROM: Parameter = Parameter::new("From", time, "Not before");

/// See [`FROM`].
pub(super) const TO: Parameter = Parameter::new("To", time, "Not after");

fn size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 25})
}
