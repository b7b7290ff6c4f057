//! A device without a session sends whatever frames can be thought of, also in the name of others; none of them gets out.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::time::Duration;

use accounting_tests::chance::Chance;
use accounting_tests::checksum;
use accounting_tests::hotspot::{HOSTS, Hotspot, address, online};
use accounting_tests::lab::site::{ISP, LAN_MAC, WLAN};
use accounting_tests::lab::{Capture, Client, Filter, Injector, Nonce};
use accounting_tests::needs_root;
use accounting_tests::packet::Packet;
use serde_json::json;

/// Changed frames of each kind.
const CHANGES: u32 = 150;

/// Where frames go, and of what kind.
fn bases(client: &Client, nonce: &Nonce) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for host in HOSTS {
        let me = address(client, host).unwrap();
        let packets = [
            Packet::udp((me, 4_000), (host, 9)),
            Packet::udp((me, 4_000), (host, 53)),
            Packet::udp((me, 68), (host, 67)),
            Packet::tcp((me, 4_000), (host, 443)),
            Packet::tcp((me, 4_000), (host, 8_880)),
            Packet::icmp(me, host, if host.is_ipv4() { 8 } else { 128 }),
            Packet::ip(me, host, 47, &[0; 8]),
        ];
        for packet in packets {
            let kinds = [
                packet.clone(),
                packet.clone().fragment(0),
                packet.clone().fragment(64),
                packet.clone().options(3),
                packet.clone().hop_by_hop(1),
                packet.clone().tag(0x8100, 0),
                packet.clone().tag(0x88a8, 0).tag(0x8100, 0),
                packet.tag(0x8100, 5),
            ];
            let framed = |packet: Packet| packet.from(client.mac()).to(LAN_MAC).bytes();
            frames.extend(kinds.into_iter().map(framed));
        }
    }
    for frame in &mut frames {
        extend(frame, nonce);
    }
    frames
}

/// Puts the nonce behind what is there, and makes the length in the IP header say so.
fn extend(frame: &mut Vec<u8>, nonce: &Nonce) {
    let mut header = 12;
    while frame[header] != 0x08 && frame[header..header + 2] != [0x86, 0xdd] {
        header += 4;
    }
    header += 2;
    let more = u16::try_from(nonce.as_bytes().len()).unwrap();
    let add = |bytes: &mut [u8]| {
        let length = u16::from_be_bytes([bytes[0], bytes[1]]) + more;
        bytes.copy_from_slice(&length.to_be_bytes());
    };
    if frame[header] >> 4 == 4 {
        add(&mut frame[header + 2..header + 4]);
        frame[header + 10..header + 12].fill(0);
        let words = usize::from(frame[header] & 0x0f) * 4;
        let sum = checksum::sum(&frame[header..header + words]);
        frame[header + 10..header + 12].copy_from_slice(&sum.to_be_bytes());
    } else {
        add(&mut frame[header + 4..header + 6]);
    }
    frame.extend(nonce.as_bytes());
}

fn below(chance: &mut Chance, end: usize) -> usize {
    usize::try_from(chance.below(end as u64)).unwrap()
}

/// Changes some bytes of the headers, to bytes that mean something or to any; sometimes the length.
fn change(frame: &[u8], paid: [u8; 6], chance: &mut Chance) -> Vec<u8> {
    const TELLING: [u8; 16] = [0, 1, 4, 6, 17, 41, 43, 44, 45, 47, 58, 60, 0x45, 0x60, 0x81, 0xff];
    let mut frame = frame.to_vec();
    let headers = frame.len().min(80);
    for _ in 0..=below(chance, 3) {
        let at = below(chance, headers);
        frame[at] = match below(chance, 3) {
            0 => u8::try_from(below(chance, 256)).unwrap(),
            1 => frame[at] ^ 1 << below(chance, 8),
            _ => TELLING[below(chance, TELLING.len())],
        };
    }
    if below(chance, 16) == 0 {
        frame.truncate(15 + below(chance, frame.len() - 15));
    }
    // Who has paid is somebody else.
    if frame[6..12] == paid {
        frame[11] ^= 0x80;
    }
    frame
}

#[test]
fn whatever_a_stranger_sends_stays_inside() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    let (paid, stranger) = (hotspot.client(1), hotspot.client(2));
    let token = hotspot.token(60, &json!({})).unwrap();
    hotspot.admit(paid, &token).unwrap();
    let witness = Capture::start(hotspot.lab.internet(), ISP, Filter::All).unwrap();
    let pause = || std::thread::sleep(Duration::from_millis(50));

    // The same frames of one who has paid get out: most kinds of them, so that the rest means something.
    let injector = Injector::open(paid.namespace(), WLAN).unwrap();
    let passed = Nonce::draw().unwrap();
    for frame in bases(paid, &passed) {
        injector.send(&frame).unwrap();
    }
    pause();
    let seen = witness
        .frames()
        .iter()
        .filter(|frame| passed.find(&frame.data).is_some())
        .count();
    println!("{seen} frames of the one who has paid got out");
    assert!(seen >= 40, "only {seen} frames of the one who has paid got out");

    let injector = Injector::open(stranger.namespace(), WLAN).unwrap();
    let nonce = Nonce::draw().unwrap();
    let mut chance = Chance::new(7);
    let (mut sent, mut refused) = (0_u32, 0_u32);
    let mut send = |frame: &[u8]| {
        let counter = if injector.send(frame).is_ok() {
            &mut sent
        } else {
            &mut refused
        };
        *counter += 1;
    };
    let bases = bases(stranger, &nonce);
    for base in &bases {
        // In the name of nobody, of everybody, of the gateway, and of itself to other ears.
        for source in [[0; 6], [0xff; 6], LAN_MAC, [1, 0, 0x5e, 0, 0, 1]] {
            let mut frame = base.clone();
            frame[6..12].copy_from_slice(&source);
            send(&frame);
        }
        for destination in [[0xff; 6], [0x33, 0x33, 0, 0, 0, 1], paid.mac(), [0; 6]] {
            let mut frame = base.clone();
            frame[..6].copy_from_slice(&destination);
            send(&frame);
        }
        for _ in 0..CHANGES {
            send(&change(base, paid.mac(), &mut chance));
        }
        send(base);
    }
    pause();
    println!("{sent} frames sent, {refused} not taken by the stranger's own kernel");
    assert!(sent > 10_000);
    assert_eq!(witness.lost(), 0);
    let out: Vec<_> = witness.frames();
    let out = out.iter().find(|frame| nonce.find(&frame.data).is_some());
    assert!(out.is_none(), "it got out: {out:02x?}");
    assert_eq!(
        (online(paid).unwrap(), online(stranger).unwrap()),
        (Some(true), Some(false))
    );
}
