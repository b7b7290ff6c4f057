//! The captive redirect, there and back.

use accounting_ebpf::verdict::Verdict;
use accounting_tests::gate::{FORWARDED, OWN, PORTAL, expect, expect_bytes, gate};
use accounting_tests::kernel::Program::{Egress, Ingress, Xdp, XdpLinear};
use accounting_tests::kernel::Skb;
use accounting_tests::packet::Packet;
use accounting_tests::{needs_root, world};

/// Where redirected frames wait for tc ingress.
const DEAD: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 0x01];

#[test]
fn what_waits_for_the_portal_leads_nowhere() {
    needs_root!();
    let mut kernel = gate(world::port()).unwrap();
    for family in world::FAMILIES {
        let web = Packet::tcp((family.device, 4000), (family.foreign, 80))
            .from(world::DEVICE)
            .to(world::GATEWAY)
            .bytes();
        for program in [Xdp, XdpLinear] {
            let (action, frame) = kernel.change(program, &web).unwrap();
            assert_eq!((action, &frame[..6]), (2, &DEAD[..]), "{}", family.name);
            assert_eq!(frame[6..], web[6..]);
        }
        // Nobody listens here: without a portal it ends at tc.
        let dead = [&DEAD[..], &web[6..]].concat();
        expect_bytes(&mut kernel, Ingress, &dead, FORWARDED, Verdict::Stranger).unwrap();
    }
    // What came by that address without having been redirected is no connection to a web server.
    let other = Packet::arp(1).from(world::DEVICE).to(DEAD);
    expect(&mut kernel, Ingress, &other, FORWARDED, Verdict::Malformed).unwrap();
}

#[test]
fn the_portal_answers_in_the_name_of_web_servers_and_of_nobody_else() {
    needs_root!();
    let mut kernel = gate(world::port()).unwrap();
    for family in world::FAMILIES {
        let from = |source, port| {
            Packet::tcp((source, port), (family.device, 4000))
                .from(world::GATEWAY)
                .to(world::DEVICE)
        };
        let marked = Skb {
            ingress_ifindex: 9,
            ..PORTAL
        };
        for (packet, skb, verdict) in [
            (from(family.foreign, 80), PORTAL, Verdict::Redirect),
            (from(family.foreign, 80), OWN, Verdict::Stranger),
            (from(family.foreign, 80), FORWARDED, Verdict::Stranger),
            (from(family.foreign, 80), marked, Verdict::Stranger),
            (from(family.foreign, 443), PORTAL, Verdict::Stranger),
            (from(family.own, 80), PORTAL, Verdict::Stranger),
            (
                Packet::udp((family.foreign, 80), (family.device, 4000))
                    .from(world::GATEWAY)
                    .to(world::DEVICE),
                PORTAL,
                Verdict::Stranger,
            ),
        ] {
            expect(&mut kernel, Egress, &packet, skb, verdict)
                .unwrap_or_else(|error| panic!("{}: {error:#}", family.name));
        }
    }
}
