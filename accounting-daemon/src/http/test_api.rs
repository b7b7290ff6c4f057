//! For tests: the API as those who call it meet it, from signing in to the answer, asked without a network.

use std::{net::SocketAddr, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Auth, Context, Role, answer, answer::Answer, first_start, serve::Peer};
use crate::{
    store::{Disk, User},
    testbed::Testbed,
};

/// The administrator that the first start makes.
pub(super) const ADMIN: &str = "admin@localhost";
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const JSON: &str = "application/json";
/// The record API's tokens.
pub(super) const TOKENS: &str = "/api/spaces/accesstokens";

/// Where requests come from.
const PEER: &str = "192.0.2.1";
const ONE_INTERFACE: &str = "[[interface]]\nname = \"g0\"\n";

/// The API, and what it stands on.
pub(super) struct TestApi {
    pub(super) context: Arc<Context>,
    /// Of [`ADMIN`].
    pub(super) password: String,
    pub(super) bed: Testbed,
}

/// Who asks.
#[derive(Clone, Copy)]
pub(super) enum As<'a> {
    Nobody,
    /// By name and password.
    Basic(&'a str, &'a str),
    /// By access token.
    Bearer(&'a str),
}

impl As<'_> {
    fn authorization(self) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::Basic(name, password) => {
                let credentials = BASE64_STANDARD.encode(format!("{name}:{password}"));
                Some(format!("Basic {credentials}"))
            }
            Self::Bearer(token) => Some(format!("Bearer {token}")),
        }
    }
}

impl TestApi {
    /// One gated interface in zone 0, which has no location.
    pub(super) fn new() -> Self {
        Self::with("")
    }

    /// The same with further lines of configuration.
    pub(super) fn with(more: &str) -> Self {
        Self::first(&format!("{ONE_INTERFACE}{more}"))
    }

    /// One gated interface for each zone. `zones`: zone and location.
    pub(super) fn with_zones(zones: &[(u16, u64)]) -> Self {
        let tables = zones.iter().map(|(zone, location)| {
            format!(
                "[[interface]]\nname = \"g{zone}\"\nzone = {zone}\n\
                 [[zone]]\nnumber = {zone}\nbusiness_id = {location}\n"
            )
        });
        Self::first(&tables.collect::<String>())
    }

    /// On a disk of the test's own.
    pub(super) fn on(disk: Disk) -> Self {
        Self::begun(Testbed::on(ONE_INTERFACE, disk))
    }

    fn first(config: &str) -> Self {
        Self::begun(Testbed::new(config))
    }

    fn begun(bed: Testbed) -> Self {
        let made = first_start(&bed.disk, &bed.config.administrator)
            .unwrap()
            .unwrap();
        assert_eq!(made.email, ADMIN);
        Self::over(bed, made.password.to_string())
    }

    fn over(bed: Testbed, password: String) -> Self {
        let auth = Auth::new(
            bed.disk.clone(),
            bed.clock(),
            Arc::clone(&bed.metrics),
            bed.config.api.sign_in.clone(),
        );
        let context = Context::new(
            &bed.config,
            bed.engine.clone(),
            auth.unwrap(),
            Arc::clone(&bed.metrics),
            watch::channel(Arc::default()).1,
            bed.disk.clone(),
            0,
        );
        Self {
            context: Arc::new(context.unwrap()),
            password,
            bed,
        }
    }

    /// The same after the daemon was stopped and started.
    pub(super) fn restarted(self) -> Self {
        let Self {
            context,
            password,
            bed,
        } = self;
        // It holds the store open.
        drop(context);
        Self::over(bed.restarted(), password)
    }

    /// Signs somebody new in, who holds roles at locations; gives their access token.
    pub(super) async fn somebody(&self, roles: &[Role], locations: &[u64]) -> String {
        let email = format!("{}@test", uuid::Uuid::new_v4());
        let user = User {
            administrator: false,
            roles: roles.iter().copied().collect(),
            business_ids: Some(locations.iter().copied().collect()),
            ..User::administrator(email, "")
        };
        self.bed.disk.change(|accounts| accounts.set_user(&user)).unwrap();
        let given = self.context.auth.give_user(user, String::new()).await;
        given.unwrap().access.to_string()
    }

