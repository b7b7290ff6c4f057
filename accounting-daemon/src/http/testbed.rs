//! For tests: the whole API over a store on disk, a gate in memory and an engine that runs, asked without a network.

use std::{
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

use http_body_util::BodyExt;
use hyper::{HeaderMap, Method, Request, StatusCode, body::Bytes};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    Auth, Context, acceptable,
    answer::Answer,
    auth::Caller,
    body,
    dialect::Dialect,
    endpoint::{Asked, Handler},
    router::Found,
};
use crate::{
    clock::Clock,
    config::Config,
    engine::{Core, Engine, Worker},
    gate::{simulated::SimulatedGate, status::GateStatus},
    ledger::{AccessCode, Metering, NewToken, Rules},
    metrics::Metrics,
    store::{Actor, Disk},
};

/// What was answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answered {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// The name of the problem, without its prefix.
    pub(super) fn problem(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let kind = self.json()["type"].as_str().unwrap().to_owned();
        kind.strip_prefix("urn:accounting:").unwrap_or(&kind).to_owned()
    }
}

/// The API, and what it stands on.
pub(super) struct Testbed {
    pub(super) context: Arc<Context>,
    pub(super) engine: Engine,
    worker: Option<JoinHandle<()>>,
}

impl Testbed {
    /// `zones`: zone and location; without any there is zone 0 for all.
    pub(super) fn new(folder: &Path, zones: &[(u16, u64)]) -> Self {
        Self::with(folder, zones, "")
    }

    /// `more`: further tables of the configuration.
    pub(super) fn with(folder: &Path, zones: &[(u16, u64)], more: &str) -> Self {
        let mut config = format!("data = {:?}\n", folder.to_str().unwrap());
        let numbers: Vec<u16> = match zones {
            [] => vec![0],
            zones => zones.iter().map(|(zone, _)| *zone).collect(),
        };
        for zone in numbers {
            config += &format!("[[interface]]\nname = \"g{zone}\"\nzone = {zone}\n");
        }
        for (zone, location) in zones {
            config += &format!("[[zone]]\nnumber = {zone}\nbusiness_id = {location}\n");
        }
        config += more;
        let config = Config::parse(Path::new("t.toml"), &config, true).unwrap();
        let disk = Disk::open(folder).unwrap();
        let clock = Clock::new(true, None).unwrap();
        let rules = Rules {
            locations: config.zones.clone(),
            attempts_per_asker: 1_000,
            ..Rules::default()
        };
        let gate = SimulatedGate::new(1_000);
        let now = clock.now();
        let core = Core::start(disk.clone(), gate, rules, Arc::new(()), now, clock.boot()).unwrap();
        let (engine, worker) = Worker::new(core, clock.clone());
        let worker = thread::spawn(move || worker.run());
        let metrics = Arc::new(Metrics::new(Box::new(Vec::new)).unwrap());
        let auth = Auth::new(
            disk.clone(),
            Arc::new(move || clock.now()),
            Arc::clone(&metrics),
            config.api.sign_in.clone(),
        )
        .unwrap();
        let (_, status) = watch::channel(Arc::new(GateStatus::default()));
        let context = Context::new(&config, engine.clone(), auth, metrics, status, disk, 1).unwrap();
        Self {
            context: Arc::new(context),
            engine,
            worker: Some(worker),
        }
    }

    /// Makes ordinary tokens with these codes, at once.
    pub(super) async fn fill(&self, codes: Vec<String>) {
        let made = codes.into_iter().map(|code| NewToken {
            unique_id: uuid::Uuid::new_v4(),
            business_id: 1,
            code: AccessCode::new(code).unwrap(),
            description: None,
            minutes_included: 60,
            minutes_left: None,
            valid_from: None,
            valid_to: None,
            user_limit: None,
            mac_address: None,
            booking_guid: None,
            visitor_guid: None,
            system_id: None,
            metering: Metering::ConnectedTime,
            factor: None,
            by: "test".to_owned(),
        });
        self.engine
            .create_all(made.collect(), Actor::daemon())
            .await
            .unwrap();
    }

    /// Asks as a full administrator.
    pub(super) async fn ask(&self, method: Method, target: &str, body: &Value) -> Answered {
        let caller = Caller::administrator("admin@localhost");
        collected(self.begin(&caller, method, target, body, &[]).await).await
    }

    pub(super) async fn get(&self, target: &str) -> Answered {
        self.ask(Method::GET, target, &Value::Null).await
    }

    pub(super) async fn ask_as(
        &self,
        caller: &Caller,
        method: Method,
        target: &str,
        body: &Value,
    ) -> Answered {
        collected(self.begin(caller, method, target, body, &[]).await).await
    }

    /// An answer whose body is not read yet.
    pub(super) async fn begin(
        &self,
        caller: &Caller,
        method: Method,
        target: &str,
        body: &Value,
        headers: &[(&'static str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let dialect = Dialect::of(head.uri.path());
        let (endpoint, variable) = match self.context.router.find(&head.method, head.uri.path()) {
            Found::Endpoint { endpoint, variable } => (endpoint, variable),
            Found::WrongMethod { allow, .. } => return dialect.method_not_allowed(&allow),
            Found::Nothing => return dialect.not_found(),
        };
        if !acceptable(endpoint, &head.headers) {
            return dialect.not_acceptable();
        }
        let asked = Asked {
            head,
            variable,
            media_type: Some(body::MediaType::Json),
            body: body.to_string().into(),
            peer: [127, 0, 0, 1].into(),
        };
        let answer = match endpoint.handler {
            Handler::Open(handler) => handler(&self.context, &asked).await,
            Handler::SignedIn(access, handler) | Handler::AtLength(access, handler) => {
                assert!(access.lets(caller), "{target}");
                handler(&self.context, caller, &asked).await
            }
        };
        let status = answer.status();
        assert!(
            endpoint.documents(status),
            "{target} answers {status}, which is not described"
        );
        answer
    }

    /// Makes a token, gives its number.
    pub(super) async fn token(&self, code: &str, more: &Value) -> u64 {
        let mut body = json!({"AccessCode": code, "BusinessId": 1, "MinutesIncluded": 60});
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let answer = self.ask(Method::POST, "/api/spaces/accesstokens", &body).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.json()["Value"]["Id"].as_u64().unwrap()
    }

    /// Redeems a code for the device whose address ends in `last`.
    pub(super) async fn redeem(&self, code: &str, last: u16) -> Answered {
        let body = json!({"AccessCode": code, "MacAddress": mac(last)});
        self.ask(Method::POST, "/v1/redemptions", &body).await
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        let engine = self.engine.clone();
        let stop = async move { engine.stop().await.is_ok() };
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(stop)
        })
        .join()
        .unwrap();
        if let Some(worker) = self.worker.take() {
            worker.join().unwrap();
        }
    }
}

/// The address of a device of tests.
pub(super) fn mac(last: u16) -> String {
    let [high, low] = last.to_be_bytes();
    format!("02:00:00:00:{high:02X}:{low:02X}")
}

async fn collected(answer: Answer) -> Answered {
    let (head, body) = answer.into_parts();
    Answered {
        status: head.status,
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}
