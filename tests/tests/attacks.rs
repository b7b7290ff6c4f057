//! What people try who want to pass without paying, or to spoil it for others.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::net::IpAddr;
use std::time::Duration;

use accounting_tests::checksum;
use accounting_tests::clock;
use accounting_tests::hotspot::{HOSTS, Hotspot, online};
use accounting_tests::lab::site::{INTERNET_IP4, ISP, LAN_IP4, LAN_IP6, LAN_MAC, WLAN};
use accounting_tests::lab::{Capture, Filter, INTERNET_NAME, Injector, Nonce, Process};
use accounting_tests::needs_root;
use accounting_tests::packet::Packet;
use rustix::process::Signal;
use serde_json::json;

#[test]
fn nothing_is_to_be_had_for_free() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    one_seat_for_many(&hotspot);
    one_device_with_many_codes(&hotspot);
    empty_and_early(&hotspot);
    source_routes(&hotspot);
    a_daemon_that_sleeps(&hotspot);
    a_flood_of_strangers(&hotspot);
    let log = hotspot.daemon().log();
    println!("{log}");
    assert!(
        !log.contains("02:ac") && !log.contains("02:AC"),
        "a MAC address is in the log"
    );
}

/// Statuses of redemptions that are all under way at once.
fn race(hotspot: &Hotspot, redemptions: Vec<(String, String)>) -> Vec<u16> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = redemptions
            .into_iter()
            .map(|(code, mac)| scope.spawn(move || hotspot.redeem_for(&code, &mac).unwrap().status))
            .collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn one_seat_for_many(hotspot: &Hotspot) {
    for seats in [1, 3] {
        let token = hotspot.token(60, &json!({"UserLimit": seats})).unwrap();
        let all = (0..24).map(|number| {
            (
                token.code.clone(),
                format!("02:00:00:00:{seats:02x}:{number:02x}"),
            )
        });
        let statuses = race(hotspot, all.collect());
        let of = |status| statuses.iter().filter(|one| **one == status).count();
        assert_eq!((of(200), of(409)), (seats, 24 - seats), "{statuses:?}");
    }
    let open = hotspot.metric("accounting_sessions_open").unwrap();
    assert_eq!(open, 4.0);
}

fn one_device_with_many_codes(hotspot: &Hotspot) {
    let client = hotspot.client(1);
    let tokens: Vec<_> = (0..8).map(|_| hotspot.token(60, &json!({})).unwrap()).collect();
    let twice = tokens
        .iter()
        .chain(&tokens)
        .map(|token| (token.code.clone(), client.mac_text()));
    // All are good, each one moves the device: those that were overtaken may be told so.
    let statuses = race(hotspot, twice.collect());
    println!("one device, sixteen redemptions of eight codes at once: {statuses:?}");
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 503)) && statuses.contains(&200),
        "{statuses:?}"
    );
    assert_eq!(hotspot.metric("accounting_sessions_open").unwrap(), 5.0);
    assert_eq!(online(client).unwrap(), Some(true));
    assert_eq!(hotspot.release(client).unwrap().status, 204);
    assert_eq!(online(client).unwrap(), Some(false));
    let mut left: Vec<u64> = Vec::new();
    for token in &tokens {
        left.push(hotspot.record(token).unwrap()["MinutesLeft"].as_u64().unwrap());
    }
    assert_eq!(left, [60; 8]);
}

fn empty_and_early(hotspot: &Hotspot) {
    let mac = hotspot.client(1).mac_text();
    for (token, status, kind) in [
        (hotspot.token(0, &json!({})).unwrap(), 410, "depleted"),
        (
            hotspot.token(9, &json!({"MinutesLeft": 0})).unwrap(),
            410,
            "depleted",
        ),
        (
            hotspot
                .token(9, &json!({"ValidFrom": "2200-01-01T00:00:00Z"}))
                .unwrap(),
            409,
            "not-yet-valid",
        ),
        (
            hotspot
                .token(9, &json!({"ValidTo": "2001-01-01T00:00:00Z"}))
                .unwrap(),
            410,
            "expired",
        ),
    ] {
        let answer = hotspot.redeem_for(&token.code, &mac).unwrap();
        let kind = json!(format!("urn:accounting:{kind}"));
        assert_eq!((answer.status, &answer.json().unwrap()["type"]), (status, &kind));
    }
    assert_eq!(online(hotspot.client(1)).unwrap(), Some(false));
}

