//! The HTTP edge: the record API, the gateway API, health and metrics.
//!
//! A request passes the router, then signing in, then the reading of its body, then its handler; the first that refuses
//! answers, in the dialect of the API that was asked. Handlers check form and range and leave the rules to the engine.

mod answer;
mod auth;
mod body;
mod codes;
mod dialect;
mod fields;
mod form;
mod health;
mod json;
mod nexudus;
mod problem;
mod record;
mod redemptions;
mod router;
mod serve;
mod sessions;
mod times;
mod tokens;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use hyper::{
    Request,
    body::{Body, Bytes},
    header::AUTHORIZATION,
    http::request::Parts,
};
use tokio::{net::TcpListener, sync::watch};

pub use auth::{
    Account, Accounts, AccountsError, Auth, Caller, Denied, FirstStartError, OneTimePassword, first_start,
};
pub use codes::{Codes, GenerateError};
pub use serve::{ListenError, listen};

use crate::{
    config::{ApiConfig, Config},
    engine::{Engine, Unavailable},
    gate::status::GateStatus,
    ledger::Now,
    metrics::{Metrics, Route},
};
use answer::Answer;
use body::{MediaType, ReadError};
use dialect::Dialect;
use router::{Found, Router};

/// Reads the clocks.
pub type Clock = Arc<dyn Fn() -> Now + Send + Sync>;

