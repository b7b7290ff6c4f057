//! The HTTP edge: the record API, the gateway API, health and metrics.
//!
//! A request passes the router, then signing in, then the reading of its body, then its handler; the first that refuses
//! answers, in the dialect of the API that was asked. Handlers check form and range and leave the rules to the engine.

mod accept;
mod accounts;
pub(crate) mod answer;
mod audit;
mod auth;
mod backup;
mod balance;
pub(crate) mod body;
mod check;
mod codes;
mod csv;
mod describe;
mod device_lists;
mod dialect;
mod endpoint;
mod fields;
pub(crate) mod form;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
#[cfg(test)]
mod gateway_tests;
mod health;
mod json;
mod list;
mod nexudus;
mod openapi;
mod piecewise;
mod problem;
mod query;
mod reader;
mod record;
mod redemptions;
mod router;
mod serve;
mod session_list;
mod session_stream;
mod sessions;
#[cfg(test)]
mod site;
#[cfg(test)]
mod testbed;
mod throttle;
mod times;
mod token;
mod tokens;
mod usage;

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use hyper::{
    HeaderMap, Request,
    body::{Body, Bytes},
    header::{ACCEPT, AUTHORIZATION},
};
use tokio::sync::{Semaphore, watch};

pub use auth::{
    Auth, Caller, Denied, FirstStartError, OneTimePassword, Rights, Role, UnknownRole, first_start,
};
pub(crate) use codes::draw;
pub use codes::{Codes, GenerateError};
pub use serve::{ListenError, Listener, LocalListener, Tls, TlsError, listen, listen_local};

use crate::{
    config::{ApiConfig, Config},
    engine::{Engine, Unavailable},
    gate::status::GateStatus,
    ledger::Now,
    metrics::Metrics,
    store::{Disk, StoreError},
};
use answer::Answer;
use backup::Backups;
use body::ReadError;
use dialect::Dialect;
use endpoint::{Accepts, Asked, Endpoint, Handler};
use reader::Reader;
use router::{Found, Router};
use serve::Peer;
use throttle::Throttle;

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
    store: Disk,
    codes: Codes,
    reader: Reader,
    walks: Semaphore,
    writes: Throttle,
    clock: Clock,
    limits: ApiConfig,
    zones: BTreeSet<u16>,
    /// The location of each zone that has one.
    locations: BTreeMap<u16, u64>,
    interfaces: usize,
    router: Router,
    /// Places of those who watch sessions.
    streams: Arc<Semaphore>,
    /// Tells the events of this daemon's life from those of another.
    epoch: Arc<str>,
    /// Whether the daemon stops.
    stopping: watch::Sender<bool>,
    backups: Backups,
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
        store: Disk,
        live_codes: u64,
    ) -> Result<Self, RoutesError> {
        let clock = auth.clock();
        Ok(Self {
            reader: Reader::new(store.clone(), Arc::clone(&clock)),
            walks: Semaphore::new(reader::WALKS_MAX),
            writes: Throttle::new(config.api.writes_per_minute),
            clock,
            engine,
            auth,
            metrics,
            gate,
            store,
            codes: Codes::new(config.codes.clone(), live_codes),
            limits: config.api.clone(),
            zones: config.zone_numbers(),
            locations: config.zones.clone(),
            interfaces: config.interfaces.len(),
            router: Router::new()?,
            streams: Arc::new(Semaphore::new(session_stream::STREAMS_MAX)),
            epoch: uuid::Uuid::new_v4().simple().to_string().into(),
            stopping: watch::Sender::new(false),
            backups: Backups::in_folder(&config.data),
        })
    }

    fn gate_status(&self) -> Arc<GateStatus> {
        Arc::clone(&self.gate.borrow())
    }

    fn default_zone(&self) -> Option<u16> {
        redemptions::default_zone(&self.zones)
    }
}

/// Asks the store on a thread that may wait for it. An error has been logged, and is what to answer.
async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Answer> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            tracing::error!(%error, what, "the store could not be read or written");
            Err(Dialect::Gateway.unavailable(Unavailable::Store))
        }
        Err(_) => Err(Dialect::Gateway.failed()),
    }
}

/// Serves the api until `shutdown` is done; then requests that are being answered have ten seconds.
///
/// To be called for the Unix socket by itself: its connections have places of their own, so that an operator gets in
/// while the network is flooded.
pub async fn serve(listeners: Vec<Listener>, context: Arc<Context>, shutdown: impl Future<Output = ()>) {
    let limits = context.limits.clone();
    let metrics = Arc::clone(&context.metrics);
    let shutdown = {
        let context = Arc::clone(&context);
        async move {
            shutdown.await;
            // Streams do not end by themselves.
            context.stopping.send_replace(true);
        }
    };
    let handler = move |request, peer| {
        let context = Arc::clone(&context);
        async move { answer(&context, request, peer).await }
    };
    serve::serve(listeners, &limits, &metrics, handler, shutdown).await;
}

/// Answers one request. A panic is answered 500 and kept to this request.
async fn answer<B>(context: &Context, request: Request<B>, peer: Peer) -> Answer
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
            return Err(dialect.denied(&Denied::Forbidden));
        }
        caller = Some(signed_in);
    }
    if endpoint.accepts == Accepts::Nothing {
        return Ok((caller, asked));
    }
    asked.media_type = body::media_type(&asked.head.headers);
    if !endpoint.accepts.takes(asked.media_type) {
        return Err(dialect.unsupported_media_type());
    }
    let limits = &context.limits;
    let bytes_max = endpoint.accepts.bytes_max(limits);
    let read = body::read(&asked.head.headers, body, bytes_max, limits.header_timeout).await;
    asked.body = read.map_err(|error| match error {
        ReadError::TooLarge => dialect.too_large(bytes_max),
        ReadError::TooSlow => dialect.too_slow(),
        ReadError::CutOff => dialect.cut_off(),
    })?;
    Ok((caller, asked))
}

#[cfg(test)]
mod tests;
