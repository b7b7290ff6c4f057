//! Before anybody redeems a code: each row of the pass table on real wires, and a wrong twin of each, in both families.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod rows;

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::Duration;

use accounting_tests::hotspot::{HOSTS, Hotspot, address, online, reaches};
use accounting_tests::lab::site::{
    INTERNET_IP4, INTERNET_IP6, ISP, LAN, LAN_IP4, LAN_IP6, LAN_MAC, OTHER_IP4, OTHER_IP6, WLAN,
};
use accounting_tests::lab::{
    Capture, Filter, INTERNET_NAME, Injector, Nonce, Options, PORTAL_PORT, Request, resolve,
};
use accounting_tests::needs_root;
use accounting_tests::packet::Packet;

use rows::{Row, raw_rows, rows, rows4, rows6};

const SOON: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(400);

const BROADCAST: [u8; 6] = [0xff; 6];

/// Where redirected frames wait for tc ingress.
const DEAD: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 0x01];

/// Client 3 is on the bypass list, client 4 on the block list.
fn up() -> Hotspot {
    Hotspot::up(Options {
        clients: 4,
        gate: format!(
            "resolvers = [\"{OTHER_IP4}\", \"{OTHER_IP6}\"]\n\
             bypass = [\"02:ac:c0:00:00:03\"]\n\
             block = [\"02:ac:c0:00:00:04\"]"
        ),
        config: format!(
            "[gate.strangers]\npackets_per_second = 1000\nburst = 2000\n\
             [[gate.garden]]\nprefix = \"{OTHER_IP4}/32\"\nports = [8080]\n\
             [[gate.garden]]\nprefix = \"{OTHER_IP6}/128\"\nports = [8080]\n"
        ),
        connect: false,
        ..Options::default()
    })
    .unwrap()
}

/// Sends each row from the client and tells what did not go as it should. The witness stands behind XDP; tc ingress is
/// watched by the tests of the programs, for a frame it drops was seen already.
fn play(hotspot: &Hotspot, rows: Vec<Row>, tagged: bool) -> Vec<String> {
    let client = hotspot.client(1);
    let witness = Capture::start(hotspot.lab.gateway(), LAN, Filter::All).unwrap();
    let injector = Injector::open(client.namespace(), WLAN).unwrap();
    let mut sent = Vec::new();
    let send = |packet: &Packet| {
        let nonce = Nonce::draw().unwrap();
        let mut frame = packet.bytes();
        // Behind the packet's own end, where padding is.
        frame.extend(nonce.as_bytes());
        injector.send(&frame).unwrap();
        nonce
    };
    for (name, packet, passes) in rows {
        let packet = packet.from(client.mac());
        let packet = if packet.bytes()[..6] == [0; 6] {
            packet.to(LAN_MAC)
        } else {
            packet
        };
        let frame = packet.bytes();
        let is_tagged = matches!(frame[12..14], [0x81, 0x00] | [0x88, 0xa8]);
        if is_tagged == tagged {
            sent.push((name, send(&packet), passes));
        }
    }
    // What was sent before this has arrived before this, or never will.
    let last = send(&Packet::arp(1).from(client.mac()).to(LAN_MAC));
    witness.wait_for(&last, SOON).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(witness.lost(), 0);
    // What waits for the portal passes XDP under an address that leads nowhere; other tests see what becomes of it.
    let passed = |nonce: &Nonce| {
        let seen = witness.last(nonce);
        seen.is_some_and(|frame| frame.data[..6] != DEAD)
    };
    sent.into_iter()
        .filter(|(_, nonce, passes)| passed(nonce) != *passes)
        .map(|(name, _, passes)| format!("{name}: {}", if passes { "did not pass" } else { "passed" }))
        .collect()
}

#[test]
fn strangers_find_the_pass_table_and_nothing_else() {
    needs_root!();
    let hotspot = up();
    // Addresses come by ARP, DHCP, router solicitation and advertisement: through the gate.
    for number in [1, 2, 3] {
        hotspot.client(number).connect().unwrap();
    }
    every_row(&hotspot);
    real_services(&hotspot);
    nothing_from_the_internet(&hotspot);
    lists(&hotspot);
}

fn every_row(hotspot: &Hotspot) {
    let client = hotspot.client(1);
    let (ip4, ip6) = (client.ip4().unwrap(), client.ip6().unwrap());
    let v4 = || rows(ip4.into(), LAN_IP4.into(), INTERNET_IP4.into(), OTHER_IP4.into());
    let v6 = || rows(ip6.into(), LAN_IP6.into(), INTERNET_IP6.into(), OTHER_IP6.into());
    let wrong = [
        play(hotspot, raw_rows(), false),
        play(hotspot, v4(), false),
        play(hotspot, rows4(ip4), false),
        play(hotspot, v6(), false),
        play(hotspot, rows6(ip6), false),
        play(hotspot, v4(), true),
        play(hotspot, v6(), true),
    ];
    assert_eq!(wrong.concat(), Vec::<String>::new());
    // A single tag is taken off before XDP: the witness sees the frame, tc drops it.
    let dropped = || hotspot.metric("accounting_frames_total{hook=\"tc_ingress\",verdict=\"vlan\"}");
    let before = dropped().unwrap();
    let tagged = |packet: Packet| vec![("a tag of a VLAN", packet.tag(0x8100, 7), true)];
    let dns = |me: IpAddr, own: IpAddr| tagged(Packet::udp((me, 40_000), (own, 53)));
    play(hotspot, dns(ip4.into(), LAN_IP4.into()), true);
    play(hotspot, dns(ip6.into(), LAN_IP6.into()), true);
    assert_eq!(dropped().unwrap(), before + 2.0);
}

