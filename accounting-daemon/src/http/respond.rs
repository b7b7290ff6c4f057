//! One request, from its route to its answer.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use hyper::{
    HeaderMap, Request,
    body::{Body, Bytes},
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};

use super::{
    Context, accept,
    answer::Answer,
    auth::{Caller, Denied},
    body::{self, ReadError},
    dialect::Dialect,
    endpoint::{Accepts, Asked, Endpoint, Handler},
    router::Found,
    serve::Peer,
};
use crate::engine::Unavailable;

/// Answers one request. A panic is answered 500 and kept to this request.
pub(super) async fn answer<B>(context: &Context, request: Request<B>, peer: Peer) -> Answer
where
    B: Body<Data = Bytes> + Unpin,
{
    let dialect = Dialect::of(request.uri().path());
    let found = context.router.find(request.method(), request.uri().path());
    let route = found.route();
    let endpoint = found.endpoint();
    let timer = context.metrics.request_timer(route);
    let answer = contained(respond(context, dialect, found, request, peer)).await;
    let answer = answer.unwrap_or_else(|| {
        tracing::error!(route = route.as_str(), "a request ended in a panic");
        context.metrics.panicked();
        dialect.failed()
    });
    drop(timer);
    if let Some(endpoint) = endpoint.filter(|endpoint| !endpoint.documents(answer.status())) {
        // A client that was made from the description would not know it.
        tracing::warn!(
            path = endpoint.path,
            status = answer.status().as_u16(),
            "an answer that is not described"
        );
        #[cfg(test)]
        panic!("{} {} is not described", endpoint.path, answer.status());
    }
    context.metrics.answered(route, answer.status().as_u16());
    tracing::debug!(
        route = route.as_str(),
        status = answer.status().as_u16(),
        "answered"
    );
    answer
}

/// The output of a future; `None` when it panicked.
pub(crate) async fn contained<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        },
    )
    .await
}

async fn respond<B>(
    context: &Context,
    dialect: Dialect,
    found: Found,
    request: Request<B>,
    peer: Peer,
) -> Answer
where
    B: Body<Data = Bytes> + Unpin,
{
    let (endpoint, variable) = match found {
        Found::Endpoint { endpoint, variable } => (endpoint, variable),
        Found::WrongMethod { allow, .. } => return dialect.method_not_allowed(&allow),
        Found::Nothing => return dialect.not_found(),
    };
    if !acceptable(endpoint, request.headers()) {
        return dialect.not_acceptable();
    }
    let mut deadline = pin!(tokio::time::sleep(context.limits.request_timeout));
    let (head, body) = request.into_parts();
    let asked = Asked {
        head,
        variable,
        media_type: None,
        body: Bytes::new(),
        peer: peer.ip(),
    };
    let arrived = tokio::select! {
        arrived = arrive(context, dialect, endpoint, &peer, asked, body) => arrived,
        () = &mut deadline => return dialect.too_slow(),
    };
    let (caller, asked) = match arrived {
        Ok(arrived) => arrived,
        Err(refusal) => return refusal,
    };
    let answering = match (endpoint.handler, &caller) {
        (Handler::Open(handler), _) => handler(context, &asked),
        (Handler::SignedIn(_, handler), Some(caller)) => handler(context, caller, &asked),
        (Handler::AtLength(_, handler), Some(caller)) => return handler(context, caller, &asked).await,
        (Handler::SignedIn(..) | Handler::AtLength(..), None) => {
            return dialect.denied(&Denied::Unauthenticated);
        }
    };
    tokio::select! {
        answer = answering => answer,
        () = &mut deadline => dialect.unavailable(Unavailable::Busy),
    }
}

/// Whether `Accept` leaves something that the endpoint can give; only the gateway API is particular about it.
fn acceptable(endpoint: &Endpoint, headers: &HeaderMap) -> bool {
    if !endpoint.path.starts_with("/v1/") {
        return true;
    }
    let says = endpoint.describe.answers.iter();
    let offered: Vec<&str> = says.filter_map(|says| says.content.media_type()).collect();
    offered.is_empty() || accept::preferred(headers.get_all(ACCEPT), &offered) != accept::Preferred::Nothing
}

/// Signs in, then reads the body: nobody unknown makes the daemon read one.
async fn arrive<B>(
    context: &Context,
    dialect: Dialect,
    endpoint: &Endpoint,
    peer: &Peer,
    mut asked: Asked,
    body: B,
) -> Result<(Option<Caller>, Asked), Answer>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut caller = None;
    if let Handler::SignedIn(access, _) | Handler::AtLength(access, _) = endpoint.handler {
        let credentials = asked.head.headers.get(AUTHORIZATION);
        let signed_in = match (credentials, peer) {
            // Whoever shows credentials asks to be taken for their owner.
            (None, Peer::Local(local)) => local.caller().await,
            _ => {
                let lent = access.takes_lent();
                context.auth.authenticate(credentials, asked.peer, lent).await
            }
        };
        let signed_in = signed_in.map_err(|denied| dialect.denied(&denied))?;
        if !access.lets(&signed_in) {
            return Err(dialect.forbidden(access));
        }
        caller = Some(signed_in);
    }
    if endpoint.accepts == Accepts::Nothing {
        return Ok((caller, asked));
    }
    let headers = &asked.head.headers;
    if endpoint.accepts != Accepts::Anything && body::coded(headers) {
        return Err(dialect.coded());
    }
    asked.media_type = body::media_type(headers);
    if !endpoint
        .accepts
        .takes(asked.media_type, headers.contains_key(CONTENT_TYPE))
    {
        return Err(dialect.unsupported_media_type(endpoint.accepts.media_types()));
    }
    let limits = &context.limits;
    let bytes_max = endpoint.accepts.bytes_max(limits);
    let read = body::read(headers, body, bytes_max, limits.header_timeout).await;
    asked.body = read.map_err(|error| match error {
        ReadError::TooLarge => dialect.too_large(bytes_max),
        ReadError::TooSlow => dialect.too_slow(),
        ReadError::CutOff => dialect.cut_off(),
    })?;
    Ok((caller, asked))
}
