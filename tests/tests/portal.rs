//! The portal in the lab: a real browser behind the gate, and what the gateway tells devices about it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use accounting_tests::browser::{self, Browser};
use accounting_tests::hotspot::Hotspot;
use accounting_tests::lab::site::{LAN_IP4, LAN_IP6, WAN_IP4};
use accounting_tests::lab::{PORTAL_PORT, Request, variables};
use accounting_tests::{needs_root, root::skip_because};
use serde_json::json;

/// Screenshots of the run.
fn shots() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("portal-screenshots")
}

#[test]
fn a_person_with_a_phone_gets_online() {
    needs_root!();
    let browser = match browser::prepare() {
        Ok(browser) => browser,
        Err(error) => {
            skip_because("portal::a_person_with_a_phone_gets_online", &format!("{error:#}"));
            return;
        }
    };
    let hotspot = Hotspot::with_clients(2).unwrap();
    run(&hotspot, &browser);
}

fn run(hotspot: &Hotspot, browser: &Browser) {
    let shots = shots();
    let _none_from_before = std::fs::remove_dir_all(&shots);
    let status = Command::new("node")
        .args(["--test", "--test-reporter=spec", "portal.test.mjs"])
        .current_dir(browser.folder())
        .envs(variables(&hotspot.lab).unwrap())
        .env("CHROMIUM", browser.chromium())
        .env("SHOTS", &shots)
        .status()
        .unwrap();
    println!("screenshots are in {}", shots.display());
    assert!(
        status.success(),
        "the browser's tests failed; the daemon's log:\n{}",
        hotspot.daemon().log()
    );
}

#[test]
fn dhcp_tells_where_captivity_is_told_and_it_is_told_there() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    let client = hotspot.client(1);
    let url = client.captive_api().unwrap();
    let (server, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let ask = || {
        let answer = hotspot
            .lab
            .get(client, server.parse::<SocketAddr>().unwrap(), &format!("/{path}"));
        answer.unwrap().json().unwrap()
    };
    assert_eq!(ask()["captive"], true);
    let token = hotspot.token(10, &json!({})).unwrap();
    hotspot.admit(client, &token).unwrap();
    let state = ask();
    assert_eq!(state["captive"], false);
    assert!(
        (590..=600).contains(&state["seconds-remaining"].as_u64().unwrap()),
        "{state}"
    );
    // IPv6 gets what IPv4 gets.
    let six = SocketAddr::from((LAN_IP6, PORTAL_PORT));
    let state = hotspot
        .lab
        .get(client, six, "/captive-api")
        .unwrap()
        .json()
        .unwrap();
    assert_eq!(state["captive"], false);
    assert_eq!(
        state["user-portal-url"],
        format!("http://[{LAN_IP6}]:{PORTAL_PORT}/")
    );
}

#[test]
fn who_is_not_behind_the_gate_and_who_keeps_too_many_connections_is_turned_away() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    // The gateway itself and the internet are nobody's guests.
    for (namespace, address) in [
        (hotspot.lab.gateway(), SocketAddr::from((LAN_IP4, PORTAL_PORT))),
        (hotspot.lab.internet(), SocketAddr::from((WAN_IP4, PORTAL_PORT))),
    ] {
        let answer = Request::new(namespace, address, "GET", "/").send();
        assert!(answer.is_err(), "{answer:?}");
    }
    let client = hotspot.client(1);
    // A stranger's budget of packets would end before that of connections.
    let token = hotspot.token(10, &json!({})).unwrap();
    hotspot.admit(client, &token).unwrap();
    let server = SocketAddr::from((LAN_IP4, PORTAL_PORT));
    // All at once: those that say nothing are closed after ten seconds.
    let open = || {
        (0..65)
            .map(|_| TcpStream::connect(server))
            .collect::<std::io::Result<Vec<_>>>()
    };
    let kept: Vec<TcpStream> = client.namespace().enter(|| Ok(open()?)).unwrap();
    // Any one of them: they are looked at side by side.
    let closed = || {
        let is_closed = |mut stream: &TcpStream| matches!(stream.read(&mut [0]), Ok(0));
        kept.iter().filter(|stream| is_closed(stream)).count()
    };
    for stream in &kept {
        stream.set_nonblocking(true).unwrap();
    }
    accounting_tests::clock::wait_for("the end of one too many", Duration::from_secs(8), || {
        Ok((closed() == 1).then_some(()))
    })
    .unwrap();
    drop(kept);
    accounting_tests::clock::wait_for("a place", Duration::from_secs(5), || {
        Ok(hotspot
            .lab
            .get(client, server, "/")
            .ok()
            .filter(|answer| answer.status < 400))
    })
    .unwrap();
    assert!(hotspot.metric("accounting_portal_turned_away_total").unwrap() >= 3.0);
}
