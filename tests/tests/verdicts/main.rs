//! The committed programs in this kernel, frame by frame: what the table says of strangers, and who is admitted.

mod cut;
mod portal;

use accounting_ebpf::layout::{FOREVER, Key, Port, TOKEN_BLOCKED, TOKEN_BYPASS, TOKEN_FIRST};
use accounting_ebpf::verdict::Verdict;
use accounting_tests::gate::{FORWARDED, OWN, enter, expect, gate, now};
use accounting_tests::kernel::Kernel;
use accounting_tests::kernel::Program::{Egress, Ingress, Xdp, XdpLinear};
use accounting_tests::packet::Packet;
use accounting_tests::{needs_root, table, world};

const HOUR: u64 = 3_600_000_000_000;

/// Both tables through the programs, with each verdict renamed.
fn tables(kernel: &mut Kernel, renamed: impl Fn(Verdict) -> Verdict) {
    for row in table::uplink() {
        for program in [Xdp, XdpLinear] {
            let verdict = match renamed(row.verdict) {
                // A session does not make its device the others' router.
                Verdict::Session if row.verdict == Verdict::Rogue && row.to_others() => Verdict::Rogue,
                verdict => verdict,
            };
            expect(kernel, program, &row.packet, OWN, verdict)
                .unwrap_or_else(|error| panic!("{}: {error:#}", row.what));
        }
    }
    for (forwarded, row) in table::downlink() {
        let renamed = match row.verdict {
            Verdict::GatewayMulticast | Verdict::ForeignMulticast => row.verdict,
            verdict => renamed(verdict),
        };
        expect(
            kernel,
            Egress,
            &row.packet,
            if forwarded { FORWARDED } else { OWN },
            renamed,
        )
        .unwrap_or_else(|error| panic!("{}, forwarded {forwarded}: {error:#}", row.what));
    }
}

fn expired(verdict: Verdict) -> Verdict {
    if verdict == Verdict::Stranger {
        Verdict::Expired
    } else {
        verdict
    }
}

#[test]
fn strangers_get_what_the_table_says() {
    needs_root!();
    let mut kernel = gate(world::port()).unwrap();
    assert_eq!(kernel.last_rogue().unwrap(), 0);
    tables(&mut kernel, |verdict| verdict);
    assert_eq!(
        kernel.last_rogue().unwrap(),
        Key::new(world::DEVICE, world::ZONE).word()
    );
}

#[test]
fn an_expired_token_makes_a_stranger() {
    needs_root!();
    let mut kernel = gate(world::port()).unwrap();
    enter(&mut kernel, TOKEN_FIRST, FOREVER).unwrap();
    kernel.deadline(TOKEN_FIRST, now().unwrap() - 1).unwrap();
    tables(&mut kernel, expired);
    assert_eq!(kernel.counters(3).unwrap(), Default::default());
}

/// "`session_timeout` (default off) is a hard cap per session, held by the kernel per device."
#[test]
fn an_expired_device_makes_a_stranger() {
    needs_root!();
    let mut kernel = gate(world::port()).unwrap();
    kernel.deadline(TOKEN_FIRST, FOREVER).unwrap();
    enter(&mut kernel, TOKEN_FIRST, now().unwrap() - 1).unwrap();
    tables(&mut kernel, expired);
}

#[test]
fn a_token_that_does_not_exist_admits_nobody() {
    needs_root!();
    let mut kernel = gate(world::port()).unwrap();
    enter(&mut kernel, 1_000_000, FOREVER).unwrap();
    tables(&mut kernel, expired);
}

#[test]
fn a_session_passes_everything_but_what_makes_it_a_router() {
    needs_root!();
    let mut kernel = gate(world::port()).unwrap();
    kernel.deadline(TOKEN_FIRST, now().unwrap() + HOUR).unwrap();
    enter(&mut kernel, TOKEN_FIRST, now().unwrap() + HOUR).unwrap();
    tables(&mut kernel, |_| Verdict::Session);
    assert_eq!(
        kernel.last_rogue().unwrap(),
        Key::new(world::DEVICE, world::ZONE).word()
    );
}

#[test]
fn a_bypassed_device_passes_everything() {
    needs_root!();
    let mut kernel = gate(world::port()).unwrap();
    enter(&mut kernel, TOKEN_BYPASS, FOREVER).unwrap();
    tables(&mut kernel, |_| Verdict::Bypass);
}

#[test]
fn a_blocked_device_passes_nothing() {
    needs_root!();
    let mut kernel = gate(world::port()).unwrap();
    kernel.deadline(TOKEN_BLOCKED, FOREVER).unwrap();
    enter(&mut kernel, TOKEN_BLOCKED, FOREVER).unwrap();
    tables(&mut kernel, |_| Verdict::Blocked);
}

/// "Deleted: sessions are revoked first, in one kernel write."
#[test]
fn one_store_revokes_and_one_restores() {
    needs_root!();
    let mut kernel = gate(world::port()).unwrap();
    enter(&mut kernel, TOKEN_FIRST, FOREVER).unwrap();
    let up = Packet::tcp((world::V4.device, 1), (world::V4.foreign, 8080))
        .from(world::DEVICE)
        .to(world::GATEWAY);
    let down = Packet::tcp((world::V4.foreign, 8080), (world::V4.device, 1))
        .from(world::GATEWAY)
        .to(world::DEVICE);
    for (deadline, verdict) in [
        (FOREVER, Verdict::Session),
        (0, Verdict::Expired),
        (FOREVER, Verdict::Session),
    ] {
        kernel.deadline(TOKEN_FIRST, deadline).unwrap();
        expect(&mut kernel, Xdp, &up, OWN, verdict).unwrap();
        expect(&mut kernel, Egress, &down, FORWARDED, verdict).unwrap();
    }
}

