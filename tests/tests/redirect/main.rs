//! A stranger asks some web server, and the portal answers in its name: by both families, in the driver and generic, on a port and
//! on a bridge. Nothing gets out when the portal or the tc program is gone.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod bridge;
mod portal;
mod web;

use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use accounting_daemon::gate::Asker;
use accounting_daemon::mac::{DeviceId, Mac};
use accounting_ebpf::layout::REDIRECT_MARK;
use accounting_tests::clock;
use accounting_tests::hotspot::{HOSTS, Hotspot, address};
use accounting_tests::lab::site::{ISP, LAN, LAN_IP4, LAN_IP6, OTHER_IP4, OTHER_IP6};
use accounting_tests::lab::{Capture, Client, Filter, Namespace, Options, PORTAL_PORT};
use accounting_tests::needs_root;
use serde_json::json;

use portal::{Portal, status};
use web::{ask, body, connect, get};

const SOON: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(700);
const WEB: u16 = 80;

fn up(mode: &str) -> Hotspot {
    let hotspot = Hotspot::up(Options {
        clients: 2,
        gate: format!("refuse = \"drop\"\n{mode}"),
        ..Options::default()
    });
    hotspot.unwrap()
}

#[test]
fn the_portal_answers_for_every_web_server() {
    needs_root!();
    let hotspot = up("");
    let (gateway, client) = (hotspot.lab.gateway(), hotspot.client(1));
    hotspot.daemon().kill9().unwrap();
    let out = Capture::start(hotspot.lab.internet(), ISP, Filter::All).unwrap();
    {
        let portal = Portal::start(gateway, status(gateway, LAN, None));
        let asker = Some(Asker {
            device: DeviceId {
                mac: Mac(client.mac()),
                zone: 3,
            },
            interface: LAN.to_owned(),
        });
        for host in HOSTS {
            assert_eq!(get(client.namespace(), host).unwrap(), "portal", "{host}");
            assert_eq!(
                portal.seen().pop().unwrap(),
                (asker.clone(), true, (host, WEB).into())
            );
            // Nothing but the web: TLS is nobody's but the server's.
            assert!(connect(client.namespace(), host, 443).is_err());
            assert!(connect(client.namespace(), host, PORTAL_PORT).is_err());
        }
        for own in [IpAddr::from(LAN_IP4), LAN_IP6.into()] {
            let direct = connect(client.namespace(), own, PORTAL_PORT).unwrap();
            assert_eq!(ask(direct).unwrap(), "portal");
            let expected = (asker.clone(), false, (own, PORTAL_PORT).into());
            assert_eq!(portal.seen().pop().unwrap(), expected);
            assert!(connect(client.namespace(), own, WEB).is_err());
        }
        same_port_to_two_hosts(client.namespace());
        syn_cookies(gateway, client, &portal, asker.as_ref());
    }
    // The portal is dead: strangers wait, and nothing gets out.
    for host in HOSTS {
        assert!(get(client.namespace(), host).is_err());
    }
    fails_closed(&hotspot);
    std::thread::sleep(Duration::from_millis(100));
    let from_client = |frame: &accounting_tests::lab::Frame| {
        let bytes = &frame.data;
        // TCP to port 80 of whatever family.
        match bytes.get(12..14) {
            Some([0x08, 0x00]) => bytes.get(23) == Some(&6) && bytes.get(36..38) == Some(&[0, 80]),
            Some([0x86, 0xdd]) => bytes.get(20) == Some(&6) && bytes.get(56..58) == Some(&[0, 80]),
            _ => false,
        }
    };
    assert_eq!(out.lost(), 0);
    assert_eq!(out.frames().iter().filter(|frame| from_client(frame)).count(), 0);
}

/// One source port, two servers: rewriting addresses would lose one of the connections.
fn same_port_to_two_hosts(space: &Namespace) {
    for hosts in [
        [HOSTS[0], IpAddr::from(OTHER_IP4)],
        [HOSTS[1], IpAddr::from(OTHER_IP6)],
    ] {
        let dial = |host: IpAddr| {
            let any: SocketAddr = if host.is_ipv4() {
                ([0, 0, 0, 0], 41_000).into()
            } else {
                ([0u16; 8], 41_000).into()
            };
            let open = || {
                let domain = socket2::Domain::for_address(any);
                let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
                socket.set_reuse_address(true)?;
                socket.bind(&any.into())?;
                socket.connect_timeout(&SocketAddr::new(host, WEB).into(), SHORT)?;
                Ok(TcpStream::from(socket))
            };
            space.enter(open).unwrap()
        };
        let [one, two] = hosts.map(dial);
        assert_eq!(
            (ask(two).unwrap(), ask(one).unwrap()),
            ("portal".into(), "portal".into())
        );
    }
}

