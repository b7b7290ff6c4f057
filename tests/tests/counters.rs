//! What the programs count for admitted devices, to the byte, and what counts as activity.
#![expect(clippy::unwrap_used, reason = "in a test a failed step is a failed test")]

use accounting_ebpf::layout::{Counters, FOREVER, Port, TOKEN_FIRST};
use accounting_ebpf::verdict::Verdict;
use accounting_tests::gate::{FORWARDED, OWN, enter, expect, gate, now};
use accounting_tests::kernel::Program::{Egress, Ingress, Xdp, XdpLinear};
use accounting_tests::kernel::{Kernel, Skb};
use accounting_tests::packet::Packet;
use accounting_tests::{needs_root, world};

fn admitted(port: Port) -> Kernel {
    let mut kernel = gate(port).unwrap();
    kernel.deadline(TOKEN_FIRST, FOREVER).unwrap();
    enter(&mut kernel, TOKEN_FIRST, FOREVER).unwrap();
    kernel
}

fn web(family: &world::Family) -> Packet {
    Packet::tcp((family.device, 4000), (family.foreign, 80))
        .from(world::DEVICE)
        .to(world::GATEWAY)
}

#[test]
fn the_uplink_is_counted_by_xdp() {
    needs_root!();
    for program in [Xdp, XdpLinear] {
        let (mut kernel, mut bytes) = (admitted(world::port()), 0);
        for family in world::FAMILIES {
            let packet = web(&family);
            expect(&mut kernel, program, &packet, OWN, Verdict::Session).unwrap();
            bytes += packet.bytes().len() as u64;
        }
        let counted = kernel.counters(3).unwrap();
        assert_eq!((counted.up_bytes, counted.up_packets), (bytes, 2));
        assert_eq!(
            (counted.down_bytes, counted.down_packets, counted.down_seen),
            (0, 0, 0)
        );
        assert!(counted.up_seen <= now().unwrap() && counted.up_seen > now().unwrap() - 1_000_000_000);
        for slot in (0..8).filter(|slot| *slot != 3) {
            assert_eq!(kernel.counters(slot).unwrap(), Counters::default(), "slot {slot}");
        }
    }
}

#[test]
fn frames_larger_than_a_page_are_counted_whole() {
    needs_root!();
    let mut kernel = admitted(world::port());
    let (v4, payload) = (world::V4, vec![0; 9_000]);
    let packet = Packet::ip(v4.device, v4.foreign, 6, &payload)
        .from(world::DEVICE)
        .to(world::GATEWAY);
    expect(&mut kernel, Xdp, &packet, OWN, Verdict::Session).unwrap();
    assert_eq!(kernel.counters(3).unwrap().up_bytes, 9_034);
}

#[test]
fn the_downlink_is_counted_as_it_goes_over_the_wire() {
    needs_root!();
    let mut kernel = admitted(world::port());
    for (number, family) in (1..).zip(world::FAMILIES) {
        let packet = Packet::tcp((family.foreign, 80), (family.device, 4000))
            .from(world::GATEWAY)
            .to(world::DEVICE);
        let before = kernel.counters(3).unwrap();
        let skb = Skb {
            wire_len: 10_000,
            gso_segs: 7,
            ..FORWARDED
        };
        expect(&mut kernel, Egress, &packet, skb, Verdict::Session).unwrap();
        expect(&mut kernel, Egress, &packet, FORWARDED, Verdict::Session).unwrap();
        let after = kernel.counters(3).unwrap();
        assert_eq!(
            after.down_bytes - before.down_bytes,
            10_000 + packet.bytes().len() as u64
        );
        assert_eq!(after.down_packets, 8 * number);
        assert_eq!((after.up_bytes, after.up_packets, after.up_seen), (0, 0, 0));
        assert!(after.down_seen > 0);
    }
}

