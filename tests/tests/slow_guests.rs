//! Guests who keep connections and say nothing: the others get their pages all the same.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use accounting_tests::hotspot::Hotspot;
use accounting_tests::lab::{PORTAL_PORT, Request, site::LAN_IP4};
use accounting_tests::needs_root;
use serde_json::json;

#[test]
fn silent_connections_make_room_for_those_who_ask() {
    needs_root!();
    const PLACES: usize = 8;
    let hotspot = Hotspot::with_clients(2).unwrap();
    let daemon = hotspot.daemon();
    let (silent, other) = (hotspot.client(1), hotspot.client(2));
    // Nobody is cut for being slow here: who waits for that waits in vain.
    let limits = format!("[portal]\nconnections_max = {PLACES}\nheader_timeout_s = 600\n");
    let config = std::fs::read_to_string(daemon.config()).unwrap();
    std::fs::write(daemon.config(), config.replace("[portal]\n", &limits)).unwrap();
    daemon.stop().unwrap();
    daemon.start().unwrap();
    // A stranger's budget of packets would end before that of connections.
    hotspot
        .admit(silent, &hotspot.token(60, &json!({})).unwrap())
        .unwrap();

    let server = SocketAddr::from((LAN_IP4, PORTAL_PORT));
    let open = || Ok((0..PLACES).map(|_| TcpStream::connect(server).unwrap()).collect());
    let kept: Vec<TcpStream> = silent.namespace().enter(open).unwrap();
    for _ in 0..3 {
        let answer = Request::new(other.namespace(), server, "GET", "/login").send();
        assert_eq!(answer.unwrap().status, 200);
    }
    // Those who made room are closed, and no more than were needed.
    let mut closed = 0;
    for mut stream in &kept {
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        closed += usize::from(matches!(stream.read(&mut [0]), Ok(0)));
    }
    assert!((1..=3).contains(&closed), "{closed} were closed");
    assert!(hotspot.metric("accounting_portal_turned_away_total").unwrap() >= 1.0);
}
