//! The policy on the host: the tables of `accounting_tests::table`, who stands how, and activity.
#![expect(clippy::unwrap_used, reason = "in a test a failed step is a failed test")]

use accounting_ebpf::frame::Ethernet;
use accounting_ebpf::layout::{FOREVER, Port, TOKEN_BLOCKED, TOKEN_BYPASS, TOKEN_FIRST};
use accounting_ebpf::policy::Origin;
use accounting_ebpf::verdict::Verdict;
use accounting_ebpf::window::Window;
use accounting_ebpf::{activity, policy, tags};
use accounting_tests::model::Model;
use accounting_tests::packet::Packet;
use accounting_tests::{table, world};

fn up(standing: Verdict, packet: &Packet, port: &Port, model: &Model) -> Verdict {
    let bytes = packet.bytes();
    let window = Window::new(&bytes);
    policy::uplink(standing, Ethernet::read(window).unwrap(), window, port, model)
}

fn down(standing: Verdict, packet: &Packet, forwarded: bool) -> Verdict {
    let bytes = packet.bytes();
    let window = Window::new(&bytes);
    let ethernet = Ethernet::read(window).unwrap();
    if ethernet.destination.is_group() {
        return policy::multicast(forwarded);
    }
    policy::downlink(
        standing,
        ethernet,
        window,
        &world::port(),
        if forwarded {
            Origin::Forwarded
        } else {
            Origin::Gateway
        },
        &Model::default(),
    )
}

#[test]
fn the_table_decides_about_strangers() {
    for row in table::uplink() {
        let verdict = up(Verdict::Stranger, &row.packet, &world::port(), &Model::default());
        assert_eq!(verdict, row.verdict, "up, {}", row.what);
    }
    for (forwarded, row) in table::downlink() {
        assert_eq!(
            down(Verdict::Stranger, &row.packet, forwarded),
            row.verdict,
            "down, {}",
            row.what
        );
    }
}

#[test]
fn an_expired_device_is_a_stranger_by_another_name() {
    let renamed = |verdict| {
        if verdict == Verdict::Stranger {
            Verdict::Expired
        } else {
            verdict
        }
    };
    for row in table::uplink() {
        let verdict = up(Verdict::Expired, &row.packet, &world::port(), &Model::default());
        assert_eq!(verdict, renamed(row.verdict), "up, {}", row.what);
    }
    for (forwarded, row) in table::downlink() {
        assert_eq!(
            down(Verdict::Expired, &row.packet, forwarded),
            renamed(row.verdict),
            "down, {}",
            row.what
        );
    }
}

#[test]
fn who_is_judged_already_is_not_read() {
    for standing in [Verdict::Session, Verdict::Bypass, Verdict::Blocked] {
        for row in table::uplink() {
            let model = Model::default();
            assert_eq!(
                up(standing, &row.packet, &world::port(), &model),
                standing,
                "up, {}",
                row.what
            );
            assert_eq!(model.lookups.get(), 0, "{}", row.what);
        }
    }
}

#[test]
fn a_session_makes_nobody_a_router() {
    let mut rogues = 0;
    for row in table::uplink() {
        let bytes = row.packet.bytes();
        let window = Window::new(&bytes);
        let Ok(ethernet) = Ethernet::read(window) else {
            continue;
        };
        let is_rogue = |standing| policy::is_rogue(standing, ethernet, window, &world::port());
        let expected = row.verdict == Verdict::Rogue && row.to_others();
        assert_eq!(is_rogue(Verdict::Session), expected, "{}", row.what);
        assert!(!is_rogue(Verdict::Bypass), "the operator trusts it: {}", row.what);
        rogues += u32::from(expected);
    }
    assert!(rogues >= 5, "{rogues}");
}

/// "And one per device (session_timeout); the earlier wins."
#[test]
fn the_earlier_deadline_ends_a_session() {
    let rows = [
        (TOKEN_FIRST, 101, FOREVER, Verdict::Session),
        (TOKEN_FIRST, 100, FOREVER, Verdict::Expired),
        (TOKEN_FIRST, FOREVER, 101, Verdict::Session),
        (TOKEN_FIRST, FOREVER, 100, Verdict::Expired),
        (TOKEN_FIRST, 0, 0, Verdict::Expired),
        (TOKEN_BYPASS, FOREVER, FOREVER, Verdict::Bypass),
        (TOKEN_BYPASS, FOREVER, 100, Verdict::Expired),
        (TOKEN_BLOCKED, FOREVER, FOREVER, Verdict::Blocked),
        (TOKEN_BLOCKED, 0, 0, Verdict::Blocked),
    ];
    for (token, token_deadline, device_deadline, verdict) in rows {
        assert_eq!(
            policy::standing(token, token_deadline, device_deadline, 100),
            verdict
        );
    }
}

