//! What strangers may not send fails at once, by both families, also for who was online a moment ago.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use accounting_tests::hotspot::{HOSTS, Hotspot, address};
use accounting_tests::lab::{HTTP_PORTS, Namespace, Options};
use accounting_tests::needs_root;

/// Far longer than a refusal takes, and shorter than anything that a kernel repeats.
const SHORT: Duration = Duration::from_millis(700);

fn connect(space: &Namespace, host: IpAddr, port: u16) -> std::io::Result<TcpStream> {
    let to = SocketAddr::new(host, port);
    space
        .enter(|| Ok(TcpStream::connect_timeout(&to, SHORT)))
        .unwrap()
}

fn up(gate: &str) -> Hotspot {
    let options = Options {
        clients: 1,
        gate: gate.to_owned(),
        answers: true,
        ..Options::default()
    };
    Hotspot::up(options).unwrap()
}

/// What a datagram that nobody may see comes to.
fn datagram(hotspot: &Hotspot, host: IpAddr) -> ErrorKind {
    let client = hotspot.client(1);
    let from = address(client, host).unwrap();
    let open = || Ok(UdpSocket::bind((from, 0))?);
    let socket = client.namespace().enter(open).unwrap();
    socket.connect((host, 4_433)).unwrap();
    socket.set_read_timeout(Some(SHORT)).unwrap();
    socket.send(b"hello").unwrap();
    socket.recv(&mut [0; 16]).unwrap_err().kind()
}

#[test]
fn strangers_are_refused_at_once() {
    needs_root!();
    let hotspot = up("");
    let space = hotspot.client(1).namespace();
    for (host, prohibited) in HOSTS
        .into_iter()
        .zip([ErrorKind::HostUnreachable, ErrorKind::PermissionDenied])
    {
        let refused = connect(space, host, 443).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{host}");
        assert_eq!(datagram(&hotspot, host), prohibited, "{host}");
    }
    let count = "accounting_frames_total{hook=\"xdp_ingress\",verdict=\"refused\"}";
    assert!(hotspot.metric(count).unwrap() >= 4.0);
}

#[test]
fn a_connection_fails_when_the_session_ends() {
    needs_root!();
    let hotspot = up("");
    let client = hotspot.client(1);
    hotspot.let_in(client).unwrap();
    let port = HTTP_PORTS.into_iter().find(|port| *port != 80).unwrap();
    let open = HOSTS.map(|host| connect(client.namespace(), host, port).unwrap());
    assert_eq!(hotspot.release(client).unwrap().status, 204);
    for (mut stream, host) in open.into_iter().zip(HOSTS) {
        stream.set_read_timeout(Some(SHORT)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let error = stream.read(&mut [0; 16]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{host}");
    }
}

#[test]
fn silence_can_be_configured() {
    needs_root!();
    let hotspot = up("refuse = \"drop\"");
    for host in HOSTS {
        let error = connect(hotspot.client(1).namespace(), host, 443).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{host}");
        assert_eq!(datagram(&hotspot, host), ErrorKind::WouldBlock, "{host}");
    }
}