/// The HTTP edge could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the table of paths is inconsistent: {0}")]
pub struct RoutesError(#[from] matchit::InsertError);

/// What requests are answered with.
pub struct Context {
    engine: Engine,
    auth: Auth,
    metrics: Arc<Metrics>,
    gate: watch::Receiver<Arc<GateStatus>>,
    codes: Codes,
    limits: ApiConfig,
    zones: BTreeSet<u16>,
    interfaces: usize,
    router: Router,
}

impl Context {
    /// Puts it together. `live_codes`: how many tokens there are, or an upper bound such as the highest number.
    ///
    /// # Errors
    /// [`RoutesError`], which the tests exclude.
    pub fn new(
        config: &Config,
        engine: Engine,
        auth: Auth,
        metrics: Arc<Metrics>,
        gate: watch::Receiver<Arc<GateStatus>>,
        live_codes: u64,
    ) -> Result<Self, RoutesError> {
        Ok(Self {
            engine,
            auth,
            metrics,
            gate,
            codes: Codes::new(config.codes.clone(), live_codes),
            limits: config.api.clone(),
            zones: config.zone_numbers(),
            interfaces: config.interfaces.len(),
            router: Router::new()?,
        })
    }

    fn gate_status(&self) -> Arc<GateStatus> {
        Arc::clone(&self.gate.borrow())
    }

    fn default_zone(&self) -> Option<u16> {
        redemptions::default_zone(&self.zones)
    }
}

/// Serves the api until `shutdown` is done; then requests that are being answered have ten seconds.
pub async fn serve(listeners: Vec<TcpListener>, context: Arc<Context>, shutdown: impl Future<Output = ()>) {
    let limits = context.limits.clone();
    let metrics = Arc::clone(&context.metrics);
    let handler = move |request, peer| {
        let context = Arc::clone(&context);
        async move { answer(&context, request, peer).await }
    };
    serve::serve(listeners, &limits, &metrics, handler, shutdown).await;
}

/// A request that has signed in (where it must) and arrived as a whole.
struct Arrived {
    caller: Option<Caller>,
    media_type: MediaType,
    body: Bytes,
}

/// Answers one request. A panic is answered 500 and kept to this request.
async fn answer<B>(context: &Context, request: Request<B>, peer: SocketAddr) -> Answer
where
    B: Body<Data = Bytes> + Unpin,
{
    let dialect = Dialect::of(request.uri().path());
    let found = context.router.find(request.method(), request.uri().path());
    let route = match &found {
        Found::Endpoint { route, .. } | Found::WrongMethod { route, .. } => *route,
        Found::Nothing => Route::Unknown,
    };
    let timer = context.metrics.request_timer(route);
    let answer = contained(respond(context, dialect, found, request, peer)).await;
    let answer = answer.unwrap_or_else(|| {
        tracing::error!(route = route.as_str(), "a request ended in a panic");
        context.metrics.panicked();
        dialect.failed()
    });
    drop(timer);
    context.metrics.answered(route, answer.status().as_u16());
    tracing::debug!(
        route = route.as_str(),
        status = answer.status().as_u16(),
        "answered"
    );
    answer
}

/// The output of a future; `None` when it panicked.
async fn contained<T>(future: impl Future<Output = T>) -> Option<T> {
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
    peer: SocketAddr,
) -> Answer
where
    B: Body<Data = Bytes> + Unpin,
{
    let (route, variable) = match found {
        Found::Endpoint { route, variable } => (route, variable),
        Found::WrongMethod { allow, .. } => return dialect.method_not_allowed(allow),
        Found::Nothing => return dialect.not_found(),
    };
    let mut deadline = pin!(tokio::time::sleep(context.limits.request_timeout));
    let (head, body) = request.into_parts();
    let arrived = tokio::select! {
        arrived = arrive(context, dialect, route, &head, body, peer) => arrived,
        () = &mut deadline => return dialect.too_slow(),
    };
    let arrived = match arrived {
        Ok(arrived) => arrived,
        Err(refusal) => return refusal,
    };
    tokio::select! {
        answer = handle(context, dialect, route, &variable, &head, arrived) => answer,
        () = &mut deadline => dialect.unavailable(Unavailable::Busy),
    }
}

/// Signs in, then reads the body: nobody unknown makes the daemon read one.
async fn arrive<B>(
    context: &Context,
    dialect: Dialect,
    route: Route,
    head: &Parts,
    body: B,
    peer: SocketAddr,
) -> Result<Arrived, Answer>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut caller = None;
    if !router::is_open(route) {
        let signed_in = context
            .auth
            .authenticate(head.headers.get(AUTHORIZATION), peer.ip())
            .await;
        caller = Some(signed_in.map_err(|denied| dialect.denied(&denied))?);
    }
    let media_type = match (route, body::media_type(&head.headers)) {
        (Route::Tokens, Some(media_type)) => media_type,
        (Route::Redemptions, Some(MediaType::Json)) => MediaType::Json,
        (Route::Tokens | Route::Redemptions, _) => return Err(dialect.unsupported_media_type()),
        _ => {
            let (media_type, body) = (MediaType::Json, Bytes::new());
            return Ok(Arrived {
                caller,
                media_type,
                body,
            });
        }
    };
    let limits = &context.limits;
    let read = body::read(&head.headers, body, limits.body_bytes_max, limits.header_timeout).await;
    let body = read.map_err(|error| match error {
        ReadError::TooLarge => dialect.too_large(limits.body_bytes_max),
        ReadError::TooSlow => dialect.too_slow(),
        ReadError::CutOff => dialect.cut_off(),
    })?;
    Ok(Arrived {
        caller,
        media_type,
        body,
    })
}

async fn handle(
    context: &Context,
    dialect: Dialect,
    route: Route,
    variable: &str,
    head: &Parts,
    arrived: Arrived,
) -> Answer {
    let query = head.uri.query();
    match (route, &arrived.caller) {
        (Route::Healthz, _) => health::healthz(),
        (Route::Readyz, _) => health::readyz(context).await,
        (Route::Metrics, _) => health::metrics(context),
        (Route::Tokens, Some(caller)) => {
            tokens::create(context, caller, arrived.media_type, &arrived.body).await
        }
        (Route::Token, Some(_)) => tokens::show(context, variable).await,
        (Route::Redemptions, Some(caller)) => redemptions::redeem(context, caller, &arrived.body).await,
        (Route::Device, Some(_)) => sessions::device(context, variable, query).await,
        (Route::Session, Some(caller)) => sessions::release(context, caller, variable, query).await,
        (_, None) => dialect.denied(&Denied::Unauthenticated),
        (Route::Unknown, Some(_)) => dialect.not_found(),
    }
}

#[cfg(test)]
mod tests;
