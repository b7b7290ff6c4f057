//! Problem documents (RFC 9457), the errors of the gateway API.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    answer::{self, Answer},
    fields::FieldError,
    times,
};
use crate::{
    engine::Unavailable,
    ledger::{RedeemError, ReleaseError},
};

pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// Seconds after which a busy engine is asked again.
pub(super) const BUSY_RETRY_S: u64 = 1;

/// The kinds of problems that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unauthenticated,
    MalformedRequest,
    Forbidden,
    TooManyAttempts,
    UnknownCode,
    WrongLocation,
    ClockNotSet,
    NotYetValid,
    Expired,
    Depleted,
    NoSeat,
    GateFull,
    Busy,
    NotFound,
    Conflict,
    Invalid,
}

/// A problem with its own words and members.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem {
    pub(super) kind: Kind,
    detail: String,
    members: Map<String, Value>,
    retry_after_s: Option<u64>,
}

impl Kind {
    /// Name, status and title.
    const fn parts(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::Unauthenticated => ("unauthenticated", StatusCode::UNAUTHORIZED, "Sign in first"),
            Self::MalformedRequest => (
                "malformed-request",
                StatusCode::BAD_REQUEST,
                "The request is malformed",
            ),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "Not allowed"),
            Self::TooManyAttempts => (
                "too-many-attempts",
                StatusCode::TOO_MANY_REQUESTS,
                "Too many attempts",
            ),
            Self::UnknownCode => ("unknown-code", StatusCode::NOT_FOUND, "Unknown access code"),
            Self::WrongLocation => (
                "wrong-location",
                StatusCode::FORBIDDEN,
                "Access code of another location",
            ),
            Self::ClockNotSet => (
                "clock-not-set",
                StatusCode::SERVICE_UNAVAILABLE,
                "The clock is not set",
            ),
            Self::NotYetValid => ("not-yet-valid", StatusCode::CONFLICT, "Access code not valid yet"),
            Self::Expired => ("expired", StatusCode::GONE, "Access code expired"),
            Self::Depleted => ("depleted", StatusCode::GONE, "No minutes left"),
            Self::NoSeat => (
                "no-seat",
                StatusCode::CONFLICT,
                "All devices of the access code are online",
            ),
            Self::GateFull => (
                "gate-full",
                StatusCode::SERVICE_UNAVAILABLE,
                "The gateway is full",
            ),
            Self::Busy => ("busy", StatusCode::SERVICE_UNAVAILABLE, "The gateway is busy"),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, "Not found"),
            Self::Conflict => ("conflict", StatusCode::CONFLICT, "In conflict with what is there"),
            Self::Invalid => (
                "invalid",
                StatusCode::UNPROCESSABLE_ENTITY,
                "A member has a value that cannot be",
            ),
        }
    }

    pub(super) const fn status(self) -> StatusCode {
        self.parts().1
    }

    pub(super) const fn title(self) -> &'static str {
        self.parts().2
    }
}

impl Problem {
    pub(super) fn new(kind: Kind, detail: impl std::fmt::Display) -> Self {
        Self {
            kind,
            detail: detail.to_string(),
            members: Map::new(),
            retry_after_s: None,
        }
    }

    pub(super) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    /// A request that cannot be understood, with everything that is wrong with it.
    pub(super) fn malformed(errors: &[FieldError]) -> Self {
        Self::of_members(Kind::MalformedRequest, errors)
    }

    /// Members that cannot be taken, with everything that is wrong with them.
    pub(super) fn invalid(errors: &[FieldError]) -> Self {
        Self::of_members(Kind::Invalid, errors)
    }

    fn of_members(kind: Kind, errors: &[FieldError]) -> Self {
        let each: Vec<_> = errors
            .iter()
            .map(|e| format!("{} {}", e.property, e.message))
            .collect();
        let list = errors
            .iter()
            .map(|e| json!({"PropertyName": e.property, "Message": e.message}));
        Self::new(kind, each.join("; ")).with("Errors", list.collect::<Value>())
    }

    pub(super) fn into_answer(self) -> Answer {
        let (name, status, title) = self.kind.parts();
        let answer = document(
            status,
            &format!("urn:accounting:{name}"),
            title,
            &self.detail,
            self.members,
        );
        match self.retry_after_s {
            Some(seconds) => answer::retry_after(answer, seconds),
            None => answer,
        }
    }
}

impl From<RedeemError> for Problem {
    fn from(error: RedeemError) -> Self {
        match error {
            RedeemError::TooManyAttempts { retry_after_s } => {
                Self::new(Kind::TooManyAttempts, error).retry_after(retry_after_s)
            }
            RedeemError::UnknownCode => Self::new(Kind::UnknownCode, error),
            RedeemError::WrongLocation => Self::new(Kind::WrongLocation, error),
            RedeemError::ClockNotSet => Self::new(Kind::ClockNotSet, error),
            RedeemError::NotYetValid { valid_from } => {
                Self::new(Kind::NotYetValid, error).with("ValidFrom", times::show(valid_from))
            }
            RedeemError::Expired => Self::new(Kind::Expired, error),
            RedeemError::Depleted => Self::new(Kind::Depleted, error),
            RedeemError::NoSeat {
                user_limit,
                seats_used,
                retry_after_s,
            } => {
                let problem = Self::new(Kind::NoSeat, error)
                    .with("UserLimit", user_limit)
                    .with("SeatsUsed", seats_used);
                match retry_after_s {
                    Some(seconds) => problem.retry_after(seconds),
                    None => problem,
                }
            }
            RedeemError::GateFull => Self::new(Kind::GateFull, error),
        }
    }
}

impl From<ReleaseError> for Problem {
    fn from(error: ReleaseError) -> Self {
        match error {
            ReleaseError::NotOnline => Self::new(Kind::NotFound, error),
            ReleaseError::SeveralZones => Self::new(Kind::Conflict, error),
        }
    }
}

/// What to answer when the engine did not.
pub(super) fn unavailable(reason: Unavailable) -> Answer {
    match reason {
        Unavailable::Busy | Unavailable::Stopping | Unavailable::Outage => Problem::new(Kind::Busy, reason)
            .retry_after(BUSY_RETRY_S)
            .into_answer(),
        Unavailable::Store => plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the store failed, and whether this was done is not known: see the daemon's log",
        ),
    }
}

/// A problem that is no more than its status.
pub(super) fn plain(status: StatusCode, detail: &str) -> Answer {
    document(
        status,
        "about:blank",
        status.canonical_reason().unwrap_or("Error"),
        detail,
        Map::new(),
    )
}

fn document(
    status: StatusCode,
    kind: &str,
    title: &str,
    detail: &str,
    members: Map<String, Value>,
) -> Answer {
    let mut document = Map::new();
    document.insert("type".to_owned(), kind.into());
    document.insert("title".to_owned(), title.into());
    document.insert("status".to_owned(), status.as_u16().into());
    document.insert("detail".to_owned(), detail.into());
    document.extend(members);
    answer::typed_json(status, MEDIA_TYPE, &document)
}
