//! For tests: what the API and the portal stand on, without a network and without a kernel.

use std::{
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    thread::{self, JoinHandle},
};

use tempfile::TempDir;

use crate::{
    app,
    clock::Clock,
    config::Config,
    engine::{Core, Engine, Worker},
    gate::simulated::SimulatedGate,
    http,
    ledger::{AccessCode, Metering, NewToken, Now},
    metrics::Metrics,
    store::Disk,
};

/// Devices that the gate takes.
const DEVICES: u32 = 1_000;

/// A store on disk, a gate in memory and an engine that runs by the machine's clock, until it is dropped.
pub(crate) struct Testbed {
    pub(crate) config: Config,
    pub(crate) disk: Disk,
    pub(crate) engine: Engine,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) time: Arc<Time>,
    worker: Option<JoinHandle<()>>,
    folder: Arc<TempDir>,
}

impl Testbed {
    /// `config`: all of the configuration but the folder of the store.
    pub(crate) fn new(config: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let config = format!("data = {:?}\n{config}", folder.path());
        let config = Config::parse(Path::new("test.toml"), &config, true).unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        Self::over(folder, config, disk)
    }

    /// The same on a disk of the test's own.
    pub(crate) fn on(config: &str, disk: Disk) -> Self {
        let config = format!("data = \"/nowhere\"\n{config}");
        let config = Config::parse(Path::new("test.toml"), &config, true).unwrap();
        Self::over(Arc::new(tempfile::tempdir().unwrap()), config, disk)
    }

    fn over(folder: Arc<TempDir>, config: Config, disk: Disk) -> Self {
        let clock = Clock::new(true, None).unwrap();
        let core = Core::start(
            disk.clone(),
            SimulatedGate::new(DEVICES),
            app::rules(&config),
            Arc::new(()),
            clock.now(),
            clock.boot(),
        );
        let (engine, worker) = Worker::new(core.unwrap(), clock.clone());
        Self {
            config,
            disk,
            engine,
            metrics: Arc::new(Metrics::new(Box::new(Vec::new)).unwrap()),
            time: Arc::new(Time::of(clock)),
            worker: Some(thread::spawn(move || worker.run())),
            folder,
        }
    }

    /// The same store with a new engine and an empty gate.
    pub(crate) fn restarted(self) -> Self {
        let (folder, config) = (Arc::clone(&self.folder), self.config.clone());
        drop(self);
        let disk = Disk::open(folder.path()).unwrap();
        Self::over(folder, config, disk)
    }

    /// What the edge reads the time from.
    pub(crate) fn clock(&self) -> http::Clock {
        let time = Arc::clone(&self.time);
        Arc::new(move || time.now())
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        let engine = &self.engine;
        // A runtime of its own: the test's may be waiting for this very thread.
        thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                runtime.map(|runtime| runtime.block_on(engine.stop()))
            });
        });
        let ended = self.worker.take().map(JoinHandle::join);
        assert!(
            matches!(ended, Some(Ok(()))) || thread::panicking(),
            "the engine panicked"
        );
    }
}

/// The time as the edge reads it: the machine's, until a test moves it. The engine's is always the machine's.
pub(crate) struct Time {
    machine: Clock,
    stopped: OnceLock<Now>,
    ahead_ms: AtomicI64,
}

impl Time {
    fn of(machine: Clock) -> Self {
        Self {
            machine,
            stopped: OnceLock::new(),
            ahead_ms: AtomicI64::new(0),
        }
    }

    /// Both clocks.
    pub(crate) fn now(&self) -> Now {
        let now = self.stopped.get().copied();
        let now = now.unwrap_or_else(|| self.machine.now());
        Now {
            wall: now.wall + self.ahead_ms.load(Ordering::Relaxed),
            ..now
        }
    }

    /// Stops both clocks. `wall`: milliseconds since 1970.
    pub(crate) fn stop_at(&self, wall: i64) {
        let now = Now {
            monotonic: wall.unsigned_abs(),
            wall,
            trusted: true,
        };
        assert_eq!(self.stopped.set(now), Ok(()), "they stand already");
    }

    /// Puts the wall clock forward by milliseconds.
    pub(crate) fn put_forward(&self, ms: i64) {
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

/// A token at location 1 that says no more than it must.
pub(crate) fn new_token(code: &str, minutes: u32, seats: u32) -> NewToken {
    NewToken {
        unique_id: uuid::Uuid::nil(),
        business_id: 1,
        code: AccessCode::new(code).unwrap(),
        description: None,
        minutes_included: minutes,
        minutes_left: None,
        valid_from: None,
        valid_to: None,
        user_limit: Some(seats),
        mac_address: None,
        booking_guid: None,
        visitor_guid: None,
        system_id: None,
        metering: Metering::ConnectedTime,
        by: "test".to_owned(),
    }
}