/// Under SYN cookies the SYN is not kept: the neighbour table says who asks.
fn syn_cookies(gateway: &Namespace, client: &Client, portal: &Portal, asker: Option<&Asker>) {
    gateway.sysctl(&[("ipv4/tcp_syncookies", "2")]).unwrap();
    for host in HOSTS {
        assert_eq!(get(client.namespace(), host).unwrap(), "portal", "{host}");
        assert_eq!(portal.seen().pop().unwrap().0.as_ref(), asker, "{host}");
    }
    gateway.sysctl(&[("ipv4/tcp_syncookies", "1")]).unwrap();
}

/// XDP alone lets nothing of the web out.
fn fails_closed(hotspot: &Hotspot) {
    let daemon = hotspot.daemon();
    let gateway = hotspot.lab.gateway();
    let _portal = Portal::start(gateway, status(gateway, LAN, None));
    let layout = accounting_daemon::gate::directory(daemon.pins());
    std::fs::remove_file(layout.join(format!("{LAN}-ingress"))).unwrap();
    gone(hotspot.client(1));
    gone(hotspot.client(2));
}

/// Waits until the portal does not answer any more; after that it never may.
fn gone(client: &Client) {
    let is_gone = || Ok(get(client.namespace(), HOSTS[0]).is_err().then_some(()));
    clock::wait_for("the end of the tc program", SOON, is_gone).unwrap();
    for host in HOSTS {
        assert!(get(client.namespace(), host).is_err(), "{host}");
        // Its addresses are still right.
        assert!(address(client, host).is_ok());
    }
}

#[test]
fn a_session_that_opens_midway_is_for_the_next_connection() {
    needs_root!();
    let hotspot = up("");
    let (gateway, client) = (hotspot.lab.gateway(), hotspot.client(1));
    let space = client.namespace();
    // The daemon may have a portal of its own.
    let _portal = Portal::try_start(gateway, status(gateway, LAN, None));
    let token = hotspot.token(60, &json!({})).unwrap();
    let under_way = HOSTS.map(|host| connect(space, host, WEB).unwrap());
    for (stream, host) in under_way.iter().zip(HOSTS) {
        let mut stream = stream;
        stream
            .write_all(b"GET /hotspot-detect.html HTTP/1.1\r\n")
            .unwrap();
        assert_ne!(get(space, host).unwrap(), "internet", "{host}");
    }
    hotspot.admit(client, &token).unwrap();
    for (mut stream, host) in under_way.into_iter().zip(HOSTS) {
        assert_eq!(get(space, host).unwrap(), "internet", "{host}");
        stream
            .write_all(b"Host: example.org\r\nConnection: close\r\n\r\n")
            .unwrap();
        assert_ne!(body(stream).unwrap(), "internet", "{host}");
    }
    // A connection to the server itself does not outlive the session, and is told so.
    let through = HOSTS.map(|host| connect(space, host, WEB).unwrap());
    assert_eq!(hotspot.release(client).unwrap().status, 204);
    for (stream, host) in through.into_iter().zip(HOSTS) {
        let error = ask(stream).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{host}");
        assert_ne!(get(space, host).unwrap(), "internet", "{host}");
    }
    rules_come_back(&hotspot);
}

/// Whoever flushes the rules of routing does not open or close the redirect for long.
fn rules_come_back(hotspot: &Hotspot) {
    let (gateway, space) = (hotspot.lab.gateway(), hotspot.client(1).namespace());
    for family in ["-4", "-6"] {
        for command in ["rule del table 2764", "route flush table 2764"] {
            let words = command.split(' ');
            let done = gateway.command("ip").arg(family).args(words).status().unwrap();
            assert!(done.success(), "{family} {command}");
            let host = HOSTS[usize::from(family == "-6")];
            clock::wait_for(command, SOON, || {
                Ok(get(space, host)
                    .is_ok_and(|body| body != "internet")
                    .then_some(()))
            })
            .unwrap();
        }
    }
}

/// The gateway's firewall drops all it was not told of; what the gate has marked it must be told of.
#[test]
fn a_firewall_that_accepts_the_mark_does_not_disturb() {
    needs_root!();
    let hotspot = up("");
    let (gateway, space) = (hotspot.lab.gateway(), hotspot.client(1).namespace());
    let _portal = Portal::try_start(gateway, status(gateway, LAN, None));
    let rules = |more: &str| {
        let mut nft = gateway.command("nft");
        let table = format!(
            "table inet strict\ndelete table inet strict\n\
             table inet strict {{\nchain input {{\ntype filter hook input priority filter; policy drop;\n\
             iifname \"lo\" accept\n{more}\nmeta l4proto ipv6-icmp accept\nmeta l4proto {{ udp }} accept\n}}\n}}\n"
        );
        accounting_tests::lab::run_with(nft.args(["-f", "-"]), &table).unwrap();
    };
    rules("");
    for host in HOSTS {
        assert!(get(space, host).is_err(), "{host}");
    }
    rules(&format!("meta mark {REDIRECT_MARK:#x} accept"));
    for host in HOSTS {
        assert_ne!(get(space, host).unwrap(), "internet", "{host}");
    }
}
