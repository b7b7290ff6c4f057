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
mod respond;
mod router;
mod serve;
mod session_list;
mod session_stream;
mod sessions;
#[cfg(test)]
mod test_api;
#[cfg(test)]
mod tests;
mod throttle;
mod times;
mod token;
mod tokens;
mod usage;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::sync::{Semaphore, watch};

pub use auth::{
    Auth, Caller, Denied, FirstStartError, OneTimePassword, Rights, Role, UnknownRole, first_start,
};
pub(crate) use codes::draw;
pub use codes::{Codes, GenerateError};
pub(crate) use respond::contained;
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
use dialect::Dialect;
use reader::Reader;
use respond::answer;
use router::Router;
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
