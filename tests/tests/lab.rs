//! The lab itself: addresses, names, both internets, isolation, witnesses.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use accounting_tests::lab::site::{INTERNET_IP4, INTERNET_IP6, ISP, LAN, LAN_IP6, OTHER_IP6, WAN_IP4, WLAN};
use accounting_tests::lab::{
    Capture, Client, DISCARD_PORT, Download, ECHO_PORT, Filter, Flow, HTTP_PORTS, INTERNET_NAME, Injector,
    Lab, Nonce, Options, Pace, Request,
};
use accounting_tests::{clock, needs_root};

const SOON: Duration = Duration::from_secs(5);

fn up() -> Lab {
    Lab::up(&Options::default()).unwrap()
}

/// The internet's host, in both families.
const HOSTS: [IpAddr; 2] = [IpAddr::V4(INTERNET_IP4), IpAddr::V6(INTERNET_IP6)];

fn source_for(client: &Client, host: IpAddr) -> IpAddr {
    if host.is_ipv4() {
        client.ip4().unwrap().into()
    } else {
        client.ip6().unwrap().into()
    }
}

#[test]
fn two_labs_are_up_at_once_and_do_not_hear_each_other() {
    needs_root!();
    let (one, two) = (up(), up());
    assert_ne!(one.id(), two.id());
    let nonce = Nonce::draw().unwrap();
    let here = Capture::start(one.internet(), ISP, Filter::Nonce(nonce)).unwrap();
    let there = Capture::start(two.internet(), ISP, Filter::Nonce(nonce)).unwrap();
    for host in HOSTS {
        let answer = one
            .get(one.client(1).unwrap(), (host, 80), &format!("/?{nonce}"))
            .unwrap();
        assert!(answer.text().contains(&nonce.to_string()));
    }
    here.wait_for(&nonce, SOON).unwrap();
    assert_eq!(there.count(), 0);
}

#[test]
fn clients_get_addresses_and_reach_both_internets() {
    needs_root!();
    let lab = Lab::with_clients(3).unwrap();
    let addresses: BTreeSet<_> = lab.clients().iter().map(|client| client.ip4().unwrap()).collect();
    assert_eq!(addresses.len(), 3);
    for client in lab.clients() {
        assert_eq!(client.ip4().unwrap().octets()[..3], [10, 77, 0]);
        assert_eq!(client.ip6().unwrap().segments()[..4], [0x2001, 0xdb8, 0x77, 0]);
        for host in HOSTS {
            for port in HTTP_PORTS {
                let answer = lab.get(client, (host, port), "/?hello").unwrap();
                assert_eq!((answer.status, answer.text().as_str()), (200, "internet hello\n"));
            }
            let socket = client
                .namespace()
                .enter(|| {
                    let socket = UdpSocket::bind((source_for(client, host), 0))?;
                    socket.connect((host, ECHO_PORT))?;
                    Ok(socket)
                })
                .unwrap();
            socket.set_read_timeout(Some(SOON)).unwrap();
            socket.send(b"marco").unwrap();
            let mut echoed = [0; 16];
            let length = socket.recv(&mut echoed).unwrap();
            assert_eq!(&echoed[..length], b"marco");
        }
        assert_eq!(lab.get(client, (OTHER_IP6, 80), "/").unwrap().status, 200);
    }
    let bytes = lab
        .get(lab.client(1).unwrap(), (INTERNET_IP6, 8080), "/bytes/3000000")
        .unwrap();
    assert_eq!(bytes.body.len(), 3_000_000);
}

#[test]
fn clients_are_isolated_from_each_other() {
    needs_root!();
    let lab = up();
    let (one, two) = (lab.client(1).unwrap(), lab.client(2).unwrap());
    let nonce = Nonce::draw().unwrap();
    let victim = Capture::start(two.namespace(), WLAN, Filter::Nonce(nonce)).unwrap();
    let gateway = Capture::start(lab.gateway(), LAN, Filter::Nonce(nonce)).unwrap();
    let mut frame = [&two.mac()[..], &one.mac()[..], &[0x88, 0xb5], nonce.as_bytes()].concat();
    frame.resize(60, 0);
    let injector = Injector::open(one.namespace(), WLAN).unwrap();
    injector.send(&frame).unwrap();
    frame[..6].copy_from_slice(&[0xff; 6]);
    injector.send(&frame).unwrap();
    gateway.wait_for(&nonce, SOON).unwrap();
    assert_eq!(victim.count(), 0);
}

#[test]
fn names_resolve_at_the_gateway() {
    needs_root!();
    let lab = Lab::with_clients(1).unwrap();
    let client = lab.client(1).unwrap();
    assert_eq!(client.resolve(INTERNET_NAME).unwrap(), HOSTS);
    assert_eq!(client.resolve("nobody.lab").unwrap(), Vec::<IpAddr>::new());
    assert_eq!(client.name_servers6().unwrap(), [LAN_IP6]);
}