    /// Asks as the administrator, with JSON; with nothing for null.
    pub(super) async fn ask(&self, method: &str, target: &str, body: &Value) -> Answered {
        self.ask_as(self.admin(), method, target, body).await
    }

    /// Reads as the administrator.
    pub(super) async fn get(&self, target: &str) -> Answered {
        self.ask("GET", target, &Value::Null).await
    }

    pub(super) async fn ask_as(&self, by: As<'_>, method: &str, target: &str, body: &Value) -> Answered {
        if body.is_null() {
            self.send_as(by, method, target, "", "").await
        } else {
            self.send_as(by, method, target, JSON, body.to_string()).await
        }
    }

    /// Sends a body of any kind as the administrator.
    pub(super) async fn send(
        &self,
        method: &str,
        target: &str,
        media_type: &str,
        body: impl Into<Bytes>,
    ) -> Answered {
        self.send_as(self.admin(), method, target, media_type, body).await
    }

    pub(super) async fn send_as(
        &self,
        by: As<'_>,
        method: &str,
        target: &str,
        media_type: &str,
        body: impl Into<Bytes>,
    ) -> Answered {
        let headers = [(CONTENT_TYPE.as_str(), media_type)];
        let headers = if media_type.is_empty() { &[][..] } else { &headers };
        self.send_from(PEER, by, method, target, headers, body).await
    }

    pub(super) async fn send_from(
        &self,
        peer: &str,
        by: As<'_>,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answered {
        let answer = self.begin(peer, by, method, target, headers, body).await;
        Answered::of(answer).await
    }

    /// Reads with further headers; the body of the answer has not been read.
    pub(super) async fn open(&self, by: As<'_>, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.begin(PEER, by, "GET", target, headers, "").await
    }

    async fn begin(
        &self,
        peer: &str,
        by: As<'_>,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = by.authorization() {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let peer = SocketAddr::new(peer.parse().unwrap(), 9);
        answer(&self.context, request, Peer::Network(peer)).await
    }

    pub(super) fn admin(&self) -> As<'_> {
        As::Basic(ADMIN, &self.password)
    }

    /// Makes a token of an hour at location 1, with further or other members; gives its number.
    pub(super) async fn create(&self, more: Value) -> u64 {
        let mut body = json!({"BusinessId": 1, "MinutesIncluded": 60});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let made = self.ask("POST", TOKENS, &body).await;
        assert_eq!(made.status, 200, "{}", made.text());
        made.json()["Value"]["Id"].as_u64().unwrap()
    }

    /// The token's record.
    pub(super) async fn record(&self, id: u64) -> Value {
        let read = self.get(&format!("{TOKENS}/{id}")).await;
        assert_eq!(read.status, 200, "{}", read.text());
        read.json()
    }

    /// Redeems a code for the device whose address ends in `last`.
    pub(super) async fn redeem(&self, code: &str, last: u16) -> Answered {
        let body = json!({"AccessCode": code, "MacAddress": mac(last)});
        self.ask("POST", "/v1/redemptions", &body).await
    }
}

/// The address of a device of tests.
pub(super) fn mac(last: u16) -> String {
    let [high, low] = last.to_be_bytes();
    format!("02:00:00:00:{high:02X}:{low:02X}")
}

/// An answer that has been read.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The name of the problem without its prefix; empty where it is no problem document.
    problem: String,
}

impl Answered {
    async fn of(answer: Answer) -> Self {
        let (head, body) = answer.into_parts();
        let mut answered = Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.collect().await.unwrap().to_bytes(),
            problem: String::new(),
        };
        if answered.media_type() == "application/problem+json" {
            let kind = answered.json()["type"].as_str().unwrap().to_owned();
            answered.problem = kind.strip_prefix("urn:accounting:").unwrap_or(&kind).to_owned();
        }
        answered
    }

    pub(super) fn media_type(&self) -> &str {
        self.header("content-type")
    }

    /// The value of a header; empty where it is absent.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The status, and the name of the problem.
    pub(super) fn problem(&self) -> (u16, &str) {
        (self.status, &self.problem)
    }
}
