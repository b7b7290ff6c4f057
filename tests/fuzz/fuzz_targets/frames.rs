//! The decision about a frame, both ways; a second reader of frames says what a frame is that a stranger gets through.

#![no_main]

use std::net::IpAddr;

use accounting_ebpf::{
    frame::{Ethernet, Payload, Tags},
    layout::{Port, address},
    plain::Plain,
    policy::{self, Origin},
    refusal::{self, Refusal},
    verdict::Verdict,
    window::Window,
};
use accounting_tests::{checksum, model::Model, world};
use etherparse::{EtherType, IpNumber, LaxNetSlice, LaxSlicedPacket, NetSlice, SlicedPacket, TransportSlice};

libfuzzer_sys::fuzz_target!(|frame: &[u8]| frames(frame));

fn frames(frame: &[u8]) {
    let window = Window::new(frame);
    let Ok(ethernet) = Ethernet::read(window) else {
        assert!(frame.len() < Ethernet::LENGTH);
        return;
    };
    short_cut(ethernet, window);
    let model = Model::default();
    let port = world::port();
    for standing in [Verdict::Session, Verdict::Bypass, Verdict::Blocked] {
        assert_eq!(
            policy::uplink(standing, ethernet, window, &port, &model),
            standing
        );
    }
    let verdict = policy::uplink(Verdict::Stranger, ethernet, window, &port, &model);
    assert!(!verdict.admits());
    if verdict.passes() {
        let read = LaxSlicedPacket::from_ethernet(frame);
        assert!(
            read.as_ref().is_ok_and(|read| is(verdict, read)),
            "a stranger gets through as {verdict:?} with {read:?}"
        );
    }
    // Who may be told is, and nothing else changes.
    let told = policy::uplink(
        Verdict::Stranger,
        ethernet,
        window,
        &Port { refuse: 1, ..port },
        &model,
    );
    let refusal = Refusal::to(ethernet, window);
    assert!(told == verdict || (told, verdict) == (Verdict::Refused, Verdict::Stranger) && refusal.is_some());
    let spent = Port {
        budget_cost: 1,
        ..port
    };
    let beyond = policy::uplink(Verdict::Stranger, ethernet, window, &spent, &model);
    assert!(
        !beyond.passes() || beyond == Verdict::Garden,
        "{beyond:?} is beyond the budget"
    );
    for origin in [Origin::Forwarded, Origin::Gateway, Origin::Portal] {
        let verdict = policy::downlink(Verdict::Stranger, ethernet, window, &port, origin, &model);
        assert!(!verdict.admits());
        let own = [
            Verdict::Arp,
            Verdict::Eapol,
            Verdict::Dhcp,
            Verdict::Neighbour,
            Verdict::Ntp,
            Verdict::Portal,
        ];
        assert!(
            origin != Origin::Forwarded || !own.contains(&verdict),
            "the gateway is played"
        );
    }
    if let Some(refusal) = refusal {
        refused(frame, ethernet, refusal);
    }
}

/// The short cut reads what the long way reads.
fn short_cut(ethernet: Ethernet, window: Window<'_>) {
    let Some(plain) = Plain::read(ethernet, window) else {
        return;
    };
    let full = Tags::read(ethernet, window.skip(Ethernet::LENGTH)).and_then(Payload::read);
    let same = matches!(full, Ok(Payload::Ip(full))
        if (full.transport.protocol, full.destination, full.transport.destination)
            == (plain.protocol, plain.destination, plain.port));
    assert!(same, "{plain:?} is {full:?}");
}

