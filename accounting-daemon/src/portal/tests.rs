//! The portal as a guest meets it: a real store, engine and ledger, a gate in memory.

mod hostile;
mod looks;
mod redeeming;
mod refusals;
mod resuming;
mod systems;
mod visitors;

use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, StatusCode};
use serde_json::Value;

use super::*;
use crate::{
    config::Config,
    ledger::NewToken,
    mac::{DeviceId, Mac},
    store::{Actor, RESUMPTIONS_PER_TOKEN_MAX},
    testbed::{Testbed, new_token},
};

const HOST: &str = "10.77.0.1:8880";

struct Place {
    portal: Portal,
    bed: Testbed,
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
        let bed = Testbed::new(&format!("[[interface]]\nname = \"g\"\n[portal]\n{config}\n"));
        let status = GateStatus {
            addresses: vec!["10.77.0.1".parse().unwrap()],
            ..GateStatus::default()
        };
        let portal = Portal::new(
            &bed.config,
            Look::load(&bed.config.portal).unwrap(),
            bed.engine.clone(),
            bed.disk.clone(),
            bed.clock(),
            Arc::clone(&bed.metrics),
            watch::channel(Arc::new(status)).1,
        );
        Self {
            portal: portal.unwrap(),
            bed,
        }
    }

    async fn token(&self, code: &str, minutes: u32, seats: u32) -> u64 {
        self.make(code, minutes, seats, |_| {}).await
    }

    async fn make(&self, code: &str, minutes: u32, seats: u32, change: impl FnOnce(&mut NewToken)) -> u64 {
        let mut new = NewToken {
            unique_id: uuid::Uuid::new_v4(),
            ..new_token(code, minutes, seats)
        };
        change(&mut new);
        self.bed.engine.create(new, Actor::daemon()).await.unwrap().id
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
            body: String::from_utf8(body.to_vec()).unwrap(),
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
        let sessions = self.bed.engine.sessions_of(device.mac, None).await;
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