#[test]
fn a_client_leaves_and_comes_again() {
    needs_root!();
    let lab = Lab::up(&Options {
        clients: 1,
        connect: false,
        ..Options::default()
    })
    .unwrap();
    let client = lab.client(1).unwrap();
    assert!(client.addresses().is_err());
    let given = client.connect().unwrap();
    client.disconnect().unwrap();
    assert!(client.addresses().is_err());
    let server = SocketAddr::new(INTERNET_IP4.into(), 80);
    let request = Request::new(client.namespace(), server, "GET", "/").limit(Duration::from_millis(300));
    assert!(request.send().is_err());
    assert_eq!(client.connect().unwrap(), given);
    assert_eq!(lab.get(client, server, "/").unwrap().status, 200);
}

#[test]
fn flows_are_witnessed_both_ways_on_time() {
    needs_root!();
    let lab = Lab::with_clients(1).unwrap();
    let client = lab.client(1).unwrap();
    for host in HOSTS {
        let source = source_for(client, host);
        let (up, down) = (Nonce::draw().unwrap(), Nonce::draw().unwrap());
        let internet = Capture::start(lab.internet(), ISP, Filter::Nonce(up)).unwrap();
        let wlan = Capture::start(client.namespace(), WLAN, Filter::Nonce(down)).unwrap();
        let pace = Pace {
            count: 200,
            ..Pace::steady(up)
        };
        let flow = Flow::start(client.namespace(), source, (host, DISCARD_PORT).into(), pace).unwrap();
        let pace = Pace {
            count: 200,
            ..Pace::steady(down)
        };
        let download = Download::start(client.namespace(), source, host, pace).unwrap();
        let all = |capture: &Capture, nonce| {
            let numbers: Vec<u64> = capture
                .sightings(nonce)
                .iter()
                .map(|one| one.stamp.number)
                .collect();
            (numbers.len() >= 200).then_some(numbers)
        };
        let seen = clock::wait_for("the flow", SOON, || Ok(all(&internet, &up))).unwrap();
        assert_eq!(seen, (0..200).collect::<Vec<_>>());
        let seen = clock::wait_for("the download", SOON, || Ok(all(&wlan, &down))).unwrap();
        assert_eq!(seen, (0..200).collect::<Vec<_>>());
        assert_eq!(flow.stop(), 200);
        assert_eq!((internet.lost(), wlan.lost()), (0, 0));
        for one in internet.sightings(&up) {
            // The same clock at both ends.
            assert!(
                one.stamp.sent_at < one.at && one.at < one.stamp.sent_at + SOON,
                "{one:?}"
            );
        }
        let frame = internet.last(&up).unwrap();
        assert!(!frame.outgoing);
        // IPv4 is translated, IPv6 is not.
        match host {
            IpAddr::V4(_) => assert_eq!(frame.data[26..30], WAN_IP4.octets()),
            IpAddr::V6(_) => assert_eq!(frame.data[22..38], client.ip6().unwrap().octets()),
        }
        drop(download);
    }
}

#[test]
fn a_flow_out_of_range_is_refused() {
    needs_root!();
    let lab = Lab::with_clients(1).unwrap();
    let client = lab.client(1).unwrap();
    let nonce = Nonce::draw().unwrap();
    for pace in [
        Pace {
            rate: 0,
            ..Pace::steady(nonce)
        },
        Pace {
            size: 31,
            ..Pace::steady(nonce)
        },
    ] {
        let flow = Flow::start(
            client.namespace(),
            client.ip4().unwrap().into(),
            (HOSTS[0], DISCARD_PORT).into(),
            pace,
        );
        assert!(flow.is_err(), "{pace:?}");
    }
}

#[test]
fn a_capture_ends_while_traffic_goes_on() {
    needs_root!();
    let lab = Lab::with_clients(1).unwrap();
    let client = lab.client(1).unwrap();
    let nonce = Nonce::draw().unwrap();
    let witness = Capture::start(client.namespace(), WLAN, Filter::Nonce(nonce)).unwrap();
    let source = client.ip4().unwrap().into();
    let pace = Pace {
        count: 5_000,
        ..Pace::steady(nonce)
    };
    let flow = Flow::start(client.namespace(), source, (HOSTS[0], DISCARD_PORT).into(), pace).unwrap();
    witness.wait_for(&nonce, SOON).unwrap();
    let seen = witness.stop().len();
    assert!(
        seen < 4_000 && flow.sent() < 4_000,
        "{seen} frames until it ended"
    );
}