/// Whether a frame is what it passes as. What the second reader takes for broken is nothing to any host.
fn is(verdict: Verdict, read: &LaxSlicedPacket<'_>) -> bool {
    if read.vlan_ids().iter().any(|id| id.value() != 0) {
        return false;
    }
    if verdict == Verdict::Eapol {
        return read
            .ether_payload()
            .is_some_and(|payload| payload.ether_type == EtherType(0x888e));
    }
    let to = match &read.net {
        Some(LaxNetSlice::Ipv4(packet)) => IpAddr::V4(packet.header().destination_addr()),
        Some(LaxNetSlice::Ipv6(packet)) => IpAddr::V6(packet.header().destination_addr()),
        Some(LaxNetSlice::Arp(_)) => return verdict == Verdict::Arp,
        None => return read.stop_err.is_some(),
    };
    let Some(packet) = read.ip_payload() else {
        return read.stop_err.is_some();
    };
    // A first fragment has its ports, too.
    let Some(&[.., high, low]) = packet.payload.first_chunk::<4>() else {
        return true;
    };
    let at = Some(u16::from_be_bytes([high, low]));
    let (udp, tcp) = match packet.ip_number {
        IpNumber::UDP => (at, None),
        IpNumber::TCP => (None, at),
        // Extension headers that do not fit into their packet.
        number if number != IpNumber::IPV6_ICMP && read.stop_err.is_some() => return true,
        _ => (None, None),
    };
    let any_of = |flags| {
        world::addresses()
            .iter()
            .any(|(known, flag)| *known == to && flag & flags != 0)
    };
    let is_own = any_of(address::OWN);
    match verdict {
        Verdict::Dhcp => matches!(udp, Some(67 | 547)),
        Verdict::Neighbour => packet.ip_number == IpNumber::IPV6_ICMP,
        Verdict::Dns => udp.or(tcp) == Some(53) && any_of(address::OWN | address::RESOLVER),
        Verdict::Ntp => udp == Some(123) && is_own,
        Verdict::Portal => tcp.is_some_and(|port| world::PORTAL.contains(&port)) && is_own,
        Verdict::Redirect => tcp == Some(80) && !is_own,
        Verdict::Garden => {
            let (of, narrow) = match to {
                IpAddr::V4(to) => (
                    [203, 0, 113].as_slice() == &to.octets()[..3],
                    to.octets()[3] >= 128,
                ),
                IpAddr::V6(to) => (to.segments()[..3] == [0x2001, 0xdb8, 5], to.segments()[3] == 1),
            };
            of && (!narrow || udp.or(tcp) == Some(8443))
        }
        _ => false,
    }
}

/// The answer to a refused frame is a packet that hosts take, to whom it came from.
fn refused(frame: &[u8], asked: Ethernet, refusal: Refusal) {
    let answer = match refusal {
        Refusal::Reset4 => frame.first_chunk().map(|frame| {
            let mut answer = *frame;
            refusal::reset4(&mut answer);
            answer.to_vec()
        }),
        Refusal::Reset6 => frame.first_chunk().map(|frame| {
            let mut answer = *frame;
            refusal::reset6(&mut answer);
            answer.to_vec()
        }),
        Refusal::Unreachable4 => frame.get(14..42).map(|quoted| {
            let mut answer = [0; refusal::UNREACHABLE4];
            answer[42..].copy_from_slice(quoted);
            refusal::unreachable4(&mut answer, asked);
            answer.to_vec()
        }),
        Refusal::Unreachable6 => frame.get(14..62).map(|quoted| {
            let mut answer = [0; refusal::UNREACHABLE6];
            answer[62..].copy_from_slice(quoted);
            refusal::unreachable6(&mut answer, asked);
            answer.to_vec()
        }),
    };
    let Some(answer) = answer else {
        panic!("a frame is refused that is too short for {refusal:?}")
    };
    assert_eq!((&answer[..6], &answer[6..12]), (&frame[6..12], &frame[..6]));
    assert!(is_sound(&answer, frame), "{refusal:?} {answer:02x?}");
}

/// Whether lengths and checksums are right, and the addresses those of the frame, turned around.
fn is_sound(answer: &[u8], frame: &[u8]) -> bool {
    let Ok(read) = SlicedPacket::from_ethernet(answer) else {
        return false;
    };
    match (&read.net, &read.transport) {
        (Some(NetSlice::Ipv4(ip)), Some(transport)) => {
            let header = ip.header().to_header();
            let turned =
                [header.source, header.destination].concat() == [&frame[30..34], &frame[26..30]].concat();
            let summed = match transport {
                TransportSlice::Tcp(tcp) => {
                    tcp.to_header().calc_checksum_ipv4(&header, &[]) == Ok(tcp.checksum())
                }
                TransportSlice::Icmpv4(icmp) => checksum::sum(icmp.slice()) == 0,
                _ => false,
            };
            turned && summed && header.calc_header_checksum() == header.header_checksum
        }
        (Some(NetSlice::Ipv6(ip)), Some(transport)) => {
            let header = ip.header().to_header();
            let turned =
                [header.source, header.destination].concat() == [&frame[38..54], &frame[22..38]].concat();
            let summed = match transport {
                TransportSlice::Tcp(tcp) => {
                    tcp.to_header().calc_checksum_ipv6(&header, &[]) == Ok(tcp.checksum())
                }
                TransportSlice::Icmpv6(icmp) => icmp.is_checksum_valid(header.source, header.destination),
                _ => false,
            };
            turned && summed
        }
        _ => false,
    }
}