/// "Activity means frames that the gateway forwarded for the device. ARP, DNS to the gateway and the portal are not."
#[test]
fn activity_is_what_the_gateway_must_forward() {
    let port = world::port();
    for family in world::FAMILIES {
        let udp = |to, at| Packet::udp((family.device, 4000), (to, at));
        let tcp = |to, at| Packet::tcp((family.device, 4000), (to, at));
        let echo = if family.device.is_ipv4() { 8 } else { 128 };
        let rows = [
            ("web", tcp(family.foreign, 80), true, 0),
            ("TLS elsewhere", tcp(family.foreign, 443), true, 1),
            ("QUIC", udp(family.foreign, 443), true, 0),
            ("DNS elsewhere", udp(family.foreign, 53), true, 1),
            ("DNS to a resolver elsewhere", udp(family.resolver, 53), true, 1),
            (
                "echo elsewhere",
                Packet::icmp(family.device, family.foreign, echo),
                true,
                1,
            ),
            ("SSH to the gateway", tcp(family.own, 22), true, 0),
            ("a fragment", udp(family.foreign, 4500).fragment(9), true, 0),
            (
                "ESP",
                Packet::ip(family.device, family.foreign, 50, &[0; 40]),
                true,
                0,
            ),
            ("DNS to the gateway", udp(family.own, 53), false, 1),
            ("DNS to the gateway by TCP", tcp(family.own, 53), false, 1),
            (
                "DHCP",
                udp(family.own, if family.device.is_ipv4() { 67 } else { 547 }),
                false,
                1,
            ),
            ("NTP", udp(family.own, 123), false, 1),
            ("portal", tcp(family.own_too, 2050), false, 1),
            (
                "echo to the gateway",
                Packet::icmp(family.device, family.own, echo),
                false,
                1,
            ),
            (
                "to a group",
                tcp(family.foreign, 80).to([0x33, 0x33, 0, 0, 0, 1]),
                false,
                0,
            ),
        ];
        for (what, packet, active, lookups) in rows {
            let (bytes, model) = (packet.bytes(), Model::default());
            let window = Window::new(&bytes);
            let seen = activity::uplink(Ethernet::read(window).unwrap(), window, &port, &model);
            assert_eq!(
                (seen, model.lookups.get()),
                (active, lookups),
                "{}: {what}",
                family.name
            );
        }
    }
    for packet in [
        Packet::arp(1),
        Packet::eapol(),
        Packet::raw(0x88cc, &[0; 46]),
        Packet::icmp(world::V6.device, world::V6.foreign, 135),
        Packet::icmp(world::V6.device, world::V6.foreign, 143),
    ] {
        let bytes = packet.to(world::GATEWAY).bytes();
        let window = Window::new(&bytes);
        assert!(!activity::uplink(
            Ethernet::read(window).unwrap(),
            window,
            &port,
            &Model::default()
        ));
    }
}

#[test]
fn tags_of_vlans_are_foreign() {
    let dns = || Packet::udp((world::V4.device, 4000), (world::V4.own, 53));
    let rows = [
        (None, dns(), false),
        (Some((0x8100, 0)), dns(), false),
        (Some((0x8100, 0xe000)), dns(), false),
        (Some((0x8100, 5)), dns(), true),
        (Some((0x88a8, 5)), dns(), true),
        (Some((0x88a8, 0)), dns().tag(0x8100, 0), false),
        (Some((0x88a8, 0)), dns().tag(0x8100, 5), true),
        (None, dns().tag(0x88a8, 0).tag(0x8100, 5), true),
        (Some((0x88a8, 0)), dns().tag(0x8100, 0).tag(0x8100, 5), true),
        // One of each kind, in this order.
        (Some((0x8100, 0)), dns().tag(0x8100, 0), true),
        (Some((0x88a8, 0)), dns().tag(0x88a8, 0), true),
        (Some((0x8100, 0)), dns().tag(0x88a8, 0), true),
    ];
    for (taken, packet, foreign) in rows {
        let taken = taken.map(|(kind, tci)| tags::Taken { kind, tci });
        assert_eq!(
            split(&packet.bytes(), |ethernet, rest| tags::foreign(
                taken, ethernet, rest
            )),
            foreign,
            "{taken:?} {packet:?}"
        );
    }
}

#[test]
fn segments_repeat_their_headers() {
    let (v4, v6) = (world::V4, world::V6);
    let rows = [
        (Packet::tcp((v4.device, 1), (v4.foreign, 2)), 54),
        (Packet::tcp((v4.device, 1), (v4.foreign, 2)).options(3), 66),
        (Packet::udp((v4.device, 1), (v4.foreign, 2)), 42),
        (Packet::tcp((v6.device, 1), (v6.foreign, 2)), 74),
        (
            Packet::udp((v6.device, 1), (v6.foreign, 2))
                .hop_by_hop(0)
                .tag(0x8100, 0),
            74,
        ),
        (Packet::arp(1), 0),
    ];
    for (packet, headers) in rows {
        assert_eq!(split(&packet.bytes(), tags::repeated), headers, "{packet:?}");
    }
}

fn split<T>(frame: &[u8], judge: impl FnOnce(Ethernet, Window<'_>) -> T) -> T {
    let window = Window::new(frame);
    judge(Ethernet::read(window).unwrap(), window.skip(Ethernet::LENGTH))
}
