//! The two ways of saying that something went wrong: the record API's and the gateway API's.

use hyper::{
    StatusCode,
    header::{ACCEPT_ENCODING, ALLOW, HeaderValue, WWW_AUTHENTICATE},
};

use super::{
    answer::{self, Answer},
    auth::Denied,
    endpoint::Access,
    nexudus,
    problem::{self, BUSY_RETRY_S, Kind, Problem},
};
use crate::engine::Unavailable;

/// Which API a path belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `/api/...`.
    Record,
    /// `/v1/...` and everything else.
    Gateway,
}

impl Dialect {
    pub(super) fn of(path: &str) -> Self {
        if path == "/api" || path.starts_with("/api/") {
            Self::Record
        } else {
            Self::Gateway
        }
    }

    pub(super) fn not_found(self) -> Answer {
        match self {
            Self::Record => nexudus::not_found(),
            Self::Gateway => Problem::new(Kind::NotFound, "there is nothing at this path").into_answer(),
        }
    }

    /// `allow` as in the header of that name.
    pub(super) fn method_not_allowed(self, allow: &str) -> Answer {
        let text = "The requested resource does not support this http method.";
        let answer = self.status(StatusCode::METHOD_NOT_ALLOWED, text);
        match HeaderValue::from_str(allow) {
            Ok(allow) => answer::with(answer, ALLOW, allow),
            Err(_) => answer,
        }
    }

    pub(super) fn not_acceptable(self) -> Answer {
        let text = "nothing that `Accept` names can be given";
        self.status(StatusCode::NOT_ACCEPTABLE, text)
    }

    /// `taken`: the media types of bodies that are read.
    pub(super) fn unsupported_media_type(self, taken: &[&str]) -> Answer {
        let taken = taken.join(" or ");
        let text = match self {
            Self::Record => format!("The request entity's media type is not supported: use {taken}."),
            Self::Gateway => format!("the body must be {taken}"),
        };
        answer::closing(self.status(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text))
    }

    /// The body is compressed.
    pub(super) fn coded(self) -> Answer {
        let text = "the body may not be compressed: send it without `Content-Encoding`";
        let answer = answer::closing(self.status(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        answer::with(answer, ACCEPT_ENCODING, HeaderValue::from_static("identity"))
    }

    pub(super) fn too_large(self, bytes_max: usize) -> Answer {
        let text = format!("the body has more than {bytes_max} bytes");
        answer::closing(self.status(StatusCode::PAYLOAD_TOO_LARGE, &text))
    }

    pub(super) fn too_slow(self) -> Answer {
        let text = "the request took too long to arrive";
        answer::closing(self.status(StatusCode::REQUEST_TIMEOUT, text))
    }

    pub(super) fn cut_off(self) -> Answer {
        answer::closing(self.status(StatusCode::BAD_REQUEST, "the body ended early"))
    }

    /// The engine did not answer in time, or not at all.
    pub(super) fn unavailable(self, reason: Unavailable) -> Answer {
        match (self, reason) {
            (Self::Record, Unavailable::Store) => nexudus::failed(),
            (Self::Record, _) => nexudus::throttled(BUSY_RETRY_S),
            (Self::Gateway, _) => problem::unavailable(reason),
        }
    }

    /// A defect of the daemon.
    pub(super) fn failed(self) -> Answer {
        match self {
            Self::Record => nexudus::failed(),
            Self::Gateway => problem::plain(StatusCode::INTERNAL_SERVER_ERROR, "see the daemon's log"),
        }
    }

    pub(super) fn denied(self, denied: &Denied) -> Answer {
        match (self, denied) {
            (_, Denied::Unauthenticated | Denied::TwoFactor | Denied::MustReset) => {
                let answer = match self {
                    Self::Record => nexudus::message(
                        StatusCode::UNAUTHORIZED,
                        "Authorization has been denied for this request.",
                    ),
                    Self::Gateway => Problem::new(Kind::Unauthenticated, denied).into_answer(),
                };
                let scheme = HeaderValue::from_static("Basic realm=\"accounting\", charset=\"UTF-8\"");
                answer::with(answer, WWW_AUTHENTICATE, scheme)
            }
            (Self::Record, Denied::Stranger { .. }) => {
                nexudus::message(StatusCode::FORBIDDEN, &denied.to_string())
            }
            (Self::Gateway, Denied::Stranger { .. }) => Problem::new(Kind::Forbidden, denied).into_answer(),
            (Self::Record, Denied::Throttled { retry_after_s }) => nexudus::throttled(*retry_after_s),
            (Self::Gateway, Denied::Throttled { retry_after_s }) => {
                Problem::new(Kind::TooManyAttempts, "too many failed attempts to sign in")
                    .retry_after(*retry_after_s)
                    .into_answer()
            }
            (_, Denied::Busy) => self.unavailable(Unavailable::Busy),
            (_, Denied::Failed) => self.failed(),
        }
    }

    /// The caller is known, and may not do this.
    pub(super) fn forbidden(self, access: Access) -> Answer {
        match self {
            // That API tells a missing role and missing credentials alike.
            Self::Record => nexudus::message(
                StatusCode::UNAUTHORIZED,
                "Authorization has been denied for this request.",
            ),
            Self::Gateway => Problem::new(Kind::Forbidden, access.needed()).into_answer(),
        }
    }

    fn status(self, status: StatusCode, text: &str) -> Answer {
        match self {
            Self::Record => nexudus::message(status, text),
            Self::Gateway => problem::plain(status, text),
        }
    }
}