/// Real questions with real answers, so that downlink and uplink are both seen.
fn real_services(hotspot: &Hotspot) {
    let client = hotspot.client(1);
    let space = client.namespace();
    for own in [IpAddr::from(LAN_IP4), LAN_IP6.into()] {
        assert_eq!(resolve(space, own, INTERNET_NAME).unwrap(), HOSTS);
    }
    assert!(client.name_servers6().is_ok());
    assert!(client.ask_for_lease().is_ok());
    let web = |host: IpAddr, port: u16| {
        let request = Request::new(space, (host, port).into(), "GET", "/");
        let answer = request.limit(SHORT).send();
        answer.is_ok_and(|answer| answer.text().starts_with("internet"))
    };
    for other in [IpAddr::from(OTHER_IP4), OTHER_IP6.into()] {
        assert!(web(other, 8080), "the garden at {other} is closed");
        assert!(!web(other, 80), "{other} is open beside the garden's port");
        assert!(!reaches(client, other).unwrap());
    }
    assert_eq!(online(client).unwrap(), Some(false));
    for own in [IpAddr::from(LAN_IP4), LAN_IP6.into()] {
        let listen = |port: u16| {
            let open = || Ok(TcpListener::bind((own, port))?);
            hotspot.lab.gateway().enter(open).unwrap()
        };
        // The portal's own listener may have the port already.
        let _portal = hotspot
            .lab
            .gateway()
            .enter(|| Ok(TcpListener::bind((own, PORTAL_PORT)).ok()));
        let _beside = listen(PORTAL_PORT + 1);
        let connects = |port: u16| {
            let dial = || Ok(std::net::TcpStream::connect_timeout(&(own, port).into(), SHORT).is_ok());
            space.enter(dial).unwrap()
        };
        assert!(connects(PORTAL_PORT), "no portal at {own}");
        assert!(!connects(PORTAL_PORT + 1));
    }
}

/// What comes from the internet to a stranger's address ends at the gate, also when it looks like an answer.
fn nothing_from_the_internet(hotspot: &Hotspot) {
    let client = hotspot.client(1);
    let net = hotspot.lab.internet();
    net.ip("route add 10.77.0.0/24 via 198.51.100.2\n").unwrap();
    let before = Capture::start(net, ISP, Filter::All).unwrap();
    let witness = Capture::start(client.namespace(), WLAN, Filter::All).unwrap();
    let mut sent = Vec::new();
    for host in HOSTS {
        // As from a name server, a time server, a DHCP server, a portal and from nobody.
        for source in [53, 123, 67, 547, PORTAL_PORT, 5_000] {
            let nonce = Nonce::draw().unwrap();
            let open = || Ok(std::net::UdpSocket::bind((host, source))?);
            // The internet's name server has port 53.
            let socket = match net.enter(open) {
                Ok(socket) => socket,
                Err(_) => net.enter(|| Ok(std::net::UdpSocket::bind((host, 0))?)).unwrap(),
            };
            for port in [68, 546, 40_000] {
                socket
                    .send_to(nonce.as_bytes(), (address(client, host).unwrap(), port))
                    .unwrap();
            }
            sent.push(nonce);
        }
    }
    assert!(sent.iter().all(|nonce| before.wait_for(nonce, SOON).is_ok()));
    // An answer of the gateway after them: all is through that comes through.
    assert!(client.resolve(INTERNET_NAME).is_ok());
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(sent.iter().filter(|nonce| witness.saw(nonce)).count(), 0);
    assert_eq!((before.lost(), witness.lost()), (0, 0));
    net.ip("route del 10.77.0.0/24 via 198.51.100.2\n").unwrap();
}

fn lists(hotspot: &Hotspot) {
    assert_eq!(online(hotspot.client(3)).unwrap(), Some(true), "bypass");
    // The blocked one does not even get an address.
    let (blocked, other) = (hotspot.client(4), hotspot.client(1));
    let up = format!("link set {WLAN} up\n");
    blocked.namespace().ip(&up).unwrap();
    let witness = Capture::start(hotspot.lab.gateway(), LAN, Filter::All).unwrap();
    let from_it = Injector::open(blocked.namespace(), WLAN).unwrap();
    let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let discovery = Packet::udp((nobody, 68), (Ipv4Addr::BROADCAST.into(), 67)).to(BROADCAST);
    for packet in [Packet::arp(1).to(BROADCAST), discovery] {
        from_it.send(&packet.from(blocked.mac()).bytes()).unwrap();
    }
    assert!(other.resolve(INTERNET_NAME).is_ok());
    std::thread::sleep(Duration::from_millis(50));
    let frames = witness.stop();
    let of = |mac: [u8; 6]| {
        frames
            .iter()
            .filter(|frame| frame.data.get(6..12) == Some(&mac[..]))
            .count()
    };
    assert_eq!((of(blocked.mac()), of(other.mac()) > 0), (0, true));
    let token = hotspot.token(60, &serde_json::json!({})).unwrap();
    let answer = hotspot.redeem_for(&token.code, &blocked.mac_text()).unwrap();
    assert_eq!(answer.status, 403, "{}", answer.text());
    let record = hotspot.record(&token).unwrap();
    assert_eq!(record["MinutesLeft"], 60, "nothing is charged for a refusal");
}