#[test]
fn what_is_dropped_is_not_counted() {
    needs_root!();
    let mut kernel = admitted(world::port());
    kernel.deadline(TOKEN_FIRST, now().unwrap()).unwrap();
    let packet = Packet::tcp((world::V4.device, 4000), (world::V4.foreign, 443))
        .from(world::DEVICE)
        .to(world::GATEWAY);
    expect(&mut kernel, Xdp, &packet, OWN, Verdict::Expired).unwrap();
    // To the portal instead.
    expect(&mut kernel, Xdp, &web(&world::V4), OWN, Verdict::Redirect).unwrap();
    assert_eq!(kernel.counters(3).unwrap(), Counters::default());
}

#[test]
fn in_generic_mode_the_uplink_is_counted_by_tc() {
    needs_root!();
    for family in world::FAMILIES {
        let mut kernel = admitted(Port {
            uplink_in_tc: 1,
            ..world::port()
        });
        let packet = web(&family);
        expect(&mut kernel, Xdp, &packet, OWN, Verdict::Session).unwrap();
        assert_eq!(kernel.counters(3).unwrap(), Counters::default());
        expect(&mut kernel, Ingress, &packet, FORWARDED, Verdict::Session).unwrap();
        let length = packet.bytes().len() as u64;
        let one = kernel.counters(3).unwrap();
        assert_eq!((one.up_bytes, one.up_packets), (length, 1));
        assert!(one.up_seen > 0);
        // A packet without payload is all headers: nine segments repeat them eight times.
        expect(
            &mut kernel,
            Ingress,
            &packet,
            Skb {
                gso_segs: 9,
                ..FORWARDED
            },
            Verdict::Session,
        )
        .unwrap();
        let ten = kernel.counters(3).unwrap();
        assert_eq!(
            (ten.up_bytes, ten.up_packets),
            (10 * length, 10),
            "{}",
            family.name
        );
        expect(
            &mut kernel,
            Ingress,
            &packet.from(world::OTHER),
            FORWARDED,
            Verdict::Checked,
        )
        .unwrap();
    }
}

/// "Activity means frames that the gateway forwarded for the device. ARP, DNS to the gateway and the portal are not."
#[test]
fn chatter_with_the_gateway_is_counted_but_is_no_activity() {
    needs_root!();
    for family in world::FAMILIES {
        let from = |packet: Packet| packet.from(world::DEVICE).to(world::GATEWAY);
        let echo = if family.device.is_ipv4() { 8 } else { 128 };
        let rows = [
            (
                "DNS",
                from(Packet::udp((family.device, 9), (family.own, 53))),
                false,
            ),
            (
                "portal",
                from(Packet::tcp((family.device, 9), (family.own, 443))),
                false,
            ),
            ("echo", from(Packet::icmp(family.device, family.own, echo)), false),
            ("ARP", from(Packet::arp(1)), false),
            ("multicast", web(&family).to([1, 0, 0x5e, 0, 0, 1]), false),
            (
                "DNS elsewhere",
                from(Packet::udp((family.device, 9), (family.resolver, 53))),
                true,
            ),
            (
                "echo elsewhere",
                from(Packet::icmp(family.device, family.foreign, echo)),
                true,
            ),
            (
                "TLS elsewhere",
                from(Packet::tcp((family.device, 9), (family.foreign, 443))),
                true,
            ),
            (
                "a fragment",
                from(Packet::udp((family.device, 9), (family.foreign, 9)).fragment(3)),
                true,
            ),
        ];
        for (what, packet, active) in rows {
            let mut kernel = admitted(world::port());
            expect(&mut kernel, Xdp, &packet, OWN, Verdict::Session).unwrap();
            let counted = kernel.counters(3).unwrap();
            assert_eq!(counted.up_packets, 1, "{}: {what}", family.name);
            assert_eq!(counted.up_seen != 0, active, "{}: {what}", family.name);
        }
        let mut kernel = admitted(world::port());
        let down = Packet::udp((family.own, 53), (family.device, 9))
            .from(world::GATEWAY)
            .to(world::DEVICE);
        expect(&mut kernel, Egress, &down, OWN, Verdict::Session).unwrap();
        let counted = kernel.counters(3).unwrap();
        assert_eq!((counted.down_packets, counted.down_seen), (1, 0));
    }
}
