//! Reading frames: whatever the bytes, nothing is read beyond them; whatever the headers, the ports are found.

use accounting_ebpf::frame::{Error, Ethernet, Packet as Read, Payload, Protocol, Tags};
use accounting_ebpf::layout::Key;
use accounting_ebpf::plain::Plain;
use accounting_ebpf::policy::Origin;
use accounting_ebpf::verdict::Verdict;
use accounting_ebpf::window::Window;
use accounting_ebpf::{activity, address::Mac, policy, tags};
use accounting_tests::model::Model;
use accounting_tests::packet::Packet;
use accounting_tests::{table, world};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<Payload, Error> {
    let window = Window::new(bytes);
    Payload::read(Tags::read(
        Ethernet::read(window)?,
        window.skip(Ethernet::LENGTH),
    )?)
}

fn packet(bytes: &[u8]) -> Read {
    match read(bytes) {
        Ok(Payload::Ip(packet)) => packet,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mac_is_the_key_of_the_layout() {
    for mac in [world::DEVICE, world::BROADCAST, [1, 2, 3, 4, 5, 6]] {
        assert_eq!(Mac::new(mac).key(0x1234), Key::new(mac, 0x1234).word());
    }
    let bytes = Packet::arp(1)
        .from([1, 2, 3, 4, 5, 6])
        .to(world::BROADCAST)
        .bytes();
    let ethernet = Ethernet::read(Window::new(&bytes)).unwrap();
    assert_eq!(ethernet.source, Mac::new([1, 2, 3, 4, 5, 6]));
    assert!(ethernet.destination.is_group());
}

#[test]
fn a_truncated_header_is_short() {
    for row in table::uplink().into_iter().filter(|row| row.verdict.passes()) {
        let bytes = row.packet.bytes();
        // All of the last header that is read: UDP's payload of 4 bytes and ICMP's message need not be there.
        let needed = match read(&bytes).unwrap() {
            Payload::Arp | Payload::Eapol => bytes.len(),
            Payload::Ip(packet) if matches!(packet.transport.protocol, Protocol::Icmp | Protocol::Icmpv6) => {
                usize::from(packet.headers) + 8
            }
            Payload::Ip(packet) => usize::from(packet.headers),
        };
        for length in 0..bytes.len() {
            let result = read(&bytes[..length]);
            assert_eq!(
                result == Err(Error::Short),
                length < needed,
                "{} cut to {length}: {result:?}",
                row.what
            );
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_are_read_within_bounds(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        judge(&bytes);
    }

    #[test]
    fn damaged_frames_are_read_within_bounds(
        row in 0..table::uplink().len(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = table::uplink()[row].packet.bytes();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(length.index(bytes.len() + 1));
        judge(&bytes);
    }

    #[test]
    fn ports_are_found_behind_all_that_may_precede_them(
        (source, destination) in any::<(u16, u16)>(),
        service_tag in any::<bool>(),
        tag in any::<bool>(),
        options in 0..=10_u8,
        hop_by_hop in proptest::option::of(any::<u8>()),
        fragment in any::<bool>(),
        tcp in any::<bool>(),
    ) {
        for family in world::FAMILIES {
            let make = if tcp { Packet::tcp } else { Packet::udp };
            let mut packet = make((family.device, source), (family.foreign, destination));
            if service_tag {
                packet = packet.tag(0x88a8, 0);
            }
            if tag {
                packet = packet.tag(0x8100, 0);
            }
            packet = packet.options(options);
            if let Some(units) = hop_by_hop {
                packet = packet.hop_by_hop(units);
            }
            if fragment {
                packet = packet.fragment(0);
            }
            let bytes = packet.bytes();
            let read = self::packet(&bytes);
            prop_assert_eq!(read.transport.source, source);
            prop_assert_eq!(read.transport.destination, destination);
            prop_assert_eq!(read.transport.protocol, if tcp { Protocol::Tcp } else { Protocol::Udp });
            prop_assert_eq!(read.source.is_v4(), family.device.is_ipv4());
            prop_assert_eq!(usize::from(read.headers) + if tcp { 0 } else { 4 }, bytes.len());
        }
    }
}

/// The short cut reads what the long way reads.
fn plain_agrees(bytes: &[u8]) {
    let window = Window::new(bytes);
    let Ok(ethernet) = Ethernet::read(window) else {
        return;
    };
    if let Some(plain) = Plain::read(ethernet, window) {
        let full = packet(bytes);
        let read = (
            full.transport.protocol,
            full.destination,
            full.transport.destination,
        );
        assert_eq!((plain.protocol, plain.destination, plain.port), read);
    }
}

#[test]
fn plain_frames_take_the_short_cut() {
    for family in world::FAMILIES {
        for make in [Packet::udp, Packet::tcp] {
            let plain = make((family.device, 1), (family.foreign, 2));
            for (packet, expected) in [
                (plain.clone(), true),
                (plain.clone().tag(0x8100, 0), false),
                (plain.fragment(1), false),
            ] {
                let bytes = packet.bytes();
                let window = Window::new(&bytes);
                let taken = Plain::read(Ethernet::read(window).unwrap(), window).is_some();
                assert_eq!(taken, expected, "{packet:?}");
                plain_agrees(&bytes);
            }
        }
    }
}

/// Everything that reads frames; a read out of bounds would be seen by a sanitizer, a wrong offset by a panic.
fn judge(bytes: &[u8]) {
    plain_agrees(bytes);
    let window = Window::new(bytes);
    let Ok(ethernet) = Ethernet::read(window) else {
        return assert!(bytes.len() < 14);
    };
    let (port, model) = (world::port(), Model::default());
    let rest = window.skip(Ethernet::LENGTH);
    let _ = tags::foreign(None, ethernet, rest);
    let _ = tags::repeated(ethernet, rest);
    let _ = activity::uplink(ethernet, window, &port, &model);
    let verdict = policy::uplink(Verdict::Stranger, ethernet, window, &port, &model);
    assert!(!verdict.admits());
    for origin in [Origin::Forwarded, Origin::Gateway, Origin::Portal] {
        assert!(!policy::downlink(Verdict::Stranger, ethernet, window, &port, origin, &model).admits());
    }
}
