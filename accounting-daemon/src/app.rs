//! The composition root: builds edges, engine and gate from the configuration, and takes them apart in order.

mod settings;
mod tell;

use std::{
    io::Write as _,
    sync::Arc,
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, anyhow};
use sd_notify::NotifyState;
use tokio::sync::oneshot;

use crate::{
    clock::Clock,
    config::Config,
    engine::{Core, Engine, Worker},
    gate::{self, KernelGate, Stats, Supervisor},
    http::{self, Auth, OneTimePassword},
    metrics::Metrics,
    portal::{self, Look, Portal},
    sightings::Sightings,
    store::{Disk, Measured},
};

pub(crate) use settings::rules;
use settings::settings;

/// Runs the daemon until it is told to stop or cannot go on. The gate goes on enforcing in either case.
///
/// # Errors
/// What kept it from starting, or what stopped it; one sentence that names the thing and the way out.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    // What can fail without a trace comes first.
    let tls = config.api.tls.as_ref().map(http::Tls::load).transpose()?;
    let listeners = http::listen(&config.api.listen, tls.as_ref()).await?;
    let look = Look::load(&config.portal)?;
    gate::preflight(&config.pins)?;
    let guests = portal_listener(config.portal.listen_port)?;
    let disk = Disk::open(&config.data)?.keeping(config.audit);
    // Whoever has the store has the socket beside it.
    let socket = http::listen_local(&config.api.socket)?;
    let clock = Clock::new(config.trust_rtc, disk.floor()?)?;
    if let Some(made) = http::first_start(&disk, &config.administrator)? {
        announce(&made)?;
    }

    let settings = settings(&config);
    let kernel = KernelGate::open(&settings)?;
    let (stats, frames) = (Stats::open(&settings.pins)?, Stats::open(&settings.pins)?);
    let metrics = Arc::new(Metrics::new(Box::new(move || stats.read().unwrap_or_default()))?);
    let store = Measured::new(disk.clone(), clock.clone(), Arc::clone(&metrics));
    let observer = Arc::clone(&metrics) as Arc<_>;
    let mut core = Core::start(store, kernel, rules(&config), observer, clock.now(), clock.boot())?;
    core.set_retention(config.usage.retention);
    // The programs come after the devices, so that nobody who may pass is stopped on the way.
    let (supervisor, status) = Supervisor::start(settings).await?;
    let (engine, worker) = Worker::new(core, clock.clone());
    let (worker, ended) = spawn(move || worker.run())?;

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let supervisor = tokio::spawn(supervisor.run(told(stopped.clone())));
    tokio::spawn(tell::of_interfaces(status.clone(), engine.clone()));
    tokio::spawn(tell::of_steps(
        engine.clone(),
        Arc::clone(&metrics),
        told(stopped.clone()),
    ));
    let sightings = Sightings::new(
        status.clone(),
        engine.clone(),
        Arc::clone(&metrics),
        clock.clone(),
        frames,
    );
    let sightings = tokio::spawn(sightings.run(told(stopped.clone())));
    let live_codes = disk.tokens_made()?;
    let clock: http::Clock = Arc::new(move || clock.now());
    let auth = Auth::new(
        disk.clone(),
        Arc::clone(&clock),
        Arc::clone(&metrics),
        config.api.sign_in.clone(),
    )?;
    let portal = Portal::new(
        &config,
        look,
        engine.clone(),
        disk.clone(),
        clock,
        Arc::clone(&metrics),
        status.clone(),
    );
    let portal = Arc::new(portal.context("cannot start the portal's thread")?);
    let context = http::Context::new(&config, engine.clone(), auth, metrics, status, disk, live_codes)?;
    let context = Arc::new(context);
    let edge = tokio::spawn(http::serve(
        listeners,
        Arc::clone(&context),
        told(stopped.clone()),
    ));
    let socket = vec![http::Listener::Local(socket)];
    let local_edge = tokio::spawn(http::serve(socket, context, told(stopped.clone())));
    let certificates = tls.map(|tls| tokio::spawn(tls.keep_current()));
    let portal = tokio::spawn(portal::serve(guests, portal, told(stopped)));
    tracing::info!(interfaces = config.interfaces.len(), "the gate is up");
    tell_systemd(NotifyState::Ready);

    let outcome = tokio::select! {
        signal = signalled() => signal.map(|()| tracing::info!("stopping; the gate goes on enforcing")),
        result = ended => Err(engine_ended(result)),
    };
    tell_systemd(NotifyState::Stopping);
    // Nobody is left without an answer: first the edge, then the engine behind it.
    stop.send_replace(true);
    edge.await.context("the api listener ended badly")?;
    local_edge
        .await
        .context("the listener of the Unix socket ended badly")?;
    portal.await.context("the portal listener ended badly")?;
    if let Some(certificates) = certificates {
        certificates.abort();
    }
    sightings.abort();
    finish(engine, worker).await?;
    supervisor
        .await
        .context("the supervisor of the interfaces ended badly")?;
    outcome
}

/// Where guests come in; needs the runtime.
fn portal_listener(port: u16) -> anyhow::Result<tokio::net::TcpListener> {
    let listener = gate::listen(port).with_context(|| {
        format!(
            "the portal cannot listen on port {port}: it needs CAP_NET_ADMIN, a port that no other program uses \
             (`ss -ltnp` names it; `portal.listen_port` chooses another), and CAP_NET_BIND_SERVICE below 1024"
        )
    })?;
    Ok(tokio::net::TcpListener::from_std(listener)?)
}

/// How the engine's thread ended.
type Ended = oneshot::Receiver<()>;

/// Runs the engine on a thread of its own, and says when it ends.
fn spawn<F>(run: F) -> anyhow::Result<(JoinHandle<()>, Ended)>
where
    F: FnOnce() + Send + 'static,
{
    let (end, ended) = oneshot::channel();
    let worker = thread::Builder::new().name("engine".into()).spawn(move || {
        run();
        // Nobody listens any more when the daemon stops in order.
        let _ = end.send(());
    });
    Ok((worker.context("cannot start the engine's thread")?, ended))
}

async fn finish(engine: Engine, worker: JoinHandle<()>) -> anyhow::Result<()> {
    // It may have stopped by itself.
    let _ = engine.stop().await;
    drop(engine);
    tokio::task::spawn_blocking(move || worker.join())
        .await?
        .map_err(|_| anyhow!("the engine panicked: see the log; the gate goes on enforcing"))
}

fn engine_ended(result: Result<(), oneshot::error::RecvError>) -> anyhow::Error {
    match result {
        Ok(()) => anyhow!("the engine stopped; the gate goes on enforcing"),
        Err(_) => anyhow!("the engine panicked: see the log; the gate goes on enforcing"),
    }
}

fn announce(made: &OneTimePassword) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "administrator: {} password: {}",
        made.email,
        made.password.as_str()
    )?;
    Ok(out.flush()?)
}

/// Tells systemd how the daemon stands, where it is the one that started it.
fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd could not be told");
    }
}

async fn told(mut stopped: tokio::sync::watch::Receiver<bool>) {
    // The sender lives as long as the daemon.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn signalled() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
