//! Requests as nobody should send them: the documented answers, and a daemon that goes on as if nothing had been.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod credentials;
mod requests;

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::hotspot::{Hotspot, online};
use accounting_tests::lab::{ADMINISTRATOR, Answer, Request};
use accounting_tests::needs_root;

use credentials::signing_in;
use requests::{paths_and_types, redemptions, tokens};

const TOKENS: &str = "/api/spaces/accesstokens";
const REDEMPTIONS: &str = "/v1/redemptions";
const JSON: &str = "application/json";

fn up() -> Hotspot {
    Hotspot::with_clients(1).unwrap()
}

struct Api<'a>(&'a Hotspot);

impl Api<'_> {
    fn request<'r>(&'r self, method: &'r str, target: &'r str) -> Request<'r> {
        let daemon = self.0.daemon();
        Request::new(self.0.lab.gateway(), daemon.api_address(), method, target)
    }

    fn send(&self, method: &str, target: &str, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        let request = self.request(method, target).body(media_type, body);
        request
            .basic(ADMINISTRATOR, self.0.daemon().password())
            .send()
            .unwrap()
    }

    fn dial(&self) -> TcpStream {
        let address = self.0.daemon().api_address();
        let stream = self
            .0
            .lab
            .gateway()
            .enter(|| Ok(TcpStream::connect(address)?))
            .unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn is_healthy(&self) {
        assert_eq!(self.request("GET", "/healthz").send().unwrap().status, 200);
        let ready = self.request("GET", "/readyz").send().unwrap();
        assert_eq!(ready.status, 200, "{}", ready.text());
        assert_eq!(self.0.metric("accounting_http_panics_total").unwrap(), 0.0);
    }
}

#[test]
fn malformed_requests_get_the_documented_answers() {
    needs_root!();
    let hotspot = up();
    let api = Api(&hotspot);
    tokens(&api);
    redemptions(&api, &hotspot);
    paths_and_types(&api);
    signing_in(&api);
    api.is_healthy();
    assert_eq!(online(hotspot.client(1)).unwrap(), Some(false));
    let log = hotspot.daemon().log();
    for secret in ["secret-code", "02:00:00:00:00:5e", hotspot.daemon().password()] {
        assert!(!log.to_lowercase().contains(secret), "{secret} is in the log");
    }
}

#[test]
fn slow_and_many_connections_do_not_keep_others_out_for_long() {
    needs_root!();
    let hotspot = up();
    let api = Api(&hotspot);
    // One more than there are places, all silent: the last waits until the others are cut after ten seconds.
    let start = clock::monotonic();
    let mut silent: Vec<TcpStream> = (0..1_025).map(|_| api.dial()).collect();
    write!(silent[1], "GET /healthz HT").unwrap();
    let answer = api
        .request("GET", "/healthz")
        .limit(Duration::from_secs(25))
        .send()
        .unwrap();
    let waited = clock::monotonic() - start;
    println!("answered after {waited:?} behind 1,025 silent connections");
    assert_eq!(answer.status, 200);
    assert!(waited < Duration::from_secs(20));
    drop(silent);
    api.is_healthy();
}
