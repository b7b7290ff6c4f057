//! Answers: a status, a body, and headers.

use std::convert::Infallible;

use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    Response, StatusCode,
    body::{self, Bytes},
    header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
};
use serde::Serialize;

/// An answer to a request.
pub(crate) type Answer = Response<UnsyncBoxBody<Bytes, CutOff>>;

/// A body that comes piece by piece could not be finished: the connection is cut, so that nobody takes it for whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rest of the answer could not be made")]
pub(crate) struct CutOff;

impl From<Infallible> for CutOff {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// No body at all.
pub(crate) fn empty(status: StatusCode) -> Answer {
    of(status, Full::default())
}

/// A body that comes piece by piece, such as a long table or events.
pub(crate) fn streamed<B>(status: StatusCode, media_type: &'static str, body: B) -> Answer
where
    B: body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<CutOff>,
{
    kept_by_nobody(of(status, body), media_type)
}

fn of<B>(status: StatusCode, body: B) -> Answer
where
    B: body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<CutOff>,
{
    let mut answer = Response::new(body.map_err(Into::into).boxed_unsync());
    *answer.status_mut() = status;
    answer
}

/// Codes and balances are nobody's to keep.
fn kept_by_nobody(answer: Answer, media_type: &'static str) -> Answer {
    let answer = with(answer, CONTENT_TYPE, HeaderValue::from_static(media_type));
    with(answer, CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

/// A body of a media type.
pub(crate) fn bytes(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Answer {
    kept_by_nobody(of(status, Full::new(body.into())), media_type)
}

/// A JSON body.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    typed_json(status, "application/json; charset=utf-8", body)
}

/// A JSON body of a more special media type.
pub(crate) fn typed_json(status: StatusCode, media_type: &'static str, body: &impl Serialize) -> Answer {
    match serde_json::to_vec(body) {
        Ok(body) => bytes(status, media_type, body),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// Adds a header.
pub(crate) fn with(mut answer: Answer, name: HeaderName, value: HeaderValue) -> Answer {
    answer.headers_mut().insert(name, value);
    answer
}

/// Says when to ask again, in seconds.
pub(crate) fn retry_after(answer: Answer, seconds: u64) -> Answer {
    with(answer, RETRY_AFTER, HeaderValue::from(seconds))
}

/// Ends the connection after this answer, since the rest of its request will not be read.
pub(crate) fn closing(answer: Answer) -> Answer {
    with(answer, CONNECTION, HeaderValue::from_static("close"))
}