/// A question to the gateway's DNS that asks the gateway's IP to pass it on.
fn source_routes(hotspot: &Hotspot) {
    let client = hotspot.client(1);
    let witness = Capture::start(hotspot.lab.internet(), ISP, Filter::All).unwrap();
    let injector = Injector::open(client.namespace(), WLAN).unwrap();
    let nonce = Nonce::draw().unwrap();
    let me: IpAddr = client.ip4().unwrap().into();
    for kind in [131, 137] {
        let mut frame = Packet::udp((me, 4_000), (LAN_IP4.into(), 53))
            .options(2)
            .from(client.mac())
            .to(LAN_MAC)
            .bytes();
        frame[34..38].copy_from_slice(&[kind, 7, 4, INTERNET_IP4.octets()[0]]);
        frame[38..42].copy_from_slice(&[
            INTERNET_IP4.octets()[1],
            INTERNET_IP4.octets()[2],
            INTERNET_IP4.octets()[3],
            0,
        ]);
        let length = u16::from_be_bytes([frame[16], frame[17]]) + 16;
        frame[16..18].copy_from_slice(&length.to_be_bytes());
        let sum = checksum::sum(&frame[14..42]);
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
        frame.extend(nonce.as_bytes());
        injector.send(&frame).unwrap();
    }
    // By IPv6 with a routing header through the gateway.
    let me: IpAddr = client.ip6().unwrap().into();
    let routing = [
        vec![17, 2, 4, 1, 0, 0, 0, 0],
        INTERNET_IP6_BYTES.to_vec(),
        vec![15, 160, 0, 53, 0, 8, 0, 0],
        nonce.as_bytes().to_vec(),
    ];
    let packet = Packet::ip(me, LAN_IP6.into(), 43, &routing.concat())
        .from(client.mac())
        .to(LAN_MAC);
    injector.send(&packet.bytes()).unwrap();
    assert!(client.resolve(INTERNET_NAME).is_ok());
    std::thread::sleep(Duration::from_millis(50));
    assert!(!witness.saw(&nonce));
}

const INTERNET_IP6_BYTES: [u8; 16] = accounting_tests::lab::site::INTERNET_IP6.octets();

/// Stopped in the middle, the daemon neither books nor answers; the kernel cuts all the same.
fn a_daemon_that_sleeps(hotspot: &Hotspot) {
    let client = hotspot.client(1);
    let token = hotspot.token(1, &json!({"UserLimit": 40})).unwrap();
    hotspot.admit(client, &token).unwrap();
    let flow = hotspot.uplink(client, HOSTS[1], 500).unwrap();
    for number in 0..39 {
        assert_eq!(
            hotspot
                .redeem_for(&token.code, &format!("02:00:00:00:20:{number:02x}"))
                .unwrap()
                .status,
            200
        );
    }
    let daemon = Process::open(hotspot.daemon().pid().unwrap()).unwrap();
    daemon.signal(Signal::STOP).unwrap();
    clock::sleep_until(clock::monotonic() + Duration::from_secs(2));
    let seen = flow.arrived().unwrap().len();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(flow.arrived().unwrap().len(), seen, "packets pass after the end");
    daemon.signal(Signal::CONT).unwrap();
    assert_eq!(online(client).unwrap(), Some(false));
    assert_eq!(hotspot.record(&token).unwrap()["MinutesLeft"], 0);
}

/// Random MAC addresses with frames of the pass table: people who are online do not notice.
fn a_flood_of_strangers(hotspot: &Hotspot) {
    let (paid, attacker) = (hotspot.client(1), hotspot.client(2));
    hotspot
        .admit(paid, &hotspot.token(60, &json!({})).unwrap())
        .unwrap();
    let injector = Injector::open(attacker.namespace(), WLAN).unwrap();
    let flow = hotspot.uplink(paid, HOSTS[1], 200).unwrap();
    let me: IpAddr = attacker.ip4().unwrap().into();
    let mut refused = 0_u32;
    for number in 0..60_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        let packet = Packet::udp((me, 4_000), (LAN_IP4.into(), 53))
            .from([2, 0xbb, 0, a, b, c])
            .to(LAN_MAC);
        refused += u32::from(injector.send(&packet.bytes()).is_err());
    }
    println!("{refused} of 60,000 frames were not taken");
    std::thread::sleep(Duration::from_millis(200));
    let lost = flow.gaps().unwrap().len();
    println!(
        "{lost} of {} packets of the one who paid were lost",
        flow.flow.sent()
    );
    assert_eq!(online(paid).unwrap(), Some(true));
    assert!(
        hotspot
            .metric("accounting_frames_total{hook=\"xdp_ingress\",verdict=\"budget\"}")
            .unwrap()
            > 0.0
    );
}
