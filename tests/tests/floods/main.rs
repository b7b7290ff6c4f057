//! Strangers at full speed. People who pay, and people who are about to, notice nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod guessers;
mod strangers;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::lab::{Client, PORTAL_PORT, Request};

const PATIENCE: Duration = Duration::from_secs(10);

/// Redeems a code in a browser and logs out again; gives the status and how long the answer took.
fn redeem_and_leave(client: &Client, own: IpAddr, code: &str) -> (u16, Duration) {
    let server = SocketAddr::new(own, PORTAL_PORT);
    let post = |path: &str, form: String| {
        Request::new(client.namespace(), server, "POST", path)
            .header("Origin", &format!("http://{server}"))
            .body("application/x-www-form-urlencoded", form)
            .limit(PATIENCE)
            .send()
    };
    let begun = clock::monotonic();
    let status = post("/login", format!("code={code}")).map_or(0, |answer| answer.status);
    let took = clock::monotonic().saturating_sub(begun);
    assert_eq!(post("/logout", String::new()).unwrap().status, 200);
    (status, took)
}
