//! For tests: the whole edge over a real store and a gate in memory, asked without a network.

use std::thread::JoinHandle;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, Request, header};
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::{
    engine::{Core, Worker},
    gate::simulated::SimulatedGate,
    ledger::Rules,
};

/// A daemon without a network and without a kernel.
pub(in crate::http) struct Site {
    pub(in crate::http) context: Arc<Context>,
    pub(in crate::http) store: Disk,
    header: String,
    made: OneTimePassword,
    worker: Option<JoinHandle<()>>,
    _folder: TempDir,
}

/// An answer that has been read.
#[derive(Debug)]
pub(in crate::http) struct Read {
    pub(in crate::http) status: u16,
    pub(in crate::http) headers: HeaderMap,
    pub(in crate::http) body: Vec<u8>,
}

impl Read {
    pub(in crate::http) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(in crate::http) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

const CONFIG: &str = "data = \"/tmp\"\n[[interface]]\nname = \"g0\"\n";

impl Site {
    /// One with further lines of configuration.
    pub(in crate::http) fn up(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Disk::open(folder.path()).unwrap();
        Self::over(store, folder, more)
    }

    /// The same over a store of the test's own.
    pub(in crate::http) fn over(store: Disk, folder: TempDir, more: &str) -> Self {
        let config = Config::parse("site.toml".as_ref(), &format!("{CONFIG}{more}"), true).unwrap();
        let made = first_start(&store, &config.administrator).unwrap().unwrap();
        let credentials = BASE64_STANDARD.encode(format!("{}:{}", made.email, made.password.as_str()));
        let clock = crate::clock::Clock::new(true, None).unwrap();
        let rules = Rules {
            devices_max: usize::MAX,
            ..Rules::default()
        };
        let gate = SimulatedGate::new(64);
        let core = Core::start(
            store.clone(),
            gate,
            rules,
            Arc::new(()),
            clock.now(),
            clock.boot(),
        )
        .unwrap();
        let (engine, worker) = Worker::new(core, clock.clone());
        let worker = std::thread::spawn(move || worker.run());
        let now: Clock = Arc::new(move || clock.now());
        let metrics = Arc::new(Metrics::new(Box::new(Vec::new)).unwrap());
        let auth = Auth::new(
            store.clone(),
            now,
            Arc::clone(&metrics),
            config.api.sign_in.clone(),
        )
        .unwrap();
        let (_, gate) = watch::channel(Arc::default());
        let context = Context::new(&config, engine, auth, metrics, gate, store.clone(), 0).unwrap();
        Self {
            context: Arc::new(context),
            store,
            header: format!("Basic {credentials}"),
            made,
            worker: Some(worker),
            _folder: folder,
        }
    }

    /// The administrator's name and password.
    pub(in crate::http) fn administrator(&self) -> [&str; 2] {
        [&self.made.email, &self.made.password]
    }

    /// Asks as the administrator, through everything that a request meets.
    pub(in crate::http) async fn ask(
        &self,
        method: &str,
        target: &str,
        media_type: &str,
        body: impl Into<Bytes>,
    ) -> Read {
        read(self.begin(method, target, media_type, body).await).await
    }

    /// The same; the body of the answer is not read yet.
    pub(in crate::http) async fn begin(
        &self,
        method: &str,
        target: &str,
        media_type: &str,
        body: impl Into<Bytes>,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(header::AUTHORIZATION, &self.header)
            .header(header::CONTENT_TYPE, media_type)
            .body(Full::new(body.into()))
            .unwrap();
        let peer = Peer::Network("127.0.0.1:5".parse().unwrap());
        answer(&self.context, request, peer).await
    }

    /// Asks as somebody who has signed in.
    pub(in crate::http) async fn ask_as(
        &self,
        caller: &Caller,
        method: &str,
        target: &str,
        body: &Value,
    ) -> Read {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = Request::builder().method(method).uri(target).body(()).unwrap();
        let (head, ()) = request.into_parts();
        let Found::Endpoint { endpoint, variable } = self.context.router.find(&head.method, head.uri.path())
        else {
            panic!("{method} {target} is no endpoint");
        };
        let Handler::SignedIn(access, handler) = endpoint.handler else {
            panic!("{method} {target} is open");
        };
        if !access.lets(caller) {
            return read(Dialect::of(head.uri.path()).denied(&Denied::Forbidden)).await;
        }
        let asked = Asked {
            head,
            variable,
            media_type: Some(body::MediaType::Json),
            body: body.into(),
            peer: "127.0.0.1".parse().unwrap(),
        };
        read(handler(&self.context, caller, &asked).await).await
    }

    /// Asks for JSON with JSON.
    pub(in crate::http) async fn json(&self, method: Method, target: &str, body: &Value) -> Read {
        self.ask(method.as_str(), target, "application/json", body.to_string())
            .await
    }

    /// The token's record.
    pub(in crate::http) async fn record(&self, id: u64) -> Value {
        let read = self
            .ask("GET", &format!("/api/spaces/accesstokens/{id}"), "", "")
            .await;
        assert_eq!(read.status, 200, "{}", read.text());
        read.json()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let engine = self.context.engine.clone();
        let stop = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.map(|runtime| runtime.block_on(engine.stop()))
        });
        drop(stop.join());
        drop(self.worker.take().map(JoinHandle::join));
    }
}

async fn read(answer: Answer) -> Read {
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Read {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    }
}
