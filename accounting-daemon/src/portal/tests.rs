//! The portal as a guest meets it: a real store, engine and ledger, a gate in memory.

mod hostile;
mod looks;
mod redeeming;
mod refusals;
mod resuming;
mod systems;
mod visitors;

use std::sync::atomic::{AtomicI64, Ordering};

use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, StatusCode};
use serde_json::Value;

use super::*;
use crate::{
    config::Config,
    engine::{Core, Observer, Worker},
    gate::simulated::SimulatedGate,
    ledger::{AccessCode, Cause, Metering, NewToken, Now, Rules},
    mac::{DeviceId, Mac},
    store::{Actor, Disk, RESUMPTIONS_PER_TOKEN_MAX},
};

const HOST: &str = "10.77.0.1:8880";

struct Nobody;

impl Observer for Nobody {
    fn released(&self, _: Cause) {}
    fn round(&self, _: usize, _: usize) {}
    fn mailbox_full(&self) {}
    fn kernel_failed(&self) {}
    fn store_failing(&self, _: bool) {}
}

struct Place {
    portal: Portal,
    wall: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The cookie to send back.
    fn cookie(&self) -> &str {
        self.header("set-cookie").split(';').next().unwrap()
    }

    fn says(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

impl Place {
    fn new() -> Self {
        Self::with("")
    }

    /// `config`: further keys of `[portal]`.
    fn with(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("data = \"/d\"\n[[interface]]\nname = \"g\"\n[portal]\n{config}\n");
        let config = Config::parse("test".as_ref(), &text, true).unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        let clock = crate::clock::Clock::new(true, None).unwrap();
        let gate = SimulatedGate::new(100);
        let core = Core::start(
            disk.clone(),
            gate,
            Rules::default(),
            Arc::new(Nobody),
            clock.now(),
            clock.boot(),
        );
        let (engine, worker) = Worker::new(core.unwrap(), clock.clone());
        std::thread::spawn(move || worker.run());
        let status = GateStatus {
            addresses: vec!["10.77.0.1".parse().unwrap()],
            ..GateStatus::default()
        };
        let wall = Arc::new(AtomicI64::new(0));
        let later = Arc::clone(&wall);
        let portal = Portal::new(
            &config,
            Look::load(&config.portal).unwrap(),
            engine,
            disk,
            Arc::new(move || {
                let now = clock.now();
                let wall = now.wall + later.load(Ordering::Relaxed);
                Now { wall, ..now }
            }),
            Arc::new(Metrics::new(Box::new(Vec::new)).unwrap()),
            watch::channel(Arc::new(status)).1,
        );
        Self {
            portal: portal.unwrap(),
            wall,
            _folder: folder,
        }
    }

    async fn token(&self, code: &str, minutes: u32, seats: u32) -> u64 {
        self.make(code, minutes, seats, |_| {}).await
    }

    async fn make(&self, code: &str, minutes: u32, seats: u32, change: impl FnOnce(&mut NewToken)) -> u64 {
        let mut new = NewToken {
            unique_id: uuid::Uuid::new_v4(),
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
            factor: None,
            by: "test".to_owned(),
        };
        change(&mut new);
        self.portal.engine.create(new, Actor::daemon()).await.unwrap().id
    }

    async fn ask(&self, who: u8, request: hyper::http::request::Builder, body: &str) -> Got {
        self.ask_as(&guest(who), request, body).await
    }

    async fn ask_as(&self, guest: &Guest, request: hyper::http::request::Builder, body: &str) -> Got {
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let (head, body) = self.portal.answer(request, guest).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Got {
            status: head.status,
            headers: head.headers,
            // Templates escape it too.
            body: String::from_utf8(body.to_vec()).unwrap().replace("&#x2f;", "/"),
        }
    }

    async fn get(&self, who: u8, path: &str) -> Got {
        self.ask(who, Request::get(path).header("host", HOST), "").await
    }

    async fn post(&self, who: u8, path: &str, body: &str) -> Got {
        self.ask(who, posting(path), body).await
    }

    async fn online(&self, who: u8) -> bool {
        let device = guest(who).device;
        let sessions = self.portal.engine.sessions_of(device.mac, None).await;
        !sessions.unwrap().is_empty()
    }
}

fn posting(path: &str) -> hyper::http::request::Builder {
    Request::post(path)
        .header("host", HOST)
        .header("origin", format!("http://{HOST}"))
        .header("content-type", "application/x-www-form-urlencoded")
}

fn guest(who: u8) -> Guest {
    Guest {
        device: DeviceId {
            mac: Mac([2, 0, 0, 0, 0, who]),
            zone: 0,
        },
        address: [10, 77, 0, who].into(),
        asked: "10.77.0.1:8880".parse().unwrap(),
        redirected: false,
        secure: false,
    }
}

fn redirected(who: u8) -> Guest {
    Guest {
        asked: "203.0.113.10:80".parse().unwrap(),
        redirected: true,
        ..guest(who)
    }
}