#[test]
fn a_zone_is_a_world_of_its_own() {
    needs_root!();
    let mut kernel = gate(Port {
        zone: world::ZONE + 1,
        ..world::port()
    })
    .unwrap();
    kernel.deadline(TOKEN_FIRST, FOREVER).unwrap();
    enter(&mut kernel, TOKEN_FIRST, FOREVER).unwrap();
    tables(&mut kernel, |verdict| verdict);
    assert_ne!(
        Key::new(world::DEVICE, 7).word(),
        Key::new(world::DEVICE, 8).word()
    );
}

#[test]
fn strangers_have_a_budget() {
    needs_root!();
    let rows = [
        ("device", (HOUR, 3 * HOUR, 0, 0)),
        ("interface", (0, 0, HOUR, 3 * HOUR)),
    ];
    for (what, (budget_cost, budget_burst, interface_cost, interface_burst)) in rows {
        let port = Port {
            budget_cost,
            budget_burst,
            interface_cost,
            interface_burst,
            ..world::port()
        };
        for family in world::FAMILIES {
            let mut kernel = gate(port).unwrap();
            let udp = |to, at| {
                Packet::udp((family.device, 9), (to, at))
                    .from(world::DEVICE)
                    .to(world::GATEWAY)
            };
            let (dns, ntp) = (udp(family.own, 53), udp(family.own, 123));
            let mut check = |packet: &Packet, verdict| {
                expect(&mut kernel, Xdp, packet, OWN, verdict)
                    .unwrap_or_else(|error| panic!("{what}, {}: {error:#}", family.name));
            };
            check(&dns, Verdict::Dns);
            check(&dns, Verdict::Budget);
            check(&ntp, Verdict::Ntp);
            check(&ntp, Verdict::Budget);
            check(
                &Packet::arp(1).from(world::DEVICE).to(world::BROADCAST),
                Verdict::Budget,
            );
            check(&udp(family.open, 443), Verdict::Garden);
            let other = if what == "device" {
                Verdict::Arp
            } else {
                Verdict::Budget
            };
            check(&Packet::arp(1).from(world::OTHER).to(world::BROADCAST), other);
            enter(&mut kernel, TOKEN_BYPASS, FOREVER).unwrap();
            expect(&mut kernel, Xdp, &dns, OWN, Verdict::Bypass).unwrap();
        }
    }
}

#[test]
fn ingress_drops_frames_of_a_vlan() {
    needs_root!();
    let mut kernel = gate(world::port()).unwrap();
    kernel.deadline(TOKEN_FIRST, FOREVER).unwrap();
    enter(&mut kernel, TOKEN_FIRST, FOREVER).unwrap();
    for family in world::FAMILIES {
        let dns = || {
            Packet::udp((family.device, 9), (family.own, 53))
                .from(world::DEVICE)
                .to(world::GATEWAY)
        };
        let rows = [
            (dns(), Verdict::Checked),
            (dns().tag(0x8100, 0), Verdict::Checked),
            (dns().tag(0x88a8, 0).tag(0x8100, 0), Verdict::Checked),
            (dns().tag(0x8100, 5), Verdict::Vlan),
            (dns().tag(0x88a8, 5), Verdict::Vlan),
            (dns().tag(0x88a8, 0).tag(0x8100, 5), Verdict::Vlan),
            (dns().tag(0x8100, 0).tag(0x8100, 0), Verdict::Vlan),
        ];
        for (packet, verdict) in rows {
            expect(&mut kernel, Ingress, &packet, FORWARDED, verdict).unwrap();
        }
    }
    assert_eq!(kernel.counters(3).unwrap(), Default::default());
}

#[test]
fn without_a_garden_nobody_looks_into_its_maps() {
    needs_root!();
    for (garden, verdict) in [(1, Verdict::Garden), (0, Verdict::Stranger)] {
        let port = Port {
            garden,
            ..world::port()
        };
        let mut kernel = gate(port).unwrap();
        let (prefix, ..) = world::gardens()[0];
        let asked = Packet::udp((world::V4.device, 4000), (prefix, 9000)).to(world::GATEWAY);
        expect(&mut kernel, Xdp, &asked.from(world::DEVICE), OWN, verdict).unwrap();
    }
}

#[test]
fn what_is_refused_goes_back() {
    needs_root!();
    let port = Port {
        refuse: 1,
        ..world::port()
    };
    let mut kernel = gate(port).unwrap();
    for family in world::FAMILIES {
        let (reset, unreachable) = if family.device.is_ipv4() {
            (54, 70)
        } else {
            (74, 110)
        };
        let tcp = Packet::tcp((family.device, 4000), (family.foreign, 443));
        let udp = Packet::udp((family.device, 4000), (family.foreign, 443));
        for (packet, length) in [(tcp, reset), (udp, unreachable)] {
            let asked = packet.from(world::DEVICE).to(world::GATEWAY).bytes();
            for padding in [0, 2, 300] {
                let asked = [asked.clone(), vec![0; padding]].concat();
                let before = kernel.stat(accounting_ebpf::verdict::Hook::XdpIngress, Verdict::Refused);
                let (action, answer) = kernel.change(Xdp, &asked).unwrap();
                assert_eq!((action, answer.len()), (3, length), "{} {padding}", family.name);
                assert_eq!(
                    (&answer[..6], &answer[6..12]),
                    (&world::DEVICE[..], &world::GATEWAY[..])
                );
                let after = kernel.stat(accounting_ebpf::verdict::Hook::XdpIngress, Verdict::Refused);
                assert_eq!(after.unwrap(), before.unwrap() + 1);
            }
        }
    }
}
